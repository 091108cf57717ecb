/**
 * Cleaning: what still lives in a victim segment is written again to a stream of survivors, then the victim is erased.
 * One victim at a time, some units at a time; everything else goes on between.
 *
 * Holds always: records that died are not copied, and units of dead records only are not read. An object whose unit
 * cannot be read or opened twice in a row is lost, and said so when it is asked for.
 */

import { reasonOf } from "../base/errors.ts";
import type { Appender } from "./appender.ts";
import { RECORD_HEAD_BYTES, UNIT_ALIGN } from "./format/layout.ts";
import {
  firstRecord,
  openUnit,
  recordGeneration,
  recordLength,
  recordObject,
  recordPriority,
  unitRecords,
} from "./format/unit.ts";
import { type LogParts, segmentOffset } from "./log-parts.ts";
import type { Placement } from "./placement.ts";
import type { SegmentReader } from "./segment-reader.ts";

/** Read at once. */
const CHUNK_BYTES = 2 ** 18;
/** Passes over one victim; another is needed where survivors could not be written. */
const MOST_PASSES = 4;

export interface CleanerOptions {
  readonly parts: LogParts;
  readonly reader: SegmentReader;
  /** The way to the medium of a stream of survivors. */
  readonly survivorsOf: (stream: number) => Appender;
  /** A segment was erased, or cleaning found nothing more to do. */
  readonly onProgress: () => void;
  readonly onErased: () => void;
  /** A record cannot be read: whether the object has gone with it. */
  readonly onLost: (id: number) => boolean;
  readonly isDead: () => boolean;
}

export class Cleaner {
  readonly #options: CleanerOptions;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  #running: Promise<void> | null = null;
  #isStopped = false;
  segmentsCleaned = 0;
  movedRecords = 0;
  movedBytes = 0;

  constructor(options: CleanerOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  /** Cleans until there are free segments enough, or nothing is to be won; at once if it is under way already. */
  start(): void {
    if (this.#running !== null || this.#isStopped) return;
    if (!this.#options.parts.space.needsCleaning()) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      this.#options.onProgress();
    });
  }

  /** Begins nothing more and gives the victim up; done when what is being read or written is. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { parts, isDead } = this.#options;
    while (!this.#isStopped && !isDead() && parts.space.needsCleaning()) {
      const victim = parts.space.victim();
      if (victim < 0 || !(await this.#clean(victim))) return;
    }
  }

  /** Empties and erases a segment: whether it could be done. */
  async #clean(victim: number): Promise<boolean> {
    const { parts, reader, survivorsOf, isDead, onProgress } = this.#options;
    const { space, medium, records, segmentBytes, onEvent } = parts;
    const out = survivorsOf(space.survivorStream(victim));
    for (let pass = 0; this.#holdsAny(victim); pass++) {
      const isDone = pass < MOST_PASSES && !isDead() && (await this.#move(victim, out));
      await out.flush();
      if (isDone) continue;
      space.giveUp(victim);
      return false;
    }
    await reader.idle(victim);
    records[victim]!.clear();
    try {
      await medium.erase(segmentOffset(parts, victim), segmentBytes);
      space.erased(victim);
      this.segmentsCleaned += 1;
      this.#options.onErased();
    } catch (cause) {
      space.eraseFailed(victim);
      onEvent(`segment ${victim} is used no more: ${reasonOf(cause)}`);
    }
    onProgress();
    return true;
  }

  /** Whether any object's record lies in the segment. */
  #holdsAny(segment: number): boolean {
    const own = this.#options.parts.records[segment]!;
    for (let unit = 0; unit < own.units; unit++) if (this.#isLive(segment, unit)) return true;
    return false;
  }

  #isLive(segment: number, unit: number): boolean {
    const { records, placement } = this.#options.parts;
    const position = records[segment]!.positionOf(unit);
    for (const id of records[segment]!.idsOf(unit))
      if (placement.unitOf(id) === position) return true;
    return false;
  }

