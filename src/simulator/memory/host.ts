/**
 * The host: frames, the pages of its guests, copy-on-write, reclaim, swap. Pages are numbered through: a guest owns a
 * run of them. What guests do comes in as reads and writes of whole pages; scanners merge.
 *
 * Holds always: a page reads as what its guest last wrote; pages on one frame are equal and of one domain; a frame is
 * free or mapped. memory/audit.ts checks it.
 */

import { assert } from "../../base/assert.ts";
import { PagefoldError } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import { ZERO_CONTENT } from "../contents.ts";
import { PAGE_CLASS, type PageClass } from "../page-classes.ts";
import type { ScannerHooks } from "../scanners/scanner.ts";
import { COSTS } from "./costs.ts";
import { Cpu } from "./cpu.ts";
import { Frames } from "./frames.ts";
import { ABSENT, Mappings, SWAPPED } from "./mappings.ts";
import { Swap } from "./swap.ts";
import type { SwapArea } from "./swap-area.ts";

const NONE = -1;
/** Swap operations between two looks at how much memory stores in it take. */
const OPERATIONS_PER_LOOK = 16;
/** What the host's compressed memory takes: a page that becomes at most so long. */
const WELL_COMPRESSED_BYTES = (3 * PAGE_BYTES) / 4;

/** Something in the host's own memory, as far as it takes some. */
export interface StoreInMemory {
  stats(): { readonly mem_used_total: number; readonly metadata_size: number };
}

/** A guest as the host sees it. */
export interface HostGuest {
  readonly name: string;
  readonly domain: number;
  readonly firstPage: number;
  readonly pages: number;
}

export interface HostOptions {
  /** Frames of memory. */
  readonly frames: number;
  readonly cores: number;
  /** Writes that copy and writes that do not take the same time. */
  readonly hasFixedTimeWrites: boolean;
  readonly guests: readonly {
    readonly name: string;
    readonly domain: number;
    readonly pages: number;
  }[];
  readonly areas: readonly SwapArea[];
  /** By guest: the number of the area it is swapped to, -1 for none. */
  readonly areaOfGuest: readonly number[];
  readonly keepsSharing: boolean;
  /** Stores that lie in this host's own memory. */
  readonly storesInMemory: readonly StoreInMemory[];
  /** By domain: an area in the host's memory for `compress`; none without. */
  readonly compressed?: readonly SwapArea[];
}

/** Counts since the start. */
export interface HostTally {
  writes: number;
  /** Writes of merged pages, each of which got a frame of its own. */
  copies: number;
  /** Copies of pages merged at most so long before. */
  copiesWithin1s: number;
  copiesWithin10s: number;
  diskReads: number;
  diskWrites: number;
}

export class Host {
  readonly guests: readonly HostGuest[];
  readonly pages: number;
  readonly domains: number;
  readonly cpu: Cpu;
  readonly swap: Swap;
  /** By domain: the area in the host's memory for `compress`; empty without. */
  readonly compressed: readonly SwapArea[];
  readonly frames: Frames;
  readonly mappings: Mappings;
  readonly frameOf: Int32Array;
  readonly classOf: Uint8Array;
  readonly contentOf: Int32Array;
  readonly mappingsOf: Int32Array;
  readonly tagOf: Int32Array;
  readonly tally: HostTally = {
    writes: 0,
    copies: 0,
    copiesWithin1s: 0,
    copiesWithin10s: 0,
    diskReads: 0,
    diskWrites: 0,
  };
  /** Seconds of the simulation now; whoever runs it moves this. */
  nowSeconds = 0;
  /** What the last access cost the guest, in seconds; and by guest, all of them. */
  lastSeconds = 0;
  readonly accessSecondsOf: Float64Array;
  readonly #guestOf: Uint16Array;
  readonly #hasFixedTimeWrites: boolean;
  readonly #storesInMemory: readonly StoreInMemory[];
  /** By page: when it was merged last. */
  readonly #mergedSecondsOf: Float32Array;
  #hooks: ScannerHooks = {};
  #memoryTakenFrames = 0;
  #operationsToLook = 0;
  /** What the access under way waits for beside its own work: frames written to swap, so that there is room. */
  #roomSeconds = 0;

  constructor(options: HostOptions) {
    let firstPage = 0;
    this.guests = options.guests.map((guest) => {
      const own = { ...guest, firstPage };
      firstPage += guest.pages;
      return own;
    });
    this.pages = firstPage;
    this.domains = 1 + Math.max(0, ...options.guests.map(({ domain }) => domain));
    this.cpu = new Cpu(options.cores);
    this.frames = new Frames(options.frames, this.domains);
    this.mappings = new Mappings(this.pages, this.frames);
    this.frameOf = this.mappings.frameOf;
    this.contentOf = this.frames.contentOf;
    this.mappingsOf = this.frames.mappingsOf;
    this.tagOf = this.frames.tagOf;
    this.classOf = new Uint8Array(this.pages).fill(PAGE_CLASS.free);
    this.accessSecondsOf = new Float64Array(this.guests.length);
    this.#mergedSecondsOf = new Float32Array(this.pages);
    this.#guestOf = new Uint16Array(this.pages);
    this.guests.forEach((guest, index) => {
      this.#guestOf.fill(index, guest.firstPage, guest.firstPage + guest.pages);
    });
    this.#hasFixedTimeWrites = options.hasFixedTimeWrites;
    this.#storesInMemory = options.storesInMemory;
    this.compressed = options.compressed ?? [];
    this.swap = new Swap({
      frames: this.frames,
      mappings: this.mappings,
      areas: [...options.areas, ...this.compressed],
      areaOfGuest: options.areaOfGuest,
      guestOf: this.#guestOf,
      keepsSharing: options.keepsSharing,
    });
  }

