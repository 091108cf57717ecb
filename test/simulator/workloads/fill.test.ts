/** The workload "fill": what pages hold by groups, what changes after which pass, what is refused. */

import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { SeededRandom } from "../../../src/base/random.ts";
import { Contents, ZERO_CONTENT } from "../../../src/simulator/contents.ts";
import { Guest } from "../../../src/simulator/guest/guest.ts";
import { Host } from "../../../src/simulator/memory/host.ts";
import { ABSENT } from "../../../src/simulator/memory/mappings.ts";
import { RandomStreams } from "../../../src/simulator/random.ts";
import { Filling, fill, fillSchema } from "../../../src/simulator/workloads/fill.ts";
import type { Workload } from "../../../src/simulator/workloads/workload.ts";
import { testSeed } from "../../support/seed.ts";

type Parameters = z.input<typeof fillSchema>;

const noBytes = {
  fill: () => {
    throw new Error("nobody asks for bytes here");
  },
};

/** A filling, and what its pages hold: null where there is none. */
function filled(parameters: Parameters, options: { contents?: Contents; seed?: number } = {}) {
  const contents = options.contents ?? new Contents(noBytes);
  const random = new SeededRandom(options.seed ?? 1);
  const filling = new Filling(fillSchema.parse(parameters), { contents, random });
  const held: (number | null)[] = new Array(filling.pages).fill(null);
  let writes = 0;
  const target = {
    write: (page: number, content: number) => {
      held[page] = content;
      writes += 1;
    },
    discard: (page: number) => {
      held[page] = null;
    },
  };
  filling.start(target);
  return {
    held,
    writes: () => writes,
    afterPass: (pass: number) => filling.afterPass(pass, target),
  };
}

const different = (held: readonly (number | null)[]) => new Set(held).size;

describe("Filling", () => {
  it("fills groups one after another, each with its kind of contents", () => {
    const { held } = filled({
      fill: [
        { pages: 4, content: "unique" },
        { pages: 4, content: "same" },
        { pages: 2, content: "zero" },
        { pages: 2, content: "absent" },
        { pages: 6, content: { contents: 3 } },
      ],
    });
    expect(different(held.slice(0, 4))).toBe(4);
    expect(different(held.slice(4, 8))).toBe(1);
    expect(held.slice(8, 12)).toEqual([ZERO_CONTENT, ZERO_CONTENT, null, null]);
    expect(held.slice(12, 15)).toEqual(held.slice(15, 18));
    expect(different(held)).toBe(4 + 1 + 2 + 3);
  });

  it("gives contents of one name and number to all that ask, and others to nobody else", () => {
    const contents = new Contents(noBytes);
    const named: Parameters = {
      fill: [
        { pages: 8, content: { contents: 4, name: "libs" } },
        { pages: 4, content: { contents: 4 } },
      ],
    };
    const one = filled(named, { contents }).held;
    const other = filled(named, { contents }).held;
    expect(other.slice(0, 8)).toEqual(one.slice(0, 8));
    expect(different([...one, ...other])).toBe(4 + 4 + 4);
  });

  it("makes a change after its pass, and again as often as said", () => {
    const filling = filled({
      fill: [{ pages: 3, content: "zero" }],
      changes: [
        { after_pass: 2, every: 3, until: 8, first: 1, pages: 1, to: "unique" },
        { after_pass: 4, first: 2, to: "absent" },
      ],
    });
    const seen = Array.from({ length: 11 }, (_, index) => {
      filling.afterPass(index + 1);
      return [...filling.held];
    });
    const changedAfter = seen.flatMap(([, held], index) =>
      held === (seen[index - 1]?.[1] ?? ZERO_CONTENT) ? [] : [index + 1],
    );
    expect(changedAfter).toEqual([2, 5, 8]);
    expect(seen.findIndex(([, , last]) => last === null) + 1).toBe(4);
    expect(seen.every(([first]) => first === ZERO_CONTENT)).toBe(true);
  });

  it("writes pages again with what they hold", () => {
    const filling = filled({
      fill: [{ pages: 5, content: { contents: 2 } }],
      changes: [{ after_pass: 1, to: "again" }],
    });
    const before = [...filling.held];
    filling.afterPass(1);
    expect(filling.held).toEqual(before);
    expect(filling.writes()).toBe(10);
  });

  it("changes the share of pages it is told to", () => {
    const pages = 10_000;
    const share = 0.3;
    const filling = filled(
      { fill: [{ pages, content: "zero" }], changes: [{ after_pass: 1, share, to: "unique" }] },
      { seed: testSeed("share of pages changed") },
    );
    filling.afterPass(1);
    const changed = filling.held.filter((content) => content !== ZERO_CONTENT).length;
    const sigma = Math.sqrt(pages * share * (1 - share));
    expect(Math.abs(changed - pages * share)).toBeLessThan(5 * sigma);
  });

  it("does the same for the same seed", () => {
    const parameters: Parameters = {
      fill: [{ pages: 500, content: "unique" }],
      changes: [{ after_pass: 1, every: 1, share: 0.2, to: "unique" }],
    };
    const seed = testSeed("a filling repeated");
    const [one, other] = [filled(parameters, { seed }), filled(parameters, { seed })];
    for (let pass = 1; pass < 5; pass++) {
      one.afterPass(pass);
      other.afterPass(pass);
    }
    expect(one.held).toEqual(other.held);
  });
});

