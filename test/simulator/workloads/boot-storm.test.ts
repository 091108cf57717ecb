import { afterEach, describe, expect, it } from "vitest";
import { PAGE_CLASS } from "../../../src/simulator/page-classes.ts";
import { bootStorm } from "../../../src/simulator/workloads/boot-storm.ts";
import { testSeed } from "../../support/seed.ts";
import { behavesAsWorkload, heldBy, pagesOf, startRun, type WorkloadRun } from "./runs.ts";

const seed = testSeed("boot storm");
const PAGES = 8192;

let run: WorkloadRun | undefined;
afterEach(async () => {
  await run?.close();
  run = undefined;
});

async function storm(): Promise<WorkloadRun> {
  run = await startRun(bootStorm, {}, { seed, guests: [{ pages: PAGES }, { pages: PAGES }] });
  return run;
}

describe("boot-storm", () => {
  behavesAsWorkload(bootStorm, { seed });

  it("boots evenly over its time, and is done then", async () => {
    const { host, runTo } = await storm();
    const expected = 2 * (0.09 + 0.005 + 0.15 + 0.25) * PAGES;
    for (const share of [0.25, 0.5, 1]) {
      runTo(20 * share);
      expect(Math.abs(host.frames.used - share * expected)).toBeLessThan(10);
    }
    runTo(60);
    expect(Math.abs(host.frames.used - expected)).toBeLessThan(10);
  });

  it("reads the same programs from the disk in all guests", async () => {
    const { host, guests, runTo } = await storm();
    runTo(20);
    const [one, other] = guests.map((guest) => heldBy(guest, pagesOf(guest, PAGE_CLASS.program)));
    expect(one!.length).toBe(Math.round(0.15 * PAGES));
    expect(one).toEqual(other);
    expect(host.tally.diskReads).toBe(2 * one!.length);
  });

  it("idles after that", async () => {
    const { host, workloads, runTo } = await storm();
    runTo(20);
    const { writes } = host.tally;
    runTo(70);
    // 0.001 a second of each of two guests' 2048 pages, for 50 seconds.
    expect(Math.abs(host.tally.writes - writes - 2 * 0.05 * 0.25 * PAGES)).toBeLessThan(3);
    expect(workloads[0]!.step(70, 0.1)).toBeCloseTo(0.002);
  });
});
