/** What a store's overflow log can be asked for, and the one check of it. */

import { formatSize, PAGE_BYTES } from "../base/units.ts";
import { mostSegments } from "../overflow/format/header.ts";
import { HEADER_SEGMENTS, RECORD_HEAD_BYTES, UNIT_ALIGN } from "../overflow/format/layout.ts";
import type { Medium } from "../overflow/media/medium.ts";
import type { CleaningPolicy } from "../overflow/space/cleaning/cleaning-policy.ts";
import { cleaningPolicy } from "../overflow/space/cleaning/policies.ts";
import { MOST_SEGMENTS } from "../overflow/space/segment-space.ts";
import { checkBytes, checkFlag, checkKeys, checkObject, invalid, shown } from "./checks.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** 256 GiB: where a unit lies is 32 bits wide. */
const MOST_LOG_BYTES = 2 ** 32 * UNIT_ALIGN;
const LEAST_SEGMENT_BYTES = 64 * KIB;
const MOST_SEGMENT_BYTES = 64 * MIB;
const LEAST_SEGMENTS = 4 + HEADER_SEGMENTS;
/** A day's bytes hold the largest record, so that each object can leave some day. */
const LEAST_BUDGET_BYTES = RECORD_HEAD_BYTES + PAGE_BYTES;
const MOST_BUDGET_BYTES = 2 ** 50;
export const MOST_ENDURANCE_CYCLES = 1e9;

/** The overflow log: where objects go that leave memory. */
export interface OverflowOptions {
  /** A regular file, made if it is not there, or a block device. What it held is lost. */
  readonly path?: string;
  /** What the log lies on, in place of a path: for tests and simulations. */
  readonly medium?: Medium;
  /** Bytes of the log, rounded down to whole segments; at most 256 GiB. A medium's own size by default. */
  readonly sizeBytes?: number;
  /** Written, cleaned and erased as one: a power of two from 64 KiB to 64 MiB, 1 MiB by default. */
  readonly segmentBytes?: number;
  /** Records are not encrypted, only checked; false by default. */
  readonly plain?: boolean;
  /** Which segment is cleaned next: `fifo`, `greedy`, `cost-benefit` (the default), `d-choices:D`. */
  readonly cleaning?: string;
  /** Shares of the memory limit, 0.01 to 0.99: above the high one objects leave until the low one; 0.9 and 0.8. */
  readonly highWatermark?: number;
  readonly lowWatermark?: number;
  /** Whether an object that is read again and again comes back to memory; true by default. */
  readonly promote?: boolean;
  /** Bytes a day that may be written while nothing waits for memory; no limit by default. */
  readonly budgetBytesPerDay?: number;
  /** Whether objects leave in the last of the store's `recompress` codecs where that is smaller; false by default. */
  readonly recompress?: boolean;
  /** Times the medium's bytes can be programmed, for the forecast of its life; 3000 by default. */
  readonly enduranceCycles?: number;
  /** Told in a sentence what happens to the log: what was rounded, what failed. Nothing by default. */
  readonly onEvent?: (line: string) => void;
}

const KEYS = [
  "path",
  "medium",
  "sizeBytes",
  "segmentBytes",
  "plain",
  "cleaning",
  "highWatermark",
  "lowWatermark",
  "promote",
  "budgetBytesPerDay",
  "recompress",
  "enduranceCycles",
  "onEvent",
];

/** An overflow log's options, complete and checked. */
export interface CheckedOverflowOptions {
  readonly place: { readonly path: string } | { readonly medium: Medium };
  /** Whole segments. */
  readonly sizeBytes: number;
  readonly segmentBytes: number;
  readonly isPlain: boolean;
  readonly cleaning: CleaningPolicy;
  readonly highWatermark: number;
  readonly lowWatermark: number;
  readonly promotes: boolean;
  readonly recompresses: boolean;
  readonly budgetBytesPerDay: number | undefined;
  readonly enduranceCycles: number;
  readonly onEvent: (line: string) => void;
}

/** For a message: bytes, and the same for a person. */
function sized(bytes: number): string {
  return `${bytes} (${formatSize(bytes)})`;
}

function checkPlace({ path, medium }: OverflowOptions): CheckedOverflowOptions["place"] {
  if ((path === undefined) === (medium === undefined)) {
    const given = path === undefined ? "neither a path nor a medium" : "both a path and a medium";
    throw invalid(`overflow has ${given}; give the path of a file or block device, or a medium`);
  }
  if (medium !== undefined) {
    if (typeof medium === "object" && medium !== null && typeof medium.read === "function")
      return { medium };
    throw invalid(`overflow.medium is ${shown(medium)}; it must be a medium, or give a path`);
  }
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw invalid(
      `overflow.path is ${shown(path)}; it must name a file or block device, without zero bytes`,
    );
  }
  return { path };
}

function checkSegmentBytes(value: unknown): number {
  const isPowerOfTwo = typeof value === "number" && Number.isInteger(Math.log2(value));
  if (isPowerOfTwo && value >= LEAST_SEGMENT_BYTES && value <= MOST_SEGMENT_BYTES) return value;
  throw invalid(
    `overflow.segmentBytes is ${shown(value)}; it must be a power of two from ${sized(LEAST_SEGMENT_BYTES)} to ${sized(MOST_SEGMENT_BYTES)}`,
  );
}

function checkProgramBytes(place: CheckedOverflowOptions["place"], segmentBytes: number): void {
  if (!("medium" in place) || segmentBytes % place.medium.programBytes === 0) return;
  throw invalid(
    `overflow.medium programs ${shown(place.medium.programBytes)} bytes at a time and overflow.segmentBytes is ${sized(segmentBytes)}; a segment must be whole program units: give segmentBytes as a multiple, or a medium whose program unit divides it`,
  );
}

