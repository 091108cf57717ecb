/**
 * One stream of records on its way to the medium: records are put into units, units into chunks, chunks are written one
 * behind the other into the stream's open segment. While one chunk is written the next is filled.
 *
 * Holds always: a record is reported once, as written when its whole unit is on the medium, or as failed. One caller
 * at a time uses an appender.
 */

import { assert } from "../base/assert.ts";
import { RECORD_HEAD_BYTES, UNIT_ALIGN } from "./format/layout.ts";
import type { Seal } from "./format/seal.ts";
import { MOST_UNIT_BYTES, UnitWriter } from "./format/unit.ts";
import type { Medium } from "./media/medium.ts";
import type { SegmentRecords } from "./segment-records.ts";

/** Written at once, when there are so many; a larger program unit is written whole. */
const CHUNK_BYTES = 2 ** 18;
/** A unit that holds the largest record there can be. */
const LEAST_UNIT_BYTES = 4224;

/** A record on its way: columns of `Pending`. */
const ID = 0;
const GENERATION = 1;
const UNIT = 2;
const PLACE = 3;
const LENGTH = 4;
const FROM = 5;
const END = 6;
const COLUMNS = 7;

/** A record that is on the medium now, or failed to get there. */
export interface AppendedRecord {
  id: number;
  generation: number;
  /** As `Placement` keeps them. */
  unit: number;
  place: number;
  length: number;
  priority: number;
  /** The unit's position it was copied from; 0: it came from memory. */
  from: number;
  segment: number;
}

export interface AppenderOptions {
  readonly medium: Medium;
  readonly seal: Seal;
  readonly segmentBytes: number;
  /** Where segment 0 begins on the medium. */
  readonly firstOffset: number;
  /** Takes an empty segment for the stream, -1: there is none. */
  readonly takeSegment: () => number;
  /** Nothing more is written to the segment; `failure`: why a write to it did not succeed, null if all did. */
  readonly endSegment: (segment: number, failure: unknown) => void;
  readonly recordsOf: (segment: number) => SegmentRecords;
  readonly onAdded: (segment: number, recordBytes: number) => void;
  /** The record given is used again; it must not be kept. */
  readonly onWritten: (record: AppendedRecord) => void;
  readonly onFailed: (record: AppendedRecord) => void;
  /** Bytes handed to the medium. */
  readonly onProgrammed: (bytes: number) => void;
}

