/** What KSM does with pages, against the rules of mm/ksm.c written down by hand, and against what the host has. */

import { describe, expect, it } from "vitest";
import { ZERO_CONTENT } from "../../../../src/simulator/contents.ts";
import { auditHost } from "../../../../src/simulator/memory/audit.ts";
import { NO_TAG } from "../../../../src/simulator/memory/frames.ts";
import type { Host } from "../../../../src/simulator/memory/host.ts";
import { SWAPPED } from "../../../../src/simulator/memory/mappings.ts";
import type { LinearScanner } from "../../../../src/simulator/scanners/linear.ts";
import { testSeed } from "../../../support/seed.ts";
import { Churn, openWorld } from "../churn.ts";
import { passScanner, smallHost, wakeTimes } from "./small-host.ts";

const QUIET_PASSES = 4;

function writeAll(host: Host, contents: readonly number[]): void {
  contents.forEach((content, page) => {
    host.write(page, content);
  });
}

function framesOf(host: Host): number {
  return new Set(host.frameOf.filter((frame) => frame >= 0)).size;
}

/** Each content named as often as pages hold it. */
function times(count: number, content: number): number[] {
  return new Array<number>(count).fill(content);
}

interface Shown {
  shared: number;
  sharing: number;
  unshared: number;
  volatile: number;
}

function shown(scanner: LinearScanner): Shown {
  const figures = scanner.figures();
  return {
    shared: figures.pages_shared!,
    sharing: figures.pages_sharing!,
    unshared: figures.pages_unshared!,
    volatile: figures.pages_volatile!,
  };
}

/** What the counters must be when nothing has changed for some passes, from the host alone. */
function expectedOf(host: Host): Shown {
  let present = 0;
  let mapped = 0;
  const tagged = new Set<number>();
  for (const frame of host.frameOf) {
    if (frame < 0 || host.isZeroFrame(frame)) continue;
    present += 1;
    if (host.tagOf[frame] === NO_TAG) continue;
    mapped += 1;
    tagged.add(frame);
  }
  const unshared = present - mapped;
  return { shared: tagged.size, sharing: mapped - tagged.size, unshared, volatile: 0 };
}

