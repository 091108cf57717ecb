/**
 * Memory to swap and back. Areas are pagefold stores' exports: one shared area for each domain, or one for each guest.
 * A frame goes out once for all its pages that swap to one area, and with `keepsSharing` comes back as one frame for
 * all of them; without, as in a kernel whose swap knows nothing of merging, each page gets a frame of its own.
 *
 * While an area is less than half full, a body that came back stays as a clean copy, and goes out again unwritten.
 */

import { assert } from "../../base/assert.ts";
import type { ScannerHooks } from "../scanners/scanner.ts";
import type { Frames } from "./frames.ts";
import { type Mappings, SWAPPED } from "./mappings.ts";
import type { SwapArea, SwapBudget } from "./swap-area.ts";

const NONE = -1;

/** Counts since the start. */
export interface SwapTally {
  /** Frames written for room in memory, once for each area they went to. */
  writes: number;
  /** Pages (mappings) that went out to swap, and that came back from there. */
  pagesOut: number;
  pagesIn: number;
  /** Frames that went out without a write, a clean copy being there still. */
  cleanOuts: number;
  /** Pages that came back with another's fault, the frame being shared. */
  pagesInShared: number;
  /** Bodies joined since the device found them equal. */
  joined: number;
}

export interface SwapOptions {
  readonly frames: Frames;
  readonly mappings: Mappings;
  readonly areas: readonly SwapArea[];
  /** By guest: the number of its area, -1 if it may not be swapped. */
  readonly areaOfGuest: readonly number[];
  readonly guestOf: Uint16Array;
  readonly keepsSharing: boolean;
}

export class Swap {
  readonly areas: readonly SwapArea[];
  readonly tally: SwapTally = {
    writes: 0,
    pagesOut: 0,
    pagesIn: 0,
    cleanOuts: 0,
    pagesInShared: 0,
    joined: 0,
  };
  hooks: ScannerHooks = {};
  readonly #frames: Frames;
  readonly #mappings: Mappings;
  readonly #areaOfGuest: Int32Array;
  readonly #guestOf: Uint16Array;
  readonly #keepsSharing: boolean;
  /** By area, while a frame goes out: the body its pages there get. */
  readonly #bodyIn: Int32Array;
  /** And the area where that is its clean copy, or -1. */
  #cleanIn = NONE;

  constructor(options: SwapOptions) {
    this.areas = options.areas;
    this.#frames = options.frames;
    this.#mappings = options.mappings;
    this.#areaOfGuest = Int32Array.from(options.areaOfGuest);
    this.#guestOf = options.guestOf;
    this.#keepsSharing = options.keepsSharing;
    this.#bodyIn = new Int32Array(options.areas.length).fill(NONE);
  }

  /** The number of the area the page swaps to, or -1. */
  areaFor(page: number): number {
    return this.#areaOfGuest[this.#guestOf[page]!]!;
  }

  /** The number of the area a swapped-out page lies in. */
  areaWith(page: number): number {
    const body = SWAPPED - this.#mappings.frameOf[page]!;
    let area = this.areas.length - 1;
    while (this.areas[area]!.firstBody > body) area--;
    return area;
  }

  /** The body a swapped-out page maps, in its area. */
  bodyOf(page: number, area: SwapArea): number {
    return SWAPPED - this.#mappings.frameOf[page]! - area.firstBody;
  }

  /** Makes one frame free, other than `pinned`: whether it could. */
  freeOne(pinned: number): boolean {
    const frames = this.#frames;
    // Twice round: frames touched since they were last looked at come up in the second round only.
    for (let tries = 2 * frames.used; tries > 0; tries--) {
      const frame = frames.oldestUntouched(pinned);
      if (frame === NONE) return false;
      if (this.evict(frame)) return true;
      frames.makeYoung(frame);
    }
    return false;
  }

