import { afterEach, describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { ZERO_CONTENT } from "../../../src/simulator/contents.ts";
import { type Guest, NO_PAGE } from "../../../src/simulator/guest/guest.ts";
import { COSTS } from "../../../src/simulator/memory/costs.ts";
import { PAGE_CLASS } from "../../../src/simulator/page-classes.ts";
import { testSeed } from "../../support/seed.ts";
import { type OpenGuests, openGuests } from "../workloads/open-guests.ts";

const seed = testSeed("guest");

let world: OpenGuests | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

async function openGuest(pages: number, options: { zeroOnFree?: boolean } = {}): Promise<Guest> {
  world = await openGuests({ seed, guests: [{ pages, ...options }] });
  return world.guests[0]!;
}

describe("Guest.allocate", () => {
  it("gives the page freed last first", async () => {
    const guest = await openGuest(8);
    const pages = [1, 2, 3, 4].map(() => guest.allocate(PAGE_CLASS.anonymous));
    guest.free(pages[1]!);
    guest.free(pages[3]!);
    expect(guest.allocate(PAGE_CLASS.anonymous)).toBe(pages[3]);
    expect(guest.allocate(PAGE_CLASS.anonymous)).toBe(pages[1]);
  });

  it("tells the host what the page is for, and free that it is for nothing", async () => {
    const guest = await openGuest(8);
    const page = guest.allocate(PAGE_CLASS.pageTable);
    expect(guest.host.classOf[page]).toBe(PAGE_CLASS.pageTable);
    guest.free(page);
    expect(guest.host.classOf[page]).toBe(PAGE_CLASS.free);
  });

  it("takes the cache's oldest page when none is free", async () => {
    const guest = await openGuest(4);
    const file = guest.contents.reserve(4);
    const pages = [0, 1, 2, 3].map((index) => guest.fileRead(file, index));
    guest.fileRead(file, 0);
    expect(guest.allocate(PAGE_CLASS.anonymous)).toBe(pages[1]);
    expect(guest.cached(file, 1)).toBe(NO_PAGE);
  });

  it("refuses when nothing is free and the cache is empty", async () => {
    const guest = await openGuest(2);
    guest.allocate(PAGE_CLASS.anonymous);
    guest.allocate(PAGE_CLASS.anonymous);
    expect(guest.allocate(PAGE_CLASS.anonymous)).toBe(NO_PAGE);
    expect(guest.fileRead(guest.contents.fresh(), 0)).toBe(NO_PAGE);
    expect(guest.tally.refusals).toBe(2);
  });
});

describe("Guest.fileRead", () => {
  it("hits and misses as a list in order of use does", async () => {
    const pages = 20;
    const guest = await openGuest(pages);
    const random = new SeededRandom(seed);
    const file = guest.contents.reserve(40);
    const model: number[] = [];
    let [hits, misses, evictions] = [0, 0, 0];
    for (let read = 0; read < 5000; read++) {
      const index = Math.min(random.below(40), random.below(40));
      const place = model.indexOf(index);
      if (place >= 0) {
        model.splice(place, 1);
        hits += 1;
      } else {
        misses += 1;
        if (model.length === pages) {
          model.shift();
          evictions += 1;
        }
      }
      model.push(index);
      const page = guest.fileRead(file, index);
      expect(guest.host.read(page)).toBe(file + index);
    }
    expect(guest.tally).toMatchObject({
      cacheHits: hits,
      cacheMisses: misses,
      cacheEvictions: evictions,
    });
    expect(guest.host.tally.diskReads).toBe(misses);
  });
});

describe("Guest.fileWrite", () => {
  it("goes to the disk once, with the next write-back", async () => {
    const guest = await openGuest(8);
    const file = guest.contents.reserve(2);
    guest.fileWrite(file, 0);
    guest.fileWrite(file, 1);
    guest.fileWrite(file, 0);
    expect(guest.host.tally.diskWrites).toBe(0);
    guest.writeBack();
    guest.writeBack();
    expect(guest.host.tally.diskWrites).toBe(2);
  });

  it("goes to the disk when its page is taken for something else", async () => {
    const guest = await openGuest(1);
    guest.fileWrite(guest.contents.fresh(), 0);
    guest.allocate(PAGE_CLASS.anonymous);
    expect(guest.host.tally.diskWrites).toBe(1);
    guest.writeBack();
    expect(guest.host.tally.diskWrites).toBe(1);
  });

  it("reads back from the disk what it wrote", async () => {
    const guest = await openGuest(8);
    const file = guest.contents.reserve(1);
    guest.drop(guest.fileWrite(file, 0));
    expect(guest.host.read(guest.fileRead(file, 0))).toBe(file);
    expect(guest.tally).toMatchObject({ writeBacks: 1, cacheMisses: 1 });
  });
});

describe("Guest.free", () => {
  it("leaves what the page held", async () => {
    const guest = await openGuest(4);
    const content = guest.contents.fresh();
    const page = guest.allocate(PAGE_CLASS.anonymous);
    guest.write(page, content);
    guest.free(page);
    expect(guest.host.read(page)).toBe(content);
  });

  it("leaves zeros where pages are zeroed on free, of the cache too, and counts what that costs", async () => {
    const guest = await openGuest(4, { zeroOnFree: true });
    const page = guest.allocate(PAGE_CLASS.anonymous);
    guest.write(page, guest.contents.fresh());
    const cached = guest.fileRead(guest.contents.fresh(), 0);
    const before = guest.host.accessSecondsOf[0]!;
    guest.free(page);
    guest.drop(cached);
    expect([guest.host.read(page), guest.host.read(cached)]).toEqual([ZERO_CONTENT, ZERO_CONTENT]);
    expect(guest.tally.pagesZeroed).toBe(2);
    expect(guest.tally.zeroingSeconds).toBeCloseTo(2 * (COSTS.accessSeconds + COSTS.clearSeconds));
    const cost = guest.host.accessSecondsOf[0]! - before;
    expect(cost).toBeCloseTo(guest.tally.zeroingSeconds + 2 * COSTS.accessSeconds);
  });

  it("zeroes nothing that was never written", async () => {
    const guest = await openGuest(4, { zeroOnFree: true });
    guest.free(guest.allocate(PAGE_CLASS.anonymous));
    expect(guest.tally.pagesZeroed).toBe(0);
    expect(guest.host.frames.used).toBe(0);
  });

  it("breaks on a page that is free already, or in the cache", async () => {
    const guest = await openGuest(4);
    const page = guest.allocate(PAGE_CLASS.anonymous);
    guest.free(page);
    expect(() => guest.free(page)).toThrow("freed once");
    expect(() => guest.free(guest.fileRead(1, 0))).toThrow("dropped");
  });
});
