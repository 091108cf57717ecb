/**
 * The slots of one export, 12 bytes each: what a slot holds and when it was last touched.
 *
 *     low, high   same-filled: the word's halves        else: the object id (0: the slot is not in use), and nothing
 *     stamp       bit 31 same-filled | bit 30 idle | bits 0 to 29 the clock's seconds at the last access, modulo 2^30
 *
 * The table knows nothing of the engine; whoever changes a slot hands its object back.
 */

import { PagefoldError } from "../base/errors.ts";

const SAME_FILLED = 0x8000_0000;
const IDLE = 0x4000_0000;
const SECONDS = 0x3fff_ffff;
const SLOT_BYTES = 12;

export class SlotTable {
  readonly slots: number;
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  readonly #stamp: Uint32Array;
  /** Slots in use, same-filled ones included. */
  used = 0;
  /** Slots that hold a same-filled page. */
  same = 0;

  /** A table of `slots` places, none in use. */
  constructor(slots: number) {
    this.slots = slots;
    try {
      this.#low = new Uint32Array(slots);
      this.#high = new Uint32Array(slots);
      this.#stamp = new Uint32Array(slots);
    } catch (cause) {
      throw new PagefoldError(
        "NO_MEMORY",
        `a device of ${slots} pages needs ${slots * SLOT_BYTES} bytes of slot table, more than this process gets; make the device smaller`,
        { cause },
      );
    }
  }

  /** Bytes the table takes, whether its slots are in use or not. */
  get bytes(): number {
    return this.slots * SLOT_BYTES;
  }

  /** The object in the slot, 0 if it holds none. */
  objectAt(index: number): number {
    return this.isSameFilled(index) ? 0 : this.#low[index]!;
  }

  isSameFilled(index: number): boolean {
    return this.#stamp[index]! >= SAME_FILLED;
  }

  isUsed(index: number): boolean {
    return this.#low[index] !== 0 || this.#stamp[index]! >= SAME_FILLED;
  }

  isIdle(index: number): boolean {
    return (this.#stamp[index]! & IDLE) !== 0;
  }

  /** Low half of a same-filled slot's word. */
  lowAt(index: number): number {
    return this.#low[index]!;
  }

  /** High half of a same-filled slot's word. */
  highAt(index: number): number {
    return this.#high[index]!;
  }

  /** Whole seconds since the last read or write, by a clock that stands at `seconds`; right up to 34 years. */
  ageAt(index: number, seconds: number): number {
    return (Math.floor(seconds) - this.#stamp[index]!) & SECONDS;
  }

  setObject(index: number, id: number, seconds: number): void {
    this.#countOut(index);
    this.used += 1;
    this.#low[index] = id;
    this.#stamp[index] = seconds & SECONDS;
  }

  setSameFilled(index: number, low: number, high: number, seconds: number): void {
    this.#countOut(index);
    this.used += 1;
    this.same += 1;
    this.#low[index] = low;
    this.#high[index] = high;
    this.#stamp[index] = ((seconds & SECONDS) | SAME_FILLED) >>> 0;
  }

  clear(index: number): void {
    this.#countOut(index);
    this.#low[index] = 0;
    this.#stamp[index] = 0;
  }

  #countOut(index: number): void {
    if (this.#stamp[index]! >= SAME_FILLED) {
      this.used -= 1;
      this.same -= 1;
    } else if (this.#low[index] !== 0) {
      this.used -= 1;
    }
  }

  /** Notes a read: the slot is no longer idle. */
  touch(index: number, seconds: number): void {
    this.#stamp[index] = ((this.#stamp[index]! & SAME_FILLED) | (seconds & SECONDS)) >>> 0;
  }

  setIdle(index: number, isIdle: boolean): void {
    const stamp = this.#stamp[index]!;
    this.#stamp[index] = (isIdle ? stamp | IDLE : stamp & ~IDLE) >>> 0;
  }
}
