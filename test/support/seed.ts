/** Where tests get chance from: a new seed each run, printed; PAGEFOLD_SEED=<number> repeats a run. */

import { secureRandom } from "../../src/base/random.ts";

const drawn = new Uint8Array(4);
secureRandom(drawn);
const seed = Number(process.env.PAGEFOLD_SEED ?? new DataView(drawn.buffer).getUint32(0) >>> 1);

/** This run's seed, a whole number below 2^31; prints it with `what` it is used for. */
export function testSeed(what: string): number {
  console.log(`${what}: seed ${seed} (PAGEFOLD_SEED=${seed} repeats it)`);
  return seed;
}
