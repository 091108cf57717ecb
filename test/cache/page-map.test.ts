import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { NONE, PageMap } from "../../src/cache/page-map.ts";
import { testSeed } from "../support/seed.ts";

const SLOTS = 5000;

/** Adds and removes at random, beside a map of the language's: every look-up that differs. */
function differences(random: SeededRandom, pageOf: () => number): string[] {
  const map = new PageMap(SLOTS, (target) => random.fill(target));
  const model = new Map<number, number>();
  const free = Array.from({ length: SLOTS }, (_, slot) => slot);
  const wrong: string[] = [];
  for (let step = 0; step < 40_000; step++) {
    const page = pageOf();
    const slot = model.get(page);
    if (map.find(page) !== (slot ?? NONE)) wrong.push(`page ${page}`);
    if (slot !== undefined && random.below(2) === 0) {
      map.remove(slot);
      model.delete(page);
      free.push(slot);
    } else if (slot === undefined && free.length > 0) {
      map.add(page, free[0]!);
      model.set(page, free.shift()!);
    }
  }
  for (const [page, slot] of model) {
    if (map.find(page) !== slot || map.pageOf(slot) !== page) wrong.push(`page ${page} at the end`);
  }
  if (map.size !== model.size) wrong.push(`${map.size} pages, not ${model.size}`);
  return wrong;
}

describe("PageMap", () => {
  it("finds what a map of the language finds, of pages all over 16 TiB", () => {
    const random = new SeededRandom(testSeed("page map"));
    const pages = Array.from({ length: 8000 }, () => random.uint32());
    expect(differences(random, () => pages[random.below(pages.length)]!)).toEqual([]);
  });

  it("finds it where all slots are in use, of pages in a row", () => {
    const random = new SeededRandom(testSeed("page map, in a row"));
    expect(differences(random, () => random.below(SLOTS + 50))).toEqual([]);
  });

  it("takes at most 12 bytes of entries for each page once it has grown", () => {
    const map = new PageMap(100_000, (target) => target.fill(7));
    for (let slot = 0; slot < 100_000; slot++) map.add(slot * 3, slot);
    expect(map.entryBytes).toBeLessThanOrEqual(12 * 100_000);
  });
});
