/** The linear scanner against the kernel's own counters, and its knobs against what the kernel does with them. */

import { describe, expect, it } from "vitest";
import { auditHost } from "../../../src/simulator/memory/audit.ts";
import { COSTS } from "../../../src/simulator/memory/costs.ts";
import { NO_TAG } from "../../../src/simulator/memory/frames.ts";
import type { Host } from "../../../src/simulator/memory/host.ts";
import { type LinearScanner, linear } from "../../../src/simulator/scanners/linear.ts";
import { passScanner, smallHost, wakeTimes } from "./ksm/small-host.ts";

const MIXED_PAGES = 8192;

/** As Linux 6.18 has them after a start. */
const KERNEL_DEFAULTS = {
  run: 0,
  pages_to_scan: 100,
  sleep_millisecs: 20,
  merge_across_nodes: 1,
  use_zero_pages: 0,
  max_page_sharing: 256,
  stable_node_chains_prune_millisecs: 2000,
  smart_scan: 1,
  advisor_mode: "none",
  advisor_max_cpu: 70,
  advisor_target_scan_time: 200,
  advisor_min_pages_to_scan: 500,
  advisor_max_pages_to_scan: 30_000,
};

/** 2000 equal pages, 2000 of 500 contents (four each), 4192 unique ones. */
function fillMixed(host: Host): void {
  for (let page = 0; page < 2000; page++) host.write(page, 1);
  for (let page = 2000; page < 4000; page++) host.write(page, 2 + (page % 500));
  for (let page = 4000; page < MIXED_PAGES; page++) host.write(page, 1000 + page);
}

function fillUnique(host: Host, firstPage: number, pages: number): void {
  for (let page = firstPage; page < firstPage + pages; page++) host.write(page, 10_000 + page);
}

/** From now on, the guests whose pages are visited, each named once for a run of visits. */
function visitedGuests(host: Host, scanner: LinearScanner): () => number[] {
  const guests: number[] = [];
  const { core } = scanner;
  const visit = core.visit.bind(core);
  core.visit = (page) => {
    const guest = host.guestOf(page);
    if (guests.at(-1) !== guest) guests.push(guest);
    return visit(page);
  };
  return () => guests;
}

const errno = (name: string) => expect.objectContaining({ errno: name });

interface Row {
  shared: number;
  sharing: number;
  unshared: number;
  volatile: number;
  skipped: number;
  chains: number;
  dups: number;
  profit: number;
}

function rowOf(scanner: LinearScanner, skippedBefore: number): Row {
  const figures = scanner.figures();
  return {
    shared: figures.pages_shared!,
    sharing: figures.pages_sharing!,
    unshared: figures.pages_unshared!,
    volatile: figures.pages_volatile!,
    skipped: figures.pages_skipped! - skippedBefore,
    chains: figures.stable_node_chains!,
    dups: figures.stable_node_dups!,
    profit: figures.general_profit!,
  };
}

