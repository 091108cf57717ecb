/**
 * The result objects of pagefold's experiments: what `--json` prints and what the tables are made from. Sizes are
 * bytes, counts are pages of 4096 bytes, times are microseconds; names follow zram's statistics. Schema 1: a field may
 * be added, none changes its meaning.
 */

import type { UnitsResult } from "./units-result.ts";

/** Where the pages came from. */
interface AnalysisInput {
  /** Pages looked at: all counts below are of these. */
  readonly pages: number;
  readonly bytes: number;
  readonly sampled: boolean;
  /** The rule of the sample, or null where every page was looked at. */
  readonly sample: {
    readonly percent: number;
    /** Neighbouring pages that are taken or left together. */
    readonly run_pages: number;
    readonly pages_in_input: number;
    readonly rule: string;
  } | null;
}

/** same_filled + duplicate + unique = pages; zero is within same_filled. */
export interface PageCounts {
  readonly zero: number;
  readonly same_filled: number;
  /** Equal, byte by byte, to an earlier page. */
  readonly duplicate: number;
  readonly unique: number;
}

/** The objects of one zsmalloc class. */
export interface ClassCount {
  /** Bytes of a place of the class, the allocator's 8-byte handle included. */
  readonly size: number;
  readonly objects: number;
  readonly mem_used: number;
}

/** One codec over all pages but the same-filled ones, duplicates included. */
export interface CodecResult {
  readonly name: string;
  readonly compr_data_size: number;
  /** By zsmalloc's model. */
  readonly mem_used_total: number;
  readonly huge_pages: number;
  /** Bytes in / compr_data_size; null where there was no page to compress. */
  readonly ratio: number | null;
  readonly class_histogram: readonly ClassCount[];
  readonly compress_us_per_page: number | null;
  readonly decompress_us_per_page: number | null;
}

/** What a kernel zram's mm_stat would show after the same pages were written once, in order. */
export interface ZramResult {
  readonly orig_data_size: number;
  readonly compr_data_size: number;
  readonly mem_used_total: number;
  readonly same_pages: number;
  readonly huge_pages: number;
  /** A kernel has confirmed the prediction of this codec at this chain size. */
  readonly checked: boolean;
  /** Mainline zram offers an algorithm of that name; else the numbers say what it would show if it did. */
  readonly in_kernel: boolean;
  /** Not in mm_stat: zram's table of 16 bytes a page and 8 bytes a stored object. */
  readonly metadata_size: number;
}

/**
 * The pages in a pagefold store, term by term:
 * orig_data_size = saved_by_same_filled + saved_by_dedup + saved_by_compression + compr_data_size + bd_data_size;
 * mem_used_total = compr_data_size + pool_loss; total_size = mem_used_total + metadata_size.
 */
export interface PagefoldResult {
  readonly codec: string;
  readonly dedup: boolean;
  /** Pages written; fewer than looked at only where the store ran out of space. */
  readonly pages: number;
  readonly complete: boolean;
  readonly orig_data_size: number;
  readonly same_pages: number;
  readonly dup_pages: number;
  readonly objects: number;
  readonly huge_pages: number;
  /** 4096 x same_pages. */
  readonly saved_by_same_filled: number;
  /** 4096 x dup_pages. */
  readonly saved_by_dedup: number;
  /** Of saved_by_dedup, what those pages would take compressed. */
  readonly dup_data_size: number;
  /** The sum over objects of 4096 - length. */
  readonly saved_by_compression: number;
  readonly compr_data_size: number;
  readonly bd_data_size: number;
  readonly pool_loss: number;
  readonly mem_used_total: number;
  readonly metadata_size: number;
  readonly total_size: number;
  /** What the process holds for it, growth in reserve included. */
  readonly memory_reserved: number;
  /** 4096 x objects / compr_data_size; null where nothing is stored. */
  readonly ratio_compression: number | null;
  /** orig_data_size / total_size. */
  readonly ratio_everything: number | null;
}

