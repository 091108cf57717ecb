import { afterEach, describe, expect, it } from "vitest";
import { OpportunityOracle } from "../../../src/simulator/opportunities.ts";
import { PAGE_CLASS } from "../../../src/simulator/page-classes.ts";
import { idleDesktop } from "../../../src/simulator/workloads/idle-desktop.ts";
import { testSeed } from "../../support/seed.ts";
import { behavesAsWorkload, heldBy, pagesOf, startRun, type WorkloadRun } from "./runs.ts";

const seed = testSeed("idle desktop");
const PAGES = 8192;

let run: WorkloadRun | undefined;
afterEach(async () => {
  await run?.close();
  run = undefined;
});

async function desktops(count: number, parameters: object = {}): Promise<WorkloadRun> {
  run = await startRun(idleDesktop, parameters, {
    seed,
    guests: Array.from({ length: count }, () => ({ pages: PAGES })),
  });
  return run;
}

describe("idle-desktop", () => {
  behavesAsWorkload(idleDesktop, { seed });

  it("has what its shares say in memory after the log-in, and no more a minute later", async () => {
    const { host, runTo } = await desktops(1, { documents_share: 0.1, anonymous_share: 0.3 });
    runTo(20);
    // Kernel, page tables, programs, shared files, documents, programs' memory.
    const expected = (0.09 + 0.005 + 0.05 + 0.01 + 0.1 + 0.3) * PAGES;
    expect(Math.abs(host.frames.used - expected)).toBeLessThan(6);
    const after = host.frames.used;
    runTo(80);
    expect(host.frames.used).toBe(after);
  });

  it("saves about a fifth of memory in use where there are some of a kind", async () => {
    const { host, runTo } = await desktops(8);
    runTo(30);
    const { pagesPresent, opportunities } = new OpportunityOracle(host).count();
    expect(opportunities / pagesPresent).toBeGreaterThan(0.17);
    expect(opportunities / pagesPresent).toBeLessThan(0.25);
  });

  it("writes a share of its memory at each use, and nothing between", async () => {
    const { guests, runTo, workloads } = await desktops(1, { use_every_seconds: 10 });
    runTo(21);
    const anonymous = pagesOf(guests[0]!, PAGE_CLASS.anonymous);
    const { writes } = run!.host.tally;
    const usesBefore = workloads[0]!.figures!().uses!;
    runTo(300);
    const uses = workloads[0]!.figures!().uses! - usesBefore;
    expect(uses).toBeGreaterThan(0);
    expect(run!.host.tally.writes - writes).toBe(uses * Math.round(0.01 * anonymous.length));
  });

  it("has the share of zeros and of its own duplicates that it is given", async () => {
    const { guests, runTo } = await desktops(2, { zero_share: 0.2, self_duplicate_share: 0.3 });
    runTo(21);
    const [held, others] = guests.map((guest) =>
      heldBy(guest, pagesOf(guest, PAGE_CLASS.anonymous)),
    );
    const total = held!.length;
    const countOf = new Map<number, number>();
    for (const content of held!) countOf.set(content, (countOf.get(content) ?? 0) + 1);
    const zeros = countOf.get(0) ?? 0;
    const other = new Set(others);
    const repeated = held!.filter((content) => content !== 0 && countOf.get(content)! > 1).length;
    const off = (share: number) => 5 * Math.sqrt(total * share * (1 - share));
    expect(Math.abs(zeros - 0.2 * total)).toBeLessThan(off(0.2));
    expect(Math.abs(repeated - 0.3 * total)).toBeLessThan(off(0.3));
    expect(held!.filter((content) => content !== 0 && other.has(content))).toEqual([]);
  });

  it("wants little processor time but for its uses", async () => {
    const { workloads, runTo } = await desktops(1, { use_every_seconds: 1e6 });
    runTo(1);
    expect(workloads[0]!.step(1, 0.1)).toBeCloseTo(0.002);
  });
});
