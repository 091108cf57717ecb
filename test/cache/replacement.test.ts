import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { Replacement } from "../../src/cache/replacement.ts";
import { CLEAN, DIRTY } from "../../src/cache/slot-state.ts";
import { testSeed } from "../support/seed.ts";

/** A cache of `slots` pages under that replacement: whether each access hit. */
class Simulated {
  readonly state: Uint8Array;
  readonly queues: Replacement;
  readonly #slotOf = new Map<number, number>();
  readonly #pageOf: number[] = [];

  constructor(slots: number) {
    this.state = new Uint8Array(slots);
    this.queues = new Replacement(this.state);
  }

  access(page: number): boolean {
    const known = this.#slotOf.get(page);
    if (known !== undefined) {
      this.queues.touch(known);
      return true;
    }
    let slot = this.#slotOf.size;
    if (slot === this.state.length) {
      slot = this.queues.victim();
      this.queues.remember(this.#pageOf[slot]!);
      this.queues.remove(slot);
      this.#slotOf.delete(this.#pageOf[slot]!);
    }
    this.#slotOf.set(page, slot);
    this.#pageOf[slot] = page;
    this.queues.add(slot, page, false);
    return false;
  }
}

/** The same with the least recently used page leaving. */
function lruHits(slots: number, pages: readonly number[]): number {
  const cached = new Map<number, true>();
  let hits = 0;
  for (const page of pages) {
    if (cached.delete(page)) hits += 1;
    cached.set(page, true);
    if (cached.size > slots) cached.delete(cached.keys().next().value!);
  }
  return hits;
}

function hits(slots: number, pages: readonly number[]): number {
  const simulated = new Simulated(slots);
  return pages.filter((page) => simulated.access(page)).length;
}

describe("Replacement", () => {
  it("keeps pages that are read again while a scan of many more goes by", () => {
    const simulated = new Simulated(1000);
    const hot = Array.from({ length: 500 }, (_, page) => page);
    for (let round = 0; round < 4; round++) for (const page of hot) simulated.access(page);
    for (let page = 10_000; page < 30_000; page++) simulated.access(page);
    expect(hot.filter((page) => simulated.access(page)).length).toBe(hot.length);
  });

  it("keeps a page that comes back soon after it left, while a scan goes by", () => {
    const simulated = new Simulated(1000);
    for (let page = 0; page < 2000; page++) simulated.access(page);
    // The last that left.
    const back = Array.from({ length: 10 }, (_, at) => 990 + at);
    expect(back.filter((page) => simulated.access(page))).toEqual([]);
    for (let page = 10_000; page < 15_000; page++) simulated.access(page);
    expect(back.filter((page) => simulated.access(page)).length).toBeGreaterThanOrEqual(8);
  });

  it("hits at least as often as least recently used, for pages of a skewed popularity", () => {
    const random = new SeededRandom(testSeed("replacement"));
    // The power of a uniform number: some pages far more often than others.
    const pages = Array.from({ length: 100_000 }, () =>
      Math.floor(20_000 * (random.uint32() / 2 ** 32) ** 4),
    );
    expect(hits(2000, pages)).toBeGreaterThanOrEqual(lruHits(2000, pages));
  });

  it("never gives a page that is not clean, and gives each that is", () => {
    const random = new SeededRandom(testSeed("replacement states"));
    const state = new Uint8Array(300);
    const queues = new Replacement(state);
    for (let slot = 0; slot < 300; slot++) queues.add(slot, slot, false);
    for (let touch = 0; touch < 600; touch++) queues.touch(random.below(300));
    const clean = new Set<number>();
    for (let slot = 0; slot < 300; slot++) {
      state[slot] = random.below(2) === 0 ? CLEAN : DIRTY;
      if (state[slot] === CLEAN) clean.add(slot);
    }
    const given: number[] = [];
    for (let slot = queues.victim(); slot >= 0; slot = queues.victim()) {
      queues.remove(slot);
      given.push(slot);
    }
    expect(given.sort((left, right) => left - right)).toEqual([...clean]);
  });

  it("gives for a guess no page that was read again", () => {
    const queues = new Replacement(new Uint8Array(100));
    for (let slot = 0; slot < 100; slot++) queues.add(slot, slot, false);
    for (let round = 0; round < 2; round++)
      for (let slot = 0; slot < 90; slot++) queues.touch(slot);
    const given: number[] = [];
    for (let slot = queues.coldVictim(); slot >= 0; slot = queues.coldVictim()) {
      queues.remove(slot);
      given.push(slot);
    }
    expect(given.sort((left, right) => left - right)).toEqual([
      90, 91, 92, 93, 94, 95, 96, 97, 98, 99,
    ]);
  });

  it("counts reads of parts of a page in a row as one", () => {
    const queues = new Replacement(new Uint8Array(2));
    queues.add(0, 0, false);
    for (let part = 0; part < 8; part++) queues.touch(0);
    queues.add(1, 1, false);
    expect(queues.victim()).toBe(0);
  });

  it("tells when a guess is asked for first, and when one leaves that never was", () => {
    const queues = new Replacement(new Uint8Array(2));
    queues.add(0, 0, true);
    queues.add(1, 1, true);
    expect([queues.touch(0), queues.touch(0), queues.guesses]).toEqual([true, false, 1]);
    expect([queues.remove(0), queues.remove(1), queues.guesses]).toEqual([false, true, 0]);
  });
});
