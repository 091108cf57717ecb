import { describe, expect, it } from "vitest";
import {
  type BuiltIn,
  type Find,
  headline,
} from "../../../src/simulator/scenario/built-in/built-in.ts";
import { headlinesOf } from "../../../src/simulator/scenario/headlines.ts";
import { planRuns } from "../../../src/simulator/scenario/plan.ts";
import { sweepWithSensitivity } from "../../../src/simulator/scenario/sensitivity.ts";
import { sweep } from "../../../src/simulator/sweep.ts";
import { testSeed } from "../../support/seed.ts";

const seed = testSeed("sensitivity");

const saved = (find: Find, name: string) => find(name)?.merged.pages_saved;

/** A filling whose result is plain arithmetic: pages less contents, where the scanner has passes enough. */
const FILLING: BuiltIn = {
  name: "filling",
  summary: "",
  explanation: "",
  scenario: {
    seconds: 2,
    sample_seconds: 0.5,
    host: { memory: "4M" },
    guests: [
      {
        memory: "2M",
        workload: {
          kind: "fill",
          fill: [
            { pages: 100, content: { contents: 20 } },
            { pages: 50, content: "unique" },
          ],
        },
      },
    ],
    scanner: { kind: "linear", pages_to_scan: 1000, sleep_millisecs: 100 },
    variants: [
      { name: "merged", set: { "scanner.kind": "linear" } },
      { name: "left", set: { "scanner.kind": "none" } },
    ],
  },
  headlines: (find) => [
    ...headline("saved", { value: saved(find, "merged"), unit: "pages" }),
    ...headline("saved by nobody", { value: saved(find, "left"), unit: "pages" }),
  ],
  candidates: [
    { key: "host.cores" },
    { key: "guests.0.workload.fill.0.pages" },
    { key: "guests.0.workload.fill.0.content.contents", lower: 10, higher: 25 },
    { key: "scanner.run", lower: 0, higher: 1 },
    { key: "guests.0.memory", lower: "1M", higher: "2M" },
  ],
};

function options(builtIn: BuiltIn, set: Parameters<typeof planRuns>[1]["set"] = {}) {
  const source = builtIn.name;
  const plan = planRuns(builtIn.scenario, { source, set, sweep: {} });
  return { plan, set, source, seed, jobs: 1, signal: new AbortController().signal };
}

describe("sweepWithSensitivity", () => {
  it("tells the three strongest parameters of each headline, the strongest first", async () => {
    const { outcomes, sensitivity } = await sweepWithSensitivity(FILLING, options(FILLING));
    expect(outcomes.map(({ result }) => result.merged.pages_saved)).toEqual([80, 0]);
    const rows = sensitivity.filter(({ headline: name }) => name === "saved");
    expect(rows).toEqual([
      {
        headline: "saved",
        key: "guests.0.workload.fill.0.pages",
        base: 80,
        lower: { setting: 50, value: 30 },
        higher: { setting: 200, value: 180 },
        effect: 150 / 80,
      },
      {
        headline: "saved",
        key: "scanner.run",
        base: 80,
        lower: { setting: 0, value: 0 },
        higher: { setting: 1, value: 80 },
        effect: 1,
      },
      {
        headline: "saved",
        key: "guests.0.workload.fill.0.content.contents",
        base: 80,
        lower: { setting: 10, value: 90 },
        higher: { setting: 25, value: 75 },
        effect: 15 / 80,
      },
    ]);
  });

  it("gives the change itself where a headline is zero", async () => {
    const { sensitivity } = await sweepWithSensitivity(FILLING, options(FILLING));
    const rows = sensitivity.filter(({ headline: name }) => name === "saved by nobody");
    expect(rows.map(({ effect }) => effect)).toEqual([0, 0, 0]);
  });

  it("leaves parameters alone that the command line set", async () => {
    const set = { "guests.0.workload.fill": [{ pages: 60, content: { contents: 20 } }] };
    const { sensitivity } = await sweepWithSensitivity(FILLING, options(FILLING, set));
    const [strongest] = sensitivity;
    expect(strongest).toMatchObject({ base: 40, key: "scanner.run" });
    const fill = sensitivity.filter(({ key }) => key.includes("fill"));
    expect(fill).toEqual([]);
  });
});

describe("headlinesOf", () => {
  it("tells the headlines of every point of a sweep", async () => {
    const { runs } = planRuns(FILLING.scenario, {
      source: "filling",
      set: {},
      sweep: { "guests.0.workload.fill.1.pages": [10, 20] },
    });
    const outcomes = await sweep(runs, options(FILLING));
    expect(
      headlinesOf(FILLING, runs, outcomes).map(({ name, value }) => ({ name, value })),
    ).toEqual([
      { name: "saved (pages=10)", value: 80 },
      { name: "saved by nobody (pages=10)", value: 0 },
      { name: "saved (pages=20)", value: 80 },
      { name: "saved by nobody (pages=20)", value: 0 },
    ]);
  });
});

describe("sweep", () => {
  it("makes runs of equal scenarios once, and gives each its own name", async () => {
    const { plan, ...rest } = options(FILLING);
    const twice = plan.runs.flatMap((run) => [run, { ...run, name: `${run.name} again` }]);
    const outcomes = await sweep(twice, rest);
    expect(outcomes.map(({ result }) => result.name)).toEqual([
      "merged",
      "merged again",
      "left",
      "left again",
    ]);
    expect(outcomes[1]!.series.name).toBe("merged again");
    expect(outcomes[1]!.result.merged).toBe(outcomes[0]!.result.merged);
  });

  it("gives the same outcome for the same seed", async () => {
    const { plan, ...rest } = options(FILLING);
    expect(await sweep(plan.runs, rest)).toEqual(await sweep(plan.runs, rest));
  });

  it("tells how far all runs are, ending at all", async () => {
    const { plan, ...rest } = options(FILLING);
    const told: number[] = [];
    await sweep(plan.runs, { ...rest, onProgress: (fraction) => told.push(fraction) });
    expect(told).toEqual([...told].sort((one, other) => one - other));
    expect(told.at(-1)).toBe(1);
  });

  it("ends with the signal's reason", async () => {
    const { plan, ...rest } = options(FILLING);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(sweep(plan.runs, { ...rest, signal })).rejects.toThrow("enough");
  });
});
