/** What the parts of one log share, and how positions on the medium and segments belong together. */

import { UNIT_ALIGN } from "./format/layout.ts";
import type { Seal } from "./format/seal.ts";
import type { Medium } from "./media/medium.ts";
import type { Placement } from "./placement.ts";
import type { SegmentRecords } from "./segment-records.ts";
import type { SegmentSpace } from "./space/segment-space.ts";

export interface LogParts {
  readonly medium: Medium;
  readonly seal: Seal;
  readonly space: SegmentSpace;
  readonly placement: Placement;
  /** By segment. */
  readonly records: readonly SegmentRecords[];
  readonly segmentBytes: number;
  /** Where the first data segment begins on the medium. */
  readonly firstOffset: number;
  /** Something the operator should know, said once each. */
  readonly onEvent: (line: string) => void;
}

/** The segment a unit lies in. */
export function segmentOf({ firstOffset, segmentBytes }: LogParts, unit: number): number {
  return Math.floor((unit * UNIT_ALIGN - firstOffset) / segmentBytes);
}

/** Where a segment begins on the medium. */
export function segmentOffset({ firstOffset, segmentBytes }: LogParts, segment: number): number {
  return firstOffset + segment * segmentBytes;
}