describe("LinearScanner", () => {
  it("shows what Linux 6.18 showed for the mixed filling, pass by pass to the 39th", () => {
    const host = smallHost([MIXED_PAGES]);
    fillMixed(host);
    const merged = { shared: 508, sharing: 3492, chains: 1, dups: 8, profit: 13_778_944 };
    const seen = { ...merged, unshared: 4192, volatile: 0, skipped: 0 };
    const leftOut = { ...merged, unshared: 0, volatile: 4192, skipped: 4192 };
    const first = {
      shared: 0,
      sharing: 0,
      unshared: 0,
      volatile: 8192,
      skipped: 0,
      chains: 0,
      dups: 0,
      profit: -524_288,
    };
    const seenPasses = new Set([2, 3, 4, 6, 9, 14, 23, 32]);

    // The batch ends with the last page: that the pass is over shows when the next begins.
    const scanner = passScanner(host, { pages_to_scan: MIXED_PAGES });
    wakeTimes(scanner, 1);
    expect(scanner.figures().full_scans).toBe(0);
    expect(rowOf(scanner, 0)).toEqual(first);
    wakeTimes(scanner, 1);
    expect(scanner.figures().full_scans).toBe(1);
    expect(rowOf(scanner, 0)).toEqual(first);

    scanner.setKnob("pages_to_scan", 2 * MIXED_PAGES);
    for (let pass = 2; pass <= 39; pass++) {
      const skipped = scanner.figures().pages_skipped!;
      wakeTimes(scanner, 1);
      expect(scanner.figures().full_scans).toBe(pass);
      expect({ pass, ...rowOf(scanner, skipped) }).toEqual({
        pass,
        ...(seenPasses.has(pass) ? seen : leftOut),
      });
    }
  });

  it("looks at pages_to_scan pages and sleeps sleep_millisecs and what they took", () => {
    const host = smallHost([100]);
    fillUnique(host, 0, 100);
    const scanner = passScanner(host, { pages_to_scan: 30, sleep_millisecs: 50 });
    const nextSeconds = scanner.wake(7);
    expect(scanner.figures().pages_scanned).toBe(30);
    const batchSeconds = 30 * (COSTS.followSeconds + COSTS.checksumSeconds);
    expect(nextSeconds).toBeCloseTo(7 + 0.05 + batchSeconds, 12);
    expect(host.cpu.scannerSeconds).toBeCloseTo(batchSeconds, 12);
  });

  it("ends a batch at the end of a pass, and tells of it", () => {
    const host = smallHost([100]);
    fillUnique(host, 0, 100);
    const scanner = passScanner(host, { pages_to_scan: 60 });
    const scanned: number[] = [];
    scanner.onPass = () => scanned.push(scanner.figures().pages_scanned!);
    const afterEach = [1, 2, 3, 4].map(() => {
      wakeTimes(scanner, 1);
      return scanner.figures().pages_scanned!;
    });
    expect(afterEach).toEqual([60, 100, 160, 200]);
    expect(scanned).toEqual([100, 200]);
  });

  it("spends a batch on pages that are there and not left out, and on no other", () => {
    const host = smallHost([1000]);
    fillUnique(host, 990, 10);
    const scanner = passScanner(host, { pages_to_scan: 10 });
    wakeTimes(scanner, 1);
    expect(scanner.figures().pages_scanned).toBe(10);
    // Passes 1 to 4 look at all, each in two wakes; the fifth at none, in one.
    wakeTimes(scanner, 7);
    expect(scanner.figures()).toMatchObject({ full_scans: 4, pages_scanned: 40, pages_skipped: 0 });
    wakeTimes(scanner, 1);
    expect(scanner.figures()).toMatchObject({
      full_scans: 5,
      pages_scanned: 40,
      pages_skipped: 10,
    });
  });

  it("scans guests in order, and one that comes later just behind where it is", () => {
    const host = smallHost([10, 10, 10]);
    fillUnique(host, 0, 10);
    fillUnique(host, 20, 10);
    const scanner = passScanner(host, { pages_to_scan: 5, smart_scan: 0 });
    const visited = visitedGuests(host, scanner);
    // In the middle of guest 0, guest 1 comes: before guest 0, and so last.
    wakeTimes(scanner, 1);
    fillUnique(host, 10, 10);
    wakeTimes(scanner, 4);
    expect(visited()).toEqual([0, 2]);
    wakeTimes(scanner, 7);
    expect(visited()).toEqual([0, 2, 1, 0, 2]);
  });

  it("waits for a guest when there is none, and counts no pass", () => {
    const scanner = passScanner(smallHost([10]), { sleep_millisecs: 0 });
    expect(scanner.wake(5)).toBeGreaterThan(5);
    expect(scanner.figures().full_scans).toBe(0);
  });

  it("lets the advisor set pages_to_scan after each pass", () => {
    const host = smallHost([4000]);
    fillUnique(host, 0, 4000);
    const scanner = passScanner(host, { advisor_mode: "scan-time", sleep_millisecs: 1000 });
    expect(scanner.figures().pages_to_scan).toBe(500);
    // Eight batches of 500 and one that finds the end, in 8 s at 1 % of a processor: at least 500 * 10.
    wakeTimes(scanner, 9);
    expect(scanner.figures().full_scans).toBe(1);
    expect(scanner.figures().pages_to_scan).toBe(5000);
  });
});

