/**
 * The log: objects that left memory, in records packed into sealed units, in segments that are written once, cleaned
 * and erased. It knows ids and bytes; whose they are, and why they leave, is its owner's.
 *
 * Holds always: `placement` names a record only once its unit is on the medium; a segment is erased only when nothing
 * points into it and no read of it is under way; what cannot be read, opened or matched to what was asked for is an
 * error, never other bytes. One caller at a time appends.
 */

import { PagefoldError, reasonOf } from "../base/errors.ts";
import { type AppendedRecord, Appender } from "./appender.ts";
import { Cleaner } from "./cleaner.ts";
import { RECORD_HEAD_BYTES } from "./format/layout.ts";
import type { Seal } from "./format/seal.ts";
import { type LogParts, segmentOf } from "./log-parts.ts";
import type { Medium } from "./media/medium.ts";
import { LOST, NOWHERE, Placement } from "./placement.ts";
import { SegmentReader } from "./segment-reader.ts";
import { SegmentRecords } from "./segment-records.ts";
import type { SegmentSpace } from "./space/segment-space.ts";

/** After so many failed writes, one behind the other, the medium counts as dead. */
const MOST_FAILURES = 4;
/** The stream of what comes from memory. */
const WRITE_BACK_STREAM = 0;

/** What the log asks of whoever owns the objects. */
export interface LogOwner {
  /** The record is on the medium: whether the object still is what was written, and has now left memory. */
  placed(id: number, length: number, priority: number): boolean;
  /** The record could not be written. */
  failed(id: number, length: number): void;
  /** The record cannot be read any more: whether the object has gone with it; false if it is in memory too. */
  lost(id: number): boolean;
}

export interface LogOptions {
  readonly medium: Medium;
  readonly seal: Seal;
  readonly space: SegmentSpace;
  readonly segmentBytes: number;
  /** Where the first data segment begins on the medium. */
  readonly firstOffset: number;
  /** Of the segments that data may fill, so much may live; the rest is what cleaning has to win. */
  readonly mostLiveShare: number;
  /** Something the operator should know, said once each. */
  readonly onEvent: (line: string) => void;
  /** A segment was erased. */
  readonly onErased: () => void;
}

/** Counts since the log was opened; bytes unless said. */
export interface LogCounts {
  /** Records written from memory, and their bytes with heads. */
  readonly records: number;
  readonly record_bytes: number;
  /** Records cleaning moved, and their bytes. */
  readonly moved_records: number;
  readonly moved_bytes: number;
  /** Handed to the medium for all of it: heads, tags and padding included. */
  readonly programmed_bytes: number;
  readonly segments_cleaned: number;
  readonly failed_writes: number;
  /** Records read for a page that was asked for, and those that could not be. */
  readonly reads: number;
  readonly failed_reads: number;
}

export class Log {
  readonly placement = new Placement();
  readonly #parts: LogParts;
  readonly #reader: SegmentReader;
  readonly #appenders = new Map<number, Appender>();
  readonly #cleaner: Cleaner;
  readonly #mostLiveShare: number;
  readonly #writer: Appender;
  /** Waiting for cleaning to have got somewhere. */
  #waiters: (() => void)[] = [];
  #owner: LogOwner | null = null;
  #failuresInRow = 0;
  #isClosed = false;
  /** That the file system is full was said, since the last write that succeeded. */
  #isTooSmall = false;
  #death: unknown = null;
  #records = 0;
  #recordBytes = 0;
  #programmedBytes = 0;
  #failedWrites = 0;

