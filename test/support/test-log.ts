/** A log alone, with an owner that keeps what it gave away, to compare with. */

import { SeededRandom } from "../../src/base/random.ts";
import { HEADER_SEGMENTS, RECORD_HEAD_BYTES } from "../../src/overflow/format/layout.ts";
import { Seal } from "../../src/overflow/format/seal.ts";
import { Log, type LogOwner } from "../../src/overflow/log.ts";
import type { Medium } from "../../src/overflow/media/medium.ts";
import { MemoryMedium } from "../../src/overflow/media/memory.ts";
import { cleaningPolicy } from "../../src/overflow/space/cleaning/policies.ts";
import { SegmentSpace } from "../../src/overflow/space/segment-space.ts";
import { seededKeys } from "./engine-driver.ts";
import { HookedMedium } from "./hooked-medium.ts";

export const SEGMENT_BYTES = 2 ** 16;

export interface TestLogOptions {
  /** Memory unless given. */
  readonly medium?: Medium;
  /** Data segments, 8 unless given. */
  readonly segments?: number;
  readonly segmentBytes?: number;
  readonly isPlain?: boolean;
  readonly cleaning?: string;
  readonly seed?: number;
}

/** Memory for so many data segments and the header area. */
export function memoryFor(segments: number): MemoryMedium {
  return new MemoryMedium({ sizeBytes: (segments + HEADER_SEGMENTS) * SEGMENT_BYTES });
}

export class TestLog implements LogOwner {
  readonly medium: HookedMedium;
  readonly space: SegmentSpace;
  readonly log: Log;
  readonly events: string[] = [];
  /** The last bytes appended for each id, and of them those whose record is on the medium. */
  readonly contents = new Map<number, Uint8Array>();
  readonly placedIds = new Set<number>();
  readonly failedIds: number[] = [];
  /** Ids that are in memory too. */
  readonly copiedIds = new Set<number>();

  constructor(options: TestLogOptions = {}) {
    const { segments = 8, segmentBytes = SEGMENT_BYTES, seed = 1 } = options;
    const medium = options.medium ?? memoryFor(segments);
    this.medium = medium instanceof HookedMedium ? medium : new HookedMedium(medium);
    this.space = new SegmentSpace({
      segments,
      segmentBytes,
      policy: cleaningPolicy(options.cleaning ?? "greedy"),
      random: new SeededRandom(seed),
    });
    this.log = new Log({
      medium: this.medium,
      seal: new Seal({ isPlain: options.isPlain ?? false, random: seededKeys(seed) }),
      space: this.space,
      segmentBytes,
      firstOffset: HEADER_SEGMENTS * segmentBytes,
      // The log is filled to where cleaning wins nothing.
      mostLiveShare: Number.POSITIVE_INFINITY,
      onEvent: (line) => this.events.push(line),
      onErased: () => {},
    });
    this.log.serve(this);
  }

  placed(id: number, length: number): boolean {
    if (this.contents.get(id)?.length !== length) return false;
    this.placedIds.add(id);
    return true;
  }

  failed(id: number): void {
    this.failedIds.push(id);
  }

  lost(id: number): boolean {
    return !this.copiedIds.delete(id);
  }

  /** Appends the bytes: whether there was room. */
  async put(id: number, bytes: Uint8Array): Promise<boolean> {
    while (!this.log.fits(bytes.length)) {
      if (!(await this.log.makeRoom(bytes.length))) return false;
    }
    this.drop(id);
    this.contents.set(id, bytes);
    this.log.append(id, 0, bytes);
    return true;
  }

  /** Appends objects of noise until the log takes no more, and flushes: how many there are. */
  async fill(firstId: number, length: number, random: SeededRandom): Promise<number> {
    let count = 0;
    while (await this.put(firstId + count, noise(random, length))) {
      count += 1;
      if (count % 40 === 0) await this.log.flush();
    }
    await this.log.flush();
    return count;
  }

  drop(id: number): void {
    this.contents.delete(id);
    this.placedIds.delete(id);
    this.log.drop(id);
  }

  async read(id: number): Promise<Uint8Array> {
    const target = new Uint8Array(4096);
    return target.subarray(0, await this.log.read(id, target));
  }

  /** Ids whose record is on the medium and does not read as it was written. */
  async unreadable(): Promise<number[]> {
    const ids: number[] = [];
    for (const id of this.placedIds) {
      try {
        if (Buffer.compare(await this.read(id), this.contents.get(id)!) !== 0) ids.push(id);
      } catch {
        ids.push(id);
      }
    }
    return ids;
  }

  /** Bytes of the records that are on the medium and not lost. */
  get liveBytes(): number {
    let bytes = 0;
    for (const id of this.placedIds) bytes += RECORD_HEAD_BYTES + this.contents.get(id)!.length;
    return (
      bytes - this.log.placement.lostBytes - RECORD_HEAD_BYTES * this.log.placement.lostObjects
    );
  }

  /** Done when cleaning has nothing more to do, or does not come to an end within so many turns. */
  async settle(): Promise<void> {
    await this.log.flush();
    for (let turn = 0; turn < 100; turn++)
      await new Promise<void>((resume) => setImmediate(resume));
  }
}

export function noise(random: SeededRandom, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return bytes;
}
