/** The laws of chance: what they draw against the shares they claim, counted. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { createWorkload, lawName, parseLaw } from "../../../src/lab/wear/workloads.ts";

const SEED = 20_261_121;
const RECORDS = 1000;
const DRAWS = 400_000;

/** How often each record is drawn. */
function counted(text: string): {
  readonly counts: Uint32Array;
  readonly workload: ReturnType<typeof create>;
} {
  const workload = create(text);
  const counts = new Uint32Array(RECORDS);
  const drawn = new Uint32Array(DRAWS);
  workload.fill(drawn);
  for (const record of drawn) counts[record]! += 1;
  return { counts, workload };
}

function create(text: string) {
  return createWorkload(parseLaw(text), { records: RECORDS, random: new SeededRandom(SEED) });
}

/** Five standard deviations of a count that is expected. */
const tolerance = (expected: number) => 5 * Math.sqrt(expected);

describe("createWorkload", () => {
  it("draws every record alike for uniform", () => {
    const { counts } = counted("uniform");
    const expected = DRAWS / RECORDS;
    const off = [...counts].filter((count) => Math.abs(count - expected) > tolerance(expected));
    expect(off).toEqual([]);
  });

  it("draws the hot records as often as hot-cold says", () => {
    const { counts, workload } = counted("hot-cold:80/20");
    const hot = counts.reduce(
      (sum, count, record) => sum + (workload.classOf(record) === 0 ? count : 0),
      0,
    );
    expect(Math.abs(hot - 0.8 * DRAWS)).toBeLessThan(tolerance(0.8 * DRAWS));
    expect(workload.classes[0]!.data).toBe(0.2);
  });

  it("draws rank i of zipf in proportion to i^-theta", () => {
    const { counts } = counted("zipf:0.8");
    const weights = Array.from({ length: RECORDS }, (_, index) => (index + 1) ** -0.8);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const off = [...counts].filter((count, record) => {
      const expected = (DRAWS * weights[record]!) / sum;
      return Math.abs(count - expected) > tolerance(expected);
    });
    expect(off).toEqual([]);
  });

  it.each(["uniform", "hot-cold:90/10", "zipf:0.99"])(
    "has classes for %s whose shares sum to 1",
    (text) => {
      const { classes } = create(text);
      const sum = (of: "writes" | "data") => classes.reduce((total, one) => total + one[of], 0);
      expect(sum("writes")).toBeCloseTo(1, 9);
      expect(sum("data")).toBeCloseTo(1, 9);
    },
  );

  it("draws the same again from the same seed", () => {
    expect(counted("zipf:1.2").counts).toEqual(counted("zipf:1.2").counts);
  });
});

describe("parseLaw", () => {
  it.each([
    ["uniform", "uniform"],
    ["hot-cold", "hot-cold:90/10"],
    ["hot-cold:99.5/2", "hot-cold:99.5/2"],
    ["zipf", "zipf:0.99"],
    ["zipf:1.2", "zipf:1.2"],
  ])("takes %s", (text, name) => {
    expect(lawName(parseLaw(text))).toBe(name);
  });

  it.each([
    "",
    "hot",
    "hot-cold:100/10",
    "hot-cold:90",
    "hot-cold:0/5",
    "zipf:6",
    "uniform:1",
    "zipf:-1",
  ])("refuses %j with the value and what to give", (text) => {
    expect(() => parseLaw(text)).toThrow(`--workload cannot be "${text}": give uniform`);
  });
});
