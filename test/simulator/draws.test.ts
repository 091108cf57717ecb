/** Draws against the laws' closed forms, within five standard deviations of what is counted. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { evenly, exponential, happens, logNormal, zipfTable } from "../../src/simulator/draws.ts";
import { testSeed } from "../support/seed.ts";

const seed = testSeed("draws");
const DRAWS = 200_000;

/** Expects that of DRAWS draws a share of `probability` are so. */
function expectShare(isSo: () => boolean, probability: number): void {
  let count = 0;
  for (let draw = 0; draw < DRAWS; draw++) if (isSo()) count += 1;
  const deviation = Math.sqrt(DRAWS * probability * (1 - probability));
  expect(Math.abs(count - DRAWS * probability)).toBeLessThan(5 * deviation);
}

describe("exponential", () => {
  it.each([0.1, 0.5, 0.9, 0.999])("is below its quantile %f so often", (probability) => {
    const random = new SeededRandom(seed);
    const quantile = -3 * Math.log(1 - probability);
    expectShare(() => exponential(random, 3) < quantile, probability);
  });
});

describe("logNormal", () => {
  // Quantiles of the normal law, from tables.
  it.each([
    [0.01, -2.326348],
    [0.25, -0.67449],
    [0.5, 0],
    [0.9, 1.281552],
    [0.999, 3.090232],
  ])("is below its quantile %f so often", (probability, normal) => {
    const random = new SeededRandom(seed);
    const quantile = 10 * Math.exp(1.2 * normal);
    expectShare(() => logNormal(random, 10, 1.2) < quantile, probability);
  });
});

describe("evenly", () => {
  it("is below a quarter of the way a quarter of the time", () => {
    const random = new SeededRandom(seed);
    expectShare(() => evenly(random, -1, 3) < 0, 0.25);
  });
});

describe("happens", () => {
  it.each([0.03, 0.5])("is so with probability %f", (probability) => {
    const random = new SeededRandom(seed);
    expectShare(() => happens(random, probability), probability);
  });

  it("is always so with 1, never with 0", () => {
    const random = new SeededRandom(seed);
    for (let draw = 0; draw < 1000; draw++) {
      expect(happens(random, 1)).toBe(true);
      expect(happens(random, 0)).toBe(false);
    }
  });
});

describe("zipfTable", () => {
  it.each([0, 0.9, 1.3])("draws by Zipf's law of exponent %f", (theta) => {
    const random = new SeededRandom(seed);
    const table = zipfTable(50, theta);
    const weights = Array.from({ length: 50 }, (_, index) => 1 / (index + 1) ** theta);
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    const counts = new Uint32Array(50);
    for (let draw = 0; draw < DRAWS; draw++) counts[table.draw(random)]! += 1;
    const off = weights.map((weight, index) => {
      const expected = (DRAWS * weight) / all;
      return Math.abs(counts[index]! - expected) / Math.sqrt(expected);
    });
    // Of 50 at once, so that all of them together fail as seldom as one at five.
    expect(Math.max(...off)).toBeLessThan(6);
  });
});
