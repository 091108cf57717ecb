/**
 * A log of records of their own lengths, in numbers alone, driven by the same `SegmentSpace` as the log on a medium:
 * what `RecordLog` is for records of one length.
 *
 * Holds always: an item has one record at most; a record lies in one segment whole, so the end of a segment that the
 * next record does not fit into stays empty.
 */

import { assert } from "../../base/assert.ts";
import type { CleaningPolicy } from "../../overflow/space/cleaning/cleaning-policy.ts";
import type { Levelling } from "../../overflow/space/levelling.ts";
import { SegmentSpace } from "../../overflow/space/segment-space.ts";
import type { WriteIntervals } from "../../overflow/space/temperature.ts";

export interface ByteLogOptions {
  /** Items are numbered from 0 to `items` - 1. */
  readonly items: number;
  readonly segments: number;
  readonly segmentBytes: number;
  /** The shortest record there is. */
  readonly leastBytes: number;
  readonly policy: CleaningPolicy;
  readonly random: { below(limit: number): number };
  readonly streams: number;
  readonly hostStreams: number;
  readonly levelling: Levelling | null;
  /** Finds the stream of what is written by `writeUntold`, and of survivors. */
  readonly temperature?: WriteIntervals;
  readonly erase?: (segment: number) => boolean;
}

const NONE = -1;

export class ByteLog {
  readonly space: SegmentSpace;
  /** Since the counters were last reset. */
  hostWrites = 0;
  hostBytes = 0;
  movedBytes = 0;
  erases = 0;
  #freeSum = 0;
  #liveSum = 0;
  readonly #slotsPerSegment: number;
  /** By item, its slot and its bytes; by slot, its item; by segment, its slots in use. */
  readonly #slotOf: Int32Array;
  readonly #bytesOf: Uint16Array;
  readonly #itemAt: Int32Array;
  readonly #slotsUsed: Uint32Array;
  readonly #openSegment: Int32Array;
  readonly #temperature: WriteIntervals | undefined;
  readonly #erase: (segment: number) => boolean;

  constructor(options: ByteLogOptions) {
    const { items, segments, segmentBytes, leastBytes, streams } = options;
    const { policy, random, hostStreams, levelling } = options;
    this.space = new SegmentSpace({
      segments,
      segmentBytes,
      policy,
      random,
      streams,
      hostStreams,
      levelling,
      headroom: 1,
    });
    this.#slotsPerSegment = Math.floor(segmentBytes / leastBytes);
    this.#slotOf = new Int32Array(items).fill(NONE);
    this.#bytesOf = new Uint16Array(items);
    this.#itemAt = new Int32Array(segments * this.#slotsPerSegment).fill(NONE);
    this.#slotsUsed = new Uint32Array(segments);
    this.#openSegment = new Int32Array(this.space.pools).fill(NONE);
    this.#temperature = options.temperature;
    this.#erase = options.erase ?? (() => true);
  }

  /** (written from outside + moved) / written from outside, since the counters were reset. */
  get amplification(): number {
    return this.hostBytes === 0 ? 1 : (this.hostBytes + this.movedBytes) / this.hostBytes;
  }

  /** Live bytes in the mean against what the segments hold that were not free. */
  get utilisation(): number {
    const { segments, retired, segmentBytes, free, liveTotal } = this.space;
    const writes = this.hostWrites;
    const meanFree = writes === 0 ? free : this.#freeSum / writes;
    const meanLive = writes === 0 ? liveTotal : this.#liveSum / writes;
    return meanLive / ((segments - retired - meanFree) * segmentBytes);
  }

  resetCounters(): void {
    this.hostWrites = 0;
    this.hostBytes = 0;
    this.movedBytes = 0;
    this.erases = 0;
    this.#freeSum = 0;
    this.#liveSum = 0;
  }

  /** Writes an item anew, as a record of `bytes`, to a stream from memory. */
  write(item: number, bytes: number, stream = 0): void {
    this.remove(item);
    for (;;) {
      // Cleaning may open a segment of this very stream, or fill it.
      const hasRoom = this.#hasRoom(stream, bytes);
      if (hasRoom && this.space.free >= this.space.reserve) break;
      if (this.space.needsCleaning()) this.#clean();
      else if (hasRoom) break;
      else this.#begin(stream, this.space.take(stream));
    }
    this.#append(item, bytes, stream);
    this.hostWrites += 1;
    this.hostBytes += bytes;
    this.#freeSum += this.space.free;
    this.#liveSum += this.space.liveTotal;
  }

  /** Writes an item anew, to the stream that how long it lived before tells. */
  writeUntold(item: number, bytes: number): void {
    this.write(item, bytes, this.#temperature?.written(item) ?? 0);
  }

  /** Its record, if it has one, is needed no more. */
  remove(item: number): void {
    const slot = this.#slotOf[item]!;
    if (slot === NONE) return;
    this.#slotOf[item] = NONE;
    this.#itemAt[slot] = NONE;
    this.space.died(Math.floor(slot / this.#slotsPerSegment), this.#bytesOf[item]!);
  }

  /** Whether the stream's open segment takes so much more; one that does not is closed. */
  #hasRoom(stream: number, bytes: number): boolean {
    const segment = this.#openSegment[stream]!;
    if (segment === NONE) return false;
    if (this.space.usedBytes[segment]! + bytes <= this.space.segmentBytes) return true;
    this.space.close(segment);
    this.#openSegment[stream] = NONE;
    return false;
  }

  #begin(stream: number, segment: number): void {
    assert(segment >= 0, "the live records fit into the segments");
    this.#openSegment[stream] = segment;
    this.#slotsUsed[segment] = 0;
  }

  #append(item: number, bytes: number, stream: number): void {
    const segment = this.#openSegment[stream]!;
    const slot = segment * this.#slotsPerSegment + this.#slotsUsed[segment]!;
    this.#slotsUsed[segment]! += 1;
    this.#itemAt[slot] = item;
    this.#slotOf[item] = slot;
    this.#bytesOf[item] = bytes;
    this.space.written(segment, bytes);
  }

  #clean(): void {
    const { space } = this;
    const victim = space.victim();
    assert(victim !== NONE, "what needs cleaning has a victim");
    const out = space.survivorStream(victim);
    // What is moved for its wear alone keeps to itself.
    const temperature = out === space.streams ? undefined : this.#temperature;
    const first = victim * this.#slotsPerSegment;
    const end = first + this.#slotsUsed[victim]!;
    for (let slot = first; slot < end; slot++) {
      const item = this.#itemAt[slot]!;
      if (item === NONE) continue;
      const bytes = this.#bytesOf[item]!;
      const stream = temperature === undefined ? out : temperature.survived(item);
      if (!this.#hasRoom(stream, bytes)) this.#begin(stream, space.takeForSurvivors(stream));
      this.#itemAt[slot] = NONE;
      space.died(victim, bytes);
      this.#append(item, bytes, stream);
      this.movedBytes += bytes;
    }
    this.erases += 1;
    if (this.#erase(victim)) space.erased(victim);
    else space.eraseFailed(victim);
  }
}
