/** Writes through to the origin: beside each other, beside the flusher, beside reads, and where the origin fails. */

import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { openCache } from "../../src/cache/open-cache.ts";
import { Gate } from "../support/hooked-medium.ts";
import { ForgetfulOrigin } from "../support/origins.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { numbered, opened, PAGE, readBytes } from "./opened.ts";

const turn = () => new Promise<void>((resume) => setImmediate(resume));
const through = { mode: "write-through" } as const;

describe("a write-through write", () => {
  it("reads of the pages it covers in part only those, and not the part it writes whole", async () => {
    const { cache, origin } = await opened(numbered(50), through);
    await cache.write(10 * PAGE + 100, new Uint8Array(3 * PAGE));
    expect(origin.of("read").map(({ offset, length }) => [offset / PAGE, length / PAGE])).toEqual([
      [10, 1],
      [13, 1],
    ]);
    expect(origin.of("write")).toEqual([{ kind: "write", offset: 10 * PAGE, length: 4 * PAGE }]);
  });

  it("reads nothing of a last page that it writes to the end of the origin", async () => {
    const { cache, origin } = await opened(numbered(10, 700), through);
    await cache.write(9 * PAGE, new Uint8Array(PAGE + 700).fill(5));
    expect(origin.of("read")).toEqual([]);
    expect(differenceOf(origin.bytes, numbered(10, 700).fill(5, 9 * PAGE))).toBeNull();
  });

  it("takes the parts it does not write from the cache, where that is newer", async () => {
    const { cache, origin } = await opened(numbered(50), through);
    await cache.write(0, numberedPage(70));
    await cache.write(100, new Uint8Array(10).fill(1));
    expect(origin.of("read")).toEqual([]);
    expect(
      differenceOf(origin.bytes.subarray(0, PAGE), numberedPage(70).fill(1, 100, 110)),
    ).toBeNull();
  });

  it("goes to the origin in runs of at most a mebibyte", async () => {
    const { cache, origin } = await opened(numbered(700), {
      ...through,
      memoryLimitBytes: 2 ** 23,
    });
    await cache.write(0, numbered(700).fill(3));
    expect(Math.max(...origin.of("write").map(({ length }) => length))).toBe(2 ** 20);
    expect(origin.of("write").length).toBe(3);
    expect(differenceOf(origin.bytes, numbered(700).fill(3))).toBeNull();
  });

  it("keeps other writes of its pages from the origin until it is there, and no others", async () => {
    const { cache, origin } = await opened(numbered(50), through);
    const gate = new Gate();
    const order: number[] = [];
    origin.before = ({ kind, offset }) => {
      if (kind === "write") order.push(offset / PAGE);
      return kind === "write" && order.length === 1 ? gate.pass() : undefined;
    };
    const first = cache.write(5 * PAGE, numbered(3).fill(1));
    await gate.reached();
    const over = cache.write(7 * PAGE, numbered(3).fill(2));
    const behind = cache.write(8 * PAGE, numberedPage(8).fill(3));
    await cache.write(20 * PAGE, numberedPage(20));
    expect(order).toEqual([5, 20]);
    gate.open();
    await Promise.all([first, over, behind]);
    expect(order).toEqual([5, 20, 7, 8]);
    const expected = numbered(50)
      .fill(1, 5 * PAGE, 7 * PAGE)
      .fill(2, 7 * PAGE, 10 * PAGE);
    expected.fill(3, 8 * PAGE, 9 * PAGE);
    expect(differenceOf(origin.bytes, expected)).toBeNull();
  });

  it("is passed by by a flush, which is over when it is, and has its pages too", async () => {
    const origin = new ForgetfulOrigin(numbered(50));
    const cache = await openCache({ origin, ...through, flushSeconds: 86_400 });
    // A write that fails leaves a dirty page for the flusher.
    await cache.write(0, numberedPage(60));
    let isFailing = true;
    const gate = new Gate();
    origin.before = ({ kind }) => {
      if (kind === "write" && isFailing) throw new PagefoldError("IO", "bad sector");
      return kind === "write" ? gate.pass() : undefined;
    };
    await expect(cache.write(0, numberedPage(61))).rejects.toThrow("bad sector");
    isFailing = false;
    const write = cache.write(0, numberedPage(62));
    await gate.reached();
    let isFlushed = false;
    const flush = cache.flush().then(() => {
      isFlushed = true;
    });
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(isFlushed).toBe(false);
    gate.open();
    await Promise.all([write, flush]);
    expect(differenceOf(origin.durable.subarray(0, PAGE), numberedPage(62))).toBeNull();
    await cache.close();
  });

  it("is written again where a sync fails that was under way meanwhile, since the disk may have lost it", async () => {
    const origin = new ForgetfulOrigin(numbered(50));
    const cache = await openCache({ origin, ...through, flushSeconds: 86_400 });
    const gate = new Gate();
    origin.before = ({ kind }) => (kind === "sync" ? gate.pass() : undefined);
    await cache.write(0, numberedPage(60));
    origin.failsNext = true;
    const flush = cache.flush();
    await gate.reached();
    await cache.write(7 * PAGE, numberedPage(61));
    gate.open();
    await expect(flush).rejects.toThrow("the sync failed");
    await cache.flush();
    expect(differenceOf(origin.durable.subarray(0, PAGE), numberedPage(60))).toBeNull();
    expect(differenceOf(origin.durable.subarray(7 * PAGE, 8 * PAGE), numberedPage(61))).toBeNull();
    await cache.close();
  });

  it("is written again also where its end is heard of after that of the sync", async () => {
    const origin = new ForgetfulOrigin(numbered(50));
    const cache = await openCache({ origin, ...through, flushSeconds: 86_400 });
    await cache.write(0, numberedPage(60));
    const gate = new Gate();
    const { write } = origin;
    origin.write = async function heardLate(this: typeof origin, offset, source) {
      await write.call(this, offset, source);
      await gate.pass();
    };
    const late = cache.write(7 * PAGE, numberedPage(61));
    await gate.reached();
    origin.failsNext = true;
    await expect(cache.flush()).rejects.toThrow("the sync failed");
    gate.open();
    await late;
    await cache.flush();
    expect(differenceOf(origin.durable.subarray(7 * PAGE, 8 * PAGE), numberedPage(61))).toBeNull();
    await cache.close();
  });

  it("is not flushed again where it replaced, during a flush, what was to be written again", async () => {
    const origin = new ForgetfulOrigin(numbered(8200));
    const events: string[] = [];
    const options = { memoryLimitBytes: 2 ** 26, dirtyShare: 0.8, flushSeconds: 86_400 };
    const cache = await openCache({
      origin,
      ...through,
      ...options,
      onEvent: (line) => events.push(line),
    });
    await cache.write(0, numbered(4600));
    origin.failsNext = true;
    await expect(cache.flush()).rejects.toThrow("the sync failed");
    // The flush comes to page 4500 after its first sync; before that a client writes it.
    const gate = new Gate();
    let syncs = 0;
    origin.before = ({ kind }) => (kind === "sync" && syncs++ === 0 ? gate.pass() : undefined);
    let written = 0;
    const { write } = origin;
    origin.write = async function counting(this: typeof origin, offset, source) {
      if (offset <= 4500 * PAGE && 4500 * PAGE < offset + source.length) written += 1;
      await write.call(this, offset, source);
      if (offset === 0) await cache.write(4500 * PAGE, numberedPage(9000));
    };
    const flush = cache.flush();
    await gate.reached();
    gate.open();
    await flush;
    expect(written).toBe(1);
    expect(cache.stats().unsynced_bytes).toBe(0);
    const found = origin.durable.subarray(4500 * PAGE, 4501 * PAGE);
    expect(differenceOf(found, numberedPage(9000))).toBeNull();
    expect(events.length).toBe(2);
    await cache.close();
  });

  it("is not kept from its end by a flusher that goes by its pages again and again", async () => {
    const { cache, origin } = await opened(numbered(64), { ...through, dirtyShare: 0.01 });
    await cache.write(0, numbered(6).fill(7));
    await cache.flush();
    // More than half of the bound is dirty: the flusher begins by itself.
    origin.before = () => {
      throw new PagefoldError("IO", "bad sector");
    };
    await expect(cache.write(0, numbered(6).fill(8))).rejects.toThrow("bad sector");
    await expect(cache.flush()).rejects.toThrow("bad sector");
    const gate = new Gate();
    origin.before = ({ kind }) => (kind === "write" ? gate.pass() : undefined);
    const write = cache.write(0, numbered(6).fill(9));
    await gate.reached();
    let passes = 0;
    origin.sizeBytes = async () => {
      passes += 1;
      if (passes > 100) throw new Error("round and round");
      return origin.bytes.length;
    };
    const flush = cache.flush();
    for (let turns = 0; turns < 50; turns++) await turn();
    expect(passes).toBeLessThan(5);
    gate.open();
    await Promise.all([write, flush]);
    expect(cache.stats().unsynced_bytes).toBe(0);
  });

  it("that failed leaves every page of it as the origin will have it", async () => {
    const { cache, origin } = await opened(numbered(50), through);
    await cache.write(5 * PAGE, numbered(2).fill(1));
    await cache.flush();
    const { write } = origin;
    origin.write = async function torn(this: typeof origin, offset, source) {
      origin.write = write;
      await write.call(this, offset, source.subarray(0, 3 * PAGE));
      throw new PagefoldError("IO", "torn");
    };
    await expect(cache.write(4 * PAGE, numbered(6).fill(9))).rejects.toThrow("torn");
    await cache.flush();
    const now = await readBytes(cache, 4 * PAGE, 6 * PAGE);
    expect(differenceOf(now, origin.bytes.slice(4 * PAGE, 10 * PAGE))).toBeNull();
    expect(now.subarray(PAGE, 3 * PAGE).every((byte) => byte === 1)).toBe(true);
  });

  it("waits at the bound though it was within it when it came, where others went before", async () => {
    const { cache, origin } = await opened(numbered(500), { ...through, dirtyShare: 0.05 });
    const gate = new Gate();
    origin.before = ({ kind }) => (kind === "sync" ? gate.pass() : undefined);
    // Each overlaps the next, so that they go one by one.
    const writes = Array.from({ length: 60 }, (_, at) => cache.write(at * PAGE, numbered(2)));
    await gate.reached();
    for (let turns = 0; turns < 50; turns++) await turn();
    const { unsynced_bytes, dirty_limit_bytes } = cache.stats();
    expect(unsynced_bytes).toBeLessThanOrEqual(dirty_limit_bytes + PAGE);
    gate.open();
    await Promise.all(writes);
  });

  it("is refused with EIO where nothing more can be kept for an origin that does not sync", async () => {
    const { cache, origin } = await opened(numbered(500), { ...through, dirtyShare: 0.05 });
    const most = cache.stats().dirty_limit_bytes / PAGE;
    origin.before = ({ kind }) => {
      if (kind === "sync") throw new PagefoldError("IO", "no sync");
    };
    for (let page = 0; page < most; page++)
      await cache.write(page * PAGE, numberedPage(600 + page));
    await expect(cache.write(400 * PAGE, numberedPage(1))).rejects.toMatchObject({ errno: "EIO" });
    expect(await readBytes(cache, 400 * PAGE, PAGE)).toEqual(numberedPage(400));
    origin.before = () => {};
    await cache.flush();
    await cache.write(400 * PAGE, numberedPage(1));
    expect(await readBytes(cache, 400 * PAGE, PAGE)).toEqual(numberedPage(1));
  });
});

