/**
 * A model of NAND flash: pages are programmed once and in ascending order within their erase block, a block is erased
 * before its pages are programmed again, and it wears out: a block that has had its erases fails for good.
 *
 * Holds always: breaking the order is a mistake of ours and asserted; a worn block is an IO error, and what lies in it
 * can still be read. Times are added up (and to the clock given), never waited for.
 *
 * Counting alone, `eraseBlock` and `programPages`, is synchronous and allocates nothing.
 */

import { assert } from "../../base/assert.ts";
import type { ManualClock } from "../../base/clock.ts";
import { PagefoldError } from "../../base/errors.ts";
import type { SeededRandom } from "../../base/random.ts";
import { assertPlace, checkMediumSize, type Medium, mediumClosed } from "./medium.ts";
import { SparseBytes } from "./sparse-bytes.ts";

/** What an operation takes, in seconds. */
export interface NandTimes {
  readonly readSeconds: number;
  readonly programSeconds: number;
  readonly eraseSeconds: number;
}

/**
 * TLC: means over lower, center and upper pages (read 56.5, 77.5, 106 us, program 0.8205, 2.225, 5.734 ms) and the
 * time of an erase, as FEMU (FAST'18) has them in its nand.h, taken there from the SimpleSSD paper.
 */
export const TLC_TIMES: NandTimes = {
  readSeconds: 80e-6,
  programSeconds: 2926.5e-6,
  eraseSeconds: 3e-3,
};

/** A page of today's TLC chips. */
const TLC_PAGE_BYTES = 16384;
/** Standard deviation of a block's endurance, as a share of the mean: an assumption. */
const ENDURANCE_DEVIATION = 0.1;

/** States of a block beside 0, sound. */
const FAILS_NEXT_PROGRAM = 1;
const BAD = 2;

export interface NandModelOptions {
  /** Whole blocks. */
  readonly sizeBytes: number;
  /** Erased at once; whole program units. */
  readonly blockBytes: number;
  /** Default: 16384. */
  readonly programBytes?: number;
  /** Erases a block survives; endless where not given. */
  readonly endurance?: number;
  /** Draws each block's own endurance around that; without, all blocks have the same. */
  readonly random?: SeededRandom;
  /** Moved ahead by what operations take. */
  readonly clock?: ManualClock;
  /** Default: `TLC_TIMES`. */
  readonly times?: NandTimes;
  /** Default: true. Without, everything reads as zeros: for counting. */
  readonly keepsBytes?: boolean;
}

export class NandModel implements Medium {
  readonly name = "NAND model";
  readonly sizeBytes: number;
  readonly programBytes: number;
  readonly blockBytes: number;
  readonly blocks: number;
  readonly pagesPerBlock: number;
  /** Erases that succeeded, per block. */
  readonly eraseCounts: Uint32Array;
  erases = 0;
  /** Pages programmed, and pages read, in all. */
  programs = 0;
  reads = 0;
  badBlocks = 0;
  busySeconds = 0;
  /** Per block: the first page that may be programmed. */
  readonly #nextPage: Uint32Array;
  readonly #limits: Uint32Array | null;
  readonly #states: Uint8Array;
  readonly #random: SeededRandom | null;
  readonly #clock: ManualClock | null;
  readonly #times: NandTimes;
  readonly #bytes: SparseBytes | null;
  #isClosed = false;

  /** @throws PagefoldError INVALID_ARGUMENT. */
  constructor(options: NandModelOptions) {
    const { sizeBytes, blockBytes, programBytes = TLC_PAGE_BYTES, endurance, random } = options;
    checkMediumSize(`${this.name}'s program unit`, programBytes, 1);
    checkMediumSize(`${this.name}'s block`, blockBytes, programBytes);
    checkMediumSize(this.name, sizeBytes, blockBytes);
    if (endurance !== undefined && !(Number.isSafeInteger(endurance) && endurance >= 1)) {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        `${this.name}'s endurance cannot be ${endurance}: give a whole number of erases from 1 on`,
      );
    }
    this.sizeBytes = sizeBytes;
    this.blockBytes = blockBytes;
    this.programBytes = programBytes;
    this.blocks = sizeBytes / blockBytes;
    this.pagesPerBlock = blockBytes / programBytes;
    this.eraseCounts = new Uint32Array(this.blocks);
    this.#nextPage = new Uint32Array(this.blocks);
    this.#states = new Uint8Array(this.blocks);
    this.#random = random ?? null;
    this.#clock = options.clock ?? null;
    this.#times = options.times ?? TLC_TIMES;
    this.#bytes = (options.keepsBytes ?? true) ? new SparseBytes() : null;
    this.#limits = endurance === undefined ? null : new Uint32Array(this.blocks).fill(endurance);
    if (this.#limits !== null && random !== undefined) drawLimits(this.#limits, random);
  }

  get bytesProgrammed(): number {
    return this.programs * this.programBytes;
  }

  /** Whether the block has failed for good. */
  isBad(block: number): boolean {
    return this.#states[block] === BAD;
  }