  /** Tells `hooks` what happens from now on. */
  setHooks(hooks: ScannerHooks): void {
    this.#hooks = hooks;
    this.swap.hooks = hooks;
  }

  guestOf(page: number): number {
    return this.#guestOf[page]!;
  }

  domainOf(page: number): number {
    return this.guests[this.#guestOf[page]!]!.domain;
  }

  isMerged(frame: number): boolean {
    return this.frames.isMerged(frame);
  }

  isZeroFrame(frame: number): boolean {
    return this.frames.isZeroFrame(frame);
  }

  setTag(frame: number, tag: number): void {
    this.tagOf[frame] = tag;
  }

  setClass(page: number, pageClass: PageClass): void {
    this.classOf[page] = pageClass;
  }

  /** Frames' worth of the host's memory that stores in it take. */
  get memoryTakenFrames(): number {
    return this.#memoryTakenFrames;
  }

  // --- what guests do ---

  /**
   * The guest writes the whole page. @throws PagefoldError NO_SPACE where memory and swap are full; nothing changed.
   */
  write(page: number, content: number): void {
    this.#roomSeconds = 0;
    let frame = this.frameOf[page]!;
    let seconds: number = COSTS.accessSeconds;
    if (frame <= SWAPPED) {
      this.#swapIn(page);
      seconds += COSTS.faultSeconds + COSTS.swapInSeconds;
      frame = this.frameOf[page]!;
    }
    let isFilled = false;
    if (frame === ABSENT) {
      this.#fill(page, content);
      isFilled = true;
      seconds += COSTS.faultSeconds + COSTS.clearSeconds;
    } else if (this.frames.isMerged(frame)) {
      this.#copy(page, frame, content);
      isFilled = true;
      seconds += COSTS.faultSeconds + COSTS.copySeconds;
    } else {
      this.frames.touch(frame);
      if (this.contentOf[frame] !== content) {
        this.swap.dropClean(frame);
        this.contentOf[frame] = content;
      }
      if (this.#hasFixedTimeWrites) seconds += COSTS.faultSeconds + COSTS.copySeconds;
    }
    this.tally.writes += 1;
    this.#charge(page, seconds + this.#roomSeconds);
    // Only a copy takes a frame: a host that hides copies frees some ahead, so that no write waits for one.
    if (this.#hasFixedTimeWrites) this.lastSeconds = seconds;
    if (isFilled) this.#hooks.onFilled?.(page);
  }

  /** The guest reads the page: its content. @throws as `write`. */
  read(page: number): number {
    this.#roomSeconds = 0;
    let frame = this.frameOf[page]!;
    let seconds: number = COSTS.accessSeconds;
    if (frame <= SWAPPED) {
      this.#swapIn(page);
      seconds += COSTS.faultSeconds + COSTS.swapInSeconds;
      frame = this.frameOf[page]!;
    }
    this.#charge(page, seconds + this.#roomSeconds);
    if (frame === ABSENT) return ZERO_CONTENT;
    this.frames.touch(frame);
    return this.contentOf[frame]!;
  }

  /** A disk request of the guest reads into the page. @throws as `write`. */
  diskRead(page: number, content: number): void {
    this.write(page, content);
    this.tally.diskReads += 1;
    this.#charge(page, this.lastSeconds + COSTS.diskRequestSeconds, this.lastSeconds);
    this.#hooks.onDiskIo?.(page);
  }

  /** A disk request of the guest writes the page out. @throws as `write`. */
  diskWrite(page: number): void {
    this.read(page);
    this.tally.diskWrites += 1;
    this.#charge(page, this.lastSeconds + COSTS.diskRequestSeconds, this.lastSeconds);
    this.#hooks.onDiskIo?.(page);
  }

  /** The guest gives the page back to the host. */
  discard(page: number): void {
    const frame = this.frameOf[page]!;
    if (frame === ABSENT) return;
    if (frame <= SWAPPED) {
      this.swap.forget(page);
      this.countStores();
    } else {
      this.#leaveFrame(page, frame);
    }
  }

  #charge(page: number, seconds: number, alreadySeconds = 0): void {
    this.lastSeconds = seconds;
    this.accessSecondsOf[this.#guestOf[page]!]! += seconds - alreadySeconds;
  }

  #fill(page: number, content: number): void {
    this.#makeRoom(NONE);
    const frame = this.frames.take(content);
    this.mappings.mapFrame(page, frame);
    this.frames.touch(frame);
  }

  /** The page gets a frame of its own in place of a merged one. */
  #copy(page: number, frame: number, content: number): void {
    this.#makeRoom(frame);
    const own = this.frames.take(content);
    this.#leaveFrame(page, frame);
    this.mappings.mapFrame(page, own);
    this.frames.touch(own);
    this.tally.copies += 1;
    const mergedFor = this.nowSeconds - this.#mergedSecondsOf[page]!;
    if (mergedFor <= 1) this.tally.copiesWithin1s += 1;
    if (mergedFor <= 10) this.tally.copiesWithin10s += 1;
  }

  #leaveFrame(page: number, frame: number): void {
    this.mappings.leave(page, this.frames, frame);
    if (this.mappingsOf[frame] !== 0 || this.frames.isZeroFrame(frame)) return;
    this.swap.dropClean(frame);
    this.frames.giveBack(frame);
  }

