/** `serve --overflow`, `stat` of it and `ctl writeback`, as users type them: end to end over NBD. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { NbdClient } from "../../src/nbd/client/client.ts";
import type { OverflowStatus, ServerStatus } from "../../src/report/result.ts";
import { fixturePages } from "../support/fixtures.ts";
import { differenceOf, prefixPage } from "../support/pages.ts";
import { makeScratch, type Served, scratchOfTest, serve, serveForAll } from "../support/served.ts";
import { pagefold } from "./pagefold.ts";

const PAGE = 4096;
const MIB = 2 ** 20;
const STEP = 2 ** 19;

async function connect(served: Served): Promise<NbdClient> {
  const client = await NbdClient.connect(served.uri);
  onTestFinished(() => client.disconnect());
  return client;
}

async function writeAll(client: NbdClient, pages: Uint8Array): Promise<void> {
  for (let offset = 0; offset < pages.length; offset += STEP) {
    await client.write(offset, pages.subarray(offset, offset + STEP));
  }
}

async function expectAll(client: NbdClient, pages: Uint8Array): Promise<void> {
  const found = new Uint8Array(pages.length);
  for (let offset = 0; offset < pages.length; offset += STEP) {
    await client.read(offset, found.subarray(offset, offset + STEP));
  }
  expect(differenceOf(found, pages)).toBeNull();
}

async function jsonOf<Results>(...args: readonly string[]): Promise<Results> {
  const { code, stdout, stderr } = await pagefold(...args, "--json");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout).results as Results;
}

const overflowOf = ({ overflow }: ServerStatus): OverflowStatus => {
  if (overflow === null) throw new Error("the server says of no overflow log");
  return overflow;
};

const LOG = (folder: string, ...args: readonly string[]) => [
  "--size=32M",
  "--memory-limit=2M",
  `--overflow=${join(folder, "swap.log")}`,
  ...args,
];

describe("pagefold serve --overflow, filled past its memory,", () => {
  let served: Served;
  let client: NbdClient;
  // Some 5 MiB when compressed.
  const pages = fixturePages("guest-a-node").subarray(0, 12 * MIB);

  beforeAll(async () => {
    served = await serveForAll((folder) => LOG(folder, "--overflow-size=32M"));
    client = await NbdClient.connect(served.uri);
    await writeAll(client, pages);
    return async () => {
      await client.disconnect();
      await served.stop();
    };
  });

  const ask = (command: string, ...args: readonly string[]) =>
    [command, "--socket", served.socketPath, ...args] as const;

  it("serves every page as it was written", async () => {
    await expectAll(client, pages);
  });

  it("keeps to the memory limit, and the identity holds to the byte", async () => {
    const status = await jsonOf<ServerStatus>(...ask("stat"));
    const { store, identity_difference } = status;
    expect(store.mem_used_total).toBeLessThanOrEqual(2 * MIB);
    expect(store.orig_data_size).toBe(pages.length);
    expect(store.bd_count).toBeGreaterThan(1000);
    expect(store.bd_data_size).toBeGreaterThan(MIB);
    expect(identity_difference).toBe(0);
  });

  it("says what lies on the log, under the library's names, by stat --json", async () => {
    const status = await jsonOf<ServerStatus>(...ask("stat"));
    const overflow = overflowOf(status);
    expect(overflow).toMatchObject({
      path: join(served.folder, "swap.log"),
      size_bytes: 32 * MIB,
      segment_bytes: MIB,
      segments: 30,
      cleaning: "cost-benefit",
      is_sealed: true,
      is_dead: false,
      bd_data_size: status.store.bd_data_size,
      lost_objects: 0,
      openings: 1,
      budget: { bytes_per_day: null, available_bytes: null, overdrawn_bytes: 0 },
    });
    expect(overflow.programmed_bytes).toBeGreaterThanOrEqual(overflow.record_bytes);
    expect(overflow.programmed_per_swapped_byte).toBeLessThan(1);
  });

  it("counts compression alone with what lies on the log", async () => {
    const { ratios, store } = await served.status();
    const stored = store.compr_data_size + store.bd_data_size;
    expect(ratios.compression).toBeCloseTo((PAGE * store.objects) / stored, 9);
  });

  it("shows it as a section of stat", async () => {
    const { code, stdout } = await pagefold(...ask("stat"));
    expect(code).toBe(0);
    expect(stdout).toContain(`On the overflow log  ${join(served.folder, "swap.log")}\n`);
    expect(stdout).toMatch(/ size +32\.0 MiB +30 segments of 1\.0 MiB, \d+ free; sealed, cleaning/);
    expect(stdout).toMatch(/ erases +0 \/ 0\.0 \/ 0 +least, mean and most of a segment\n/);
    expect(stdout).toMatch(/ budget +none +bytes a day are not limited\n/);
    expect(stdout).not.toMatch(/LOST|DEAD/);
  });

  it("has pages leave memory by ctl writeback of a range", async () => {
    await client.write(24 * MIB, fixturePages("guest-c-python").subarray(0, 64 * PAGE));
    const range = ["--pages", "6144-6175", "--pages", "6176-6207"];
    const done = await jsonOf<Record<string, number>>(...ask("ctl"), "writeback", ...range);
    expect(done.chosen).toBeGreaterThan(0);
    expect(done.written).toBe(done.chosen);
    expect(done.bytes).toBeGreaterThan(0);
    const again = await jsonOf<Record<string, number>>(...ask("ctl"), "writeback", ...range);
    expect(again).toEqual({ chosen: 0, written: 0, bytes: 0 });
  });

  it("has idle pages leave memory by ctl idle and ctl writeback --type idle", async () => {
    await jsonOf(...ask("ctl"), "idle");
    const { bd_count, objects } = (await served.status()).store;
    const done = await jsonOf<Record<string, number>>(...ask("ctl"), "writeback", "--type", "idle");
    expect(done).toMatchObject({ chosen: objects - bd_count, written: objects - bd_count });
    expect((await served.status()).store).toMatchObject({ bd_count: objects, compr_data_size: 0 });
    await expectAll(client, pages);
  });

  it.each([
    { line: "--idle-seconds 1", says: "writeback takes either --type (idle, huge, huge_idle, inc" },
    { line: "--type idle --pages 0", says: "or --pages; give one of the two" },
    { line: "--type cold", says: '--type "cold" is unknown; the known ones are idle, huge' },
    { line: "--pages x", says: '--pages cannot be "x"; give page indexes, such as 17 or 0-1023' },
    { line: "--idle-seconds x", says: '--idle-seconds cannot be "x": give seconds' },
  ])("refuses ctl writeback $line in one line", async ({ line, says }) => {
    const { code, stdout, stderr } = await pagefold(...ask("ctl"), "writeback", ...line.split(" "));
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^pagefold: .+\n$/);
    expect(stderr).toContain(says);
  });

  it.each([
    { options: {}, says: /either a type \(idle, huge, huge_idle, incompressible\) or pages; give/ },
    {
      options: { type: "idle", pages: [] },
      says: /either a type .* or pages; give one of the two/,
    },
    { options: { type: "huge", age: 1 }, says: /age/ },
    { options: { pages: 7 }, says: /pages are 7; they must be a list of ranges/ },
    { options: { pages: [{ first: 8192, last: 8192 }] }, says: /the first page is 8192; .* 8191/ },
    { options: { pages: [{ first: 9, last: 8 }] }, says: /the last page is 8; .* from 9/ },
    { options: { type: "idle", idleSeconds: -1 }, says: /idleSeconds is -1; .* from 0/ },
  ])("refuses to write back $options", async ({ options, says }) => {
    const refused = served.control({ command: "writeback", options });
    await expect(refused).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: says });
  });

  it("refuses ctl writeback of an export that is not there", async () => {
    const { code, stderr } = await pagefold(...ask("ctl"), "writeback", "--pages", "b:0");
    expect(code).toBe(1);
    expect(stderr).toBe('pagefold: no export "b" is open; open are ""\n');
  });
});

describe("pagefold ctl writeback", () => {
  it("is refused by a server without a log, which says how to have one", async () => {
    const served = await serve(["--size=1M"]);
    const args = ["--socket", served.socketPath, "writeback", "--type", "idle"];
    const { code, stderr } = await pagefold("ctl", ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^pagefold: the store has no overflow log to write back to; start .*--overflow PATH.*\n$/,
    );
  });
});

describe("pagefold serve --overflow", () => {
  it("keeps erase counts and bytes written from one start to the next, and no pages", async () => {
    const path = join(scratchOfTest(), "swap.log");
    const args = ["--size=4M", "--memory-limit=256K", `--overflow=${path}`, "--json"];
    const small = [...args, "--overflow-size=2M", "--overflow-segment=64K"];
    const first = await serve(small);
    const client = await connect(first);
    const random = new SeededRandom(7);
    for (let index = 0; index < 3000; index++) {
      await client.write((index % 600) * PAGE, prefixPage(random, 2000));
    }
    await client.disconnect();
    const { stdout } = await first.end();
    const before = overflowOf(JSON.parse(stdout).results as ServerStatus);
    expect(before.wear.erases_max).toBeGreaterThan(0);
    const status = await (await serve(small)).status();
    const after = overflowOf(status);
    expect(status.store).toMatchObject({ bd_count: 0, objects: 0 });
    expect(after.openings).toBe(2);
    expect(after.wear.erases_mean).toBeGreaterThanOrEqual(before.wear.erases_mean);
    expect(after.programmed_bytes_ever).toBeGreaterThanOrEqual(before.programmed_bytes);
    expect(after.programmed_bytes).toBe(0);
  });

  it("says on standard error what it rounds", async () => {
    const served = await serve((folder) => LOG(folder, "--overflow-size=8500K"));
    await served.says(
      /^pagefold: the overflow log's 8704000 bytes are rounded down to 8388608, 8 whole segments of 1.0 MiB$/m,
    );
    expect(overflowOf(await served.status()).size_bytes).toBe(8 * MIB);
  });

  it("takes every option", async () => {
    const served = await serve((folder) =>
      LOG(
        folder,
        "--recompress=zstd",
        "--overflow-size=8M",
        "--overflow-segment=128K",
        "--overflow-plain",
        "--overflow-cleaning=d-choices:4",
        "--overflow-watermarks=50:70",
        "--overflow-budget=1G",
        "--overflow-recompress",
        "--no-overflow-promote",
        "--overflow-endurance=600",
      ),
    );
    const pages = fixturePages("guest-c-python").subarray(0, 6 * MIB);
    const client = await connect(served);
    await writeAll(client, pages);
    await expectAll(client, pages);
    const overflow = overflowOf(await served.status());
    expect(overflow).toMatchObject({
      segment_bytes: 2 ** 17,
      is_sealed: false,
      cleaning: "d-choices:4",
      promoted: 0,
      budget: { bytes_per_day: 2 ** 30 },
    });
    expect(overflow.bd_data_size).toBeGreaterThan(0);
  });

  it("leaves the file, and neither lock nor socket, when it ends", async () => {
    const { folder, remove } = makeScratch();
    onTestFinished(remove);
    const path = join(folder, "swap.log");
    const served = await serve([
      "--size=1M",
      "--memory-limit=1M",
      `--overflow=${path}`,
      "--overflow-size=8M",
    ]);
    expect(existsSync(`${path}.lock`)).toBe(true);
    expect((await served.end()).code).toBe(0);
    expect([path, `${path}.lock`, served.socketPath].map((each) => existsSync(each))).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("answers with ENOSPC when memory and log are full, and serves what it has", async () => {
    const served = await serve((folder) => [
      "--size=16M",
      "--memory-limit=512K",
      `--overflow=${join(folder, "swap.log")}`,
      "--overflow-size=1M",
      "--overflow-segment=64K",
    ]);
    const client = await connect(served);
    const random = new SeededRandom(11);
    const written: Uint8Array[] = [];
    const fill = async () => {
      for (let index = 0; index < 2048; index++) {
        const page = prefixPage(random, 3000);
        await client.write(index * PAGE, page);
        written.push(page);
      }
    };
    await expect(fill()).rejects.toMatchObject({ code: "NO_SPACE" });
    // More than memory alone would have held.
    expect(written.length).toBeGreaterThan(2 ** 19 / 3000);
    await expectAll(client, Buffer.concat(written));
    await client.trim(0, written.length * PAGE);
    await client.write(0, written[0]!);
    expect((await served.status()).identity_difference).toBe(0);
  });
});
