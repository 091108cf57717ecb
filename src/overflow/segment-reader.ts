/**
 * Reads records and units from the medium. While a read is under way its segment is pinned, and is not erased.
 *
 * Whatever does not open, or is not what was asked for, is an error: bytes that were torn, flipped, never landed, or
 * belong to an earlier content of the same id.
 */

import { assert } from "../base/assert.ts";
import { PagefoldError, reasonOf } from "../base/errors.ts";
import { RECORD_HEAD_BYTES, UNIT_ALIGN } from "./format/layout.ts";
import {
  MOST_UNIT_BYTES,
  openUnit,
  recordGeneration,
  recordLength,
  recordObject,
} from "./format/unit.ts";
import { type LogParts, segmentOf } from "./log-parts.ts";
import { LOST, NOWHERE } from "./placement.ts";

/** Buffers kept for reads to come. */
const MOST_FREE_BUFFERS = 64;

export class SegmentReader {
  readonly #parts: LogParts;
  readonly #pins: Uint32Array;
  readonly #waiters = new Map<number, () => void>();
  readonly #buffers: Uint8Array[] = [];
  #underWay = 0;
  #whenDone: (() => void)[] = [];
  /** By segment: 1 if a read of it failed. */
  readonly #hasFailed: Uint8Array;
  reads = 0;
  failedReads = 0;

  constructor(parts: LogParts) {
    this.#parts = parts;
    this.#pins = new Uint32Array(parts.records.length);
    this.#hasFailed = new Uint8Array(parts.records.length);
  }

  /**
   * Reads the bytes of object `id` to `target`: how many they are.
   * @throws PagefoldError CORRUPT, IO.
   */
  async read(id: number, target: Uint8Array): Promise<number> {
    const { placement, medium, seal } = this.#parts;
    const position = placement.unitOf(id);
    assert(position !== NOWHERE, "an object that is away has a record");
    this.reads += 1;
    if (position === LOST) {
      this.failedReads += 1;
      throw this.#lost(id, "its segment could not be read when it was cleaned");
    }
    const offset = placement.unitOffset(id);
    const at = placement.recordOffset(id);
    const length = placement.lengthOf(id);
    const generation = placement.generationOf(id);
    const segment = segmentOf(this.#parts, position);
    const buffer = this.#buffers.pop() ?? new Uint8Array(MOST_UNIT_BYTES);
    const unit = buffer.subarray(0, placement.unitBytes(id));
    this.#pins[segment]! += 1;
    this.#underWay += 1;
    try {
      await medium.read(offset, unit);
      const isIt =
        openUnit(seal, unit) &&
        recordObject(unit, at) === id &&
        recordGeneration(unit, at) === generation &&
        recordLength(unit, at) === length;
      if (!isIt)
        throw this.#lost(
          id,
          `the unit of ${unit.length} bytes at ${offset} is not what was written there`,
        );
      target.set(unit.subarray(at + RECORD_HEAD_BYTES, at + RECORD_HEAD_BYTES + length));
      return length;
    } catch (cause) {
      this.failedReads += 1;
      this.#tellOnce(segment, cause);
      throw cause;
    } finally {
      if (this.#buffers.length < MOST_FREE_BUFFERS) this.#buffers.push(buffer);
      this.#unpin(segment);
    }
  }

  /** Of each segment the first failure is told; there may be as many as pages. */
  #tellOnce(segment: number, cause: unknown): void {
    if (this.#hasFailed[segment] === 1) return;
    this.#hasFailed[segment] = 1;
    const why = reasonOf(cause);
    this.#parts.onEvent(`a read of segment ${segment} failed, more of it are not told: ${why}`);
  }

  #lost(id: number, why: string): PagefoldError {
    return new PagefoldError(
      "CORRUPT",
      `object ${id} cannot be read from ${this.#parts.medium.name}: ${why}; the pages that hold it are lost, write them anew`,
    );
  }

  /** Reads units that lie one behind the other, from `position` on; throws what the medium throws. */
  async readUnits(position: number, target: Uint8Array): Promise<void> {
    await this.#parts.medium.read(position * UNIT_ALIGN, target);
  }

  #unpin(segment: number): void {
    this.#pins[segment]! -= 1;
    this.#underWay -= 1;
    if (this.#underWay === 0) for (const tell of this.#whenDone.splice(0)) tell();
    if (this.#pins[segment] !== 0) return;
    this.#waiters.get(segment)?.();
    this.#waiters.delete(segment);
  }

  /** Done when no read is under way. */
  async allDone(): Promise<void> {
    while (this.#underWay > 0) await new Promise<void>((tell) => this.#whenDone.push(tell));
  }

  /** Done when no read of the segment is under way. */
  async idle(segment: number): Promise<void> {
    while (this.#pins[segment] !== 0) {
      await new Promise<void>((wake) => this.#waiters.set(segment, wake));
    }
  }
}