describe("KsmCore.visit", () => {
  it("puts pages on the zero page with use_zero_pages, and has no item for them from the next pass on", () => {
    const host = smallHost([10]);
    writeAll(host, [...times(6, ZERO_CONTENT), ...times(4, 7)]);
    const scanner = passScanner(host, { use_zero_pages: 1 });
    wakeTimes(scanner, 2);
    expect(scanner.figures()).toMatchObject({ ksm_zero_pages: 6, rmap_items: 10 });
    expect(shown(scanner)).toEqual({ shared: 1, sharing: 3, unshared: 0, volatile: 6 });
    wakeTimes(scanner, 1);
    expect(scanner.figures()).toMatchObject({ ksm_zero_pages: 6, rmap_items: 4 });
    expect(scanner.figures().general_profit).toBe((3 + 6) * 4096 - 4 * 64);
    expect(scanner.tally).toMatchObject({ merges: 9, zeroMerges: 6 });

    host.write(0, 8);
    expect(scanner.figures().ksm_zero_pages).toBe(5);
  });

  it("merges pages of zeros with each other without use_zero_pages", () => {
    const host = smallHost([6]);
    writeAll(host, times(6, ZERO_CONTENT));
    const scanner = passScanner(host);
    wakeTimes(scanner, 2);
    expect(shown(scanner)).toEqual({ shared: 1, sharing: 5, unshared: 0, volatile: 0 });
    expect(scanner.figures().ksm_zero_pages).toBe(0);
  });

  it("joins a merged page at the second visit, and at the first with stable-first", () => {
    for (const [order, visits] of [
      ["checksum-first", 2],
      ["stable-first", 1],
    ] as const) {
      const host = smallHost([4]);
      writeAll(host, [5, 5, 6]);
      const scanner = passScanner(host, { merge_order: order });
      wakeTimes(scanner, 2);
      host.write(3, 5);
      wakeTimes(scanner, visits - 1);
      expect(shown(scanner).sharing).toBe(1);
      wakeTimes(scanner, 1);
      expect(shown(scanner).sharing).toBe(2);
    }
  });

  it("never merges pages that change between any two visits", () => {
    const host = smallHost([8]);
    const scanner = passScanner(host, { smart_scan: 0 });
    for (let pass = 1; pass <= 20; pass++) {
      writeAll(host, times(8, pass));
      wakeTimes(scanner, 1);
      expect(shown(scanner)).toEqual({ shared: 0, sharing: 0, unshared: 0, volatile: 8 });
    }
  });

  it("keeps domains apart", () => {
    const host = smallHost([10, 10, 10], [0, 1, 0]);
    writeAll(host, times(30, 3));
    const scanner = passScanner(host, { smart_scan: 0 });
    wakeTimes(scanner, 4);
    expect(shown(scanner)).toEqual({ shared: 2, sharing: 28, unshared: 0, volatile: 0 });
    expect(auditHost(host)).toEqual([]);
    expect(host.frameOf[0]).toBe(host.frameOf[29]);
    expect(host.frameOf[0]).not.toBe(host.frameOf[10]);
  });

  it("notices only when it comes by that merged pages were written or discarded", () => {
    const host = smallHost([10]);
    writeAll(host, times(10, 3));
    const scanner = passScanner(host, { smart_scan: 0 });
    wakeTimes(scanner, 2);
    const merged = { shared: 1, sharing: 9, unshared: 0, volatile: 0 };
    for (let page = 0; page < 4; page++) host.write(page, 100 + page);
    for (let page = 4; page < 6; page++) host.discard(page);
    expect(shown(scanner)).toEqual(merged);
    wakeTimes(scanner, 1);
    expect(shown(scanner)).toEqual({ shared: 1, sharing: 3, unshared: 0, volatile: 4 });
    expect(scanner.figures()).toMatchObject({ broken: 6, rmap_items: 8 });
    wakeTimes(scanner, 1);
    expect(shown(scanner)).toEqual({ shared: 1, sharing: 3, unshared: 4, volatile: 0 });
  });

  it("drops a node whose frame all pages have left, and gives its number to another", () => {
    const host = smallHost([10]);
    const scanner = passScanner(host, { smart_scan: 0 });
    for (let round = 1; round <= 5; round++) {
      writeAll(host, times(10, round));
      wakeTimes(scanner, 2);
      expect(shown(scanner)).toEqual({ shared: 1, sharing: 9, unshared: 0, volatile: 0 });
    }
    expect(host.tagOf[host.frameOf[0]!]).toBeLessThan(2);
  });

  it("hangs no page into the unstable tree below one that has gone away", () => {
    const host = smallHost([3]);
    writeAll(host, [10, 20, 30]);
    const scanner = passScanner(host, { smart_scan: 0, pages_to_scan: 2 });
    // Two of three pages, the third and the end of the pass, the first two again: they hang in the tree.
    wakeTimes(scanner, 3);
    expect(shown(scanner).unshared).toBe(2);
    host.discard(0);
    host.discard(1);
    wakeTimes(scanner, 1);
    expect(shown(scanner)).toEqual({ shared: 0, sharing: 0, unshared: 2, volatile: 1 });
  });

  it("compares with what a page of the unstable tree holds now", () => {
    const host = smallHost([2]);
    writeAll(host, [10, 20]);
    const scanner = passScanner(host, { smart_scan: 0 });
    wakeTimes(scanner, 2);
    scanner.core.startPass();
    scanner.core.visit(0);
    // The first page hangs in the tree as 10, becomes 20, and is found by the second as that, without a second visit.
    host.write(0, 20);
    expect(scanner.core.visit(1)).toBe(true);
    expect(shown(scanner)).toEqual({ shared: 1, sharing: 1, unshared: 0, volatile: 0 });
  });

  it("takes a page not there for none of its business", () => {
    const host = smallHost([2]);
    const scanner = passScanner(host);
    expect(scanner.core.visit(0)).toBe(false);
    expect(scanner.core.items).toBe(0);
    expect(scanner.tally.visits).toBe(0);
  });
});

