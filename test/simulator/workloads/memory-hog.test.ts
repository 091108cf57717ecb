import { afterEach, describe, expect, it } from "vitest";
import { ZERO_CONTENT } from "../../../src/simulator/contents.ts";
import { PAGE_CLASS } from "../../../src/simulator/page-classes.ts";
import { memoryHog } from "../../../src/simulator/workloads/memory-hog.ts";
import { testSeed } from "../../support/seed.ts";
import { behavesAsWorkload, heldBy, pagesOf, startRun, type WorkloadRun } from "./runs.ts";

const seed = testSeed("memory hog");
const PAGES = 8192;

let run: WorkloadRun | undefined;
afterEach(async () => {
  await run?.close();
  run = undefined;
});

async function hog(parameters: object): Promise<WorkloadRun> {
  run = await startRun(memoryHog, parameters, { seed, guests: [{ pages: PAGES }] });
  return run;
}

const sizeOf = ({ guests }: WorkloadRun) => pagesOf(guests[0]!, PAGE_CLASS.anonymous).length;

describe("memory-hog", () => {
  behavesAsWorkload(memoryHog, { seed });

  it("takes memory at its rate up to its working set", async () => {
    const started = await hog({ fill_share_per_second: 0.05, working_set_share: 0.5 });
    started.runTo(5);
    expect(Math.abs(sizeOf(started) - 0.25 * PAGES)).toBeLessThan(2);
    started.runTo(30);
    expect(sizeOf(started)).toBe(0.5 * PAGES);
  });

  it("takes all there is where it wants more, the page cache's too", async () => {
    const started = await hog({ working_set_share: 2 });
    started.runTo(60);
    const [guest] = started.guests;
    expect(guest!.freePages).toBe(0);
    expect(guest!.cachePages).toBe(0);
    expect(guest!.tally.refusals).toBeGreaterThan(0);
  });

  it("reads and writes as often as it is told, whatever the steps", async () => {
    const { workloads, runTo } = await hog({ fill_share_per_second: 1, working_set_share: 0.5 });
    runTo(1);
    const counted = () => {
      const { hog_reads, hog_writes } = workloads[0]!.figures!();
      return { all: hog_reads! + hog_writes!, writes: hog_writes! };
    };
    const before = counted();
    for (const stepSeconds of [0.013, 0.7]) {
      for (let time = 0; time < 20; time += stepSeconds) workloads[0]!.step(1 + time, stepSeconds);
    }
    const steps = 0.013 * Math.ceil(20 / 0.013) + 0.7 * Math.ceil(20 / 0.7);
    const all = counted().all - before.all;
    expect(Math.abs(all - 0.1 * 0.5 * PAGES * steps)).toBeLessThan(2);
    const writes = counted().writes - before.writes;
    expect(Math.abs(writes - all / 2)).toBeLessThan(5 * Math.sqrt(all / 4));
  });

  it("writes some pages far more often than others by Zipf's law", async () => {
    const rewritten = async (law: string) => {
      const started = await hog({
        law,
        fill_share_per_second: 1,
        working_set_share: 0.5,
        write_share: 1,
      });
      started.runTo(1);
      const guest = started.guests[0]!;
      const pages = pagesOf(guest, PAGE_CLASS.anonymous);
      const before = heldBy(guest, pages);
      started.runTo(21);
      const after = heldBy(guest, pages);
      await started.close();
      run = undefined;
      return after.filter((content, index) => content !== before[index]).length / pages.length;
    };
    // Two writes a page on average: exp(-2) of all pages get none by chance.
    const uniform = await rewritten("uniform");
    expect(Math.abs(uniform - (1 - Math.exp(-2)))).toBeLessThan(5 * Math.sqrt(0.12 / 4096));
    expect(await rewritten("zipf")).toBeLessThan(0.5);
  });

  it("writes zeros and same-filled pages for the shares it is given", async () => {
    const started = await hog({
      zero_share: 0.25,
      same_filled_share: 0.5,
      fill_share_per_second: 1,
    });
    started.runTo(2);
    const guest = started.guests[0]!;
    const held = heldBy(guest, pagesOf(guest, PAGE_CLASS.anonymous));
    const countOf = new Map<number, number>();
    for (const content of held) countOf.set(content, (countOf.get(content) ?? 0) + 1);
    const zeros = countOf.get(ZERO_CONTENT) ?? 0;
    const once = [...countOf.values()].filter((count) => count === 1).length;
    const off = (share: number) => 5 * Math.sqrt(held.length * share * (1 - share));
    // Half are same-filled; zeros, and contents nobody else has, are a quarter and three quarters of the other half.
    expect(Math.abs(zeros - 0.125 * held.length)).toBeLessThan(off(0.125));
    expect(Math.abs(once - 0.375 * held.length)).toBeLessThan(off(0.375));
  });
});
