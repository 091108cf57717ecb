/** The space of segments: its states, its promises, and random lives of a log beside a naive model. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { cleaningPolicy } from "../../../src/overflow/space/cleaning/policies.ts";
import { SegmentSpace, type SpaceOptions } from "../../../src/overflow/space/segment-space.ts";
import { SpaceModel } from "./space-model.ts";

function makeSpace(options: Partial<SpaceOptions> = {}): SegmentSpace {
  const policy = cleaningPolicy("greedy");
  return new SegmentSpace({
    segments: 8,
    segmentBytes: 100,
    policy,
    random: new SeededRandom(1),
    ...options,
  });
}

/** Takes, fills and closes a segment. */
function fill(space: SegmentSpace, bytes = 100): number {
  const segment = space.take(0);
  space.written(segment, bytes);
  space.close(segment);
  return segment;
}

describe("SegmentSpace.take", () => {
  it("keeps the reserve for survivors", () => {
    const space = makeSpace({ reserve: 2 });
    for (let segment = 0; segment < 6; segment++) expect(fill(space)).toBeGreaterThanOrEqual(0);
    expect(space.take(0)).toBe(-1);
    expect(space.takeForSurvivors(1)).toBeGreaterThanOrEqual(0);
    expect(space.takeForSurvivors(1)).toBeGreaterThanOrEqual(0);
    expect(space.takeForSurvivors(1)).toBe(-1);
  });

  it("never gives a segment that was retired in an earlier life", () => {
    const retired = new Uint8Array(8);
    retired[0] = retired[5] = 1;
    const space = makeSpace({ retired, reserve: 1 });
    const taken = [fill(space), fill(space), fill(space), fill(space), fill(space), space.take(0)];
    expect(taken.toSorted()).toEqual([-1, 1, 2, 3, 4, 6].toSorted());
    expect(space.retired).toBe(2);
    expect(space.retiredSegments()).toEqual(retired);
  });

  it("takes the least worn of the free segments where wear is levelled", () => {
    const eraseCounts = new Uint32Array(16).fill(7);
    eraseCounts[11] = 6;
    expect(makeSpace({ segments: 16, eraseCounts }).take(0)).toBe(11);
  });

  it("takes the most worn for what is moved for its wear", () => {
    const eraseCounts = new Uint32Array(16).fill(7);
    eraseCounts[11] = 8;
    const space = makeSpace({ segments: 16, eraseCounts });
    expect(space.takeForSurvivors(space.streams)).toBe(11);
  });
});

describe("SegmentSpace.victim", () => {
  it("gives no segment in which all live", () => {
    const space = makeSpace();
    while (fill(space) >= 0 && space.free > space.reserve);
    expect(space.needsCleaning()).toBe(false);
    expect(space.victim()).toBe(-1);
  });

  it("gives no open segment, whatever died in it", () => {
    const space = makeSpace();
    const segment = space.take(0);
    space.written(segment, 60);
    space.died(segment, 60);
    expect(space.victim()).toBe(-1);
  });

  it("gives a segment closed far from full, for its room", () => {
    const space = makeSpace();
    fill(space);
    const segment = fill(space, 10);
    expect(space.victim()).toBe(segment);
  });

  it("gives several at once, each one once", () => {
    const space = makeSpace();
    const segments = [fill(space), fill(space), fill(space)];
    for (const segment of segments) space.died(segment, 1);
    expect([space.victim(), space.victim(), space.victim()].toSorted()).toEqual(
      segments.toSorted(),
    );
    expect(space.victim()).toBe(-1);
  });
});

describe("SegmentSpace.giveUp", () => {
  function givenUp() {
    const space = makeSpace();
    const [other, segment] = [fill(space), fill(space)];
    space.died(segment, 50);
    expect(space.victim()).toBe(segment);
    space.giveUp(segment);
    return { space, segment, other };
  }

  it("lets a victim rest, so that a full log is not cleaned without end", () => {
    const { space } = givenUp();
    expect(space.needsCleaning()).toBe(false);
    expect(space.victim()).toBe(-1);
  });

  it("has it offered again when more died in it", () => {
    const { space, segment } = givenUp();
    space.died(segment, 1);
    expect(space.victim()).toBe(segment);
  });

  it("has it offered again when another segment was erased", () => {
    const { space, segment, other } = givenUp();
    space.died(other, 100);
    expect(space.victim()).toBe(other);
    space.erased(other);
    expect(space.victim()).toBe(segment);
  });
});

