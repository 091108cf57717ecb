/**
 * The result object of `pagefold wear`: what `--json` prints and what the table and the plots are made from. Sizes are
 * bytes, erases are per segment. Schema 1: a field may be added, none changes its meaning.
 */

/** How often segments (for zram's way: blocks of 4096 bytes) were erased in the time asked for. */
export interface EraseFigures {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  /** Standard deviation / mean. */
  readonly variation: number;
  readonly gini: number;
  readonly max_to_mean: number;
}

/** One way of writing. */
export interface WearWay {
  readonly name: string;
  readonly policy: string | null;
  readonly streams: number | null;
  readonly medium_bytes: number;
  /** In steady state, as the amplification: live / (total - free in the mean). */
  readonly utilisation: number;
  /** (written out of memory + moved) / written out of memory. */
  readonly write_amplification: number;
  /** What a formula says of it, and write_amplification / that - 1; null where there is none. */
  readonly theory: {
    readonly formula: string;
    readonly write_amplification: number;
    readonly error: number;
  } | null;
  readonly erases: EraseFigures;
  /** The day on which the first segment failed; null: none did within the time simulated. */
  readonly first_bad_day: number | null;
  /** The day on which too many had failed for what lives; null as above. */
  readonly worn_out_day: number | null;
  readonly retired_segments: number;
  /**
   * Until the most worn segment has had the erases it is good for, at this rate, or the medium was worn out; null where
   * nothing was erased.
   */
  readonly years: number | null;
  /** In the time asked for. */
  readonly pages_written_out: number;
  readonly bytes_programmed: number;
  /** bytes_programmed / (4096 x pages_written_out), in steady state. */
  readonly bytes_programmed_per_byte_swapped: number;
  /** Bytes programmed for what the same pages make zram program one byte, what it cannot share included. */
  readonly bytes_programmed_to_zram: number;
  /** Time the NAND model's one chip was at work; null for zram's way. */
  readonly busy_seconds: number | null;
}

export interface WearOptions {
  readonly workload: string;
  readonly utilisation: number;
  readonly size: number;
  readonly segment: number;
  /** Bytes, or the file whose pages' lengths are taken; null for a trace, which has its own. */
  readonly record: number | string | null;
  readonly codec: string;
  readonly policies: readonly string[];
  readonly streams: number;
  readonly levelling: boolean;
  readonly days: number;
  readonly writes_per_day: number;
  readonly endurance: number;
  readonly seed: number;
}

/** What `pagefold wear` finds. */
export interface WearResult {
  /** What stands for the medium: amplification and erases of a segment do not depend on how many there are. */
  readonly model: {
    readonly segments: number;
    readonly records_per_segment: number;
    /**
     * Of the time asked for, how much was simulated: more than 1 where it was too short to settle, less where too long.
     */
    readonly simulated_share: number;
    readonly seed: number;
  };
  /** Bytes of a record on the log in the mean, heads and units included. */
  readonly mean_record_bytes: number;
  /** Pages that live on the medium; for a trace, that are in use on the log when most are. */
  readonly pages: number;
  readonly ways: readonly WearWay[];
  readonly zram: WearWay;
  /** For a trace: the memory it needs, what it was given, and the compressed bytes of what left it, in the mean. */
  readonly memory: {
    readonly needed_bytes: number;
    readonly limit_bytes: number;
    readonly mean_stored_bytes: number;
  } | null;
}

/** For plots; lists in a curve are of one length. */
export interface WearSeries {
  readonly amplification: readonly {
    readonly name: string;
    readonly kind: "measured" | "formula";
    readonly utilisation: readonly number[];
    readonly write_amplification: readonly number[];
  }[];
  /** So many segments were erased at least `erases[i]` times, and less than the next. */
  readonly erase_histogram: readonly {
    readonly name: string;
    readonly erases: readonly number[];
    readonly segments: readonly number[];
  }[];
  /** Of each segment, or each of at most 128 at even steps, how much lives at the end; the least first. */
  readonly live_shares: readonly { readonly name: string; readonly shares: readonly number[] }[];
}

/** A row of `pagefold wear --check`; src/lab/wear/check.ts says what is checked. */
export interface WearCheckRow {
  readonly section: string;
  readonly workload: string;
  readonly plan: string;
  readonly records_per_segment: number;
  readonly utilisation: number;
  readonly figure: "amplification" | "max_minus_min" | "max_to_mean";
  readonly measured: number;
  readonly reference: number | null;
  readonly reference_name: string;
  readonly error: number | null;
  readonly bound: number;
  readonly ok: boolean;
  readonly note: string;
}

export interface WearCheckResult {
  /** Checked with all configurations, or with a few small ones. */
  readonly full: boolean;
  readonly segments: number;
  readonly seed: number;
  readonly rows: readonly WearCheckRow[];
  readonly failed: number;
}
