/**
 * How many slots of one export hold each object: counted a slice of slots at a time, and kept exact while slots change.
 * What other exports hold does not enter, and nothing here is ever out of date: an object id freed and given out again
 * would otherwise tell whether somebody else still held the object.
 *
 * Invariant: `of(id)` is the number of slots below the cursor that hold object `id`.
 */

import { PagefoldError } from "../base/errors.ts";
import { MOST_OBJECTS } from "../engine/engine.ts";
import type { SlotTable } from "./slot-table.ts";

const SLICE_SLOTS = 2 ** 16;
/** Counts that nobody asked for during this long end with the next write. */
const KEPT_SECONDS = 1;

export class ReferenceCounts {
  /** By id, as many as there can be: what no id reaches is never real memory. */
  readonly #counts: Uint32Array;
  #cursor = 0;
  #mostId = 0;
  #askedSeconds = 0;

  constructor() {
    try {
      this.#counts = new Uint32Array(MOST_OBJECTS);
    } catch (cause) {
      throw new PagefoldError(
        "NO_MEMORY",
        `counting which pages share an object takes ${4 * MOST_OBJECTS} bytes, more than this process gets; free memory`,
        { cause },
      );
    }
  }

  /** Real memory the counts take, in bytes. */
  get bytes(): number {
    return 4 * this.#mostId;
  }

  of(id: number): number {
    return this.#counts[id]!;
  }

  /** Counts one slice more of `table`, whose counts these are, for one who asks at `seconds`: whether all is done. */
  advance(table: SlotTable, seconds: number): boolean {
    this.#askedSeconds = seconds;
    const end = Math.min(table.slots, this.#cursor + SLICE_SLOTS);
    while (this.#cursor < end) {
      const index = this.#cursor;
      this.#cursor += 1;
      const id = table.objectAt(index);
      if (id !== 0) this.add(index, id);
    }
    return end === table.slots;
  }

  isForgotten(seconds: number): boolean {
    return seconds - this.#askedSeconds > KEPT_SECONDS;
  }

  /** The slot has come to hold object `id`. */
  add(index: number, id: number): void {
    if (index >= this.#cursor) return;
    this.#counts[id]! += 1;
    if (id > this.#mostId) this.#mostId = id;
  }

  /** The slot no longer holds object `id`. */
  remove(index: number, id: number): void {
    if (index < this.#cursor) this.#counts[id]! -= 1;
  }
}