describe("LinearScanner.setKnob", () => {
  function mixed(): { host: Host; scanner: LinearScanner } {
    const host = smallHost([MIXED_PAGES]);
    fillMixed(host);
    const scanner = passScanner(host);
    wakeTimes(scanner, 2);
    return { host, scanner };
  }

  it("gives every page a frame of its own with run 2, and forgets all pages", () => {
    const { host, scanner } = mixed();
    scanner.setKnob("run", 2);
    expect(scanner.figures()).toMatchObject({
      pages_shared: 0,
      pages_sharing: 0,
      pages_unshared: 0,
      pages_volatile: 0,
      rmap_items: 0,
      full_scans: 0,
      stable_node_chains: 0,
      stable_node_dups: 0,
      general_profit: 0,
    });
    expect(host.frames.used).toBe(MIXED_PAGES);
    expect(host.tagOf.every((tag) => tag === NO_TAG)).toBe(true);
    expect(auditHost(host)).toEqual([]);
    expect(scanner.wake(1)).toBe(Number.POSITIVE_INFINITY);

    // And all over again.
    scanner.setKnob("run", 1);
    wakeTimes(scanner, 2);
    expect(scanner.figures()).toMatchObject({
      full_scans: 2,
      pages_shared: 508,
      pages_sharing: 3492,
    });
  });

  it("takes pages off the zero page with run 2", () => {
    const host = smallHost([10]);
    for (let page = 0; page < 10; page++) host.write(page, 0);
    const scanner = passScanner(host, { use_zero_pages: 1 });
    wakeTimes(scanner, 2);
    scanner.setKnob("run", 2);
    expect(scanner.figures().ksm_zero_pages).toBe(0);
    expect(host.frames.used).toBe(10);
  });

  it("keeps what is merged with run 0", () => {
    const { scanner } = mixed();
    scanner.setKnob("run", 0);
    expect(scanner.wake(1)).toBe(Number.POSITIVE_INFINITY);
    expect(scanner.figures().pages_sharing).toBe(3492);
  });

  it("is EBUSY for max_page_sharing and merge_across_nodes while frames are shared", () => {
    const { scanner } = mixed();
    expect(() => scanner.setKnob("max_page_sharing", 10)).toThrow(errno("EBUSY"));
    expect(() => scanner.setKnob("merge_across_nodes", 0)).toThrow(errno("EBUSY"));
    scanner.setKnob("max_page_sharing", 256);
    scanner.setKnob("run", 2);
    scanner.setKnob("max_page_sharing", 1000);
    scanner.setKnob("merge_across_nodes", 0);
    scanner.setKnob("run", 1);
    wakeTimes(scanner, 2);
    expect(scanner.figures()).toMatchObject({ pages_shared: 502, pages_sharing: 3498 });
  });

  it("is EINVAL where the kernel's is", () => {
    const scanner = passScanner(smallHost([1]));
    for (const [name, value] of [
      ["max_page_sharing", 1],
      ["run", 3],
      ["merge_across_nodes", 2],
      ["advisor_target_scan_time", 0],
      ["advisor_mode", "fast"],
      ["sleep_millisecs", -1],
      ["pages_to_scan", 2 ** 32],
      ["pages_to_scan", "many"],
      ["pages_to_skip", 1],
    ] as const) {
      expect(() => scanner.setKnob(name, value), `${name} ${value}`).toThrow(errno("EINVAL"));
    }
    scanner.setKnob("advisor_mode", "scan-time");
    expect(() => scanner.setKnob("pages_to_scan", 100)).toThrow(errno("EINVAL"));
  });

  it("starts the advisor with advisor_min_pages_to_scan, and goes back to 100 without it", () => {
    const scanner = passScanner(smallHost([1]), { pages_to_scan: 77 });
    scanner.setKnob("advisor_min_pages_to_scan", 700);
    scanner.setKnob("advisor_mode", "scan-time");
    expect(scanner.figures().pages_to_scan).toBe(700);
    scanner.setKnob("advisor_mode", "none");
    expect(scanner.figures().pages_to_scan).toBe(100);
  });
});

describe("linear.parameters", () => {
  it("has the kernel's defaults, but runs", () => {
    expect(linear.parameters.parse({})).toEqual({
      ...KERNEL_DEFAULTS,
      run: 1,
      merge_order: "checksum-first",
    });
  });

  it("refuses a knob there is not", () => {
    expect(linear.parameters.safeParse({ pages_to_skip: 1 }).success).toBe(false);
  });
});
