/** The split of free space between pools, and what is inferred of records told nothing. */

import { describe, expect, it } from "vitest";
import { FreeSegments } from "../../../src/overflow/space/free-segments.ts";
import { Pools } from "../../../src/overflow/space/streams.ts";
import { TEMPERATURE_CLASSES, WriteIntervals } from "../../../src/overflow/space/temperature.ts";

const SEGMENT_BYTES = 100;

/** Pools with so many segments, live bytes and recently died ones each. */
function makePools(
  rows: readonly { readonly segments: number; readonly live: number; readonly died: number }[],
): Pools {
  const pools = new Pools({ count: rows.length, segments: 1000, segmentBytes: SEGMENT_BYTES });
  for (const [pool, { segments, live, died }] of rows.entries()) {
    pools.segments[pool] = segments;
    pools.live[pool] = live + died;
    pools.countDied(pool, died);
  }
  return pools;
}

describe("Pools.mostSpare", () => {
  // Weights sqrt(900 x 100) = 300 and sqrt(100 x 900) = 300: half of 400 spare bytes each.
  const hotAndCold = (hotSegments: number, coldSegments: number) =>
    makePools([
      { segments: hotSegments, live: 100, died: 900 },
      { segments: coldSegments, live: 900, died: 100 },
    ]);

  it("gives the pool above its share by the square-root rule", () => {
    expect(hotAndCold(4, 10).mostSpare(Uint32Array.of(1, 1))).toBe(0);
    expect(hotAndCold(2, 12).mostSpare(Uint32Array.of(1, 1))).toBe(1);
  });

  it("gives the other one where that has no candidates, and -1 where none has", () => {
    expect(hotAndCold(4, 10).mostSpare(Uint32Array.of(0, 1))).toBe(1);
    expect(hotAndCold(4, 10).mostSpare(Uint32Array.of(0, 0))).toBe(-1);
  });

  it("squeezes a pool in which nothing dies", () => {
    const pools = makePools([
      { segments: 4, live: 100, died: 100 },
      { segments: 10, live: 900, died: 0 },
    ]);
    expect(pools.mostSpare(Uint32Array.of(1, 1))).toBe(1);
  });

  it("forgets old rates", () => {
    const pools = hotAndCold(4, 10);
    // The cold pool turns hot, and its share with it.
    pools.live[1]! += 1_000_000;
    pools.countDied(1, 1_000_000);
    expect(pools.died[0]).toBe(450);
  });

  it("does not take what is moved for dying", () => {
    const pools = hotAndCold(4, 10);
    pools.remove(1, 100);
    expect(pools.died[1]).toBe(100);
    expect(pools.live[1]).toBe(800);
  });
});

describe("FreeSegments", () => {
  it("gives each of random puts and takes back once, the least or most worn of them as asked", () => {
    const eraseCounts = Uint32Array.of(5, 3, 9, 3, 7, 1);
    const free = new FreeSegments(eraseCounts);
    for (let segment = 0; segment < 6; segment++) free.put(segment);
    expect(free.mostWorn()).toBe(2);
    expect([free.takeMostWorn(), free.takeLeastWorn()]).toEqual([2, 5]);
    free.remove(4);
    free.put(2);
    expect(free.count).toBe(4);
    const left = [free.takeLeastWorn(), free.takeLeastWorn(), free.takeOldest(), free.takeOldest()];
    expect(left.toSorted()).toEqual([0, 1, 2, 3]);
    expect(left.slice(0, 2).toSorted()).toEqual([1, 3]);
  });
});

describe("WriteIntervals", () => {
  /** Writes record 0 every `step` writes, the others in turn between. */
  function afterWrites(step: number) {
    const records = 1000;
    const intervals = new WriteIntervals({ records });
    let ofZero = -1;
    for (let write = 0; write < 20 * records; write++) {
      if (write % step === 0) ofZero = intervals.written(0);
      else intervals.written(1 + (write % (records - 1)));
    }
    return { intervals, ofZero };
  }

  it.each([
    [10, 0],
    [300, 1],
    [5000, 2],
  ])("puts a record written every %i writes of 1000 records in class %i", (step, expected) => {
    expect(afterWrites(step).ofZero).toBe(expected);
  });

  it("puts a survivor in a colder class the longer it was not written", () => {
    const { intervals } = afterWrites(10);
    const seen = [intervals.survived(0)];
    for (const until of [500, 5000]) {
      for (let write = 0; write < until; write++) intervals.written(1 + (write % 999));
      seen.push(intervals.survived(0));
    }
    expect(seen).toEqual([0, 1, TEMPERATURE_CLASSES - 1]);
  });
});
