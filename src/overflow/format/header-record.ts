/**
 * One header: what of a log outlives the process, in bytes with a check. Erase counts are stored as their distance from
 * the least of them, in as few bytes as the widest takes.
 */

import { assert } from "../../base/assert.ts";
import { crc32c, maskCheck } from "./crc32c.ts";
import {
  CHECK_BYTES,
  HEADER,
  HEADER_HEAD_BYTES,
  HEADER_MAGIC,
  HEADER_VERSION,
  LOG_ID_BYTES,
  readU16,
  readU32,
  readU64,
  writeU16,
  writeU32,
  writeU64,
} from "./layout.ts";

export interface HeaderState {
  /** 16 bytes, given to the log when it was made. */
  readonly logId: Uint8Array;
  /** How often the log was opened. */
  readonly opened: number;
  /** Bytes written to the medium in all its life. */
  readonly programmedBytes: number;
  readonly segmentBytes: number;
  /** Data segments. */
  readonly segments: number;
  /** By data segment. */
  readonly eraseCounts: Uint32Array;
  /** By data segment: 1 if it is used no more. */
  readonly retired: Uint8Array;
}

export interface ReadHeader {
  readonly state: HeaderState;
  /** Grows with each header of a log. */
  readonly generation: number;
  readonly bytes: number;
}

/** Bytes of an erase count that every log has room for. */
const SURE_COUNT_BYTES = 2;

/** The longest header of so many segments, with counts of so many bytes. */
function headerBytes(segments: number, countBytes: number): number {
  return HEADER_HEAD_BYTES + segments * countBytes + Math.ceil(segments / 8) + CHECK_BYTES;
}

/** The most data segments a log with segments of `segmentBytes` can have: a header has to fit in one of them. */
export function mostSegments(segmentBytes: number): number {
  const room = segmentBytes - HEADER_HEAD_BYTES - CHECK_BYTES;
  let segments = Math.floor((8 * room) / (8 * SURE_COUNT_BYTES + 1));
  while (headerBytes(segments, SURE_COUNT_BYTES) > segmentBytes) segments -= 1;
  return segments;
}

/** The header's bytes, a multiple of `programBytes`. */
export function encodeHeader(
  state: HeaderState,
  { generation, programBytes }: { readonly generation: number; readonly programBytes: number },
): Uint8Array {
  const { segments, segmentBytes, eraseCounts } = state;
  assert(
    eraseCounts.length === segments && state.retired.length === segments,
    "each segment has its counts",
  );
  let least = 0xffff_ffff;
  let most = 0;
  for (const count of eraseCounts) {
    if (count < least) least = count;
    if (count > most) most = count;
  }
  const countBytes = countBytesFor(most - least, state);
  const bytes = headerBytes(segments, countBytes);
  const header = new Uint8Array(Math.ceil(bytes / programBytes) * programBytes);
  writeU32(header, HEADER.magic, HEADER_MAGIC[0]);
  writeU32(header, HEADER.magic + 4, HEADER_MAGIC[1]);
  writeU32(header, HEADER.version, HEADER_VERSION);
  writeU32(header, HEADER.length, bytes);
  header.set(state.logId, HEADER.logId);
  writeU64(header, HEADER.generation, generation);
  writeU32(header, HEADER.segmentBytes, segmentBytes);
  writeU32(header, HEADER.segments, segments);
  writeU32(header, HEADER.opened, state.opened);
  writeU32(header, HEADER.countBytes, countBytes);
  writeU64(header, HEADER.programmedBytes, state.programmedBytes);
  writeU32(header, HEADER.leastErases, least);
  let at: number = HEADER_HEAD_BYTES;
  const mostApart = 2 ** (8 * countBytes) - 1;
  for (const count of eraseCounts) {
    const apart = Math.min(count - least, mostApart);
    if (countBytes === 1) header[at] = apart;
    else if (countBytes === 2) writeU16(header, at, apart);
    else writeU32(header, at, apart);
    at += countBytes;
  }
  for (let segment = 0; segment < segments; segment++) {
    if (state.retired[segment] !== 0) header[at + (segment >>> 3)]! |= 1 << (segment & 7);
  }
  writeU32(header, bytes - CHECK_BYTES, maskCheck(crc32c(header.subarray(0, bytes - CHECK_BYTES))));
  return header;
}

/** Where four bytes are needed and do not fit, what is further than two can say is cut off there. */
function countBytesFor(spread: number, { segments, segmentBytes }: HeaderState): 1 | 2 | 4 {
  if (spread < 2 ** 8) return 1;
  return spread >= 2 ** 16 && headerBytes(segments, 4) <= segmentBytes ? 4 : 2;
}

/** Whether a header may begin at `at`; `decodeHeader` tells. */
export function hasHeaderMagic(bytes: Uint8Array, at: number): boolean {
  return (
    readU32(bytes, at) === HEADER_MAGIC[0] &&
    readU32(bytes, at + 4) === HEADER_MAGIC[1] &&
    readU32(bytes, at + HEADER.version) === HEADER_VERSION
  );
}

/** The header that begins at `at`, null if there is none, or it is torn or damaged. */
export function decodeHeader(bytes: Uint8Array, at: number): ReadHeader | null {
  if (at + HEADER_HEAD_BYTES > bytes.length || !hasHeaderMagic(bytes, at)) return null;
  const length = readU32(bytes, at + HEADER.length);
  const segments = readU32(bytes, at + HEADER.segments);
  const countBytes = readU32(bytes, at + HEADER.countBytes);
  if (countBytes !== 1 && countBytes !== 2 && countBytes !== 4) return null;
  if (length !== headerBytes(segments, countBytes) || at + length > bytes.length) return null;
  const header = bytes.subarray(at, at + length);
  const check = maskCheck(crc32c(header.subarray(0, length - CHECK_BYTES)));
  if (check !== readU32(header, length - CHECK_BYTES)) return null;
  const least = readU32(header, HEADER.leastErases);
  const eraseCounts = new Uint32Array(segments);
  const retired = new Uint8Array(segments);
  const bits = HEADER_HEAD_BYTES + segments * countBytes;
  for (let segment = 0; segment < segments; segment++) {
    const place = HEADER_HEAD_BYTES + segment * countBytes;
    const apart =
      countBytes === 1
        ? header[place]!
        : countBytes === 2
          ? readU16(header, place)
          : readU32(header, place);
    eraseCounts[segment] = least + apart;
    retired[segment] = (header[bits + (segment >>> 3)]! >>> (segment & 7)) & 1;
  }
  const state = {
    logId: header.slice(HEADER.logId, HEADER.logId + LOG_ID_BYTES),
    opened: readU32(header, HEADER.opened),
    programmedBytes: readU64(header, HEADER.programmedBytes),
    segmentBytes: readU32(header, HEADER.segmentBytes),
    segments,
    eraseCounts,
    retired,
  };
  return { state, generation: readU64(header, HEADER.generation), bytes: length };
}
