/** What a cache can be asked for, and the one check of it. */

import { checkBytes, checkFlag, invalid, shown } from "../base/checks.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { StoreOptions } from "../device/options.ts";
import type { Origin } from "./origin.ts";

/** Page numbers are 32 bits wide: 16 TiB. */
export const MOST_ORIGIN_BYTES = 2 ** 32 * PAGE_BYTES;
export const DEFAULT_MEMORY_BYTES = 2 ** 28;
export const LEAST_MEMORY_BYTES = 2 ** 18;
/** All that a store can hold. */
const MOST_MEMORY_BYTES = 4092 * 2 ** 20;
const DEFAULT_AHEAD_BYTES = 2 ** 19;
const MOST_AHEAD_BYTES = 2 ** 24;
/** What is read ahead at once is no more of the memory than 1 / this. */
const AHEAD_PART = 32;
const MOST_DIRTY_SHARE = 0.8;
const LEAST_DIRTY_PAGES = 8;
const LEAST_FLUSH_SECONDS = 0.01;
const MOST_FLUSH_SECONDS = 86_400;

export type CacheMode = "write-back" | "write-through";

/** A cache is a store, in memory and on an overflow log if one is asked for, in front of an origin. */
export interface CacheOptions extends StoreOptions {
  /** A regular file or block device that is there, or anything with the methods of an origin. */
  readonly origin: string | Origin;
  /** When a write is done: in the cache (write-back, the default), or when the origin has it (write-through). */
  readonly mode?: CacheMode;
  /** Whether it is for reading alone, and the origin is opened so; false by default. */
  readonly readOnly?: boolean;
  /** Bytes of the origin to serve, from its start on; all of it by default. */
  readonly sizeBytes?: number;
  /** Most bytes of pool memory (mem_used_total); 256 MiB by default, 256 KiB to 4092 MiB. */
  readonly memoryLimitBytes?: number;
  /** Most bytes read ahead at a time, 0 for none; 512 KiB by default. */
  readonly readAheadBytes?: number;
  /** Most bytes that the origin may not have yet, as a share of memoryLimitBytes, 0.01 to 0.8; 0.2 by default. */
  readonly dirtyShare?: number;
  /** Seconds after which what was written goes to the origin unasked, 0.01 to 86400; 5 by default. */
  readonly flushSeconds?: number;
  /** Told in a sentence what happens: what failed, and that it is over. Nothing by default. */
  readonly onEvent?: (line: string) => void;
}

/** Keys that a store does not have. */
export const cacheOptionKeys: readonly string[] = [
  "origin",
  "mode",
  "readOnly",
  "sizeBytes",
  "readAheadBytes",
  "dirtyShare",
  "flushSeconds",
  "onEvent",
];

/** A cache's own options, complete and checked; those of its store are checked there. */
export interface CheckedCacheOptions {
  readonly origin: string | Origin;
  readonly mode: CacheMode;
  readonly isReadOnly: boolean;
  readonly sizeBytes: number | undefined;
  readonly memoryLimitBytes: number;
  readonly aheadPages: number;
  readonly mostDirtyPages: number;
  readonly flushSeconds: number;
  readonly onEvent: (line: string) => void;
}

function checkOrigin(origin: unknown): string | Origin {
  if (typeof origin === "string" && origin !== "" && !origin.includes("\0")) return origin;
  const isOrigin =
    typeof origin === "object" &&
    origin !== null &&
    typeof (origin as Partial<Origin>).read === "function";
  if (isOrigin) return origin as Origin;
  throw invalid(
    `origin is ${shown(origin)}; it must be the path of a file or block device, or an origin with its methods`,
  );
}

function checkMode(mode: unknown): CacheMode {
  if (mode === "write-back" || mode === "write-through") return mode;
  throw invalid(`mode is ${shown(mode)}; it must be write-back or write-through`);
}

function checkNumber(
  value: unknown,
  what: string,
  range: { readonly least: number; readonly most: number },
): number {
  if (typeof value === "number" && value >= range.least && value <= range.most) return value;
  throw invalid(
    `${what} is ${shown(value)}; it must be a number from ${range.least} to ${range.most}`,
  );
}

/** What the caller's function throws must not end what is under way. */
function guarded(onEvent: unknown): (line: string) => void {
  if (typeof onEvent !== "function")
    throw invalid(`onEvent is ${shown(onEvent)}; it must be a function that takes a line of text`);
  return (line) => {
    try {
      onEvent(line);
    } catch (cause) {
      process.emitWarning(`the cache's onEvent threw: ${String(cause)}`);
    }
  };
}

/** @throws PagefoldError INVALID_ARGUMENT. */
export function checkCacheOptions(options: CacheOptions): CheckedCacheOptions {
  const memoryLimitBytes = checkBytes(
    options.memoryLimitBytes ?? DEFAULT_MEMORY_BYTES,
    "memoryLimitBytes",
    { least: LEAST_MEMORY_BYTES, most: MOST_MEMORY_BYTES },
  );
  const aheadBytes = checkBytes(options.readAheadBytes ?? DEFAULT_AHEAD_BYTES, "readAheadBytes", {
    least: 0,
    most: MOST_AHEAD_BYTES,
  });
  const dirtyShare = checkNumber(options.dirtyShare ?? 0.2, "dirtyShare", {
    least: 0.01,
    most: MOST_DIRTY_SHARE,
  });
  const dirtyPages = Math.floor((dirtyShare * memoryLimitBytes) / PAGE_BYTES);
  return {
    origin: checkOrigin(options.origin),
    mode: checkMode(options.mode ?? "write-back"),
    isReadOnly: checkFlag(options.readOnly ?? false, "readOnly"),
    sizeBytes:
      options.sizeBytes === undefined
        ? undefined
        : checkBytes(options.sizeBytes, "sizeBytes", { least: 1, most: MOST_ORIGIN_BYTES }),
    memoryLimitBytes,
    aheadPages: Math.floor(Math.min(aheadBytes, memoryLimitBytes / AHEAD_PART) / PAGE_BYTES),
    mostDirtyPages: Math.max(LEAST_DIRTY_PAGES, dirtyPages),
    flushSeconds: checkNumber(options.flushSeconds ?? 5, "flushSeconds", {
      least: LEAST_FLUSH_SECONDS,
      most: MOST_FLUSH_SECONDS,
    }),
    onEvent: guarded(options.onEvent ?? (() => {})),
  };
}
