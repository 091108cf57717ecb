/**
 * Hashes of keys, 32 bits with a sign, by tabulation (Zobrist 1970; Patrascu and Thorup 2012): a secret word for each
 * value of each byte, all of them XORed. Whoever does not know the words cannot choose keys that fall into one chain,
 * and the hash of a page is its object's XOR its index's, so neither is reckoned twice.
 */

import type { RandomSource } from "../base/random.ts";

/** Bytes of an object's number (53 bits), an index and a pool's number. */
const OBJECT_BYTES = 7;
const INDEX_BYTES = 4;
const POOL_BYTES = 2;

export class KeyHash {
  readonly #words = new Int32Array((OBJECT_BYTES + INDEX_BYTES + POOL_BYTES) * 256);

  constructor(random: RandomSource) {
    random(new Uint8Array(this.#words.buffer));
  }

  /** Of an object's number, given in halves: 32 bits and 21. */
  ofObject(low: number, high: number): number {
    const words = this.#words;
    return (
      words[low & 255]! ^
      words[256 | ((low >>> 8) & 255)]! ^
      words[512 | ((low >>> 16) & 255)]! ^
      words[768 | (low >>> 24)]! ^
      words[1024 | (high & 255)]! ^
      words[1280 | ((high >>> 8) & 255)]! ^
      words[1536 | ((high >>> 16) & 255)]!
    );
  }

  ofIndex(index: number): number {
    const words = this.#words;
    return (
      words[1792 | (index & 255)]! ^
      words[2048 | ((index >>> 8) & 255)]! ^
      words[2304 | ((index >>> 16) & 255)]! ^
      words[2560 | (index >>> 24)]!
    );
  }

  ofPool(number: number): number {
    return this.#words[2816 | (number & 255)]! ^ this.#words[3072 | ((number >>> 8) & 255)]!;
  }
}
