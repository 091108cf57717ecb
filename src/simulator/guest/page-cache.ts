/**
 * A guest's page cache as an index: which page holds which file page, and which of them was used longest ago. A file
 * page goes by its content number, which names file and place at once (guest.ts).
 *
 * Holds always: a page is listed exactly if the table finds it by its key; the list runs from the last used to the
 * oldest. The table is open-addressed and at most half full; nothing is allocated after the start.
 */

import { assert } from "../../base/assert.ts";

const NONE = -1;

export class PageCache {
  readonly #firstPage: number;
  /** By page of the guest: the file page it holds, NONE if none; and its neighbours in order of use. */
  readonly #keyOf: Int32Array;
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  /** Pages of the guest, from 0 on, at the place their key hashes to or after it; NONE where there is none. */
  readonly #table: Int32Array;
  readonly #mask: number;
  readonly #shift: number;
  #newest = NONE;
  #oldest = NONE;
  #size = 0;

  /** For a guest whose pages are `firstPage` to `firstPage + pages - 1`. */
  constructor(firstPage: number, pages: number) {
    this.#firstPage = firstPage;
    this.#keyOf = new Int32Array(pages).fill(NONE);
    this.#older = new Int32Array(pages).fill(NONE);
    this.#newer = new Int32Array(pages).fill(NONE);
    const bits = Math.max(1, Math.ceil(Math.log2(2 * pages)));
    this.#table = new Int32Array(2 ** bits).fill(NONE);
    this.#mask = 2 ** bits - 1;
    this.#shift = 32 - bits;
  }

  get size(): number {
    return this.#size;
  }

  /** The page used longest ago, or -1. */
  get oldest(): number {
    return this.#oldest === NONE ? NONE : this.#firstPage + this.#oldest;
  }

  /** The file page that the page holds, or -1. */
  keyOf(page: number): number {
    return this.#keyOf[page - this.#firstPage]!;
  }

  /** The page that holds the file page, or -1. */
  find(key: number): number {
    for (let place = this.#home(key); ; place = (place + 1) & this.#mask) {
      const index = this.#table[place]!;
      if (index === NONE) return NONE;
      if (this.#keyOf[index] === key) return this.#firstPage + index;
    }
  }

  /** The page holds the file page from now on, as the newest. */
  insert(page: number, key: number): void {
    const index = page - this.#firstPage;
    assert(this.#keyOf[index] === NONE, "a page holds one file page");
    let place = this.#home(key);
    while (this.#table[place] !== NONE) place = (place + 1) & this.#mask;
    this.#table[place] = index;
    this.#keyOf[index] = key;
    this.#pushNewest(index);
    this.#size += 1;
  }

  /** The page was used. */
  touch(page: number): void {
    const index = page - this.#firstPage;
    if (index === this.#newest) return;
    this.#unlink(index);
    this.#pushNewest(index);
  }

  /** The page holds no file page from now on. */
  remove(page: number): void {
    const index = page - this.#firstPage;
    const key = this.#keyOf[index]!;
    assert(key !== NONE, "a page removed from the cache is in it");
    let hole = this.#home(key);
    while (this.#table[hole] !== index) hole = (hole + 1) & this.#mask;
    this.#closeHole(hole);
    this.#keyOf[index] = NONE;
    this.#unlink(index);
    this.#size -= 1;
  }

  /** Moves back what stands behind a hole since its own place was taken, so that no search ends too early. */
  #closeHole(first: number): void {
    let hole = first;
    for (let place = (hole + 1) & this.#mask; ; place = (place + 1) & this.#mask) {
      const index = this.#table[place]!;
      if (index === NONE) break;
      const home = this.#home(this.#keyOf[index]!);
      if (((place - home) & this.#mask) < ((place - hole) & this.#mask)) continue;
      this.#table[hole] = index;
      hole = place;
    }
    this.#table[hole] = NONE;
  }

  /** Fibonacci hashing: file pages in a row, as most are, spread over the table. */
  #home(key: number): number {
    return Math.imul(key, 0x9e3779b1) >>> this.#shift;
  }

  #pushNewest(index: number): void {
    this.#newer[index] = NONE;
    this.#older[index] = this.#newest;
    if (this.#newest === NONE) this.#oldest = index;
    else this.#newer[this.#newest] = index;
    this.#newest = index;
  }

  #unlink(index: number): void {
    const older = this.#older[index]!;
    const newer = this.#newer[index]!;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
  }
}
