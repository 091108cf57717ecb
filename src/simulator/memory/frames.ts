/**
 * The host's frames: what each holds, how many pages map it, and the list reclaim takes them from, with a second chance
 * (the oldest frame goes unless it was touched since it was last looked at). Typed arrays; frames are numbers.
 *
 * Holds always: a frame is free or mapped by at least one page, and listed exactly if it is mapped; the zero frames,
 * one per domain at the front, are neither, and take no memory.
 */

import { assert } from "../../base/assert.ts";
import { ZERO_CONTENT } from "../contents.ts";

/** What `tagOf` says of a frame newly taken. */
export const NO_TAG = -1;
const NONE = -1;

const IS_MERGED = 1;
const IS_TOUCHED = 2;
/** As IS_TOUCHED, but for scanners: reclaim does not clear it. */
const IS_ACCESSED = 4;

export class Frames {
  /** The zero frames included. */
  readonly count: number;
  readonly zeroFrames: number;
  readonly contentOf: Int32Array;
  readonly mappingsOf: Int32Array;
  readonly tagOf: Int32Array;
  /** One page that maps the frame, from which its others are reached. */
  readonly firstPageOf: Int32Array;
  /** A swap body that holds the same contents still, or -1; and the area it lies in. */
  readonly cleanBodyOf: Int32Array;
  readonly cleanAreaOf: Int32Array;
  readonly #flags: Uint8Array;
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  #newest = NONE;
  #oldest = NONE;
  /** Frames free, the last given back on top. */
  readonly #free: Int32Array;
  #freeCount: number;

  constructor(frames: number, zeroFrames: number) {
    const count = frames + zeroFrames;
    this.count = count;
    this.zeroFrames = zeroFrames;
    this.contentOf = new Int32Array(count);
    this.mappingsOf = new Int32Array(count);
    this.tagOf = new Int32Array(count).fill(NO_TAG);
    this.firstPageOf = new Int32Array(count).fill(NONE);
    this.cleanBodyOf = new Int32Array(count).fill(NONE);
    this.cleanAreaOf = new Int32Array(count);
    this.#flags = new Uint8Array(count);
    this.#older = new Int32Array(count).fill(NONE);
    this.#newer = new Int32Array(count).fill(NONE);
    this.#free = Int32Array.from({ length: frames }, (_, index) => count - 1 - index);
    this.#freeCount = frames;
    for (let frame = 0; frame < zeroFrames; frame++) {
      this.contentOf[frame] = ZERO_CONTENT;
      this.#flags[frame] = IS_MERGED;
    }
  }

  get free(): number {
    return this.#freeCount;
  }

  get used(): number {
    return this.count - this.zeroFrames - this.#freeCount;
  }

  isZeroFrame(frame: number): boolean {
    return frame < this.zeroFrames;
  }

  isMerged(frame: number): boolean {
    return (this.#flags[frame]! & IS_MERGED) !== 0;
  }

  setMerged(frame: number, isMerged: boolean): void {
    this.#flags[frame] = (this.#flags[frame]! & ~IS_MERGED) | (isMerged ? IS_MERGED : 0);
  }

  touch(frame: number): void {
    this.#flags[frame]! |= IS_TOUCHED | IS_ACCESSED;
  }

  /** Whether the frame was touched since this was asked last; for a scanner, reclaim keeps its own mark. */
  wasTouched(frame: number): boolean {
    const flags = this.#flags[frame]!;
    this.#flags[frame] = flags & ~IS_ACCESSED;
    return (flags & IS_ACCESSED) !== 0;
  }

  /** A free frame, listed as the newest; there must be one. */
  take(content: number): number {
    assert(this.#freeCount > 0, "a frame is taken only when one is free");
    this.#freeCount -= 1;
    const frame = this.#free[this.#freeCount]!;
    this.contentOf[frame] = content;
    this.tagOf[frame] = NO_TAG;
    this.cleanBodyOf[frame] = NONE;
    this.#flags[frame] = 0;
    this.#pushNewest(frame);
    return frame;
  }

  /** Gives a frame nobody maps back. */
  giveBack(frame: number): void {
    assert(!this.isZeroFrame(frame), "zero frames are never given back");
    assert(this.mappingsOf[frame] === 0, "a frame given back is mapped by nobody");
    this.#unlink(frame);
    this.#free[this.#freeCount++] = frame;
    this.tagOf[frame] = NO_TAG;
  }

  /** The frame reclaim should look at next, or -1. Frames touched since go to the young end, untouched ever after. */
  oldestUntouched(pinned: number): number {
    for (let looked = 2 * this.used; looked > 0; looked--) {
      const frame = this.#oldest;
      if (frame !== pinned && (this.#flags[frame]! & IS_TOUCHED) === 0) return frame;
      this.#flags[frame]! &= ~IS_TOUCHED;
      this.makeYoung(frame);
    }
    return NONE;
  }

  /** Moves a frame to the young end. */
  makeYoung(frame: number): void {
    this.#unlink(frame);
    this.#pushNewest(frame);
  }

  #pushNewest(frame: number): void {
    this.#newer[frame] = NONE;
    this.#older[frame] = this.#newest;
    if (this.#newest === NONE) this.#oldest = frame;
    else this.#newer[this.#newest] = frame;
    this.#newest = frame;
  }

  #unlink(frame: number): void {
    const older = this.#older[frame]!;
    const newer = this.#newer[frame]!;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
  }

  /** Frames reclaim chooses from, the oldest first, and free frames; for audits. */
  *listed(): Generator<number> {
    let older = NONE;
    for (let frame = this.#oldest; frame !== NONE; frame = this.#newer[frame]!) {
      assert(this.#older[frame] === older, "the list reads the same both ways");
      older = frame;
      yield frame;
    }
    assert(this.#newest === older, "the list ends with the newest frame");
  }

  unused(): Int32Array {
    return this.#free.subarray(0, this.#freeCount);
  }
}
