import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { ReadAhead } from "../../src/cache/read-ahead.ts";
import { testSeed } from "../support/seed.ts";
import { numbered, opened, PAGE, readBytes } from "./opened.ts";

const PAGES = 10_000;

/** What is read ahead for these reads, as [first, end]. */
function aheadOf(ahead: ReadAhead, reads: readonly (readonly [number, number])[]): number[][] {
  return reads.flatMap(([first, end]) =>
    ahead.note(first, end) ? [[ahead.first, ahead.first + ahead.count]] : [],
  );
}

const inOrder = (from: number, count: number) =>
  Array.from({ length: count }, (_, read) => [from + read, from + read + 1] as const);

describe("ReadAhead", () => {
  it("begins at the third read in a row, doubles up to its bound, and leaves nothing out", () => {
    const ahead = new ReadAhead({ pages: PAGES, mostPages: 32 });
    const found = aheadOf(ahead, inOrder(100, 100));
    expect(found[0]).toEqual([103, 111]);
    expect(found.map(([first, end]) => end! - first!)).toEqual([8, 16, 32, 32, 32]);
    for (let at = 1; at < found.length; at++) expect(found[at]![0]).toBe(found[at - 1]![1]);
  });

  it("says nothing of reads in no order", () => {
    const random = new SeededRandom(testSeed("read ahead"));
    const ahead = new ReadAhead({ pages: 2 ** 32, mostPages: 128 });
    const reads = Array.from({ length: 5000 }, () => random.uint32());
    expect(
      aheadOf(
        ahead,
        reads.map((page) => [page, page + 1] as const),
      ),
    ).toEqual([]);
  });

  it("follows eight streams side by side", () => {
    const ahead = new ReadAhead({ pages: PAGES, mostPages: 128 });
    const streams = Array.from({ length: 8 }, (_, stream) => inOrder(stream * 1000, 3));
    const reads = [0, 1, 2].flatMap((step) => streams.map((stream) => stream[step]!));
    expect(aheadOf(ahead, reads).map(([first]) => first)).toEqual(
      streams.map((_, stream) => stream * 1000 + 3),
    );
  });

  it("follows reads of parts of pages, and requests a little out of order", () => {
    const ahead = new ReadAhead({ pages: PAGES, mostPages: 128 });
    const parts = [10, 10, 11, 11, 12].map((page) => [page, page + 1] as const);
    expect(aheadOf(ahead, parts)).toEqual([[13, 21]]);
    const swapped = [500, 502, 501, 504, 503].map((page) => [page, page + 1] as const);
    expect(aheadOf(ahead, swapped).length).toBeGreaterThan(0);
  });

  it("ends at the end of the origin", () => {
    const ahead = new ReadAhead({ pages: 105, mostPages: 128 });
    expect(aheadOf(ahead, inOrder(100, 5))).toEqual([[103, 105]]);
  });
});

describe("a cache that reads ahead", () => {
  const MIB = 2 ** 20;

  it("reads in a few large reads what is asked for in many small ones", async () => {
    const { cache, origin } = await opened(numbered(1000), {
      memoryLimitBytes: 16 * MIB,
      readAheadBytes: 128 * PAGE,
    });
    for (let page = 0; page < 1000; page++) await readBytes(cache, page * PAGE, PAGE);
    expect(origin.of("read").length).toBeLessThan(30);
    const { ahead_pages, ahead_useful_pages, origin_read_bytes } = cache.stats();
    expect(ahead_useful_pages).toBe(ahead_pages);
    expect(origin_read_bytes).toBe(1000 * PAGE);
  });

  it("counts as in vain what nobody asks for before it leaves", async () => {
    const random = new SeededRandom(testSeed("in vain"));
    const bytes = new Uint8Array(2000 * PAGE);
    random.fill(bytes);
    const { cache } = await opened(bytes, { memoryLimitBytes: MIB, readAheadBytes: 8 * PAGE });
    for (let page = 0; page < 3; page++) await readBytes(cache, page * PAGE, PAGE);
    for (let page = 1999; page > 400; page -= 3) await readBytes(cache, page * PAGE, PAGE);
    const { ahead_pages, ahead_useless_pages } = cache.stats();
    expect(ahead_pages).toBeGreaterThan(0);
    expect(ahead_useless_pages).toBe(ahead_pages);
  });

  it("leaves alone for a guess what is read again and again", async () => {
    const random = new SeededRandom(testSeed("guesses"));
    const bytes = new Uint8Array(6000 * PAGE);
    random.fill(bytes);
    const { cache, origin } = await opened(bytes, {
      memoryLimitBytes: MIB,
      readAheadBytes: 2 ** 19,
    });
    const hot = Array.from({ length: 150 }, (_, page) => page * 20);
    for (let round = 0; round < 4; round++)
      for (const page of hot) await readBytes(cache, page * PAGE, PAGE);
    for (let page = 3100; page < 6000; page++) await readBytes(cache, page * PAGE, PAGE);
    const reads = origin.of("read").length;
    for (const page of hot) await readBytes(cache, page * PAGE, PAGE);
    expect(origin.of("read").length - reads).toBe(0);
  });
});
