/** Figures of wear against their definitions, worked by hand. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { cleaningPolicy } from "../../../src/overflow/space/cleaning/policies.ts";
import { SegmentSpace, type SpaceOptions } from "../../../src/overflow/space/segment-space.ts";
import { wearFigures } from "../../../src/overflow/space/wear-figures.ts";

function figures(eraseCounts: readonly number[], options: Partial<SpaceOptions> = {}) {
  const space = new SegmentSpace({
    segments: eraseCounts.length,
    segmentBytes: 100,
    policy: cleaningPolicy("greedy"),
    random: new SeededRandom(1),
    eraseCounts: Uint32Array.from(eraseCounts),
    ...options,
  });
  return { space, wear: wearFigures(space) };
}

describe("wearFigures", () => {
  it("gives least, mean and most, and the most against the mean", () => {
    expect(figures([4, 0, 2, 2]).wear).toMatchObject({
      erases_min: 0,
      erases_mean: 2,
      erases_max: 4,
      erases_max_to_mean: 2,
    });
  });

  it("gives the variation as standard deviation / mean", () => {
    expect(figures([4, 0, 2, 2]).wear.erases_variation).toBeCloseTo(Math.sqrt(2) / 2, 12);
  });

  it("gives Gini 0 where all are alike and 1 - 1/n where one bears all", () => {
    expect(figures([3, 3, 3, 3]).wear.erases_gini).toBeCloseTo(0, 12);
    expect(figures([0, 0, 8, 0]).wear.erases_gini).toBeCloseTo(3 / 4, 12);
  });

  it("gives Gini as half the mean difference of all pairs over the mean", () => {
    const counts = [5, 1, 9, 2, 2, 7];
    let differences = 0;
    for (const one of counts) for (const other of counts) differences += Math.abs(one - other);
    const mean = counts.reduce((sum, count) => sum + count, 0) / 6;
    expect(figures(counts).wear.erases_gini).toBeCloseTo(differences / 36 / 2 / mean, 12);
  });

  it("says 0 and 1 before the first erase", () => {
    expect(figures([0, 0]).wear).toMatchObject({
      erases_variation: 0,
      erases_gini: 0,
      erases_max_to_mean: 1,
    });
  });

  it("leaves out retired segments", () => {
    const { wear } = figures([4, 90, 2, 0], { retired: Uint8Array.of(0, 1, 0, 0) });
    expect(wear).toMatchObject({ erases_max: 4, erases_mean: 2, live_shares: [0, 0, 0] });
  });

  it("gives live shares, least first", () => {
    const { space } = figures([0, 0, 0, 0]);
    for (const bytes of [75, 20]) space.written(space.take(0), bytes);
    expect(wearFigures(space).live_shares).toEqual([0, 0, 0.2, 0.75]);
  });

  it("gives 128 of many live shares, least and most among them", () => {
    const { space } = figures(Array.from({ length: 1000 }, () => 0));
    for (let bytes = 1; bytes <= 100; bytes++) space.written(space.take(0), bytes);
    const { live_shares } = wearFigures(space);
    expect(live_shares).toHaveLength(128);
    expect([live_shares[0], live_shares[127]]).toEqual([0, 1]);
    expect(live_shares).toEqual(live_shares.toSorted((a, b) => a - b));
  });
});