describe("a read beside a write-through write", () => {
  it("of a page that is not cached waits for the write, and gives it", async () => {
    const { cache, origin } = await opened(numbered(50), through);
    const gate = new Gate();
    origin.before = ({ kind }) => (kind === "write" ? gate.pass() : undefined);
    const write = cache.write(5 * PAGE, numberedPage(1));
    await gate.reached();
    const read = readBytes(cache, 3 * PAGE, 4 * PAGE);
    await turn();
    gate.open();
    await write;
    const expected = numbered(50).slice(3 * PAGE, 7 * PAGE);
    expected.set(numberedPage(1), 2 * PAGE);
    expect(differenceOf(await read, expected)).toBeNull();
  });

  it("waits once, however many others wait for the same page, and it is not cached then", async () => {
    const { cache, origin } = await opened(numbered(50), through);
    const gate = new Gate();
    origin.before = async ({ kind }) => {
      if (kind !== "write") return;
      await gate.pass();
      throw new PagefoldError("IO", "bad sector");
    };
    const write = expect(cache.write(5 * PAGE, numberedPage(1))).rejects.toThrow("bad sector");
    await gate.reached();
    const reads = Array.from({ length: 5 }, () => readBytes(cache, 5 * PAGE, PAGE));
    gate.open();
    await write;
    for (const page of await Promise.all(reads)) expect(page).toEqual(numberedPage(5));
  });

  it("of a cached page gives at once what was there before", async () => {
    const { cache, origin } = await opened(numbered(50), through);
    await readBytes(cache, 0, PAGE);
    const gate = new Gate();
    origin.before = ({ kind }) => (kind === "write" ? gate.pass() : undefined);
    const write = cache.write(0, numberedPage(1));
    await gate.reached();
    const target = new Uint8Array(PAGE);
    expect(cache.beginRead(0, target)).toBeUndefined();
    expect(target).toEqual(numberedPage(0));
    gate.open();
    await write;
  });
});
