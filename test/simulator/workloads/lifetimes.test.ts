import { afterEach, describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import type { Guest } from "../../../src/simulator/guest/guest.ts";
import { PAGE_CLASS } from "../../../src/simulator/page-classes.ts";
import { Carry } from "../../../src/simulator/workloads/carry.ts";
import { Lifetimes } from "../../../src/simulator/workloads/lifetimes.ts";
import { ShortLivedFiles } from "../../../src/simulator/workloads/short-lived-files.ts";
import { testSeed } from "../../support/seed.ts";
import { type OpenGuests, openGuests } from "./open-guests.ts";

const seed = testSeed("lifetimes");
const PAGES = 20_000;

let world: OpenGuests | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

async function openGuest(): Promise<Guest> {
  world = await openGuests({ seed, guests: [{ pages: 64 }, { pages: PAGES }] });
  return world.guests[1]!;
}

function ended(lifetimes: Lifetimes, nowSeconds: number): number[] {
  const pages: number[] = [];
  for (let page = lifetimes.next(nowSeconds); page >= 0; page = lifetimes.next(nowSeconds)) {
    pages.push(page);
  }
  return pages;
}

describe("Lifetimes", () => {
  it("ends each page once, within a sixteenth of a second of the last time it was given", async () => {
    const guest = await openGuest();
    const lifetimes = new Lifetimes(guest);
    const random = new SeededRandom(seed);
    const endOf = new Map<number, number>();
    let now = 0;
    for (let step = 0; step < 400; step++) {
      for (let left = random.below(30); left > 0; left--) {
        const page = guest.firstPage + random.below(200);
        // Up to four times round the ring.
        const end = now + 2048 * (random.below(1000) / 1000) ** 3;
        lifetimes.end(page, end);
        endOf.set(page, end);
      }
      now += random.below(100) / 10;
      for (const page of ended(lifetimes, now)) {
        expect(endOf.get(page)).toBeLessThanOrEqual(now);
        endOf.delete(page);
      }
      const late = [...endOf.values()].filter((end) => end <= now - 1 / 16);
      expect(late).toEqual([]);
    }
  });

  it("passes by a page that has left the cache, or holds another file page", async () => {
    const guest = await openGuest();
    const lifetimes = new Lifetimes(guest);
    const file = guest.contents.reserve(3);
    const [gone, reused, kept] = [0, 1, 2].map((index) => guest.fileRead(file, index));
    for (const page of [gone!, reused!, kept!]) lifetimes.end(page, 1);
    guest.drop(gone!);
    guest.drop(reused!);
    expect(guest.allocate(PAGE_CLASS.anonymous)).toBe(reused);
    expect(ended(lifetimes, 2)).toEqual([kept]);
  });
});

describe("ShortLivedFiles", () => {
  it("keeps file pages as long as its log-normal law says", async () => {
    const guest = await openGuest();
    const random = new SeededRandom(seed);
    const files = new ShortLivedFiles(guest, { random, medianSeconds: 10, sigma: 1.2 });
    const first = guest.contents.reserve(PAGES);
    for (let index = 0; index < PAGES; index++) files.read(first + index, 0);
    // Standard normal quantiles, from tables, and the lifetimes that belong to them.
    for (const [probability, normal] of [
      [0.1, -1.281552],
      [0.5, 0],
      [0.9, 1.281552],
      [0.99, 2.326348],
    ] as const) {
      files.expire(10 * Math.exp(1.2 * normal) + 1 / 16);
      const expected = PAGES * (1 - probability);
      const deviation = Math.sqrt(PAGES * probability * (1 - probability));
      // At most so many more end within a sixteenth of a second.
      const rounding = PAGES * 0.005;
      expect(Math.abs(guest.cachePages - expected)).toBeLessThan(5 * deviation + rounding);
    }
  });

  it("does not keep them longer for being read again", async () => {
    const guest = await openGuest();
    const random = new SeededRandom(seed);
    const files = new ShortLivedFiles(guest, { random, medianSeconds: 1, sigma: 0 });
    const page = guest.contents.fresh();
    expect(files.read(page, 0)).toBe(true);
    expect(files.read(page, 0.9)).toBe(false);
    files.expire(1.1);
    expect(guest.cachePages).toBe(0);
  });
});

describe("Carry", () => {
  it("takes all there is, whatever the pieces", () => {
    const random = new SeededRandom(seed);
    const carry = new Carry();
    let [total, taken] = [0, 0];
    for (let step = 0; step < 1000; step++) {
      const amount = random.below(64) / 32;
      total += amount;
      taken += carry.take(amount);
    }
    expect(taken).toBe(Math.floor(total));
  });
});
