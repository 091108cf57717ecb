/**
 * The plots of `pagefold wear` as SVG: amplification against utilisation, erases per segment, live share per segment.
 * Knows only the result's series. Drawn by ECharts on the server's side, which is loaded when a plot is asked for: it
 * takes a quarter of a second.
 */

import type { WearSeries } from "./wear-result.ts";

const SIZE = { width: 960, height: 600 } as const;

export interface Plot {
  /** Of the file, without a folder. */
  readonly name: string;
  readonly svg: string;
}

type Point = readonly [number, number];

interface Line {
  readonly name: string;
  readonly points: readonly Point[];
  readonly style: "line" | "dashed" | "step" | "marks";
}

interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
  /** Where the axes begin, unless at the least value. */
  readonly from?: { readonly x?: number; readonly y?: number };
}

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

/** One line as ECharts takes it. */
function seriesOf({ name, points, style }: Line) {
  return {
    type: "line" as const,
    name,
    data: points.map((point) => [...point]),
    showSymbol: style === "marks",
    symbolSize: 7,
    ...(style === "step" ? { step: "end" as const } : {}),
    lineStyle: {
      width: style === "dashed" ? 1.5 : 2,
      type: style === "dashed" ? ("dashed" as const) : ("solid" as const),
    },
  };
}

/** All three. */
export async function drawWear(series: WearSeries): Promise<Plot[]> {
  const { init, use } = await import("echarts/core.js");
  const { LineChart } = await import("echarts/charts.js");
  const { GridComponent, LegendComponent, TitleComponent } = await import("echarts/components.js");
  const { SVGRenderer } = await import("echarts/renderers.js");
  use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);
  return Object.entries(charts(series)).map(([name, { title, x, y, lines, from }]) => {
    const chart = init(null, null, { renderer: "svg", ssr: true, ...SIZE });
    const axis = { type: "value" as const, nameLocation: "middle" as const, nameGap: 36 };
    chart.setOption({
      animation: false,
      backgroundColor: "#fff",
      title: { text: title, left: "center", top: 8 },
      legend: { bottom: 8 },
      grid: { left: 72, right: 32, top: 56, bottom: 110 },
      xAxis: { ...axis, name: x, min: from?.x ?? 0 },
      yAxis: { ...axis, name: y, min: from?.y ?? 0 },
      series: lines.map(seriesOf),
    });
    const svg = chart.renderToSVGString();
    chart.dispose();
    return { name: `${name}.svg`, svg: `${svg}\n` };
  });
}
