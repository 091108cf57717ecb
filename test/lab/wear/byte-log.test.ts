/** The log of records of any length, against a list of what lives and against the log of records of one length. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { ByteLog } from "../../../src/lab/wear/byte-log.ts";
import { RecordLog } from "../../../src/lab/wear/simulation.ts";
import { cleaningPolicy } from "../../../src/overflow/space/cleaning/policies.ts";
import { DEFAULT_LEVELLING } from "../../../src/overflow/space/levelling.ts";

const SEED = 20_261_123;

describe("ByteLog", () => {
  it("holds exactly what was written and not removed, whatever is cleaned meanwhile", () => {
    const random = new SeededRandom(SEED);
    const log = new ByteLog({
      items: 600,
      segments: 32,
      segmentBytes: 65_536,
      leastBytes: 64,
      policy: cleaningPolicy("greedy"),
      random,
      streams: 3,
      hostStreams: 1,
      levelling: DEFAULT_LEVELLING,
    });
    const model = new Map<number, number>();
    for (let step = 0; step < 40_000; step++) {
      const item = random.below(600);
      if (random.below(4) === 0) {
        log.remove(item);
        model.delete(item);
      } else {
        const bytes = 64 + random.below(4033);
        log.write(item, bytes);
        model.set(item, bytes);
      }
      if (step % 1000 !== 0) continue;
      const live = [...model.values()].reduce((sum, bytes) => sum + bytes, 0);
      expect(log.space.liveTotal).toBe(live);
    }
    expect(log.erases).toBeGreaterThan(100);
  });

  it("comes to the same as RecordLog where all records are of one length", () => {
    const [segments, recordsPerSegment, bytes] = [128, 64, 1000];
    const records = Math.round(0.8 * (segments - 2.5) * recordsPerSegment);
    const common = { segments, policy: cleaningPolicy("greedy"), levelling: null };
    const fixed = new RecordLog({
      ...common,
      records,
      recordsPerSegment,
      random: new SeededRandom(SEED),
    });
    const varied = new ByteLog({
      ...common,
      items: records,
      segmentBytes: recordsPerSegment * bytes,
      leastBytes: bytes,
      streams: 1,
      hostStreams: 1,
      random: new SeededRandom(SEED),
    });
    for (let record = 0; record < records; record++) varied.write(record, bytes);
    const random = new SeededRandom(SEED + 1);
    const overwrite = (overwrites: number) => {
      for (let step = 0; step < overwrites * records; step++) {
        const record = random.below(records);
        fixed.overwrite(record);
        varied.write(record, bytes);
      }
    };
    overwrite(5);
    fixed.resetCounters();
    varied.resetCounters();
    overwrite(5);
    expect(Math.abs(varied.amplification / fixed.amplification - 1)).toBeLessThan(0.01);
    expect(varied.utilisation).toBeCloseTo(fixed.utilisation, 2);
  });
});
