/** What is known of a store's overflow log, in the words of docs/overflow.md. Bytes unless said. */

import type { WearFigures } from "../../overflow/space/wear-figures.ts";

export interface OverflowStats {
  readonly path: string;
  readonly size_bytes: number;
  readonly segment_bytes: number;
  readonly segments: number;
  readonly segments_free: number;
  readonly segments_retired: number;
  readonly cleaning: string;
  readonly is_sealed: boolean;
  /** Nothing more is written: the medium failed. */
  readonly is_dead: boolean;
  /** Records that live on the log, and clean copies of objects that are in memory too. */
  readonly bd_data_size: number;
  readonly copied_bytes: number;
  /** Objects whose record could not be read when its segment was cleaned. */
  readonly lost_objects: number;
  readonly written_back: number;
  readonly evicted_clean: number;
  readonly promoted: number;
  readonly merged: number;
  readonly stalls: number;
  readonly reads: number;
  readonly failed_reads: number;
  readonly failed_writes: number;
  readonly segments_cleaned: number;
  /** Record bytes written from memory, moved by cleaning, and all that was handed to the medium. */
  readonly record_bytes: number;
  readonly moved_bytes: number;
  readonly programmed_bytes: number;
  /** programmed_bytes / record_bytes; null before anything was written. */
  readonly write_amplification: number | null;
  /** Of the medium's life: handed to it in all openings, and how often the log was opened. */
  readonly programmed_bytes_ever: number;
  readonly openings: number;
  readonly wear: WearFigures;
  readonly budget: {
    readonly bytes_per_day: number | null;
    readonly available_bytes: number | null;
    readonly overdrawn_bytes: number;
  };
  /** At the rate since the log was opened; null before anything was written. */
  readonly forecast_years: number | null;
}
