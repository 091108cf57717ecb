/** What libnbd's nbdinfo finds: exports, sizes, flags, block sizes, metadata contexts and their extents. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import { numberedPage, randomPage, samePage } from "../../support/pages.ts";
import { testSeed } from "../../support/seed.ts";
import { type Served, serve, serveForAll } from "../../support/served.ts";
import { judge, run, succeed } from "./tools.ts";

const { title, isAbsent } = judge("nbdinfo", "nbdinfo", "nbdcopy");

const MIB = 2 ** 20;
/** Bits of x-pagefold:state as docs have them. */
const SAME_FILLED = 1;
const HUGE = 2;
const IDLE = 4;
const SHARED = 8;

interface ExportJson {
  readonly "export-name": string;
  readonly "export-size": number;
  readonly contexts: readonly string[];
}

let served: Served;

/** Pages 0 - 15 differ, 16 - 31 are same-filled, 32 - 47 noise, 48 - 63 copies of page 0, and nothing beyond. */
function mixedPages(random: SeededRandom): Buffer {
  const runs = [
    (index: number) => numberedPage(index),
    () => samePage(0x11111111),
    () => randomPage(random),
    () => numberedPage(0),
  ];
  return Buffer.concat(runs.flatMap((page) => Array.from({ length: 16 }, (_, at) => page(at))));
}

/** Runs of pages of one state: first page, how many, state. */
async function mapOf(uri: string, context: string): Promise<number[][]> {
  const extents = JSON.parse(await succeed("nbdinfo", [`--map=${context}`, "--json", uri]));
  return extents.map(({ offset, length, type }: Record<string, number>) => [
    offset! / PAGE_BYTES,
    length! / PAGE_BYTES,
    type!,
  ]);
}

describe.skipIf(isAbsent)(title, () => {
  beforeAll(async () => {
    served = await serveForAll([
      "--size=64M",
      "--export=guest b=10M,domain=apart",
      "--export=neighbour=1M",
    ]);
    return () => served.stop();
  });

  it("lists every export with its size", async () => {
    const { exports } = JSON.parse(await succeed("nbdinfo", ["--list", "--json", served.uri]));
    const found = exports.map((one: ExportJson) => [one["export-name"], one["export-size"]]);
    expect(found).toEqual([
      ["", 64 * MIB],
      ["guest b", 10 * MIB],
      ["neighbour", MIB],
    ]);
  });

  it("reads the protocol, the flags, the block sizes and the contexts", async () => {
    const { protocol, TLS, structured, exports } = JSON.parse(
      await succeed("nbdinfo", ["--json", served.uriOf("guest b")]),
    );
    expect({ protocol, TLS, structured }).toEqual({
      protocol: "newstyle-fixed",
      TLS: false,
      structured: true,
    });
    expect(exports).toHaveLength(1);
    expect(exports[0]).toMatchObject({
      "export-name": "guest b",
      "export-size": 10 * MIB,
      contexts: ["base:allocation", "x-pagefold:state"],
      is_rotational: false,
      is_read_only: false,
      can_cache: true,
      can_df: true,
      can_fast_zero: true,
      can_flush: true,
      can_fua: true,
      can_multi_conn: true,
      can_trim: true,
      can_zero: true,
      block_size_minimum: 1,
      block_size_preferred: 4096,
      block_size_maximum: 32 * MIB,
    });
  });

  it("tells the size alone", async () => {
    expect(await succeed("nbdinfo", ["--size", served.uriOf("neighbour")])).toBe(`${MIB}\n`);
  });

  it.each([
    ...["cache", "connect", "df", "fast-zero", "flush", "fua", "multi-conn", "read"],
    ...["structured-reply", "trim", "write", "zero"],
  ])("finds that it can %s", async (what) => {
    expect((await run("nbdinfo", ["--can", what, served.uri])).code).toBe(0);
  });

  // nbdinfo's 2 is "no", its 1 a failure.
  it.each(["read-only", "rotational", "tls"])("finds that it is not %s", async (what) => {
    expect((await run("nbdinfo", ["--is", what, served.uri])).code).toBe(2);
  });

  it("is refused an export that is not there, and told which are", async () => {
    const env = { LIBNBD_DEBUG: "1" };
    const { code, stderr } = await run("nbdinfo", [served.uriOf("guest c")], { env });
    expect(code).toBe(1);
    expect(stderr).toContain('there is no such export; there are "", "guest b", "neighbour"');
  });

  it("maps an export nobody wrote to as one hole of zeros", async () => {
    expect(await mapOf(served.uriOf("guest b"), "base:allocation")).toEqual([[0, 2560, 3]]);
    expect(await mapOf(served.uriOf("guest b"), "x-pagefold:state")).toEqual([[0, 2560, 0]]);
  });

  it("maps what was written, and no neighbour's pages", async () => {
    const file = join(served.folder, "mixed");
    writeFileSync(file, mixedPages(new SeededRandom(testSeed("nbdinfo"))));
    await succeed("nbdcopy", [file, served.uri]);
    await succeed("nbdcopy", [file, served.uriOf("neighbour")]);
    expect(await mapOf(served.uri, "base:allocation")).toEqual([
      [0, 64, 0],
      [64, 16_384 - 64, 3],
    ]);
    expect(await mapOf(served.uri, "x-pagefold:state")).toEqual([
      [0, 1, SHARED],
      [1, 15, 0],
      [16, 16, SAME_FILLED],
      [32, 16, HUGE],
      [48, 16, SHARED],
      [64, 16_384 - 64, 0],
    ]);
    await served.control({ command: "idle" });
    expect((await mapOf(served.uri, "x-pagefold:state")).slice(0, 5)).toEqual([
      [0, 1, SHARED | IDLE],
      [1, 15, IDLE],
      [16, 16, SAME_FILLED],
      [32, 16, HUGE | IDLE],
      [48, 16, SHARED | IDLE],
    ]);
  });

  it("connects over TCP to the port that ready names", async () => {
    const { uri, port } = await serve(["--size=1M", "--listen=127.0.0.1:0"], { at: "arguments" });
    expect(uri).toBe(`nbd://127.0.0.1:${port}/`);
    expect(await succeed("nbdinfo", ["--size", uri])).toBe(`${MIB}\n`);
  });

  it("finds a read-only export read-only, and nothing else to do to it", async () => {
    const { uri } = await serve(["--size=1M", "--read-only"]);
    expect((await run("nbdinfo", ["--is", "read-only", uri])).code).toBe(0);
    for (const what of ["write", "trim", "zero", "fast-zero"]) {
      expect((await run("nbdinfo", ["--can", what, uri])).code, what).toBe(2);
    }
  });
});
