import { expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { PageCache } from "../../../src/simulator/guest/page-cache.ts";
import { testSeed } from "../../support/seed.ts";

const seed = testSeed("page cache");
const FIRST_PAGE = 1000;

it("PageCache finds and orders what a map in order of use does", () => {
  const random = new SeededRandom(seed);
  const pages = 1 + random.below(60);
  const cache = new PageCache(FIRST_PAGE, pages);
  /** Page by key, the one used longest ago first. */
  const model = new Map<number, number>();
  const free = Array.from({ length: pages }, (_, index) => FIRST_PAGE + index);

  for (let operation = 0; operation < 20_000; operation++) {
    const key = random.below(3 * pages);
    const page = model.get(key);
    expect(cache.find(key)).toBe(page ?? -1);
    if (page === undefined && free.length > 0) {
      const taken = free.splice(random.below(free.length), 1)[0]!;
      cache.insert(taken, key);
      model.set(key, taken);
    } else if (page !== undefined) {
      model.delete(key);
      if (random.below(2) === 0) {
        cache.touch(page);
        model.set(key, page);
      } else {
        cache.remove(page);
        free.push(page);
      }
    }
    const [oldest = -1] = model.values();
    expect(cache.oldest).toBe(oldest);
    expect(cache.size).toBe(model.size);
  }
});

it("PageCache says which file page a page holds, until it is removed", () => {
  const cache = new PageCache(FIRST_PAGE, 4);
  expect(cache.keyOf(FIRST_PAGE + 2)).toBe(-1);
  cache.insert(FIRST_PAGE + 2, 77);
  expect(cache.keyOf(FIRST_PAGE + 2)).toBe(77);
  cache.remove(FIRST_PAGE + 2);
  expect(cache.keyOf(FIRST_PAGE + 2)).toBe(-1);
});
