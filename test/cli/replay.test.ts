import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore, type Store } from "../../src/device/store.ts";
import { DeviceDisk } from "../../src/nbd/server/device-disk.ts";
import { ServedExport } from "../../src/nbd/server/served-export.ts";
import { NbdServer } from "../../src/nbd/server/server.ts";
import type { ReplayResult, ReplaySeries } from "../../src/report/result.ts";
import { fixturePages } from "../support/fixtures.ts";
import { EXPORTS, type Operation, recordTrace, writeAt } from "../trace/swap/operations.ts";
import { pagefold } from "./pagefold.ts";

const PAGE = 4096;
let folder = "";
let trace = "";

const readAt = (offset: number, length: number): Operation => ({
  kind: "read",
  afterUs: 1000,
  exportIndex: 0,
  offset,
  length,
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-replay-cli-"));
  trace = join(folder, "guest.trace");
  const pages = fixturePages("guest-b-node").subarray(0, 40 * PAGE);
  await recordTrace(trace, [
    writeAt(0, pages),
    readAt(0, pages.length),
    { ...readAt(0, 20 * PAGE), kind: "discard" },
    readAt(10 * PAGE, 20 * PAGE),
    { ...writeAt(PAGE, pages.subarray(0, 2 * PAGE)), exportIndex: 1 },
  ]);
});

afterAll(() => rm(folder, { recursive: true }));

interface Report {
  readonly schema: number;
  readonly command: string;
  readonly options: unknown;
  readonly results: ReplayResult;
  readonly series: ReplaySeries;
}

describe("pagefold replay", () => {
  it("replays against a store, prints what it found, and exits with 0", async () => {
    const { code, stdout, stderr } = await pagefold("replay", trace);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("5 requests in");
    expect(stdout).toContain("All 60 pages read hold what the trace wrote.");
    expect(stdout).toContain("The identity holds: 0 bytes of difference");
  });

  it("prints one JSON object whose figures are those of the trace", async () => {
    const { code, stdout } = await pagefold("replay", "--json", "--codec", "zstd", trace);
    const report = JSON.parse(stdout) as Report;
    expect(code).toBe(0);
    expect(report).toMatchObject({
      schema: 1,
      command: "replay",
      options: {
        file: trace,
        target: { store: { codec: "zstd:3", dedup: true, mem_limit: 0 } },
        speed: null,
        depth: 16,
      },
      results: {
        trace: { complete: true, records: 5, seconds: 0.003002 },
        requests: 5,
        failed: 0,
        lag_seconds_max: null,
        kinds: {
          read: { requests: 2, pages: 60, bytes: 60 * PAGE, failed: 0 },
          write: { requests: 2, pages: 42 },
          discard: { requests: 1, pages: 20 },
          flush: { requests: 0, latency_us: { p50: null } },
        },
        verified: { pages: 60, different_pages: 0, differences: [] },
        store: { orig_data_size: 22 * PAGE },
        accounting: { slots_in_use: 22, difference: 0 },
      },
    });
    expect(report.series.requests).toEqual([5]);
    expect(report.series.orig_data_size).toEqual([22 * PAGE]);
  });

  it("replays a trace cut short as far as it goes, and says so", async () => {
    const cut = join(folder, "cut.trace");
    await writeFile(cut, await readFile(trace));
    await truncate(cut, (await readFile(trace)).length - 1);
    const { code, stdout, stderr } = await pagefold("replay", cut);
    expect(code).toBe(0);
    expect(stderr).toBe(`pagefold: ${cut} was cut short after 5 records, which were replayed\n`);
    expect(stdout).toContain("The trace was cut short");
  });

  it("exits with 1 where requests find no room, and names them", async () => {
    const { code, stdout, stderr } = await pagefold("replay", "--memory-limit", "16K", trace);
    expect(code).toBe(1);
    expect(stdout).toMatch(/requests? failed\n +record 0 +write/);
    expect(stderr).toMatch(/^pagefold: \d requests failed; a larger memory limit/);
  });

  it("exits with 1 on a file that is no trace", async () => {
    const { code, stderr } = await pagefold("replay", "package.json");
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        "pagefold: package.json is no swap trace: it does not begin as one; record one with pagefold serve --record\n",
    });
  });

  it.each([
    { args: ["--speed", "fast"], says: '--speed cannot be "fast": give "recorded" or how many' },
    { args: ["--depth", "0"], says: '--depth cannot be "0"' },
    { args: ["--uri", "http://x"], says: '"http://x" is no NBD URI' },
    { args: ["--uri", "nbd://x", "--codec", "lz4"], says: "which --uri replaces" },
    { args: ["--uri", "other=nbd://x"], says: 'export "other", which the trace does not have' },
  ])("refuses $args in one line and exits with 2", async ({ args, says }) => {
    const { code, stdout, stderr } = await pagefold("replay", ...args, trace);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(says);
    expect(stderr.split("\n")).toHaveLength(2);
  });
});

describe("pagefold replay --uri", () => {
  let store: Store;
  let server: NbdServer;
  let uri = "";

  beforeAll(async () => {
    store = await openStore({});
    server = new NbdServer({
      exports: EXPORTS.map((one) => {
        const device = store.openExport(one);
        return new ServedExport(device.name, new DeviceDisk(device));
      }),
    });
    const path = join(folder, "socket");
    await server.listen({ path });
    uri = `nbd+unix:///?socket=${path}`;
  });

  afterAll(async () => {
    await server.close();
    await store.close();
  });

  it("replays against a server, each export to the one of its name", async () => {
    const { code, stdout, stderr } = await pagefold("replay", "--json", "--uri", uri, trace);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { results, options } = JSON.parse(stdout) as Report;
    expect(results).toMatchObject({
      failed: 0,
      verified: { pages: 60, different_pages: 0 },
      store: null,
      accounting: null,
    });
    expect(options).toMatchObject({ target: { uris: [uri, expect.stringContaining("/b?")] } });
    expect(store.stats().orig_data_size).toBe(22 * PAGE);
  });

  it("exits with 1 where a page read holds other bytes, and names it", async () => {
    // The trace never wrote page 63 of the first export.
    const other = join(folder, "other.trace");
    await recordTrace(other, [readAt(63 * PAGE, PAGE)]);
    await store.export("").write(63 * PAGE, Buffer.from("left over"));
    const { code, stdout, stderr } = await pagefold("replay", "--uri", uri, other);
    expect(code).toBe(1);
    expect(stdout).toMatch(/record 0 +page 63 of the export without a name +expected zeros/);
    expect(stderr).toMatch(/^pagefold: 1 of 1 pages read hold other bytes than the trace wrote; /);
  });
});
