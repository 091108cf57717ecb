import { describe, expect, it } from "vitest";
import { zsmalloc } from "../../src/lab/zsmalloc.ts";

/** Figures of the kernel's formulas, computed apart from this code (reference notes on zsmalloc, section 2). */
const CHAINS = [
  { chain: 4, classes: 69, largest: 3264, threshold: 3257, overhead: 0.053 },
  { chain: 8, classes: 119, largest: 3632, threshold: 3625, overhead: 0.023 },
  { chain: 16, classes: 192, largest: 3840, threshold: 3833, overhead: 0.013 },
];

const CHAIN_8_CLASSES = `32:1/128 48:3/256 64:1/64 2048:1/2 2176:8/15 2720:2/3 3072:3/4 3264:4/5 3408:5/6 3504:6/7
  3584:7/8 3632:8/9 4096:1/1`;

describe.each(CHAINS)("zsmalloc at chain size $chain", (expected) => {
  const allocator = zsmalloc(expected.chain);

  it("has the kernel's number of classes", () => {
    expect(allocator.classes).toHaveLength(expected.classes);
  });

  it("has the kernel's largest class below the huge one", () => {
    expect(allocator.classes.at(-2)?.sizeBytes).toBe(expected.largest);
  });

  it("stores raw from the kernel's threshold on", () => {
    expect(allocator.hugeThresholdBytes).toBe(expected.threshold);
  });

  it("puts a compressed page just below the threshold into the largest class, with no byte to spare", () => {
    const { sizeBytes } = allocator.classes[allocator.classIndex(expected.threshold - 1)]!;
    expect(sizeBytes).toBe(expected.threshold - 1 + 8);
  });

  it("puts a whole page into the huge class", () => {
    expect(allocator.classes[allocator.classIndex(4096)]).toEqual({
      sizeBytes: 4096,
      pagesPerZspage: 1,
      objectsPerZspage: 1,
    });
  });

  it("gives every length a place that holds it and its handle", () => {
    for (let length = 1; length < expected.threshold; length++) {
      const index = allocator.classIndex(length);
      expect(allocator.classes[index]!.sizeBytes).toBeGreaterThanOrEqual(length + 8);
    }
  });

  it("wastes the published share on lengths spread evenly below the threshold", () => {
    let heldBytes = 0;
    let askedBytes = 0;
    for (let length = 1; length < expected.threshold; length++) {
      const { pagesPerZspage, objectsPerZspage } = allocator.classes[allocator.classIndex(length)]!;
      heldBytes += (pagesPerZspage * 4096) / objectsPerZspage;
      askedBytes += length;
    }
    expect(heldBytes / askedBytes - 1).toBeCloseTo(expected.overhead, 3);
  });
});

describe("zsmalloc", () => {
  it("has the published classes at chain size 8, by size, pages and objects", () => {
    const found = new Set(
      zsmalloc(8).classes.map(
        (one) => `${one.sizeBytes}:${one.pagesPerZspage}/${one.objectsPerZspage}`,
      ),
    );
    for (const published of CHAIN_8_CLASSES.split(/\s+/)) expect(found).toContain(published);
  });

  it("takes chain size 8 unless told", () => {
    expect(zsmalloc().chainPages).toBe(8);
  });

  it("counts the pages of a started zspage in full", () => {
    const allocator = zsmalloc(8);
    const counts = new Array<number>(allocator.classes.length).fill(0);
    const index = allocator.classes.findIndex((one) => one.sizeBytes === 2176);
    counts[index] = 16;
    expect(allocator.pagesUsed(counts)).toBe(16);
    counts[index] = 15;
    expect(allocator.pagesUsed(counts)).toBe(8);
  });

  it.each([3, 17, 8.5, 0, -1, Number.NaN])(
    "refuses chain size %s, naming it and the limits",
    (chain) => {
      expect(() => zsmalloc(chain)).toThrow(
        expect.objectContaining({
          code: "INVALID_ARGUMENT",
          message: expect.stringMatching(`^${chain} .*from 4 to 16`),
        }),
      );
    },
  );
});
