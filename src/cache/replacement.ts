/**
 * Which page leaves the cache: S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: FIFO queues are all you need for cache eviction,
 * SOSP 2023). A new page enters a small queue; read again there it moves to the main one, else it leaves, and is
 * remembered as a ghost: coming back soon, it enters the main queue at once. So a scan passes through the small queue
 * and takes nothing from the main one. A hit costs no more than a count of two bits.
 *
 * Queues are linked by slot, 9 bytes a slot; a ghost is 16 bits of a page's hash, at a place its other bits choose.
 */

import { CLEAN } from "./slot-state.ts";

/** Of the pages, so much is the small queue's: 1 / this. */
const SMALL_PART = 10;
/** Reads in the small queue, after the first, that take a page to the main one. */
const PROMOTED_AT = 2;
const MOST_HEAT = 3;

/** Bits of a slot's byte: two of heat, then these. */
const HEAT = 3;
const IS_MAIN = 4;
const IS_GUESS = 8;

/** Places looked at in a queue for one victim in vain, and pages moved to the main queue meanwhile. */
const MOST_STEPS = 64;
const MOST_PROMOTIONS = 1024;
const NO_SLOT = -1;
const GHOST_MULTIPLIER = 0x85eb_ca6b;

export class Replacement {
  readonly #state: Uint8Array;
  readonly #next: Uint32Array;
  readonly #previous: Uint32Array;
  readonly #marks: Uint8Array;
  readonly #ghosts: Uint16Array;
  readonly #ghostShift: number;
  /** The queues' heads, which are places behind the slots'. */
  readonly #small: number;
  readonly #main: number;
  #inSmall = 0;
  #inMain = 0;
  #lastTouched = NO_SLOT;
  /** Guesses in the queues that nobody asked for yet. */
  guesses = 0;

  /** For as many slots as `state` has; only a slot whose state is CLEAN leaves. */
  constructor(state: Uint8Array) {
    const slots = state.length;
    this.#state = state;
    this.#next = new Uint32Array(slots + 2);
    this.#previous = new Uint32Array(slots + 2);
    this.#marks = new Uint8Array(slots);
    const ghostBits = Math.max(4, Math.ceil(Math.log2(slots)) - 1);
    this.#ghosts = new Uint16Array(2 ** ghostBits);
    this.#ghostShift = 32 - ghostBits;
    this.#small = slots;
    this.#main = slots + 1;
    for (const head of [this.#small, this.#main]) {
      this.#next[head] = head;
      this.#previous[head] = head;
    }
  }

  get ghostBytes(): number {
    return this.#ghosts.byteLength;
  }

  #link(slot: number, head: number): void {
    const first = this.#next[head]!;
    this.#next[slot] = first;
    this.#previous[slot] = head;
    this.#previous[first] = slot;
    this.#next[head] = slot;
  }

  #unlink(slot: number): void {
    const next = this.#next[slot]!;
    const previous = this.#previous[slot]!;
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  /** The slot has a page now. */
  add(slot: number, page: number, isGuess: boolean): void {
    const isMain = !isGuess && this.#takeGhost(page);
    this.#marks[slot] = (isMain ? IS_MAIN : 0) | (isGuess ? IS_GUESS : 0);
    this.#link(slot, isMain ? this.#main : this.#small);
    if (isMain) this.#inMain += 1;
    else this.#inSmall += 1;
    if (isGuess) this.guesses += 1;
    // What follows at once belongs to the access that brought it.
    this.#lastTouched = slot;
  }

  /** The slot has none any more: whether it was a guess nobody asked for. */
  remove(slot: number): boolean {
    const marks = this.#marks[slot]!;
    this.#unlink(slot);
    if ((marks & IS_MAIN) !== 0) this.#inMain -= 1;
    else this.#inSmall -= 1;
    const isGuess = (marks & IS_GUESS) !== 0;
    if (isGuess) this.guesses -= 1;
    return isGuess;
  }

  /** The slot's page was asked for: whether that was the first time for a guess. Parts of a page in a row are one. */
  touch(slot: number): boolean {
    const marks = this.#marks[slot]!;
    if ((marks & IS_GUESS) !== 0) {
      this.#marks[slot] = marks & ~IS_GUESS;
      this.guesses -= 1;
      this.#lastTouched = slot;
      return true;
    }
    if (slot !== this.#lastTouched && (marks & HEAT) < MOST_HEAT) this.#marks[slot] = marks + 1;
    this.#lastTouched = slot;
    return false;
  }

  #ghostPlace(page: number): number {
    return Math.imul(page, GHOST_MULTIPLIER) >>> this.#ghostShift;
  }

  /** 16 bits of the page that its place does not tell, never 0. */
  #ghostMark(page: number): number {
    return ((Math.imul(page ^ (page >>> 16), 0xc2b2_ae35) >>> 15) & 0xffff) | 1;
  }

  #takeGhost(page: number): boolean {
    const place = this.#ghostPlace(page);
    if (this.#ghosts[place] !== this.#ghostMark(page)) return false;
    this.#ghosts[place] = 0;
    return true;
  }

  /** The page left. */
  remember(page: number): void {
    this.#ghosts[this.#ghostPlace(page)] = this.#ghostMark(page);
  }

  /** The clean slot that is to leave next, or -1 if there is none; it stays in its queue. */
  victim(): number {
    const isSmallFull = this.#inSmall * SMALL_PART >= this.#inSmall + this.#inMain;
    const first = isSmallFull ? this.#smallVictim() : this.#mainVictim();
    if (first !== NO_SLOT) return first;
    const second = isSmallFull ? this.#mainVictim() : this.#smallVictim();
    if (second !== NO_SLOT) return second;
    const third = this.#anyClean(this.#small);
    return third !== NO_SLOT ? third : this.#anyClean(this.#main);
  }

  /** As `victim`, in favour of a guess: none that was read again since it came, and none of the main queue. */
  coldVictim(): number {
    return this.#smallVictim();
  }

  /** The oldest clean page of the small queue that was not read again; those that were move to the main one. */
  #smallVictim(): number {
    const head = this.#small;
    let promotions = 0;
    for (let step = 0; step < MOST_STEPS && promotions < MOST_PROMOTIONS; ) {
      const slot = this.#previous[head]!;
      if (slot === head) return NO_SLOT;
      const marks = this.#marks[slot]!;
      if ((marks & HEAT) >= PROMOTED_AT) {
        this.#unlink(slot);
        this.#marks[slot] = IS_MAIN;
        this.#link(slot, this.#main);
        this.#inSmall -= 1;
        this.#inMain += 1;
        promotions += 1;
      } else if (this.#state[slot] === CLEAN) {
        return slot;
      } else {
        this.#unlink(slot);
        this.#link(slot, head);
        step += 1;
      }
    }
    return NO_SLOT;
  }

  /** The oldest clean page of the main queue that has cooled down; each look at another one cools it. */
  #mainVictim(): number {
    const head = this.#main;
    for (let step = 0; step < MOST_STEPS; step++) {
      const slot = this.#previous[head]!;
      if (slot === head) return NO_SLOT;
      const marks = this.#marks[slot]!;
      const isCold = (marks & HEAT) === 0;
      if (isCold && this.#state[slot] === CLEAN) return slot;
      if (!isCold) this.#marks[slot] = marks - 1;
      this.#unlink(slot);
      this.#link(slot, head);
    }
    return NO_SLOT;
  }

  #anyClean(head: number): number {
    for (let slot = this.#previous[head]!; slot !== head; slot = this.#previous[slot]!) {
      if (this.#state[slot] === CLEAN) return slot;
    }
    return NO_SLOT;
  }
}
