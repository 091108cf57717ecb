/**
 * Charts of lines as SVG, drawn by ECharts on the server's side, which is loaded when a chart is asked for: it takes a
 * quarter of a second. Knows nothing of what is shown.
 */

/** Along the axis a number, or one of the chart's categories. */
export type Point = readonly [number | string, number];

export interface Line {
  readonly name: string;
  readonly points: readonly Point[];
  readonly style: "line" | "dashed" | "step" | "marks" | "marked";
  readonly colour?: string;
}

export interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
  /** Where the axes begin, unless at 0. */
  readonly from?: { readonly x?: number; readonly y?: number };
  /** What stands along the x axis, at equal distances, where it is no scale of numbers. */
  readonly categories?: readonly string[];
  /** The lines the legend names, unless all. */
  readonly named?: readonly string[];
  /** The y axis goes up by tenfold steps; its values are above 0. */
  readonly isLogarithmic?: boolean;
}

/** A chart as a file of its own. */
export interface Plot {
  /** Of the file, without a folder. */
  readonly name: string;
  readonly svg: string;
}

/** Each has three times the contrast to a white and to a nearly black page; neighbours are unlike. */
const COLOURS = [
  ...["#3b7dd8", "#d9601a", "#2a9d55", "#d6408f", "#8f63d2", "#0f93a6", "#b5851b", "#e0444a"],
  ...["#6b8e23", "#5b6fe0", "#a8623a", "#1f9a80", "#b04fc4", "#7d8590", "#4f8fb0", "#c2556f"],
] as const;

/** For pages that may be light or dark; the seventeenth is the first again. */
export function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length]!;
}

/** Of the page's texts, whatever it is. */
export const INK = "currentColor";

/** Whether they are several that would lie on each other. */
export function areAlike(lines: readonly Line[]): boolean {
  const [first, ...others] = lines.map(({ points }) => JSON.stringify(points));
  return others.length > 0 && others.every((points) => points === first);
}

export interface Look {
  readonly width: number;
  readonly height: number;
  readonly background: string;
  /** Of texts and axes; ECharts' greys unless given. */
  readonly ink?: string;
  /** Between the names of the legend. */
  readonly legendGap?: number;
  /** Room below the plot, for the axis' name and the legend. */
  readonly below: number;
}

/** One line as ECharts takes it. */
function seriesOf({ name, points, style, colour }: Line) {
  return {
    type: "line" as const,
    name,
    data: points.map((point) => [...point]),
    showSymbol: style === "marks" || style === "marked",
    symbolSize: 7,
    // Only where there are more points than pixels.
    sampling: "lttb" as const,
    ...(style === "step" ? { step: "end" as const } : {}),
    ...(colour === undefined ? {} : { itemStyle: { color: colour } }),
    lineStyle: {
      width: style === "dashed" ? 1.5 : 2,
      type: style === "dashed" ? ("dashed" as const) : ("solid" as const),
      ...(colour === undefined ? {} : { color: colour }),
    },
  };
}

/** The parts of an axis in one colour, its grid faint. */
function inked(ink: string | undefined) {
  if (ink === undefined) return {};
  return {
    nameTextStyle: { color: ink },
    axisLabel: { color: ink },
    axisLine: { lineStyle: { color: ink } },
    axisTick: { lineStyle: { color: ink } },
    splitLine: { lineStyle: { color: ink, opacity: 0.15 } },
  };
}

function optionOf(chart: Chart, look: Look) {
  const { title, x, y, lines, from, categories, named, isLogarithmic } = chart;
  const { background, ink, below, legendGap } = look;
  const axis = { nameLocation: "middle" as const, nameGap: 36, ...inked(ink) };
  const text = ink === undefined ? {} : { textStyle: { color: ink } };
  return {
    animation: false,
    backgroundColor: background,
    title: { text: title, left: "center", top: 8, ...text },
    legend: {
      bottom: 8,
      ...text,
      ...(legendGap === undefined ? {} : { itemGap: legendGap }),
      ...(named === undefined ? {} : { data: [...named] }),
    },
    grid: { left: 72, right: 32, top: 56, bottom: below },
    xAxis:
      categories === undefined
        ? { type: "value" as const, ...axis, name: x, min: from?.x ?? 0 }
        : { type: "category" as const, ...axis, name: x, data: [...categories] },
    yAxis: isLogarithmic
      ? { type: "log" as const, ...axis, name: y }
      : { type: "value" as const, ...axis, name: y, min: from?.y ?? 0 },
    series: lines.map(seriesOf),
  };
}

/**
 * The SVG as part of a page: without rules for the pointer, which the page would share, and with ids that say which of
 * the page's plots it is instead of how many the process has drawn.
 */
export function embedded(svg: string, index: number): string {
  return svg
    .replaceAll(/<style >[\s\S]*?<\/style>\s*/g, "")
    .replaceAll(/ class="zr\d+-cls-\d+"/g, "")
    .replaceAll(/( id="| clip-path="url\(#)zr\d+-/g, `$1plot${index}-`);
}

/** One SVG element each, in order. */
export async function drawCharts(
  charts: readonly Chart[],
  lookOf: (chart: Chart) => Look,
): Promise<string[]> {
  const { init, use } = await import("echarts/core.js");
  const { LineChart } = await import("echarts/charts.js");
  const { GridComponent, LegendComponent, TitleComponent } = await import("echarts/components.js");
  const { SVGRenderer } = await import("echarts/renderers.js");
  use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);
  return charts.map((chart) => {
    const look = lookOf(chart);
    const { width, height } = look;
    const drawn = init(null, null, { renderer: "svg", ssr: true, width, height });
    drawn.setOption(optionOf(chart, look));
    const svg = drawn.renderToSVGString();
    drawn.dispose();
    return svg;
  });
}

const FILE_LOOK = { width: 960, height: 600, background: "#fff", below: 110 } as const;

/** Files to lie beside each other, named after `charts`' keys. */
export async function drawPlots(charts: Readonly<Record<string, Chart>>): Promise<Plot[]> {
  const svgs = await drawCharts(Object.values(charts), () => FILE_LOOK);
  return Object.keys(charts).map((name, index) => ({
    name: `${name}.svg`,
    svg: `${svgs[index]!}\n`,
  }));
}
