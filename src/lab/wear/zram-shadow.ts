/**
 * What zram would have written in place of a store's log, from what left the store: for each slot of an object a block
 * of 4096 bytes, the lowest that is free. Blocks are free again when their object is written anew or forgotten by the
 * last of its slots.
 *
 * Holds always: a block belongs to one object at most.
 */

import { PAGE_BYTES } from "../../base/units.ts";
import type { RecordObserver } from "../../device/write-back/record-observer.ts";
import { LowestFree } from "./lowest-free.ts";

const FIRST_CAPACITY = 1024;

export class ZramShadow implements RecordObserver {
  #capacity = FIRST_CAPACITY;
  #free = new LowestFree(FIRST_CAPACITY);
  #inUse = 0;
  readonly #blocksOf = new Map<number, number[]>();
  /** How often each block was written, up to the highest that ever was. */
  #writes = new Uint32Array(FIRST_CAPACITY);
  #blocks = 0;
  #pages = 0;

  placed(id: number, slots: number): void {
    this.#blocksOf.set(
      id,
      Array.from({ length: slots }, () => this.#write()),
    );
    this.#pages += slots;
  }

  dropped(id: number): void {
    const blocks = this.#blocksOf.get(id) ?? [];
    for (const block of blocks) this.#free.give(block);
    this.#inUse -= blocks.length;
    this.#blocksOf.delete(id);
  }

  /** Writes the lowest free block: which it was. */
  #write(): number {
    if (this.#inUse === this.#capacity) this.#grow();
    const block = this.#free.take();
    this.#inUse += 1;
    this.#writes[block]! += 1;
    this.#blocks = Math.max(this.#blocks, block + 1);
    return block;
  }

  /** Doubles the device, of which no block is free. */
  #grow(): void {
    this.#free = new LowestFree(2 * this.#capacity);
    for (let block = 0; block < this.#capacity; block++) this.#free.take();
    this.#capacity *= 2;
    const writes = new Uint32Array(this.#capacity);
    writes.set(this.#writes);
    this.#writes = writes;
  }

  /** Pages written, the blocks they lay in, and how often the most written block was. */
  figures(): {
    readonly pages: number;
    readonly programmed_bytes: number;
    readonly blocks: number;
    readonly block_writes_mean: number;
    readonly block_writes_max: number;
  } {
    const blocks = this.#blocks;
    return {
      pages: this.#pages,
      programmed_bytes: PAGE_BYTES * this.#pages,
      blocks,
      block_writes_mean: blocks === 0 ? 0 : this.#pages / blocks,
      block_writes_max: this.#writes.reduce((most, writes) => Math.max(most, writes), 0),
    };
  }
}
