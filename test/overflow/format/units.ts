/** Units for tests: seals from a seed, and units of records of given lengths. */

import { type RandomSource, SeededRandom } from "../../../src/base/random.ts";
import { Seal } from "../../../src/overflow/format/seal.ts";
import { MOST_UNIT_BYTES, UnitWriter } from "../../../src/overflow/format/unit.ts";

export const MODES = [
  { mode: "sealed", isPlain: false },
  { mode: "plain", isPlain: true },
] as const;

export function randomFrom(seed: number): RandomSource {
  const random = new SeededRandom(seed);
  return (target) => random.fill(target);
}

export function makeSeal(isPlain: boolean, seed = 1): Seal {
  return new Seal({ isPlain, random: randomFrom(seed) });
}

export interface TestRecord {
  readonly object: number;
  readonly priority: number;
  readonly generation: number;
  readonly bytes: Uint8Array;
}

export function makeRecords(random: SeededRandom, lengths: readonly number[]): TestRecord[] {
  return lengths.map((length) => {
    const bytes = new Uint8Array(length);
    random.fill(bytes);
    const [object, priority, generation] = [
      random.below(2 ** 24),
      random.below(4),
      random.uint32(),
    ];
    return { object, priority, generation, bytes };
  });
}

/** A unit of those records, in bytes of its own. */
export function makeUnit(seal: Seal, records: readonly TestRecord[]): Uint8Array {
  const writer = new UnitWriter(seal, MOST_UNIT_BYTES);
  // What was there before must not show.
  const target = new Uint8Array(MOST_UNIT_BYTES).fill(0x5a);
  writer.begin(target, 0);
  for (const { object, priority, generation, bytes } of records) {
    writer.add(object, priority, generation, bytes);
  }
  return target.slice(0, writer.end());
}
