/**
 * A log in the plainest terms beside a `SegmentSpace`: records of their own lengths in lists, everything summed anew at
 * every check. It does what the log on a medium does: one open segment for what comes from memory, one per stream of
 * survivors, a victim emptied in steps with other work between, writes and erases that fail.
 */

import { expect } from "vitest";
import type { SegmentSpace } from "../../../src/overflow/space/segment-space.ts";

interface ModelRecord {
  readonly bytes: number;
  segment: number;
}

export class SpaceModel {
  readonly space: SegmentSpace;
  readonly #live: ModelRecord[] = [];
  readonly #used = new Map<number, number>();
  /** By stream; "memory" streams and streams of survivors have segments of their own, as two appenders would. */
  readonly #open = new Map<string, number>();
  readonly retired = new Set<number>();
  readonly erases: number[];
  victim = -1;

  constructor(space: SegmentSpace) {
    this.space = space;
    this.erases = Array.from({ length: space.segments }, () => 0);
  }

  get liveBytes(): number {
    return this.#live.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get records(): number {
    return this.#live.length;
  }

  /** Appends a record from memory: false where there is no segment to be had. */
  write(bytes: number): boolean {
    return this.#append({ bytes, segment: -1 }, "memory", () => this.space.take(0));
  }

  #append(record: ModelRecord, from: string, take: () => number): boolean {
    const { space } = this;
    let segment = this.#open.get(from) ?? -1;
    if (segment >= 0 && this.#used.get(segment)! + record.bytes > space.segmentBytes) {
      this.closeOpen(from);
      segment = -1;
    }
    if (segment < 0) {
      segment = take();
      if (segment < 0) return false;
      expect(
        this.#used.has(segment) || this.retired.has(segment),
        `segment ${segment} was free`,
      ).toBe(false);
      this.#used.set(segment, 0);
      this.#open.set(from, segment);
    }
    space.written(segment, record.bytes);
    this.#used.set(segment, this.#used.get(segment)! + record.bytes);
    if (record.segment >= 0) space.died(record.segment, record.bytes);
    else this.#live.push(record);
    record.segment = segment;
    return true;
  }

  closeOpen(from = "memory"): void {
    const segment = this.#open.get(from);
    if (segment === undefined) return;
    this.#open.delete(from);
    this.space.close(segment);
  }

  /** A write to the segment open for memory fails: it is to be retired. */
  failOpen(): void {
    const segment = this.#open.get("memory");
    if (segment === undefined) return;
    this.closeOpen();
    this.space.retire(segment);
  }

  /** The record at some place in the list of live ones dies. */
  kill(place: number): void {
    const record = this.#live[place];
    if (record === undefined) return;
    this.#live.splice(place, 1);
    this.space.died(record.segment, record.bytes);
  }

  /** Begins with a victim: whether there is one. */
  beginCleaning(): boolean {
    this.victim = this.space.victim();
    if (this.victim < 0) return false;
    expect(
      [...this.#open.values()].includes(this.victim) || !this.#used.has(this.victim),
      "a victim is closed",
    ).toBe(false);
    return true;
  }

  /** Moves one record out of the victim, or ends with it; `canErase` false: erasing fails. Whether it is done. */
  stepCleaning(canErase = true): boolean {
    const { space, victim } = this;
    const record = this.#live.find(({ segment }) => segment === victim);
    if (record !== undefined) {
      const stream = space.survivorStream(victim);
      if (this.#append(record, `survivors ${stream}`, () => space.takeForSurvivors(stream)))
        return false;
      space.giveUp(victim);
      this.victim = -1;
      return true;
    }
    this.victim = -1;
    this.#used.delete(victim);
    const retiredBefore = space.retired;
    if (canErase) space.erased(victim);
    else space.eraseFailed(victim);
    if (space.retired > retiredBefore) this.retired.add(victim);
    if (canErase) this.erases[victim]! += 1;
    return true;
  }

  /** Cleans as long as it is needed. */
  clean(): void {
    while (this.space.needsCleaning()) {
      expect(this.beginCleaning(), "what needs cleaning has a victim").toBe(true);
      while (!this.stepCleaning());
    }
  }

  check(): void {
    const { space } = this;
    const live = Array.from({ length: space.segments }, () => 0);
    for (const { segment, bytes } of this.#live) live[segment]! += bytes;
    expect([...space.liveBytes]).toEqual(live);
    expect(space.liveTotal).toBe(this.liveBytes);
    expect([...space.eraseCounts]).toEqual(this.erases);
    expect(space.retiredSegments().reduce((sum, one) => sum + one, 0)).toBe(space.retired);
    expect([...this.retired].every((segment) => space.retiredSegments()[segment] === 1)).toBe(true);
    expect(space.free).toBe(space.segments - this.#used.size - space.retired);
  }
}
