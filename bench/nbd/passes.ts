/** A pass: every request of a range made once, so many of them at a time. */

import { stopwatchClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";

export interface Pass {
  readonly requests: number;
  readonly seconds: number;
  readonly p99Us: number;
}

/** Makes `requests` requests, `depth` at a time, in the order of their indexes. */
export async function makePass(
  options: { readonly requests: number; readonly depth: number },
  request: (index: number) => Promise<void>,
): Promise<Pass> {
  const { requests, depth } = options;
  const latencies = new Float64Array(requests);
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < requests) {
      const index = next++;
      const asked = stopwatchClock.seconds();
      await request(index);
      latencies[index] = stopwatchClock.seconds() - asked;
    }
  };
  const start = stopwatchClock.seconds();
  await Promise.all(Array.from({ length: depth }, lane));
  const seconds = stopwatchClock.seconds() - start;
  const p99 = latencies.sort()[Math.ceil(0.99 * requests) - 1]!;
  return { requests, seconds, p99Us: p99 * 1e6 };
}

/** The numbers below `count`, in the same random order every time. */
export function shuffled(count: number): Uint32Array {
  const random = new SeededRandom(1);
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let index = count - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [order[index], order[other]] = [order[other]!, order[index]!];
  }
  return order;
}
