/**
 * The page daemon: merging, page tables first, then compressing. Contents and invariants are in conformance.test.ts.
 */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { COSTS } from "../../../src/simulator/memory/costs.ts";
import type { Host } from "../../../src/simulator/memory/host.ts";
import { SWAPPED } from "../../../src/simulator/memory/mappings.ts";
import { PAGE_CLASS } from "../../../src/simulator/page-classes.ts";
import { daemon } from "../../../src/simulator/scanners/daemon.ts";
import type { Scanner } from "../../../src/simulator/scanners/scanner.ts";
import { testSeed } from "../../support/seed.ts";
import { distinctContents, type SmallMachine, smallMachine } from "../memory/small-machine.ts";

const A = 2;
const B = 4;

async function scanned(
  machine: SmallMachine,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly host: Host; readonly scanner: Scanner }> {
  const host = await smallMachine(machine);
  const scanner = daemon.create({
    host,
    random: new SeededRandom(1),
    parameters: daemon.parameters.parse(settings),
  });
  host.setHooks(scanner);
  return { host, scanner };
}

function wakeTimes(host: Host, scanner: Scanner, times: number): void {
  for (let time = 0; time < times; time++) host.nowSeconds = scanner.wake(host.nowSeconds);
}

/** Guests of 4 pages of page tables and 4 others each, all equal within their kind. */
async function withPageTables(settings: Readonly<Record<string, unknown>>) {
  const made = await scanned({ guestPages: [8, 8], frames: 16 }, settings);
  for (let page = 0; page < 16; page++) {
    const isPageTable = page % 8 >= 4;
    made.host.setClass(page, isPageTable ? PAGE_CLASS.pageTable : PAGE_CLASS.anonymous);
    made.host.write(page, isPageTable ? A : B);
  }
  return made;
}

function swappedOut(host: Host): number[] {
  return [...host.frameOf.keys()].filter((page) => host.frameOf[page]! <= SWAPPED);
}

