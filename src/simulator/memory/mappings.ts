/**
 * Which frame, or which swapped-out body, each page of each guest maps, and back: all pages of a frame or body hang
 * together in a ring.
 *
 * Holds always: a frame's (a body's) mappingsOf is the length of its ring, and every page of the ring maps it.
 */

import { assert } from "../../base/assert.ts";
import type { Frames } from "./frames.ts";

/** What frameOf says of a page nobody wrote yet, or that was given back. */
export const ABSENT = -1;
/** What frameOf says of a page swapped out to an area's body b: SWAPPED - firstBody - b. */
export const SWAPPED = -2;

const NONE = -1;

/** What pages map: frames, or the bodies of a swap area. */
interface Holders {
  readonly mappingsOf: Int32Array;
  readonly firstPageOf: Int32Array;
}

interface Bodies extends Holders {
  /** The number of body 0 among those of all areas. */
  readonly firstBody: number;
}

export class Mappings {
  readonly frameOf: Int32Array;
  readonly #frames: Frames;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(pages: number, frames: Frames) {
    this.frameOf = new Int32Array(pages).fill(ABSENT);
    this.#next = new Int32Array(pages);
    this.#previous = new Int32Array(pages);
    this.#frames = frames;
  }

  /** The page after `page` in the ring of whatever it maps. */
  nextOf(page: number): number {
    return this.#next[page]!;
  }

  mapFrame(page: number, frame: number): void {
    this.frameOf[page] = frame;
    this.#join(page, this.#frames, frame);
  }

  mapBody(page: number, bodies: Bodies, body: number): void {
    this.frameOf[page] = SWAPPED - bodies.firstBody - body;
    this.#join(page, bodies, body);
  }

  #join(page: number, holders: Holders, holder: number): void {
    const first = holders.firstPageOf[holder]!;
    holders.mappingsOf[holder]! += 1;
    if (first === NONE) {
      holders.firstPageOf[holder] = page;
      this.#next[page] = page;
      this.#previous[page] = page;
      return;
    }
    const last = this.#previous[first]!;
    this.#next[last] = page;
    this.#previous[page] = last;
    this.#next[page] = first;
    this.#previous[first] = page;
  }

  /** The page maps nothing from now on; what it mapped is `holders`' `holder`, which stays. */
  leave(page: number, holders: Holders, holder: number): void {
    assert(holders.mappingsOf[holder]! > 0, "what a page leaves is mapped");
    this.frameOf[page] = ABSENT;
    holders.mappingsOf[holder]! -= 1;
    const next = this.#next[page]!;
    if (next === page) {
      holders.firstPageOf[holder] = NONE;
      return;
    }
    const previous = this.#previous[page]!;
    this.#next[previous] = next;
    this.#previous[next] = previous;
    if (holders.firstPageOf[holder] === page) holders.firstPageOf[holder] = next;
  }
}
