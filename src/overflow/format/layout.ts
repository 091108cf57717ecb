/**
 * Where everything lies in a log's units and headers, byte for byte; docs/overflow.md draws it. All numbers are
 * unsigned, the lowest byte first.
 *
 *     unit    head (32) | records | zeros up to a multiple of 64 | tag (16, in sealed units)
 *     record  head (12) | bytes
 *     header  head (68) | erase counts | retired bits | check (4)
 */

/** Units begin at, and are as long as, multiples of this. */
export const UNIT_ALIGN = 64;

/** Segments at the beginning of the medium that hold headers. */
export const HEADER_SEGMENTS = 2;

export const UNIT_HEAD_BYTES = 32;
/** "PU" */
export const UNIT_MAGIC = 0x5550;
export const UNIT_VERSION = 1;
/** In a unit's flags: AES-256-GCM over it; else its check covers all of it. */
export const SEALED = 1;
/** The authentication tag at the end of a sealed unit. */
export const TAG_BYTES = 16;
export const LIFE_BYTES = 8;

/** Offsets in a unit's head. */
export const UNIT = {
  magic: 0,
  version: 2,
  flags: 3,
  length: 4,
  life: 8,
  counter: 16,
  records: 24,
  zero: 26,
  check: 28,
} as const;

export const RECORD_HEAD_BYTES = 12;
/** Bits of an object's id; the codec's priority has the two above. */
export const OBJECT_BITS = 24;
export const MOST_PRIORITY = 3;

/** Offsets in a record's head. */
export const RECORD = { object: 0, generation: 4, length: 8, zero: 10 } as const;

/** "PFLOGHD\n", as two words. */
export const HEADER_MAGIC = [0x4f4c_4650, 0x0a44_4847] as const;
export const HEADER_VERSION = 1;
export const HEADER_HEAD_BYTES = 68;
export const LOG_ID_BYTES = 16;
export const CHECK_BYTES = 4;

/** Offsets in a header. */
export const HEADER = {
  magic: 0,
  version: 8,
  length: 12,
  logId: 16,
  generation: 32,
  segmentBytes: 40,
  segments: 44,
  opened: 48,
  countBytes: 52,
  programmedBytes: 56,
  leastErases: 64,
} as const;

export function readU16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

/** As a number; what is over 2^53 is not exact. */
export function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) + readU32(bytes, at + 4) * 2 ** 32;
}

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** A whole number up to 2^53 - 1. */
export function writeU64(bytes: Uint8Array, at: number, value: number): void {
  writeU32(bytes, at, value >>> 0);
  writeU32(bytes, at + 4, Math.floor(value / 2 ** 32));
}
