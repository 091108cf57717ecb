/**
 * What theory says of a log that is cleaned: its write amplification, A = (writes of the host + moves) / writes of the
 * host, in steady state, for records of one size that are overwritten independently of each other.
 *
 * Words: `utilisation` u is live data / room for data, strictly between 0 and 1, room being all segments less those
 * that are free in the mean; a segment holds `b` records. A class of records is `writes` r of the writes (shares that
 * sum to 1) to `data` f of the live data (likewise). Which formula is whose is said at each; the numbers they give are
 * checked against the published ones in the tests. Nothing here knows the simulation.
 */

import { assert } from "../../base/assert.ts";

/** A class of records that are written alike. */
export interface WriteClass {
  /** Its share of the writes. */
  readonly writes: number;
  /** Its share of the live data. */
  readonly data: number;
}

/** Halvings of an interval until a double has no more digits to give. */
const HALVINGS = 100;

function assertUtilisation(utilisation: number): void {
  assert(utilisation > 0 && utilisation < 1, `a utilisation of ${utilisation}`);
}

/** The root of `f`, which goes from below 0 at `low` to above 0 at `high`. */
function rootBetween(low: number, high: number, f: (x: number) => number): number {
  let below = low;
  let above = high;
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (below + above) / 2;
    if (f(middle) < 0) below = middle;
    else above = middle;
  }
  return (below + above) / 2;
}

/** A victim chosen by chance: what it holds is what all hold (Van Houdt, SIGMETRICS'13). */
export function randomAmplification(utilisation: number): number {
  assertUtilisation(utilisation);
  return 1 / (1 - utilisation);
}

/**
 * Oldest segment first, uniform writes: the live share x of a victim solves x = exp(-(1 - x) / u), and A = 1 / (1 - x)
 * (Menon 1995; Robinson 1996; Desnoyers, SYSTOR'12; by Lambert's W: -u W0(-exp(-1/u) / u)).
 */
export function fifoAmplification(utilisation: number): number {
  assertUtilisation(utilisation);
  const alpha = 1 / utilisation;
  // Newton's method from the left of a concave rising function: it comes nearer with every step and never passes by.
  let live = 0;
  for (let step = 0; step < HALVINGS; step++) {
    const decay = Math.exp(-alpha * (1 - live));
    const next = live - (live - decay) / (1 - alpha * decay);
    if (!(next > live)) break;
    live = next;
  }
  return 1 / (1 - live);
}

/** Agarwal and Marrow's approximation (2010), (1 + p) / 2p of the spare share p; too low where there is much spare. */
export function agarwalAmplification(utilisation: number): number {
  assertUtilisation(utilisation);
  return 1 / (2 * (1 - utilisation));
}

/** The harmonic number of `x` >= 0, between two whole numbers by a straight line. */
function harmonic(x: number): number {
  const whole = Math.floor(x);
  let sum = 0;
  for (let term = 1; term <= whole; term++) sum += 1 / term;
  return sum + (x - whole) / (whole + 1);
}

/**
 * Fewest live records first, uniform writes, segments of `records` b (Desnoyers, TOS'14): the live records x of a
 * victim solve (b - x) / (H_b - H_x) = u b, and A = b / (b - x).
 */
export function greedyAmplification(utilisation: number, records: number): number {
  assertUtilisation(utilisation);
  const all = harmonic(records);
  const live = rootBetween(0, records, (x) => {
    const between = all - harmonic(x);
    return between <= 0 ? 1 : (records - x) / between - utilisation * records;
  });
  return records / (records - live);
}

/**
 * Fewest live records of `choices` d segments taken by chance (Van Houdt, SIGMETRICS'13; Li, Lee and Lui), in the limit
 * of many segments. With S_k the share of segments that have at least k live records and r the rate at which a record
 * of a segment dies, per segment cleaned: k r (S_k - S_k+1) = 1 - S_k^d for k from 1 to b, and their sum is u b.
 */
