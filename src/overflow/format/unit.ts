/**
 * Units: what is sealed, written and read as one. Records lie in them back to back, in the order they were added.
 *
 * Holds always for a unit that opened: its records lie within it, one behind the other, as many as its head says. The
 * functions that read a record take any bytes and any offset, never read outside the unit, and answer a length of -1
 * for what does not lie in it.
 */

import { assert } from "../../base/assert.ts";
import {
  MOST_PRIORITY,
  OBJECT_BITS,
  RECORD,
  RECORD_HEAD_BYTES,
  readU16,
  readU32,
  SEALED,
  TAG_BYTES,
  UNIT,
  UNIT_ALIGN,
  UNIT_HEAD_BYTES,
  writeU16,
  writeU32,
} from "./layout.ts";
import type { Seal } from "./seal.ts";

/**
 * The longest unit. Sealing and opening records of 1200 bytes, and reading that much of a file that is in memory, the
 * best of 25 (AMD EPYC, Node 20.20, 2026-11-21, other work on the machine):
 *
 *     unit       records  overhead  sealing, MB/s   opening, µs    reading, µs
 *                                   sealed  plain   sealed  plain
 *     1 record        1     6.7 %      298   1073      3.5    1.0        15.7
 *     4 KiB           3     3.1 %      728   1423      4.5    2.3        15.7
 *     8 KiB           6     2.2 %     1116   1556      5.9    4.4        16.6
 *     16 KiB         13     1.3 %     1728   1644      8.4    9.1        18.2
 *
 * Sealing, reading and opening one record takes 23.2, 21.8, 23.6 and 27.3 µs. 8 KiB has one record of a whole page and
 * others beside it, seals faster than an SSD writes, and costs a read 3.3 µs more than a unit of its own would.
 */
export const MOST_UNIT_BYTES = 8192;

/** Where a unit's first record lies. */
export const firstRecord = UNIT_HEAD_BYTES;

const MOST_RECORDS = 0xffff;
const MOST_RECORD_BYTES = 0xffff;
const OBJECT_MASK = 2 ** OBJECT_BITS - 1;

/** Bytes of a unit with so many bytes of records, their heads included. */
export function unitBytesFor(payloadBytes: number, isSealed: boolean): number {
  const bytes = UNIT_HEAD_BYTES + payloadBytes + (isSealed ? TAG_BYTES : 0);
  return Math.ceil(bytes / UNIT_ALIGN) * UNIT_ALIGN;
}

/** Builds units in the caller's bytes, one after another. */
export class UnitWriter {
  readonly #seal: Seal;
  readonly #unitBytes: number;
  #target: Uint8Array = new Uint8Array(0);
  #start = 0;
  /** Where the next record goes, and where the last one has to end. */
  #at = 0;
  #end = 0;
  #records = 0;

  /** `mostBytes`: of a unit, a multiple of 64. */
  constructor(seal: Seal, mostBytes: number) {
    assert(mostBytes % UNIT_ALIGN === 0, "units are multiples of 64 bytes");
    this.#seal = seal;
    this.#unitBytes = mostBytes;
  }

  /** Records in the unit so far. */
  get records(): number {
    return this.#records;
  }

  /** A new unit, from `offset` of `target` on and at most `mostBytes` long. What was begun before is forgotten. */
  begin(target: Uint8Array, offset: number, mostBytes: number = this.#unitBytes): void {
    const bytes = Math.floor(Math.min(mostBytes, this.#unitBytes) / UNIT_ALIGN) * UNIT_ALIGN;
    assert(offset + bytes <= target.length, "the unit lies within its target");
    this.#target = target;
    this.#start = offset;
    this.#at = offset + UNIT_HEAD_BYTES;
    this.#end = offset + bytes - this.#seal.tagBytes;
    this.#records = 0;
  }

  /** Whether a record of `length` more bytes fits. */
  room(length: number): boolean {
    return this.#at + RECORD_HEAD_BYTES + length <= this.#end && this.#records < MOST_RECORDS;
  }

  /** Adds a record: the offset of its head in the unit. */
  add(object: number, priority: number, generation: number, bytes: Uint8Array): number {
    const { length } = bytes;
    assert(length >= 1 && length <= MOST_RECORD_BYTES, "a record holds 1 to 65535 bytes");
    assert(object >>> OBJECT_BITS === 0, "ids have 24 bits");
    assert(priority >= 0 && priority <= MOST_PRIORITY, "priorities are 0 to 3");
    assert(this.room(length), "the record fits");
    const target = this.#target;
    const at = this.#at;
    writeU32(target, at + RECORD.object, object | (priority << OBJECT_BITS));
    writeU32(target, at + RECORD.generation, generation);
    writeU16(target, at + RECORD.length, length);
    writeU16(target, at + RECORD.zero, 0);
    target.set(bytes, at + RECORD_HEAD_BYTES);
    this.#at = at + RECORD_HEAD_BYTES + length;
    this.#records += 1;
    return at - this.#start;
  }

  /** Seals the unit: its bytes, a multiple of 64. */
  end(): number {
    const start = this.#start;
    const payloadBytes = this.#at - start - UNIT_HEAD_BYTES;
    const bytes = unitBytesFor(payloadBytes, !this.#seal.isPlain);
    this.#target.fill(0, this.#at, start + bytes);
    this.#seal.seal(this.#target.subarray(start, start + bytes), this.#records);
    this.#end = start;
    return bytes;
  }
}

/**
 * Opens a unit in place, its payload then lies in the clear: whether it is whole, unchanged and of the seal's life.
 * It can be opened once.
 */
export function openUnit(seal: Seal, unit: Uint8Array): boolean {
  return unit.length % UNIT_ALIGN === 0 && seal.open(unit) && holdsItsRecords(unit);
}

/** Whether as many records as the head says lie in the unit; of one that was sealed they do. */
function holdsItsRecords(unit: Uint8Array): boolean {
  let at = firstRecord;
  for (let left = unitRecords(unit); left > 0; left--) {
    const length = recordLength(unit, at);
    if (length < 1) return false;
    at += RECORD_HEAD_BYTES + length;
  }
  return true;
}

export function unitRecords(unit: Uint8Array): number {
  return readU16(unit, UNIT.records);
}

export function recordObject(unit: Uint8Array, at: number): number {
  return readU32(unit, at + RECORD.object) & OBJECT_MASK;
}

export function recordPriority(unit: Uint8Array, at: number): number {
  return (readU32(unit, at + RECORD.object) >>> OBJECT_BITS) & MOST_PRIORITY;
}

export function recordGeneration(unit: Uint8Array, at: number): number {
  return readU32(unit, at + RECORD.generation);
}

/** Of the bytes behind the record's head; -1 where they do not lie in the unit. */
export function recordLength(unit: Uint8Array, at: number): number {
  const end = unit.length - (unit[UNIT.flags]! & SEALED ? TAG_BYTES : 0);
  const length = readU16(unit, at + RECORD.length);
  return at >= firstRecord && at + RECORD_HEAD_BYTES + length <= end ? length : -1;
}
