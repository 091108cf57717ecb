/**
 * The kernel's linear scan (scan_get_next_rmap_item of mm/ksm.c): guest after guest, page after page; a pass ends
 * behind the last guest. Guests that start to use memory come in behind the cursor, so that they are scanned last.
 */

import type { Host } from "../../memory/host.ts";
import type { KsmCore } from "./ksm-core.ts";

/** What `next` says at the end of a pass. */
export const END_OF_PASS = -1;
/** Where the cursor is between two passes. */
const BETWEEN = -1;

export class PassWalk {
  passes = 0;
  readonly #host: Host;
  readonly #core: KsmCore;
  /** Guests in the order they are scanned; the cursor's place in it, and the next page. */
  readonly #order: number[] = [];
  readonly #isKnown: Uint8Array;
  #at = BETWEEN;
  #page = 0;

  constructor(host: Host, core: KsmCore) {
    this.#host = host;
    this.#core = core;
    this.#isKnown = new Uint8Array(host.guests.length);
  }

  get isBetweenPasses(): boolean {
    return this.#at === BETWEEN;
  }

  /** Takes in guests that have used memory since. */
  welcome(): void {
    for (let guest = 0; guest < this.#isKnown.length; guest++) {
      if (this.#isKnown[guest] === 1 || this.#host.accessSecondsOf[guest] === 0) continue;
      this.#isKnown[guest] = 1;
      if (this.#at === BETWEEN) {
        this.#order.push(guest);
      } else {
        this.#order.splice(this.#at, 0, guest);
        this.#at += 1;
      }
    }
  }

  /** The next page to visit, or END_OF_PASS. Pages not there, or left out by smart scan, are passed over. */
  next(): number {
    const core = this.#core;
    if (this.#at === BETWEEN) {
      if (this.#order.length === 0) return END_OF_PASS;
      core.startPass();
      this.#enter(0);
    }
    while (this.#at < this.#order.length) {
      const { firstPage, pages } = this.#host.guests[this.#order[this.#at]!]!;
      const end = firstPage + pages;
      for (let page = this.#page; page < end; page++) {
        if (!core.isPresent(page)) {
          core.forget(page);
        } else if (!core.shouldSkip(page)) {
          this.#page = page + 1;
          return page;
        }
      }
      this.#enter(this.#at + 1);
    }
    this.#at = BETWEEN;
    this.passes += 1;
    return END_OF_PASS;
  }

  /** The next pass begins anew, and is counted as the first. */
  restart(): void {
    this.#at = BETWEEN;
    this.passes = 0;
  }

  #enter(at: number): void {
    this.#at = at;
    if (at < this.#order.length) this.#page = this.#host.guests[this.#order[at]!]!.firstPage;
  }
}
