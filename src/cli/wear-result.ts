/** The outcome of `pagefold wear` as a result object: from writes of a model to days and bytes of the medium. */

import { PAGE_BYTES } from "../base/units.ts";
import type { Comparison } from "../lab/wear/compare.ts";
import { theoryOf } from "../lab/wear/plans.ts";
import type { LogOutcome, ZramOutcome } from "../lab/wear/run.ts";
import type { EraseFigures, WearResult, WearSeries, WearWay } from "../report/wear-result.ts";

const DAYS_PER_YEAR = 365;
const HISTOGRAM_BINS = 40;

interface Time {
  readonly days: number;
  readonly endurance: number;
}

/** Erase counts of the time asked for: as they are where a medium wore out before that, else in proportion. */
function erasesIn(wear: LogOutcome["wear"] | ZramOutcome["wear"], timeShare: number): EraseFigures {
  return {
    min: wear.erases_min * timeShare,
    mean: wear.erases_mean * timeShare,
    max: wear.erases_max * timeShare,
    variation: wear.erases_variation,
    gini: wear.erases_gini,
    max_to_mean: wear.erases_max_to_mean,
  };
}

function yearsFor({ max }: EraseFigures, { days, endurance }: Time): number | null {
  return max === 0 ? null : (endurance * days) / max / DAYS_PER_YEAR;
}

function logWay(
  comparison: Comparison,
  { plan, outcome, wanted }: Comparison["logs"][number],
  time: Time & { readonly mediumBytes: number },
): WearWay {
  const { geometry, meanRecordBytes, pagesWritten, mediumPerModel } = comparison;
  const { amplification, utilisation, writes, writesToFirstFailure, isWornOut } = outcome;
  const theory = theoryOf(plan, {
    classes: outcome.classes,
    utilisation,
    records: geometry.recordsPerSegment,
  });
  const dayOf = (write: number) => (write * time.days) / wanted;
  const timeShare = isWornOut ? 1 : wanted / writes;
  const erases = erasesIn(outcome.wear, timeShare);
  const perByte = (amplification * meanRecordBytes) / PAGE_BYTES;
  const pagesOut = isWornOut ? writes * mediumPerModel : pagesWritten;
  const wornOutDay = isWornOut ? dayOf(writes) : null;
  const failedDay = writesToFirstFailure === null ? null : dayOf(writesToFirstFailure);
  return {
    name: plan.name,
    policy: plan.policy,
    streams: plan.streams,
    medium_bytes: time.mediumBytes,
    utilisation,
    write_amplification: amplification,
    theory:
      theory === null || outcome.classes.length === 0
        ? null
        : {
            formula: theory.formula,
            write_amplification: theory.amplification,
            error: amplification / theory.amplification - 1,
          },
    erases,
    first_bad_day: failedDay,
    worn_out_day: wornOutDay,
    retired_segments: Math.round((outcome.retired * time.mediumBytes) / modelBytes(comparison)),
    years: wornOutDay === null ? yearsFor(erases, time) : wornOutDay / DAYS_PER_YEAR,
    pages_written_out: Math.round(pagesOut),
    bytes_programmed: Math.round(perByte * PAGE_BYTES * pagesOut),
    bytes_programmed_per_byte_swapped: perByte,
    bytes_programmed_to_zram: perByte / comparison.zram.pagesPerPage,
    busy_seconds: (outcome.busySeconds * timeShare * time.mediumBytes) / modelBytes(comparison),
  };
}

function modelBytes({ geometry }: Comparison): number {
  return geometry.segments * geometry.segmentBytes;
}

/** The time asked for / that simulated. Where nothing was written back all counts are 0, in any time. */
function zramTimeShare({ wanted, outcome }: Comparison["zram"]): number {
  return outcome.writes === 0 ? 1 : wanted / outcome.writes;
}

function zramWay({ zram, pagesWritten }: Comparison, time: Time): WearWay {
  const { outcome, pagesPerPage, mediumBytes } = zram;
  const erases = erasesIn(outcome.wear, zramTimeShare(zram));
  const pagesOut = pagesWritten * pagesPerPage;
  const years = yearsFor(erases, time);
  const failedDay = years === null ? null : years * DAYS_PER_YEAR;
  return {
    name: "zram",
    policy: null,
    streams: null,
    medium_bytes: mediumBytes,
    utilisation: zram.utilisation,
    write_amplification: 1,
    theory: null,
    erases,
    first_bad_day: failedDay !== null && failedDay <= time.days ? failedDay : null,
    worn_out_day: null,
    retired_segments: 0,
    years,
    pages_written_out: Math.round(pagesOut),
    bytes_programmed: Math.round(PAGE_BYTES * pagesOut),
    bytes_programmed_per_byte_swapped: 1,
    bytes_programmed_to_zram: 1,
    busy_seconds: null,
  };
}

/** What was found, and what plots are made from, but for the curves of amplification. */
export function wearResult(
  comparison: Comparison,
  options: Time & { readonly mediumBytes: number; readonly seed: number },
): { readonly results: WearResult; readonly series: Omit<WearSeries, "amplification"> } {
  const { geometry, logs, needs } = comparison;
  const settled = logs.find(({ outcome }) => !outcome.isWornOut);
  const results: WearResult = {
    model: {
      segments: geometry.segments,
      records_per_segment: geometry.recordsPerSegment,
      simulated_share: settled === undefined ? 1 : settled.outcome.writes / settled.wanted,
      seed: options.seed,
    },
    mean_record_bytes: comparison.meanRecordBytes,
    pages: comparison.pages,
    ways: logs.map((log) => logWay(comparison, log, options)),
    zram: zramWay(comparison, options),
    memory:
      needs === null
        ? null
        : {
            needed_bytes: needs.memoryBytes,
            limit_bytes: needs.limitBytes,
            mean_stored_bytes: needs.storedBytes / needs.outs,
          },
  };
  const shareOf = ({ outcome, wanted }: Comparison["logs"][number]) =>
    outcome.isWornOut ? 1 : wanted / outcome.writes;
  return {
    results,
    series: {
      erase_histogram: [
        ...logs.map((log) => ({
          name: log.plan.name,
          ...histogram(log.outcome.eraseCounts, shareOf(log)),
        })),
        {
          name: "zram",
          ...histogram(comparison.zram.outcome.blockWrites, zramTimeShare(comparison.zram)),
        },
      ],
      live_shares: logs.map(({ plan, outcome }) => ({
        name: plan.name,
        shares: outcome.wear.live_shares,
      })),
    },
  };
}

/** Counts in bins of equal width from 0 to the largest. */
function histogram(
  counts: Uint32Array,
  timeShare: number,
): { readonly erases: number[]; readonly segments: number[] } {
  const largest = counts.reduce((most, count) => Math.max(most, count), 0);
  const width = Math.max(1, Math.ceil((largest + 1) / HISTOGRAM_BINS));
  const bins = Math.floor(largest / width) + 1;
  const segments = new Array<number>(bins).fill(0);
  for (const count of counts) segments[Math.floor(count / width)]! += 1;
  return { erases: segments.map((_, bin) => bin * width * timeShare), segments };
}
