/**
 * Which frame holds a content, as a scanner remembers it: a hash table with open addressing, keyed by domain and
 * content, one frame for each. Guests write without a word to scanners, so what it remembers may be over: `find` gives
 * only frames that hold the content still, and forgets the others.
 *
 * Holds always: a frame is listed at most once; no gap lies between an entry's home slot and its slot. 10 bytes a slot,
 * at least four slots for three frames.
 */

import { assert } from "../../base/assert.ts";
import type { Host } from "../memory/host.ts";

export const NO_FRAME = -1;
const NOWHERE = -1;

/** Whether pages of that domain have that content in the frame now. */
export function holds(host: Host, frame: number, domain: number, content: number): boolean {
  return (
    host.mappingsOf[frame]! > 0 &&
    host.contentOf[frame] === content &&
    host.domainOf(host.frames.firstPageOf[frame]!) === domain
  );
}

export class ContentTable {
  readonly #host: Host;
  readonly #frames: Int32Array;
  readonly #contents: Int32Array;
  readonly #domains: Uint16Array;
  readonly #shift: number;
  /** By frame: its slot. */
  readonly #slotOf: Int32Array;
  /** Entries found to be over. */
  outdated = 0;

  constructor(host: Host) {
    const bits = Math.max(2, Math.ceil(Math.log2((4 / 3) * host.frames.count)));
    this.#host = host;
    this.#frames = new Int32Array(2 ** bits).fill(NO_FRAME);
    this.#contents = new Int32Array(2 ** bits);
    this.#domains = new Uint16Array(2 ** bits);
    this.#shift = 32 - bits;
    this.#slotOf = new Int32Array(host.frames.count).fill(NOWHERE);
  }

  /** A frame that holds the content for the domain, or NO_FRAME. */
  find(domain: number, content: number): number {
    const mask = this.#frames.length - 1;
    let slot = this.#home(domain, content);
    for (;;) {
      const frame = this.#frames[slot]!;
      if (frame === NO_FRAME) return NO_FRAME;
      if (this.#contents[slot] === content && this.#domains[slot] === domain) {
        if (holds(this.#host, frame, domain, content)) return frame;
        this.outdated += 1;
        this.#remove(slot);
        return NO_FRAME;
      }
      slot = (slot + 1) & mask;
    }
  }

  /** Whether the frame is listed under this content. */
  isListed(frame: number, domain: number, content: number): boolean {
    const slot = this.#slotOf[frame]!;
    return slot !== NOWHERE && this.#contents[slot] === content && this.#domains[slot] === domain;
  }

  /** Lists the frame under a content that `find` found nowhere, and nowhere else. */
  add(frame: number, domain: number, content: number): void {
    if (this.#slotOf[frame] !== NOWHERE) this.#remove(this.#slotOf[frame]!);
    const mask = this.#frames.length - 1;
    let slot = this.#home(domain, content);
    while (this.#frames[slot] !== NO_FRAME) {
      const isTaken = this.#contents[slot] === content && this.#domains[slot] === domain;
      assert(!isTaken, "a content is listed once");
      slot = (slot + 1) & mask;
    }
    this.#put(slot, frame, domain, content);
  }

  #home(domain: number, content: number): number {
    return Math.imul(content ^ Math.imul(domain, 0x85ebca6b), 0x9e3779b1) >>> this.#shift;
  }

  #put(slot: number, frame: number, domain: number, content: number): void {
    this.#frames[slot] = frame;
    this.#contents[slot] = content;
    this.#domains[slot] = domain;
    this.#slotOf[frame] = slot;
  }

  /** Empties the slot; entries after it move back into the gap where their home allows it. */
  #remove(slot: number): void {
    const mask = this.#frames.length - 1;
    this.#slotOf[this.#frames[slot]!] = NOWHERE;
    let gap = slot;
    for (let at = (slot + 1) & mask; this.#frames[at] !== NO_FRAME; at = (at + 1) & mask) {
      const domain = this.#domains[at]!;
      const content = this.#contents[at]!;
      const fromHome = (at - this.#home(domain, content)) & mask;
      if (fromHome < ((at - gap) & mask)) continue;
      this.#put(gap, this.#frames[at]!, domain, content);
      gap = at;
    }
    this.#frames[gap] = NO_FRAME;
  }
}