describe("daemon", () => {
  it("looks at page tables before all else", async () => {
    const { host, scanner } = await withPageTables({ pages_per_run: 8 });
    // A run for page tables and one for the rest; then, all having been seen, one that merges page tables.
    wakeTimes(host, scanner, 3);
    expect(host.frames.used).toBe(1 + 8);
    expect(scanner.figures().page_tables_merged).toBe(7);
    wakeTimes(host, scanner, 1);
    expect(host.frames.used).toBe(2);
    expect(scanner.figures().page_tables_merged).toBe(7);
  });

  it("leaves page tables alone when told to", async () => {
    const { host, scanner } = await withPageTables({ page_tables: false });
    wakeTimes(host, scanner, 5);
    expect(host.frames.used).toBe(8 + 1);
    expect(scanner.figures().page_tables_merged).toBe(0);
  });

  it("merges pages that did not change between two looks", async () => {
    const { host, scanner } = await scanned({ guestPages: [3], frames: 3 });
    for (let page = 0; page < 3; page++) host.write(page, A);
    wakeTimes(host, scanner, 1);
    host.write(2, B);
    wakeTimes(host, scanner, 1);
    host.write(2, A);
    expect(host.frames.used).toBe(2);
    wakeTimes(host, scanner, 1);
    expect(host.frames.used).toBe(2);
    wakeTimes(host, scanner, 1);
    expect(host.frames.used).toBe(1);
    expect(scanner.figures().full_scans).toBe(4);
  });

  it("takes every opportunity there is once nothing changes, in each domain", async () => {
    const random = new SeededRandom(testSeed("daemon"));
    const pages = 600;
    const { host, scanner } = await scanned({
      guestPages: [200, 200, 200],
      domains: [0, 0, 1],
      frames: pages,
    });
    for (let round = 0; round < 3; round++) {
      for (let write = 0; write < pages; write++) {
        host.write(random.below(pages), random.below(150));
        if (random.below(4) === 0) host.discard(random.below(pages));
      }
      wakeTimes(host, scanner, 2);
      expect(host.frames.used).toBe(distinctContents(host));
    }
  });

  it("merges within domains, and zeros with the zero frame", async () => {
    const { host, scanner } = await scanned({
      guestPages: [3, 3],
      domains: [0, 1],
      frames: 6,
    });
    for (let page = 0; page < 6; page++) host.write(page, page % 3 === 0 ? 0 : A);
    wakeTimes(host, scanner, 2);
    expect(host.frames.used).toBe(2);
    expect([0, 3].map((page) => host.frameOf[page])).toEqual([0, 1]);
    expect(scanner.tally).toMatchObject({ merges: 4, zeroMerges: 2 });
  });

  it("looks at so many pages a run and takes the time that costs", async () => {
    const { host, scanner } = await scanned(
      { guestPages: [50], frames: 50 },
      { pages_per_run: 20 },
    );
    for (let page = 0; page < 50; page++) host.write(page, 100 + page);
    const visits = [1, 2, 3].map(() => {
      wakeTimes(host, scanner, 1);
      return scanner.tally.visits;
    });
    expect(visits).toEqual([20, 40, 60]);
    // A page seen before is also looked up.
    const look = COSTS.followSeconds + COSTS.checksumSeconds;
    expect(host.cpu.scannerSeconds).toBeCloseTo(60 * look + 10 * COSTS.compareSeconds, 12);
    expect(host.nowSeconds).toBe(3);
  });

  it("takes the time to come to merged pages, which it does not look at", async () => {
    const { host, scanner } = await scanned({ guestPages: [10], frames: 10 });
    for (let page = 0; page < 10; page++) host.write(page, A);
    wakeTimes(host, scanner, 2);
    expect(host.frames.used).toBe(1);
    const { visits } = scanner.tally;
    const taken = host.cpu.scannerSeconds;
    // In each run it goes round once.
    wakeTimes(host, scanner, 3);
    expect(scanner.tally.visits).toBe(visits);
    expect(host.cpu.scannerSeconds - taken).toBeCloseTo(3 * 10 * COSTS.followSeconds, 12);
  });

  describe("with compressed memory", () => {
    /** 100 frames, of which `pages` hold something different; the odd half is noise. */
    async function filled(pages: number, settings: Readonly<Record<string, unknown>> = {}) {
      const made = await scanned(
        {
          guestPages: [120],
          frames: 100,
          swap: { area: "shared", slots: 100 },
          compressedSlots: 100,
        },
        settings,
      );
      for (let page = 0; page < pages; page++) made.host.write(page, 100 + page);
      return made;
    }

    it("compresses nothing while memory is free", async () => {
      const { host, scanner } = await filled(60);
      wakeTimes(host, scanner, 100);
      expect(swappedOut(host)).toEqual([]);
    });

    it("compresses what compresses and was not touched lately, when memory is short", async () => {
      const { host, scanner } = await filled(85, { free_share: 0.3, untouched_seconds: 30 });
      wakeTimes(host, scanner, 29);
      expect(swappedOut(host)).toEqual([]);
      host.read(4);
      host.write(6, 106);
      wakeTimes(host, scanner, 5);
      const out = swappedOut(host);
      expect(out.length).toBeGreaterThan(10);
      expect(out.every((page) => page % 2 === 0)).toBe(true);
      expect(out).not.toContain(4);
      expect(out).not.toContain(6);
      expect(scanner.figures().pages_compressed).toBe(out.length);
      expect(host.swap.areas[0]!.writes).toBe(0);
    });

    it("stops when enough is free, the compressed pages' memory taken off", async () => {
      const { host, scanner } = await filled(85, { free_share: 0.3, untouched_seconds: 0 });
      wakeTimes(host, scanner, 10);
      const free = host.frames.free - host.memoryTakenFrames;
      expect(free).toBeGreaterThanOrEqual(30);
      expect(free).toBeLessThan(34);
    });

    it("keeps a guest that grows from being swapped", async () => {
      const { host, scanner } = await filled(0, { free_share: 0.2, untouched_seconds: 2 });
      for (let page = 0; page < 110; page++) {
        host.write(page, 100 + 2 * page);
        if (page % 4 === 0) wakeTimes(host, scanner, 1);
      }
      expect(host.swap.areas[0]!.writes).toBe(0);
      for (let page = 0; page < 110; page++) expect(host.read(page)).toBe(100 + 2 * page);
    });

    it("does not try again what did not become small", async () => {
      const { host, scanner } = await filled(95, { free_share: 1, untouched_seconds: 0 });
      wakeTimes(host, scanner, 10);
      expect(scanner.figures().frames_not_compressed).toBe(47);
      expect(swappedOut(host).length).toBe(48);
    });

    it("compresses a shared frame once, and all its pages come back with one", async () => {
      const { host, scanner } = await scanned(
        { guestPages: [30], frames: 40, compressedSlots: 10 },
        { free_share: 1, untouched_seconds: 5 },
      );
      for (let page = 0; page < 30; page++) host.write(page, A);
      wakeTimes(host, scanner, 2);
      expect(host.frames.used).toBe(1);
      wakeTimes(host, scanner, 10);
      expect(host.frames.used).toBe(0);
      expect(scanner.figures().pages_compressed).toBe(30);
      expect(host.read(7)).toBe(A);
      expect(host.mappingsOf[host.frameOf[29]!]).toBe(30);
    });
  });
});
