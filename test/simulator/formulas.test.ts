/** The closed forms of the linear scan against the scanner itself, on tens of thousands of pages. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import {
  joinChance,
  type MergeOrder,
  meanJoinDelayPasses,
  meanPairDelayPasses,
  type PairPlacement,
  pairChance,
} from "../../src/simulator/formulas.ts";
import { NO_TAG } from "../../src/simulator/memory/frames.ts";
import { testSeed } from "../support/seed.ts";
import { passScanner, shuffled, smallHost } from "./scanners/ksm/small-host.ts";

const seed = testSeed("closed forms of the linear scan");
const TOLERANCE = 0.05;
const STEPS_PER_PASS = 100;
const WARM_PASSES = 2;
/** What all pages hold before they are born but the first two, and what these do: both are merged by then. */
const UNBORN_CONTENT = 1;
const MERGED_CONTENT = 2;
/**
 * Contents that lie together in the trees: in the unstable one a page that dies is no signpost that points elsewhere.
 */
const TOGETHER = 64;
const FOREVER = 1000;

interface Trials {
  readonly pages: number;
  readonly order: MergeOrder;
  /** Pages that get the same new contents at the same time; null: each gets what the first two pages share. */
  readonly placement: PairPlacement | null;
  /** Dealt out to pages, or pairs, in turn. */
  readonly livesPasses: readonly number[];
}

interface Outcome {
  /** By life: the share that merged, and how long those took. */
  readonly chances: readonly number[];
  readonly meanDelays: readonly number[];
}

/** Pages in the order in which trials take them: one by one, or two by two. */
function placesOf({ pages, placement }: Trials, random: SeededRandom): Int32Array {
  if (placement === "independent") return shuffled(pages, random);
  return Int32Array.from({ length: pages }, (_, index) => index);
}

/** Each page, or pair, is born once within a pass after warming up, and dies after its life. */
function runTrials(trials: Trials): Outcome {
  const { pages, livesPasses } = trials;
  const random = new SeededRandom(seed);
  const host = smallHost([pages]);
  const pagesPerStep = pages / STEPS_PER_PASS;
  const scanner = passScanner(host, {
    pages_to_scan: pagesPerStep,
    merge_order: trials.order,
    smart_scan: 0,
    max_page_sharing: 1_000_000,
  });
  for (let page = 0; page < pages; page++) {
    host.write(page, page < 2 ? MERGED_CONTENT : UNBORN_CONTENT);
  }

  const size = trials.placement === null ? 1 : 2;
  const places = placesOf(trials, random);
  const count = pages / size;
  /** What is the trial's alone. */
  const ownContent = (trial: number) => TOGETHER * (1 + trial);
  const bornSteps = Int32Array.from({ length: count }, () => {
    return WARM_PASSES * STEPS_PER_PASS + random.below(STEPS_PER_PASS);
  });
  const lifeSteps = (trial: number) => livesPasses[trial % livesPasses.length]! * STEPS_PER_PASS;
  const births = byStep(bornSteps);
  const deaths = byStep(bornSteps.map((step, trial) => step + lifeSteps(trial)));
  const trialAt = new Int32Array(pages);
  places.forEach((page, index) => {
    trialAt[page] = Math.floor(index / size);
  });

  const mergedSteps = new Int32Array(count).fill(-1);
  const lastStep = (WARM_PASSES + 1 + 3) * STEPS_PER_PASS;
  for (let step = 0; step < lastStep; step++) {
    for (const trial of births.get(step) ?? []) {
      const content = size === 1 ? MERGED_CONTENT : ownContent(trial);
      for (let part = 0; part < size; part++) host.write(places[trial * size + part]!, content);
    }
    for (const trial of deaths.get(step) ?? []) {
      for (let part = 0; part < size; part++) {
        host.write(places[trial * size + part]!, ownContent(trial) + 1 + part);
      }
    }
    const scanned = scanner.figures().pages_scanned!;
    scanner.wake(step);
    // A wake that finds the end of a pass takes no time here.
    if (scanner.figures().pages_scanned === scanned) scanner.wake(step);
    const firstPage = (step % STEPS_PER_PASS) * pagesPerStep;
    for (let page = firstPage; page < firstPage + pagesPerStep; page++) {
      const frame = host.frameOf[page]!;
      const trial = trialAt[page]!;
      if (mergedSteps[trial] !== -1 || host.tagOf[frame] === NO_TAG) continue;
      if (host.contentOf[frame] !== UNBORN_CONTENT) mergedSteps[trial] = step;
    }
  }
  return outcomeOf({ bornSteps, mergedSteps, lives: livesPasses.length });
}

