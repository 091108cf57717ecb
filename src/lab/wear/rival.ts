/**
 * zram's way of writing back: each page as a whole block of 4096 bytes, however small it is compressed, into the lowest
 * free block of the device, no matter how often that one was written (drivers/block/zram: alloc_block_bdev looks for
 * the first zero bit; writeback decompresses). A block is free again as soon as its page is written anew in memory,
 * which is some time before that page is written back again.
 *
 * Holds always: no two pages have one block. What a drive does below, moving blocks about by itself, is not in this
 * count: a block's writes are those it is sent.
 */

import { assert } from "../../base/assert.ts";
import { LowestFree } from "./lowest-free.ts";

const NOWHERE = -1;

/** The blocks of a device that zram writes back to. */
export class ZramBlocks {
  readonly writes: Uint32Array;
  written = 0;
  /** The highest number of blocks that were in use at one time. */
  mostInUse = 0;
  #inUse = 0;
  readonly #blockOf: Int32Array;
  readonly #free: LowestFree;

  constructor(pages: number, blocks: number) {
    this.writes = new Uint32Array(blocks);
    this.#blockOf = new Int32Array(pages).fill(NOWHERE);
    this.#free = new LowestFree(blocks);
  }

  /** The block it went to. There has to be a free one. */
  writeBack(page: number): number {
    assert(this.#blockOf[page] === NOWHERE, `page ${page} is written back twice`);
    const block = this.#free.take();
    this.#blockOf[page] = block;
    this.writes[block] = this.writes[block]! + 1;
    this.written += 1;
    this.#inUse += 1;
    this.mostInUse = Math.max(this.mostInUse, this.#inUse);
    return block;
  }

  /** The page is in memory alone again, or nowhere. */
  free(page: number): void {
    const block = this.#blockOf[page]!;
    if (block === NOWHERE) return;
    this.#blockOf[page] = NOWHERE;
    this.#free.give(block);
    this.#inUse -= 1;
  }

  /** Forgets what was counted, not what lies where. */
  resetCounts(): void {
    this.writes.fill(0);
    this.written = 0;
  }
}

/**
 * The pages between memory and device: each waits until `waiting` others came after it, and its old block is free
 * meanwhile.
 */
export class ZramWriteBack {
  readonly blocks: ZramBlocks;
  /** A ring of pages, and of each page whether it is in it. */
  readonly #ring: Uint32Array;
  readonly #isWaiting: Uint8Array;
  #next = 0;
  #count = 0;

  constructor(options: {
    readonly pages: number;
    readonly blocks: number;
    readonly waiting: number;
  }) {
    const { pages, blocks, waiting } = options;
    this.blocks = new ZramBlocks(pages, blocks);
    this.#ring = new Uint32Array(waiting);
    this.#isWaiting = new Uint8Array(pages);
  }

  /** The page is written in memory; the one that has waited longest is written back. */
  write(page: number): void {
    // Written once more while it waits, it is not written back twice.
    if (this.#isWaiting[page] === 1) return;
    this.blocks.free(page);
    if (this.#count === this.#ring.length) {
      const oldest = this.#ring[this.#next]!;
      this.#isWaiting[oldest] = 0;
      this.blocks.writeBack(oldest);
    } else {
      this.#count += 1;
    }
    this.#ring[this.#next] = page;
    this.#isWaiting[page] = 1;
    this.#next = this.#next + 1 === this.#ring.length ? 0 : this.#next + 1;
  }
}
