/**
 * A log of fixed-size records in numbers alone, driven by the same `SegmentSpace` as the log on a medium: which record
 * lies where, what is copied, what is erased. Millions of records a second, nothing allocated per record.
 *
 * Holds always: every record lies in one slot, and that slot names it.
 */

import { assert } from "../../base/assert.ts";
import type { CleaningPolicy } from "../../overflow/space/cleaning/cleaning-policy.ts";
import type { Levelling } from "../../overflow/space/levelling.ts";
import { SegmentSpace } from "../../overflow/space/segment-space.ts";
import type { WriteIntervals } from "../../overflow/space/temperature.ts";

export interface RecordLogOptions {
  readonly records: number;
  readonly segments: number;
  readonly recordsPerSegment: number;
  readonly policy: CleaningPolicy;
  readonly random: { below(limit: number): number };
  /** As `SegmentSpace` has them; one of each unless given. */
  readonly streams?: number;
  readonly hostStreams?: number;
  readonly levelling: Levelling | null;
  readonly eraseCounts?: Uint32Array;
  /** By record, its stream at first; 0 unless given. */
  readonly firstStreams?: Uint8Array;
  /** What gives writes and survivors their streams where nothing is told; `TEMPERATURE_CLASSES` streams then. */
  readonly temperature?: WriteIntervals;
  /** Whether a segment can be erased once more; it always can unless given. */
  readonly erase?: (segment: number) => boolean;
}

const NONE = -1;

export class RecordLog {
  readonly space: SegmentSpace;
  readonly records: number;
  readonly recordsPerSegment: number;
  /** Since the counters were last reset. */
  hostWrites = 0;
  moves = 0;
  erases = 0;
  /** Sum of the free segments at each write. */
  #freeSum = 0;
  /** By record, its slot; by slot, its record. */
  readonly #slotOf: Int32Array;
  readonly #recordAt: Int32Array;
  /** By stream: the open segment, and the slot after its last record. */
  readonly #openSegment: Int32Array;
  readonly #nextSlot: Int32Array;
  readonly #temperature: WriteIntervals | undefined;
  readonly #erase: (segment: number) => boolean;

  constructor(options: RecordLogOptions) {
    const {
      records,
      segments,
      recordsPerSegment,
      policy,
      random,
      levelling,
      streams = 1,
      hostStreams = 1,
    } = options;
    this.records = records;
    this.recordsPerSegment = recordsPerSegment;
    this.#temperature = options.temperature;
    this.#erase = options.erase ?? (() => true);
    this.space = new SegmentSpace({
      segments,
      segmentBytes: recordsPerSegment,
      policy,
      random,
      streams,
      hostStreams,
      levelling,
      headroom: 1,
      ...(options.eraseCounts === undefined ? {} : { eraseCounts: options.eraseCounts }),
    });
    this.#slotOf = new Int32Array(records).fill(NONE);
    this.#recordAt = new Int32Array(segments * recordsPerSegment).fill(NONE);
    this.#openSegment = new Int32Array(this.space.pools).fill(NONE);
    this.#nextSlot = new Int32Array(this.space.pools);
    for (let record = 0; record < records; record++)
      this.overwrite(record, options.firstStreams?.[record] ?? 0);
    this.resetCounters();
  }

  /** (written from outside + moved) / written from outside, since the counters were reset. */
  get amplification(): number {
    return this.hostWrites === 0 ? 1 : (this.hostWrites + this.moves) / this.hostWrites;
  }

  /** Live records against what the segments hold that were not free, since the counters were reset. */
  get utilisation(): number {
    const free = this.hostWrites === 0 ? this.space.free : this.#freeSum / this.hostWrites;
    return (
      this.records / ((this.space.segments - this.space.retired - free) * this.recordsPerSegment)
    );
  }

  resetCounters(): void {
    this.hostWrites = 0;
    this.moves = 0;
    this.erases = 0;
    this.#freeSum = 0;
  }

  /** Writes a record anew, to a stream from memory. */
  overwrite(record: number, stream = 0): void {
    const old = this.#slotOf[record]!;
    if (old !== NONE) this.#kill(old);
    // Cleaning must not meet the record while it is on its way.
    this.#slotOf[record] = NONE;
    const { space } = this;
    // Survivors share the open segments: their room is not for new records while the reserve is short.
    while ((!this.#hasRoom(stream) || space.free < space.reserve) && space.needsCleaning())
      this.#clean();
    if (!this.#hasRoom(stream)) this.#begin(stream, space.take(stream));
    this.#append(record, stream);
    this.hostWrites += 1;
    this.#freeSum += this.space.free;
  }

  /** ... to the stream its past asks for; to the first one where no past is kept. */
  overwriteUntold(record: number): void {
    this.overwrite(record, this.#temperature?.written(record) ?? 0);
  }

  #kill(slot: number): void {
    this.#recordAt[slot] = NONE;
    this.space.died(Math.floor(slot / this.recordsPerSegment), 1);
  }

  #hasRoom(stream: number): boolean {
    return this.#openSegment[stream] !== NONE;
  }

  #begin(stream: number, segment: number): void {
    assert(segment !== NONE, "the live records fit into the segments");
    this.#openSegment[stream] = segment;
    this.#nextSlot[stream] = segment * this.recordsPerSegment;
  }

  #append(record: number, stream: number): void {
    const segment = this.#openSegment[stream]!;
    const slot = this.#nextSlot[stream]!;
    this.#recordAt[slot] = record;
    this.#slotOf[record] = slot;
    this.space.written(segment, 1);
    this.#nextSlot[stream] = slot + 1;
    if (slot + 1 === (segment + 1) * this.recordsPerSegment) {
      this.space.close(segment);
      this.#openSegment[stream] = NONE;
    }
  }

  #clean(): void {
    const { space, recordsPerSegment } = this;
    const victim = space.victim();
    assert(victim !== NONE, "what needs cleaning has a victim");
    const out = space.survivorStream(victim);
    const temperature = out === space.streams ? undefined : this.#temperature;
    const end = (victim + 1) * recordsPerSegment;
    for (let slot = victim * recordsPerSegment; slot < end; slot++) {
      const record = this.#recordAt[slot]!;
      if (record === NONE) continue;
      const stream = temperature === undefined ? out : temperature.survived(record);
      if (!this.#hasRoom(stream)) this.#begin(stream, space.takeForSurvivors(stream));
      this.#kill(slot);
      this.#append(record, stream);
      this.moves += 1;
    }
    this.erases += 1;
    if (this.#erase(victim)) space.erased(victim);
    else space.eraseFailed(victim);
  }
}