  /** Swaps a frame out: whether there was room for it. */
  evict(frame: number): boolean {
    const frames = this.#frames;
    const first = frames.firstPageOf[frame]!;
    if (!this.#takeBodies(frame, first)) return false;
    let page = first;
    for (let left = frames.mappingsOf[frame]!; left > 0; left--) {
      const next = this.#mappings.nextOf(page);
      const area = this.areaFor(page);
      this.#mappings.leave(page, frames, frame);
      this.#mappings.mapBody(page, this.areas[area]!, this.#bodyIn[area]!);
      this.tally.pagesOut += 1;
      page = next;
    }
    frames.giveBack(frame);
    this.#tellDuplicates();
    return true;
  }

  /** Finds or writes a body in every area the frame's pages swap to; all of them or none. */
  #takeBodies(frame: number, first: number): boolean {
    const frames = this.#frames;
    const clean = frames.cleanBodyOf[frame]!;
    const cleanArea = frames.cleanAreaOf[frame]!;
    let page = first;
    for (let left = frames.mappingsOf[frame]!; left > 0; left--) {
      const area = this.areaFor(page);
      if (area === NONE) return this.#giveUp(frame);
      if (this.#bodyIn[area] === NONE) {
        const isClean = clean !== NONE && area === cleanArea;
        const body = isClean ? clean : this.#write(area, frame);
        if (body === NONE) return this.#giveUp(frame);
        this.#bodyIn[area] = body;
      }
      page = this.#mappings.nextOf(page);
    }
    if (clean !== NONE) this.#useClean(frame);
    return true;
  }

