/**
 * Which segment is written next, and which is cleaned: numbers alone, so that the log on a medium and a simulation of
 * years are driven by the same decisions.
 *
 *     FREE --take--> OPEN --close--> CLOSED --victim--> CLEANING --erased--> FREE
 *                                      ^---giveUp---------'  '--eraseFailed, or retired before--> RETIRED
 *
 * Holds always: only FREE segments are taken and only CLOSED ones become victims; a victim has something to win, but
 * for one that is to be retired or moved for its wear; the last `reserve` free segments go to survivors alone, so
 * cleaning never waits for cleaning. Any number of calls may come between `victim` and `erased`, and several victims
 * may be under way.
 */

import { assert } from "../../base/assert.ts";
import type { SeededRandom } from "../../base/random.ts";
import type { CleaningPolicy, SegmentView } from "./cleaning/cleaning-policy.ts";
import { FreeSegments } from "./free-segments.ts";
import { allowedErases, DEFAULT_LEVELLING, type Levelling } from "./levelling.ts";
import { Pools } from "./streams.ts";

const FREE = 0;
const OPEN = 1;
const CLOSED = 2;
const CLEANING = 3;
const RETIRED = 4;

const NOT_LISTED = -1;
const HARD = (mean: number) => Math.max(4, 0.045 * mean);

export const MOST_SEGMENTS = 2 ** 20;
export const MOST_STREAMS = 8;

export interface SpaceOptions {
  /** 2 to 2^20. */
  readonly segments: number;
  readonly segmentBytes: number;
  readonly policy: CleaningPolicy;
  readonly random: Pick<SeededRandom, "below">;
  /** Streams in all, 1 to 8; 2 unless given: one from memory and one of survivors. */
  readonly streams?: number;
  /**
   * Of them, the first so many are written from memory; 1 unless given. What survives such a stream goes to the first
   * stream of survivors, what survives that to the next one, and at last stays. Where all are written from memory,
   * survivors stay in their own.
   */
  readonly hostStreams?: number;
  /** null: none; `DEFAULT_LEVELLING` unless given. */
  readonly levelling?: Levelling | null;
  /** Free segments only survivors may take; derived unless given. */
  readonly reserve?: number;
  /** Free segments beyond the reserve below which cleaning begins; derived unless given. */
  readonly headroom?: number;
  /** By segment, from an earlier life. */
  readonly eraseCounts?: Uint32Array;
  /** By segment, 1: retired in an earlier life. */
  readonly retired?: Uint8Array;
}

export class SegmentSpace {
  readonly segments: number;
  readonly segmentBytes: number;
  readonly streams: number;
  readonly hostStreams: number;
  readonly reserve: number;
  readonly headroom: number;
  /** By segment; not to be written by others. */
  readonly eraseCounts: Uint32Array;
  /** Bytes of live records by segment; not to be written by others. */
  readonly liveBytes: Uint32Array;
  /** Bytes of all records by segment; not to be written by others. */
  readonly usedBytes: Uint32Array;
  readonly #policy: CleaningPolicy;
  readonly #random: Pick<SeededRandom, "below">;
  readonly #levelling: Levelling | null;
  readonly #state: Uint8Array;
  readonly #streamOf: Uint8Array;
  /** 1: takes no more writes, and is retired when it is empty. */
  readonly #isFailing: Uint8Array;
  /** 1: given up; not offered before something changed. */
  readonly #isResting: Uint8Array;
  readonly #sequence: Float64Array;
  readonly #closedAt: Float64Array;
  readonly #free: FreeSegments;
  readonly #pools: Pools;
  /** By stream, the closed segments worth cleaning, and where each stands in its list. */
  readonly #candidates: Uint32Array[];
  readonly #candidateCounts: Uint32Array;
  readonly #placeOf: Int32Array;
  readonly #closedCounts: Uint32Array;
  readonly #isMoving: Uint8Array;
  readonly #isWorn: Uint8Array;
  readonly #view: { -readonly [Key in keyof SegmentView]: SegmentView[Key] };
  #retired = 0;
  #failing = 0;
  #resting = 0;
  #listed = 0;
  #taken = 0;
  #totalErases = 0;
  #mostErases = 0;
  #hasLevelled = false;
  #worn = 0;
  #sinceWaking = 0;
  #liveTotal = 0;
  #clock = 0;
  #fullBytes = 0;

