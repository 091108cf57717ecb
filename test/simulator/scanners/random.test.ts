/** ESX's scanner against what it may never do, the duplicates there are, and the arithmetic of picking at random. */

import { afterEach, describe, expect, it } from "vitest";
import { ZERO_CONTENT } from "../../../src/simulator/contents.ts";
import { COSTS } from "../../../src/simulator/memory/costs.ts";
import { OpportunityOracle } from "../../../src/simulator/opportunities.ts";
import { random } from "../../../src/simulator/scanners/random.ts";
import { testSeed } from "../../support/seed.ts";
import { Churn, churnAudited, openWorld, startScanner, type World } from "./churn.ts";

const seed = testSeed("random scanner");

let world: World | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

const twoDomains = [{ pages: 60 }, { pages: 60 }, { pages: 60, domain: 1 }];

describe("random", () => {
  it.each([true, false])(
    "leaves every page what its guest wrote, under swapping that keeps sharing: %s",
    async (keepsSharing) => {
      const options = { seed, guests: twoDomains, frames: 70, keepsSharing };
      world = await openWorld({ ...options, swap: "shared" });
      const churn = new Churn(world, { seed, common: 12 });
      const scanner = startScanner(world.host, random, { seed });
      churnAudited(world, { churn, scanner, rounds: 150 });
      churn.expectAllReads();
      expect(scanner.tally.merges).toBeGreaterThan(0);
      expect(world.host.swap.tally.pagesIn).toBeGreaterThan(0);
    },
  );

  it("finds all there is to merge once the guests rest", async () => {
    world = await openWorld({ guests: twoDomains });
    const churn = new Churn(world, { seed, common: 12 });
    const scanner = startScanner(world.host, random, { seed });
    churnAudited(world, { churn, scanner, rounds: 60 });
    for (let wake = 0; wake < 40; wake++) scanner.wake(wake);
    const { host } = world;
    const { pagesSaved, opportunities } = new OpportunityOracle(host).count();
    expect(opportunities).toBeGreaterThan(0);
    // It knows no zero frame: in each domain zeros have a frame of their own.
    const domainsWithZeros = new Set<number>();
    for (let page = 0; page < host.pages; page++) {
      const frame = host.frameOf[page]!;
      if (frame >= 0 && host.contentOf[frame] === ZERO_CONTENT) {
        domainsWithZeros.add(host.domainOf(page));
      }
    }
    expect(pagesSaved).toBe(opportunities - domainsWithZeros.size);
  });

  it("does not merge with hint frames written since", async () => {
    world = await openWorld({ guests: [{ pages: 200 }, { pages: 200 }] });
    const { host, contents } = world;
    const scanner = startScanner(host, random, { parameters: { pages_to_scan: 4000 }, seed });
    const first = contents.reserve(200);
    for (let page = 0; page < 200; page++) host.write(page, first + page);
    scanner.wake(0);
    for (let page = 0; page < 200; page++) {
      host.write(page, contents.fresh());
      host.write(200 + page, first + page);
    }
    scanner.wake(1);
    expect(scanner.tally.merges).toBe(0);
    // Each whose page was not picked before the one that now has what it had.
    expect(scanner.figures().stale_hints).toBeGreaterThan(0);
  });

  it("looks at pages_to_scan pages in a batch", async () => {
    world = await openWorld({ guests: [{ pages: 500 }] });
    const { host, contents } = world;
    for (let page = 0; page < 500; page++) host.write(page, contents.fresh());
    const scanner = startScanner(host, random, { parameters: { pages_to_scan: 64 }, seed });
    for (let wake = 1; wake <= 20; wake++) {
      scanner.wake(wake);
      expect(scanner.tally.visits).toBe(64 * wake);
    }
  });

  it("does not look at pages that are not there, nor for ever for those that are", async () => {
    world = await openWorld({ guests: [{ pages: 500 }] });
    const scanner = startScanner(world.host, random);
    expect(scanner.wake(0)).toBeGreaterThan(0);
    expect(scanner.tally.visits).toBe(0);
  });

  it("wants to be woken after its sleep and the time it worked", async () => {
    world = await openWorld({ guests: [{ pages: 1000 }] });
    const { host, contents } = world;
    for (let page = 0; page < 1000; page++) host.write(page, contents.fresh());
    const scanner = startScanner(host, random, { parameters: { sleep_millisecs: 50 } });
    const wakeSeconds = scanner.wake(7);
    const workedSeconds = 100 * (COSTS.followSeconds + COSTS.checksumSeconds);
    expect(wakeSeconds).toBeCloseTo(7.05 + workedSeconds, 9);
    expect(host.cpu.scannerSeconds).toBeCloseTo(workedSeconds, 12);
  });

  it("has found a pair exactly if both were picked, every page alike", async () => {
    const pairs = 5000;
    const pages = 2 * pairs;
    world = await openWorld({ guests: [{ pages: pairs }, { pages: pairs }] });
    const { host } = world;
    for (let page = 0; page < pages; page++) host.write(page, 1 + (page % pairs));
    const scanner = startScanner(host, random, { parameters: { pages_to_scan: pairs }, seed });
    scanner.wake(0);
    const { visits, merges } = scanner.tally;
    // A merge is one checksum more, of the hint's page.
    const workSeconds = (visits + merges) * COSTS.checksumSeconds + merges * COSTS.mergeSeconds;
    const picks = Math.round((host.cpu.scannerSeconds - workSeconds) / COSTS.followSeconds);
    const picked = 1 - (1 - 1 / pages) ** picks;
    const sigma = Math.sqrt(pairs * picked ** 2 * (1 - picked ** 2));
    expect(Math.abs(merges - pairs * picked ** 2)).toBeLessThan(5 * sigma);
  });

  it("does the same for the same seed", async () => {
    const run = async () => {
      const own = await openWorld({ seed, guests: twoDomains, frames: 70, swap: "shared" });
      const churn = new Churn(own, { seed, common: 12 });
      const scanner = startScanner(own.host, random, { seed });
      churnAudited(own, { churn, scanner, rounds: 40 });
      const result = { figures: scanner.figures(), frameOf: [...own.host.frameOf] };
      await own.close();
      return result;
    };
    expect(await run()).toEqual(await run());
  });
});