export class Appender {
  readonly #options: AppenderOptions;
  readonly #writer: UnitWriter;
  readonly #chunkBytes: number;
  #chunk: Uint8Array;
  #other: Uint8Array;
  #segment = -1;
  /** Where the chunk begins in the segment, and the bytes of finished units in it. */
  #position = 0;
  #used = 0;
  #isUnitOpen = false;
  /** Records of units not on the medium yet, oldest first, `COLUMNS` words each. */
  #pending = new Uint32Array(256 * COLUMNS);
  #first = 0;
  #count = 0;
  /** Of them, those in the open unit. */
  #inUnit = 0;
  #writing: Promise<boolean> | null = null;
  readonly #record: AppendedRecord = {
    id: 0,
    generation: 0,
    unit: 0,
    place: 0,
    length: 0,
    priority: 0,
    from: 0,
    segment: 0,
  };

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.#writer = new UnitWriter(options.seal, MOST_UNIT_BYTES);
    const step = options.medium.programBytes;
    this.#chunkBytes = Math.max(CHUNK_BYTES, step);
    // The last unit may begin just before the chunk's end, and a flush pads it to a program unit.
    const bytes = Math.ceil((this.#chunkBytes + MOST_UNIT_BYTES) / step) * step;
    this.#chunk = new Uint8Array(bytes);
    this.#other = new Uint8Array(bytes);
  }

  /** Whether a record of `length` bytes can be added now. */
  fits(length: number): boolean {
    return this.#isUnitOpen && this.#writer.room(length);
  }

  /** Adds a record; only after `fits`. */
  add(
    record: {
      readonly id: number;
      readonly priority: number;
      readonly generation: number;
      readonly from: number;
    },
    bytes: Uint8Array,
  ): void {
    const { id, priority, generation, from } = record;
    const at = this.#writer.add(id, priority, generation, bytes);
    const row = this.#newRow();
    const pending = this.#pending;
    pending[row + ID] = id;
    pending[row + GENERATION] = generation;
    pending[row + PLACE] = at;
    pending[row + LENGTH] = bytes.length | (priority << 16);
    pending[row + FROM] = from;
    this.#inUnit += 1;
    this.#options.recordsOf(this.#segment).addRecord(id);
    this.#options.onAdded(this.#segment, RECORD_HEAD_BYTES + bytes.length);
  }

  #newRow(): number {
    if ((this.#first + this.#count + 1) * COLUMNS > this.#pending.length) {
      const left = this.#pending.subarray(
        this.#first * COLUMNS,
        (this.#first + this.#count) * COLUMNS,
      );
      const isCrowded = left.length * 2 > this.#pending.length;
      const table = isCrowded ? new Uint32Array(2 * this.#pending.length) : this.#pending;
      table.set(left);
      this.#pending = table;
      this.#first = 0;
    }
    return (this.#first + this.#count++) * COLUMNS;
  }

  /** Makes room for a record of `length` bytes: whether there is; false where no segment is to be had. */
  async makeRoom(length: number): Promise<boolean> {
    while (!this.fits(length)) {
      if (this.#isUnitOpen) this.#endUnit();
      if (this.#segment >= 0 && this.#left() < LEAST_UNIT_BYTES) {
        await this.flush();
        this.#leaveSegment(null);
      }
      if (this.#used >= this.#chunkBytes) await this.#writeChunk(false);
      if (this.#segment < 0 && !this.#enterSegment()) return false;
      this.#beginUnit();
    }
    return true;
  }

  /** Writes everything added, to the end of its last unit; done when it is on the medium or has failed. */
  async flush(): Promise<void> {
    if (this.#isUnitOpen) this.#endUnit();
    if (this.#used > 0) await this.#writeChunk(true);
    await this.#writing;
  }

  /** Bytes of the segment behind the last unit. */
  #left(): number {
    return this.#options.segmentBytes - this.#position - this.#used;
  }

  #enterSegment(): boolean {
    const segment = this.#options.takeSegment();
    if (segment < 0) return false;
    this.#segment = segment;
    this.#position = 0;
    this.#used = 0;
    return true;
  }

  #leaveSegment(failure: unknown): void {
    if (this.#segment < 0) return;
    const segment = this.#segment;
    this.#segment = -1;
    this.#used = 0;
    this.#isUnitOpen = false;
    this.#inUnit = 0;
    this.#options.endSegment(segment, failure);
  }

  #segmentOffset(): number {
    return this.#options.firstOffset + this.#segment * this.#options.segmentBytes;
  }

  #beginUnit(): void {
    this.#writer.begin(this.#chunk, this.#used, Math.min(MOST_UNIT_BYTES, this.#left()));
    this.#isUnitOpen = true;
    this.#inUnit = 0;
  }

  /** Seals the open unit and gives its records their places. */
  #endUnit(): void {
    this.#isUnitOpen = false;
    if (this.#inUnit === 0) return;
    const bytes = this.#writer.end();
    const start = this.#position + this.#used;
    const unit = (this.#segmentOffset() + start) / UNIT_ALIGN;
    const steps = bytes / UNIT_ALIGN;
    assert(Number.isInteger(unit) && Number.isInteger(steps), "units lie at steps of 64 bytes");
    const end = this.#first + this.#count;
    for (let row = end - this.#inUnit; row < end; row++) {
      this.#pending[row * COLUMNS + UNIT] = unit;
      this.#pending[row * COLUMNS + PLACE]! |= steps << 16;
      this.#pending[row * COLUMNS + END] = start + bytes;
    }
    this.#options.recordsOf(this.#segment).endUnit(unit, steps);
    this.#inUnit = 0;
    this.#used += bytes;
  }

  /**
   * Hands the chunk to the medium and goes on in the other one; waits for the write before it. A part of a program unit
   * at its end is kept for the next chunk, or padded where the caller wants all of it written.
   */
  async #writeChunk(isAll: boolean): Promise<void> {
    if (this.#writing !== null && !(await this.#writing)) return;
    const { medium, onProgrammed } = this.#options;
    const step = medium.programBytes;
    const chunk = this.#chunk;
    const used = this.#used;
    const bytes = (isAll ? Math.ceil(used / step) : Math.floor(used / step)) * step;
    if (bytes > used) chunk.fill(0, used, bytes);
    const kept = Math.max(0, used - bytes);
    this.#other.set(chunk.subarray(used - kept, used));
    const offset = this.#segmentOffset() + this.#position;
    this.#chunk = this.#other;
    this.#other = chunk;
    this.#position += bytes;
    this.#used = kept;
    onProgrammed(bytes);
    const end = this.#position;
    const written = medium.write(offset, chunk.subarray(0, bytes)).then(
      () => this.#report(end),
      (cause: unknown) => this.#fail(cause),
    );
    this.#writing = written;
    if (isAll) await written;
  }

  /** Reports the records of units that end by `end`. */
  #report(end: number): boolean {
    const pending = this.#pending;
    while (this.#count > this.#inUnit && pending[this.#first * COLUMNS + END]! <= end) {
      this.#options.onWritten(this.#takeFirst());
    }
    return true;
  }

  #takeFirst(): AppendedRecord {
    const row = this.#first * COLUMNS;
    const pending = this.#pending;
    const record = this.#record;
    record.id = pending[row + ID]!;
    record.generation = pending[row + GENERATION]!;
    record.unit = pending[row + UNIT]!;
    record.place = pending[row + PLACE]!;
    record.length = pending[row + LENGTH]! & 0xffff;
    record.priority = pending[row + LENGTH]! >>> 16;
    record.from = pending[row + FROM]!;
    record.segment = this.#segment;
    this.#first += 1;
    this.#count -= 1;
    return record;
  }

  /** The segment takes no more; what was not written yet has failed. */
  #fail(cause: unknown): boolean {
    this.#inUnit = 0;
    while (this.#count > 0) this.#options.onFailed(this.#takeFirst());
    this.#leaveSegment(cause);
    this.#writing = null;
    return false;
  }
}