export function choicesAmplification(
  utilisation: number,
  options: { readonly choices: number; readonly records: number },
): number {
  assertUtilisation(utilisation);
  const { choices, records } = options;
  /** The live records of a segment and of a victim, in the mean, where records die at `rate`. */
  const at = (rate: number) => {
    let next = 0;
    let live = 0;
    let moved = 0;
    for (let k = records; k >= 1; k--) {
      const slope = k * rate;
      const right = 1 + slope * next;
      // slope S + S^d - right rises, and is convex: from the right Newton's method never passes by.
      let share = 1;
      for (let step = 0; step < HALVINGS; step++) {
        const power = share ** (choices - 1);
        const lower = share - (slope * share + power * share - right) / (slope + choices * power);
        if (!(lower < share)) break;
        share = lower;
      }
      next = share;
      live += share;
      moved += share ** choices;
    }
    return { live, moved };
  };
  // The faster they die, the fewer live: no victim gives back more than all it has, so r is at most 1 / u.
  const rate = rootBetween(0, 1 / utilisation, (r) => utilisation * records - at(r).live);
  return records / (records - at(rate).moved);
}

/**
 * Oldest segment first, any skew, all classes in one log (Desnoyers, TOS'14, in Che's form): A solves A = sum of
 * r / (1 - exp(-r / (f u A))).
 */
export function skewedAmplification(utilisation: number, classes: readonly WriteClass[]): number {
  assertUtilisation(utilisation);
  const perWrite = rootBetween(0, 1, (inverse) => {
    let sum = 0;
    for (const { writes, data } of classes) {
      if (writes > 0) sum += writes / -Math.expm1((-writes * inverse) / (data * utilisation));
    }
    return sum * inverse - 1 > 0 ? 1 : -1;
  });
  return 1 / perWrite;
}

/**
 * A log for each class, each oldest first, the spare room shared out as `spares` says (they sum to 1): A = sum of
 * r A(u of the class).
 */
export function separatedAmplification(
  utilisation: number,
  classes: readonly WriteClass[],
  spares: readonly number[],
): number {
  assertUtilisation(utilisation);
  const spare = 1 - utilisation;
  return classes.reduce((sum, { writes, data }, index) => {
    const live = data * utilisation;
    const own = live / (live + spares[index]! * spare);
    return sum + (own >= 1 ? Number.POSITIVE_INFINITY : writes * fifoAmplification(own));
  }, 0);
}

/** The spare room's shares by the square-root rule, in proportion to sqrt(r f): within 1.3 % of the best in A. */
export function squareRootSplit(classes: readonly WriteClass[]): number[] {
  const roots = classes.map(({ writes, data }) => Math.sqrt(writes * data));
  const sum = roots.reduce((total, root) => total + root, 0);
  return roots.map((root) => root / sum);
}

/** The least that two logs for two classes come to, and the share of the spare room that the first one then has. */
export function bestOfTwo(
  utilisation: number,
  classes: readonly [WriteClass, WriteClass],
): { readonly amplification: number; readonly firstSpare: number } {
  const at = (first: number) => separatedAmplification(utilisation, classes, [first, 1 - first]);
  // The curve has one valley: of three parts, one end cannot hold the lowest place.
  let low = 1e-9;
  let high = 1 - 1e-9;
  for (let step = 0; step < HALVINGS; step++) {
    const third = (high - low) / 3;
    if (at(low + third) < at(high - third)) high -= third;
    else low += third;
  }
  const firstSpare = (low + high) / 2;
  return { amplification: at(firstSpare), firstSpare };
}

/**
 * The utilisation of the mean where `trims` q of all requests (below 1/2) take a record away: u (1 - 2q) / (1 - q)
 * (Frankie, Hughes and Kreutz-Delgado, 2012).
 */
export function trimmedUtilisation(utilisation: number, trims: number): number {
  assertUtilisation(utilisation);
  assert(trims >= 0 && trims < 0.5, `a share of ${trims} of the requests`);
  return (utilisation * (1 - 2 * trims)) / (1 - trims);
}

/** `records` of which the i-th is written in proportion to i^-theta, each a class of its own. */
export function zipfClasses(records: number, theta: number): WriteClass[] {
  const weights = Array.from({ length: records }, (_, index) => (index + 1) ** -theta);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => ({ writes: weight / sum, data: 1 / records }));
}
