/**
 * Which segment is written next, and which is cleaned: numbers alone, so that the log on a medium and a simulation of
 * years are driven by the same decisions.
 *
 *     FREE --take--> OPEN --close--> CLOSED --victim--> CLEANING --erased--> FREE
 *                                      ^---giveUp---------'  '--eraseFailed, or retired before--> RETIRED
 *
 * Holds always: only FREE segments are taken and only CLOSED ones become victims; a victim has something to win, but
 * for one that is to be retired or moved for its wear; the last `reserve` free segments go to survivors alone, so
 * cleaning never waits for cleaning. As long as what lives fits into the segments without the reserve and one open
 * segment per stream, `take` succeeds after some cleaning. Any number of calls may come between `victim` and `erased`,
 * and several victims may be under way.
 */

import { assert } from "../../base/assert.ts";
import { Candidates } from "./candidates.ts";
import type { CleaningPolicy, SegmentView } from "./cleaning/cleaning-policy.ts";
import { FreeSegments } from "./free-segments.ts";
import { DEFAULT_LEVELLING, type Levelling, Wear } from "./levelling.ts";
import { Pools } from "./streams.ts";

const FREE = 0;
const OPEN = 1;
const CLOSED = 2;
const CLEANING = 3;
const RETIRED = 4;

/** Bits of a segment's marks. Takes no more writes, and is retired when it is empty: */
const FAILING = 1;
/** Was given up; not offered before something changed. */
const RESTING = 2;
/** Too worn to be cleaned for now. */
const WORN = 4;
/** Is moved for its wear. */
const MOVING = 8;
/** Closed with no room left, whatever took it: padding does not go away by cleaning. */
const FILLED = 16;

export const MOST_SEGMENTS = 2 ** 20;
const MOST_STREAMS = 8;
/** With fewer segments wear is not levelled: what is moved takes a stream, and so a segment. */
const LEAST_LEVELLED_SEGMENTS = 16;
/** Closed with less than this share of what the fullest held, a segment is worth cleaning though nothing died in it. */
const FULL_SHARE = 7 / 8;
/** What was written so many rounds of all segments ago lies still. At 1 levelling costs 5 % where all is hot, not 2. */
const STILL_ROUNDS = 1.5;
/** Segments too worn are looked at again so often while the mean rises by one erase. */
const LOOKS_PER_ERASE = 4;

export interface SpaceOptions {
  /** 2 to 2^20. */
  readonly segments: number;
  readonly segmentBytes: number;
  readonly policy: CleaningPolicy;
  readonly random: { below(limit: number): number };
  /**
   * 1 to 8; unless given one from memory and two of survivors, one of them below 64 segments. (2026-11-21, 90/10 told
   * nothing, u = .9, cost-benefit, levelled: 1 stream 4.93, 2 3.18, 3 2.84, 4 2.71; uniform 4.86, 4.84, 4.95, 5.09.)
   */
  readonly streams?: number;
  /**
   * Of them, the first so many are written from memory; 1 unless given. What survives such a stream goes to the first
   * stream of survivors, what survives that to the next one, and at last stays. Where all are written from memory,
   * survivors stay in their own.
   */
  readonly hostStreams?: number;
  /** null: none; `DEFAULT_LEVELLING` unless given. None below 16 segments. */
  readonly levelling?: Levelling | null;
  /** Free segments only survivors may take; one per stream they go to and one more unless given. */
  readonly reserve?: number;
  /** Free segments beyond the reserve below which cleaning begins; from 1 to 8 with the segments unless given. */
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
  /** Streams in all: where wear is levelled, what is moved for that has one of its own, the last. */
  readonly pools: number;
  readonly reserve: number;
  readonly headroom: number;
  /** By segment, as are the next two; not to be written by others. */
  readonly eraseCounts: Uint32Array;
  /** Bytes of live records. */
  readonly liveBytes: Uint32Array;
  /** Bytes of all records. */
  readonly usedBytes: Uint32Array;
  readonly #policy: CleaningPolicy;
  readonly #state: Uint8Array;
  readonly #marks: Uint8Array;
  readonly #streamOf: Uint8Array;
  readonly #sequence: Float64Array;
  readonly #closedAt: Float64Array;
  readonly #free: FreeSegments;
  readonly #candidates: Candidates;
  readonly #pools: Pools;
  readonly #wear: Wear;
  /** Closed segments by stream. */
  readonly #closed: Uint32Array;
  readonly #view: { -readonly [Key in keyof SegmentView]: SegmentView[Key] };
  #retired = 0;
  #failing = 0;
  #resting = 0;
  #worn = 0;
  #taken = 0;
  #liveTotal = 0;
  /** Bytes written so far. */
  #clock = 0;
  /** The most bytes a segment held when it was closed. */
  #fullBytes = 0;
  #hasMoved = false;
  #erasesSinceLook = 0;

