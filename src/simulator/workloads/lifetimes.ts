/**
 * When pages of a guest die: a ring of ticks, each with the list of pages that end in it. A page of the page cache that
 * has left it before, or holds another file page since, is passed by.
 *
 * Holds always: a page is in one list at most, of the tick it ends in, or of the ring's last where that is further off.
 * 20 bytes for each page of the guest; nothing is allocated after the start.
 */

import { type Guest, NO_PAGE } from "../guest/guest.ts";

const TICKS_PER_SECOND = 16;
/** A power of two: 512 seconds. What lives longer goes round again. */
const RING_TICKS = 8192;
const NONE = -1;

export class Lifetimes {
  readonly #guest: Guest;
  /** By tick of the ring: the first page of its list. */
  readonly #firstOf = new Int32Array(RING_TICKS).fill(NONE);
  /** By page of the guest: its neighbours, the tick it is listed under, the one it ends in, and what it held. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #listedTick: Int32Array;
  readonly #endTick: Int32Array;
  readonly #filePage: Int32Array;
  #tick = 0;

  constructor(guest: Guest) {
    this.#guest = guest;
    this.#next = new Int32Array(guest.pages);
    this.#previous = new Int32Array(guest.pages);
    this.#listedTick = new Int32Array(guest.pages).fill(NONE);
    this.#endTick = new Int32Array(guest.pages);
    this.#filePage = new Int32Array(guest.pages);
  }

  /** The page ends at that time, and not when it was said to before. */
  end(page: number, atSeconds: number): void {
    const index = page - this.#guest.firstPage;
    if (this.#listedTick[index] !== NONE) this.#unlink(index);
    this.#endTick[index] = Math.max(this.#tick, Math.ceil(atSeconds * TICKS_PER_SECOND));
    this.#filePage[index] = this.#guest.filePageOf(page);
    this.#link(index);
  }

  /** A page that has ended by now, once; NO_PAGE when there is no more. */
  next(nowSeconds: number): number {
    const now = Math.floor(nowSeconds * TICKS_PER_SECOND);
    for (; this.#tick <= now; this.#tick++) {
      for (;;) {
        const index = this.#firstOf[this.#tick % RING_TICKS]!;
        if (index === NONE) break;
        this.#unlink(index);
        if (this.#endTick[index]! > this.#tick) {
          this.#link(index);
          continue;
        }
        const page = this.#guest.firstPage + index;
        if (this.#guest.filePageOf(page) === this.#filePage[index]) return page;
      }
    }
    return NO_PAGE;
  }

  #link(index: number): void {
    const tick = Math.min(this.#endTick[index]!, this.#tick + RING_TICKS - 1);
    const place = tick % RING_TICKS;
    const first = this.#firstOf[place]!;
    this.#listedTick[index] = tick;
    this.#next[index] = first;
    this.#previous[index] = NONE;
    if (first !== NONE) this.#previous[first] = index;
    this.#firstOf[place] = index;
  }

  #unlink(index: number): void {
    const next = this.#next[index]!;
    const previous = this.#previous[index]!;
    if (previous === NONE) this.#firstOf[this.#listedTick[index]! % RING_TICKS] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#listedTick[index] = NONE;
  }
}
