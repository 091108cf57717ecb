/**
 * The slots that owe the origin something, counted. Holds always: a slot is listed once, and is listed if and only if
 * its state has one of the bits of OWING.
 */

import { DIRTY, OWING, SYNCING, WRITTEN } from "./slot-state.ts";

const FIRST_CAPACITY = 64;

export class UncleanList {
  readonly #state: Uint8Array;
  #slots = new Uint32Array(FIRST_CAPACITY);
  /** Slots listed. */
  count = 0;
  /** Of them, those with bytes the origin was not given. */
  dirty = 0;

  constructor(state: Uint8Array) {
    this.#state = state;
  }

  /** A copy of the list, in no order. */
  slots(): Uint32Array {
    return this.#slots.slice(0, this.count);
  }

  /** The slot has bytes the origin was not given, or has it still. */
  markDirty(slot: number): void {
    if ((this.#state[slot]! & DIRTY) !== 0) return;
    this.#list(slot);
    this.#state[slot]! |= DIRTY;
    this.dirty += 1;
  }

  /** All the slot has was given to the origin, or is just about to be. */
  markWritten(slot: number): void {
    this.#list(slot);
    const before = this.#state[slot]!;
    if ((before & DIRTY) !== 0) this.dirty -= 1;
    this.#state[slot] = (before & ~DIRTY) | WRITTEN;
  }

  #list(slot: number): void {
    if ((this.#state[slot]! & OWING) !== 0) return;
    if (this.count === this.#slots.length) {
      const grown = new Uint32Array(2 * this.#slots.length);
      grown.set(this.#slots);
      this.#slots = grown;
    }
    this.#slots[this.count] = slot;
    this.count += 1;
  }

  /** A sync begins, which covers all that was written before: whether there is any of it. */
  beginSync(): boolean {
    let isNeeded = false;
    for (let at = 0; at < this.count; at++) {
      const slot = this.#slots[at]!;
      const before = this.#state[slot]!;
      if ((before & WRITTEN) === 0) continue;
      this.#state[slot] = (before & ~WRITTEN) | SYNCING;
      isNeeded = true;
    }
    return isNeeded;
  }

  /**
   * The sync is over; what it covered was durable then, or must be written again, and so must what was written while
   * it failed: how many slots owe nothing now.
   */
  endSync(isDone: boolean): number {
    const slots = this.#slots;
    const over = isDone ? SYNCING : SYNCING | WRITTEN;
    let kept = 0;
    for (let at = 0; at < this.count; at++) {
      const slot = slots[at]!;
      const before = this.#state[slot]!;
      if ((before & over) !== 0) {
        this.#state[slot] = before & ~over;
        if (!isDone && (before & DIRTY) === 0) {
          this.#state[slot]! |= DIRTY;
          this.dirty += 1;
        }
      }
      if ((this.#state[slot]! & OWING) === 0) continue;
      slots[kept] = slot;
      kept += 1;
    }
    const cleaned = this.count - kept;
    this.count = kept;
    return cleaned;
  }

  /** Gives all of it up: nothing is owed any more. */
  abandon(): void {
    for (let at = 0; at < this.count; at++) this.#state[this.#slots[at]!]! &= ~OWING;
    this.count = 0;
    this.dirty = 0;
  }
}