/** The log's size in whole segments; what is beyond them is told `onEvent`. */
function checkSize(
  { sizeBytes: asked }: OverflowOptions,
  checked: Pick<CheckedOverflowOptions, "place" | "segmentBytes" | "onEvent">,
): number {
  const { place, segmentBytes, onEvent } = checked;
  const mediumBytes = "medium" in place ? place.medium.sizeBytes : undefined;
  const value = asked ?? mediumBytes;
  if (value === undefined)
    throw invalid("overflow.sizeBytes is missing; say how many bytes of the path the log may take");
  const most = Math.min(MOST_LOG_BYTES, mediumBytes ?? MOST_LOG_BYTES);
  const sizeBytes = checkBytes(value, "overflow.sizeBytes", { least: 1, most });
  const segments = Math.floor(sizeBytes / segmentBytes);
  if (segments < LEAST_SEGMENTS) {
    throw invalid(
      `overflow.sizeBytes is ${sized(sizeBytes)}, ${segments} whole segments of ${formatSize(segmentBytes)}; the log needs ${LEAST_SEGMENTS}, four for pages and two for what outlives it: give at least ${sized(LEAST_SEGMENTS * segmentBytes)} or smaller segments`,
    );
  }
  const mostOfThem = Math.min(MOST_SEGMENTS, mostSegments(segmentBytes));
  if (segments > mostOfThem) {
    throw invalid(
      `overflow.sizeBytes is ${sized(sizeBytes)}, ${segments} segments of ${formatSize(segmentBytes)}; at most ${mostOfThem} of that size are possible: give larger segments`,
    );
  }
  const wholeBytes = segments * segmentBytes;
  if (wholeBytes < sizeBytes) {
    onEvent(
      `the overflow log's ${sizeBytes} bytes are rounded down to ${wholeBytes}, ${segments} whole segments of ${formatSize(segmentBytes)}`,
    );
  }
  return wholeBytes;
}

function checkWatermarks({ highWatermark = 0.9, lowWatermark = 0.8 }: OverflowOptions): {
  readonly highWatermark: number;
  readonly lowWatermark: number;
} {
  for (const [what, value] of Object.entries({ highWatermark, lowWatermark })) {
    if (typeof value === "number" && value >= 0.01 && value <= 0.99) continue;
    throw invalid(
      `overflow.${what} is ${shown(value)}; it must be a share of the memory limit from 0.01 to 0.99`,
    );
  }
  if (lowWatermark >= highWatermark) {
    throw invalid(
      `overflow.lowWatermark is ${lowWatermark} and highWatermark ${highWatermark}; the low one must be below the high one: lower it, or exchange them`,
    );
  }
  return { highWatermark, lowWatermark };
}

function checkCleaning(value: unknown): CleaningPolicy {
  if (typeof value === "string") return cleaningPolicy(value);
  throw invalid(`overflow.cleaning is ${shown(value)}; it must be the name of a cleaning policy`);
}

function checkBudget(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (value === 0) {
    throw invalid(
      "overflow.budgetBytesPerDay is 0, with which nothing could leave memory in time; give the bytes a day may write, or leave it out for no limit",
    );
  }
  return checkBytes(value, "overflow.budgetBytesPerDay", {
    least: LEAST_BUDGET_BYTES,
    most: MOST_BUDGET_BYTES,
  });
}

function checkRecompress(value: unknown, furtherCodecs: number): boolean {
  const recompresses = checkFlag(value, "overflow.recompress");
  if (recompresses && furtherCodecs === 0) {
    throw invalid(
      'overflow.recompress is true and the store has 0 further codecs to recompress with; name one, as recompress: ["zstd"]',
    );
  }
  return recompresses;
}

function checkOnEvent(value: unknown): (line: string) => void {
  if (typeof value === "function") return value as (line: string) => void;
  throw invalid(
    `overflow.onEvent is ${shown(value)}; it must be a function that takes a line of text`,
  );
}

/**
 * @param furtherCodecs how many codecs the store has beside its first.
 * @throws PagefoldError INVALID_ARGUMENT.
 */
export function checkOverflowOptions(
  options: OverflowOptions,
  furtherCodecs: number,
): CheckedOverflowOptions {
  checkObject(options, "overflow");
  checkKeys(options, KEYS);
  const place = checkPlace(options);
  const onEvent = checkOnEvent(options.onEvent ?? (() => {}));
  const segmentBytes = checkSegmentBytes(options.segmentBytes ?? MIB);
  checkProgramBytes(place, segmentBytes);
  const checked = {
    place,
    segmentBytes,
    isPlain: checkFlag(options.plain ?? false, "overflow.plain"),
    cleaning: checkCleaning(options.cleaning ?? "cost-benefit"),
    ...checkWatermarks(options),
    promotes: checkFlag(options.promote ?? true, "overflow.promote"),
    recompresses: checkRecompress(options.recompress ?? false, furtherCodecs),
    budgetBytesPerDay: checkBudget(options.budgetBytesPerDay),
    enduranceCycles: checkBytes(options.enduranceCycles ?? 3000, "overflow.enduranceCycles", {
      least: 1,
      most: MOST_ENDURANCE_CYCLES,
    }),
    onEvent,
  };
  // Last, since it tells of what it rounds: nothing is told of options that are refused.
  return { ...checked, sizeBytes: checkSize(options, checked) };
}
