/**
 * The pool's memory: what it adds to the compressed bytes on lengths spread evenly over all classes, that nothing is
 * ever lost, and that a store at work needs no more memory the longer it runs.
 */

import { assert, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { EngineDriver } from "../support/engine-driver.ts";
import { differenceOf, prefixPage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";
import { leastPoolBytes, longestLength } from "../support/size-classes.ts";
import { SizedCodec, sizedPage } from "../support/sized-codec.ts";

const ARENA_BYTES = 4 * 2 ** 20;
const LONGEST_ZSPAGE_BYTES = 8 * PAGE_BYTES;
/**
 * mem_used_total over compr_data_size that an even spread of lengths may cost. Over 500, 100 and 25 seeds the largest
 * were 1.414, 1.128 and 1.053.
 */
const BOUNDS = [
  { objects: 1000, most: 1.45 },
  { objects: 5000, most: 1.14 },
  { objects: 20_000, most: 1.06 },
];

function shuffled<Item>(random: SeededRandom, items: readonly Item[]): Item[] {
  const copy = items.slice();
  for (let index = copy.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [copy[index], copy[other]] = [copy[other]!, copy[index]!];
  }
  return copy;
}

describe("mem_used_total", () => {
  it.each(BOUNDS)("is at most $most times the lz4 bytes of $objects pages", (bound) => {
    const random = new SeededRandom(testSeed("overhead"));
    const driver = new EngineDriver();
    const lengths: number[] = [];
    for (let count = 0; count < bound.objects; count++) {
      const id = driver.put(prefixPage(random, 36 + random.below(3540)));
      lengths.push(driver.engine.lengthOf(id));
    }
    expect(Math.min(...lengths)).toBeLessThan(100);
    expect(Math.max(...lengths)).toBeGreaterThan(3500);
    const { mem_used_total, compr_data_size } = driver.engine.stats();
    const rounding = leastPoolBytes(lengths) / compr_data_size;
    const overhead = mem_used_total / compr_data_size;
    console.log(`${bound.objects}: ${overhead.toFixed(4)}, rounding ${rounding.toFixed(4)}`);
    expect(overhead).toBeLessThanOrEqual(bound.most);
    expect(overhead).toBeGreaterThanOrEqual(rounding);
  });

  it.each([20, 60, 700, 1360, 2044, 3000, longestLength, PAGE_BYTES])(
    "is near the least possible for 5,000 pages of %i bytes",
    (length) => {
      const driver = new EngineDriver({ codecs: [new SizedCodec()] });
      for (let number = 0; number < 5000; number++) {
        driver.put(sizedPage({ number, lengths: [length] }));
      }
      const least = leastPoolBytes(new Array<number>(5000).fill(length));
      const { mem_used_total } = driver.engine.stats();
      expect(mem_used_total).toBeGreaterThanOrEqual(least);
      expect(mem_used_total).toBeLessThan(1.01 * least + LONGEST_ZSPAGE_BYTES);
    },
  );

  it("is a page for the first object of any length", () => {
    for (const length of [20, 500, 2000, 2100, 3000, longestLength, PAGE_BYTES]) {
      const driver = new EngineDriver({ codecs: [new SizedCodec()] });
      driver.put(sizedPage({ number: 1, lengths: [length] }));
      expect(driver.engine.stats().mem_used_total, `${length} bytes`).toBe(PAGE_BYTES);
    }
  });

  it("holds a peak until it is reset", () => {
    const driver = new EngineDriver();
    const random = new SeededRandom(1);
    const ids = Array.from({ length: 100 }, () => driver.put(prefixPage(random, 2000)));
    const full = driver.engine.stats().mem_used_total;
    for (const id of ids.slice(10)) driver.engine.release(id);
    expect(driver.engine.stats().mem_used_max).toBe(full);
    driver.engine.resetPeak();
    const { mem_used_total, mem_used_max } = driver.engine.stats();
    expect(mem_used_max).toBe(mem_used_total);
    expect(mem_used_total).toBeLessThan(full);
  });
});

describe("memory_reserved", () => {
  it("stays the same when everything is released and filled in again", () => {
    const seed = testSeed("refill");
    const driver = new EngineDriver({ codecs: [new SizedCodec()] });
    const order = new SeededRandom(seed);
    const reserved: number[] = [];
    for (let round = 0; round < 4; round++) {
      const random = new SeededRandom(seed);
      const ids = Array.from({ length: 20_000 }, (_, number) =>
        driver.put(sizedPage({ number, lengths: [20 + random.below(PAGE_BYTES - 19)] })),
      );
      reserved.push(driver.engine.stats().memory_reserved);
      for (const id of shuffled(order, ids)) driver.engine.release(id);
      expect(driver.engine.stats()).toMatchObject({
        objects: 0,
        compr_data_size: 0,
        mem_used_total: 0,
        huge_pages: 0,
      });
    }
    console.log(`reserved ${reserved.join(", ")}`);
    expect(Math.max(...reserved) - reserved[0]!).toBeLessThanOrEqual(ARENA_BYTES);
  });

  it.each(["ascending", "descending", "random"])(
    "holds long zspages where single pages were released in %s order",
    (order) => {
      const random = new SeededRandom(testSeed(`pages released in ${order} order`));
      const driver = new EngineDriver({ codecs: [new SizedCodec()] });
      const fill = (count: number, length: number) =>
        Array.from({ length: count }, (_, number) =>
          driver.put(sizedPage({ number, lengths: [length] })),
        );
      const raw = fill(8000, PAGE_BYTES);
      const before = driver.engine.stats();
      if (order === "random") raw.splice(0, raw.length, ...shuffled(random, raw));
      if (order === "descending") raw.reverse();
      for (const id of raw) driver.engine.release(id);
      fill(8500, longestLength);
      const after = driver.engine.stats();
      // Eight pages hold nine of these objects.
      expect(after.mem_used_total).toBeGreaterThan(0.9 * before.mem_used_total);
      expect(after.mem_used_total).toBeLessThan(before.mem_used_total);
      expect(after.memory_reserved).toBeLessThanOrEqual(before.memory_reserved + ARENA_BYTES);
    },
  );

  it("levels off in a store that is overwritten for long, and compaction brings the pool together", () => {
    const random = new SeededRandom(testSeed("churn"));
    const driver = new EngineDriver({ codecs: [new SizedCodec()] });
    const held = Array.from({ length: 4000 }, () => ({ id: 0, number: 0, length: 0 }));
    const reserved: number[] = [];
    for (let step = 0; step < 200_000; step++) {
      const each = held[step < held.length ? step : random.below(held.length)]!;
      // The spread of lengths moves, so that places won from one class must serve the others.
      const middle = 600 + Math.round(1200 * (1 + Math.sin(step / 20_000)));
      const length = Math.max(20, middle - 500 + random.below(1000));
      const page = sizedPage({ number: step, lengths: [length] });
      each.id = driver.put(page, { old: each.id });
      Object.assign(each, { number: step, length });
      if (step % 20_000 === 19_999) reserved.push(driver.engine.stats().memory_reserved);
    }
    const before = driver.engine.stats();
    driver.engine.compact();
    const after = driver.engine.stats();
    const ratios = [before, after].map((stats) => stats.mem_used_total / stats.compr_data_size);
    console.log(`reserved ${reserved.join(", ")}; overhead ${ratios.join(", compacted ")}`);
    expect(reserved.at(-1)!).toBeLessThanOrEqual(Math.max(...reserved.slice(0, 7)) + ARENA_BYTES);
    expect(ratios[0]).toBeLessThan(2.2);
    expect(ratios[1]).toBeLessThan(1.2);
    for (const { id, number, length } of held) {
      const difference = differenceOf(driver.get(id)!, sizedPage({ number, lengths: [length] }));
      if (difference) assert.fail(`page ${number}: ${difference}`);
    }
  });
});

describe("tables", () => {
  it.each([
    { dedup: false, most: 40 },
    { dedup: true, most: 60 },
  ])("take at most $most bytes an object with dedup $dedup, two objects a page", (bound) => {
    const driver = new EngineDriver({ codecs: [new SizedCodec()], dedup: bound.dedup });
    for (let number = 0; number < 60_000; number++) {
      driver.put(sizedPage({ number, lengths: [2000] }));
      if (number % 10_000 !== 9999) continue;
      const bytes = driver.engine.stats().tables / (number + 1);
      expect(bytes, `${number + 1} objects`).toBeLessThan(bound.most);
      expect(bytes).toBeGreaterThan(16);
    }
  });
});
