/**
 * How well times tell what was held from what was not. Every other trial trains: of all thresholds, the one that parts
 * best. The rest is judged by it: the advantage is |P(slow | held) - P(slow | not held)|, where slow is above it.
 */

import { assert } from "../../base/assert.ts";

interface TimingOutcome {
  /** Measured so far; half of them are judged. */
  readonly trials: number;
  /** 0 before anything was held and something was not. */
  readonly thresholdUs: number;
  readonly slowIfHeld: number;
  readonly slowIfNot: number;
  readonly advantage: number;
  /** Its standard error; 1 while one side has no trials. */
  readonly advantageError: number;
  /** Mutual information of slow and held. */
  readonly bitsPerTrial: number;
}

const NOTHING_KNOWN = {
  thresholdUs: 0,
  slowIfHeld: 0,
  slowIfNot: 0,
  advantage: 0,
  advantageError: 1,
  bitsPerTrial: 0,
};

export class TimingExperiment {
  readonly #isHeld: Uint8Array;
  readonly #timesUs: Float64Array;
  #trials = 0;

  /** `isHeld` has 1 for each trial whose candidate is held, else 0. */
  constructor(isHeld: Uint8Array) {
    this.#isHeld = isHeld;
    this.#timesUs = new Float64Array(isHeld.length);
  }

  /** Trials are measured in order, each once. */
  measured(trial: number, timeUs: number): void {
    assert(trial === this.#trials, "trials are measured in order");
    this.#timesUs[trial] = timeUs;
    this.#trials += 1;
  }

  outcome(): TimingOutcome {
    const trials = this.#trials;
    const thresholdUs = this.#train();
    if (thresholdUs === null) return { trials, ...NOTHING_KNOWN };
    const count = [0, 0];
    const slow = [0, 0];
    for (let trial = 1; trial < trials; trial += 2) {
      const side = this.#isHeld[trial]!;
      count[side]! += 1;
      if (this.#timesUs[trial]! > thresholdUs) slow[side]! += 1;
    }
    if (count[0] === 0 || count[1] === 0) return { trials, ...NOTHING_KNOWN };
    const slowIfNot = slow[0]! / count[0]!;
    const slowIfHeld = slow[1]! / count[1]!;
    const variance =
      (slowIfHeld * (1 - slowIfHeld)) / count[1]! + (slowIfNot * (1 - slowIfNot)) / count[0]!;
    const heldShare = count[1]! / (count[0]! + count[1]!);
    const slowShare = heldShare * slowIfHeld + (1 - heldShare) * slowIfNot;
    return {
      trials,
      thresholdUs,
      slowIfHeld,
      slowIfNot,
      advantage: Math.abs(slowIfHeld - slowIfNot),
      advantageError: Math.sqrt(variance),
      bitsPerTrial: Math.max(
        0,
        entropy(slowShare) - heldShare * entropy(slowIfHeld) - (1 - heldShare) * entropy(slowIfNot),
      ),
    };
  }

  /** The threshold that parts the training trials best, halfway between two times; null while one side has none. */
  #train(): number | null {
    const order: number[] = [];
    const count = [0, 0];
    for (let trial = 0; trial < this.#trials; trial += 2) {
      order.push(trial);
      count[this.#isHeld[trial]!]! += 1;
    }
    if (count[0] === 0 || count[1] === 0) return null;
    const times = this.#timesUs;
    order.sort((one, other) => times[one]! - times[other]! || one - other);
    const below = [0, 0];
    let best = -1;
    let thresholdUs = 0;
    order.forEach((trial, place) => {
      below[this.#isHeld[trial]!]! += 1;
      const time = times[trial]!;
      const next = order[place + 1];
      if (next !== undefined && times[next] === time) return;
      const difference = Math.abs(below[0]! / count[0]! - below[1]! / count[1]!);
      if (difference <= best) return;
      best = difference;
      thresholdUs = next === undefined ? time : (time + times[next]!) / 2;
    });
    return thresholdUs;
  }
}

/** Bits of a coin that shows heads with that probability. */
function entropy(probability: number): number {
  if (probability === 0 || probability === 1) return 0;
  const other = 1 - probability;
  return -probability * Math.log2(probability) - other * Math.log2(other);
}
