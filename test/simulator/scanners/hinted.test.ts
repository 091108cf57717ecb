/** KSM++ against the linear scan it is built on, its rate limit, and what it may never do. */

import { afterEach, describe, expect, it } from "vitest";
import { hinted } from "../../../src/simulator/scanners/hinted.ts";
import { linear } from "../../../src/simulator/scanners/linear.ts";
import type { Scanner } from "../../../src/simulator/scanners/scanner.ts";
import { testSeed } from "../../support/seed.ts";
import { Churn, churnAudited, openWorld, startScanner, type World } from "./churn.ts";

const seed = testSeed("hinted scanner");

let world: World | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

const twoDomains = [{ pages: 60 }, { pages: 60 }, { pages: 60, domain: 1 }];

/** A guest of `pages` unlike pages, and a scanner whose batches have 100. */
async function openUnlike(pages: number, parameters: object): Promise<Scanner> {
  world = await openWorld({ guests: [{ pages }] });
  const { host, contents } = world;
  for (let page = 0; page < pages; page++) host.write(page, contents.fresh());
  return startScanner(host, hinted, { parameters: { smart_scan: 0, ...parameters }, seed });
}

/** A disk request for each of the pages from `first` on. */
function hintPages(count: number, first = 0): void {
  for (let page = first; page < first + count; page++) world!.host.diskWrite(page);
}

