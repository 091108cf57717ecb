/** Draws from the laws of chance that workloads follow. All of it comes from the generator given. */

import { AliasTable } from "../base/alias-table.ts";
import type { SeededRandom } from "../base/random.ts";

/** Above 0 and up to 1. */
function unit(random: SeededRandom): number {
  return (random.uint32() + 1) / 2 ** 32;
}

/** Evenly from `least` to `most`. */
export function evenly(random: SeededRandom, least: number, most: number): number {
  return least + (most - least) * (random.uint32() / 2 ** 32);
}

/** Whether something of that probability is so. */
export function happens(random: SeededRandom, probability: number): boolean {
  return random.uint32() < probability * 2 ** 32;
}

/** Times between events that come by chance, one every `mean`. */
export function exponential(random: SeededRandom, mean: number): number {
  return -mean * Math.log(unit(random));
}

/** Half of them are below `median`; `sigma` is the standard deviation of the logarithm. Box and Muller 1958. */
export function logNormal(random: SeededRandom, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(unit(random))) * Math.cos(2 * Math.PI * unit(random));
  return median * Math.exp(sigma * normal);
}

/** Draws 0 to `count` - 1 by Zipf's law: number i with a weight of 1 / (i + 1)^theta. */
export function zipfTable(count: number, theta: number): AliasTable {
  const shares = Float64Array.from({ length: count }, (_, index) => (index + 1) ** -theta);
  const mean = shares.reduce((sum, share) => sum + share, 0) / count;
  return new AliasTable(shares.map((share) => share / mean));
}
