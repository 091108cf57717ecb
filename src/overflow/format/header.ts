/**
 * The header area, the first two segments of the medium: headers one behind the other in one segment; when it is full,
 * the other is erased and taken. What counts is the newest whole one of both.
 *
 * Holds always: headers are written in ascending order to erased bytes; the segment of the newest header is not erased
 * before a newer one is in the other, unless the other has failed twice. One write is under way at a time.
 */

import { PagefoldError } from "../../base/errors.ts";
import type { Medium } from "../media/medium.ts";
import {
  decodeHeader,
  encodeHeader,
  type HeaderState,
  hasHeaderMagic,
  mostSegments,
  type ReadHeader,
} from "./header-record.ts";
import { HEADER_HEAD_BYTES, HEADER_SEGMENTS } from "./layout.ts";

export type { HeaderState } from "./header-record.ts";
export { mostSegments } from "./header-record.ts";

export interface Geometry {
  readonly segmentBytes: number;
  /** Data segments. */
  readonly segments: number;
}

export interface OpenedHeaderArea {
  readonly area: HeaderArea;
  /** What the newest header says; null where there is none, or it is of another geometry. */
  readonly state: HeaderState | null;
  /** What the newest header says where that is of a log with other segments, whose counts are of no use. */
  readonly otherState: HeaderState | null;
}

export class HeaderArea {
  readonly #medium: Medium;
  readonly #segmentBytes: number;
  #generation: number;
  /** The header segment that holds the newest header, -1: none does. */
  #segment: number;
  /** Where the next header goes in it; its length where nothing more may be written there. */
  #position: number;
  /** By header segment: the last attempt to begin it failed. */
  readonly #hasFailed = [false, false];
  #writing: Promise<void> = Promise.resolve();

  private constructor(medium: Medium, segmentBytes: number, newest: Found | null) {
    this.#medium = medium;
    this.#segmentBytes = segmentBytes;
    this.#generation = newest?.header.generation ?? 0;
    this.#segment = newest?.segment ?? -1;
    // What lies behind the newest may be half written, so the first write begins the other segment.
    this.#position = segmentBytes;
  }

  /**
   * Reads the newest header.
   * @throws PagefoldError INVALID_ARGUMENT where a header of so many segments does not fit in one, IO.
   */
  static async open(
    medium: Medium,
    { segmentBytes, segments }: Geometry,
  ): Promise<OpenedHeaderArea> {
    const most = mostSegments(segmentBytes);
    if (segments > most) {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        `${segments} segments of ${segmentBytes} bytes are too many: at most ${most}; make the segments larger or the log smaller`,
      );
    }
    let newest: Found | null = null;
    let failures = 0;
    const bytes = new Uint8Array(segmentBytes);
    for (let segment = 0; segment < HEADER_SEGMENTS; segment++) {
      const failure = await readSegment(medium, segment * segmentBytes, bytes);
      if (failure !== null) failures += 1;
      if (failures === HEADER_SEGMENTS) throw failure;
      const header = findNewest(bytes, medium.programBytes);
      if (header !== null && header.generation > (newest?.header.generation ?? -1)) {
        newest = { header, segment };
      }
    }
    const area = new HeaderArea(medium, segmentBytes, newest);
    const found = newest?.header.state ?? null;
    const isOurs = found?.segmentBytes === segmentBytes && found.segments === segments;
    return { area, state: isOurs ? found : null, otherState: isOurs ? null : found };
  }

  /**
   * Writes a header, as the state is now; after those asked for before.
   * @throws PagefoldError IO, NO_SPACE: where it could not be written; what was the newest still is.
   */
  write(state: HeaderState): Promise<void> {
    this.#generation += 1;
    const { programBytes } = this.#medium;
    const bytes = encodeHeader(state, { generation: this.#generation, programBytes });
    const written = this.#writing.then(() => this.#put(bytes));
    this.#writing = written.catch(() => {});
    return written;
  }

  async #put(bytes: Uint8Array): Promise<void> {
    if (this.#segment < 0) return this.#beginEither(bytes);
    if (this.#position + bytes.length <= this.#segmentBytes && (await this.#append(bytes))) return;
    const other = 1 - this.#segment;
    const hadFailed = this.#hasFailed[other];
    try {
      await this.#begin(other, bytes);
    } catch (cause) {
      // Only now is the newest header put at risk: else a header segment that is worn out would end the account.
      if (!isRefusal(cause) || !hadFailed) throw cause;
      await this.#begin(1 - other, bytes);
    }
  }

  async #beginEither(bytes: Uint8Array): Promise<void> {
    try {
      await this.#begin(0, bytes);
    } catch (cause) {
      if (!isRefusal(cause)) throw cause;
      await this.#begin(1, bytes);
    }
  }

  /** Writes behind the newest header: whether it could be. */
  async #append(bytes: Uint8Array): Promise<boolean> {
    const offset = this.#segment * this.#segmentBytes + this.#position;
    try {
      await this.#medium.write(offset, bytes);
    } catch (cause) {
      if (!isRefusal(cause)) throw cause;
      this.#position = this.#segmentBytes;
      return false;
    }
    this.#position += bytes.length;
    return true;
  }

  /** Erases a header segment and writes at its beginning. */
  async #begin(segment: number, bytes: Uint8Array): Promise<void> {
    const offset = segment * this.#segmentBytes;
    this.#hasFailed[segment] = true;
    // The newest header has to be there to stay before older ones go.
    await this.#medium.flush();
    await this.#medium.erase(offset, this.#segmentBytes);
    await this.#medium.write(offset, bytes);
    this.#hasFailed[segment] = false;
    this.#segment = segment;
    this.#position = bytes.length;
  }
}

/** What a medium answers; anything else is a mistake of ours and goes on as it is. */
function isRefusal(cause: unknown): boolean {
  return cause instanceof PagefoldError;
}

interface Found {
  readonly header: ReadHeader;
  readonly segment: number;
}

/** The newest header in the bytes of a header segment, null if there is none; headers begin at multiples of `step`. */
function findNewest(bytes: Uint8Array, step: number): ReadHeader | null {
  let newest: ReadHeader | null = null;
  for (let offset = 0; offset + HEADER_HEAD_BYTES <= bytes.length; offset += step) {
    if (!hasHeaderMagic(bytes, offset)) continue;
    const header = decodeHeader(bytes, offset);
    if (header !== null && header.generation > (newest?.generation ?? -1)) newest = header;
  }
  return newest;
}

/** Reads what can be read of a header segment, zeros for the rest: why, where nothing could be; else null. */
async function readSegment(medium: Medium, offset: number, target: Uint8Array): Promise<unknown> {
  try {
    await medium.read(offset, target);
    return null;
  } catch (cause) {
    if (!isRefusal(cause)) throw cause;
    let readable = 0;
    for (let at = 0; at < target.length; at += medium.programBytes) {
      const part = target.subarray(at, at + medium.programBytes);
      try {
        await medium.read(offset + at, part);
        readable += 1;
      } catch {
        part.fill(0);
      }
    }
    return readable > 0 ? null : cause;
  }
}
