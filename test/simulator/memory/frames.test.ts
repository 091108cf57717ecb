/** Frames against a list kept by hand: who is free, who is oldest, who was touched. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { Frames, NO_TAG } from "../../../src/simulator/memory/frames.ts";
import { testSeed } from "../../support/seed.ts";

const ZERO_FRAMES = 2;
const COUNT = 12;

/** The same by the book: a list, oldest first, and a set of those touched. */
class Model {
  list: number[] = [];
  touched = new Set<number>();

  makeYoung(frame: number): void {
    this.list = [...this.list.filter((other) => other !== frame), frame];
  }

  /** A second chance for all: who is touched goes to the end, once. */
  oldestUntouched(pinned: number): number {
    for (const frame of [...this.list, ...this.list]) {
      const isIn = frame === pinned || this.touched.has(frame);
      if (!isIn) return frame;
      this.touched.delete(frame);
      this.makeYoung(frame);
    }
    return -1;
  }
}

describe("Frames", () => {
  it("reclaims the oldest frame that was not touched, over random runs", () => {
    const random = new SeededRandom(testSeed("frames"));
    for (let run = 0; run < 30; run++) {
      const frames = new Frames(COUNT, ZERO_FRAMES);
      const model = new Model();
      const any = () => model.list[random.below(model.list.length)]!;
      for (let step = 0; step < 300; step++) {
        const command = random.below(6);
        if (command <= 1 && frames.free > 0) {
          const frame = frames.take(step);
          expect(model.list).not.toContain(frame);
          expect(frames.isZeroFrame(frame)).toBe(false);
          model.list.push(frame);
          model.touched.delete(frame);
        } else if (model.list.length === 0) {
          expect(frames.oldestUntouched(-1)).toBe(-1);
        } else if (command === 2) {
          const frame = any();
          frames.giveBack(frame);
          model.list = model.list.filter((other) => other !== frame);
        } else if (command === 3) {
          const frame = any();
          frames.touch(frame);
          model.touched.add(frame);
        } else if (command === 4) {
          const frame = any();
          frames.makeYoung(frame);
          model.makeYoung(frame);
        } else {
          const pinned = random.below(2) === 0 ? any() : -1;
          expect(frames.oldestUntouched(pinned)).toBe(model.oldestUntouched(pinned));
        }
        expect([...frames.listed()]).toEqual(model.list);
        expect(frames.used).toBe(model.list.length);
        expect(frames.free).toBe(COUNT - model.list.length);
      }
    }
  });

  it("takes a frame anew without what it was", () => {
    const frames = new Frames(1, 1);
    const frame = frames.take(5);
    frames.tagOf[frame] = 3;
    frames.setMerged(frame, true);
    frames.touch(frame);
    frames.giveBack(frame);
    expect(frames.tagOf[frame]).toBe(NO_TAG);
    expect(frames.take(6)).toBe(frame);
    expect(frames.contentOf[frame]).toBe(6);
    expect(frames.isMerged(frame)).toBe(false);
    expect(frames.wasTouched(frame)).toBe(false);
    expect(frames.oldestUntouched(-1)).toBe(frame);
  });

  it("tells a scanner once that a frame was touched, whatever reclaim has asked", () => {
    const frames = new Frames(2, 0);
    const frame = frames.take(1);
    frames.touch(frame);
    frames.oldestUntouched(-1);
    expect(frames.wasTouched(frame)).toBe(true);
    expect(frames.wasTouched(frame)).toBe(false);
  });

  it("leaves reclaim's mark alone when a scanner asks", () => {
    const frames = new Frames(2, 0);
    const first = frames.take(1);
    const second = frames.take(2);
    frames.touch(first);
    frames.wasTouched(first);
    expect(frames.oldestUntouched(-1)).toBe(second);
  });

  it("has zero frames that are write-protected, and gives none away", () => {
    const frames = new Frames(1, ZERO_FRAMES);
    expect([0, 1].map((frame) => frames.isMerged(frame))).toEqual([true, true]);
    expect(frames.isZeroFrame(frames.take(1))).toBe(false);
    expect(frames.free).toBe(0);
    expect(() => frames.giveBack(0)).toThrow("zero frames");
  });
});