/** What `pagefold analyze` finds. */
export interface AnalysisResult {
  readonly schema: 1;
  readonly command: "analyze";
  readonly options: {
    readonly files: readonly string[];
    readonly codec: string;
    readonly codecs: readonly string[];
    readonly dedup: boolean;
    readonly zsmalloc_chain: number;
    readonly sample_percent: number;
    /** Bytes, ascending; where units were asked for. */
    readonly units?: readonly number[];
  };
  readonly input: AnalysisInput;
  readonly pages: PageCounts;
  readonly codecs: readonly CodecResult[];
  readonly zram: Readonly<Record<string, ZramResult>>;
  readonly pagefold: PagefoldResult;
  /** Where units were asked for. */
  readonly units?: UnitsResult;
}

/** Why a page could not be captured. */
export type Unreadable = "gone" | "permission" | "device_memory" | "guard" | "other";

/** Pages that are not the process's own. */
export interface LeftOut {
  /** Mapped, but without a page behind it: never touched, or given back. */
  readonly never_touched: number;
  /** The page cache's: files and shared memory, in memory or not. */
  readonly file_backed: number;
  /** Read but never written: the kernel's one page of zeros stands in. */
  readonly shared_zero_page: number;
}

/** What was captured and what was not; all counts are pages of 4096 bytes. */
export interface CaptureResult {
  readonly pid: number;
  readonly command_name: string;
  readonly file: string;
  readonly file_bytes: number;
  readonly pages: number;
  readonly bytes: number;
  /** Of `pages`, those that lay in swap and were brought back into memory by being read. */
  readonly swapped_pages: number;
  readonly unreadable: Readonly<Record<Unreadable, number>>;
  readonly left_out: LeftOut;
  readonly limit_reached: boolean;
  /** The process ended before all its pages were read. */
  readonly process_ended: boolean;
}

/** A store's statistics, named as in the library: src/device/statistics.ts says what each is. */
type StoreFigures = Readonly<
  Record<
    | "orig_data_size"
    | "compr_data_size"
    | "mem_used_total"
    | "mem_limit"
    | "mem_used_max"
    | "same_pages"
    | "pages_compacted"
    | "huge_pages"
    | "huge_pages_since"
    | "bd_count"
    | "bd_reads"
    | "bd_writes"
    | "dup_pages"
    | "dup_data_size"
    | "bd_data_size"
    | "metadata_size"
    | "memory_reserved"
    | "reserved_bytes"
    | "objects",
    number
  >
>;

/** One export of a running server. What counts pages and objects is its own; `limit_bytes` and sizes are bytes. */
export interface ExportStatus {
  readonly name: string;
  readonly domain: string;
  readonly size_bytes: number;
  readonly limit_bytes: number;
  readonly orig_data_size: number;
  readonly compr_data_size: number;
  readonly same_pages: number;
  readonly dup_pages: number;
  readonly objects: number;
  readonly huge_pages: number;
  readonly reserved_bytes: number;
  readonly num_reads: number;
  readonly num_writes: number;
  readonly failed_reads: number;
  readonly failed_writes: number;
  readonly notify_free: number;
  /** Clients that use it now. */
  readonly connections: number;
  /** Requests answered since the server began, by kind, and the bytes they carried. */
  readonly requests: Readonly<Record<string, number>>;
}

