/** The table of keys against maps, at a size where its buckets were split many times and its entries reused. */

import { expect, it, vi } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { ChainedTable } from "../../src/tmem/chained-table.ts";
import { PageTable } from "../../src/tmem/page-table.ts";
import { seededKeys } from "../support/engine-driver.ts";
import { testSeed } from "../support/seed.ts";

const POOLS = [1, 2, 300];
/** Numbers that share most of their bits, as inodes of one file system do, and the extremes. */
const OBJECTS = [0, 1, 2, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 52, 2 ** 53 - 1];

it("PageTable finds what was inserted and not removed, by pool, object and index", () => {
  const random = new SeededRandom(testSeed("page table"));
  const table = new PageTable(seededKeys(1));
  const pools = POOLS.map((number) => ({ number, hash: table.hashOfPool(number) }));
  const expected = new Map<string, number>();
  for (let step = 0; step < 100_000; step++) {
    const pool = pools[random.below(pools.length)]!;
    const object = OBJECTS[random.below(OBJECTS.length)]!;
    const index = random.below(3) === 0 ? 2 ** 32 - 1 - random.below(2000) : random.below(2000);
    const key = `${pool.number} ${object} ${index}`;
    table.seek(pool, object);
    const page = table.find(index);
    if (page !== (expected.get(key) ?? 0)) expect.fail(`${key}: ${page}, not ${expected.get(key)}`);
    if (page === 0) {
      if (!table.prepare()) expect.fail("there is room");
      expected.set(key, table.insert(index));
    } else if (random.below(4) === 0) {
      table.remove(page);
      expected.delete(key);
    }
  }
  expect(table.count).toBe(expected.size);
  expect(new Set(expected.values()).size).toBe(expected.size);
  const [last, ...others] = pools;
  for (const pool of others) {
    for (const object of OBJECTS) {
      table.seek(pool, object);
      const own = [...expected].filter(([key]) => key.startsWith(`${pool.number} ${object} `));
      const left = new Set(own.map(([, page]) => page));
      for (let page = table.firstPage(); page !== 0; page = table.firstPage()) {
        left.delete(page);
        table.remove(page);
      }
      expect(left.size).toBe(0);
    }
    expect(table.somePageOf(pool.number)).toBe(0);
  }
  expect(table.count).toBeGreaterThan(0);
  for (let page = table.somePageOf(last!.number); page !== 0; ) {
    table.remove(page);
    page = table.somePageOf(last!.number);
  }
  expect(table.count).toBe(0);
});

it("PageTable finds a pool's own pages without a look at those of others", () => {
  const table = new PageTable(seededKeys(1));
  const [large, small] = [1, 2].map((number) => ({ number, hash: table.hashOfPool(number) }));
  const insert = (pool: typeof large, object: number): number => {
    table.seek(pool!, object);
    expect(table.prepare()).toBe(true);
    return table.insert(0);
  };
  for (let object = 0; object < 5000; object++) insert(large, object);
  const own = [7, 8, 9].map((object) => insert(small, object));
  const looks = vi.spyOn(ChainedTable.prototype, "get");
  const found: number[] = [];
  for (let page = table.somePageOf(2); page !== 0; page = table.somePageOf(2)) {
    found.push(page);
    table.remove(page);
  }
  const { length } = looks.mock.calls;
  looks.mockRestore();
  expect(found.toSorted((one, other) => one - other)).toEqual(own);
  expect(length).toBeLessThan(200);
  expect(table.somePageOf(1)).toBeGreaterThan(0);
  expect(table.somePageOf(300)).toBe(0);
});

it("ChainedTable keeps chains short however many entries there are", () => {
  const random = new SeededRandom(testSeed("chained table"));
  const table = new ChainedTable(2, 2 ** 20);
  let longest = 0;
  for (let count = 0; count < 100_000; count++) {
    const hash = random.uint32() | 0;
    table.prepare();
    table.insert(hash);
    let length = 0;
    for (let entry = table.first(hash); entry !== 0; entry = table.next(entry)) length += 1;
    longest = Math.max(longest, length);
  }
  // At most two entries a bucket on average: P(X >= 24) of a Poisson of mean 2 is 1e-17, times 100,000 looks.
  expect(longest).toBeLessThan(25);
});

it("ChainedTable never grows by more than a segment at an insertion", () => {
  const random = new SeededRandom(1);
  const table = new ChainedTable(2, 2 ** 20);
  let most = 0;
  for (let count = 0; count < 100_000; count++) {
    const before = table.bytes;
    table.prepare();
    table.insert(random.uint32() | 0);
    most = Math.max(most, table.bytes - before);
  }
  // A segment of 4096 entries of two words, and one of 4096 buckets.
  expect(most).toBeLessThanOrEqual(4096 * 4 * (2 + 1));
});

it("ChainedTable refuses an entry more than it may hold, and takes one again after a removal", () => {
  const table = new ChainedTable(3, 3);
  for (const hash of [5, 5, -7]) {
    expect(table.prepare()).toBe(true);
    table.insert(hash);
  }
  expect(table.prepare()).toBe(false);
  table.remove(2);
  expect(table.prepare()).toBe(true);
  expect(table.insert(9)).toBe(2);
  expect(table.first(5)).toBe(1);
});