  /** Erases a block: false where it is worn out, from then on for good. */
  eraseBlock(block: number): boolean {
    this.#assertBlock(block);
    this.#spend(this.#times.eraseSeconds);
    if (this.#states[block] === BAD) return false;
    const limit = this.#limits === null ? Number.POSITIVE_INFINITY : this.#limits[block]!;
    if (this.eraseCounts[block]! >= limit) return this.#wearOut(block);
    this.eraseCounts[block]! += 1;
    this.erases += 1;
    this.#nextPage[block] = 0;
    const isLast = this.eraseCounts[block] === limit;
    // Half of the blocks fail when they are programmed after their last erase, half at the erase behind it.
    if (isLast && this.#random?.below(2) === 0) this.#states[block] = FAILS_NEXT_PROGRAM;
    return true;
  }

  /** Programs the next pages of a block: false where it is worn out, from then on for good. */
  programPages(block: number, pages: number): boolean {
    this.#assertBlock(block);
    const next = this.#nextPage[block]!;
    if (next + pages > this.pagesPerBlock) {
      assert(
        false,
        `block ${block} has ${this.pagesPerBlock - next} erased pages left, not ${pages}`,
      );
    }
    if (this.#states[block] !== 0) {
      this.#spend(this.#times.programSeconds);
      return this.#states[block] === BAD ? false : this.#wearOut(block);
    }
    this.#spend(pages * this.#times.programSeconds);
    this.programs += pages;
    this.#nextPage[block] = next + pages;
    return true;
  }

  #assertBlock(block: number): void {
    if (!(block >= 0 && block < this.blocks))
      assert(false, `block ${block} is one of ${this.blocks}`);
  }

  /** Leaves the pages before `page` unprogrammed until the next erase. */
  #skipTo(block: number, page: number): void {
    const next = this.#nextPage[block]!;
    if (page < next) {
      assert(
        false,
        `page ${page} of block ${block} is erased before it is programmed; the next one is ${next}`,
      );
    }
    this.#nextPage[block] = page;
  }

  #wearOut(block: number): false {
    this.#states[block] = BAD;
    this.badBlocks += 1;
    return false;
  }

  #spend(seconds: number): void {
    this.busySeconds += seconds;
    this.#clock?.advance(seconds);
  }

  /** Pages never programmed since their erase read as ones, as flash does. */
  async read(offset: number, target: Uint8Array): Promise<void> {
    const length = target.length;
    assertPlace(this, { offset, length, step: 1 });
    if (this.#isClosed) throw mediumClosed(this.name);
    if (length === 0) return;
    const first = Math.floor(offset / this.programBytes);
    const last = Math.floor((offset + length - 1) / this.programBytes);
    this.reads += last - first + 1;
    this.#spend((last - first + 1) * this.#times.readSeconds);
    if (this.#bytes === null) {
      target.fill(0);
      return;
    }
    this.#bytes.read(offset, target);
    for (let page = first; page <= last; page++) {
      const block = Math.floor(page / this.pagesPerBlock);
      if (page - block * this.pagesPerBlock < this.#nextPage[block]!) continue;
      const start = page * this.programBytes - offset;
      target.fill(0xff, Math.max(0, start), Math.min(length, start + this.programBytes));
    }
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    const length = source.length;
    assertPlace(this, { offset, length, step: this.programBytes });
    if (this.#isClosed) throw mediumClosed(this.name);
    for (let done = 0; done < length; ) {
      const block = Math.floor((offset + done) / this.blockBytes);
      const start = offset + done - block * this.blockBytes;
      const bytes = Math.min(length - done, this.blockBytes - start);
      this.#skipTo(block, start / this.programBytes);
      if (!this.programPages(block, bytes / this.programBytes)) {
        throw this.#worn(block, "programming");
      }
      this.#bytes?.write(offset + done, source.subarray(done, done + bytes));
      done += bytes;
    }
  }

  async erase(offset: number, length: number): Promise<void> {
    assertPlace(this, { offset, length, step: this.blockBytes });
    if (this.#isClosed) throw mediumClosed(this.name);
    const end = (offset + length) / this.blockBytes;
    let worn = -1;
    for (let block = offset / this.blockBytes; block < end; block++) {
      if (!this.eraseBlock(block)) worn = block;
      else this.#bytes?.erase(block * this.blockBytes, this.blockBytes);
    }
    if (worn >= 0) throw this.#worn(worn, "erasing");
  }

  #worn(block: number, act: string): PagefoldError {
    const erases = this.eraseCounts[block];
    return new PagefoldError(
      "IO",
      `${this.name}: ${act} block ${block} of ${this.blocks} failed, it is worn out after ${erases} erases: use other blocks`,
    );
  }

  async flush(): Promise<void> {
    if (this.#isClosed) throw mediumClosed(this.name);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#bytes?.clear();
  }
}

/** Each block's own endurance, normally distributed around what the table says (Box and Muller's method). */
function drawLimits(limits: Uint32Array, random: SeededRandom): void {
  for (let block = 0; block < limits.length; block++) {
    const radius = Math.sqrt(-2 * Math.log((random.uint32() + 1) / 2 ** 32));
    const normal = radius * Math.cos((2 * Math.PI * random.uint32()) / 2 ** 32);
    limits[block] = Math.max(1, Math.round(limits[block]! * (1 + ENDURANCE_DEVIATION * normal)));
  }
}
