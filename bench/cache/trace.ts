/** Pages asked for at random, some far more often than others, as Zipf's law has it. The same every time. */

import { SeededRandom } from "../../src/base/random.ts";
import { shuffled } from "../nbd/passes.ts";

const SEED = 6;

/** The page of rank r, from 1 on, is asked for in proportion to r^-exponent; ranks lie on the disk at random. */
export function zipfTrace(options: {
  readonly pages: number;
  readonly requests: number;
  readonly exponent: number;
}): Uint32Array {
  const { pages, requests, exponent } = options;
  const sums = new Float64Array(pages);
  let sum = 0;
  for (let index = 0; index < pages; index++) {
    sum += (index + 1) ** -exponent;
    sums[index] = sum;
  }
  const pageOf = shuffled(pages);
  const random = new SeededRandom(SEED);
  return Uint32Array.from({ length: requests }, () => {
    const asked = (random.uint32() / 2 ** 32) * sum;
    return pageOf[firstAbove(sums, asked)]!;
  });
}

function firstAbove(sums: Float64Array, value: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