  /** Appends every live record of the segment to `out`: false where one has no room, or when stopped. */
  async #move(segment: number, out: Appender): Promise<boolean> {
    const own = this.#options.parts.records[segment]!;
    let unit = 0;
    while (unit < own.units) {
      if (!this.#isLive(segment, unit)) {
        unit += 1;
        continue;
      }
      // As many that lie one behind the other as the chunk takes.
      let end = unit + 1;
      let bytes = own.lengthOf(unit) * UNIT_ALIGN;
      while (
        end < own.units &&
        this.#isLive(segment, end) &&
        own.positionOf(end) === own.positionOf(end - 1) + own.lengthOf(end - 1)
      ) {
        const more = own.lengthOf(end) * UNIT_ALIGN;
        if (bytes + more > CHUNK_BYTES) break;
        bytes += more;
        end += 1;
      }
      if (!(await this.#moveUnits(segment, { first: unit, end, bytes }, out))) return false;
      // A dead medium's records are not given up: they may be read yet.
      if (this.#isStopped || this.#options.isDead()) return false;
      unit = end;
    }
    return true;
  }

  async #moveUnits(
    segment: number,
    { first, end, bytes }: { readonly first: number; readonly end: number; readonly bytes: number },
    out: Appender,
  ): Promise<boolean> {
    const { parts, reader } = this.#options;
    const own = parts.records[segment]!;
    const start = own.positionOf(first);
    let isRead = true;
    try {
      await reader.readUnits(start, this.#chunk.subarray(0, bytes));
    } catch {
      isRead = false;
    }
    for (let unit = first; unit < end; unit++) {
      const position = own.positionOf(unit);
      const at = (position - start) * UNIT_ALIGN;
      const view = this.#chunk.subarray(at, at + own.lengthOf(unit) * UNIT_ALIGN);
      // What a read brought wrong, or not at all, may come right by the next.
      const isOpen =
        (isRead && openUnit(parts.seal, view)) || (await this.#openAlone(position, view));
      this.#loseMissing(segment, unit, isOpen ? view : null);
      if (isOpen && !(await this.#moveRecords(view, position, out))) return false;
    }
    return true;
  }

  async #openAlone(position: number, target: Uint8Array): Promise<boolean> {
    const { parts, reader } = this.#options;
    try {
      await reader.readUnits(position, target);
      return openUnit(parts.seal, target);
    } catch {
      return false;
    }
  }

  /**
   * Gives up the records of a unit that are not in the bytes read for it: `view`, or null where it could not be opened.
   * A unit that opened is another one where a write was lost and an earlier unit of this life lies there still.
   */
  #loseMissing(segment: number, unit: number, view: Uint8Array | null): void {
    const { records, placement, space, onEvent, medium } = this.#options.parts;
    const position = records[segment]!.positionOf(unit);
    let lost = 0;
    for (const id of records[segment]!.idsOf(unit)) {
      if (placement.unitOf(id) !== position || (view !== null && holds(view, placement, id)))
        continue;
      space.died(segment, placement.recordBytes(id));
      if (this.#options.onLost(id)) {
        placement.lose(id);
        lost += 1;
      } else {
        placement.remove(id);
      }
    }
    if (lost === 0) return;
    onEvent(
      `${lost} objects are lost: a unit in segment ${segment} of ${medium.name} could not be read`,
    );
  }

  async #moveRecords(unit: Uint8Array, position: number, out: Appender): Promise<boolean> {
    const { placement } = this.#options.parts;
    let at = firstRecord;
    for (let left = unitRecords(unit); left > 0; left--) {
      const length = recordLength(unit, at);
      const id = recordObject(unit, at);
      const generation = recordGeneration(unit, at);
      const isLive = () =>
        placement.unitOf(id) === position &&
        placement.recordOffset(id) === at &&
        placement.generationOf(id) === generation;
      if (isLive()) {
        // A write that failed meanwhile takes the room with it.
        while (!out.fits(length)) if (!(await out.makeRoom(length))) return false;
        // It may have died meanwhile.
        if (isLive()) {
          const from = at + RECORD_HEAD_BYTES;
          const record = { id, priority: recordPriority(unit, at), generation, from: position };
          out.add(record, unit.subarray(from, from + length));
          this.movedRecords += 1;
          this.movedBytes += RECORD_HEAD_BYTES + length;
        }
      }
      at += RECORD_HEAD_BYTES + length;
    }
    return true;
  }
}

/** Whether the unit holds the record that the object's placement tells of. */
function holds(unit: Uint8Array, placement: Placement, id: number): boolean {
  const at = placement.recordOffset(id);
  return (
    recordObject(unit, at) === id &&
    recordGeneration(unit, at) === placement.generationOf(id) &&
    recordLength(unit, at) === placement.lengthOf(id)
  );
}
