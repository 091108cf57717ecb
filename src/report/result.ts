/**
 * The result objects of pagefold's experiments: what `--json` prints and what the tables are made from. Sizes are
 * bytes, counts are pages of 4096 bytes, times are microseconds; names follow zram's statistics. Schema 1: a field may
 * be added, none changes its meaning.
 */

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
  };
  readonly input: AnalysisInput;
  readonly pages: PageCounts;
  readonly codecs: readonly CodecResult[];
  readonly zram: Readonly<Record<string, ZramResult>>;
  readonly pagefold: PagefoldResult;
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
