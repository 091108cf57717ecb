/** Which record is written next, by chance alone; records are shuffled so that hot ones do not lie together. */

import { SeededRandom } from "../../../src/base/random.ts";
import { RecordLog, type RecordLogOptions } from "../../../src/lab/wear/simulation.ts";
import { cleaningPolicy } from "../../../src/overflow/space/cleaning/policies.ts";

export type NextRecord = () => number;

export function uniform(records: number, random: SeededRandom): NextRecord {
  return () => random.below(records);
}

/** `hotWrites` of the writes go to the first `hotRecords` records. */
export function hotCold(
  {
    records,
    hotRecords,
    hotWrites,
  }: { readonly records: number; readonly hotRecords: number; readonly hotWrites: number },
  random: SeededRandom,
): NextRecord {
  return () =>
    random.below(10_000) < hotWrites * 10_000
      ? random.below(hotRecords)
      : hotRecords + random.below(records - hotRecords);
}

/** The i-th most popular record is written in proportion to i^-theta. */
export function zipf(
  { records, theta }: { readonly records: number; readonly theta: number },
  random: SeededRandom,
): NextRecord {
  const sums = new Float64Array(records);
  let sum = 0;
  for (let rank = 0; rank < records; rank++) {
    sum += (rank + 1) ** -theta;
    sums[rank] = sum;
  }
  return () => {
    const at = (random.uint32() / 2 ** 32) * sum;
    let low = 0;
    let high = records - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Gives the records of a workload other numbers. */
export function shuffled(records: number, random: SeededRandom, next: NextRecord): NextRecord {
  const names = Uint32Array.from({ length: records }, (_, record) => record);
  for (let record = records - 1; record > 0; record--) {
    const other = random.below(record + 1);
    [names[record], names[other]] = [names[other]!, names[record]!];
  }
  return () => names[next()]!;
}

export interface TestLogOptions
  extends Omit<RecordLogOptions, "policy" | "random" | "levelling" | "records"> {
  readonly policy: string;
  readonly utilisation: number;
  readonly seed: number;
  readonly levelling?: RecordLogOptions["levelling"];
  /** The first so many of all records begin in stream 0, the others in stream 1; all in stream 0 unless given. */
  readonly hotShare?: number;
}

/** A log that comes to so much utilisation, and its chance. */
export function testLog(options: TestLogOptions): {
  readonly log: RecordLog;
  readonly random: SeededRandom;
} {
  const { segments, recordsPerSegment, utilisation } = options;
  const random = new SeededRandom(options.seed);
  const policy = cleaningPolicy(options.policy);
  const levelling = options.levelling ?? null;
  const most = { ...options, policy, random, levelling };
  // As many segments stay free as its own reserve asks for, and half of one more.
  const { space } = new RecordLog({ ...most, records: 0 });
  const records = Math.round(utilisation * (segments - space.reserve - 0.5) * recordsPerSegment);
  if (options.hotShare === undefined) return { log: new RecordLog({ ...most, records }), random };
  const firstStreams = new Uint8Array(records).fill(1, Math.round(records * options.hotShare));
  return { log: new RecordLog({ ...most, records, firstStreams }), random };
}
