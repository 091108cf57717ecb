/**
 * The result object of `pagefold simulate`: what `--json` prints and what tables, CSV and plots are made from. Counts
 * are pages of 4096 bytes, times are of the simulation unless they say otherwise. Schema 1: a field may be added, none
 * changes its meaning.
 */

/** A value a scenario's key can have. */
export type Setting =
  | string
  | number
  | boolean
  | null
  | readonly Setting[]
  | { readonly [key: string]: Setting };

interface SimulateOptions {
  /** A built-in name or a file. */
  readonly scenario: string;
  readonly seed: number;
  /** What `--set` and `--sweep` gave, by path of the key. */
  readonly set: Readonly<Record<string, Setting>>;
  readonly sweep: Readonly<Record<string, readonly Setting[]>>;
}

/** How many pages merging saves, and could save, over the whole run; means are over time. */
interface MergedFigures {
  /** Mappings that need no frame of their own, at the end; those of the zero frame among them. */
  readonly pages_saved: number;
  readonly pages_saved_mean: number;
  readonly pages_saved_max: number;
  /** The most that could be saved: pages in memory less different contents of each domain but zeros. */
  readonly opportunities: number;
  readonly opportunities_mean: number;
  readonly opportunities_max: number;
  /** opportunities_max / pages of all guests. */
  readonly opportunities_max_share: number;
}

interface ScannerFigures {
  readonly kind: string;
  readonly visits: number;
  readonly merges: number;
  readonly zero_merges: number;
  /** Null where nothing was merged. */
  readonly visits_per_merge: number | null;
  readonly hints_generated: number;
  readonly hints_dropped: number;
  readonly hints_visited: number;
  readonly hints_useful: number;
  /** Of one core. */
  readonly cpu_share: number;
  /** The scanner's own counters by their published names. */
  readonly counters: Readonly<Record<string, number>>;
}

export interface GuestFigures {
  readonly name: string;
  readonly domain: string;
  readonly workload: string;
  readonly pages: number;
  readonly is_killed: boolean;
  /** What faults, copies and swapping cost it, in seconds. */
  readonly access_seconds: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** What went to swap and what the store under it holds at the end, in zram's words. */
export interface SwapFigures {
  readonly areas: number;
  readonly pages_out: number;
  readonly pages_in: number;
  /** Pages that came back with another's fault, their frame being shared. */
  readonly pages_in_shared: number;
  readonly device_writes: number;
  readonly device_reads: number;
  /** Frames that went out unwritten, a copy being in swap still. */
  readonly clean_outs: number;
  /** Writes of contents the device held already, by its own word. */
  readonly device_duplicates: number;
  /** Pages swapped out that joined an equal one so found, without a scanner's visit. */
  readonly joined: number;
  readonly orig_data_size: number;
  readonly compr_data_size: number;
  readonly mem_used_total: number;
  readonly metadata_size: number;
  readonly same_pages: number;
  readonly dup_pages: number;
  readonly objects: number;
  /** The most mem_used_total was, of samples. */
  readonly mem_used_max: number;
}

/** What guests did with the host's tmem, and what it holds at the end. */
export interface TmemFigures {
  readonly puts: number;
  readonly puts_refused: number;
  readonly gets: number;
  readonly hits: number;
  readonly flushes: number;
  /** Ephemeral pages dropped for room. */
  readonly dropped: number;
  readonly ephemeral_pages: number;
  readonly persistent_pages: number;
  readonly same_pages: number;
  readonly dup_pages: number;
  readonly objects: number;
  readonly orig_data_size: number;
  readonly compr_data_size: number;
  readonly mem_used_total: number;
  readonly mem_used_max: number;
  readonly metadata_size: number;
}

/** One run. */
export interface VariantResult {
  readonly name: string;
  /** What distinguishes it from the others, by path of the key. */
  readonly settings: Readonly<Record<string, Setting>>;
  readonly seconds: number;
  readonly host: {
    readonly frames: number;
    readonly frames_used: number;
    readonly frames_used_mean: number;
    readonly frames_used_max: number;
    /** Pages guests have in memory, and of those, pages of zeros. */
    readonly pages_present: number;
    readonly zero_pages: number;
    /** Frames' worth of memory that stores in it take. */
    readonly store_frames: number;
    readonly copies: number;
    /** Copies of pages merged at most one second, and at most ten seconds, before. */
    readonly copies_within_1s: number;
    readonly copies_within_10s: number;
    readonly guests_killed: number;
  };
  readonly merged: MergedFigures;
  readonly scanner: ScannerFigures;
  readonly cpu: {
    readonly guest_seconds: number;
    readonly scanner_seconds: number;
    readonly lost_seconds: number;
    /** lost_seconds and what copies of merged pages cost, / guest_seconds. */
    readonly slowdown: number;
  };
  readonly swap: SwapFigures | null;
  readonly tmem: TmemFigures | null;
  readonly guests: readonly GuestFigures[];
}

/** A scenario's answer in one number, and what was published of it. */
export interface Headline {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** In words, with its source; null where nothing was. */
  readonly published: string | null;
  /** Whether it is as published; null where nothing was. */
  readonly is_met: boolean | null;
}

/** How a headline moves with a parameter. */
export interface Sensitivity {
  readonly headline: string;
  readonly key: string;
  readonly base: number;
  readonly lower: { readonly setting: Setting; readonly value: number };
  readonly higher: { readonly setting: Setting; readonly value: number };
  /** |higher - lower| / base. */
  readonly effect: number;
}

export interface SimulateResults {
  readonly title: string;
  readonly headlines: readonly Headline[];
  readonly variants: readonly VariantResult[];
  /** By headline the strongest three, the strongest first; null unless asked for. */
  readonly sensitivity: readonly Sensitivity[] | null;
}

/**
 * A variant over time: columns of one length. `seconds` is one of them; reports draw `pages_saved`, `opportunities`,
 * `frames_used`, `store_frames` and those of swap, and print the scanner's own where each row is one more `full_scans`.
 */
export interface VariantSeries {
  readonly name: string;
  readonly columns: Readonly<Record<string, readonly number[]>>;
}

export interface SimulateOutput {
  readonly schema: 1;
  readonly command: "simulate";
  readonly options: SimulateOptions;
  readonly results: SimulateResults;
  readonly series: readonly VariantSeries[];
}
