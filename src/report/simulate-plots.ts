/**
 * The plots of `pagefold simulate`: what is merged and could be, memory and swap over time, and the figures of a sweep.
 * Drawn to be part of a page, light or dark. Knows only the result object.
 */

import { printable } from "../base/text.ts";
import {
  areAlike,
  type Chart,
  colourOf,
  drawCharts,
  embedded,
  INK,
  type Line,
  type Look,
  type Point,
} from "./plots.ts";
import type { SimulateOutput, VariantSeries } from "./simulate-result.ts";
import { type CaptionedChart, sweepCharts } from "./simulate-sweep.ts";

const WIDTH = 960;
const PLOT_HEIGHT = 340;
const LEGEND_GAP = 20;
const MIB = 2 ** 20;

export interface PagePlot {
  readonly title: string;
  readonly caption: string;
  /** An element; its texts and axes are of the page's colour. */
  readonly svg: string;
}

/** Two columns of the series, one drawn solid, the other dashed. */
interface Question extends Pick<Chart, "title" | "y"> {
  readonly caption: string;
  readonly solid: string;
  readonly dashed: string;
  /** Of the columns, in one of the axis. */
  readonly unit: number;
}

const QUESTIONS: readonly Question[] = [
  {
    title: "Merged pages and opportunities",
    caption:
      "Solid: pages that need no frame of their own. Dashed: opportunities, the most that could be saved.",
    y: "pages",
    solid: "pages_saved",
    dashed: "opportunities",
    unit: 1,
  },
  {
    title: "Memory used",
    caption:
      "Solid: frames that guests' pages are in. Dashed: frames' worth that stores in memory take.",
    y: "frames",
    solid: "frames_used",
    dashed: "store_frames",
    unit: 1,
  },
  {
    title: "Pages swapped",
    caption: "Since the start. Solid: out. Dashed: in.",
    y: "pages",
    solid: "swap_pages_out",
    dashed: "swap_pages_in",
    unit: 1,
  },
  {
    title: "What swap takes",
    caption: "Solid: all memory of the stores (mem_used_total). Dashed: compressed data in it.",
    y: "MiB",
    solid: "swap_mem_used_total",
    dashed: "swap_compr_data_size",
    unit: MIB,
  },
];

/** None where all of it is zero; the legend names variants by their solid lines. */
function overTime(series: readonly VariantSeries[], question: Question): CaptionedChart[] {
  const { title, y, caption, solid, dashed, unit } = question;
  const has = (column: string) =>
    series.some(({ columns }) => columns[column]?.some((value) => value !== 0));
  const lineOf = (column: string, { name, style }: Pick<Line, "name" | "style">, index: number) => {
    const { columns } = series[index]!;
    const values = columns[column] ?? [];
    const points = (columns.seconds ?? []).flatMap((seconds, row): Point[] =>
      values[row] === undefined ? [] : [[seconds, values[row] / unit]],
    );
    return { name, points, style, colour: colourOf(index) };
  };
  if (!has(solid) && !has(dashed)) return [];
  const names = series.map(({ name }) => printable(name));
  const solidLines = names.map((name, index) => lineOf(solid, { name, style: "line" }, index));
  const dashedLines = (has(dashed) ? names : []).map((name, index) =>
    lineOf(dashed, { name: `${name}: ${dashed}`, style: "dashed" }, index),
  );
  // One for all, of no variant's colour, where all have the same.
  const alike = areAlike(dashedLines) ? [{ ...dashedLines[0]!, colour: INK }] : dashedLines;
  const lines = [...solidLines, ...alike];
  return [{ chart: { title, x: "seconds", y, lines, named: names }, caption }];
}

/** With room for the legend's rows, by about the width of names. */
function lookOf({ lines, named }: Chart): Look {
  const names = named ?? lines.map(({ name }) => name);
  const width = names.reduce((sum, name) => sum + 36 + LEGEND_GAP + 7 * name.length, 0);
  const below = 50 + (LEGEND_GAP + 14) * Math.ceil(width / (WIDTH - 60));
  return {
    ...{ width: WIDTH, height: PLOT_HEIGHT + below, below, legendGap: LEGEND_GAP },
    ...{ background: "transparent", ink: INK },
  };
}

/** Over time, and against what was swept; either may be none. */
export async function drawSimulation({ results, series }: SimulateOutput): Promise<{
  readonly overTime: readonly PagePlot[];
  readonly swept: readonly PagePlot[];
}> {
  const time = QUESTIONS.flatMap((question) => overTime(series, question));
  const all = [...time, ...sweepCharts(results.variants)];
  const svgs = await drawCharts(
    all.map(({ chart }) => chart),
    lookOf,
  );
  const plots = all.map(
    ({ chart, caption }, index): PagePlot => ({
      title: chart.title,
      caption,
      svg: embedded(svgs[index]!, index),
    }),
  );
  return { overTime: plots.slice(0, time.length), swept: plots.slice(time.length) };
}