function byStep(steps: Int32Array): Map<number, number[]> {
  const trials = new Map<number, number[]>();
  steps.forEach((step, trial) => {
    const same = trials.get(step);
    if (same === undefined) trials.set(step, [trial]);
    else same.push(trial);
  });
  return trials;
}

function outcomeOf(trials: {
  readonly bornSteps: Int32Array;
  readonly mergedSteps: Int32Array;
  readonly lives: number;
}): Outcome {
  const { bornSteps, mergedSteps, lives } = trials;
  const all = new Array<number>(lives).fill(0);
  const merged = new Array<number>(lives).fill(0);
  const delays = new Array<number>(lives).fill(0);
  bornSteps.forEach((born, trial) => {
    const life = trial % lives;
    const step = mergedSteps[trial]!;
    // The two pages merged while warming up are no trial.
    if (step !== -1 && step < born) return;
    all[life]! += 1;
    if (step === -1) return;
    merged[life]! += 1;
    // A visit is half-way through its step, a birth before it.
    delays[life]! += (step - born + 0.5) / STEPS_PER_PASS;
  });
  return {
    chances: merged.map((number, life) => number / all[life]!),
    meanDelays: delays.map((sum, life) => sum / merged[life]!),
  };
}

function expectNear(measured: number, formula: number): void {
  expect(Math.abs(measured - formula)).toBeLessThan(TOLERANCE * formula);
}

describe("joinChance and meanJoinDelayPasses", () => {
  it.each([
    { order: "stable-first", livesPasses: [0.5, 0.8, FOREVER] },
    { order: "checksum-first", livesPasses: [1.5, 1.8, FOREVER] },
  ] as const)("are the scanner's within 5 %, $order", ({ order, livesPasses }) => {
    // 5 sigma of a chance of 1/2 in a third of 45,000 trials is 4.1 % of it.
    const outcome = runTrials({ pages: 45_000, order, placement: null, livesPasses });
    livesPasses.forEach((life, index) => {
      expectNear(outcome.chances[index]!, joinChance(life, order));
    });
    expectNear(outcome.meanDelays[2]!, meanJoinDelayPasses(order));
  });
});

describe("pairChance and meanPairDelayPasses", () => {
  it.each([
    { placement: "independent", livesPasses: [1.9, 2.4, FOREVER] },
    { placement: "adjacent", livesPasses: [1.6, 1.8, FOREVER] },
  ] as const)("are the scanner's within 5 %, $placement", ({ placement, livesPasses }) => {
    // 5 sigma of a chance of 0.57 in a third of 45,000 pairs is 3.6 % of it.
    const trials = { pages: 90_000, order: "checksum-first", placement, livesPasses } as const;
    const outcome = runTrials(trials);
    livesPasses.forEach((life, index) => {
      expectNear(outcome.chances[index]!, pairChance(life, placement));
    });
    expectNear(outcome.meanDelays[2]!, meanPairDelayPasses(placement));
  });

  it("agree with each other: the mean is what the chance leaves, summed over lives", () => {
    const steps = 3000;
    for (const placement of ["independent", "adjacent"] as const) {
      let mean = 0;
      for (let step = 0; step < steps; step++) {
        mean += (1 - pairChance((3 * (step + 0.5)) / steps, placement)) * (3 / steps);
      }
      expect(mean).toBeCloseTo(meanPairDelayPasses(placement), 3);
    }
  });
});
