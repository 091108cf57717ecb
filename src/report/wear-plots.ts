/**
 * The plots of `pagefold wear` as SVG: amplification against utilisation, erases per segment, live share per segment.
 * Knows only the result's series.
 */

import { type Chart, drawPlots, type Plot, type Point } from "./plots.ts";
import type { WearSeries } from "./wear-result.ts";

function pairs(xs: readonly number[], ys: readonly number[]): Point[] {
  return xs.map((x, index) => [x, ys[index]!] as const);
}

function charts({
  amplification,
  erase_histogram,
  live_shares,
}: WearSeries): Record<string, Chart> {
  return {
    amplification: {
      title: "Write amplification against utilisation",
      x: "live / room that is not free",
      y: "write amplification",
      from: { x: 0.5, y: 1 },
      lines: amplification.map((curve) => ({
        name: curve.kind === "formula" ? `formula: ${curve.name}` : curve.name,
        points: pairs(curve.utilisation, curve.write_amplification),
        style: curve.kind === "formula" ? "dashed" : "marks",
      })),
    },
    erases: {
      title: "Erases of segments (for zram: writes of blocks)",
      x: "erases",
      y: "share of all, %",
      lines: erase_histogram.map(({ name, erases, segments }) => {
        const all = segments.reduce((sum, count) => sum + count, 0);
        return {
          name,
          points: pairs(
            erases,
            segments.map((n) => (100 * n) / all),
          ),
          style: "step",
        };
      }),
    },
    "live-shares": {
      title: "Live share of segments, the emptiest first",
      x: "share of the segments, %",
      y: "live share",
      lines: live_shares.map(({ name, shares }) => ({
        name,
        points: shares.map((share, index) => [
          (100 * index) / Math.max(1, shares.length - 1),
          share,
        ]),
        style: "line",
      })),
    },
  };
}

/** All three. */
export function drawWear(series: WearSeries): Promise<Plot[]> {
  return drawPlots(charts(series));
}
