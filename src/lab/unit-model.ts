/**
 * The memory that compressed units of one page and more take in zsmalloc, which has no place for more than a page: a
 * unit's whole pages go to the huge class one by one, the rest to the class of its length. A unit that would take as
 * many pages as it has is stored raw.
 *
 * Holds always: for units of one page this is what ZramModel says of the same lengths.
 */

import { assert } from "../base/assert.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { Zsmalloc } from "./zsmalloc.ts";

/** Adds up what units take. */
export class UnitModel {
  readonly #allocator: Zsmalloc;
  readonly #objects: Float64Array;
  #hugeUnits = 0;
  #comprDataSize = 0;

  constructor(allocator: Zsmalloc) {
    this.#allocator = allocator;
    this.#objects = new Float64Array(allocator.classes.length);
  }

  get comprDataSize(): number {
    return this.#comprDataSize;
  }

  get hugeUnits(): number {
    return this.#hugeUnits;
  }

  /** What the objects take of full zspages: their places, and their share of what a zspage has left over. */
  get placedDataSize(): number {
    const bytes = this.#allocator.classes.reduce((sum, one, index) => {
      const placeBytes = (one.pagesPerZspage * PAGE_BYTES) / one.objectsPerZspage;
      return sum + this.#objects[index]! * placeBytes;
    }, 0);
    return Math.round(bytes);
  }

  /** As the allocator holds it once all were stored and none freed. */
  get memUsedTotal(): number {
    return this.#allocator.pagesUsed(this.#objects) * PAGE_BYTES;
  }

  /** Whether a unit of `unitBytes` that became `lengthBytes` long (0: it did not fit) is stored raw. */
  isHuge(lengthBytes: number, unitBytes: number): boolean {
    const threshold = unitBytes - PAGE_BYTES + this.#allocator.hugeThresholdBytes;
    return lengthBytes === 0 || lengthBytes >= threshold;
  }

  /** Adds a unit of `unitBytes`, `lengthBytes` long when compressed (0: it did not fit). */
  add(lengthBytes: number, unitBytes: number): void {
    assert(unitBytes % PAGE_BYTES === 0, `a unit of ${unitBytes} bytes is no whole pages`);
    const isHuge = this.isHuge(lengthBytes, unitBytes);
    const storedBytes = isHuge ? unitBytes : lengthBytes;
    const restBytes = storedBytes % PAGE_BYTES;
    this.#addObjects(PAGE_BYTES, (storedBytes - restBytes) / PAGE_BYTES);
    if (restBytes > 0) this.#addObjects(restBytes, 1);
    this.#comprDataSize += storedBytes;
    if (isHuge) this.#hugeUnits += 1;
  }

  #addObjects(lengthBytes: number, count: number): void {
    const index = this.#allocator.classIndex(lengthBytes);
    this.#objects[index] = this.#objects[index]! + count;
  }
}
