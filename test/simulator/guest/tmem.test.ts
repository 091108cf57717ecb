/** Guests that use the host's tmem: behind the page cache, in front of their own swap; and their swap without it. */

import { afterEach, describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { NO_PAGE } from "../../../src/simulator/guest/guest.ts";
import { PAGE_CLASS } from "../../../src/simulator/page-classes.ts";
import { AnonymousMemory } from "../../../src/simulator/workloads/anonymous.ts";
import { testSeed } from "../../support/seed.ts";
import { type GuestsOptions, type OpenGuests, openGuests } from "../workloads/open-guests.ts";

const seed = testSeed("guests with tmem");
const PAGE_BYTES = 4096;
const ROOM = 2 ** 24;

let world: OpenGuests | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

async function open(options: Omit<GuestsOptions, "seed">): Promise<OpenGuests> {
  world = await openGuests({ seed, ...options });
  return world;
}

describe("Guest.fileRead with tmem", () => {
  it("reads each file page from the disk once, as long as tmem has room", async () => {
    const { guests, tmem } = await open({ guests: [{ pages: 20 }], tmemBytes: ROOM });
    const guest = guests[0]!;
    const random = new SeededRandom(seed);
    const file = guest.contents.reserve(60);
    const seen = new Set<number>();
    for (let read = 0; read < 3000; read++) {
      const index = random.below(60);
      seen.add(index);
      expect(guest.host.read(guest.fileRead(file, index))).toBe(file + index);
      expect(guest.cachePages + tmem!.stats().pages).toBe(seen.size);
    }
    const { cacheMisses, tmemHits, diskReads } = guest.tally;
    expect({ diskReads, tmemHits }).toEqual({ diskReads: 60, tmemHits: cacheMisses - 60 });
    expect(guest.host.tally.diskReads).toBe(60);
  });

  it("reads from the disk what tmem had to drop", async () => {
    const options = { guests: [{ pages: 20 }], tmemBytes: 10 * PAGE_BYTES };
    const { guests, tmem } = await open(options);
    const guest = guests[0]!;
    const file = guest.contents.reserve(500);
    for (let index = 0; index < 500; index++) guest.fileRead(file, index);
    const { pages, dropped } = tmem!.stats();
    expect(pages + dropped).toBe(480);
    for (let index = 0; index < 500; index++) {
      expect(guest.host.read(guest.fileRead(file, index))).toBe(file + index);
    }
    expect(guest.tally.diskReads + guest.tally.tmemHits).toBe(1000);
    expect(guest.tally.diskReads).toBeGreaterThan(900);
  });

  it("keeps guests' pages apart, and stores a file that two of them have once", async () => {
    const { guests, tmem } = await open({
      guests: [{ pages: 8 }, { pages: 8 }],
      tmemBytes: ROOM,
    });
    const file = guests[0]!.file("shared", 40);
    for (const guest of guests) {
      for (let index = 0; index < 40; index++) guest.fileRead(file, index);
    }
    expect(guests[1]!.tally).toMatchObject({ tmemHits: 0, diskReads: 40 });
    expect(tmem!.stats()).toMatchObject({ pages: 64, objects: 32, dup_pages: 32 });
  });
});

describe("Guest.fileWrite with tmem", () => {
  it("leaves no page of before in tmem", async () => {
    const { guests, tmem } = await open({ guests: [{ pages: 4 }], tmemBytes: ROOM });
    const guest = guests[0]!;
    const file = guest.contents.reserve(10);
    for (let index = 0; index < 10; index++) guest.fileRead(file, index);
    guest.fileWrite(file, 0);
    expect(tmem!.stats()).toMatchObject({ flushes: 1, pages: 6 });
  });

  it("brings the page to the disk before it leaves the cache for tmem", async () => {
    const { guests, tmem } = await open({ guests: [{ pages: 1 }], tmemBytes: ROOM });
    const guest = guests[0]!;
    const file = guest.contents.reserve(2);
    guest.fileWrite(file, 0);
    guest.fileRead(file, 1);
    expect(guest.host.tally.diskWrites).toBe(1);
    expect(tmem!.stats().pages).toBe(1);
    guest.fileRead(file, 0);
    expect(guest.tally).toMatchObject({ tmemHits: 1, diskReads: 1 });
  });
});

/** Where a guest's swap goes, and how much of it tmem takes. */
const PLACES = [
  { name: "on its disk", room: {}, hasTmem: false },
  { name: "in tmem", room: { tmemBytes: ROOM }, hasTmem: true },
  { name: "in a tmem with too little room", room: { tmemBytes: 8 * PAGE_BYTES }, hasTmem: true },
] as const;

describe.each(PLACES)("a guest's own swap $name", ({ room, hasTmem }) => {
  it("keeps the contents of programs larger than memory", async () => {
    const { guests, tmem } = await open({ guests: [{ pages: 64, swapSlots: 100 }], ...room });
    const guest = guests[0]!;
    const random = new SeededRandom(seed);
    let last = 0;
    const contents = {
      next: () => {
        last = guest.contents.fresh();
        return last;
      },
    };
    const programs = [80, 50].map((most) => new AnonymousMemory(guest, { contents, most }));
    const expected = programs.map((): number[] => []);
    for (let step = 0; step < 4000; step++) {
      const which = random.below(2);
      const program = programs[which]!;
      const known = expected[which]!;
      const kind = random.below(24);
      if (kind === 0) {
        // Faster than it shrinks, so that memory is short whatever the seed: 1,500 pages come in, of 80 a sigma.
        program.growTo(program.size + 1 + random.below(24));
        for (let index = known.length; index < program.size; index++) {
          known.push(program.read(index));
        }
      } else if (kind === 1) {
        program.shrinkTo(Math.max(0, program.size - random.below(8)));
        known.length = program.size;
      } else if (program.size > 0) {
        const index = random.below(program.size);
        if (kind < 12) {
          program.rewrite(index);
          known[index] = last;
        }
        expect(program.read(index)).toBe(known[index]);
      }
    }
    const { swap, host } = guest;
    expect(swap!.tally.in).toBeGreaterThan(500);
    expect(host.tally.diskWrites).toBe(swap!.tally.diskWrites);
    expect(host.tally.diskReads).toBe(swap!.tally.diskReads);
    if (hasTmem) {
      const { puts, puts_refused } = tmem!.stats();
      expect(puts).toBe(swap!.tally.out);
      expect(puts_refused).toBe(swap!.tally.diskWrites);
    }
    for (const program of programs) program.shrinkTo(0);
    expect(swap!.used).toBe(0);
    expect(guest.freePages).toBe(64);
    expect(tmem?.stats().pages ?? 0).toBe(0);
  });
});

describe("Guest.allocate with swap", () => {
  it("takes the program's page used longest ago, and leaves an eighth of memory to the cache", async () => {
    const { guests } = await open({ guests: [{ pages: 32, swapSlots: 100 }] });
    const guest = guests[0]!;
    const contents = { next: () => guest.contents.fresh() };
    const program = new AnonymousMemory(guest, { contents, most: 100 });
    const file = guest.contents.reserve(32);
    for (let index = 0; index < 32; index++) guest.fileRead(file, index);
    program.growTo(60);
    expect(guest.cachePages).toBe(4);
    expect(program.size).toBe(60);
    expect(guest.swap!.used).toBe(32);
    const { diskReads } = guest.swap!.tally;
    program.read(59);
    expect(guest.swap!.tally.diskReads).toBe(diskReads);
    program.read(0);
    expect(guest.swap!.tally.diskReads).toBe(diskReads + 1);
  });

  it("refuses when swap is full, the cache is empty and nothing is free", async () => {
    const { guests } = await open({ guests: [{ pages: 16, swapSlots: 4 }] });
    const guest = guests[0]!;
    const contents = { next: () => guest.contents.fresh() };
    const program = new AnonymousMemory(guest, { contents, most: 100 });
    program.growTo(100);
    expect(program.size).toBe(20);
    expect(guest.allocate(PAGE_CLASS.anonymous)).toBe(NO_PAGE);
    program.shrinkTo(19);
    expect(guest.allocate(PAGE_CLASS.anonymous)).not.toBe(NO_PAGE);
  });
});