describe("hinted", () => {
  it.each([
    { keepsSharing: true, hint_order: "newest-first", hint_checksum: "two-visits" },
    { keepsSharing: true, hint_order: "random", hint_checksum: "bypass" },
    { keepsSharing: false, hint_order: "first-in-first-out", hint_checksum: "bypass" },
  ])("leaves every page what its guest wrote: %o", async ({ keepsSharing, ...parameters }) => {
    world = await openWorld({ seed, guests: twoDomains, frames: 70, swap: "shared", keepsSharing });
    const churn = new Churn(world, { seed, common: 12 });
    const knobs = { ...parameters, merge_order: "stable-first", hint_buffer: 16 };
    const scanner = startScanner(world.host, hinted, { parameters: knobs, seed });
    churnAudited(world, { churn, scanner, rounds: 150 });
    churn.expectAllReads();
    expect(scanner.tally.hintsUseful).toBeGreaterThan(0);
    expect(world.host.swap.tally.pagesIn).toBeGreaterThan(0);
  });

  it("is the linear scan while no hint comes", async () => {
    const run = async (kind: typeof hinted | typeof linear) => {
      const own = await openWorld({ guests: twoDomains, frames: 70, swap: "shared" });
      const churn = new Churn(own, { seed, common: 12, doesDiskIo: false });
      const scanner =
        kind === hinted ? startScanner(own.host, hinted) : startScanner(own.host, linear);
      churnAudited(own, { churn, scanner, rounds: 60 });
      const result = { figures: scanner.figures(), frameOf: [...own.host.frameOf] };
      await own.close();
      return result;
    };
    const byHinted = await run(hinted);
    const byLinear = await run(linear);
    expect(byHinted.frameOf).toEqual(byLinear.frameOf);
    expect(byHinted.figures).toMatchObject(byLinear.figures);
  });

  it("looks at no more pages in a batch than pages_to_scan, however many hints wait", async () => {
    const scanner = await openUnlike(5000, { hint_buffer: 4096 });
    let before = 0;
    for (let wake = 0; wake < 40; wake++) {
      hintPages(500);
      scanner.wake(wake);
      expect(scanner.tally.visits - before).toBe(100);
      before = scanner.tally.visits;
    }
  });

  it.each([0, 0.25, 0.5, 0.75])(
    "gives hints %d of the batches, and the linear scan the rest",
    async (hint_share) => {
      const scanner = await openUnlike(5000, { hint_share });
      for (let wake = 0; wake < 200; wake++) {
        hintPages(200);
        scanner.wake(wake);
      }
      expect(scanner.tally.hintsVisited).toBe(hint_share * 20_000);
      const passes = Math.floor((20_000 * (1 - hint_share)) / 5000);
      expect(scanner.figures().full_scans).toBeGreaterThanOrEqual(passes - 1);
    },
  );

  it("comes to every page in a pass, whatever is hinted", async () => {
    world = await openWorld({ guests: [{ pages: 3000 }, { pages: 3000 }] });
    const { host, contents } = world;
    for (let page = 0; page < 3000; page++) {
      const content = contents.fresh();
      host.write(page, content);
      host.write(3000 + page, content);
    }
    const scanner = startScanner(host, hinted, { parameters: { hint_share: 0.95 }, seed });
    let wakes = 0;
    for (; scanner.figures().full_scans! < 3; wakes++) {
      hintPages(200);
      scanner.wake(wakes);
    }
    expect(scanner.tally.merges).toBe(3000);
    // The linear scan has a twentieth of 100 pages a batch.
    expect(wakes).toBeLessThanOrEqual((3 * 6000) / 5 + 10);
  });

  it("serves hints also when smart scan leaves the linear scan nothing to look at", async () => {
    const scanner = await openUnlike(50, { smart_scan: 1 });
    for (let wake = 0; wake < 30; wake++) scanner.wake(wake);
    const before = scanner.tally.hintsVisited;
    hintPages(50);
    scanner.wake(30);
    expect(scanner.tally.hintsVisited - before).toBe(50);
  });

  it("stable-first, merges a hinted page at its first visit with what is merged already", async () => {
    world = await openWorld({ guests: [{ pages: 4000 }] });
    const { host, contents } = world;
    for (let page = 0; page < 4000; page++) host.write(page, contents.fresh());
    host.write(0, 7_000_000);
    host.write(1, 7_000_000);
    const parameters = { merge_order: "stable-first", pages_to_scan: 4000 };
    const scanner = startScanner(host, hinted, { parameters });
    scanner.wake(0);
    scanner.wake(1);
    scanner.wake(2);
    expect(scanner.tally.merges).toBe(1);
    // Near the end of the pass, which has just begun anew.
    host.diskRead(3999, 7_000_000);
    expect(host.frameOf[3999]).not.toBe(host.frameOf[0]);
    scanner.wake(3);
    expect(host.frameOf[3999]).toBe(host.frameOf[0]);
    expect(scanner.tally.hintsUseful).toBe(1);
  });

  it.each([
    { hint_checksum: "two-visits", merged: 0 },
    { hint_checksum: "bypass", merged: 1 },
  ])(
    "$hint_checksum: merges $merged of one new pair at once",
    async ({ hint_checksum, merged }) => {
      const scanner = await openUnlike(4000, { hint_checksum });
      const { host, contents } = world!;
      const content = contents.fresh();
      host.diskRead(2000, content);
      host.diskRead(3000, content);
      scanner.wake(0);
      expect(scanner.tally).toMatchObject({ hintsVisited: 2, hintsUseful: merged, merges: merged });
    },
  );

  it("takes no visit for a hint whose page is gone", async () => {
    const scanner = await openUnlike(4000, { hint_buffer: 4096 });
    hintPages(2000, 2000);
    for (let page = 2000; page < 4000; page++) world!.host.discard(page);
    scanner.wake(0);
    expect(scanner.tally).toMatchObject({ visits: 100, hintsVisited: 0 });
    expect(scanner.figures()).toMatchObject({ hints_stale: 2000, hints_waiting: 0 });
  });

  it("accounts for every hint: looked at, lost, waiting, or its page gone", async () => {
    const scanner = await openUnlike(1000, { hint_buffer: 64 });
    for (let wake = 0; wake < 30; wake++) {
      hintPages(30 * (wake % 5), 5 * wake);
      scanner.wake(wake);
      const { hintsGenerated, hintsDropped, hintsVisited } = scanner.tally;
      const waiting = scanner.figures().hints_waiting!;
      expect(hintsVisited + hintsDropped + waiting).toBe(hintsGenerated);
    }
    expect(scanner.tally.hintsDropped).toBeGreaterThan(0);
  });

  it("does the same for the same seed", async () => {
    const run = async () => {
      const own = await openWorld({ seed, guests: twoDomains, frames: 70, swap: "per-guest" });
      const churn = new Churn(own, { seed, common: 12 });
      const parameters = { hint_order: "random", hint_buffer: 16 };
      const scanner = startScanner(own.host, hinted, { parameters, seed });
      churnAudited(own, { churn, scanner, rounds: 40 });
      const result = { figures: scanner.figures(), frameOf: [...own.host.frameOf] };
      await own.close();
      return result;
    };
    expect(await run()).toEqual(await run());
  });
});
