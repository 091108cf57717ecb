/** Our scanner: merges of the swap device, told by hand and in random runs, and hinted where nothing swaps. */

import { afterEach, describe, expect, it } from "vitest";
import { auditHost } from "../../../src/simulator/memory/audit.ts";
import { SWAPPED } from "../../../src/simulator/memory/mappings.ts";
import { deviceHinted } from "../../../src/simulator/scanners/device-hinted.ts";
import { hinted } from "../../../src/simulator/scanners/hinted.ts";
import { testSeed } from "../../support/seed.ts";
import { Churn, churnAudited, openWorld, startScanner, type World } from "./churn.ts";

const seed = testSeed("device-hinted scanner");

let world: World | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

const twoDomains = [{ pages: 60 }, { pages: 60 }, { pages: 60, domain: 1 }];

async function openPair(domain = 0): Promise<World> {
  world = await openWorld({ guests: [{ pages: 10 }, { pages: 10, domain }], swap: "shared" });
  return world;
}

/** The frame of each page goes out. */
function evict(...pages: number[]): void {
  for (const page of pages) {
    const frame = world!.host.frameOf[page]!;
    if (frame >= 0) expect(world!.host.swap.evict(frame)).toBe(true);
  }
}

describe("device-hinted", () => {
  it.each([
    { swap: "shared", keepsSharing: true, hint_checksum: "two-visits" },
    { swap: "shared", keepsSharing: false, hint_checksum: "bypass" },
    { swap: "per-guest", keepsSharing: true, hint_checksum: "bypass" },
  ] as const)("leaves every page what its guest wrote: %o", async (options) => {
    const { swap, keepsSharing, hint_checksum } = options;
    world = await openWorld({ seed, guests: twoDomains, frames: 60, swap, keepsSharing });
    const churn = new Churn(world, { seed, common: 12 });
    // So slow that the device finds some first.
    const parameters = { hint_checksum, pages_to_scan: 4, hint_buffer: 16 };
    const scanner = startScanner(world.host, deviceHinted, { parameters, seed });
    churnAudited(world, { churn, scanner, rounds: 200 });
    churn.expectAllReads();
    expect(auditHost(world.host)).toEqual([]);
    expect(scanner.figures().device_merges).toBeGreaterThan(0);
  });

  it("is hinted while nothing swaps", async () => {
    const run = async (kind: typeof hinted) => {
      const own = await openWorld({ guests: twoDomains });
      const churn = new Churn(own, { seed, common: 12 });
      const scanner = startScanner(own.host, kind, { seed });
      churnAudited(own, { churn, scanner, rounds: 60 });
      const result = { figures: scanner.figures(), frameOf: [...own.host.frameOf] };
      await own.close();
      return result;
    };
    const byDevice = await run(deviceHinted);
    const byHints = await run(hinted);
    expect(byDevice.frameOf).toEqual(byHints.frameOf);
    expect(byDevice.figures).toEqual({ ...byHints.figures, device_merges: 0 });
  });

  it("has equal pages that went out share a slot at once, and come back as one frame", async () => {
    const { host } = await openPair();
    const scanner = startScanner(host, deviceHinted);
    host.write(1, 5);
    host.write(11, 5);
    evict(1, 11);
    expect(host.frameOf[1]).toBeLessThanOrEqual(SWAPPED);
    expect(host.frameOf[11]).toBe(host.frameOf[1]);
    expect(scanner.tally).toMatchObject({ merges: 1, visits: 0 });
    expect(scanner.figures().device_merges).toBe(1);
    expect(host.read(11)).toBe(5);
    expect(host.frameOf[1]).toBe(host.frameOf[11]);
    expect(host.isMerged(host.frameOf[1]!)).toBe(true);
  });

  it("has any number of equal pages that go out share one slot", async () => {
    const { host } = await openPair();
    const scanner = startScanner(host, deviceHinted);
    const pages = [1, 2, 3, 4, 11, 12, 13, 14];
    for (const page of pages) host.write(page, 5);
    evict(...pages);
    expect(new Set(pages.map((page) => host.frameOf[page])).size).toBe(1);
    expect(scanner.figures().device_merges).toBe(7);
    expect(host.swap.areas[0]!.duplicates).toBe(7);
  });

  it("has a page that goes out join an equal one in memory of which the device has a copy", async () => {
    const { host } = await openPair();
    const scanner = startScanner(host, deviceHinted);
    host.write(1, 5);
    host.write(11, 5);
    evict(1);
    host.read(1);
    const { used } = host.frames;
    evict(11);
    expect(host.frameOf[11]).toBe(host.frameOf[1]);
    expect(host.frameOf[1]).toBeGreaterThanOrEqual(0);
    expect(host.frames.used).toBe(used - 1);
    expect(scanner.figures().device_merges).toBe(1);
    host.write(11, 6);
    expect([host.read(1), host.read(11)]).toEqual([5, 6]);
    expect(auditHost(host)).toEqual([]);
  });

  it("joins all pages of a shared frame that goes out", async () => {
    const { host } = await openPair();
    const scanner = startScanner(host, deviceHinted);
    for (const page of [1, 2, 11, 12]) host.write(page, 5);
    host.merge(2, host.frameOf[1]!);
    host.merge(12, host.frameOf[11]!);
    evict(1, 11);
    expect(new Set([1, 2, 11, 12].map((page) => host.frameOf[page])).size).toBe(1);
    expect(scanner.figures().device_merges).toBe(2);
    expect(host.read(12)).toBe(5);
    expect(host.frames.used).toBe(1);
    expect(auditHost(host)).toEqual([]);
  });

  it("does not join pages of two domains", async () => {
    const { host } = await openPair(1);
    const scanner = startScanner(host, deviceHinted);
    host.write(1, 5);
    host.write(11, 5);
    evict(1, 11);
    expect(host.frameOf[11]).not.toBe(host.frameOf[1]);
    expect(scanner.figures().device_merges).toBe(0);
  });

  it("has the scanner know pages again that came back shared, so that others merge with them", async () => {
    world = await openWorld({ guests: [{ pages: 5000 }], swap: "shared" });
    const { host, contents } = world;
    for (let page = 0; page < 5000; page++) host.write(page, contents.fresh());
    const parameters = { merge_order: "stable-first" };
    const scanner = startScanner(host, deviceHinted, { parameters });
    const content = contents.fresh();
    for (const page of [3000, 4000]) host.write(page, content);
    evict(3000, 4000);
    host.read(3000);
    scanner.wake(0);
    expect(scanner.figures()).toMatchObject({ adopted: 1, pages_shared: 1 });
    host.diskRead(4500, content);
    scanner.wake(1);
    expect(host.frameOf[4500]).toBe(host.frameOf[3000]);
    expect(host.frameOf[4000]).toBe(host.frameOf[3000]);
  });

  it("hints what comes back shared, and not what comes back alone", async () => {
    const { host } = await openPair();
    const scanner = startScanner(host, deviceHinted);
    for (const page of [1, 2, 11]) host.write(page, page === 2 ? 6 : 5);
    evict(1, 2, 11);
    host.read(2);
    expect(scanner.tally.hintsGenerated).toBe(0);
    host.read(1);
    expect(scanner.tally.hintsGenerated).toBe(1);
    expect(host.mappingsOf[host.frameOf[11]!]).toBe(2);
  });

  it("does the same for the same seed", async () => {
    const run = async () => {
      const own = await openWorld({ seed, guests: twoDomains, frames: 60, swap: "shared" });
      const churn = new Churn(own, { seed, common: 12 });
      const scanner = startScanner(own.host, deviceHinted, { seed });
      churnAudited(own, { churn, scanner, rounds: 60 });
      const result = { figures: scanner.figures(), frameOf: [...own.host.frameOf] };
      await own.close();
      return result;
    };
    expect(await run()).toEqual(await run());
  });
});
