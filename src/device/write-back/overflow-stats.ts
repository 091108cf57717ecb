/** What is known of a store's overflow log, in the words of docs/overflow.md. Bytes unless said. */

import type { Clock } from "../../base/clock.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Log } from "../../overflow/log.ts";
import type { Medium } from "../../overflow/media/medium.ts";
import type { SegmentSpace } from "../../overflow/space/segment-space.ts";
import { type WearFigures, wearFigures } from "../../overflow/space/wear-figures.ts";
import type { WearLedger } from "../../overflow/wear-ledger.ts";
import type { CheckedOverflowOptions } from "../overflow-options.ts";
import { forecast } from "./forecast.ts";
import type { WriteBudget } from "./write-budget.ts";

/** What write-back counts by itself. */
interface WriteBackCounts {
  /** Objects written to the log, and the slots that had them when they came there. */
  readonly written_back: number;
  readonly written_back_pages: number;
  /** Objects that left without being written, those that came back, and duplicates found on the log. */
  readonly evicted_clean: number;
  readonly promoted: number;
  readonly merged: number;
  /** Writes that waited for memory. */
  readonly stalls: number;
}

export interface OverflowStats extends WriteBackCounts {
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
  /** programmed_bytes / (4096 x written_back_pages), what a page swapped out costs; null before any was. */
  readonly programmed_per_swapped_byte: number | null;
  /** Of the medium's life: handed to it in all openings, and how often the log was opened. */
  readonly programmed_bytes_ever: number;
  readonly openings: number;
  readonly wear: WearFigures;
  readonly budget: {
    readonly bytes_per_day: number | null;
    readonly available_bytes: number | null;
    readonly overdrawn_bytes: number;
    readonly ever_overdrawn_bytes: number;
  };
  /** At the rate since the log was opened; null before anything was written. */
  readonly forecast_years: number | null;
}

export interface OverflowParts {
  /** The engine as it is now. */
  readonly engine: Engine;
  readonly log: Log;
  readonly space: SegmentSpace;
  readonly ledger: WearLedger;
  readonly medium: Medium;
  readonly budget: WriteBudget;
  readonly clock: Clock;
  readonly options: CheckedOverflowOptions;
  /** When the log was opened. */
  readonly startSeconds: number;
}

export function overflowStats(parts: OverflowParts, counts: WriteBackCounts): OverflowStats {
  const { log, space, ledger, medium, options, budget, clock } = parts;
  const engine = parts.engine.stats();
  const { programmed_bytes, record_bytes, ...logged } = log.counts();
  const past = {
    programmedBytes: programmed_bytes,
    seconds: clock.seconds() - parts.startSeconds,
    capacityBytes: options.sizeBytes,
    enduranceCycles: options.enduranceCycles,
  };
  const swappedBytes = PAGE_BYTES * counts.written_back_pages;
  return {
    path: medium.name,
    size_bytes: options.sizeBytes,
    segment_bytes: options.segmentBytes,
    segments: space.segments,
    segments_free: space.free,
    segments_retired: space.retired,
    cleaning: options.cleaning.name,
    is_sealed: !options.isPlain,
    is_dead: log.isDead,
    bd_data_size: engine.away_bytes,
    copied_bytes: engine.copied_bytes,
    lost_objects: log.placement.lostObjects,
    ...counts,
    reads: logged.reads,
    failed_reads: logged.failed_reads,
    failed_writes: logged.failed_writes,
    segments_cleaned: logged.segments_cleaned,
    record_bytes,
    moved_bytes: logged.moved_bytes,
    programmed_bytes,
    write_amplification: record_bytes === 0 ? null : programmed_bytes / record_bytes,
    programmed_per_swapped_byte: swappedBytes === 0 ? null : programmed_bytes / swappedBytes,
    programmed_bytes_ever: ledger.programmedBytesEver,
    openings: ledger.openings,
    wear: wearFigures(space),
    budget: {
      bytes_per_day: options.budgetBytesPerDay ?? null,
      available_bytes: options.budgetBytesPerDay === undefined ? null : budget.availableBytes,
      overdrawn_bytes: budget.overdrawnBytes,
      ever_overdrawn_bytes: budget.everOverdrawnBytes,
    },
    forecast_years: programmed_bytes === 0 ? null : forecast(past).years,
  };
}
