/**
 * What outlives the process: erase counts, retired segments and bytes written, in the header area of the medium. It is
 * written when the log opens and closes and after every 64 erases; a crash forgets at most those.
 */

import { reasonOf } from "../base/errors.ts";
import type { RandomSource } from "../base/random.ts";
import { HeaderArea, type HeaderState } from "./format/header.ts";
import { HEADER_SEGMENTS } from "./format/layout.ts";
import type { Medium } from "./media/medium.ts";
import type { SegmentSpace } from "./space/segment-space.ts";

const ERASES_PER_SAVE = 64;

export interface LedgerOptions {
  readonly medium: Medium;
  readonly segmentBytes: number;
  /** Data segments. */
  readonly segments: number;
  readonly random: RandomSource;
  readonly onEvent: (line: string) => void;
}

export class WearLedger {
  readonly #area: HeaderArea;
  readonly #options: LedgerOptions;
  /** What earlier openings left, or null. */
  readonly earlier: HeaderState | null;
  readonly #logId: Uint8Array;
  #space: SegmentSpace | null = null;
  #programmedBytes: () => number = () => 0;
  #sinceSave = 0;
  #hasFailed = false;

  private constructor(area: HeaderArea, options: LedgerOptions, earlier: HeaderState | null) {
    this.#area = area;
    this.#options = options;
    this.earlier = earlier;
    this.#logId = new Uint8Array(16);
    if (earlier === null) options.random(this.#logId);
    else this.#logId.set(earlier.logId);
  }

  /** Reads what is there. @throws PagefoldError IO. */
  static async open(options: LedgerOptions): Promise<WearLedger> {
    const { medium, segmentBytes, segments, onEvent } = options;
    const { area, state, otherState } = await HeaderArea.open(medium, { segmentBytes, segments });
    if (otherState !== null) {
      onEvent(
        `${medium.name} held a log of ${otherState.segments} segments of ${otherState.segmentBytes} bytes before; its erase counts do not fit one of ${segments} of ${segmentBytes} and begin anew`,
      );
    }
    return new WearLedger(area, options, state);
  }

  /** Bytes the header area takes at the medium's start. */
  static areaBytes(segmentBytes: number): number {
    return HEADER_SEGMENTS * segmentBytes;
  }

  /** How often the log was opened, this time included. */
  get openings(): number {
    return (this.earlier?.opened ?? 0) + 1;
  }

  /** Bytes handed to the medium in all its life. */
  get programmedBytesEver(): number {
    return (this.earlier?.programmedBytes ?? 0) + this.#programmedBytes();
  }

  /** Begins to keep account of a log. */
  async begin(space: SegmentSpace, programmedBytes: () => number): Promise<void> {
    this.#space = space;
    this.#programmedBytes = programmedBytes;
    await this.save();
  }

  /** A segment was erased. */
  erased(): void {
    this.#sinceSave += 1;
    if (this.#sinceSave >= ERASES_PER_SAVE) void this.save();
  }

  /** Writes it all down; a failure is told once, and costs the counts alone. */
  async save(): Promise<void> {
    const { segmentBytes, segments, onEvent, medium } = this.#options;
    const space = this.#space;
    if (space === null) return;
    this.#sinceSave = 0;
    try {
      await this.#area.write({
        logId: this.#logId,
        opened: this.openings,
        programmedBytes: this.programmedBytesEver,
        segmentBytes,
        segments,
        eraseCounts: space.eraseCounts,
        retired: space.retiredSegments(),
      });
    } catch (cause) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      onEvent(
        `erase counts cannot be kept on ${medium.name} and will be forgotten at the end: ${reasonOf(cause)}`,
      );
    }
  }
}
