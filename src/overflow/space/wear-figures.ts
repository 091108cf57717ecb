/** What the wear of a space looks like, in the figures reports show. Retired segments count for themselves alone. */

import type { SegmentSpace } from "./segment-space.ts";

export interface WearFigures {
  /** Erases per segment in service; all 0 where there is none. */
  readonly erases_min: number;
  readonly erases_mean: number;
  readonly erases_max: number;
  /** Standard deviation / mean; 0 before the first erase. */
  readonly erases_variation: number;
  /** Gini coefficient: 0 all alike, towards 1 one segment bears all. */
  readonly erases_gini: number;
  /** The most worn against the mean: what wear takes from the medium's life; 1 before the first erase. */
  readonly erases_max_to_mean: number;
  /** Live share of segments in service, least first: at most `MOST_SHARES` of them, at even steps. */
  readonly live_shares: readonly number[];
}

const MOST_SHARES = 128;

/** Figures of a space as it is now. */
export function wearFigures(space: SegmentSpace): WearFigures {
  const retired = space.retiredSegments();
  const inService = (_: number, segment: number) => retired[segment] === 0;
  const counts = space.eraseCounts.filter(inService).sort();
  const shares = Float64Array.from(
    space.liveBytes.filter(inService),
    (bytes) => bytes / space.segmentBytes,
  ).sort();
  return { ...eraseFigures(counts), live_shares: atEvenSteps(shares) };
}

/** Figures of erase counts, sorted. */
export function eraseFigures(counts: Uint32Array): Omit<WearFigures, "live_shares"> {
  const { length } = counts;
  let sum = 0;
  let squares = 0;
  let ranked = 0;
  for (const [index, count] of counts.entries()) {
    sum += count;
    squares += count * count;
    ranked += (index + 1) * count;
  }
  const mean = length === 0 ? 0 : sum / length;
  const max = counts[length - 1] ?? 0;
  return {
    erases_min: counts[0] ?? 0,
    erases_mean: mean,
    erases_max: max,
    erases_variation: sum === 0 ? 0 : Math.sqrt(Math.max(0, squares / length - mean * mean)) / mean,
    erases_gini: sum === 0 ? 0 : (2 * ranked) / (length * sum) - (length + 1) / length,
    erases_max_to_mean: sum === 0 ? 1 : max / mean,
  };
}

function atEvenSteps(sorted: Float64Array): number[] {
  if (sorted.length <= MOST_SHARES) return [...sorted];
  const step = (sorted.length - 1) / (MOST_SHARES - 1);
  return Array.from({ length: MOST_SHARES }, (_, index) => sorted[Math.round(index * step)]!);
}
