/** Cleaning policies: what each must keep to, which segment each prefers, and the names users give them. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import type { SegmentView } from "../../../src/overflow/space/cleaning/cleaning-policy.ts";
import {
  CLEANING_POLICY_NAMES,
  cleaningPolicy,
} from "../../../src/overflow/space/cleaning/policies.ts";
import { testSeed } from "../../support/seed.ts";

const seed = testSeed("cleaning");
const SEGMENTS = 40;

/** A view of segments by chance, of which some are candidates. */
function randomView(random: SeededRandom): SegmentView {
  const draw = (limit: number) => Array.from({ length: SEGMENTS }, () => random.below(limit));
  const count = 1 + random.below(SEGMENTS);
  const names = draw(2 ** 30).map((key, segment) => ({ key, segment }));
  const candidates = Uint32Array.from(
    names.toSorted((a, b) => a.key - b.key).map(({ segment }) => segment),
  );
  return {
    candidates,
    count,
    closed: count + random.below(SEGMENTS),
    segmentBytes: 1000,
    live: Uint32Array.from(draw(1000)),
    sequence: Float64Array.from(draw(1_000_000)),
    closedAt: Float64Array.from(draw(1_000_000)),
    clock: 1_000_000,
    eraseCounts: Uint32Array.from(draw(50)),
    random,
  };
}

describe.each([...CLEANING_POLICY_NAMES, "random", "d-choices:2"])("%s", (name) => {
  it("chooses one of the candidates and changes nothing", () => {
    const random = new SeededRandom(seed);
    const policy = cleaningPolicy(name);
    for (let round = 0; round < 500; round++) {
      const view = randomView(random);
      const before = [
        ...view.candidates,
        ...view.live,
        ...view.sequence,
        ...view.closedAt,
        ...view.eraseCounts,
      ];
      expect([...view.candidates.subarray(0, view.count)]).toContain(policy.choose(view));
      const after = [
        ...view.candidates,
        ...view.live,
        ...view.sequence,
        ...view.closedAt,
        ...view.eraseCounts,
      ];
      expect(after).toEqual(before);
    }
  });
});

/** Of 300 views, in how many the policy's choice is the best candidate by `cost`. */
function bestChoices(name: string, cost: (view: SegmentView, segment: number) => number): number {
  const random = new SeededRandom(seed);
  let best = 0;
  for (let round = 0; round < 300; round++) {
    const view = randomView(random);
    const costs = [...view.candidates.subarray(0, view.count)].map((segment) =>
      cost(view, segment),
    );
    if (cost(view, cleaningPolicy(name).choose(view)) === Math.min(...costs)) best += 1;
  }
  return best;
}

describe("cleaningPolicy", () => {
  it("fifo prefers the segment taken first", () => {
    expect(bestChoices("fifo", ({ sequence }, segment) => sequence[segment]!)).toBe(300);
  });

  it("greedy prefers the fewest live bytes", () => {
    expect(bestChoices("greedy", ({ live }, segment) => live[segment]!)).toBe(300);
  });

  it("cost-benefit prefers age x (1 - u) / (1 + u)", () => {
    const cost = ({ live, clock, closedAt }: SegmentView, segment: number) => {
      const u = live[segment]! / 1000;
      return -((clock - closedAt[segment]!) * (1 - u)) / (1 + u);
    };
    // Rounding decides between equal ones.
    expect(
      bestChoices("cost-benefit", (view, segment) => Math.round(cost(view, segment) * 1e6)),
    ).toBe(300);
  });

  it("d-choices finds the fewest live bytes oftener the more it draws", () => {
    const cost = ({ live }: SegmentView, segment: number) => live[segment]!;
    const [one, four, many] = ["random", "d-choices:4", "d-choices:64"].map((name) =>
      bestChoices(name, cost),
    );
    expect(one).toBeLessThan(four!);
    expect(four).toBeLessThan(many!);
  });

  it.each(["", "Greedy", "d-choices:0", "d-choices:65", "d-choices:", "d-choices:1.5", "lru"])(
    'refuses "%s"',
    (name) => {
      expect(() => cleaningPolicy(name)).toThrow(
        `there is no cleaning policy "${name}"; give fifo, greedy`,
      );
    },
  );
});