  constructor(options: SpaceOptions) {
    const { segments, segmentBytes, hostStreams = 1, levelling = DEFAULT_LEVELLING } = options;
    const streams = options.streams ?? hostStreams + (segments < 64 ? 1 : 2);
    assert(segments >= 2 && segments <= MOST_SEGMENTS, `2 to ${MOST_SEGMENTS} segments`);
    assert(
      streams >= 1 && streams <= MOST_STREAMS && hostStreams >= 1 && hostStreams <= streams,
      "1 to 8 streams",
    );
    this.segments = segments;
    this.segmentBytes = segmentBytes;
    this.streams = streams;
    this.hostStreams = hostStreams;
    this.#wear = new Wear(segments < LEAST_LEVELLED_SEGMENTS ? null : levelling);
    this.pools = streams + (this.#wear.isLevelled ? 1 : 0);
    // A victim may open a segment in each stream its survivors go to, and lose some bytes at each one's end.
    const survivorStreams = hostStreams === streams ? this.pools : this.pools - hostStreams;
    this.reserve = options.reserve ?? Math.max(1, Math.min(survivorStreams + 1, segments >>> 2));
    this.headroom = options.headroom ?? Math.max(1, Math.min(8, segments >>> 7));
    this.#policy = options.policy;
    this.eraseCounts = new Uint32Array(segments);
    if (options.eraseCounts !== undefined) this.eraseCounts.set(options.eraseCounts);
    this.liveBytes = new Uint32Array(segments);
    this.usedBytes = new Uint32Array(segments);
    this.#state = new Uint8Array(segments);
    this.#marks = new Uint8Array(segments);
    this.#streamOf = new Uint8Array(segments);
    this.#sequence = new Float64Array(segments);
    this.#closedAt = new Float64Array(segments);
    this.#free = new FreeSegments(this.eraseCounts);
    this.#candidates = new Candidates({ streams: this.pools, segments });
    this.#pools = new Pools({ count: this.pools, segments, segmentBytes });
    this.#closed = new Uint32Array(this.pools);
    for (let segment = 0; segment < segments; segment++) {
      if (options.retired?.[segment] === 1) {
        this.#state[segment] = RETIRED;
        this.#retired += 1;
      } else {
        this.#free.put(segment);
        this.#wear.add(this.eraseCounts[segment]!);
      }
    }
    this.#view = {
      candidates: this.#candidates.lists[0]!,
      count: 0,
      closed: 0,
      segmentBytes,
      live: this.liveBytes,
      sequence: this.#sequence,
      closedAt: this.#closedAt,
      clock: 0,
      eraseCounts: this.eraseCounts,
      random: options.random,
    };
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

  /** Erases of the segments in service, in their life. */
  get totalErases(): number {
    return this.#wear.total;
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
    let segment: number;
    if (!this.#wear.isLevelled) segment = this.#free.takeOldest();
    else if (stream === this.streams) segment = this.#free.takeMostWorn();
    else segment = this.#free.takeLeastWorn();
    assert(this.#state[segment] === FREE, "only a free segment is taken");
    this.#state[segment] = OPEN;
    this.#streamOf[segment] = stream;
    this.#sequence[segment] = this.#taken++;
    this.#pools.segments[stream]! += 1;
    return segment;
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

  /** Records of so many bytes in a segment that is not free live no more. */
  died(segment: number, bytes: number): void {
    assert(this.liveBytes[segment]! >= bytes, "no more dies than lives");
    this.liveBytes[segment]! -= bytes;
    this.#liveTotal -= bytes;
    const pool = this.#streamOf[segment]!;
    // Nearly all of what leaves a victim was moved.
    if (this.#state[segment] === CLEANING) this.#pools.remove(pool, bytes);
    else this.#pools.countDied(pool, bytes);
    if (this.#state[segment] === CLOSED) this.#offer(segment);
  }

  /** Nothing more is written to an open segment; `isFilled`: no more goes in, be it for padding. */
  close(segment: number, isFilled = false): void {
    assert(this.#state[segment] === OPEN, "only an open segment is closed");
    this.#unmark(segment, FILLED);
    if (isFilled) this.#marks[segment]! |= FILLED;
    this.#enterClosed(segment);
    this.#closedAt[segment] = this.#clock;
    this.#fullBytes = Math.max(this.#fullBytes, this.usedBytes[segment]!);
    this.#offer(segment);
  }

  #enterClosed(segment: number): void {
    this.#state[segment] = CLOSED;
    this.#closed[this.#streamOf[segment]!]! += 1;
  }

  /** Makes a closed segment a candidate if it is none and cleaning it would win something. */
  #offer(segment: number): void {
    if (this.#is(segment, RESTING)) {
      this.#unmark(segment, RESTING);
      this.#resting -= 1;
    }
    if (this.#is(segment, WORN) || this.#candidates.has(segment)) return;
    if (this.#isWorthCleaning(segment)) this.#candidates.add(this.#streamOf[segment]!, segment);
  }

  #isWorthCleaning(segment: number): boolean {
    const live = this.liveBytes[segment]!;
    return (
      live < this.usedBytes[segment]! ||
      (!this.#is(segment, FILLED) && live < this.#fullBytes * FULL_SHARE) ||
      this.#is(segment, FAILING)
    );
  }

  /** Whether free segments are short, or one is to be retired, and `victim` has one to offer. */
  needsCleaning(): boolean {
    if (this.#candidates.total + this.#worn === 0) return false;
    return this.free < this.reserve + this.headroom || this.#failingSegment() >= 0;
  }

  /** The best segment to clean, cleaning now; -1: none would win anything. */
  victim(): number {
    const segment = this.#choose();
    if (segment < 0) return -1;
    assert(this.#state[segment] === CLOSED, "only a closed segment is cleaned");
    const stream = this.#streamOf[segment]!;
    this.#candidates.remove(stream, segment);
    if (this.#is(segment, WORN)) {
      this.#unmark(segment, WORN);
      this.#worn -= 1;
    }
    this.#state[segment] = CLEANING;
    this.#closed[stream]! -= 1;
    return segment;
  }

  #choose(): number {
    const failing = this.#failingSegment();
    if (failing >= 0) return failing;
    // Every second victim at most: one that is moved wins no room.
    this.#hasMoved = !this.#hasMoved && this.#isTimeToMove();
    if (this.#hasMoved) {
      const segment = this.#leastStill();
      if (segment >= 0) {
        this.#marks[segment]! |= MOVING;
        return segment;
      }
    }
    if (this.#candidates.total === 0) this.#lookAtWorn();
    for (;;) {
      const segment = this.#chooseByPolicy();
      if (
        segment < 0 ||
        this.#candidates.total === 1 ||
        !this.#wear.mustRest(this.eraseCounts[segment]!)
      ) {
        return segment;
      }
      this.#candidates.remove(this.#streamOf[segment]!, segment);
      this.#marks[segment]! |= WORN;
      this.#worn += 1;
    }
  }

  #chooseByPolicy(): number {
    const { lists, counts } = this.#candidates;
    const pool = this.#pools.mostSpare(counts);
    if (pool < 0) return -1;
    const view = this.#view;
    view.candidates = lists[pool]!;
    view.count = counts[pool]!;
    view.closed = this.#closed[pool]!;
    view.clock = this.#clock;
    return this.#policy.choose(view);
  }

  /** A closed segment to be retired, if there is one that was not given up. */
  #failingSegment(): number {
    if (this.#failing === 0) return -1;
    for (let segment = 0; segment < this.segments; segment++) {
      if (this.#is(segment, FAILING) && this.#candidates.has(segment)) return segment;
    }
    return -1;
  }

  /** Whether a worn segment waits for what lies still; moving that must not take the last free ones. */
  #isTimeToMove(): boolean {
    if (!this.#wear.isLevelled || this.free === 0 || this.free < this.reserve) return false;
    return this.#wear.asksForRest(this.eraseCounts[this.#free.mostWorn()]!);
  }

  /** The least worn closed segment of those that lay still. */
  #leastStill(): number {
    let best = -1;
    for (let segment = 0; segment < this.segments; segment++) {
      if (this.#state[segment] !== CLOSED || this.#is(segment, RESTING)) continue;
      if (this.#taken - this.#sequence[segment]! < STILL_ROUNDS * this.segments) continue;
      if (best < 0 || this.eraseCounts[segment]! < this.eraseCounts[best]!) best = segment;
    }
    return best;
  }

  /** The stream for what survives in a victim. */
  survivorStream(segment: number): number {
    const stream = this.#streamOf[segment]!;
    if (stream === this.streams || this.#is(segment, MOVING)) return this.streams;
    if (this.hostStreams === this.streams) return stream;
    return stream < this.hostStreams ? this.hostStreams : Math.min(stream + 1, this.streams - 1);
  }

  /** A victim could not be emptied: it is closed as before, and rests until something changed. */
  giveUp(segment: number): void {
    assert(this.#state[segment] === CLEANING, "only a victim is given up");
    this.#enterClosed(segment);
    this.#unmark(segment, MOVING);
    this.#marks[segment]! |= RESTING;
    this.#resting += 1;
  }

  /** A victim was emptied and erased. */
  erased(segment: number): void {
    assert(
      this.#state[segment] === CLEANING && this.liveBytes[segment] === 0,
      "an empty victim is erased",
    );
    this.eraseCounts[segment]! += 1;
    this.#wear.countErase();
    if (this.#is(segment, FAILING)) {
      this.#putAway(segment);
    } else {
      this.#leavePool(segment);
      this.#state[segment] = FREE;
      this.#free.put(segment);
    }
    this.#offerResting();
    this.#erasesSinceLook += LOOKS_PER_ERASE;
    if (this.#erasesSinceLook >= this.segments) this.#lookAtWorn();
  }

  /** A victim was emptied and could not be erased. */
  eraseFailed(segment: number): void {
    assert(
      this.#state[segment] === CLEANING && this.liveBytes[segment] === 0,
      "an empty victim is erased",
    );
    this.#putAway(segment);
  }

  /** Takes no more writes; when what lives in it has been moved it is out of service for good. */
  retire(segment: number): void {
    const state = this.#state[segment]!;
    if (state === RETIRED || this.#is(segment, FAILING)) return;
    this.#marks[segment]! |= FAILING;
    this.#failing += 1;
    if (state === FREE) {
      this.#free.remove(segment);
      this.#putAway(segment);
    } else if (state === CLOSED) {
      if (this.#is(segment, WORN)) {
        this.#unmark(segment, WORN);
        this.#worn -= 1;
      }
      this.#offer(segment);
    }
  }

  #putAway(segment: number): void {
    if (this.#is(segment, FAILING)) this.#failing -= 1;
    if (this.#state[segment] !== FREE) this.#leavePool(segment);
    this.#marks[segment] = 0;
    this.#state[segment] = RETIRED;
    this.#retired += 1;
    this.#wear.remove(this.eraseCounts[segment]!);
  }

  #leavePool(segment: number): void {
    this.#pools.segments[this.#streamOf[segment]!]! -= 1;
    this.usedBytes[segment] = 0;
    this.#unmark(segment, MOVING);
  }

  /** There is more room now for what survives in those given up. */
  #offerResting(): void {
    for (let segment = 0; this.#resting > 0 && segment < this.segments; segment++) {
      if (this.#state[segment] === CLOSED && this.#is(segment, RESTING)) this.#offer(segment);
    }
  }

  /** Makes those that were too worn candidates again; the next choice will tell. */
  #lookAtWorn(): void {
    this.#erasesSinceLook = 0;
    for (let segment = 0; this.#worn > 0 && segment < this.segments; segment++) {
      if (!this.#is(segment, WORN)) continue;
      this.#unmark(segment, WORN);
      this.#worn -= 1;
      this.#offer(segment);
    }
  }

  #is(segment: number, mark: number): boolean {
    return (this.#marks[segment]! & mark) !== 0;
  }

  #unmark(segment: number, mark: number): void {
    this.#marks[segment]! &= ~mark;
  }
}
