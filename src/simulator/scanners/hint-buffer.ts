/**
 * Hints that wait for a scanner: a bounded buffer that loses hints rather than grow (KSM++, RESoLVE'12). A hint is one
 * page, whatever the request's length, so that a rate limit in pages is one in hints; a page hinted twice waits twice.
 *
 * Holds always: at most `capacity` hints wait, and those are the newest ones not yet taken ("random": any of them).
 */

import type { SeededRandom } from "../../base/random.ts";

/** What `take` says of an empty buffer. */
export const NO_HINT = -1;

/**
 * Which hint is taken, and which is lost when there is no room: "newest-first", the bounded circular stack of XLH, and
 * "first-in-first-out", a ring, lose the oldest; "random" takes any and loses any.
 */
export const HINT_ORDERS = ["newest-first", "first-in-first-out", "random"] as const;
export type HintOrder = (typeof HINT_ORDERS)[number];

export class HintBuffer {
  readonly capacity: number;
  readonly #order: HintOrder;
  readonly #random: SeededRandom;
  readonly #pages: Int32Array;
  readonly #notes: Int32Array;
  /** Where the oldest lies; the others follow, around the end. */
  #oldest = 0;
  #count = 0;
  #note = 0;

  constructor(options: {
    readonly capacity: number;
    readonly order: HintOrder;
    readonly random: SeededRandom;
  }) {
    this.capacity = options.capacity;
    this.#order = options.order;
    this.#random = options.random;
    this.#pages = new Int32Array(options.capacity);
    this.#notes = new Int32Array(options.capacity);
  }

  /** Hints waiting. */
  get count(): number {
    return this.#count;
  }

  /** What was noted with the hint last taken. */
  get note(): number {
    return this.#note;
  }

  /** Adds a hint, with a number of the caller's beside it: whether another was lost for it. */
  push(page: number, note: number): boolean {
    const isFull = this.#count === this.capacity;
    let at: number;
    if (!isFull) {
      at = this.#at(this.#count);
      this.#count += 1;
    } else if (this.#order === "random") {
      at = this.#random.below(this.capacity);
    } else {
      at = this.#oldest;
      this.#oldest = this.#at(1);
    }
    this.#pages[at] = page;
    this.#notes[at] = note;
    return isFull;
  }

  /** Takes the hint whose turn it is: its page, or NO_HINT. */
  take(): number {
    if (this.#count === 0) return NO_HINT;
    const newest = this.#at(this.#count - 1);
    let at = newest;
    if (this.#order === "first-in-first-out") {
      at = this.#oldest;
      this.#oldest = this.#at(1);
    } else if (this.#order === "random") {
      at = this.#at(this.#random.below(this.#count));
    }
    const page = this.#pages[at]!;
    this.#note = this.#notes[at]!;
    this.#count -= 1;
    if (this.#order === "random") {
      this.#pages[at] = this.#pages[newest]!;
      this.#notes[at] = this.#notes[newest]!;
    }
    return page;
  }

  /** Where the hint lies that `later` came in after the oldest. */
  #at(later: number): number {
    const at = this.#oldest + later;
    return at < this.capacity ? at : at - this.capacity;
  }
}