/** A store's overflow log, named as in the library: src/device/write-back/overflow-stats.ts says what each is. */
export interface OverflowStatus {
  readonly path: string;
  readonly size_bytes: number;
  readonly segment_bytes: number;
  readonly segments: number;
  readonly segments_free: number;
  readonly segments_retired: number;
  readonly cleaning: string;
  readonly is_sealed: boolean;
  readonly is_dead: boolean;
  readonly bd_data_size: number;
  readonly copied_bytes: number;
  readonly lost_objects: number;
  readonly written_back: number;
  readonly written_back_pages: number;
  readonly evicted_clean: number;
  readonly promoted: number;
  readonly merged: number;
  readonly stalls: number;
  readonly reads: number;
  readonly failed_reads: number;
  readonly failed_writes: number;
  readonly segments_cleaned: number;
  readonly record_bytes: number;
  readonly moved_bytes: number;
  readonly programmed_bytes: number;
  readonly write_amplification: number | null;
  readonly programmed_per_swapped_byte: number | null;
  readonly programmed_bytes_ever: number;
  readonly openings: number;
  readonly wear: {
    readonly erases_min: number;
    readonly erases_mean: number;
    readonly erases_max: number;
    readonly erases_variation: number;
    readonly erases_gini: number;
    readonly erases_max_to_mean: number;
    readonly live_shares: readonly number[];
  };
  readonly budget: {
    readonly bytes_per_day: number | null;
    readonly available_bytes: number | null;
    readonly overdrawn_bytes: number;
    readonly ever_overdrawn_bytes: number;
  };
  readonly forecast_years: number | null;
}

/** A cache in front of an origin, named as in the library: src/cache/statistics.ts says what each is. */
export interface CacheStatus {
  readonly origin: string;
  readonly size_bytes: number;
  readonly mode: "write-back" | "write-through";
  readonly is_read_only: boolean;
  readonly cached_bytes: number;
  readonly dirty_bytes: number;
  readonly unsynced_bytes: number;
  readonly dirty_limit_bytes: number;
  readonly read_pages: number;
  readonly hit_pages: number;
  readonly hit_ratio: number | null;
  readonly read_bytes: number;
  readonly written_bytes: number;
  readonly origin_reads: number;
  readonly origin_read_bytes: number;
  readonly origin_writes: number;
  readonly origin_written_bytes: number;
  readonly origin_syncs: number;
  readonly saved_read_bytes: number;
  readonly saved_written_bytes: number;
  readonly coalesced_pages: number;
  readonly ahead_pages: number;
  readonly ahead_useful_pages: number;
  readonly ahead_useless_pages: number;
  readonly evicted_pages: number;
  readonly uncached_pages: number;
  readonly waits: number;
  readonly failed_reads: number;
  readonly failed_writes: number;
  readonly failed_syncs: number;
  readonly failure: string | null;
  readonly metadata_size: number;
}

/** What a running server says of itself. */
export interface ServerStatus {
  readonly server: {
    readonly version: string;
    readonly pid: number;
    readonly uri: string;
    readonly uptime_seconds: number;
    readonly connections: number;
    /** Real memory of the process, everything included. */
    readonly rss_bytes: number;
    readonly codec: string;
    readonly recompress: readonly string[];
    readonly recording: string | null;
  };
  readonly store: StoreFigures;
  readonly ratios: {
    /** 4096 x objects / (compr_data_size + bd_data_size); null where nothing is stored. */
    readonly compression: number | null;
    /** orig_data_size / (mem_used_total + metadata_size). */
    readonly everything: number | null;
  };
  /** The overflow log, null without one. */
  readonly overflow: OverflowStatus | null;
  /** The cache that is served, null where a store's own exports are. */
  readonly cache: CacheStatus | null;
  /** The accounting identity, orig_data_size less all its terms: 0. */
  readonly identity_difference: number;
  readonly exports: readonly ExportStatus[];
}

/**
 * Where every byte of a store is: orig_data_size = saved_by_same_filled + saved_by_dedup + saved_by_compression +
 * compr_data_size + bd_data_size; `difference` is what is left of it, 0 bytes. Slots, same-filled pages and
 * saved_by_compression are counted from the slots, one by one.
 */