/** A guest with that workload, which has just been created. */
function guestFilled(parameters: Parameters, options: { pages: number; seed: number }) {
  const { pages, seed } = options;
  const host = new Host({
    frames: pages,
    cores: 1,
    hasFixedTimeWrites: false,
    guests: [
      { name: "other", domain: 0, pages: 3 },
      { name: "filled", domain: 0, pages },
    ],
    areas: [],
    areaOfGuest: [-1, -1],
    keepsSharing: false,
    storesInMemory: [],
  });
  const contents = new Contents(noBytes);
  const random = new SeededRandom(seed);
  const guest = new Guest({
    host,
    contents,
    index: 1,
    name: "filled",
    image: "none",
    zeroOnFree: false,
  });
  const workload = fill.create({
    guest,
    contents,
    order: 0,
    random,
    streams: new RandomStreams(seed),
    parameters: fillSchema.parse(parameters),
  }) as Workload;
  const held = () =>
    Array.from({ length: pages }, (_, page) => {
      const frame = host.frameOf[guest.firstPage + page]!;
      return frame === ABSENT ? null : host.contentOf[frame]!;
    });
  return { workload, held };
}

describe("fill", () => {
  it("fills its guest in the first step and changes it when the scanner has made a pass", () => {
    const seed = testSeed("a guest filled");
    const parameters: Parameters = {
      fill: [
        { pages: 40, content: { contents: 4, name: "libs" } },
        { pages: 20, content: "unique" },
        { pages: 20, content: "absent" },
      ],
      changes: [
        { after_pass: 1, every: 1, share: 0.3, to: "unique" },
        { after_pass: 2, share: 0.3, to: "absent" },
      ],
    };
    const { workload, held } = guestFilled(parameters, { pages: 80, seed });
    const model = filled(parameters, { seed });
    workload.step(0, 0.1);
    expect(held()).toEqual(model.held);
    for (let pass = 1; pass <= 4; pass++) {
      workload.onPass?.(pass);
      workload.step(pass, 0.1);
      model.afterPass(pass);
      expect(held(), `after pass ${pass}`).toEqual(model.held);
    }
  });

  it("refuses a guest smaller than its filling, with both", () => {
    const parameters: Parameters = { fill: [{ pages: 41, content: "zero" }] };
    expect(() => guestFilled(parameters, { pages: 40, seed: 1 })).toThrow(
      /filled has 40 pages and is filled with 41/,
    );
  });
});

describe("fillSchema", () => {
  it.each([
    {
      what: "a change past the end",
      changes: [{ after_pass: 1, first: 3, pages: 2, to: "zero" }],
      path: "changes.0.pages",
      words: "page 4 is changed",
    },
    {
      what: "a change that starts past the end",
      changes: [{ after_pass: 1, first: 4, to: "zero" }],
      path: "changes.0.first",
      words: "page 4 is changed",
    },
    {
      what: "an end without a repetition",
      changes: [{ after_pass: 1, until: 3, to: "zero" }],
      path: "changes.0.until",
      words: "every",
    },
    {
      what: "contents of no kind",
      changes: [{ after_pass: 1, to: "sme" }],
      path: "changes.0.to",
      words: "",
    },
  ])("refuses $what, with the path to it", ({ changes, path, words }) => {
    const parsed = fillSchema.safeParse({ fill: [{ pages: 4, content: "unique" }], changes });
    expect(parsed.error?.issues.map((issue) => issue.path.join("."))).toEqual([path]);
    expect(parsed.error?.issues[0]?.message).toContain(words);
  });
});