  /** The frame goes out: its clean copy is what its pages of that area map, or nobody's. */
  #useClean(frame: number): void {
    const body = this.#frames.cleanBodyOf[frame]!;
    const area = this.#frames.cleanAreaOf[frame]!;
    if (this.#bodyIn[area] === body) {
      this.areas[area]!.setCopy(body, NONE);
      this.#frames.cleanBodyOf[frame] = NONE;
      this.#cleanIn = area;
      this.tally.cleanOuts += 1;
    } else {
      this.dropClean(frame);
    }
  }

  /** Bodies written for a frame that does not go out are released; its clean copy stays. */
  #giveUp(frame: number): false {
    for (let area = 0; area < this.areas.length; area++) {
      const body = this.#bodyIn[area]!;
      this.#bodyIn[area] = NONE;
      if (body !== NONE && this.areas[area]!.cleanFrameOf[body] !== frame) {
        this.areas[area]!.release(body);
      }
    }
    return false;
  }

  /** Writes a frame's contents into an area; where it is full, copies of what is in memory make room. */
  #write(area: number, frame: number): number {
    const bodies = this.areas[area]!;
    const content = this.#frames.contentOf[frame]!;
    let body = bodies.write(content);
    if (body === NONE && this.#dropCopies(bodies.budget, frame)) body = bodies.write(content);
    if (body !== NONE) this.tally.writes += 1;
    return body;
  }

  /** Drops all clean copies that share a budget, but for that of `kept`: whether there were any. */
  #dropCopies(budget: SwapBudget, kept: number): boolean {
    const frames = this.#frames;
    if (!this.areas.some((area) => area.budget === budget && area.copies > 0)) return false;
    let isAny = false;
    for (let frame = 0; frame < frames.count; frame++) {
      if (frame === kept || frames.cleanBodyOf[frame] === NONE) continue;
      if (this.areas[frames.cleanAreaOf[frame]!]!.budget !== budget) continue;
      this.dropClean(frame);
      isAny = true;
    }
    return isAny;
  }

  /** A clean copy's were told when it was written. */
  #tellDuplicates(): void {
    const cleanIn = this.#cleanIn;
    this.#cleanIn = NONE;
    for (let area = 0; area < this.areas.length; area++) {
      const body = this.#bodyIn[area]!;
      if (body === NONE) continue;
      this.#bodyIn[area] = NONE;
      if (area === cleanIn) continue;
      const bodies = this.areas[area]!;
      const other = bodies.duplicateOf(body);
      if (other === NONE || this.hooks.onDeviceDuplicate === undefined) continue;
      const copy = bodies.cleanFrameOf[other]!;
      const otherPage =
        copy === NONE ? bodies.firstPageOf[other]! : this.#frames.firstPageOf[copy]!;
      this.hooks.onDeviceDuplicate(bodies.firstPageOf[body]!, otherPage);
    }
  }

  /**
   * Puts a frame's contents into the area with that number if they take at most `mostBytes` there: whether they did.
   * Its pages are of one domain, and the area is one for that.
   */
  compress(frame: number, area: number, mostBytes: number): boolean {
    const bodies = this.areas[area]!;
    const body = bodies.write(this.#frames.contentOf[frame]!);
    if (body === NONE) return false;
    if (bodies.storedBytes(body) > mostBytes) {
      bodies.release(body);
      return false;
    }
    this.dropClean(frame);
    for (let left = this.#frames.mappingsOf[frame]!; left > 0; left--) {
      const page = this.#frames.firstPageOf[frame]!;
      this.#mappings.leave(page, this.#frames, frame);
      this.#mappings.mapBody(page, bodies, body);
    }
    this.#frames.giveBack(frame);
    return true;
  }

  /**
   * Has all pages that share `page`'s body share what `other` maps, in memory or swapped out: they are equal. What both
   * lie in is one area, or `other` is in memory and of the same domain.
   */
  join(page: number, other: number): void {
    const area = this.areas[this.areaWith(page)]!;
    const body = this.bodyOf(page, area);
    const target = this.#mappings.frameOf[other]!;
    const isBody = target <= SWAPPED;
    const otherBody = isBody ? this.bodyOf(other, area) : NONE;
    assert(!isBody || this.areas[this.areaWith(other)] === area, "pages join within a swap area");
    assert(otherBody !== body, "a page joins what it does not map yet");
    const content = isBody ? area.contentOf[otherBody]! : this.#frames.contentOf[target]!;
    assert(content === area.contentOf[body], "pages joined are equal");
    for (let left = area.mappingsOf[body]!; left > 0; left--) {
      const moved = area.firstPageOf[body]!;
      this.#mappings.leave(moved, area, body);
      if (isBody) this.#mappings.mapBody(moved, area, otherBody);
      else this.#mappings.mapFrame(moved, target);
      this.tally.joined += 1;
    }
    if (!isBody) this.#frames.setMerged(target, true);
    area.release(body);
  }

  /** Brings a page back into `frame`, newly taken, and with it what shares its body. */
  bringIn(page: number, frame: number): void {
    const frames = this.#frames;
    const areaIndex = this.areaWith(page);
    const area = this.areas[areaIndex]!;
    const body = this.bodyOf(page, area);
    const isSwap = areaIndex === this.areaFor(page);
    frames.contentOf[frame] = area.read(body);
    const sharers = area.mappingsOf[body]!;
    if (this.#keepsSharing && sharers > 1) {
      for (let left = sharers; left > 0; left--) {
        const moved = area.firstPageOf[body]!;
        this.#mappings.leave(moved, area, body);
        this.#mappings.mapFrame(moved, frame);
      }
      frames.setMerged(frame, true);
      if (isSwap) this.tally.pagesInShared += sharers - 1;
    } else {
      this.#mappings.leave(page, area, body);
      this.#mappings.mapFrame(page, frame);
    }
    if (isSwap) this.tally.pagesIn += 1;
    if (area.mappingsOf[body]! > 0) return;
    if (isSwap && !area.isHalfFull) {
      frames.cleanBodyOf[frame] = body;
      frames.cleanAreaOf[frame] = areaIndex;
      area.setCopy(body, frame);
    } else {
      area.release(body);
    }
  }

  /** The frame's contents change, or it is given back: its clean copy goes. */
  dropClean(frame: number): void {
    const body = this.#frames.cleanBodyOf[frame]!;
    if (body === NONE) return;
    this.#frames.cleanBodyOf[frame] = NONE;
    const area = this.areas[this.#frames.cleanAreaOf[frame]!]!;
    area.setCopy(body, NONE);
    area.release(body);
  }

  /** A swapped-out page is given up. */
  forget(page: number): void {
    const area = this.areas[this.areaWith(page)]!;
    const body = this.bodyOf(page, area);
    this.#mappings.leave(page, area, body);
    if (area.mappingsOf[body] === 0) area.release(body);
  }
}
