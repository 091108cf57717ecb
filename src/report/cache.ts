/** A cache in front of an origin, as a person reads it. Knows only the result object. */

import { printable } from "../base/text.ts";
import { formatSize, PAGE_BYTES } from "../base/units.ts";
import type { CacheStatus } from "./result.ts";
import { columns, type Emphasis, share, wholeNumber } from "./terminal.ts";

function readAheadRow(cache: CacheStatus): string[] {
  const { ahead_pages, ahead_useful_pages, ahead_useless_pages } = cache;
  const waiting = ahead_pages - ahead_useful_pages - ahead_useless_pages;
  return [
    "read ahead",
    wholeNumber(ahead_pages),
    `pages: ${share(ahead_useful_pages, ahead_pages)} asked for, ${share(ahead_useless_pages, ahead_pages)} in vain, ${wholeNumber(Math.max(0, waiting))} waiting`,
  ];
}

function failuresRow({ failed_reads, failed_writes, failed_syncs }: CacheStatus): string[][] {
  const failures = failed_reads + failed_writes + failed_syncs;
  if (failures === 0) return [];
  const kinds = `${wholeNumber(failed_reads)} reads, ${wholeNumber(failed_writes)} writes, ${wholeNumber(failed_syncs)} syncs`;
  return [["failures", wholeNumber(failures), `of the origin: ${kinds}`]];
}

function dirtyRows(cache: CacheStatus): string[][] {
  if (cache.is_read_only) return [];
  const { dirty_bytes, unsynced_bytes, dirty_limit_bytes } = cache;
  return [
    [
      "dirty_bytes",
      formatSize(dirty_bytes),
      `written and not in the origin yet, of ${formatSize(dirty_limit_bytes)} allowed; ${wholeNumber(cache.waits)} writes waited`,
    ],
    ["unsynced_bytes", formatSize(unsynced_bytes), "the same, and what it may lose in a power cut"],
  ];
}

/** The section of a report, ending in a line feed. */
export function cacheSection(cache: CacheStatus, { strong, faint }: Emphasis): string {
  const mode = cache.is_read_only ? "read-only" : cache.mode;
  const size = `${formatSize(cache.size_bytes)}, ${mode}`;
  const rows = [
    [
      "hit ratio",
      share(cache.hit_pages, cache.read_pages),
      `of ${wholeNumber(cache.read_pages)} pages read`,
    ],
    [
      "cached",
      formatSize(cache.cached_bytes),
      `${wholeNumber(cache.cached_bytes / PAGE_BYTES)} pages; ${wholeNumber(cache.evicted_pages)} left to make room, ${wholeNumber(cache.uncached_pages)} found none`,
    ],
    ...dirtyRows(cache),
    [
      "reads saved",
      formatSize(cache.saved_read_bytes),
      `the origin gave ${formatSize(cache.origin_read_bytes)} in ${wholeNumber(cache.origin_reads)} reads`,
    ],
    [
      "writes saved",
      formatSize(cache.saved_written_bytes),
      `the origin took ${formatSize(cache.origin_written_bytes)} in ${wholeNumber(cache.origin_writes)} writes and ${wholeNumber(cache.origin_syncs)} syncs`,
    ],
    ["coalesced", wholeNumber(cache.coalesced_pages), "pages written together with a neighbour"],
    readAheadRow(cache),
    ["metadata_size", formatSize(cache.metadata_size), "tables of the slots in use, all included"],
    ...failuresRow(cache),
  ];
  const failing =
    cache.failure === null
      ? []
      : [strong(`  THE ORIGIN DOES NOT TAKE WHAT IS DIRTY: ${printable(cache.failure)}`)];
  const title = `${strong("The cache")}  ${faint(`${printable(cache.origin)}, ${size}`)}`;
  const table = columns(rows, { align: ["left", "right", "left"] });
  return `${[title, table, ...failing].join("\n")}\n`;
}
