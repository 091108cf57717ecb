/** Swapping, case by case. What content, sharing and bookkeeping come to over random runs is in host.test.ts. */

import { describe, expect, it } from "vitest";
import { auditHost } from "../../../src/simulator/memory/audit.ts";
import type { Host } from "../../../src/simulator/memory/host.ts";
import { SWAPPED } from "../../../src/simulator/memory/mappings.ts";
import { smallMachine } from "./small-machine.ts";

const A = 2;
const B = 4;

function evict(host: Host, page: number): boolean {
  return host.swap.evict(host.frameOf[page]!);
}

function isSwapped(host: Host, page: number): boolean {
  return host.frameOf[page]! <= SWAPPED;
}

describe("Swap", () => {
  it("stores a frame once for all pages that share it, and brings them back as one", async () => {
    const swap = { area: "shared", slots: 8 } as const;
    const host = await smallMachine({ guestPages: [2, 2], frames: 4, swap });
    for (let page = 0; page < 4; page++) host.write(page, A);
    for (let page = 1; page < 4; page++) host.merge(page, host.frameOf[0]!);
    expect(evict(host, 0)).toBe(true);
    expect(host.swap.areas[0]!.writes).toBe(1);
    expect(host.frames.used).toBe(0);

    expect(host.read(3)).toBe(A);
    expect(host.frames.used).toBe(1);
    expect(host.mappingsOf[host.frameOf[0]!]).toBe(4);
    expect(host.isMerged(host.frameOf[0]!)).toBe(true);
    expect(host.swap.tally).toMatchObject({ pagesOut: 4, pagesIn: 1, pagesInShared: 3 });
  });

  it("gives each page a frame of its own where swap does not keep sharing", async () => {
    const swap = { area: "shared", slots: 8, keepsSharing: false } as const;
    const host = await smallMachine({ guestPages: [3], frames: 4, swap });
    for (let page = 0; page < 3; page++) host.write(page, A);
    for (let page = 1; page < 3; page++) host.merge(page, host.frameOf[0]!);
    evict(host, 0);
    for (let page = 0; page < 3; page++) expect(host.read(page)).toBe(A);
    expect(host.frames.used).toBe(3);
    expect(host.swap.areas[0]!.reads).toBe(3);
    expect(host.swap.areas[0]!.writes).toBe(1);
  });

  it("stores a frame once for each guest where each has an area", async () => {
    const swap = { area: "per-guest", slots: 8 } as const;
    const host = await smallMachine({ guestPages: [2, 2], frames: 4, swap });
    for (let page = 0; page < 4; page++) host.write(page, A);
    for (let page = 1; page < 4; page++) host.merge(page, host.frameOf[0]!);
    evict(host, 0);
    expect(host.swap.areas.map(({ writes }) => writes)).toEqual([1, 1]);
    host.read(1);
    expect([0, 1, 2, 3].map((page) => isSwapped(host, page))).toEqual([false, false, true, true]);
  });

  it("swaps a page that came back unchanged out again without writing it", async () => {
    const host = await smallMachine({
      guestPages: [4],
      frames: 4,
      swap: { area: "shared", slots: 8 },
    });
    host.write(0, A);
    evict(host, 0);
    host.read(0);
    evict(host, 0);
    expect(host.swap.areas[0]!.writes).toBe(1);
    expect(host.swap.tally.cleanOuts).toBe(1);

    host.write(0, B);
    evict(host, 0);
    expect(host.swap.areas[0]!.writes).toBe(2);
    expect(host.read(0)).toBe(B);
  });

  it("keeps no clean copies in an area that is half full", async () => {
    const host = await smallMachine({
      guestPages: [4],
      frames: 4,
      swap: { area: "shared", slots: 4 },
    });
    for (let page = 0; page < 2; page++) {
      host.write(page, A + page);
      evict(host, page);
    }
    host.read(0);
    expect(host.swap.areas[0]!.copies).toBe(0);
    expect(host.swap.areas[0]!.budget.left).toBe(3);
  });

  it("drops clean copies where an area is full without them", async () => {
    const host = await smallMachine({
      guestPages: [5],
      frames: 5,
      swap: { area: "shared", slots: 4 },
    });
    host.write(0, A);
    evict(host, 0);
    host.read(0);
    expect(host.swap.areas[0]!.copies).toBe(1);
    for (let page = 1; page < 5; page++) {
      host.write(page, A + page);
      expect(evict(host, page)).toBe(true);
    }
    expect(host.swap.areas[0]!.copies).toBe(0);
    expect(host.read(0)).toBe(A);
    expect(auditHost(host)).toEqual([]);
  });

  it("leaves nothing behind of a frame that cannot go out, its clean copy excepted", async () => {
    const swap = { area: "per-guest", slots: 12 } as const;
    const host = await smallMachine({ guestPages: [1, 1, 5], frames: 8, swap });
    // Guest 2's area is full; guest 0's page came back and has a copy in slot 0, where guest 1's would be written.
    for (let page = 3; page < 7; page++) {
      host.write(page, 100 + page);
      evict(host, page);
    }
    host.write(0, A);
    evict(host, 0);
    host.read(0);
    for (const page of [1, 2]) {
      host.write(page, A);
      host.merge(page, host.frameOf[0]!);
    }
    expect(evict(host, 0)).toBe(false);
    expect(host.swap.areas.map(({ budget }) => budget.left)).toEqual([3, 4, 0]);
    expect(auditHost(host)).toEqual([]);
  });

  it("frees a frame touched lately where no other can go", async () => {
    const swap = { area: "per-guest", slots: 2 } as const;
    const host = await smallMachine({ guestPages: [2, 1], frames: 4, swap });
    host.write(0, A);
    evict(host, 0);
    host.write(1, A);
    host.write(2, A);
    // Both are untouched now, then the second, for which there is room in swap, is touched.
    host.frames.oldestUntouched(-1);
    host.read(2);
    expect(host.swap.freeOne(-1)).toBe(true);
    expect(isSwapped(host, 2)).toBe(true);
  });

  it("tells of what the device found to be the same, and joins it", async () => {
    const host = await smallMachine({
      guestPages: [2, 1],
      frames: 4,
      swap: { area: "shared", slots: 8 },
    });
    const told: number[][] = [];
    host.setHooks({ onDeviceDuplicate: (page, other) => told.push([page, other]) });
    host.write(0, A);
    host.write(2, A);
    evict(host, 0);
    evict(host, 2);
    expect(told).toEqual([[2, 0]]);
    host.joinSwapped(2, 0);
    host.read(0);
    expect(host.frameOf[2]).toBe(host.frameOf[0]);
    expect(host.swap.tally.joined).toBe(1);
  });

  it("tells of equal contents when they are written, not when a clean copy goes out", async () => {
    const swap = { area: "shared", slots: 8 } as const;
    const host = await smallMachine({ guestPages: [2], frames: 2, swap });
    const told: number[][] = [];
    host.setHooks({ onDeviceDuplicate: (page, other) => told.push([page, other]) });
    for (const page of [0, 1]) host.write(page, A);
    for (const page of [0, 1]) evict(host, page);
    for (const page of [0, 1]) {
      host.read(page);
      evict(host, page);
    }
    expect(host.swap.tally.cleanOuts).toBe(2);
    expect(told).toEqual([[1, 0]]);
    expect(host.swap.areas[0]!.duplicates).toBe(1);
  });

  it("tells nothing across domains", async () => {
    const host = await smallMachine({
      guestPages: [1, 1],
      domains: [0, 1],
      frames: 4,
      swap: { area: "shared", slots: 8 },
    });
    const told: number[] = [];
    host.setHooks({ onDeviceDuplicate: (page) => told.push(page) });
    for (const page of [0, 1]) {
      host.write(page, A);
      evict(host, page);
    }
    expect(told).toEqual([]);
    expect(host.swap.areas.map(({ writes }) => writes)).toEqual([1, 1]);
  });

  it("compresses what becomes small, and leaves the rest where it is", async () => {
    const host = await smallMachine({ guestPages: [3], frames: 20, compressedSlots: 8 });
    const noise = 7;
    host.write(0, A);
    host.write(1, A);
    host.write(2, noise);
    host.merge(1, host.frameOf[0]!);
    expect(host.compress(1)).toBe(true);
    expect(host.compress(2)).toBe(false);
    expect(host.frames.used).toBe(1);
    expect([0, 1, 2].map((page) => isSwapped(host, page))).toEqual([true, true, false]);
    expect(host.read(0)).toBe(A);
    expect(host.frameOf[1]).toBe(host.frameOf[0]);
    expect(host.compressed[0]!.budget.left).toBe(8);
  });
});
