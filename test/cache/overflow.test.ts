/** The overflow log as the cache's second level: what memory has no room for stays cached there. */

import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/base/random.ts";
import type { Cache } from "../../src/cache/cache.ts";
import type { CacheOptions } from "../../src/cache/options.ts";
import { MemoryMedium } from "../../src/overflow/media/memory.ts";
import { Gate, HookedMedium } from "../support/hooked-medium.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { opened, PAGE, readBytes } from "./opened.ts";

const PAGES = 400;
const turn = () => new Promise<void>((resume) => setImmediate(resume));

/** Reads a page, and leaves the log time for its work. */
async function readPage(cache: Cache, page: number): Promise<Uint8Array> {
  await turn();
  return readBytes(cache, page * PAGE, PAGE);
}

/** A cache of pages that do not compress, four times its memory, over a log that has room for all. */
async function overLog(options: Partial<CacheOptions> = {}) {
  const medium = new HookedMedium(new MemoryMedium({ sizeBytes: 2 ** 23 }));
  const bytes = new Uint8Array(PAGES * PAGE);
  new SeededRandom(1).fill(bytes);
  const found = await opened(bytes.slice(), {
    memoryLimitBytes: 100 * PAGE,
    overflow: { medium, segmentBytes: 2 ** 16, promote: false },
    ...options,
  });
  const pageOf = (page: number) => bytes.slice(page * PAGE, (page + 1) * PAGE);
  return { ...found, medium, bytes, pageOf };
}

/** Sends the pages to the log. */
async function sendAway(
  { cache }: Pick<Awaited<ReturnType<typeof overLog>>, "cache">,
  count: number,
) {
  await cache.store.writeBack({ pages: [{ first: 0, last: count - 1 }] });
  expect(cache.exportStats().bd_count).toBe(count);
}

describe("a cache with an overflow log", () => {
  it("reads back from the log what memory had no room for, and not from the origin", async () => {
    const { cache, origin, medium, pageOf } = await overLog();
    for (let page = 0; page < PAGES; page++) await readPage(cache, page);
    const { read_pages, evicted_pages, cached_bytes } = cache.stats();
    expect([evicted_pages, cached_bytes]).toEqual([0, PAGES * PAGE]);
    const asked = origin.calls.length;
    for (let page = 0; page < PAGES; page++)
      expect(differenceOf(await readPage(cache, page), pageOf(page))).toBeNull();
    expect(origin.calls.length).toBe(asked);
    expect(medium.reads.length).toBeGreaterThan(PAGES / 2);
    expect(cache.stats().hit_pages).toBe(cache.stats().read_pages - read_pages);
  });

  it("counts what it reads and cannot keep, since the log is not as fast as the origin", async () => {
    const { cache } = await overLog();
    for (let page = 0; page < PAGES; page++) await readBytes(cache, page * PAGE, PAGE);
    const { cached_bytes, evicted_pages, uncached_pages } = cache.stats();
    expect(cached_bytes / PAGE + evicted_pages + uncached_pages).toBe(PAGES);
    expect(uncached_pages).toBeGreaterThan(0);
  });

  it("reads a page of which parts are on the log, in memory and at the origin as one", async () => {
    const opened = await overLog();
    const { cache, bytes } = opened;
    await readBytes(cache, 0, 3 * PAGE);
    await sendAway(opened, 3);
    await readBytes(cache, 5 * PAGE, PAGE);
    const found = await readBytes(cache, PAGE + 100, 7 * PAGE);
    expect(differenceOf(found, bytes.slice(PAGE + 100, 8 * PAGE + 100))).toBeNull();
  });

  it("flushes dirty pages from the log", async () => {
    const opened = await overLog({ dirtyShare: 0.8 });
    const { cache, origin, medium, bytes } = opened;
    const written = bytes.slice(0, 30 * PAGE).map((byte) => ~byte);
    await cache.write(0, written);
    await sendAway(opened, 30);
    expect(cache.stats().dirty_bytes).toBe(30 * PAGE);
    const before = medium.reads.length;
    await cache.flush();
    expect(medium.reads.length).toBeGreaterThan(before);
    expect(differenceOf(origin.bytes.subarray(0, 30 * PAGE), written)).toBeNull();
    expect(cache.stats().unsynced_bytes).toBe(0);
  });

  it("flushes the newer bytes of a page that is written while its older ones come from the log", async () => {
    const opened = await overLog({ dirtyShare: 0.8 });
    const { cache, origin, medium } = opened;
    await cache.write(0, numberedPage(500));
    await sendAway(opened, 1);
    const gate = new Gate();
    medium.beforeRead = () => gate.pass();
    const flush = cache.flush();
    await gate.reached();
    await cache.write(0, numberedPage(501));
    gate.open();
    await flush;
    expect(differenceOf(origin.bytes.subarray(0, PAGE), numberedPage(501))).toBeNull();
  });

  it("goes on without the log when that takes no more, and keeps to its memory", async () => {
    const { cache, medium, pageOf, bytes, origin } = await overLog();
    medium.beforeWrite = () => {
      throw new PagefoldError("IO", "the SSD is gone");
    };
    for (let page = 0; page < PAGES; page++)
      expect(differenceOf(await readPage(cache, page), pageOf(page))).toBeNull();
    for (let page = 0; page < PAGES; page += 3) await cache.write(page * PAGE, numberedPage(page));
    await cache.flush();
    for (let page = 0; page < PAGES; page += 3) bytes.set(numberedPage(page), page * PAGE);
    expect(differenceOf(origin.bytes, bytes)).toBeNull();
    expect(cache.stats().evicted_pages).toBeGreaterThan(200);
    expect(cache.exportStats().mem_used_total).toBeLessThanOrEqual(100 * PAGE);
  });

  it("has cached pages leave for good where the log is full", async () => {
    const medium = new MemoryMedium({ sizeBytes: 2 ** 20 });
    const { cache, pageOf } = await overLog({ overflow: { medium, segmentBytes: 2 ** 16 } });
    for (let round = 0; round < 2; round++) {
      for (let page = 0; page < PAGES; page++)
        expect(differenceOf(await readPage(cache, page), pageOf(page))).toBeNull();
    }
    expect(cache.stats().evicted_pages).toBeGreaterThan(0);
    expect(cache.exportStats().bd_count).toBeGreaterThan(50);
  });

  it.each(["write-back", "write-through"] as const)(
    "writes a part of a page that is on the log (%s)",
    async (mode) => {
      const opened = await overLog({ mode });
      const { cache, origin, pageOf } = opened;
      await readBytes(cache, 0, 2 * PAGE);
      await sendAway(opened, 2);
      await cache.write(PAGE - 10, new Uint8Array(20).fill(9));
      await cache.flush();
      const expected = [pageOf(0).fill(9, PAGE - 10), pageOf(1).fill(9, 0, 10)];
      expect(differenceOf(origin.bytes.subarray(0, 2 * PAGE), Buffer.concat(expected))).toBeNull();
      expect(origin.of("read").length).toBe(1);
    },
  );

  it("counts no hit for a page that the log does not give back, and reads it from the origin", async () => {
    const opened = await overLog();
    const { cache, medium, pageOf } = opened;
    await readBytes(cache, 0, PAGE);
    await sendAway(opened, 1);
    medium.beforeRead = () => {
      throw new PagefoldError("IO", "the SSD is gone");
    };
    expect(differenceOf(await readBytes(cache, 0, PAGE), pageOf(0))).toBeNull();
    expect(cache.stats()).toMatchObject({ read_pages: 2, hit_pages: 0 });
  });
});
