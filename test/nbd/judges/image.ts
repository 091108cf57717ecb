/** A file with real pages in it and holes between them, for copying into an export and out again. */

import { closeSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { expect } from "vitest";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import { fixtureNames, fixturePages } from "../../support/fixtures.ts";
import { differenceOf } from "../../support/pages.ts";

const MIB = 2 ** 20;
const HOLE_BYTES = 3 * MIB;

export const IMAGE_BYTES = 64 * MIB;

/** Writes the file; gives the pages that are not holes. */
export function writeImage(path: string): number {
  const file = openSync(path, "wx");
  let pages = 0;
  let at = HOLE_BYTES;
  try {
    for (const name of fixtureNames()) {
      const source = fixturePages(name);
      writeSync(file, source, 0, source.length, at);
      pages += source.length / PAGE_BYTES;
      at += source.length + HOLE_BYTES;
    }
    if (at > IMAGE_BYTES) throw new Error(`the fixtures end at ${at}; make IMAGE_BYTES larger`);
    ftruncateSync(file, IMAGE_BYTES);
  } finally {
    closeSync(file);
  }
  return pages;
}

/** Bytes of the disk the file takes; fewer than its size where it has holes. */
export function takenBytes(path: string): number {
  return statSync(path).blocks * 512;
}

export function expectSameFile(found: string, expected: string): void {
  expect(differenceOf(readFileSync(found), readFileSync(expected))).toBe(null);
}
