/** What goes when memory runs short, what never does, and whose: limits, weights, recency. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { openTmem, type Tmem, type TmemPool } from "../../src/index.ts";
import { fixturePages } from "../support/fixtures.ts";
import { differenceOf, numberedPage, randomPage, samePage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";

const LIMIT_PAGES = 64;

async function smallTmem(): Promise<Tmem> {
  return openTmem({ memoryLimitBytes: LIMIT_PAGES * PAGE_BYTES });
}

function holds(pool: TmemPool, index: number): boolean {
  const target = new Uint8Array(PAGE_BYTES);
  if (!pool.get(0, index, target)) return false;
  pool.put(0, index, target);
  return true;
}

/** Puts pages of noise, each a page of memory: how many were taken. */
function putNoise(pool: TmemPool, count: number, random: SeededRandom): number {
  let stored = 0;
  for (let index = 0; index < count; index++) {
    if (pool.put(0, index, randomPage(random))) stored += 1;
  }
  return stored;
}

describe("an ephemeral pool without room", () => {
  it("drops its least recently used pages, and what was put last stays", async () => {
    const pool = (await smallTmem()).addClient({ name: "a" }).openPool({ kind: "ephemeral" });
    expect(putNoise(pool, 200, new SeededRandom(1))).toBe(200);
    const { pages, dropped } = pool.stats();
    expect(pages).toBe(LIMIT_PAGES);
    expect(dropped).toBe(200 - LIMIT_PAGES);
    const held = Array.from({ length: 200 }, (_, index) => holds(pool, index));
    expect(held.indexOf(true)).toBe(200 - LIMIT_PAGES);
    expect(held.slice(200 - LIMIT_PAGES).every(Boolean)).toBe(true);
  });

  it("keeps, if shared, what was got since", async () => {
    const uuid = "00000000-0000-0000-0000-000000000001";
    const pool = (await smallTmem()).addClient({ name: "a" }).openPool({ kind: "ephemeral", uuid });
    const random = new SeededRandom(1);
    const target = new Uint8Array(PAGE_BYTES);
    putNoise(pool, LIMIT_PAGES, random);
    for (let index = 0; index < 10; index++) pool.get(0, index, target);
    for (let index = 100; index < 120; index++) pool.put(0, index, randomPage(random));
    const held = Array.from({ length: 30 }, (_, index) => pool.get(0, index, target));
    expect(held).toEqual(held.map((_, index) => index < 10));
  });

  it("wastes little of the memory while pages of every size come and go", async () => {
    const limitBytes = 2 ** 21;
    const tmem = await openTmem({ memoryLimitBytes: limitBytes });
    const pool = tmem.addClient({ name: "a" }).openPool({ kind: "ephemeral" });
    const corpus = fixturePages("guest-a-node");
    for (let index = 0; index < 4000; index++) {
      pool.put(0, index, corpus.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES));
    }
    const { mem_used_total, compr_data_size } = tmem.stats();
    expect(mem_used_total).toBeLessThanOrEqual(limitBytes);
    expect(compr_data_size).toBeGreaterThan(0.7 * limitBytes);
  });
});

describe("a persistent pool without room", () => {
  it("refuses a put once no ephemeral page is left, and loses nothing", async () => {
    const tmem = await smallTmem();
    const client = tmem.addClient({ name: "a" });
    const cache = client.openPool({ kind: "ephemeral" });
    const swap = client.openPool({ kind: "persistent" });
    putNoise(cache, LIMIT_PAGES, new SeededRandom(1));
    expect(putNoise(swap, 100, new SeededRandom(2))).toBe(LIMIT_PAGES);
    expect(cache.stats()).toMatchObject({ pages: 0, dropped: LIMIT_PAGES });
    expect(swap.stats()).toMatchObject({ pages: LIMIT_PAGES, puts_refused: 36, dropped: 0 });
    expect(cache.put(0, 0, randomPage(new SeededRandom(3)))).toBe(false);
    const random = new SeededRandom(2);
    const target = new Uint8Array(PAGE_BYTES);
    for (let index = 0; index < LIMIT_PAGES; index++) {
      expect(swap.get(0, index, target)).toBe(true);
      expect(differenceOf(target, randomPage(random))).toBeNull();
    }
  });

  it("still takes what needs no memory, and what is smaller in the place of what was there", async () => {
    const swap = (await smallTmem()).addClient({ name: "a" }).openPool({ kind: "persistent" });
    putNoise(swap, LIMIT_PAGES, new SeededRandom(2));
    expect(swap.put(1, 0, samePage(5))).toBe(true);
    expect(swap.put(0, 3, numberedPage(3))).toBe(true);
  });

  it("flushes the old page when the one to replace it is refused", async () => {
    const swap = (await smallTmem()).addClient({ name: "a" }).openPool({ kind: "persistent" });
    // Two small pages, so that flushing one of them frees no page of memory.
    for (const index of [8, 9]) expect(swap.put(9, index, numberedPage(index))).toBe(true);
    putNoise(swap, 100, new SeededRandom(2));
    const { pages } = swap.stats();
    expect(swap.put(9, 9, randomPage(new SeededRandom(3)))).toBe(false);
    expect(swap.get(9, 9, new Uint8Array(PAGE_BYTES))).toBe(false);
    expect(swap.stats()).toMatchObject({ pages: pages - 1, flushes: 1 });
  });

  it("loses no page whatever others put and however the limit changes", async () => {
    const random = new SeededRandom(testSeed("persistent pages under pressure"));
    const tmem = await smallTmem();
    const swap = tmem.addClient({ name: "swap" }).openPool({ kind: "persistent" });
    const caches = Array.from({ length: 3 }, (_, number) =>
      tmem.addClient({ name: `cache ${number}` }).openPool({ kind: "ephemeral" }),
    );
    const expected = new Map<number, Uint8Array>();
    const target = new Uint8Array(PAGE_BYTES);
    for (let step = 0; step < 6000; step++) {
      const page = random.below(3) === 0 ? randomPage(random) : numberedPage(random.below(500));
      const index = random.below(60);
      if (random.below(4) > 0) caches[random.below(3)]!.put(0, random.below(300), page);
      else if (swap.put(0, index, page)) expected.set(index, page);
      else expected.delete(index);
      if (step % 100 === 0) tmem.setMemoryLimit((1 + random.below(40)) * PAGE_BYTES);
      if (step % 50 > 0) continue;
      for (const [known, content] of expected) {
        if (!swap.get(0, known, target)) expect.fail(`page ${known} is lost`);
        if (differenceOf(target, content) !== null) expect.fail(`page ${known} is another`);
      }
      expect(swap.stats().pages).toBe(expected.size);
    }
    expect(swap.stats()).toMatchObject({ dropped: 0 });
    // 148 in the mean of seeds, sigma 24.
    expect(swap.stats().puts_refused).toBeGreaterThan(20);
  });
});

