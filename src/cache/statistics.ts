/**
 * The statistics of a cache: what clients asked, what the origin was asked, and what lies between. Counted since it was
 * opened, bytes unless said; a page asked for in part counts as one.
 */

export interface CacheStats {
  /** The origin's name: its path. */
  readonly origin: string;
  readonly size_bytes: number;
  readonly mode: "write-back" | "write-through";
  readonly is_read_only: boolean;
  /** What is cached, in memory or on the overflow log: 4096 for each page. */
  readonly cached_bytes: number;
  /** What the origin does not have yet, what is just being written included: a crash of the process loses it. */
  readonly dirty_bytes: number;
  /** dirty_bytes, and what it was given since its last sync: a power failure may lose it. */
  readonly unsynced_bytes: number;
  /** Most unsynced_bytes, at which writes wait; in write-through mode those under way then come on top. */
  readonly dirty_limit_bytes: number;
  /** Pages clients read; of them, those that were cached. */
  readonly read_pages: number;
  readonly hit_pages: number;
  /** hit_pages / read_pages; null where none was read. */
  readonly hit_ratio: number | null;
  readonly read_bytes: number;
  readonly written_bytes: number;
  /** Reads of the origin, read-ahead included; syncs are its fdatasyncs. What failed is counted apart. */
  readonly origin_reads: number;
  readonly origin_read_bytes: number;
  readonly origin_writes: number;
  readonly origin_written_bytes: number;
  readonly origin_syncs: number;
  /** What clients read and the origin was not asked for. */
  readonly saved_read_bytes: number;
  /** Pages written by clients that went to the origin with a later write of the same page. */
  readonly saved_written_bytes: number;
  /** Pages that went to the origin in the write of a neighbour. */
  readonly coalesced_pages: number;
  /** Read before anybody asked; asked for afterwards; left or found no room unasked. */
  readonly ahead_pages: number;
  readonly ahead_useful_pages: number;
  readonly ahead_useless_pages: number;
  /** Pages that left to make room. */
  readonly evicted_pages: number;
  /** Pages that were read from the origin and found no room: the overflow log takes longer to make some. */
  readonly uncached_pages: number;
  /** Writes that waited for dirty pages to be flushed. */
  readonly waits: number;
  readonly failed_reads: number;
  readonly failed_writes: number;
  readonly failed_syncs: number;
  /** What the origin failed with when dirty pages were last brought to it; null if it took them all. */
  readonly failure: string | null;
  /** Tables of the store and the cache, of the slots used so far. */
  readonly metadata_size: number;
}
