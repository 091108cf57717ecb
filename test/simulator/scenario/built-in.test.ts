import { describe, expect, it } from "vitest";
import type { VariantResult } from "../../../src/report/simulate-result.ts";
import { builtIns } from "../../../src/simulator/scenario/built-in/registry.ts";
import { checkScenario } from "../../../src/simulator/scenario/check.ts";
import { planRuns } from "../../../src/simulator/scenario/plan.ts";
import { sensitivityRuns } from "../../../src/simulator/scenario/sensitivity.ts";
import { guest, variant } from "../../support/simulate-output.ts";

const NAMES = [
  "ksm-plus-plus",
  "hint-buffer",
  "idle-dedup",
  "shared-swap",
  "zeroing",
  "tmem",
  "scanners",
  "side-channel",
  "ksm-fill",
];

function builtIn(name: string) {
  return builtIns.find((candidate) => candidate.name === name)!;
}

function planOf(name: string) {
  return planRuns(builtIn(name).scenario, { source: name, set: {}, sweep: {} });
}

/** The headlines of results made by hand, by name. */
function headlinesOf(name: string, results: Readonly<Record<string, VariantResult>>) {
  const headlines = builtIn(name).headlines((variantName) => results[variantName]);
  return new Map(headlines.map((headline) => [headline.name, headline]));
}