describe("KsmCore with swap", () => {
  it("takes in a frame that came back from swap shared, with all its pages, without a merge", async () => {
    const world = await openWorld({
      guests: [{ pages: 8 }, { pages: 16 }],
      frames: 16,
      swap: "shared",
    });
    const { host, contents } = world;
    const image = contents.image("image", 1);
    for (let page = 0; page < 8; page++) host.write(page, image);
    const scanner = passScanner(host, { smart_scan: 0 });
    wakeTimes(scanner, 2);
    const { merges } = scanner.tally;
    expect(shown(scanner)).toMatchObject({ shared: 1, sharing: 7 });

    // The other guest pushes the frame out; the scanner comes by and forgets all eight pages.
    for (let round = 0; round < 3; round++) {
      for (let page = 8; page < 24; page++) host.write(page, contents.fresh());
    }
    expect(host.frameOf[0]).toBeLessThanOrEqual(SWAPPED);
    wakeTimes(scanner, 1);
    expect(shown(scanner)).toMatchObject({ shared: 0, sharing: 0 });

    host.read(3);
    expect(host.frameOf[0]).toBe(host.frameOf[3]);
    wakeTimes(scanner, 1);
    expect(shown(scanner)).toMatchObject({ shared: 1, sharing: 7 });
    expect(scanner.figures().adopted).toBe(8);
    expect(scanner.tally.merges).toBe(merges);
    await world.close();
  });

  it("counts what the host has, however guests wrote, discarded and were swapped before", async () => {
    const seed = testSeed("KSM and a host at random");
    for (const knobs of [
      {},
      { merge_order: "stable-first", smart_scan: 0 },
      { use_zero_pages: 1, max_page_sharing: 3, stable_node_chains_prune_millisecs: 100 },
      { smart_scan: 0, max_page_sharing: 2, pages_to_scan: 7 },
    ] as const) {
      const world = await openWorld({
        seed,
        guests: [{ pages: 60 }, { pages: 50, domain: 1 }, { pages: 40 }],
        frames: 110,
        swap: "shared",
      });
      const { host } = world;
      const churn = new Churn(world, { seed, common: 6, doesDiskIo: false });
      const scanner = passScanner(host, { pages_to_scan: 40, ...knobs });
      let seconds = 0;
      for (let round = 0; round < 300; round++) {
        for (let action = 0; action < 20; action++) churn.act();
        seconds = wakeTimes(scanner, 1, seconds);
        const { items, stable, unshared } = scanner.core;
        expect(items).toBeGreaterThanOrEqual(stable.shared + stable.sharing + unshared);
        expect(Math.min(stable.shared, stable.sharing, unshared)).toBeGreaterThanOrEqual(0);
        expect(auditHost(host)).toEqual([]);
      }
      // Let guests rest, and everything is counted: each page looked at, every stable node with its mappings.
      scanner.setKnob("smart_scan", 0);
      scanner.setKnob("pages_to_scan", 10_000);
      seconds = wakeTimes(scanner, QUIET_PASSES, seconds);
      expect(shown(scanner)).toEqual(expectedOf(host));
      const { shared, sharing, unshared } = expectedOf(host);
      expect(scanner.figures().rmap_items).toBe(shared + sharing + unshared);
      churn.expectAllReads();
      await world.close();
    }
  });

  it("leaves each content on one frame of a domain when guests rest", async () => {
    const seed = testSeed("KSM leaves no duplicates");
    const world = await openWorld({
      seed,
      guests: [{ pages: 60 }, { pages: 50, domain: 1 }, { pages: 40 }],
      frames: 120,
      swap: "shared",
    });
    const { host } = world;
    const churn = new Churn(world, { seed, common: 6, doesDiskIo: false });
    const scanner = passScanner(host, { pages_to_scan: 40 });
    let seconds = 0;
    for (let round = 0; round < 200; round++) {
      for (let action = 0; action < 20; action++) churn.act();
      seconds = wakeTimes(scanner, 1, seconds);
    }
    scanner.setKnob("smart_scan", 0);
    scanner.setKnob("pages_to_scan", 10_000);
    wakeTimes(scanner, QUIET_PASSES, seconds);
    const held = new Set<string>();
    for (let page = 0; page < host.pages; page++) {
      const frame = host.frameOf[page]!;
      if (frame >= 0) held.add(`${host.domainOf(page)} ${host.contentOf[frame]}`);
    }
    expect(framesOf(host)).toBe(held.size);
    await world.close();
  });
});

describe("KsmCore.unmergeAll", () => {
  it("stops with ENOSPC where memory is too small, and nothing is lost", async () => {
    const world = await openWorld({ guests: [{ pages: 12 }], frames: 6 });
    const { host } = world;
    const scanner = passScanner(host, { smart_scan: 0 });
    for (let first = 0; first < 12; first += 4) {
      for (let page = first; page < first + 4; page++) host.write(page, 5);
      wakeTimes(scanner, 2);
    }
    expect(framesOf(host)).toBe(1);
    expect(() => scanner.setKnob("run", 2)).toThrow(expect.objectContaining({ errno: "ENOSPC" }));
    expect(scanner.wake(1)).toBe(Number.POSITIVE_INFINITY);
    expect(auditHost(host)).toEqual([]);

    scanner.setKnob("run", 1);
    wakeTimes(scanner, QUIET_PASSES);
    expect(shown(scanner)).toEqual({ shared: 1, sharing: 11, unshared: 0, volatile: 0 });
    await world.close();
  });
});
