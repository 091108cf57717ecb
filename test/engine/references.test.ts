/**
 * Objects through their life: random writes, overwrites, duplicates and releases against a map of what is held, with
 * every count of the engine derived anew from that map after each step.
 */

import { assert, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import type { EngineStats } from "../../src/engine/engine.ts";
import { EngineDriver } from "../support/engine-driver.ts";
import { differenceOf, samePage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";
import { longestLength } from "../support/size-classes.ts";
import { SizedCodec, sizedPage } from "../support/sized-codec.ts";

const STEPS = 6000;
const HANDLES = 120;
const DIFFERENT_PAGES = 90;

interface Held {
  readonly id: number;
  readonly number: number;
}

/** Every length of a place and beyond: 20 to 4096 bytes, those above the largest class stored raw. */
function lengthOf(number: number): number {
  return 20 + ((number * 1237) % (PAGE_BYTES - 19));
}

function expectedStats(held: readonly (Held | null)[]): Partial<EngineStats> {
  const references = new Map<number, number>();
  const lengths = new Map<number, number>();
  for (const each of held) {
    if (each === null) continue;
    references.set(each.id, (references.get(each.id) ?? 0) + 1);
    const length = lengthOf(each.number);
    lengths.set(each.id, length > longestLength ? PAGE_BYTES : length);
  }
  const expected = {
    objects: 0,
    compr_data_size: 0,
    dup_pages: 0,
    dup_data_size: 0,
    huge_pages: 0,
  };
  for (const [id, length] of lengths) {
    expected.objects += 1;
    expected.compr_data_size += length;
    expected.dup_pages += references.get(id)! - 1;
    expected.dup_data_size += length * (references.get(id)! - 1);
    expected.huge_pages += Number(length === PAGE_BYTES);
  }
  return expected;
}

describe.each([true, false])("Engine with dedup %s", (dedup) => {
  it("holds what was put, counts it exactly and forgets what was released", () => {
    const random = new SeededRandom(testSeed("references"));
    const driver = new EngineDriver({ dedup, codecs: [new SizedCodec()] });
    const { engine } = driver;
    const held: (Held | null)[] = new Array<null>(HANDLES).fill(null);
    for (let step = 0; step < STEPS; step++) {
      const at = random.below(HANDLES);
      const old = held[at]?.id ?? 0;
      const kind = random.below(10);
      if (kind < 6) {
        const number = random.below(DIFFERENT_PAGES);
        const page = sizedPage({ number, lengths: [lengthOf(number)] });
        held[at] = { id: driver.put(page, { old }), number };
      } else if (kind === 6) {
        driver.put(samePage(step), { old });
        held[at] = null;
      } else if (old !== 0) {
        engine.release(old);
        held[at] = null;
      }
      const stats = engine.stats();
      expect(stats, `step ${step}`).toMatchObject(expectedStats(held));
      if (stats.mem_used_total % PAGE_BYTES !== 0 || stats.mem_used_total < stats.compr_data_size) {
        assert.fail(`step ${step}: mem_used_total is ${stats.mem_used_total}`);
      }
      const look = held[random.below(HANDLES)];
      if (!look) continue;
      const page = sizedPage({ number: look.number, lengths: [lengthOf(look.number)] });
      const difference = differenceOf(driver.get(look.id)!, page);
      if (difference) assert.fail(`step ${step}: ${difference}`);
    }
    for (const each of held) if (each !== null) engine.release(each.id);
    expect(engine.stats()).toMatchObject({ ...expectedStats([]), mem_used_total: 0 });
  });
});

describe("Engine.release", () => {
  it("ends an object with its last reference, no earlier", () => {
    const driver = new EngineDriver();
    const page = sizedPage({ number: 1, lengths: [100] });
    const id = [1, 2, 3].map(() => driver.put(page))[0]!;
    for (const left of [2, 1]) {
      driver.engine.release(id);
      expect(driver.engine.referencesOf(id)).toBe(left);
      expect(differenceOf(driver.get(id)!, page)).toBeNull();
    }
    driver.engine.release(id);
    expect(driver.engine.referencesOf(id)).toBe(0);
  });

  it("makes the contents unknown: the same page is a new object then", () => {
    const driver = new EngineDriver();
    const page = sizedPage({ number: 1, lengths: [100] });
    driver.engine.release(driver.put(page));
    driver.put(sizedPage({ number: 2, lengths: [100] }));
    driver.put(page);
    expect(driver.engine.stats()).toMatchObject({ objects: 2, dup_pages: 0 });
  });

  it("lets ids be used again, so that the table of objects does not grow", () => {
    const driver = new EngineDriver();
    for (let number = 0; number < 5000; number++) {
      driver.engine.release(driver.put(sizedPage({ number, lengths: [100] })));
    }
    expect(driver.engine.idEnd()).toBeLessThanOrEqual(3);
  });
});
