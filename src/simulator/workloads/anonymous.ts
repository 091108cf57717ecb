/**
 * Anonymous memory of a guest's programs, and what is in it: mostly contents nobody else has, some zeros, and some that
 * the guest itself has several times. (Barker et al. 2012 found that more than nine tenths of what could be shared is
 * within one guest.)
 */

import type { SeededRandom } from "../../base/random.ts";
import { ZERO_CONTENT } from "../contents.ts";
import { happens } from "../draws.ts";
import { type Guest, NO_PAGE } from "../guest/guest.ts";
import type { Swappable } from "../guest/guest-swap.ts";
import { PAGE_CLASS } from "../page-classes.ts";

/** Copies of each content that a guest has several times, were all its memory anonymous; of a quarter, eight. */
const MOST_COPIES = 32;

const NONE = -1;

/** Parts of all anonymous pages. */
export interface ContentShares {
  readonly zeroShare: number;
  readonly selfDuplicateShare: number;
}

/** What a guest's programs write. */
export class AnonymousContents {
  readonly #guest: Guest;
  readonly #random: SeededRandom;
  readonly #zeroShare: number;
  readonly #repeatedShare: number;
  readonly #repeated: number;
  readonly #repeatedCount: number;

  constructor(
    guest: Guest,
    options: { readonly shares: ContentShares; readonly random: SeededRandom },
  ) {
    const { zeroShare, selfDuplicateShare } = options.shares;
    this.#guest = guest;
    this.#random = options.random;
    this.#zeroShare = zeroShare;
    // Of what is not zeros, so that it is this share of all.
    this.#repeatedShare = zeroShare < 1 ? selfDuplicateShare / (1 - zeroShare) : 0;
    this.#repeatedCount = Math.max(1, Math.round((selfDuplicateShare * guest.pages) / MOST_COPIES));
    this.#repeated = guest.contents.reserve(this.#repeatedCount);
  }

  next(): number {
    if (happens(this.#random, this.#zeroShare)) return ZERO_CONTENT;
    if (!happens(this.#random, this.#repeatedShare)) return this.#guest.contents.fresh();
    return this.#repeated + this.#random.below(this.#repeatedCount);
  }
}

/** What is written next. */
interface NextContent {
  next(): number;
}

/** A program's memory. Pages are counted from 0 on, in the order it got them; the guest may swap them out. */
export class AnonymousMemory implements Swappable {
  readonly #guest: Guest;
  readonly #contents: NextContent;
  /** By index: the page; -1 - slot of one that is swapped out. */
  readonly #pages: Int32Array;
  /** Its number among the guest's programs. */
  readonly #program: number;
  #size = 0;

  /** Up to `most` pages. */
  constructor(guest: Guest, options: { readonly contents: NextContent; readonly most: number }) {
    this.#guest = guest;
    this.#contents = options.contents;
    const room = guest.pages + (guest.swap?.slots ?? 0);
    this.#pages = new Int32Array(Math.min(options.most, room));
    this.#program = guest.swap?.register(this) ?? 0;
  }

  get size(): number {
    return this.#size;
  }

  moveOut(index: number, slot: number): void {
    this.#pages[index] = -1 - slot;
  }

  /** The page of that index, in memory; NO_PAGE if it is swapped out and there is none for it. */
  #use(index: number): number {
    const { swap } = this.#guest;
    const known = this.#pages[index]!;
    if (swap === null) return known;
    if (known >= 0) {
      swap.touch(known);
      return known;
    }
    const page = swap.bringIn(-1 - known);
    if (page === NO_PAGE) return NO_PAGE;
    this.#pages[index] = page;
    swap.add(page, { program: this.#program, index });
    return page;
  }

  /**
   * Takes and writes pages until it has `size`, or the guest has no more. @throws PagefoldError NO_SPACE of the host.
   */
  growTo(size: number): void {
    while (this.#size < Math.min(size, this.#pages.length)) {
      const page = this.#guest.allocate(PAGE_CLASS.anonymous);
      if (page === NO_PAGE) return;
      const index = this.#size++;
      this.#pages[index] = page;
      this.#guest.swap?.add(page, { program: this.#program, index });
      this.#guest.write(page, this.#contents.next());
    }
  }

  /** Gives back all but the first `size`, the last first. @throws PagefoldError NO_SPACE of the host. */
  shrinkTo(size: number): void {
    while (this.#size > size) {
      this.#size -= 1;
      const page = this.#pages[this.#size]!;
      if (page < 0) {
        this.#guest.swap!.forget(-1 - page);
        continue;
      }
      this.#guest.swap?.remove(page);
      this.#guest.free(page);
    }
  }

  /** Writes something new to one page. @throws PagefoldError NO_SPACE of the host. */
  rewrite(index: number): void {
    const page = this.#use(index);
    if (page !== NO_PAGE) this.#guest.write(page, this.#contents.next());
  }

  /** Reads one page: its content, or -1 if there is no memory for it. @throws as `rewrite`. */
  read(index: number): number {
    const page = this.#use(index);
    return page === NO_PAGE ? NONE : this.#guest.read(page);
  }
}
