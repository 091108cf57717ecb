/** Mappings against sets of pages. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { Frames } from "../../../src/simulator/memory/frames.ts";
import { ABSENT, Mappings, SWAPPED } from "../../../src/simulator/memory/mappings.ts";
import { testSeed } from "../../support/seed.ts";

const PAGES = 20;
const HOLDERS = 4;
const FIRST_BODY = 7;

describe("Mappings", () => {
  it("reaches from any page all that map the same, over random runs", () => {
    const random = new SeededRandom(testSeed("mappings"));
    const frames = new Frames(HOLDERS, 0);
    const bodies = {
      firstBody: FIRST_BODY,
      mappingsOf: new Int32Array(HOLDERS),
      firstPageOf: new Int32Array(HOLDERS).fill(-1),
    };
    const mappings = new Mappings(PAGES, frames);
    const model = new Map<number, Set<number>>();
    const pagesOn = (holder: number) => {
      const pages = model.get(holder) ?? new Set();
      model.set(holder, pages);
      return pages;
    };
    for (let step = 0; step < 1500; step++) {
      const page = random.below(PAGES);
      const holder = random.below(HOLDERS);
      const on = mappings.frameOf[page]!;
      if (on === ABSENT) {
        if (random.below(2) === 0) mappings.mapFrame(page, holder);
        else mappings.mapBody(page, bodies, holder);
        pagesOn(mappings.frameOf[page]!).add(page);
      } else {
        if (on >= 0) mappings.leave(page, frames, on);
        else mappings.leave(page, bodies, SWAPPED - FIRST_BODY - on);
        expect(mappings.frameOf[page]).toBe(ABSENT);
        pagesOn(on).delete(page);
      }
      for (const [name, pages] of model) {
        const at = name >= 0 ? name : SWAPPED - FIRST_BODY - name;
        const { mappingsOf, firstPageOf } = name >= 0 ? frames : bodies;
        expect(mappingsOf[at]).toBe(pages.size);
        const ring = new Set<number>();
        let next = firstPageOf[at]!;
        for (let left = pages.size; left > 0; left--) {
          ring.add(next);
          next = mappings.nextOf(next);
        }
        expect(ring).toEqual(pages);
        expect(next).toBe(firstPageOf[at]);
      }
    }
  });
});
