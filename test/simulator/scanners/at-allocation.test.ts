/** Duplicates found when pages are filled. That contents and invariants hold is in conformance.test.ts. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { COSTS } from "../../../src/simulator/memory/costs.ts";
import type { Host } from "../../../src/simulator/memory/host.ts";
import { PAGE_CLASS } from "../../../src/simulator/page-classes.ts";
import { atAllocation } from "../../../src/simulator/scanners/at-allocation.ts";
import type { Scanner } from "../../../src/simulator/scanners/scanner.ts";
import { testSeed } from "../../support/seed.ts";
import { distinctContents, type SmallMachine, smallMachine } from "../memory/small-machine.ts";

const A = 2;
const B = 4;
const ZERO = 0;

async function scanned(
  machine: SmallMachine,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly host: Host; readonly scanner: Scanner }> {
  const host = await smallMachine(machine);
  const scanner = atAllocation.create({
    host,
    random: new SeededRandom(1),
    parameters: atAllocation.parameters.parse(settings),
  });
  host.setHooks(scanner);
  return { host, scanner };
}

describe("at-allocation", () => {
  it("holds each content once while guests only fill, copy and give back pages", async () => {
    const random = new SeededRandom(testSeed("at-allocation"));
    const pages = 200;
    const { host } = await scanned({
      guestPages: [80, 60, 60],
      domains: [0, 0, 1],
      frames: pages,
    });
    for (let step = 0; step < 5000; step++) {
      const page = random.below(pages);
      const frame = host.frameOf[page]!;
      // What is written in place it does not see.
      if (frame >= 0 && !host.isMerged(frame)) host.discard(page);
      if (random.below(4) > 0) host.write(page, random.below(50));
      expect(host.frames.used).toBe(distinctContents(host));
    }
  });

  it("merges a page when it is filled, with one of another guest too", async () => {
    const { host, scanner } = await scanned({ guestPages: [1, 1], frames: 2 });
    host.write(0, A);
    host.write(1, A);
    expect(host.frameOf[1]).toBe(host.frameOf[0]);
    expect(scanner.tally).toMatchObject({ visits: 2, merges: 1, zeroMerges: 0 });
    expect(scanner.wake(0)).toBe(Number.POSITIVE_INFINITY);
  });

  it("merges across guests of one domain only", async () => {
    const { host } = await scanned({ guestPages: [1, 1], domains: [0, 1], frames: 2 });
    host.write(0, A);
    host.write(1, A);
    expect(host.frames.used).toBe(2);
  });

  it("gives pages of zeros no frame", async () => {
    const { host, scanner } = await scanned({ guestPages: [2], frames: 2 });
    host.write(0, ZERO);
    expect(host.frames.used).toBe(0);
    expect(scanner.tally).toMatchObject({ merges: 1, zeroMerges: 1 });
  });

  it("does not merge with what was there when the other page was filled, but is no more", async () => {
    const { host } = await scanned({ guestPages: [3], frames: 3 });
    host.write(0, A);
    host.write(0, B);
    host.write(1, A);
    host.write(2, A);
    expect(host.read(0)).toBe(B);
    expect(host.frames.used).toBe(2);
    expect(host.frameOf[2]).toBe(host.frameOf[1]);
  });

  it("looks at a disk read into a page that had a frame", async () => {
    const { host } = await scanned({ guestPages: [2], frames: 2 });
    host.write(0, A);
    host.write(1, B);
    host.diskRead(1, A);
    expect(host.frameOf[1]).toBe(host.frameOf[0]);
  });

  it("looks at a page once for one disk read", async () => {
    const { host, scanner } = await scanned({ guestPages: [1], frames: 1 });
    host.diskRead(0, A);
    expect(scanner.tally.visits).toBe(1);
  });

  it("merges what comes back from swap, and all that shared it", async () => {
    const { host } = await scanned({
      guestPages: [4],
      frames: 4,
      swap: { area: "shared", slots: 8 },
    });
    host.write(0, A);
    host.write(1, A);
    host.swap.evict(host.frameOf[0]!);
    host.write(2, A);
    host.read(1);
    expect(host.frames.used).toBe(1);
    expect([0, 1].map((page) => host.frameOf[page])).toEqual(Array(2).fill(host.frameOf[2]));
  });

  it("leaves what programs write alone when told to share read-only pages", async () => {
    const { host } = await scanned({ guestPages: [4], frames: 4 }, { pages: "read-only" });
    host.setClass(0, PAGE_CLASS.anonymous);
    host.setClass(1, PAGE_CLASS.anonymous);
    host.setClass(2, PAGE_CLASS.program);
    host.setClass(3, PAGE_CLASS.pageCache);
    for (let page = 0; page < 4; page++) host.write(page, A);
    expect(host.frames.used).toBe(3);
    expect(host.frameOf[3]).toBe(host.frameOf[2]);
  });

  it("takes processor time for every look and every merge", async () => {
    const { host } = await scanned({ guestPages: [10], frames: 10 });
    for (let page = 0; page < 10; page++) host.write(page, page < 4 ? A : 100 + page);
    const look = COSTS.checksumSeconds + COSTS.compareSeconds;
    expect(host.cpu.scannerSeconds).toBeCloseTo(10 * look + 3 * COSTS.mergeSeconds, 12);
  });
});