  #swapIn(page: number): void {
    this.#makeRoom(NONE);
    // Making room may have told a scanner of a duplicate, and it brought the page in.
    if (this.frameOf[page]! > SWAPPED) return;
    const frame = this.frames.take(ZERO_CONTENT);
    this.swap.bringIn(page, frame);
    this.frames.touch(frame);
    this.countStores();
    this.#hooks.onSwapIn?.(page);
  }

  /** Sees to it that a frame is free; `pinned` stays where it is. */
  #makeRoom(pinned: number): void {
    const { tally } = this.swap;
    const before = tally.writes;
    while (this.frames.free <= this.#memoryTakenFrames) {
      if (!this.swap.freeOne(pinned)) {
        throw new PagefoldError(
          "NO_SPACE",
          `the host's ${this.frames.count - this.frames.zeroFrames} frames are in use and swap takes no more; give the host more memory or swap`,
        );
      }
      this.countStores();
    }
    this.#roomSeconds += (tally.writes - before) * COSTS.swapOutSeconds;
  }

  /** Something was done to a store in memory: every so often how much all of them take is looked up. */
  countStores(): void {
    if (this.#storesInMemory.length === 0 || this.#operationsToLook-- > 0) return;
    this.#operationsToLook = OPERATIONS_PER_LOOK;
    let bytes = 0;
    for (const store of this.#storesInMemory) {
      const { mem_used_total, metadata_size } = store.stats();
      bytes += mem_used_total + metadata_size;
    }
    this.#memoryTakenFrames = Math.ceil(bytes / PAGE_BYTES);
  }

  // --- what scanners do ---

  /** From now on a write to the frame copies. */
  protect(frame: number): void {
    this.frames.setMerged(frame, true);
    this.#mergedSecondsOf[this.frames.firstPageOf[frame]!] = this.nowSeconds;
  }

  /** The page leaves its frame for `frame`, which holds the same. */
  merge(page: number, frame: number): void {
    const own = this.frameOf[page]!;
    assert(own >= 0 && own !== frame, "a page that is merged is in memory, on another frame");
    assert(this.contentOf[own] === this.contentOf[frame], "merged pages are equal");
    assert(this.domainOf(page) === this.#domainOfFrame(frame), "merged pages are of one domain");
    this.#leaveFrame(page, own);
    if (!this.frames.isMerged(frame)) this.protect(frame);
    this.mappings.mapFrame(page, frame);
    this.#mergedSecondsOf[page] = this.nowSeconds;
  }

  #domainOfFrame(frame: number): number {
    return this.frames.isZeroFrame(frame) ? frame : this.domainOf(this.frames.firstPageOf[frame]!);
  }

  /** The page of zeros leaves its frame for its domain's zero frame. */
  mergeWithZero(page: number): void {
    this.merge(page, this.domainOf(page));
  }

  /** The page gets a frame of its own again. @throws as `write`. */
  unshare(page: number): void {
    const frame = this.frameOf[page]!;
    assert(frame >= 0 && this.frames.isMerged(frame), "a page that is unshared is merged");
    if (this.mappingsOf[frame] === 1 && !this.frames.isZeroFrame(frame)) {
      this.frames.setMerged(frame, false);
      return;
    }
    this.#copy(page, frame, this.contentOf[frame]!);
  }

  /** As `Swap.join`: a page swapped out shares what an equal page maps. */
  joinSwapped(page: number, other: number): void {
    this.swap.join(page, other);
    this.countStores();
  }

  /** Puts the page's frame into the host's compressed memory if it compresses well there: whether it did. */
  compress(page: number): boolean {
    const frame = this.frameOf[page]!;
    const domain = this.domainOf(page);
    assert(frame >= 0 && !this.frames.isZeroFrame(frame), "a page compressed is in memory");
    assert(domain < this.compressed.length, "the host was opened with compressed memory");
    const area = this.swap.areas.length - this.compressed.length + domain;
    const isIn = this.swap.compress(frame, area, WELL_COMPRESSED_BYTES);
    this.countStores();
    return isIn;
  }
}
