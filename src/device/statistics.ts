/**
 * The statistics of a store and of an export, in zram's words (mm_stat, bd_stat) with ours beside them. Bytes unless
 * said.
 *
 * At every moment, for a whole store:
 *
 *     orig_data_size = 4096 * slots in use
 *                    = 4096 * (same_pages + dup_pages) + (4096 * objects - compr_data_size - bd_data_size)
 *                      + compr_data_size + bd_data_size
 *     dup_pages      = slots in use - same_pages - objects
 */

/** Counted over every export of a store. */
export interface StoreStats {
  /** 4096 x slots in use. */
  readonly orig_data_size: number;
  /** Compressed bytes of the objects in memory; 4096 for one stored raw. */
  readonly compr_data_size: number;
  /** Pool memory: compr_data_size and what rounding and fragmentation lose. */
  readonly mem_used_total: number;
  /** The limit on mem_used_total, 0 for none. */
  readonly mem_limit: number;
  /** The most mem_used_total has been. */
  readonly mem_used_max: number;
  /** Slots that hold a same-filled page. */
  readonly same_pages: number;
  /** Pages compaction gave back since the start. */
  readonly pages_compacted: number;
  /** Objects stored raw in memory, now. */
  readonly huge_pages: number;
  /** Pages stored raw since the start. */
  readonly huge_pages_since: number;
  /** Objects on the overflow log alone, and objects read from and written to it since the start. */
  readonly bd_count: number;
  readonly bd_reads: number;
  readonly bd_writes: number;
  /** What of the limit on mem_used_total is kept for slots zeroed with `reserve`: 4096 for each. */
  readonly reserved_bytes: number;
  /** Slots whose content another slot stores already. */
  readonly dup_pages: number;
  /** Compressed bytes that sharing saves. */
  readonly dup_data_size: number;
  /** Compressed bytes of the objects on the overflow log alone. */
  readonly bd_data_size: number;
  /** Every table: slots, objects, dedup index, zspages, page map, the log's records. */
  readonly metadata_size: number;
  /** What the process holds for all of it: the engine's memory and the slot tables. */
  readonly memory_reserved: number;
  /** Contents stored. */
  readonly objects: number;
}

/** One export's own counts. */
export interface ExportCounts {
  readonly name: string;
  readonly domain: string;
  readonly size_bytes: number;
  /** Most logical bytes the export may hold. */
  readonly limit_bytes: number;
  /** Pages read and written, discards of a page (zram's notify_free, empty slots included), and those that failed. */
  readonly num_reads: number;
  readonly num_writes: number;
  readonly failed_reads: number;
  readonly failed_writes: number;
  readonly notify_free: number;
}

/**
 * An export's statistics. What counts pages and objects is its own, an object once in each export that refers to it, so
 * the identity holds for each; mem_*, metadata_size, memory_reserved and the counts since the start are the whole
 * store's.
 */
export type DeviceStats = StoreStats & ExportCounts;
