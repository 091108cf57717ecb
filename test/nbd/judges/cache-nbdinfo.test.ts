/** What nbdinfo finds of a cached file: its size to the byte, and what a cache can do and what it cannot. */

import { describe, expect, it } from "vitest";
import { serve } from "../../support/served.ts";
import { CACHED_BYTES, CACHES, imageOfTest } from "./cached.ts";
import { judge, run, succeed } from "./tools.ts";

const { title, isAbsent } = judge("nbdinfo of a cache", "nbdinfo");

const uriOf = async (args: (folder: string) => readonly string[]): Promise<string> =>
  (await serve((folder) => ["--cache-of", imageOfTest(), ...args(folder)])).uri;

async function infoOf(uri: string): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await succeed("nbdinfo", ["--json", uri])).exports[0];
}

describe.skipIf(isAbsent)(title, () => {
  it.each(CACHES)("$name: durable when told to, zeros but no holes", async ({ cache }) => {
    expect(await infoOf(await uriOf(cache))).toMatchObject({
      "export-name": "",
      "export-size": CACHED_BYTES,
      contexts: [],
      is_read_only: false,
      can_cache: true,
      can_fast_zero: false,
      can_flush: true,
      can_fua: true,
      can_multi_conn: true,
      can_trim: false,
      can_zero: true,
      block_size_minimum: 1,
      block_size_preferred: 4096,
    });
  });

  it("for reading alone: nothing that changes it", async () => {
    expect(await infoOf(await uriOf(() => ["--read-only"]))).toMatchObject({
      "export-size": CACHED_BYTES,
      is_read_only: true,
      can_multi_conn: true,
      can_trim: false,
      can_zero: false,
    });
  });

  it("of a part of the file: that size, and no map of what is a hole", async () => {
    const uri = await uriOf(() => ["--size=1M"]);
    expect(await succeed("nbdinfo", ["--size", uri])).toBe(`${2 ** 20}\n`);
    const { code, stderr } = await run("nbdinfo", ["--map", uri]);
    expect(code).toBe(1);
    expect(stderr).toContain("does not support metadata context");
  });
});