export interface SlotAccounting {
  readonly slots_in_use: number;
  readonly orig_data_size: number;
  readonly same_pages: number;
  readonly saved_by_same_filled: number;
  readonly dup_pages: number;
  readonly saved_by_dedup: number;
  readonly objects: number;
  readonly saved_by_compression: number;
  readonly compr_data_size: number;
  readonly bd_data_size: number;
  readonly difference: number;
  readonly mem_used_total: number;
  readonly metadata_size: number;
  /** Null where nothing is stored. */
  readonly ratio_compression: number | null;
  readonly ratio_everything: number | null;
}

/** How long requests took, in microseconds, as a client of the target sees it; null where there were none. */
export interface LatencyFigures {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
}

/** What requests of one kind came to; pages are those touched, also where only in part. */
export interface RequestFigures {
  readonly requests: number;
  readonly pages: number;
  readonly bytes: number;
  readonly failed: number;
  readonly latency_us: LatencyFigures;
}

/** The kinds of requests in a trace, as results name them. */
export type RequestName =
  | "read"
  | "write"
  | "discard"
  | "write_zeroes"
  | "reserve_zeroes"
  | "flush";

/** A page, or a part of one, that was read as other bytes than the trace wrote. */
interface ReplayDifference {
  /** The number of the record that read it, from 0 on. */
  readonly record: number;
  readonly export: string;
  readonly page: number;
  readonly expected: string;
  readonly found: string;
}

interface ReplayFailed {
  readonly record: number;
  readonly export: string;
  readonly kind: RequestName;
  readonly offset: number;
  readonly length: number;
  readonly message: string;
}

/**
 * zram's way of writing what left memory: for each slot a block of 4096 bytes, the lowest that is free. A block is free
 * again when the object its slot had is written anew or forgotten.
 */
export interface ZramWriteBack {
  readonly pages: number;
  readonly programmed_bytes: number;
  /** Blocks that were ever written, and how often the most written one was. */
  readonly blocks: number;
  readonly block_writes_mean: number;
  readonly block_writes_max: number;
}

/** What `pagefold replay` finds. */
export interface ReplayResult {
  readonly trace: {
    readonly file: string;
    readonly bytes: number;
    /** It was closed; else it was cut short after its last record here. */
    readonly complete: boolean;
    readonly records: number;
    /** Different pages, but for those of one word. */
    readonly contents: number;
    /** From the start of recording to the last record. */
    readonly seconds: number;
    readonly exports: readonly {
      readonly name: string;
      readonly domain: string;
      readonly size_bytes: number;
    }[];
  };
  readonly requests: number;
  readonly failed: number;
  /** In all; and while the target had a request to work on. */
  readonly seconds: number;
  readonly target_seconds: number;
  /** requests / target_seconds; null where there were none. */
  readonly requests_per_second: number | null;
  /** The longest a request was sent after its time; null where it had none. */
  readonly lag_seconds_max: number | null;
  readonly kinds: Readonly<Record<RequestName, RequestFigures>>;
  readonly verified: {
    /** Pages and parts of pages that were compared. */
    readonly pages: number;
    /** Not compared: a request to change them had failed. */
    readonly unknown_pages: number;
    readonly different_pages: number;
    /** The first ten. */
    readonly differences: readonly ReplayDifference[];
  };
  /** The first ten. */
  readonly failures: readonly ReplayFailed[];
  /** At the end; null for a server. */
  readonly store: StoreFigures | null;
  /** The overflow log, and what zram would have written in its place; null without one. */
  readonly overflow: OverflowStatus | null;
  readonly zram_write_back: ZramWriteBack | null;
  readonly accounting: SlotAccounting | null;
}

/** How things stood as the replay went on, at most some 200 times; lists of one length. */
export interface ReplaySeries {
  /** The time in the trace, and requests replayed until then. */
  readonly trace_seconds: readonly number[];
  readonly requests: readonly number[];
  /** Empty for a server. */
  readonly orig_data_size: readonly number[];
  readonly mem_used_total: readonly number[];
}
