/**
 * A guest's own swap, on its disk: programs' pages that were used longest ago leave when the guest's memory is full,
 * and come back when they are used. Where the host has tmem for it (frontswap), a page is offered there first, and goes
 * to the disk if it is refused.
 *
 * Holds always: a program's page is in memory and listed here, or in one slot; a slot's page lies in tmem or on the
 * disk.
 */

import { assert } from "../../base/assert.ts";
import { PAGE_CLASS } from "../page-classes.ts";
import { type Guest, NO_PAGE } from "./guest.ts";
import type { TmemPages } from "./tmem-pages.ts";

const NONE = -1;

/** A program's memory, as swap knows it: pages by index. */
export interface Swappable {
  /** The page of that index lies in `slot` from now on. */
  moveOut(index: number, slot: number): void;
}

/** Counts since the start, in pages. */
export interface GuestSwapTally {
  out: number;
  in: number;
  diskWrites: number;
  diskReads: number;
}

export class GuestSwap {
  readonly slots: number;
  readonly tally: GuestSwapTally = { out: 0, in: 0, diskWrites: 0, diskReads: 0 };
  readonly #guest: Guest;
  readonly #tmem: TmemPages | null;
  readonly #programs: Swappable[] = [];
  /** By page of the guest: the program's number, -1 if it is nobody's; its index there; its neighbours by use. */
  readonly #programOf: Int32Array;
  readonly #indexOf: Int32Array;
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  #newest = NONE;
  #oldest = NONE;
  /** By slot: what lies in it; and whether it does in tmem. */
  readonly #contentOf: Int32Array;
  readonly #isInTmem: Uint8Array;
  /** Free slots, the last freed on top. */
  readonly #free: Int32Array;
  #freeCount: number;

  constructor(guest: Guest, options: { readonly slots: number; readonly tmem: TmemPages | null }) {
    const { slots } = options;
    this.slots = slots;
    this.#guest = guest;
    this.#tmem = options.tmem;
    this.#programOf = new Int32Array(guest.pages).fill(NONE);
    this.#indexOf = new Int32Array(guest.pages);
    this.#older = new Int32Array(guest.pages);
    this.#newer = new Int32Array(guest.pages);
    this.#contentOf = new Int32Array(slots);
    this.#isInTmem = new Uint8Array(slots);
    this.#free = Int32Array.from({ length: slots }, (_, place) => slots - 1 - place);
    this.#freeCount = slots;
  }

  /** Pages that lie here. */
  get used(): number {
    return this.slots - this.#freeCount;
  }

  /** A program's number, for `add`. */
  register(program: Swappable): number {
    return this.#programs.push(program) - 1;
  }

  /** The page may be swapped out from now on; it was used just now. */
  add(
    page: number,
    { program, index }: { readonly program: number; readonly index: number },
  ): void {
    const place = page - this.#guest.firstPage;
    assert(this.#programOf[place] === NONE, "a page is one program's");
    this.#programOf[place] = program;
    this.#indexOf[place] = index;
    this.#pushNewest(place);
  }

  /** The page is given back. */
  remove(page: number): void {
    const place = page - this.#guest.firstPage;
    assert(this.#programOf[place] !== NONE, "a page that is taken out is in");
    this.#programOf[place] = NONE;
    this.#unlink(place);
  }

  /** The page was used. */
  touch(page: number): void {
    const place = page - this.#guest.firstPage;
    if (place === this.#newest) return;
    this.#unlink(place);
    this.#pushNewest(place);
  }

  /** Frees the page used longest ago: whether there was one, and a slot. @throws PagefoldError NO_SPACE of the host. */
  evictOldest(): boolean {
    const place = this.#oldest;
    if (place === NONE || this.#freeCount === 0) return false;
    const guest = this.#guest;
    const page = guest.firstPage + place;
    const content = guest.read(page);
    const slot = this.#free[this.#freeCount - 1]!;
    const isInTmem = this.#tmem?.put(slot, content) ?? false;
    if (!isInTmem) {
      guest.host.diskWrite(page);
      this.tally.diskWrites += 1;
    }
    this.#freeCount -= 1;
    this.#contentOf[slot] = content;
    this.#isInTmem[slot] = isInTmem ? 1 : 0;
    this.#programs[this.#programOf[place]!]!.moveOut(this.#indexOf[place]!, slot);
    this.remove(page);
    guest.free(page);
    this.tally.out += 1;
    return true;
  }

  /** Brings a slot's page back: the page it is in, not `add`ed yet, or NO_PAGE. @throws as `evictOldest`. */
  bringIn(slot: number): number {
    const guest = this.#guest;
    const page = guest.allocate(PAGE_CLASS.anonymous);
    if (page === NO_PAGE) return NO_PAGE;
    const content = this.#contentOf[slot]!;
    if (this.#isInTmem[slot] === 1) {
      assert(this.#tmem!.get(slot, content), "a persistent pool keeps what it took");
      guest.write(page, content);
    } else {
      guest.host.diskRead(page, content);
      this.tally.diskReads += 1;
    }
    this.forget(slot);
    this.tally.in += 1;
    return page;
  }

  /** Nobody wants the slot's page any more. */
  forget(slot: number): void {
    if (this.#isInTmem[slot] === 1) this.#tmem!.flush(slot);
    this.#isInTmem[slot] = 0;
    this.#free[this.#freeCount++] = slot;
  }

  #pushNewest(place: number): void {
    this.#newer[place] = NONE;
    this.#older[place] = this.#newest;
    if (this.#newest === NONE) this.#oldest = place;
    else this.#newer[this.#newest] = place;
    this.#newest = place;
  }

  #unlink(place: number): void {
    const older = this.#older[place]!;
    const newer = this.#newer[place]!;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
  }
}
