import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { ContentSet, isSameFilled, PageCounter } from "../../src/lab/page-kinds.ts";

function filled(word: bigint): Uint8Array {
  return new Uint8Array(new BigUint64Array(512).fill(word).buffer);
}

describe("isSameFilled", () => {
  it("is true for a page of one word", () => {
    expect(isSameFilled(filled(0x0123_4567_89ab_cdefn))).toBe(true);
  });

  it("is true for a page of zeros", () => {
    expect(isSameFilled(new Uint8Array(4096))).toBe(true);
  });

  it.each([0, 7, 8, 2048, 4088, 4095])("is false where byte %i differs", (offset) => {
    const page = filled(0x0123_4567_89ab_cdefn);
    page[offset] = page[offset]! ^ 1;
    expect(isSameFilled(page)).toBe(false);
  });

  it("is false for a page that repeats with a longer period than a word", () => {
    expect(isSameFilled(new Uint8Array(4096).map((_, offset) => (offset >> 3) & 1))).toBe(false);
  });
});

describe("ContentSet", () => {
  it("agrees with a set of the contents as text, over growth", () => {
    const random = new SeededRandom(7);
    const set = new ContentSet();
    const naive = new Set<string>();
    for (let turn = 0; turn < 20_000; turn++) {
      const bytes = Uint8Array.of(random.below(80), random.below(100));
      const text = bytes.join();
      expect(set.add(bytes)).toBe(!naive.has(text));
      naive.add(text);
    }
    expect(set.size).toBe(naive.size);
  });
});

describe("PageCounter", () => {
  it("counts each kind of page once", () => {
    const counter = new PageCounter();
    const text = new Uint8Array(4096).map((_, offset) => offset % 251);
    const other = text.toReversed();
    for (const page of [filled(0n), filled(5n), text, other, text, text, filled(5n), filled(0n)]) {
      counter.add(page);
    }
    expect(counter.counts()).toEqual({ zero: 2, same_filled: 4, duplicate: 2, unique: 2 });
  });
});
