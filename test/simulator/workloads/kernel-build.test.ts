import { afterEach, describe, expect, it } from "vitest";
import { OpportunityOracle } from "../../../src/simulator/opportunities.ts";
import { PAGE_CLASS } from "../../../src/simulator/page-classes.ts";
import { kernelBuild } from "../../../src/simulator/workloads/kernel-build.ts";
import { testSeed } from "../../support/seed.ts";
import { behavesAsWorkload, heldBy, pagesOf, startRun, type WorkloadRun } from "./runs.ts";

const seed = testSeed("kernel build");
const PAGES = 8192;

let run: WorkloadRun | undefined;
afterEach(async () => {
  await run?.close();
  run = undefined;
});

async function builds(parameters: object, guests = 2): Promise<WorkloadRun> {
  run = await startRun(kernelBuild, parameters, {
    seed,
    guests: Array.from({ length: guests }, () => ({ pages: PAGES })),
  });
  return run;
}

describe("kernel-build", () => {
  behavesAsWorkload(kernelBuild, { seed, parameters: { skew_seconds: 5 } });

  it("has opportunities that peak near a fifth of memory", async () => {
    const { host, runTo } = await builds({});
    const oracle = new OpportunityOracle(host);
    let peak = 0;
    runTo(240, () => {
      peak = Math.max(peak, oracle.count().opportunities / host.pages);
    });
    expect(peak).toBeGreaterThan(0.16);
    expect(peak).toBeLessThan(0.24);
  });

  it("reads and writes in bursts: most tenths of a second have less than a fifth of the mean", async () => {
    const { host, runTo } = await builds({});
    runTo(60);
    const ofStep: number[] = [];
    let before = host.tally.diskReads + host.tally.diskWrites;
    for (let step = 601; step <= 2000; step++) {
      runTo(step / 10);
      const all = host.tally.diskReads + host.tally.diskWrites;
      ofStep.push(all - before);
      before = all;
    }
    const mean = ofStep.reduce((sum, pages) => sum + pages, 0) / ofStep.length;
    const quiet = ofStep.filter((pages) => pages < mean / 5).length;
    expect(quiet / ofStep.length).toBeGreaterThan(0.5);
  });

  it("overwrites what dies in the page cache, so that little of it stays in free pages", async () => {
    const { guests, runTo } = await builds({ header_share: 0, objects_per_unit: 0 }, 1);
    const guest = guests[0]!;
    const seen = new Set<number>();
    runTo(120, () => {
      for (const page of pagesOf(guest, PAGE_CLASS.pageCache)) seen.add(guest.filePageOf(page));
    });
    const cached = pagesOf(guest, PAGE_CLASS.pageCache).length;
    const left = heldBy(guest, pagesOf(guest, PAGE_CLASS.free)).filter((held) => seen.has(held));
    expect(seen.size - cached).toBeGreaterThan(5 * left.length);
  });

  it("reads each source once", async () => {
    const { host, guests, runTo } = await builds(
      { header_share: 0, objects_per_unit: 0, program_share: 0, sources_per_unit: 0.002 },
      1,
    );
    runTo(300);
    const { units_begun } = run!.workloads[0]!.figures!() as { units_begun: number };
    const directories = Math.ceil(units_begun / 20);
    expect(units_begun).toBeLessThan(1000);
    expect(host.tally.diskReads).toBe(Math.floor(directories * 20 * 0.002 * PAGES));
    expect(guests[0]!.tally.cacheHits).toBe(0);
  });

  it("begins units at the rate of its jobs", async () => {
    const { runTo } = await builds({ jobs: 8, header_share: 0, unit_seconds: 1 }, 1);
    runTo(200);
    const { units_begun } = run!.workloads[0]!.figures!() as { units_begun: number };
    // Mean and standard deviation of the log-normal law, and of a count of such times.
    const mean = Math.exp(0.5 ** 2 / 2);
    const relative = Math.sqrt(Math.exp(0.5 ** 2) - 1);
    const expected = (8 * 200) / mean;
    expect(Math.abs(units_begun - expected)).toBeLessThan(5 * relative * Math.sqrt(expected) + 8);
  });

  it("writes the same objects in guests of one image, but for the share that differs", async () => {
    const { guests, runTo } = await builds({
      skew_seconds: 0,
      header_share: 0,
      sources_per_unit: 0,
      lifetime_seconds: 10_000,
      lifetime_sigma: 0,
      equal_objects_share: 0.5,
      units: 200,
    });
    runTo(200);
    const objects = guests.map((guest) => heldBy(guest, pagesOf(guest, PAGE_CLASS.pageCache)));
    const other = new Set(objects[1]);
    const equal = objects[0]!.filter((content) => other.has(content)).length;
    const fewer = Math.min(objects[0]!.length, objects[1]!.length);
    // Of some 170 units, half: 5 sigma are a fifth of them.
    expect(equal / fewer).toBeGreaterThan(0.3);
    expect(equal / fewer).toBeLessThan(0.7);
  });

  it("refuses a tree of more pages than there can be", async () => {
    const tooLarge = builds({ units: 100_000, sources_per_unit: 1 });
    await expect(tooLarge).rejects.toThrow(
      'guest "guest-0" cannot have 819200000 pages of files "source", at most 67108864',
    );
  });

  it("begins later in each further guest of its group", async () => {
    const { guests, runTo } = await builds({ skew_seconds: 10 });
    const cachePages = () => guests.map((guest) => pagesOf(guest, PAGE_CLASS.pageCache).length);
    runTo(9);
    expect(cachePages()[0]).toBeGreaterThan(0);
    expect(cachePages()[1]).toBe(0);
    runTo(12);
    expect(cachePages()[1]).toBeGreaterThan(0);
  });
});
