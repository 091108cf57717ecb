/**
 * Duplicates of objects that lie on the log alone. A write never shares such an object unread: the page is stored anew,
 * and noted here. Then the object is read and compared, and if the bytes are equal the slot is given it in place of the
 * new one. What was noted is lost without harm when there is too much of it.
 */

import type { ExportTable } from "../export-table.ts";

/** Noted at most; a burst beyond it stays stored twice. */
const MOST_NOTED = 1024;

export interface Duplicate {
  readonly opened: ExportTable;
  readonly index: number;
  /** The object stored anew, and the one away that may be equal. */
  readonly id: number;
  readonly candidate: number;
  /** The number of the content the candidate had on the log then: its id may come to name another object. */
  readonly generation: number;
}

export class Merges {
  readonly #noted: Duplicate[] = [];
  readonly #merge: (duplicate: Duplicate) => Promise<boolean>;
  #running: Promise<void> | null = null;
  #isClosed = false;
  /** Slots given an object that was away. */
  merged = 0;

  /** `merge` reads, compares and, if equal, changes the slot: whether it did. */
  constructor(merge: (duplicate: Duplicate) => Promise<boolean>) {
    this.#merge = merge;
  }

  note(duplicate: Duplicate): void {
    if (this.#isClosed) return;
    if (this.#noted.length >= MOST_NOTED) return;
    this.#noted.push(duplicate);
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  async #run(): Promise<void> {
    for (let next = this.#noted.shift(); next !== undefined; next = this.#noted.shift()) {
      if (this.#isClosed) return;
      if (await this.#merge(next)) this.merged += 1;
    }
  }

  clear(): void {
    this.#noted.length = 0;
  }

  /** Ends it; done when no merge is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }
}
