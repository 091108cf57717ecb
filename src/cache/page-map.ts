/**
 * Which slot has which page of the origin: an open-addressed table, linear probing, entries moved back where one is
 * removed, so that there are no tombstones. It grows as it fills; 4 bytes a slot, and 4 an entry, 70 % in use at most.
 *
 * The hash is keyed: who chooses addresses cannot choose collisions.
 */

import { assert } from "../base/assert.ts";
import type { RandomSource } from "../base/random.ts";

const FIRST_ENTRIES = 1024;
const MOST_LOAD = 0.7;
/** No page at all. */
export const NONE = -1;

export class PageMap {
  /** By slot: its page. */
  readonly #pages: Uint32Array;
  /** Slot + 1, or 0. */
  #entries = new Uint32Array(FIRST_ENTRIES);
  #shift = 32 - Math.log2(FIRST_ENTRIES);
  readonly #keys = new Uint32Array(2);
  size = 0;

  /** For slots below `slots`; `random` gives the hash's key. */
  constructor(slots: number, random: RandomSource) {
    this.#pages = new Uint32Array(slots);
    random(new Uint8Array(this.#keys.buffer));
    this.#keys[1]! |= 1;
  }

  /** Bytes of the entries. */
  get entryBytes(): number {
    return this.#entries.byteLength;
  }

  pageOf(slot: number): number {
    return this.#pages[slot]!;
  }

  #home(page: number): number {
    const mixed = Math.imul(page ^ this.#keys[0]!, this.#keys[1]!);
    return Math.imul(mixed ^ (mixed >>> 15), 0x9e37_79b1) >>> this.#shift;
  }

  /** The page's slot, or NONE. */
  find(page: number): number {
    const entries = this.#entries;
    const mask = entries.length - 1;
    for (let at = this.#home(page); ; at = (at + 1) & mask) {
      const entry = entries[at]!;
      if (entry === 0) return NONE;
      if (this.#pages[entry - 1] === page) return entry - 1;
    }
  }

  /** Notes that the slot has the page, which no other has. */
  add(page: number, slot: number): void {
    this.size += 1;
    if (this.size > this.#entries.length * MOST_LOAD) this.#grow();
    this.#pages[slot] = page;
    this.#put(page, slot);
  }

  #put(page: number, slot: number): void {
    const entries = this.#entries;
    const mask = entries.length - 1;
    let at = this.#home(page);
    while (entries[at] !== 0) at = (at + 1) & mask;
    entries[at] = slot + 1;
  }

  #grow(): void {
    const old = this.#entries;
    this.#entries = new Uint32Array(2 * old.length);
    this.#shift -= 1;
    for (const entry of old) if (entry !== 0) this.#put(this.#pages[entry - 1]!, entry - 1);
  }

  /** The slot, which has a page, has none any more. */
  remove(slot: number): void {
    const entries = this.#entries;
    const mask = entries.length - 1;
    let hole = this.#home(this.#pages[slot]!);
    while (entries[hole] !== slot + 1) {
      assert(entries[hole] !== 0, `slot ${slot} has a page`);
      hole = (hole + 1) & mask;
    }
    // What stands behind, up to the next empty place, moves up unless its home is behind the hole.
    for (let at = (hole + 1) & mask; entries[at] !== 0; at = (at + 1) & mask) {
      const home = this.#home(this.#pages[entries[at]! - 1]!);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      entries[hole] = entries[at]!;
      hole = at;
    }
    entries[hole] = 0;
    this.size -= 1;
  }
}
