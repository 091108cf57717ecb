/**
 * The slots of one export, 12 bytes each: what a slot holds and when it was last touched.
 *
 *     low, high   same-filled: the word's halves        else: the object id (0: the slot is not in use), and nothing
 *     stamp       bit 31 same-filled | bit 30 idle | bit 29 reserved |
 *                 bits 0 to 28 the clock's seconds at the last access, modulo 2^29
 *
 * A reserved slot holds zeros. The table knows nothing of the engine; whoever changes a slot hands its object, or its
 * reserved page, back.
 */

import { PagefoldError } from "../base/errors.ts";
import type { ReferenceCounts } from "./reference-counts.ts";

const SAME_FILLED = 0x8000_0000;
const IDLE = 0x4000_0000;
const RESERVED = 0x2000_0000;
const SECONDS = 0x1fff_ffff;
const SLOT_BYTES = 12;

/** The oldest age a slot can show. */
export const MOST_AGE_SECONDS = SECONDS;

export class SlotTable {
  readonly slots: number;
  readonly #low: Uint32Array;
  readonly #high: Uint32Array;
  readonly #stamp: Uint32Array;
  /** Slots in use, same-filled ones included. */
  used = 0;
  /** Slots that hold a same-filled page. */
  same = 0;
  /** Slots with a page reserved for the next write to them. */
  reserved = 0;
  /** Its slots' references to each object, while somebody wants them. */
  references: ReferenceCounts | null = null;

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

  /** Bytes the table takes, whether its slots are in use or not, and its counts of references. */
  get bytes(): number {
    return this.slots * SLOT_BYTES + (this.references?.bytes ?? 0);
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

  /** Whether the slot is not in use or filled with zeros. */
  isZero(index: number): boolean {
    return this.#low[index] === 0 && (this.#stamp[index]! < SAME_FILLED || this.#high[index] === 0);
  }

  /** Whether the slot holds zeros and has a page reserved. */
  isReserved(index: number): boolean {
    return (this.#stamp[index]! & RESERVED) !== 0;
  }

  /** Slots from `first` to below `end`, one after another, that read as zeros: not in use, or filled with them. */
  zeroSlots(first: number, end: number): number {
    let index = first;
    while (index < end && this.isZero(index)) index += 1;
    return index - first;
  }

  /** The first slot in use from `first` on and below `end`, or `end`. */
  nextUsed(first: number, end: number): number {
    if (this.used === 0) return end;
    const low = this.#low;
    const stamp = this.#stamp;
    let index = first;
    while (index < end && low[index] === 0 && stamp[index]! < SAME_FILLED) index += 1;
    return index;
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

  /** Whole seconds since the last read or write, by a clock that stands at `seconds`; right up to 17 years. */
  ageAt(index: number, seconds: number): number {
    return (Math.floor(seconds) - this.#stamp[index]!) & SECONDS;
  }

  setObject(index: number, id: number, seconds: number): void {
    this.#countOut(index);
    this.used += 1;
    this.#low[index] = id;
    this.#stamp[index] = seconds & SECONDS;
    if (this.references !== null) this.#countReference(index, id, seconds);
  }

  /** Puts another object of the same content in the slot's place; nothing else of it changes. */
  replaceObject(index: number, id: number): void {
    this.references?.remove(index, this.#low[index]!);
    this.#low[index] = id;
    this.references?.add(index, id);
  }

  #countReference(index: number, id: number, seconds: number): void {
    if (this.references?.isForgotten(seconds)) this.references = null;
    this.references?.add(index, id);
  }

  setSameFilled(index: number, low: number, high: number, seconds: number): void {
    this.#countOut(index);
    this.used += 1;
    this.same += 1;
    this.#low[index] = low;
    this.#high[index] = high;
    this.#stamp[index] = ((seconds & SECONDS) | SAME_FILLED) >>> 0;
  }

  /** Fills the slot with zeros; its page is reserved by the caller. */
  setReservedZeros(index: number, seconds: number): void {
    this.setSameFilled(index, 0, 0, seconds);
    this.reserved += 1;
    this.#stamp[index]! |= RESERVED;
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
      if ((this.#stamp[index]! & RESERVED) !== 0) this.reserved -= 1;
    } else if (this.#low[index] !== 0) {
      this.used -= 1;
      if (this.references !== null) this.references.remove(index, this.#low[index]!);
    }
  }

  /** Notes a read: the slot is no longer idle. */
  touch(index: number, seconds: number): void {
    const kept = this.#stamp[index]! & (SAME_FILLED | RESERVED);
    this.#stamp[index] = (kept | (seconds & SECONDS)) >>> 0;
  }

  setIdle(index: number, isIdle: boolean): void {
    const stamp = this.#stamp[index]!;
    this.#stamp[index] = (isIdle ? stamp | IDLE : stamp & ~IDLE) >>> 0;
  }
}