  constructor(options: SpaceOptions) {
    const { segments, segmentBytes, streams = 2, hostStreams = 1 } = options;
    assert(segments >= 2 && segments <= MOST_SEGMENTS, `2 to ${MOST_SEGMENTS} segments`);
    assert(streams >= 1 && streams <= MOST_STREAMS && hostStreams >= 1 && hostStreams <= streams, "1 to 8 streams");
    this.segments = segments;
    this.segmentBytes = segmentBytes;
    this.streams = streams;
    this.hostStreams = hostStreams;
    this.reserve = options.reserve ?? (segments < 8 ? 1 : 2);
    this.headroom = options.headroom ?? Math.max(1, Math.min(8, segments >>> 7));
    this.#policy = options.policy;
    this.#random = options.random;
    this.#levelling = options.levelling === undefined ? DEFAULT_LEVELLING : options.levelling;
    this.eraseCounts = new Uint32Array(segments);
    if (options.eraseCounts !== undefined) this.eraseCounts.set(options.eraseCounts);
    this.liveBytes = new Uint32Array(segments);
    this.usedBytes = new Uint32Array(segments);
    this.#state = new Uint8Array(segments);
    this.#streamOf = new Uint8Array(segments);
    this.#isFailing = new Uint8Array(segments);
    this.#isMoving = new Uint8Array(segments);
    this.#isWorn = new Uint8Array(segments);
    this.#isResting = new Uint8Array(segments);
    this.#sequence = new Float64Array(segments);
    this.#closedAt = new Float64Array(segments);
    this.#placeOf = new Int32Array(segments).fill(NOT_LISTED);
    const { pools } = this;
    this.#pools = new Pools({ count: pools, segments, segmentBytes });
    this.#candidates = Array.from({ length: pools }, () => new Uint32Array(16));
    this.#candidateCounts = new Uint32Array(pools);
    this.#closedCounts = new Uint32Array(pools);
    this.#free = new FreeSegments(this.eraseCounts);
    for (let segment = 0; segment < segments; segment++) {
      if (options.retired?.[segment] === 1) {
        this.#state[segment] = RETIRED;
        this.#retired += 1;
      } else {
        this.#free.put(segment);
        this.#totalErases += this.eraseCounts[segment]!;
        this.#mostErases = Math.max(this.#mostErases, this.eraseCounts[segment]!);
      }
    }
    this.#view = {
      candidates: this.#candidates[0]!,
      count: 0,
      closed: 0,
      segmentBytes,
      live: this.liveBytes,
      sequence: this.#sequence,
      closedAt: this.#closedAt,
      clock: 0,
      eraseCounts: this.eraseCounts,
      random: this.#random,
    };
  }

  /** Streams in all: where wear is levelled, what is moved for that has one of its own. */
  get pools(): number {
    return this.streams + (this.#levelling === null ? 0 : 1);
  }

  /** Segments that can be taken. */
  get free(): number {
    return this.#free.count;
  }

  /** Segments out of service. */
  get retired(): number {
    return this.#retired;
  }

  /** Bytes of live records. */
  get liveTotal(): number {
    return this.#liveTotal;
  }

  /** Bytes of records written so far, survivors included. */
  get writtenTotal(): number {
    return this.#clock;
  }

  /** Erases of the segments in service, in their life. */
  get totalErases(): number {
    return this.#totalErases;
  }

  /** By segment, 1: retired. */
  retiredSegments(): Uint8Array {
    return this.#state.map((state) => (state === RETIRED ? 1 : 0));
  }

  /** A free segment for what comes from memory, open now; -1: there is none but for survivors. */
  take(stream: number): number {
    assert(stream < this.hostStreams, "the stream is written from memory");
    return this.free > this.reserve ? this.#open(stream) : -1;
  }

  /** A free segment for survivors, open now; -1: there is none. */
  takeForSurvivors(stream: number): number {
    return this.free > 0 ? this.#open(stream) : -1;
  }

  #open(stream: number): number {
    const segment = this.#takeFree(stream);
    assert(this.#state[segment] === FREE, "only a free segment is taken");
    this.#state[segment] = OPEN;
    this.#streamOf[segment] = stream;
    this.#sequence[segment] = this.#taken++;
    this.#pools.segments[stream]! += 1;
    return segment;
  }

  #takeFree(stream: number): number {
    if (this.#levelling === null) return this.#free.takeOldest();
    return stream === this.streams ? this.#free.takeMostWorn() : this.#free.takeLeastWorn();
  }

  /** Records of so many bytes were appended to an open segment. */
  written(segment: number, bytes: number): void {
    assert(this.#state[segment] === OPEN, "only an open segment is written");
    this.usedBytes[segment]! += bytes;
    this.liveBytes[segment]! += bytes;
    this.#pools.live[this.#streamOf[segment]!]! += bytes;
    this.#liveTotal += bytes;
    this.#clock += bytes;
  }

  /** Records of so many bytes in a segment, in any state but free, live no more. */
  died(segment: number, bytes: number): void {
    assert(this.liveBytes[segment]! >= bytes, "no more dies than lives");
    this.liveBytes[segment]! -= bytes;
    this.#liveTotal -= bytes;
    this.#pools.countDied(this.#streamOf[segment]!, bytes);
    if (this.#state[segment] === CLOSED) this.#wake(segment);
  }

  /** Nothing more is written to an open segment. */
  close(segment: number): void {
    assert(this.#state[segment] === OPEN, "only an open segment is closed");
    this.#state[segment] = CLOSED;
    this.#closedAt[segment] = this.#clock;
    this.#closedCounts[this.#streamOf[segment]!]! += 1;
    this.#fullBytes = Math.max(this.#fullBytes, this.usedBytes[segment]!);
    this.#wake(segment);
  }

  /** Lists a closed segment if cleaning it would win something. */
  #wake(segment: number): void {
    if (this.#isResting[segment] === 1) {
      this.#isResting[segment] = 0;
      this.#resting -= 1;
    }
    if (this.#isWorn[segment] === 1) return;
    if (this.#placeOf[segment] !== NOT_LISTED || !this.#isWorthCleaning(segment)) return;
    const stream = this.#streamOf[segment]!;
    const count = this.#candidateCounts[stream]!;
    let list = this.#candidates[stream]!;
    if (count === list.length) {
      list = new Uint32Array(2 * count);
      list.set(this.#candidates[stream]!);
      this.#candidates[stream] = list;
    }
    list[count] = segment;
    this.#placeOf[segment] = count;
    this.#candidateCounts[stream] = count + 1;
    this.#listed += 1;
  }

  /** Something died in it, or it was closed far from full. */
  #isWorthCleaning(segment: number): boolean {
    const live = this.liveBytes[segment]!;
    return live < this.usedBytes[segment]! || live <= this.#fullBytes * (7 / 8) || this.#isFailing[segment] === 1;
  }

  #unlist(segment: number): void {
    const place = this.#placeOf[segment]!;
    if (place === NOT_LISTED) return;
    const stream = this.#streamOf[segment]!;
    const list = this.#candidates[stream]!;
    const last = this.#candidateCounts[stream]! - 1;
    const moved = list[last]!;
    list[place] = moved;
    this.#placeOf[moved] = place;
    this.#placeOf[segment] = NOT_LISTED;
    this.#candidateCounts[stream] = last;
    this.#listed -= 1;
  }

  /** Whether free segments are short and a victim is there to win one. */
  needsCleaning(): boolean {
    if (this.#listed + this.#worn === 0) return false;
    return this.free < this.reserve + this.headroom || this.#failing > 0;
  }

  /** From 0, no cleaning is needed, to 1: nothing more can be taken from memory before some is done. */
  urgency(): number {
    return Math.min(1, Math.max(0, (this.reserve + this.headroom - this.free) / this.headroom));
  }

  /** The best segment to clean, cleaning now; -1: none would win anything. */
  victim(): number {
    const segment = this.#choose();
    if (segment < 0) return -1;
    assert(this.#state[segment] === CLOSED, "only a closed segment is cleaned");
    this.#unlist(segment);
    if (this.#isWorn[segment] === 1) {
      this.#isWorn[segment] = 0;
      this.#worn -= 1;
    }
    this.#state[segment] = CLEANING;
    this.#closedCounts[this.#streamOf[segment]!]! -= 1;
    return segment;
  }

  #choose(): number {
    if (this.#failing > 0) {
      const segment = this.#failingSegment();
      if (segment >= 0) return segment;
    }
    // Every second victim at most: one moved for its wear wins no room.
    if (this.#levelling !== null && !this.#hasLevelled && this.free >= this.reserve && this.#isUneven(this.#levelling)) {
      const segment = this.#leastWorn();
      if (segment >= 0) this.#isMoving[segment] = 1;
      this.#hasLevelled = segment >= 0;
      if (segment >= 0) return segment;
    }
    this.#hasLevelled = false;
    if (this.#listed === 0) this.#wakeWorn();
    for (;;) {
      const pool = this.#pools.mostSpare(this.#candidateCounts);
      if (pool < 0) return -1;
      this.#view.candidates = this.#candidates[pool]!;
      this.#view.count = this.#candidateCounts[pool]!;
      this.#view.closed = this.#closedCounts[pool]!;
      this.#view.clock = this.#clock;
      const segment = this.#policy.choose(this.#view);
      if (this.#listed === 1 || !this.#isTooWorn(segment)) return segment;
      this.#unlist(segment);
      this.#isWorn[segment] = 1;
      this.#worn += 1;
    }
  }

  #isTooWorn(segment: number): boolean {
    if (this.#levelling === null) return false;
    const mean = this.#totalErases / (this.segments - this.#retired);
    return this.eraseCounts[segment]! + 1 - mean > HARD(mean);
  }

  #wakeWorn(): void {
    this.#sinceWaking = 0;
    if (this.#worn === 0) return;
    this.#worn = 0;
    for (let segment = 0; segment < this.segments; segment++) {
      if (this.#isWorn[segment] === 0) continue;
      this.#isWorn[segment] = 0;
      if (this.#state[segment] === CLOSED) this.#wake(segment);
    }
  }

  #failingSegment(): number {
    for (let segment = 0; segment < this.segments; segment++) {
      if (this.#isFailing[segment] === 1 && this.#placeOf[segment] !== NOT_LISTED) return segment;
    }
    return -1;
  }

  #isUneven(levelling: Levelling): boolean {
    const mean = this.#totalErases / (this.segments - this.#retired);
    return this.eraseCounts[this.#free.mostWorn()]! - mean > allowedErases(levelling, mean);
  }

  /** The least worn closed segment. */
  #leastWorn(): number {
    let best = -1;
    for (let segment = 0; segment < this.segments; segment++) {
      if (this.#state[segment] !== CLOSED || this.#isResting[segment] === 1) continue;
      if (best < 0 || this.eraseCounts[segment]! < this.eraseCounts[best]!) best = segment;
    }
    return best;
  }

  /** The stream for what survives in a victim. */
  survivorStream(segment: number): number {
    const stream = this.#streamOf[segment]!;
    if (this.#isMoving[segment] === 1 || stream === this.streams) return this.streams;
    if (this.hostStreams === this.streams) return stream;
    return stream < this.hostStreams ? this.hostStreams : Math.min(stream + 1, this.streams - 1);
  }

  /** A victim could not be emptied: it is closed as before, and rests until something changed. */
  giveUp(segment: number): void {
    assert(this.#state[segment] === CLEANING, "only a victim is given up");
    this.#state[segment] = CLOSED;
    this.#isMoving[segment] = 0;
    this.#closedCounts[this.#streamOf[segment]!]! += 1;
    this.#isResting[segment] = 1;
    this.#resting += 1;
  }

  /** A victim was emptied and erased. */
  erased(segment: number): void {
    assert(this.#state[segment] === CLEANING && this.liveBytes[segment] === 0, "an empty victim is erased");
    this.eraseCounts[segment]! += 1;
    this.#totalErases += 1;
    this.#sinceWaking += 4;
    if (this.#sinceWaking >= this.segments) this.#wakeWorn();
    if (this.#isFailing[segment] === 1) {
      this.#putAway(segment);
    } else {
      this.#mostErases = Math.max(this.#mostErases, this.eraseCounts[segment]!);
      this.#leavePool(segment);
      this.#state[segment] = FREE;
      this.#free.put(segment);
    }
    this.#wakeAll();
  }

  /** A victim was emptied and could not be erased. */
  eraseFailed(segment: number): void {
    assert(this.#state[segment] === CLEANING && this.liveBytes[segment] === 0, "an empty victim is erased");
    this.#putAway(segment);
  }

  /** Takes no more writes; when what lives in it has been moved it is out of service for good. */
  retire(segment: number): void {
    if (this.#state[segment] === RETIRED || this.#isFailing[segment] === 1) return;
    this.#isFailing[segment] = 1;
    this.#failing += 1;
    if (this.#state[segment] === FREE) {
      this.#free.remove(segment);
      this.#putAway(segment);
    } else if (this.#state[segment] === CLOSED) {
      this.#wake(segment);
    }
  }

  #putAway(segment: number): void {
    if (this.#isFailing[segment] === 1) this.#failing -= 1;
    this.#isFailing[segment] = 0;
    if (this.#state[segment] !== FREE) this.#leavePool(segment);
    this.#state[segment] = RETIRED;
    this.#retired += 1;
    this.#totalErases -= this.eraseCounts[segment]!;
    if (this.eraseCounts[segment]! >= this.#mostErases) this.#mostErases = this.#findMostErases();
  }

  #findMostErases(): number {
    let most = 0;
    for (let segment = 0; segment < this.segments; segment++) {
      if (this.#state[segment] !== RETIRED) most = Math.max(most, this.eraseCounts[segment]!);
    }
    return most;
  }

  #leavePool(segment: number): void {
    this.#pools.segments[this.#streamOf[segment]!]! -= 1;
    this.usedBytes[segment] = 0;
    this.#isMoving[segment] = 0;
  }

  #wakeAll(): void {
    if (this.#resting === 0) return;
    for (let segment = 0; segment < this.segments; segment++) {
      if (this.#isResting[segment] === 1 && this.#state[segment] === CLOSED) this.#wake(segment);
    }
  }
}
