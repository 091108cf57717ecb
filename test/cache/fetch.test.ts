/** What the origin is asked for when a page is not cached. */

import { describe, expect, it } from "vitest";
import type { CacheMode } from "../../src/cache/options.ts";
import { MemoryMedium } from "../../src/overflow/media/memory.ts";
import { Gate, HookedMedium } from "../support/hooked-medium.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { numbered, opened, PAGE, readBytes } from "./opened.ts";

const MODES = ["write-back", "write-through"] as const;

describe("a cache", () => {
  it("gives at once, without a promise, what it holds", async () => {
    const { cache } = await opened(numbered(50));
    await readBytes(cache, 0, 50 * PAGE);
    const target = new Uint8Array(10_000);
    expect(cache.beginRead(12_345, target)).toBeUndefined();
    expect(differenceOf(target, numbered(50).slice(12_345, 22_345))).toBeNull();
  });

  it("fetches neighbours in one read, and only what is missing", async () => {
    const { cache, origin } = await opened(numbered(50));
    await readBytes(cache, 10 * PAGE, PAGE);
    await readBytes(cache, 5 * PAGE + 10, 10 * PAGE);
    expect(origin.of("read").map(({ offset, length }) => [offset / PAGE, length / PAGE])).toEqual([
      [10, 1],
      [5, 5],
      [11, 5],
    ]);
  });

  it("fetches a page once for all who ask meanwhile", async () => {
    const { cache, origin } = await opened(numbered(50));
    const found = await Promise.all(
      Array.from({ length: 20 }, (_, at) => readBytes(cache, (at % 3) * PAGE, PAGE)),
    );
    expect(origin.of("read").length).toBe(3);
    found.forEach((page, at) => {
      expect(page).toEqual(numberedPage(at % 3));
    });
  });

  it("has reads that miss under way side by side", async () => {
    const { cache, origin } = await opened(numbered(50));
    const gate = new Gate();
    origin.before = ({ kind, offset }) =>
      kind === "read" && offset === 0 ? gate.pass() : undefined;
    const slow = readBytes(cache, 0, PAGE);
    await gate.reached();
    expect(await readBytes(cache, 9 * PAGE, PAGE)).toEqual(numberedPage(9));
    gate.open();
    expect(await slow).toEqual(numberedPage(0));
  });

  it.each(MODES)(
    "keeps a page written during its fetch, not the fetched bytes (%s)",
    async (mode) => {
      const { cache, origin } = await opened(numbered(50), { mode });
      const gate = new Gate();
      const stale = numberedPage(0);
      const { read } = origin;
      // The disk gives what it had when it was asked, however late.
      origin.read = async function late(this: typeof origin, offset, target) {
        await gate.pass();
        await read.call(this, offset, target);
        if (offset === 0) target.set(stale);
      };
      const slow = readBytes(cache, 0, PAGE);
      await gate.reached();
      await cache.write(0, numberedPage(777));
      gate.open();
      await slow;
      expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(777));
    },
  );

  /** A page whose first fetch is held up, and that was written, flushed and evicted meanwhile. */
  async function evictedDuringFetch(mode: CacheMode) {
    const { cache, origin } = await opened(numbered(3000), { memoryLimitBytes: 2 ** 18, mode });
    const gate = new Gate();
    const { read } = origin;
    let calls = 0;
    origin.read = async function late(this: typeof origin, offset, target) {
      const isFirst = offset === 0 && calls++ === 0;
      if (isFirst) await gate.pass();
      await read.call(this, offset, target);
      if (isFirst) target.set(numberedPage(0));
    };
    const slow = readBytes(cache, 0, PAGE);
    await gate.reached();
    await cache.write(0, numberedPage(777));
    await cache.flush();
    await readBytes(cache, 500 * PAGE, 2000 * PAGE);
    return { cache, gate, slow };
  }

  it.each(MODES)(
    "does not cache late bytes of a page that was written, flushed and evicted meanwhile (%s)",
    async (mode) => {
      const { cache, gate, slow } = await evictedDuringFetch(mode);
      gate.open();
      await slow;
      expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(777));
    },
  );

  it.each(MODES)("reads such a page anew for who asks after the write (%s)", async (mode) => {
    const { cache, gate, slow } = await evictedDuringFetch(mode);
    const late = readBytes(cache, 0, PAGE);
    gate.open();
    expect(await late).toEqual(numberedPage(777));
    await slow;
  });

  it("does not read from the origin what is just being written through to it", async () => {
    const options = { memoryLimitBytes: 2 ** 18, mode: "write-through" } as const;
    const { cache, origin } = await opened(numbered(3000), options);
    const [writing, reading] = [new Gate(), new Gate()];
    const { read, write } = origin;
    origin.write = async function slow(this: typeof origin, offset, source) {
      await writing.pass();
      await write.call(this, offset, source);
    };
    let isWriting = true;
    // What the first read gives is of before the write, and comes long after it.
    origin.read = async function late(this: typeof origin, offset, target) {
      const isEarly = offset === 0 && isWriting;
      if (isEarly) await reading.pass();
      await read.call(this, offset, target);
      if (isEarly) target.set(numberedPage(0));
    };
    const written = cache.write(0, numberedPage(777));
    await writing.reached();
    const early = readBytes(cache, 0, PAGE);
    isWriting = false;
    writing.open();
    await written;
    await cache.flush();
    await readBytes(cache, 500 * PAGE, 2000 * PAGE);
    const late = readBytes(cache, 0, PAGE);
    reading.open();
    expect(await late).toEqual(numberedPage(777));
    await early;
  });

  it("keeps what was written to a page while a part of it waited for the overflow log", async () => {
    const medium = new HookedMedium(new MemoryMedium({ sizeBytes: 2 ** 22 }));
    const overflow = { medium, segmentBytes: 2 ** 16 };
    const { cache } = await opened(numbered(100), { overflow });
    await readBytes(cache, 0, 10 * PAGE);
    await cache.store.writeBack({ pages: [{ first: 0, last: 9 }] });
    const gate = new Gate();
    medium.beforeRead = () => gate.pass();
    const part = cache.write(100, new Uint8Array(50).fill(1));
    await gate.reached();
    await cache.write(0, numberedPage(777));
    gate.open();
    await part;
    expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(777).fill(1, 100, 150));
  });

  it("keeps both where parts of a page are written during its fetch", async () => {
    const { cache, origin } = await opened(numbered(50));
    const gate = new Gate();
    origin.before = ({ kind }) => (kind === "read" ? gate.pass() : undefined);
    const writes = [100, 2000, 4000].map((at) =>
      cache.write(at, new Uint8Array(50).fill(at / 100)),
    );
    await gate.reached();
    gate.open();
    await Promise.all(writes);
    const expected = numberedPage(0);
    for (const at of [100, 2000, 4000]) expected.fill(at / 100, at, at + 50);
    expect(await readBytes(cache, 0, PAGE)).toEqual(expected);
    expect(origin.of("read").length).toBe(1);
  });

  it("counts hits by pages", async () => {
    const { cache } = await opened(numbered(50));
    await readBytes(cache, 0, 4 * PAGE);
    await readBytes(cache, PAGE + 1, 3 * PAGE);
    const { read_pages, hit_pages, hit_ratio, read_bytes } = cache.stats();
    expect({ read_pages, hit_pages, hit_ratio, read_bytes }).toEqual({
      read_pages: 8,
      hit_pages: 3,
      hit_ratio: 3 / 8,
      read_bytes: 7 * PAGE,
    });
  });

  it("holds more pages than its memory has room for, since they are compressed", async () => {
    const { cache, origin } = await opened(numbered(1000), { memoryLimitBytes: 2 ** 18 });
    await readBytes(cache, 0, 1000 * PAGE);
    const reads = origin.of("read").length;
    const isCached = (page: number) =>
      cache.beginRead(page * PAGE, new Uint8Array(PAGE)) === undefined;
    const cached = Array.from({ length: 1000 }, (_, page) => page).filter(isCached);
    expect(cached.length).toBeGreaterThan(400);
    expect(reads).toBeLessThan(10);
  });

  it("refuses what is not within the origin, and everything once it is closed", async () => {
    const { cache } = await opened(numbered(10, 100));
    const size = 10 * PAGE + 100;
    await expect(readBytes(cache, size - 10, 11)).rejects.toMatchObject({ code: "OUT_OF_RANGE" });
    await expect(cache.write(-1, new Uint8Array(1))).rejects.toMatchObject({
      code: "OUT_OF_RANGE",
    });
    await cache.close();
    await cache.close();
    await expect(readBytes(cache, 0, 1)).rejects.toMatchObject({ code: "CLOSED" });
    await expect(cache.flush()).rejects.toMatchObject({ code: "CLOSED" });
  });
});
