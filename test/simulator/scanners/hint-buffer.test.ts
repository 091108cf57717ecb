/** The buffer of hints against lists that do the same naively. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import {
  HintBuffer,
  type HintOrder,
  NO_HINT,
} from "../../../src/simulator/scanners/hint-buffer.ts";
import { testSeed } from "../../support/seed.ts";

const seed = testSeed("hint buffer");

function openBuffer(order: HintOrder, capacity: number): HintBuffer {
  return new HintBuffer({ capacity, order, random: new SeededRandom(seed) });
}

function pushAll(buffer: HintBuffer, pages: readonly number[]): void {
  for (const page of pages) buffer.push(page, 0);
}

function takeAll(buffer: HintBuffer): number[] {
  const taken: number[] = [];
  for (let page = buffer.take(); page !== NO_HINT; page = buffer.take()) taken.push(page);
  return taken;
}

describe("HintBuffer", () => {
  it("newest-first gives the newest hint and loses the oldest", () => {
    const buffer = openBuffer("newest-first", 3);
    pushAll(buffer, [1, 2, 3, 4, 5]);
    expect(takeAll(buffer)).toEqual([5, 4, 3]);
  });

  it("first-in-first-out gives the oldest hint and loses the oldest", () => {
    const buffer = openBuffer("first-in-first-out", 3);
    pushAll(buffer, [1, 2, 3, 4, 5]);
    expect(takeAll(buffer)).toEqual([3, 4, 5]);
  });

  it("random gives every hint that was not lost, once", () => {
    const buffer = openBuffer("random", 100);
    pushAll(buffer, [...Array(100).keys()]);
    const taken = takeAll(buffer);
    expect(taken).not.toEqual([...Array(100).keys()]);
    expect(taken.sort((a, b) => a - b)).toEqual([...Array(100).keys()]);
  });

  it("random gives the same hints for the same seed", () => {
    const run = () => {
      const buffer = openBuffer("random", 50);
      pushAll(buffer, [...Array(200).keys()]);
      return takeAll(buffer);
    };
    expect(run()).toEqual(run());
  });

  it("random loses each of those waiting equally often", () => {
    const lost = [0, 0, 0, 0];
    const buffer = openBuffer("random", 4);
    const tries = 4000;
    for (let attempt = 0; attempt < tries; attempt++) {
      pushAll(buffer, [0, 1, 2, 3, 4]);
      const kept = new Set(takeAll(buffer));
      for (let page = 0; page < 4; page++) if (!kept.has(page)) lost[page]! += 1;
    }
    const sigma = Math.sqrt(tries * (1 / 4) * (3 / 4));
    for (const count of lost) expect(Math.abs(count - tries / 4)).toBeLessThan(5 * sigma);
  });

  it.each(["newest-first", "first-in-first-out"] as const)(
    "%s does what a list does, whatever comes",
    (order) => {
      const random = new SeededRandom(seed);
      const capacity = 1 + random.below(20);
      const buffer = openBuffer(order, capacity);
      const list: number[] = [];
      for (let step = 0; step < 5000; step++) {
        if (random.below(20) < (step % 200 < 100 ? 14 : 6)) {
          expect(buffer.push(step, 2 * step)).toBe(list.length === capacity);
          list.push(step);
          if (list.length > capacity) list.shift();
        } else {
          const expected = (order === "newest-first" ? list.pop() : list.shift()) ?? NO_HINT;
          expect(buffer.take()).toBe(expected);
          if (expected !== NO_HINT) expect(buffer.note).toBe(2 * expected);
        }
        expect(buffer.count).toBe(list.length);
      }
    },
  );

  it("random keeps what was noted with a hint", () => {
    const buffer = openBuffer("random", 7);
    const random = new SeededRandom(seed);
    for (let step = 1; step < 5000; step++) {
      buffer.push(step, -step);
      if (random.below(2) === 0) continue;
      const page = buffer.take();
      expect(buffer.note).toBe(-page);
    }
  });
});