  constructor(options: LogOptions) {
    const { medium, seal, space, segmentBytes, firstOffset, onEvent } = options;
    const records = Array.from({ length: space.segments }, () => new SegmentRecords());
    const { placement } = this;
    this.#mostLiveShare = options.mostLiveShare;
    this.#parts = { medium, seal, space, placement, records, segmentBytes, firstOffset, onEvent };
    this.#reader = new SegmentReader(this.#parts);
    this.#writer = this.#makeAppender(() => space.take(WRITE_BACK_STREAM));
    this.#cleaner = new Cleaner({
      parts: this.#parts,
      reader: this.#reader,
      survivorsOf: (stream) => this.#survivorsOf(stream),
      onProgress: () => this.#wake(),
      onErased: () => options.onErased(),
      onLost: (id) => this.#owner?.lost(id) ?? true,
      isDead: () => this.isDead,
    });
  }

  #makeAppender(takeSegment: () => number): Appender {
    const { space, records } = this.#parts;
    return new Appender({
      ...this.#parts,
      takeSegment,
      endSegment: (segment, failure) => {
        space.close(segment, failure === null);
        if (failure !== null) this.#onFailure(segment, failure);
        this.#cleaner.start();
      },
      recordsOf: (segment) => records[segment]!,
      onAdded: (segment, bytes) => space.written(segment, bytes),
      onWritten: (record) => this.#onWritten(record),
      onFailed: (record) => {
        space.died(record.segment, RECORD_HEAD_BYTES + record.length);
        const isCurrent = this.placement.generationOf(record.id) === record.generation;
        if (record.from === NOWHERE && isCurrent) this.#owner?.failed(record.id, record.length);
      },
      onProgrammed: (bytes) => {
        this.#programmedBytes += bytes;
      },
    });
  }

  #survivorsOf(stream: number): Appender {
    const known = this.#appenders.get(stream);
    if (known !== undefined) return known;
    const { space } = this.#parts;
    const made = this.#makeAppender(() => space.takeForSurvivors(stream));
    this.#appenders.set(stream, made);
    return made;
  }

  /** Whose objects they are. */
  serve(owner: LogOwner): void {
    this.#owner = owner;
  }

  /** Nothing is written any more: the medium failed, or the log is closed. */
  get isDead(): boolean {
    return this.#death !== null || this.#isClosed;
  }

  get death(): unknown {
    return this.#death;
  }

  counts(): LogCounts {
    return {
      records: this.#records,
      record_bytes: this.#recordBytes,
      moved_records: this.#cleaner.movedRecords,
      moved_bytes: this.#cleaner.movedBytes,
      programmed_bytes: this.#programmedBytes,
      segments_cleaned: this.#cleaner.segmentsCleaned,
      failed_writes: this.#failedWrites,
      reads: this.#reader.reads,
      failed_reads: this.#reader.failedReads,
    };
  }

  /** Bytes of the tables that find records. */
  get tableBytes(): number {
    let bytes = this.placement.bytes;
    for (const records of this.#parts.records) bytes += records.bytes;
    return bytes;
  }

  /** Whether `append` may be called for `length` bytes. */
  fits(length: number): boolean {
    return !this.isDead && !this.#isFullFor(length) && this.#writer.fits(length);
  }

  #isFullFor(length: number): boolean {
    const { space, segmentBytes } = this.#parts;
    const segments = space.segments - space.retired - space.reserve - 1;
    return (
      space.liveTotal + RECORD_HEAD_BYTES + length > this.#mostLiveShare * segments * segmentBytes
    );
  }

  /**
   * Makes room for a record of `length` bytes, and waits for cleaning where that is needed: whether there is; false if
   * the log is full or dead.
   */
  async makeRoom(length: number): Promise<boolean> {
    for (;;) {
      if (this.isDead || this.#isFullFor(length)) return false;
      if (await this.#writer.makeRoom(length)) return true;
      this.#cleaner.start();
      if (!this.#cleaner.isRunning) return false;
      await new Promise<void>((wake) => this.#waiters.push(wake));
    }
  }

  /** Adds an object's bytes, after `fits`. The owner is told by `placed` when they are on the medium. */
  append(id: number, priority: number, bytes: Uint8Array): void {
    const generation = this.placement.nextGeneration(id);
    this.#writer.add({ id, priority, generation, from: NOWHERE }, bytes);
  }

  /** Writes all that was appended; done when every one of them was told of, or failed. */
  async flush(): Promise<void> {
    await this.#writer.flush();
  }

  /**
   * Reads the bytes of an object to `target`: how many.
   * @throws PagefoldError CORRUPT where they are not there any more, IO where the medium fails.
   */
  read(id: number, target: Uint8Array): Promise<number> {
    return this.#reader.read(id, target);
  }

  /** The object is gone, or has other contents: its record is dead. */
  drop(id: number): void {
    const { placement, space } = this.#parts;
    const position = placement.unitOf(id);
    if (position === NOWHERE) return;
    if (position !== LOST) {
      space.died(segmentOf(this.#parts, position), placement.recordBytes(id));
      // What was full may now be worth cleaning.
      if (this.#waiters.length > 0) this.#cleaner.start();
    }
    placement.remove(id);
  }

  #onWritten(record: AppendedRecord): void {
    const { placement, space } = this.#parts;
    const { id, from } = record;
    this.#failuresInRow = 0;
    this.#isTooSmall = false;
    const isCurrent = placement.generationOf(id) === record.generation;
    if (from === NOWHERE) {
      const { length, priority } = record;
      this.#records += 1;
      this.#recordBytes += RECORD_HEAD_BYTES + length;
      if (isCurrent && this.#owner?.placed(id, length, priority)) placement.put(id, record);
      else space.died(record.segment, RECORD_HEAD_BYTES + record.length);
      return;
    }
    if (isCurrent && placement.unitOf(id) === from) {
      space.died(segmentOf(this.#parts, from), RECORD_HEAD_BYTES + record.length);
      placement.put(id, record);
    } else {
      space.died(record.segment, RECORD_HEAD_BYTES + record.length);
    }
  }

  #onFailure(segment: number, cause: unknown): void {
    this.#failedWrites += 1;
    const { name } = this.#parts.medium;
    const why = reasonOf(cause);
    // Where the file system is full the segment itself is as good as before, and so is the medium when there is room.
    if (cause instanceof PagefoldError && cause.code === "NO_SPACE") {
      if (!this.#isTooSmall) this.#parts.onEvent(`${name} cannot grow: ${why}`);
      this.#isTooSmall = true;
      return;
    }
    this.#failuresInRow += 1;
    this.#parts.space.retire(segment);
    if (this.#failuresInRow < MOST_FAILURES) {
      this.#parts.onEvent(`a write to segment ${segment} of ${name} failed: ${why}`);
    } else {
      this.die(cause);
    }
  }

  /** Nothing is written any more: what is in memory, and what can be read, is served on. */
  die(cause: unknown): void {
    if (this.#death !== null) return;
    this.#death = cause;
    const why = reasonOf(cause);
    this.#parts.onEvent(
      `${this.#parts.medium.name} takes no more pages (${why}); pages in memory are served on, those on it as far as they can be read`,
    );
    this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** Forgets every object; of what is being written nobody is told. */
  clear(): void {
    const { placement, space, records } = this.#parts;
    for (const [segment, own] of records.entries()) {
      for (let unit = 0; unit < own.units; unit++) {
        for (const id of own.idsOf(unit)) {
          if (placement.unitOf(id) === own.positionOf(unit)) {
            space.died(segment, placement.recordBytes(id));
            placement.remove(id);
          }
        }
      }
    }
    placement.clear();
  }

  /** Ends it, after the reads that are under way; the medium is its opener's to close. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await this.#cleaner.stop();
    await this.#writer.flush();
    await this.#reader.allDone();
  }
}
