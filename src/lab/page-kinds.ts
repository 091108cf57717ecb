/**
 * What kind of page a page is, without compressing it: zero, same-filled, seen before or new. A page counts as seen
 * before when the first 128 bits of its SHA-256 are: for 10^9 pages the chance that two different ones agree is below
 * 10^-20, so no page has to be kept to compare with. A store, which gives pages back, compares bytes instead.
 */

import { createHash } from "node:crypto";
import { assert } from "../base/assert.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { PageCounts } from "../report/result.ts";

const WORD_BYTES = 8;
const KEY_WORDS = 4;
const CAPACITY_MIN = 1024;

/** Whether all 8-byte words of the page are equal. */
export function isSameFilled(page: Uint8Array): boolean {
  return Buffer.compare(page.subarray(WORD_BYTES), page.subarray(0, -WORD_BYTES)) === 0;
}

/** A set of contents that takes 16 bytes each: their digests in an open-addressed table, at most 3/4 full. */
export class ContentSet {
  #size = 0;
  #keys = new Uint32Array(KEY_WORDS * CAPACITY_MIN);

  /** How many different contents were added. */
  get size(): number {
    return this.#size;
  }

  /** Adds a content: whether it is new. */
  add(bytes: Uint8Array): boolean {
    const digest = createHash("sha256").update(bytes).digest();
    const key = Uint32Array.from({ length: KEY_WORDS }, (_, word) => digest.readUInt32LE(4 * word));
    // An all-zero key marks a free place.
    key[0] = key[0]! | 1;
    if (!this.#insert(this.#keys, key)) return false;
    this.#size += 1;
    if (4 * this.#size > 3 * (this.#keys.length / KEY_WORDS)) this.#grow();
    return true;
  }

  #insert(keys: Uint32Array, key: Uint32Array): boolean {
    const mask = keys.length / KEY_WORDS - 1;
    for (let place = key[1]! & mask; ; place = (place + 1) & mask) {
      const at = KEY_WORDS * place;
      if (keys[at] === 0) {
        keys.set(key, at);
        return true;
      }
      if (key.every((word, index) => keys[at + index] === word)) return false;
    }
  }

  #grow(): void {
    const larger = new Uint32Array(2 * this.#keys.length);
    for (let at = 0; at < this.#keys.length; at += KEY_WORDS) {
      if (this.#keys[at] !== 0) this.#insert(larger, this.#keys.subarray(at, at + KEY_WORDS));
    }
    this.#keys = larger;
  }
}

/** Counts pages by kind. */
export class PageCounter {
  #zero = 0;
  #sameFilled = 0;
  #duplicate = 0;
  readonly #seen = new ContentSet();

  /** Counts one page: whether it is same-filled. */
  add(page: Uint8Array): boolean {
    assert(page.length === PAGE_BYTES, `a page of ${page.length} bytes`);
    if (isSameFilled(page)) {
      this.#sameFilled += 1;
      if (page.subarray(0, WORD_BYTES).every((byte) => byte === 0)) this.#zero += 1;
      return true;
    }
    if (!this.#seen.add(page)) this.#duplicate += 1;
    return false;
  }

  counts(): PageCounts {
    return {
      zero: this.#zero,
      same_filled: this.#sameFilled,
      duplicate: this.#duplicate,
      unique: this.#seen.size,
    };
  }
}
