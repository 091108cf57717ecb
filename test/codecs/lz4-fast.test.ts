/** The encoder by words: the block format's end rules hold for every length, not just a page's. */

import { expect, it } from "vitest";
import { getCodec } from "../../codecs/registry.ts";
import { SeededRandom } from "../../src/base/random.ts";

/** Where the last match of a block begins and ends in the plain bytes, by walking its tokens; -1 without a match. */
function lastMatch(block: Uint8Array): { start: number; end: number } {
  let at = 0;
  let plain = 0;
  let last = { start: -1, end: -1 };
  const lengthOf = (nibble: number): number => {
    let length = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255; length += more) more = block[at++]!;
    return length;
  };
  for (;;) {
    const token = block[at++]!;
    const literals = lengthOf(token >> 4);
    at += literals;
    plain += literals;
    if (at === block.length) return last;
    at += 2;
    const length = lengthOf(token & 15) + 4;
    last = { start: plain, end: plain + length };
    plain += length;
  }
}

it("lz4-fast leaves 5 literals and starts no match in the last 12 bytes, at every length", () => {
  const codec = getCodec("lz4-fast");
  const random = new SeededRandom(12);
  const target = new Uint8Array(1000);
  const ends: number[] = [];
  for (let length = 1; length <= 400; length++) {
    for (let fill = 0; fill < 8; fill++) {
      const source = new Uint8Array(length).map(() => random.below(fill + 1));
      const block = target.subarray(0, codec.compress(source, target));
      const { start, end } = lastMatch(block);
      if (start < 0) continue;
      ends.push(length - end);
      expect(length - end, `length ${length}`).toBeGreaterThanOrEqual(5);
      expect(length - start, `length ${length}`).toBeGreaterThanOrEqual(12);
    }
  }
  expect(ends.length).toBeGreaterThan(1000);
});
