/** The worked example of docs/traces.md is what a recording gives, and means what the page says. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { samePage } from "../../support/pages.ts";
import { type Operation, recordTrace } from "./operations.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-trace-example-"));
});

afterAll(() => rm(folder, { recursive: true }));

const EXPORTS = [
  { name: "guest", domain: "lab", sizeBytes: 2 ** 20 },
  { name: "b", domain: "", sizeBytes: 2 ** 20 },
];

const request = (kind: Operation["kind"], afterUs: number, offset: number, length: number) => ({
  kind,
  afterUs,
  exportIndex: 0,
  offset,
  length,
});

const OPERATIONS: readonly Operation[] = [
  { ...request("write", 0, 8192, 4096), bytes: samePage(0x04030201, 0x08070605) },
  { ...request("write", 300, 5, 4), bytes: Buffer.from("swap") },
  request("read", 20, 8192, 4096),
  { ...request("discard", 1, 0, 16_384), exportIndex: 1 },
  request("flush", 5, 0, 0),
];

/** As `xxd` shows bytes. */
function dump(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const hex = row.toString("hex").replaceAll(/(....)(?=.)/g, "$1 ");
    const text = row.toString("latin1").replaceAll(/[^ -~]/g, ".");
    lines.push(`    ${at.toString(16).padStart(8, "0")}: ${hex.padEnd(39)}  ${text}`);
  }
  return lines.join("\n");
}

it("docs/traces.md shows the bytes of its example", async () => {
  const path = join(folder, "example");
  await recordTrace(path, OPERATIONS, { exports: EXPORTS });
  const page = await readFile(new URL("../../../docs/traces.md", import.meta.url), "utf8");
  expect(page).toContain(dump(await readFile(path)));
});
