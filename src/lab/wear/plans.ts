/**
 * The ways of cleaning that are compared: a policy with so many streams, told of each write's class or not; and what
 * theory says each comes to, where there is a formula for it.
 */

import { cleaningPolicy } from "../../overflow/space/cleaning/policies.ts";
import { TEMPERATURE_CLASSES } from "../../overflow/space/temperature.ts";
import {
  bestOfTwo,
  choicesAmplification,
  fifoAmplification,
  greedyAmplification,
  randomAmplification,
  skewedAmplification,
  type WriteClass,
} from "./formulas.ts";

/** A way of cleaning. */
export interface Plan {
  /** As reports name it. */
  readonly name: string;
  /** By its name in the registry of policies. */
  readonly policy: string;
  readonly streams: number;
  /** Of them, those written from memory: 1, or as many as there are classes. */
  readonly hostStreams: number;
  /** The log finds the class of a record itself, from how long its contents lived before. */
  readonly usesLifespans?: boolean;
}

/** The name of pagefold's own way, beside the policies'. */
export const OWN_WAY = "pagefold";
/** The name of the way that learns how long each page's contents live. */
export const LIFESPANS_WAY = "lifespans";
/** What the log does unless told otherwise: src/device/write-back's defaults. */
const OWN_POLICY = "cost-benefit";
export const OWN_STREAMS = 3;

/**
 * The plan of that name: `pagefold`, `lifespans`, or a policy on one log of one stream.
 * @throws PagefoldError INVALID_ARGUMENT for a name that is none.
 */
export function planOf(name: string, streams: number): Plan {
  if (name === OWN_WAY) return { name, policy: OWN_POLICY, streams, hostStreams: 1 };
  if (name === LIFESPANS_WAY) {
    const classes = TEMPERATURE_CLASSES;
    return {
      name,
      policy: OWN_POLICY,
      streams: classes,
      hostStreams: classes,
      usesLifespans: true,
    };
  }
  const policy = cleaningPolicy(name).name;
  return { name: policy === "d-choices:1" ? "random" : policy, policy, streams: 1, hostStreams: 1 };
}

/** A log for each of two classes, told which is which. */
export function toldPlan(policy: string): Plan {
  return { name: `${policy}, told`, policy, streams: 2, hostStreams: 2 };
}

/** What theory says, and whose formula it is. */
export interface Theory {
  readonly formula: string;
  readonly amplification: number;
}

/** Theory for a plan; null where there is no formula. `records` are those of a segment. */
export function theoryOf(
  plan: Plan,
  options: {
    readonly classes: readonly WriteClass[];
    readonly utilisation: number;
    readonly records: number;
  },
): Theory | null {
  const { classes, utilisation, records } = options;
  const isUniform = classes.length === 1;
  const [first, second] = classes;
  if (plan.hostStreams === 2 && first !== undefined && second !== undefined) {
    const { amplification } = bestOfTwo(utilisation, [first, second]);
    return { formula: "best of two logs", amplification };
  }
  if (plan.streams > 1) return null;
  if (plan.policy === "fifo") {
    const amplification = isUniform
      ? fifoAmplification(utilisation)
      : skewedAmplification(utilisation, classes);
    return { formula: isUniform ? "fifo" : "fifo, skewed", amplification };
  }
  const choices = Number(/^d-choices:(\d+)$/.exec(plan.policy)?.[1] ?? 0);
  // What chance alone chooses, holds what all hold in the mean, whatever the skew.
  if (choices === 1) return { formula: "random", amplification: randomAmplification(utilisation) };
  if (!isUniform) return null;
  if (choices > 1) {
    const amplification = choicesAmplification(utilisation, { choices, records });
    return { formula: "d-choices", amplification };
  }
  if (plan.policy !== "greedy") return null;
  return { formula: "greedy", amplification: greedyAmplification(utilisation, records) };
}