describe("SegmentSpace.retire", () => {
  it("puts a free segment away at once", () => {
    const space = makeSpace();
    space.retire(3);
    expect(space.free).toBe(7);
    expect(space.retired).toBe(1);
  });

  it("offers a closed segment before all others, though all live in it, and puts it away when it is erased", () => {
    const space = makeSpace();
    const [segment, better] = [fill(space), fill(space)];
    space.died(better, 99);
    space.retire(segment);
    expect(space.needsCleaning()).toBe(true);
    expect(space.victim()).toBe(segment);
    space.died(segment, 100);
    space.erased(segment);
    expect(space.retiredSegments()[segment]).toBe(1);
    expect(space.free).toBe(6);
    expect(space.needsCleaning()).toBe(false);
  });

  it("waits for an open segment to be closed and for a victim to be emptied", () => {
    const space = makeSpace();
    const [victim, open] = [fill(space), space.take(0)];
    space.died(victim, 100);
    expect(space.victim()).toBe(victim);
    space.retire(victim);
    space.retire(open);
    expect(space.retired).toBe(0);
    space.erased(victim);
    space.close(open);
    expect(space.victim()).toBe(open);
    space.eraseFailed(open);
    expect(
      [...space.retiredSegments().keys()]
        .filter((each) => space.retiredSegments()[each] === 1)
        .toSorted(),
    ).toEqual([victim, open].toSorted());
  });

  it("takes its erases out of the mean with it", () => {
    const space = makeSpace({
      eraseCounts: Uint32Array.from({ length: 8 }, (_, segment) => segment),
    });
    space.retire(6);
    expect(space.totalErases).toBe(28 - 6);
  });

  it("cleans no more than that one while there is room", () => {
    const space = makeSpace();
    const [failing, other] = [fill(space), fill(space)];
    space.died(other, 10);
    space.retire(failing);
    expect(space.victim()).toBe(failing);
    expect(space.needsCleaning()).toBe(false);
  });
});

describe("SegmentSpace.survivorStream", () => {
  it("is the victim's own where every stream is written from memory", () => {
    const space = makeSpace({ streams: 2, hostStreams: 2 });
    expect(space.survivorStream(space.take(1))).toBe(1);
  });

  it("is the next one of survivors, and at last stays", () => {
    const space = makeSpace({ streams: 3 });
    expect(space.survivorStream(space.take(0))).toBe(1);
    expect(space.survivorStream(space.takeForSurvivors(1))).toBe(2);
    expect(space.survivorStream(space.takeForSurvivors(2))).toBe(2);
  });
});

describe("SegmentSpace beside a naive model", () => {
  const policies = ["fifo", "greedy", "cost-benefit", "d-choices:3", "random"];
  for (let seed = 1; seed <= 40; seed++) {
    const random = new SeededRandom(seed);
    const policy = policies[seed % policies.length]!;
    const segments = [6, 9, 17, 33, 70][random.below(5)]!;
    it(`agrees through a random life (seed ${seed}, ${policy}, ${segments} segments)`, () => {
      const space = makeSpace({ segments, policy: cleaningPolicy(policy), random });
      const model = new SpaceModel(space);
      const mostRetired = Math.floor(segments / 4);
      let refused = 0;
      for (let step = 0; step < 1500; step++) {
        const act = random.below(100);
        const mayFail = space.retired + 2 < mostRetired;
        // What fits beside the reserve, a segment open per stream and some bytes lost at each segment's end.
        const room = (segments - space.retired - space.reserve - space.pools - 2) * 85;
        if (act < 40 && model.liveBytes < room)
          refused += model.write(1 + random.below(12)) ? 0 : 1;
        else if (act < 65 || model.liveBytes >= room) model.kill(random.below(model.records));
        else if (act < 67) model.closeOpen();
        else if (act === 67 && mayFail) model.failOpen();
        else if (act === 68 && mayFail) model.clean();
        else if (model.victim >= 0) model.stepCleaning(!mayFail || random.below(10) > 0);
        else if (space.needsCleaning()) model.beginCleaning();
        if (step % 50 === 0) model.check();
      }
      while (model.victim >= 0) model.stepCleaning();
      model.clean();
      model.check();
      expect(model.write(1), `taken after cleaning (${refused} were refused on the way)`).toBe(
        true,
      );
    });
  }
});
