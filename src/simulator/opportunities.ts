/**
 * What merging saves and could save, counted at one moment: the oracle scanners are held against. An opportunity
 * is a page in memory whose contents another of its domain has too, the first of each content not counted, and every
 * page of zeros, for which the zero frame is enough.
 */

import { ZERO_CONTENT } from "./contents.ts";
import type { Host } from "./memory/host.ts";

export interface Opportunities {
  /** Pages in memory, those on zero frames among them, and of all, pages of zeros. */
  readonly pagesPresent: number;
  readonly zeroPages: number;
  /** Pages that need no frame of their own: pages present less frames in use. */
  readonly pagesSaved: number;
  /** Pages present less different contents of each domain but zeros. */
  readonly opportunities: number;
}

const EMPTY = -1;

/** A set of numbers that is filled and emptied again and again. */
class ContentSet {
  #slots = new Int32Array(1024);
  size = 0;

  clear(most: number): void {
    this.size = 0;
    let slots = this.#slots.length;
    while (slots < 2 * most) slots *= 2;
    if (slots > this.#slots.length) this.#slots = new Int32Array(slots);
    this.#slots.fill(EMPTY);
  }

  add(content: number): void {
    const mask = this.#slots.length - 1;
    let slot = Math.imul(content, 0x9e3779b1) & mask;
    for (;;) {
      const held = this.#slots[slot]!;
      if (held === content) return;
      if (held === EMPTY) {
        this.#slots[slot] = content;
        this.size += 1;
        return;
      }
      slot = (slot + 1) & mask;
    }
  }
}

export class OpportunityOracle {
  readonly #host: Host;
  readonly #seen = new ContentSet();

  constructor(host: Host) {
    this.#host = host;
  }

  /** Looks at every frame. */
  count(): Opportunities {
    const { frames, contentOf, mappingsOf, domains } = this.#host;
    let present = 0;
    let zeros = 0;
    let distinct = 0;
    for (let domain = 0; domain < domains; domain++) {
      this.#seen.clear(frames.used + 1);
      for (let frame = 0; frame < frames.count; frame++) {
        const mappings = mappingsOf[frame]!;
        if (mappings === 0) continue;
        if (this.#host.domainOf(frames.firstPageOf[frame]!) !== domain) continue;
        const content = contentOf[frame]!;
        present += mappings;
        if (content === ZERO_CONTENT) zeros += mappings;
        else this.#seen.add(content);
      }
      distinct += this.#seen.size;
    }
    return {
      pagesPresent: present,
      zeroPages: zeros,
      pagesSaved: present - frames.used,
      opportunities: present - distinct,
    };
  }
}
