/**
 * The marks of a memory limit between which write-back runs by itself, and the last of the memory, which is kept for
 * slots written anew: their old contents then die, and make room on a log that is full.
 */

import { PAGE_BYTES } from "../../base/units.ts";
import type { Engine } from "../../engine/engine.ts";
import type { CheckedOverflowOptions } from "../overflow-options.ts";

/** Pages kept: two of the longest zspages; of a small limit a 16th. */
const KEPT_PAGES = 16;
/** A write may take so many pages of the pool at once: a zspage. */
const PAGES_AT_ONCE = 8;

export class Watermarks {
  readonly #options: CheckedOverflowOptions;
  /** Pages of the pool, reserved ones included, at which write-back begins, and at which it ends. */
  highPages = Number.POSITIVE_INFINITY;
  lowPages = Number.POSITIVE_INFINITY;
  #limitBytes = 0;
  /** What may be taken for slots that hold nothing. */
  #newLimitPages = Number.POSITIVE_INFINITY;

  constructor(options: CheckedOverflowOptions) {
    this.#options = options;
  }

  /** The limit on the pool's memory, 0 for none. */
  setLimit(bytes: number): void {
    const pages = bytes === 0 ? Number.POSITIVE_INFINITY : bytes / PAGE_BYTES;
    this.highPages = Math.floor(pages * this.#options.highWatermark);
    this.lowPages = Math.floor(pages * this.#options.lowWatermark);
    this.#limitBytes = bytes;
    this.#newLimitPages = Math.max(1, Math.ceil(pages - Math.min(KEPT_PAGES, pages / 16)));
  }

  /** Keeps the last of the memory from what is stored until `letGo`: whether that is needed. */
  holdBack(engine: Engine): boolean {
    if (engine.usedPages() + PAGES_AT_ONCE <= this.#newLimitPages) return false;
    engine.setLimit(this.#newLimitPages * PAGE_BYTES);
    return true;
  }

  letGo(engine: Engine): void {
    engine.setLimit(this.#limitBytes);
  }
}