describe("weight", () => {
  it("divides the memory between clients that all want more", async () => {
    const tmem = await smallTmem();
    const pools = [1, 2, 5].map((weight) =>
      tmem.addClient({ name: `weight ${weight}`, weight }).openPool({ kind: "ephemeral" }),
    );
    const random = new SeededRandom(1);
    for (let index = 0; index < 300; index++) {
      for (const pool of pools) pool.put(0, index, randomPage(random));
    }
    for (const [place, share] of [8, 16, 40].entries()) {
      expect(Math.abs(pools[place]!.stats().pages - share)).toBeLessThanOrEqual(1);
    }
  });

  it("lets a client use what others leave", async () => {
    const tmem = await smallTmem();
    tmem.addClient({ name: "quiet", weight: 100 }).openPool({ kind: "ephemeral" });
    const busy = tmem.addClient({ name: "busy" }).openPool({ kind: "ephemeral" });
    putNoise(busy, 200, new SeededRandom(1));
    expect(busy.stats().pages).toBe(LIMIT_PAGES);
  });
});

describe("limitBytes", () => {
  it("drops the client's own ephemeral pages and nobody else's", async () => {
    const tmem = await openTmem();
    const other = tmem.addClient({ name: "other" }).openPool({ kind: "ephemeral" });
    for (let index = 0; index < 20; index++) other.put(0, index, numberedPage(index));
    const client = tmem.addClient({ name: "a", limitBytes: 10 * PAGE_BYTES + 4095 });
    const pool = client.openPool({ kind: "ephemeral" });
    for (let index = 0; index < 30; index++)
      expect(pool.put(0, index, samePage(index + 1))).toBe(true);
    expect(pool.stats()).toMatchObject({ pages: 10, dropped: 20 });
    expect(other.stats()).toMatchObject({ pages: 20, dropped: 0 });
    expect(holds(pool, 29)).toBe(true);
  });

  it("refuses a persistent page more, duplicates and same-filled ones too, and takes every replacement", async () => {
    const client = (await openTmem()).addClient({ name: "a", limitBytes: 3 * PAGE_BYTES });
    const pool = client.openPool({ kind: "persistent" });
    for (let index = 0; index < 3; index++) pool.put(0, index, numberedPage(0));
    expect(pool.put(0, 3, numberedPage(0))).toBe(false);
    expect(pool.put(0, 3, samePage(0))).toBe(false);
    expect(pool.put(0, 2, numberedPage(7))).toBe(true);
    expect(client.stats()).toMatchObject({ persistent_pages: 3, puts_refused: 2 });
  });
});

describe("Tmem.setMemoryLimit", () => {
  it("drops ephemeral pages beyond a lowered limit, the oldest first, and no persistent one", async () => {
    const tmem = await smallTmem();
    const client = tmem.addClient({ name: "a" });
    const swap = client.openPool({ kind: "persistent" });
    const cache = client.openPool({ kind: "ephemeral" });
    putNoise(swap, 10, new SeededRandom(1));
    putNoise(cache, 50, new SeededRandom(2));
    tmem.setMemoryLimit(32 * PAGE_BYTES);
    expect(tmem.stats().mem_used_total).toBeLessThanOrEqual(32 * PAGE_BYTES);
    expect(cache.stats().pages).toBeGreaterThan(16);
    expect(holds(cache, 49)).toBe(true);
    tmem.setMemoryLimit(5 * PAGE_BYTES);
    expect(swap.stats().pages).toBe(10);
    expect(cache.stats().pages).toBe(0);
  });
});
