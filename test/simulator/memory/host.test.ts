/** The host: random runs against a naive model with real stores under it, then what accesses cost and who is told. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import { ZERO_CONTENT } from "../../../src/simulator/contents.ts";
import { auditHost } from "../../../src/simulator/memory/audit.ts";
import { COSTS } from "../../../src/simulator/memory/costs.ts";
import type { Host } from "../../../src/simulator/memory/host.ts";
import { testSeed } from "../../support/seed.ts";
import { runWorlds } from "./run-worlds.ts";
import { smallMachine } from "./small-machine.ts";

const A = 2;
const B = 4;

/** What the host tells a scanner from now on, in order. */
function listen(host: Host): string[] {
  const told: string[] = [];
  host.setHooks({
    onFilled: (page) => told.push(`filled ${page}`),
    onDiskIo: (page) => told.push(`disk ${page}`),
    onSwapIn: (page) => told.push(`in ${page}`),
  });
  return told;
}

describe("Host", () => {
  it("gives every page what was last written to it, and breaks no invariant, whatever happens", async () => {
    const { refusals } = await runWorlds({ seed: testSeed("host"), runs: 30 });
    // A third of them has no swap and too little memory: not to be refused once would be a test of nothing.
    expect(refusals).toBeGreaterThan(0);
  });

  it("refuses a write where memory is full and there is no swap, and changes nothing", async () => {
    const host = await smallMachine({ guestPages: [3], frames: 2 });
    host.write(0, A);
    host.write(1, A);
    host.merge(1, host.frameOf[0]!);
    host.write(2, B);
    expect(() => host.write(1, B)).toThrow(expect.objectContaining({ code: "NO_SPACE" }));
    expect([0, 1, 2].map((page) => host.read(page))).toEqual([A, A, B]);
    host.discard(2);
    host.write(1, B);
    expect(host.read(1)).toBe(B);
  });

  it("reads zeros from a page nobody wrote, which takes no memory", async () => {
    const host = await smallMachine({ guestPages: [2], frames: 2 });
    expect(host.read(1)).toBe(ZERO_CONTENT);
    expect(host.frames.used).toBe(0);
  });

  it("counts stores that lie in its memory against its frames", async () => {
    const frames = 300;
    const host = await smallMachine({
      guestPages: [600],
      frames,
      swap: { area: "shared", slots: 600, isInMemory: true },
    });
    const random = new SeededRandom(testSeed("host, stores in memory"));
    const { store } = host.swap.areas[0]!;
    let mostStored = 0;
    for (let step = 0; step < 5000; step++) {
      // 500 pages that compress to a tenth, 100 of noise.
      const page = random.below(600);
      host.write(page, 1000 + 2 * page + (page < 100 ? 1 : 0));
      const { mem_used_total, metadata_size } = store.stats();
      const stored = Math.ceil((mem_used_total + metadata_size) / PAGE_BYTES);
      mostStored = Math.max(mostStored, stored);
      // It looks at every 16th operation: so many pages of noise may have come in between, in groups of up to four.
      expect(host.frames.used + stored).toBeLessThanOrEqual(frames + 20);
    }
    expect(mostStored).toBeGreaterThan(50);
    expect(auditHost(host)).toEqual([]);
  });

  it("makes a write that copies take longer than one that does not", async () => {
    const host = await smallMachine({ guestPages: [3], frames: 3 });
    for (let page = 0; page < 3; page++) host.write(page, A);
    host.merge(1, host.frameOf[0]!);
    host.write(1, B);
    const copySeconds = host.lastSeconds;
    host.write(2, B);
    expect(copySeconds).toBeGreaterThan(5 * host.lastSeconds);
  });

  it("makes who needs room wait for what is written to swap, and for nothing that is there still", async () => {
    const host = await smallMachine({
      guestPages: [1, 1],
      frames: 1,
      swap: { area: "shared", slots: 8 },
    });
    host.write(0, A);
    const seconds = host.lastSeconds;
    host.write(1, B);
    expect(host.lastSeconds).toBeCloseTo(seconds + COSTS.swapOutSeconds, 12);
    host.read(0);
    const readSeconds = host.lastSeconds;
    // The frame that goes out is page 0's, of which swap has a copy.
    host.read(1);
    expect(host.lastSeconds).toBeCloseTo(readSeconds - COSTS.swapOutSeconds, 12);
    expect(host.swap.tally).toMatchObject({ writes: 2, cleanOuts: 1 });
  });

  it("makes both take the same time with fixed-time writes, on the zero frame too", async () => {
    const host = await smallMachine({ guestPages: [4], frames: 4, hasFixedTimeWrites: true });
    for (let page = 0; page < 3; page++) host.write(page, A);
    host.write(3, ZERO_CONTENT);
    host.merge(1, host.frameOf[0]!);
    host.mergeWithZero(3);
    const seconds = [1, 2, 3].map((page) => {
      host.write(page, B);
      return host.lastSeconds;
    });
    expect(new Set(seconds).size).toBe(1);
  });

  it("does not let a copy be seen to wait for room with fixed-time writes", async () => {
    const host = await smallMachine({
      guestPages: [4],
      frames: 3,
      swap: { area: "shared", slots: 4 },
      hasFixedTimeWrites: true,
    });
    for (let page = 0; page < 2; page++) host.write(page, A);
    host.merge(1, host.frameOf[0]!);
    for (let page = 2; page < 4; page++) host.write(page, A + page);
    expect(host.frames.free).toBe(0);
    host.write(1, B);
    const copySeconds = host.lastSeconds;
    expect(host.swap.tally.writes).toBe(1);
    host.write(1, A);
    expect(host.lastSeconds).toBe(copySeconds);
  });

  it("tells a scanner of contents in new frames, disk requests and returns from swap, each last", async () => {
    const host = await smallMachine({
      guestPages: [3],
      frames: 3,
      swap: { area: "shared", slots: 4 },
    });
    const told = listen(host);
    const since = (act: () => void) => {
      told.length = 0;
      act();
      return told.slice();
    };
    expect(since(() => host.write(0, A))).toEqual(["filled 0"]);
    expect(since(() => host.write(0, B))).toEqual([]);
    expect(since(() => host.read(0))).toEqual([]);
    expect(since(() => host.diskRead(1, B))).toEqual(["filled 1", "disk 1"]);
    expect(since(() => host.diskRead(1, B))).toEqual(["disk 1"]);
    expect(since(() => host.diskWrite(1))).toEqual(["disk 1"]);
    host.merge(1, host.frameOf[0]!);
    expect(since(() => host.write(1, A))).toEqual(["filled 1"]);
    host.swap.evict(host.frameOf[1]!);
    expect(since(() => host.diskRead(1, B))).toEqual(["in 1", "disk 1"]);
  });

  it("counts copies of pages merged one and ten seconds before, that merged into among them", async () => {
    const host = await smallMachine({ guestPages: [4], frames: 5 });
    for (let page = 0; page < 4; page++) host.write(page, A);
    host.nowSeconds = 100;
    for (let page = 1; page < 4; page++) host.merge(page, host.frameOf[0]!);
    for (const [page, seconds] of [
      [0, 101],
      [1, 101],
      [2, 109],
      [3, 111],
    ] as const) {
      host.nowSeconds = seconds;
      host.write(page, B);
    }
    expect(host.tally).toMatchObject({ copies: 4, copiesWithin1s: 2, copiesWithin10s: 3 });
  });
});
