/**
 * Reads the pages under fixtures/. Always holds: what is handed out has the SHA-256 and the number of pages that
 * MANIFEST.json says. The bytes are shared between callers: read them, do not write them.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { PAGE_BYTES } from "../../src/base/units.ts";

interface ManifestEntry {
  readonly file: string;
  readonly pages: number;
  readonly sha256: string;
}

const FILE_SUFFIX = ".pages.gz";
const directory = new URL("../../fixtures/", import.meta.url);

// Unpacking and checking 16 MB takes longer than most tests, so each file is read once per test file.
const unpacked = new Map<string, Uint8Array>();

function manifest(): readonly ManifestEntry[] {
  return JSON.parse(readFileSync(new URL("MANIFEST.json", directory), "utf8"));
}

/** Names of the page files, such as `guest-a-node`. */
export function fixtureNames(): string[] {
  return manifest()
    .filter((entry) => entry.file.endsWith(FILE_SUFFIX))
    .map((entry) => entry.file.slice(0, -FILE_SUFFIX.length));
}

/** All pages of one fixture, one after the other, checked against the manifest. */
export function fixturePages(name: string): Uint8Array {
  const known = unpacked.get(name);
  if (known) return known;
  const file = name + FILE_SUFFIX;
  const entry = manifest().find((candidate) => candidate.file === file);
  if (!entry) {
    throw new Error(`no fixture "${name}"; there are ${fixtureNames().join(", ")}`);
  }
  const pages = new Uint8Array(gunzipSync(readFileSync(new URL(file, directory))));
  const sha256 = createHash("sha256").update(pages).digest("hex");
  if (sha256 !== entry.sha256 || pages.length !== entry.pages * PAGE_BYTES) {
    throw new Error(
      `fixtures/${file} is not what MANIFEST.json says: restore it from version control`,
    );
  }
  unpacked.set(name, pages);
  return pages;
}

/** Every `stride`-th page of a fixture, the first included. */
export function* fixturePageList(name: string, stride = 1): Generator<Uint8Array> {
  const pages = fixturePages(name);
  for (let offset = 0; offset < pages.length; offset += stride * PAGE_BYTES) {
    yield pages.subarray(offset, offset + PAGE_BYTES);
  }
}
