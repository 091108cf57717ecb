/** What `stats()` says, against a count kept beside it: of what was asked for, and of what the origin was asked. */

import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { testSeed } from "../support/seed.ts";
import { numbered, opened, PAGE } from "./opened.ts";

const PAGES = 400;

/** Pages a request of these bytes touches. */
const touched = (offset: number, length: number): number =>
  Math.floor((offset + length - 1) / PAGE) - Math.floor(offset / PAGE) + 1;

describe("stats", () => {
  it.each(["write-back", "write-through"] as const)(
    "has hits and saved bytes as counted beside it, where all finds room (%s)",
    async (mode) => {
      const random = new SeededRandom(testSeed(`statistics ${mode}`));
      const { cache, origin } = await opened(numbered(PAGES), {
        mode,
        memoryLimitBytes: 2 ** 23,
        dirtyShare: 0.8,
      });
      /** Pages that must be cached: all that were touched, since nothing leaves. */
      const known = new Set<number>();
      const count = { read: 0, hit: 0, readBytes: 0, written: 0, writtenBytes: 0 };
      for (let request = 0; request < 2000; request++) {
        const offset = random.below(PAGES * PAGE - 20_000);
        const length = 1 + random.below(20_000);
        const first = Math.floor(offset / PAGE);
        const pages = Array.from({ length: touched(offset, length) }, (_, at) => first + at);
        const isWrite = random.below(3) === 0;
        if (isWrite) {
          count.written += pages.length;
          count.writtenBytes += length;
          await cache.write(offset, new Uint8Array(length).fill(request));
        } else {
          count.read += pages.length;
          count.readBytes += length;
          count.hit += pages.filter((page) => known.has(page)).length;
          await cache.read(offset, new Uint8Array(length));
        }
        for (const page of pages) known.add(page);
      }
      await cache.flush();
      const bytesOf = (kind: "read" | "write") =>
        origin.of(kind).reduce((sum, { length }) => sum + length, 0);
      expect(cache.stats()).toMatchObject({
        read_pages: count.read,
        hit_pages: count.hit,
        hit_ratio: count.hit / count.read,
        read_bytes: count.readBytes,
        written_bytes: count.writtenBytes,
        cached_bytes: known.size * PAGE,
        origin_reads: origin.of("read").length,
        origin_read_bytes: bytesOf("read"),
        origin_writes: origin.of("write").length,
        origin_written_bytes: bytesOf("write"),
        origin_syncs: origin.of("sync").length,
        saved_read_bytes: count.read * PAGE - bytesOf("read"),
        saved_written_bytes: Math.max(0, count.written * PAGE - bytesOf("write")),
        coalesced_pages: bytesOf("write") / PAGE - origin.of("write").length,
        dirty_bytes: 0,
        unsynced_bytes: 0,
        evicted_pages: 0,
      });
    },
  );

  it("counts the pages that left, and none of them as cached", async () => {
    const { cache } = await opened(numbered(3000), { memoryLimitBytes: 2 ** 18 });
    for (let page = 0; page < 3000; page++) await cache.read(page * PAGE, new Uint8Array(PAGE));
    const { cached_bytes, evicted_pages, hit_ratio } = cache.stats();
    expect(cached_bytes / PAGE + evicted_pages).toBe(3000);
    expect(hit_ratio).toBe(0);
  });

  it("counts as saved no write that was refused, and none that is owed still", async () => {
    for (const mode of ["write-back", "write-through"] as const) {
      const { cache, origin } = await opened(numbered(500), { mode, dirtyShare: 0.05 });
      for (let round = 0; round < 3; round++) await cache.write(0, numbered(4));
      await cache.flush();
      const saved = mode === "write-back" ? 8 * PAGE : 0;
      origin.before = () => {
        throw new PagefoldError("IO", "bad sector");
      };
      for (let page = 0; page < 50; page++)
        await cache.write(page * PAGE, new Uint8Array(PAGE)).catch(() => {});
      expect(cache.stats().saved_written_bytes).toBe(saved);
    }
  });

  it("has no hit ratio before anything was read", async () => {
    const { cache } = await opened(numbered(10));
    expect(cache.stats().hit_ratio).toBeNull();
  });

  it("tells pages the origin was given, and not yet synced, from those it was not given", async () => {
    const { cache } = await opened(numbered(10), { mode: "write-through" });
    await cache.write(0, numbered(3));
    expect(cache.stats()).toMatchObject({ dirty_bytes: 0, unsynced_bytes: 3 * PAGE });
    await cache.flush();
    expect(cache.stats().unsynced_bytes).toBe(0);
  });

  it("accounts for every page read ahead", async () => {
    const { cache } = await opened(numbered(3000), {
      memoryLimitBytes: 2 ** 20,
      readAheadBytes: 2 ** 19,
    });
    for (let page = 0; page < 1000; page++) await cache.read(page * PAGE, new Uint8Array(PAGE));
    await cache.close();
    const { ahead_pages, ahead_useful_pages, ahead_useless_pages } = cache.stats();
    expect(ahead_useful_pages).toBeGreaterThan(900);
    expect(ahead_pages).toBeGreaterThanOrEqual(ahead_useful_pages + ahead_useless_pages);
    expect(ahead_pages).toBeLessThanOrEqual(1000 + 128 + ahead_useless_pages);
  });
});
