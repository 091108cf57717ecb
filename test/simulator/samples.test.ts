/** Rows of figures over time, in sums anybody can do. */

import { describe, expect, it } from "vitest";
import { Samples } from "../../src/simulator/samples.ts";

function sampled(rows: readonly (readonly [number, number])[]): Samples {
  const samples = new Samples();
  for (const [seconds, pages] of rows) samples.add({ seconds, pages });
  return samples;
}

describe("Samples", () => {
  it("takes the mean over time, not over rows", () => {
    const samples = sampled([
      [10, 0],
      [11, 4],
      [14, 4],
      [14, 10],
      [20, 10],
    ]);
    expect(samples.mean("pages")).toBe((2 * 1 + 4 * 3 + 10 * 6) / 10);
    expect(samples.max("pages")).toBe(10);
    expect(samples.last("pages")).toBe(10);
  });

  it("has the one value there is as its mean, and nothing of what was never sampled", () => {
    expect(sampled([[3, 7]]).mean("pages")).toBe(7);
    expect(sampled([]).mean("pages")).toBe(0);
    expect(sampled([[3, 7]]).max("frames")).toBe(0);
  });

  it("gives columns of one length, by name", () => {
    const samples = sampled([
      [0, 1],
      [5, 2],
    ]);
    expect(samples.series("run")).toEqual({
      name: "run",
      columns: { seconds: [0, 5], pages: [1, 2] },
    });
    expect(samples.rows).toBe(2);
  });
});
