/** Frames of equal contents past max_page_sharing: how many there are, in what order they are filled, when they go. */

import { describe, expect, it } from "vitest";
import { NO_TAG } from "../../../../src/simulator/memory/frames.ts";
import type { Host } from "../../../../src/simulator/memory/host.ts";
import type { LinearScanner } from "../../../../src/simulator/scanners/linear.ts";
import { passScanner, smallHost, wakeTimes } from "./small-host.ts";

interface Chained {
  shared: number;
  sharing: number;
  unshared: number;
  chains: number;
  dups: number;
}

function chained(scanner: LinearScanner): Chained {
  const figures = scanner.figures();
  return {
    shared: figures.pages_shared!,
    sharing: figures.pages_sharing!,
    unshared: figures.pages_unshared!,
    chains: figures.stable_node_chains!,
    dups: figures.stable_node_dups!,
  };
}

/** So many equal pages, merged with at most `most` on a frame. */
function equalPages(pages: number, most: number): { host: Host; scanner: LinearScanner } {
  const host = smallHost([pages]);
  for (let page = 0; page < pages; page++) host.write(page, 1);
  const scanner = passScanner(host, { max_page_sharing: most, smart_scan: 0 });
  wakeTimes(scanner, 3);
  return { host, scanner };
}

/** Mappings of the frames that are merged, the fullest first. */
function fillOf(host: Host): number[] {
  const frames = new Set(
    host.frameOf.filter((frame) => frame >= 0 && host.tagOf[frame] !== NO_TAG),
  );
  return [...frames].map((frame) => host.mappingsOf[frame]!).sort((a, b) => b - a);
}

describe("StableTree", () => {
  it("fills one frame after the other; a page left over waits for a partner", () => {
    for (const most of [2, 3, 10]) {
      for (let pages = 1; pages <= 45; pages++) {
        const { host, scanner } = equalPages(pages, most);
        const left = pages % most;
        const frames = Math.floor(pages / most) + (left > 1 ? 1 : 0);
        const unshared = left === 1 ? 1 : 0;
        expect({ pages, most, ...chained(scanner) }).toEqual({
          pages,
          most,
          shared: frames,
          sharing: pages - unshared - frames,
          unshared,
          chains: frames > 1 ? 1 : 0,
          dups: frames > 1 ? frames : 0,
        });
        const full = new Array<number>(Math.floor(pages / most)).fill(most);
        expect(fillOf(host)).toEqual(left > 1 ? [...full, left] : full);
      }
    }
  });

  it("fills the room that pages left before it makes another frame", () => {
    const { host, scanner } = equalPages(30, 10);
    for (const page of [0, 12, 13, 25]) host.write(page, 100 + page);
    wakeTimes(scanner, 2, 10);
    for (const page of [0, 12, 13, 25]) host.write(page, 1);
    wakeTimes(scanner, 2, 20);
    expect(fillOf(host)).toEqual([10, 10, 10]);
    expect(chained(scanner)).toMatchObject({ shared: 3, sharing: 27, unshared: 0, dups: 3 });
  });

  it("lets a chain go with all but one of its frames, and with the last", () => {
    const { host, scanner } = equalPages(30, 10);
    expect(chained(scanner)).toMatchObject({ chains: 1, dups: 3 });
    for (let page = 0; page < 20; page++) host.write(page, 100 + page);
    // The pass finds two frames gone; the search that comes by the chain next finds one left in it.
    wakeTimes(scanner, 2, 10);
    expect(chained(scanner)).toMatchObject({ shared: 1, sharing: 9, chains: 0, dups: 0 });
    for (let page = 20; page < 30; page++) host.write(page, 100 + page);
    wakeTimes(scanner, 2, 20);
    expect(chained(scanner)).toEqual({ shared: 0, sharing: 0, unshared: 30, chains: 0, dups: 0 });
  });

  it("looks for the fullest frame with room once in the prune time, otherwise takes the first", () => {
    const { host, scanner } = equalPages(30, 10);
    scanner.setKnob("stable_node_chains_prune_millisecs", 5000);
    const frames = [0, 10, 20].map((page) => host.frameOf[page]!);
    // Rooms: 8, 3 and 5. The chain's first is the third frame, made last.
    for (const page of [0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 20, 21, 22, 23, 24]) {
      host.write(page, 100 + page);
    }
    // Past all searches, so that no page merges while the others are noticed.
    wakeTimes(scanner, 1, 2);
    expect(fillOf(host)).toEqual([7, 5, 2]);
    host.write(0, 1);
    scanner.core.stable.nowSeconds = 3;
    scanner.core.trust(0);
    scanner.core.visit(0);
    expect(host.frameOf[0]).toBe(frames[2]);
    host.write(1, 1);
    scanner.core.stable.nowSeconds = 10;
    scanner.core.trust(1);
    scanner.core.visit(1);
    expect(host.frameOf[1]).toBe(frames[1]);
  });

  it("keeps thousands of nodes when it grows", () => {
    const host = smallHost([6000]);
    for (let page = 0; page < 6000; page++) host.write(page, 1 + (page % 3000));
    const scanner = passScanner(host);
    wakeTimes(scanner, 2);
    expect(chained(scanner)).toEqual({
      shared: 3000,
      sharing: 3000,
      unshared: 0,
      chains: 0,
      dups: 0,
    });
  });
});
