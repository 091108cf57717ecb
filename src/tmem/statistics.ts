/**
 * The statistics of tmem, in zram's words where it has them. Bytes unless said; counts since the start unless they say
 * "now". At every moment, for the whole:
 *
 *     orig_data_size = 4096 * pages held by the pools
 *                    = 4096 * (same_pages + dup_pages) + (4096 * objects - compr_data_size) + compr_data_size
 *     dup_pages      = pages held by the pools - same_pages - objects
 *
 * Whether a page of a pool is shared with another is told for the whole alone: a client is not to learn from its own
 * figures what others hold.
 */

import { PAGE_BYTES } from "../base/units.ts";
import type { Counts } from "./counts.ts";

/** Kept for each pool, and summed for each client and the whole. */
export interface TmemCounts {
  /** Pages held, now. */
  readonly pages: number;
  /** 4096 x pages. */
  readonly orig_data_size: number;
  /** Pages held that are same-filled, now. */
  readonly same_pages: number;
  /** Pages put, those refused included; and those refused. */
  readonly puts: number;
  readonly puts_refused: number;
  /** Pages asked for, and those of them that were there. */
  readonly gets: number;
  readonly hits: number;
  /** Pages flushed: alone, with their object, or since a put in their place was refused. */
  readonly flushes: number;
  /** Ephemeral pages dropped for want of room. */
  readonly dropped: number;
}

export interface PoolStats extends TmemCounts {
  readonly kind: PoolKind;
  /** Null of a private pool. */
  readonly uuid: string | null;
  /** The client the pool's pages count for. */
  readonly owner: string;
  /** Clients that have it open, the owner included. */
  readonly clients: number;
}

export type PoolKind = "ephemeral" | "persistent";

/** Of the pools a client owns, closed ones included; shared pools count for their owner alone. */
export interface ClientStats extends TmemCounts {
  readonly name: string;
  readonly domain: string;
  readonly weight: number;
  /** Most logical bytes its pools may hold, 0 for no limit. */
  readonly limit_bytes: number;
  readonly ephemeral_pages: number;
  readonly persistent_pages: number;
  /** Pools it owns, now. */
  readonly pools: number;
}

/** Of everything. */
export interface TmemStats extends TmemCounts {
  readonly clients: number;
  readonly pools: number;
  readonly ephemeral_pages: number;
  readonly persistent_pages: number;
  /** Contents stored, and their compressed bytes; 4096 for one stored raw. */
  readonly objects: number;
  readonly compr_data_size: number;
  /** Memory of the engine's pool: compr_data_size and what rounding and fragmentation lose. */
  readonly mem_used_total: number;
  /** The limit on mem_used_total, 0 for none. */
  readonly mem_limit: number;
  readonly mem_used_max: number;
  /** Pages whose content another page stores already, and the compressed bytes that saves. */
  readonly dup_pages: number;
  readonly dup_data_size: number;
  /** Contents stored raw, now; pages stored raw since the start. */
  readonly huge_pages: number;
  readonly huge_pages_since: number;
  /** Pages compaction gave back since the start. */
  readonly pages_compacted: number;
  /** Every table: keys, contents, dedup index, zspages, page map. */
  readonly metadata_size: number;
  /** What the process holds for all of it. */
  readonly memory_reserved: number;
}

export function tmemCounts(counts: Counts): TmemCounts {
  return {
    pages: counts.pages,
    orig_data_size: counts.pages * PAGE_BYTES,
    same_pages: counts.samePages,
    puts: counts.puts,
    puts_refused: counts.putsRefused,
    gets: counts.gets,
    hits: counts.hits,
    flushes: counts.flushes,
    dropped: counts.dropped,
  };
}
