/**
 * A set of block numbers that gives its lowest one in a few steps: a bit a block, and above each 32 words a word that
 * says which of them have a bit set, up to one word at the top.
 */

import { assert } from "../../base/assert.ts";

export class LowestFree {
  /** The blocks' bits first, the top word last. */
  readonly #levels: Uint32Array[] = [];

  /** All of 0 to `blocks` - 1 are in it. */
  constructor(blocks: number) {
    let bits = blocks;
    do {
      const words = new Uint32Array(Math.ceil(bits / 32)).fill(0xffff_ffff);
      if (bits % 32 !== 0) words[words.length - 1] = 2 ** (bits % 32) - 1;
      this.#levels.push(words);
      bits = words.length;
    } while (bits > 1);
  }

  /** Takes the lowest one out. */
  take(): number {
    const levels = this.#levels;
    let index = 0;
    for (let level = levels.length - 1; level >= 0; level--) {
      const word = levels[level]![index]!;
      assert(word !== 0, "a block is taken of none");
      index = index * 32 + 31 - Math.clz32(word & -word);
    }
    const taken = index;
    for (const words of levels) {
      const at = index >>> 5;
      const left = words[at]! & ~(1 << (index & 31));
      words[at] = left;
      if (left !== 0) break;
      index = at;
    }
    return taken;
  }

  /** Puts one back that is not in it. */
  give(block: number): void {
    let index = block;
    for (const words of this.#levels) {
      const at = index >>> 5;
      const before = words[at]!;
      words[at] = before | (1 << (index & 31));
      if (before !== 0) break;
      index = at;
    }
  }
}
