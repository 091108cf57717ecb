import { afterEach, describe, expect, it } from "vitest";
import { ZERO_CONTENT } from "../../../src/simulator/contents.ts";
import type { BootPlan } from "../../../src/simulator/guest/boot.ts";
import type { Guest } from "../../../src/simulator/guest/guest.ts";
import { PAGE_CLASS, type PageClass } from "../../../src/simulator/page-classes.ts";
import { testSeed } from "../../support/seed.ts";
import { type GuestsOptions, type OpenGuests, openGuests } from "../workloads/open-guests.ts";

const seed = testSeed("boot");
const PAGES = 4096;
const PLAN: BootPlan = {
  kernelShare: 0.5,
  pageTableShare: 0.0625,
  programShare: 0.125,
  remainsShare: 0,
};

let world: OpenGuests | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

async function booted(
  guests: GuestsOptions["guests"],
  plan: Partial<BootPlan> = {},
): Promise<readonly Guest[]> {
  world = await openGuests({ seed, guests });
  for (const guest of world.guests) {
    guest.bootPlan = { ...PLAN, ...plan };
    guest.boot();
  }
  return world.guests;
}

/** What the guest's pages in memory hold, of one class or all. */
function contentsOf(guest: Guest, pageClass?: PageClass): number[] {
  const { host } = guest;
  return Array.from({ length: guest.pages }, (_, index) => guest.firstPage + index)
    .filter((page) => pageClass === undefined || host.classOf[page] === pageClass)
    .filter((page) => host.frameOf[page]! >= 0)
    .map((page) => host.contentOf[host.frameOf[page]!]!);
}

function common(one: readonly number[], other: readonly number[]): number {
  const set = new Set(one);
  return other.filter((content) => set.has(content)).length;
}

describe("Guest.boot", () => {
  it("takes the shares of memory that its plan says", async () => {
    const [guest] = await booted([{ pages: PAGES }]);
    const count = (pageClass: PageClass) => contentsOf(guest!, pageClass).length;
    expect(count(PAGE_CLASS.kernel)).toBe(PAGES / 2);
    expect(count(PAGE_CLASS.pageTable)).toBe(PAGES / 16);
    expect(count(PAGE_CLASS.program)).toBe(PAGES / 8);
    expect(guest!.host.frames.used).toBe(PAGES / 2 + PAGES / 16 + PAGES / 8);
  });

  it("puts in nothing without a plan", async () => {
    world = await openGuests({ seed, guests: [{ pages: PAGES }] });
    world.guests[0]!.boot();
    expect(world.host.frames.used).toBe(0);
    expect(world.guests[0]!.freePages).toBe(PAGES);
  });

  it("reads programs from the disk and nothing else", async () => {
    const [guest] = await booted([{ pages: PAGES }]);
    expect(guest!.host.tally.diskReads).toBe(PAGES / 8);
    expect(guest!.cachePages).toBe(PAGES / 8);
  });

  it("gives guests of an image the same kernel and programs", async () => {
    const [one, other] = await booted([{ pages: PAGES }, { pages: PAGES }]);
    for (const pageClass of [PAGE_CLASS.kernel, PAGE_CLASS.program]) {
      expect(contentsOf(one!, pageClass)).toEqual(contentsOf(other!, pageClass));
    }
  });

  it("gives guests of an image and different sizes as much of them as both have", async () => {
    const [small, large] = await booted([{ pages: PAGES }, { pages: 3 * PAGES }]);
    const expected = contentsOf(small!, PAGE_CLASS.kernel);
    expect(contentsOf(large!, PAGE_CLASS.kernel).slice(0, expected.length)).toEqual(expected);
  });

  it("makes half of the page tables of equal guests equal", async () => {
    const [one, other] = await booted([{ pages: PAGES }, { pages: PAGES }]);
    const tables = contentsOf(one!, PAGE_CLASS.pageTable);
    const equal = common(tables, contentsOf(other!, PAGE_CLASS.pageTable));
    expect(equal).toBe(tables.length / 2);
  });

  it("gives guests of two images nothing in common", async () => {
    const guests = [
      { pages: PAGES, image: "one" },
      { pages: PAGES, image: "other" },
    ];
    const [one, other] = await booted(guests, { remainsShare: 0.5 });
    expect(common(contentsOf(one!), contentsOf(other!))).toBe(0);
  });

  it("leaves what nobody else has in the free pages, as many as its plan says", async () => {
    const [guest] = await booted([{ pages: PAGES }], { remainsShare: 0.5 });
    const remains = contentsOf(guest!, PAGE_CLASS.free);
    expect(remains.length).toBe(guest!.freePages / 2);
    expect(new Set(remains).size).toBe(remains.length);
    expect(remains).not.toContain(ZERO_CONTENT);
  });

  it("leaves zeros in them where pages are zeroed on free", async () => {
    const [guest] = await booted([{ pages: PAGES, zeroOnFree: true }], { remainsShare: 1 });
    const remains = contentsOf(guest!, PAGE_CLASS.free);
    expect(new Set(remains)).toEqual(new Set([ZERO_CONTENT]));
    expect(guest!.tally.pagesZeroed).toBe(guest!.freePages);
  });

  it("ends where there is no more memory", async () => {
    const [guest] = await booted([{ pages: 64 }], { kernelShare: 1, programShare: 1 });
    expect(contentsOf(guest!, PAGE_CLASS.kernel).length).toBe(64);
    expect(guest!.tally.refusals).toBe(1);
  });
});

describe("Boot.advanceTo", () => {
  it("puts the same in piece by piece as at once", async () => {
    const guests = [{ pages: PAGES }];
    const [atOnce] = await booted(guests, { remainsShare: 0.5 });
    const expected = contentsOf(atOnce!);
    await world!.close();

    world = await openGuests({ seed, guests });
    const guest = world.guests[0]!;
    const boot = guest.startBoot({ ...PLAN, remainsShare: 0.5 });
    for (let pages = 0; pages < boot.pages; pages += 77) {
      boot.advanceTo(pages);
      expect(contentsOf(guest).length).toBe(pages);
    }
    boot.advanceTo(boot.pages);
    boot.advanceTo(boot.pages);
    expect(contentsOf(guest)).toEqual(expected);
  });
});
