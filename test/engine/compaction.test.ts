/**
 * Compaction: contents stay, pages come back, as many as are counted, until the pool is about as small as a fresh
 * one.
 */

import { assert, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { EngineDriver } from "../support/engine-driver.ts";
import { differenceOf } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";
import { leastPoolBytes } from "../support/size-classes.ts";
import { SizedCodec, sizedPage } from "../support/sized-codec.ts";

const FILLED = 20_000;

interface Held {
  readonly id: number;
  readonly number: number;
  readonly length: number;
}

const pageOf = ({ number, length }: Omit<Held, "id">) => sizedPage({ number, lengths: [length] });

function filled(driver: EngineDriver, random: SeededRandom): Held[] {
  return Array.from({ length: FILLED }, (_, number) => {
    const length = 20 + random.below(3600);
    return { id: driver.put(pageOf({ number, length })), number, length };
  });
}

/** Releases those for which `isGone` says so, and gives back the others. */
function thinned(driver: EngineDriver, held: readonly Held[], isGone: (at: number) => boolean) {
  return held.filter(({ id }, at) => {
    if (isGone(at)) driver.engine.release(id);
    return !isGone(at);
  });
}

function checkContents(driver: EngineDriver, held: readonly Held[]): void {
  for (const each of held) {
    const page = driver.get(each.id);
    const difference = page ? differenceOf(page, pageOf(each)) : "does not decode";
    if (difference) assert.fail(`object ${each.id}: ${difference}`);
  }
}

/** What a store needs that never held anything else. */
function freshBytes(held: readonly Held[]): number {
  const driver = new EngineDriver({ codecs: [new SizedCodec()] });
  for (const each of held) driver.put(pageOf(each));
  return driver.engine.stats().mem_used_total;
}

const SHAPES = [
  { shape: "every other object", isGone: () => (at: number) => at % 2 === 0, most: 1.06 },
  {
    shape: "80 % of the objects at random",
    isGone: (random: SeededRandom) => {
      const gone = Array.from({ length: FILLED }, () => random.below(5) > 0);
      return (at: number) => gone[at]!;
    },
    most: 1.17,
  },
  { shape: "the first 90 %", isGone: () => (at: number) => at < FILLED * 0.9, most: 1.4 },
];

describe.each(SHAPES)("Engine.compact after releasing $shape", ({ isGone, most }) => {
  const random = new SeededRandom(testSeed("compaction"));
  const driver = new EngineDriver({ codecs: [new SizedCodec()] });
  const held = thinned(driver, filled(driver, random), isGone(random));
  const before = driver.engine.stats();
  const pages = driver.engine.compact();
  const after = driver.engine.stats();

  it("leaves every object's contents", () => {
    checkContents(driver, held);
  });

  it("gives back the pages it says, and counts them", () => {
    expect(pages).toBeGreaterThan(0);
    expect(after.mem_used_total).toBe(before.mem_used_total - pages * PAGE_BYTES);
    expect(after.pages_compacted).toBe(before.pages_compacted + pages);
  });

  it("changes nothing else that is counted", () => {
    const { mem_used_total, pages_compacted } = after;
    expect(after).toEqual({ ...before, mem_used_total, pages_compacted });
  });

  it("brings mem_used_total near the least that rounding allows, and a fresh store's", () => {
    const least = leastPoolBytes(held.map(({ length }) => length));
    const fresh = freshBytes(held);
    const ratios = [before.mem_used_total / least, after.mem_used_total / least, fresh / least];
    console.log(`to the least: ${ratios.map((ratio) => ratio.toFixed(3)).join(", fresh ")}`);
    expect(after.mem_used_total / least).toBeLessThan(most);
    expect(after.mem_used_total / fresh).toBeLessThan(1.12);
  });

  it("finds nothing more to do at once", () => {
    expect(driver.engine.compact()).toBe(0);
  });

  it("leaves a pool that takes new pages and can be emptied", () => {
    const added = filled(driver, random);
    checkContents(driver, held);
    checkContents(driver, added);
    for (const { id } of [...held, ...added]) driver.engine.release(id);
    expect(driver.engine.stats()).toMatchObject({ mem_used_total: 0, compr_data_size: 0 });
  });
});

describe("Engine.compact", () => {
  it("gives back nothing of an empty store, a full one and one of raw pages", () => {
    const driver = new EngineDriver({ codecs: [new SizedCodec()] });
    expect(driver.engine.compact()).toBe(0);
    const raw = Array.from({ length: 100 }, (_, number) =>
      driver.put(pageOf({ number, length: PAGE_BYTES })),
    );
    for (let at = 0; at < raw.length; at += 2) driver.engine.release(raw[at]!);
    expect(driver.engine.compact()).toBe(0);
    expect(driver.engine.stats()).toMatchObject({ mem_used_total: 50 * PAGE_BYTES });
  });

  it("empties a short zspage into a longer one that is emptier by share but has the room", () => {
    const driver = new EngineDriver({ codecs: [new SizedCodec()] });
    const length = 1400;
    // A class begins with zspages of one page and goes on to longer ones.
    const held = Array.from({ length: 200 }, (_, number) => {
      const before = driver.engine.stats().mem_used_total;
      const id = driver.put(pageOf({ number, length }));
      const pages = (driver.engine.stats().mem_used_total - before) / PAGE_BYTES;
      return { id, number, length, pages };
    });
    const last = held.findLastIndex(({ pages }) => pages > 1);
    const [short, ...released] = held.slice(0, last);
    for (const { id } of released) driver.engine.release(id);
    const kept = [short!, ...held.slice(last, last + 2)];
    for (const { id } of held.slice(last + 2)) driver.engine.release(id);
    const longPages = held[last]!.pages;
    expect(driver.engine.stats().mem_used_total).toBe((1 + longPages) * PAGE_BYTES);
    expect(driver.engine.compact()).toBeGreaterThan(0);
    checkContents(driver, kept);
  });

  it("keeps shared, recoded and taken-over objects whole through rounds of change", () => {
    const random = new SeededRandom(testSeed("compaction rounds"));
    const codecs = [new SizedCodec(0), new SizedCodec(1)];
    const driver = new EngineDriver({ codecs });
    const held = new Map<number, { id: number; page: Uint8Array }>();
    for (let round = 0; round < 40; round++) {
      for (let count = 0; count < 300; count++) {
        const at = random.below(600);
        const lengths = [20 + random.below(3600), 20 + random.below(3600)];
        const number = random.below(3) === 0 ? 1 : random.uint32();
        const page = sizedPage({ number, lengths: number === 1 ? [1500, 800] : lengths });
        held.set(at, { id: driver.put(page, { old: held.get(at)?.id ?? 0 }), page });
      }
      for (const [at, { id }] of [...held]) {
        const kind = random.below(6);
        if (kind < 2) {
          driver.engine.release(id);
          held.delete(at);
        } else if (kind === 2 && driver.engine.priorityOf(id) === 0) {
          driver.recode(id, 1);
        }
      }
      driver.engine.compact();
      for (const { id, page } of held.values()) {
        const difference = differenceOf(driver.get(id)!, page);
        if (difference) assert.fail(`round ${round}, object ${id}: ${difference}`);
      }
    }
  });
});
