/** zram's way of writing back, against a list of blocks that is looked through from its beginning. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { LowestFree } from "../../../src/lab/wear/lowest-free.ts";
import { ZramBlocks, ZramWriteBack } from "../../../src/lab/wear/rival.ts";
import { runZram } from "../../../src/lab/wear/run.ts";

const SEED = 20_261_122;

describe("LowestFree", () => {
  it.each([1, 31, 32, 33, 1024, 1025, 40_000])(
    "gives the lowest of %d blocks, always",
    (blocks) => {
      const random = new SeededRandom(SEED);
      const set = new LowestFree(blocks);
      const isFree = new Uint8Array(blocks).fill(1);
      const taken: number[] = [];
      for (let step = 0; step < Math.min(3 * blocks, 3000); step++) {
        if (taken.length < blocks && (taken.length === 0 || random.below(3) > 0)) {
          const block = set.take();
          expect(block).toBe(isFree.indexOf(1));
          isFree[block] = 0;
          taken.push(block);
        } else {
          const [block] = taken.splice(random.below(taken.length), 1);
          set.give(block!);
          isFree[block!] = 1;
        }
      }
    },
  );
});

describe("ZramBlocks", () => {
  it("writes each page to the lowest free block, and again there once it is free", () => {
    const blocks = new ZramBlocks(4, 8);
    expect([0, 1, 2].map((page) => blocks.writeBack(page))).toEqual([0, 1, 2]);
    blocks.free(1);
    blocks.free(0);
    expect([3, 1].map((page) => blocks.writeBack(page))).toEqual([0, 1]);
    expect([...blocks.writes]).toEqual([2, 2, 1, 0, 0, 0, 0, 0]);
    expect(blocks.mostInUse).toBe(3);
  });
});

describe("ZramWriteBack", () => {
  it("writes a page back when so many others came after it, and its old block is free meanwhile", () => {
    const device = new ZramWriteBack({ pages: 4, blocks: 8, waiting: 2 });
    for (const page of [0, 1, 2, 3]) device.write(page);
    expect([...device.blocks.writes].slice(0, 3)).toEqual([1, 1, 0]);
    // Page 0 leaves block 0 to page 2, which has waited longest.
    device.write(0);
    expect([...device.blocks.writes].slice(0, 3)).toEqual([2, 1, 0]);
  });

  it("does not write a page back that is written again while it waits", () => {
    const device = new ZramWriteBack({ pages: 4, blocks: 8, waiting: 2 });
    for (const page of [0, 1, 1, 0, 1]) device.write(page);
    expect(device.blocks.written).toBe(0);
  });
});

describe("runZram", () => {
  it.each([
    { law: "zipf", theta: 5 } as const,
    { law: "hot-cold", writes: 99.99, data: 1 } as const,
  ])(
    "ends with fewer writes where hardly a page is written but those that wait: %j",
    async (law) => {
      const geometry = { segments: 64, recordsPerSegment: 64, segmentBytes: 2 ** 20 };
      const asked = 100_000;
      const outcome = await runZram({ law, geometry, utilisation: 0.8, writes: asked, seed: SEED });
      expect(outcome.writes).toBeLessThan(asked / 100);
      expect(outcome.blockWrites.reduce((sum, count) => sum + count, 0)).toBe(outcome.writes);
    },
  );
});