describe("builtIns", () => {
  it("are those there should be", () => {
    expect(builtIns.map(({ name }) => name)).toEqual(NAMES);
  });

  describe.each(NAMES)("%s", (name) => {
    it("stands every check, in all its variants", () => {
      expect(planOf(name).runs.length).toBeGreaterThan(0);
    });

    it("stands every check with each of its candidates at both values", () => {
      const plan = planOf(name);
      const sides = sensitivityRuns(builtIn(name), { plan, set: {}, source: name });
      expect(sides).toHaveLength(2 * builtIn(name).candidates.length);
      for (const { runs } of sides) expect(runs.length).toBeGreaterThan(0);
    });

    it("changes at least one of its runs with each candidate", () => {
      const plan = planOf(name);
      const before = new Set(plan.runs.map(({ scenario }) => JSON.stringify(scenario)));
      const sides = sensitivityRuns(builtIn(name), { plan, set: {}, source: name });
      const changing = sides.filter(({ runs }) =>
        runs.some(({ scenario }) => !before.has(JSON.stringify(scenario))),
      );
      const keys = new Set(changing.map(({ candidate }) => candidate.key));
      expect([...keys]).toEqual(builtIn(name).candidates.map(({ key }) => key));
    });

    it("has no headline where none of its variants was run", () => {
      expect(headlinesOf(name, {}).size).toBe(0);
    });
  });

  it("has the kernel build of the published recipe: two guests of 512 MiB, 100 pages every 20 ms", () => {
    const { scenario } = planOf("ksm-plus-plus").runs[0]!;
    const checked = checkScenario(scenario, "ksm-plus-plus");
    expect(checked.seconds).toBe(540);
    expect(checked.guests.map(({ pages }) => pages * 4096)).toEqual([2 ** 29, 2 ** 29]);
    expect(checked.scanner.parameters).toMatchObject({
      pages_to_scan: 100,
      sleep_millisecs: 20,
      merge_order: "stable-first",
      smart_scan: 0,
    });
  });

  it("has the buffers of 256 to 16384 hints in both orders", () => {
    const names = planOf("hint-buffer").runs.map(({ name }) => name);
    for (const order of ["first-in-first-out", "newest-first"]) {
      for (const hints of [256, 512, 1024, 2048, 4096, 8192, 16_384]) {
        expect(names).toContain(`${order} ${hints}`);
      }
    }
  });

  it("compares areas under the curves of merged pages, and visits per merge", () => {
    const of = (saved: number, visits: number, share: number) =>
      variant("", {
        merged: { pages_saved_mean: saved, opportunities_max_share: share },
        scanner: { visits_per_merge: visits },
      });
    const headlines = headlinesOf("ksm-plus-plus", {
      linear: of(1000, 70, 0.2),
      hinted: of(3000, 20, 0.9),
    });
    expect([...headlines.values()].map(({ value, is_met }) => ({ value, is_met }))).toEqual([
      { value: 3, is_met: true },
      { value: 3.5, is_met: true },
      { value: 20, is_met: true },
    ]);
  });

  it("leaves a ratio out where nothing was merged", () => {
    const nothing = variant("", {
      merged: { pages_saved_mean: 0 },
      scanner: { visits_per_merge: null },
    });
    const headlines = headlinesOf("ksm-plus-plus", { linear: nothing, hinted: nothing });
    expect([...headlines.keys()]).toEqual(["opportunities at their peak"]);
  });

  it("holds a buffer of 16384 hints against the worst of the small ones", () => {
    const of = (saved: number) => variant("", { merged: { pages_saved_mean: saved } });
    const small = Object.fromEntries(
      [256, 512, 1024, 2048, 4096].map((hints) => [`first-in-first-out ${hints}`, of(hints)]),
    );
    const headline = (large: number) =>
      [
        ...headlinesOf("hint-buffer", { ...small, "first-in-first-out 16384": of(large) }).values(),
      ][0];
    expect(headline(200)).toMatchObject({ value: 200 / 256, is_met: true });
    expect(headline(300)).toMatchObject({ value: 300 / 256, is_met: false });
  });

  it("counts memory saved in idle time with pages of zeros apart", () => {
    const headlines = headlinesOf("idle-dedup", {
      "none, 8 guests": variant("", {
        host: { frames_used: 1100, zero_pages: 100 },
        scanner: { kind: "none" },
      }),
      "idle-hash, 8 guests": variant("", {
        host: { frames_used: 800, zero_pages: 100 },
        scanner: { kind: "idle-hash" },
      }),
    });
    expect(headlines.get("memory saved, 8 guests, zeros apart")!.value).toBeCloseTo(20, 9);
    expect(headlines.get("memory saved, 8 guests, zeros among it")!.value).toBeCloseTo(300 / 11, 9);
  });

  it("tells by unit how much less is read from disks with tmem", () => {
    const of = (units_begun: number, disk_reads: number, more: Partial<VariantResult> = {}) =>
      variant("", {
        ...more,
        guests: [
          guest({ workload: "kernel-build", counters: { units_begun, disk_reads } }),
          guest({ workload: "kernel-build", counters: { units_begun, disk_reads: 0 } }),
          guest({ workload: "memory-hog", counters: { disk_reads: 3 * disk_reads } }),
        ],
      });
    const headlines = headlinesOf("tmem", {
      without: of(50, 1000),
      "page cache": of(60, 480),
      swap: of(50, 100),
      "page cache and swap": of(100, 1000),
    });
    const close = (value: number) => expect.closeTo(value, 9);
    const shown = [...headlines.values()].map(({ value }) => value);
    expect(shown).toEqual([close(60), close(100 / 6), close(90), close(50)]);
  });

  it("tells what writes of a fixed time cost the guests", () => {
    const of = (...seconds: number[]) =>
      variant("", {
        guests: seconds.map((access_seconds) => ({
          name: "one",
          domain: "lab",
          workload: "hostile",
          pages: 1,
          is_killed: false,
          access_seconds,
          counters: {},
        })),
      });
    const headlines = headlinesOf("side-channel", {
      "shared by all": of(1, 3),
      "fixed-time writes": of(1, 5),
    });
    const name = "the guests' accesses, fixed-time writes / shared by all";
    expect(headlines.get(name)).toMatchObject({ value: 1.5, published: null });
  });

  it("calls an advantage within four standard errors noise, and only there", () => {
    const of = (advantage: number) =>
      variant("", {
        guests: [
          {
            name: "attacker",
            domain: "lab",
            workload: "hostile",
            pages: 1,
            is_killed: false,
            access_seconds: 0,
            counters: { advantage, advantage_error: 0.01 },
          },
        ],
      });
    const met = (advantage: number) =>
      ["shared by all", "domains"].map(
        (name) => [...headlinesOf("side-channel", { [name]: of(advantage) }).values()][0]!.is_met,
      );
    expect(met(0.9)).toEqual([true, false]);
    expect(met(0.03)).toEqual([false, true]);
  });
});
