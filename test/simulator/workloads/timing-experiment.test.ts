import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { TimingExperiment } from "../../../src/simulator/workloads/timing-experiment.ts";
import { testSeed } from "../../support/seed.ts";

function outcomeOf(held: readonly number[], timesUs: readonly number[]) {
  const experiment = new TimingExperiment(Uint8Array.from(held));
  for (const [trial, timeUs] of timesUs.entries()) experiment.measured(trial, timeUs);
  return experiment.outcome();
}

describe("TimingExperiment", () => {
  it("finds all there is where times part cleanly", () => {
    const held = [0, 0, 1, 1, 1, 1, 0, 0];
    const outcome = outcomeOf(
      held,
      held.map((isHeld, trial) => 1 + isHeld + trial / 100),
    );
    expect(outcome).toMatchObject({ trials: 8, slowIfHeld: 1, slowIfNot: 0, advantage: 1 });
    expect(outcome).toMatchObject({ advantageError: 0, bitsPerTrial: 1 });
    expect(outcome.thresholdUs).toBeCloseTo((1.06 + 2.02) / 2, 10);
  });

  it("finds nothing where all times are equal", () => {
    const outcome = outcomeOf([0, 1, 1, 0, 1, 0, 0, 1], new Array(8).fill(3));
    expect(outcome).toMatchObject({ advantage: 0, bitsPerTrial: 0, slowIfHeld: 0, slowIfNot: 0 });
  });

  it("knows nothing before both sides have been measured, in both halves", () => {
    const unknown = { advantage: 0, advantageError: 1, bitsPerTrial: 0, thresholdUs: 0 };
    expect(outcomeOf([0, 1], [])).toEqual({ trials: 0, slowIfHeld: 0, slowIfNot: 0, ...unknown });
    expect(outcomeOf([0, 0, 1, 0], [1, 1, 2, 1])).toMatchObject({ trials: 4, ...unknown });
    expect(outcomeOf([1, 0, 1, 1], [2, 1, 2, 2])).toMatchObject({ trials: 4, ...unknown });
  });

  it("trains on even trials and judges odd ones, as counted by hand", () => {
    const random = new SeededRandom(testSeed("timing experiment"));
    const trials = 400;
    const held = Array.from({ length: trials }, () => random.below(2));
    const times = held.map((isHeld) => 3 * isHeld + random.below(8));
    const outcome = outcomeOf(held, times);
    const shareAbove = (parity: number, isHeld: number, thresholdUs: number) => {
      const of = times.filter((_, trial) => trial % 2 === parity && held[trial] === isHeld);
      return of.filter((time) => time > thresholdUs).length / of.length;
    };
    const difference = (parity: number, thresholdUs: number) =>
      Math.abs(shareAbove(parity, 1, thresholdUs) - shareAbove(parity, 0, thresholdUs));
    const best = Math.max(...Array.from({ length: 12 }, (_, time) => difference(0, time + 0.5)));
    expect(difference(0, outcome.thresholdUs)).toBeCloseTo(best, 12);
    expect(outcome.advantage).toBeCloseTo(difference(1, outcome.thresholdUs), 12);
    expect(outcome.slowIfHeld).toBeCloseTo(shareAbove(1, 1, outcome.thresholdUs), 12);
    expect(outcome.slowIfNot).toBeCloseTo(shareAbove(1, 0, outcome.thresholdUs), 12);
    expect(outcome.bitsPerTrial).toBeCloseTo(
      informationOf(
        times.flatMap((time, trial) =>
          trial % 2 === 0 ? [] : [[held[trial]!, time > outcome.thresholdUs ? 1 : 0]],
        ),
      ),
      12,
    );
  });

  it("finds an advantage within its error of the true one, and none where there is none", () => {
    const random = new SeededRandom(testSeed("advantage"));
    const trials = 20_000;
    const held = Array.from({ length: trials }, () => random.below(2));
    // Slow with probability 0.7 if held, else 0.4.
    const times = held.map((isHeld) => (random.below(10) < 4 + 3 * isHeld ? 5 : 1));
    const outcome = outcomeOf(held, times);
    expect(Math.abs(outcome.advantage - 0.3) / outcome.advantageError).toBeLessThan(5);
    const error = Math.sqrt((0.7 * 0.3) / 5000 + (0.4 * 0.6) / 5000);
    expect(outcome.advantageError / error).toBeGreaterThan(0.9);
    expect(outcome.advantageError / error).toBeLessThan(1.1);
    const blind = outcomeOf(
      held,
      held.map(() => random.below(1000)),
    );
    expect(blind.advantage / blind.advantageError).toBeLessThan(5);
  });
});

/** Mutual information of pairs of bits, in bits, by its definition. */
function informationOf(pairs: readonly (readonly number[])[]): number {
  const share = (chosen: (pair: readonly number[]) => boolean) =>
    pairs.filter(chosen).length / pairs.length;
  let bits = 0;
  for (const one of [0, 1]) {
    for (const other of [0, 1]) {
      const both = share(([a, b]) => a === one && b === other);
      const apart = share(([a]) => a === one) * share(([, b]) => b === other);
      if (both > 0) bits += both * Math.log2(both / apart);
    }
  }
  return bits;
}
