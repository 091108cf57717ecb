/**
 * Charts of variants that are points of a sweep: their figures against the value that was swept. Variants that know no
 * such value stand beside them as level lines.
 */

import { printable } from "../base/text.ts";
import { areAlike, type Chart, colourOf, INK, type Line, type Point } from "./plots.ts";
import { settingText } from "./simulate-columns.ts";
import type { Setting, VariantResult } from "./simulate-result.ts";

const MIB = 2 ** 20;
/** On a scale of numbers, points whose values lie further apart than this come too close to each other. */
const SPREAD_MAX = 32;

/** A chart and what its lines are. */
export interface CaptionedChart {
  readonly chart: Chart;
  readonly caption: string;
}

interface Sweep {
  readonly key: string;
  readonly values: readonly Setting[];
  /** Those that are alike but for the key. */
  readonly groups: readonly { readonly name: string; readonly points: readonly VariantResult[] }[];
  readonly others: readonly VariantResult[];
}

function isSame(one: Setting | undefined, other: Setting | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function distinctValues(variants: readonly VariantResult[], key: string): Setting[] {
  const values: Setting[] = [];
  for (const { settings } of variants) {
    const value = settings[key];
    if (value !== undefined && !values.some((known) => isSame(known, value))) values.push(value);
  }
  return values.every((value) => typeof value === "number")
    ? values.sort((one, other) => one - other)
    : values;
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

/** The words that all their names have. */
function wordsInCommon(variants: readonly VariantResult[]): string {
  const [first, ...others] = variants.map(({ name }) => name.split(" "));
  const common = first!.filter((word) => others.every((words) => words.includes(word)));
  return common.join(" ").replace(/[,:;]+$/, "");
}

/** Groups by the words of their own that their variants' names have in common, else by what is set in them. */
function namedGroups(groups: ReadonlyMap<string, readonly VariantResult[]>): Sweep["groups"] {
  const all = [...groups].map(([set, points]) => ({ set, points, words: wordsInCommon(points) }));
  const hasWords = new Set(all.map(({ words }) => words)).size === all.length;
  return all.map(({ set, points, words }) => ({
    name: all.length === 1 ? "" : printable(hasWords && words !== "" ? words : set),
    points,
  }));
}

/** By the key with the most values; two that are no numbers are none. */
function sweepOf(variants: readonly VariantResult[]): Sweep | null {
  const keys = [...new Set(variants.flatMap(({ settings }) => Object.keys(settings)))];
  let chosen: { readonly key: string; readonly values: readonly Setting[] } | null = null;
  for (const key of keys) {
    const values = distinctValues(variants, key);
    const leastCount = values.every((value) => typeof value === "number") ? 2 : 3;
    if (values.length >= Math.max(leastCount, (chosen?.values.length ?? 0) + 1)) {
      chosen = { key, values };
    }
  }
  if (chosen === null) return null;
  const { key, values } = chosen;
  const along = variants.filter(({ settings }) => key in settings);
  const differing = keys.filter(
    (path) =>
      path !== key &&
      along.some(({ settings }) => !isSame(settings[path], along[0]!.settings[path])),
  );
  const groups = new Map<string, VariantResult[]>();
  for (const variant of along) {
    const own = differing.filter((path) => path in variant.settings);
    const words = own.map((path) => `${lastOf(path)}=${settingText(variant.settings[path]!)}`);
    const name = words.join(" ");
    groups.set(name, [...(groups.get(name) ?? []), variant]);
  }
  return {
    key,
    values,
    groups: namedGroups(groups),
    others: variants.filter(({ settings }) => !(key in settings)),
  };
}

/** A number of each variant. */
interface Figure {
  readonly name: string;
  readonly of: (variant: VariantResult) => number;
  readonly style: "marked" | "dashed";
}

function isScale(values: readonly Setting[]): boolean {
  const numbers = values.filter((value) => typeof value === "number");
  const least = Math.min(...numbers.filter((value) => value > 0));
  return (
    numbers.length === values.length &&
    numbers.every((value) => value >= 0 && value <= SPREAD_MAX * least)
  );
}

/** A value and where it lies along the axis. */
interface Place {
  readonly value: Setting;
  readonly place: number | string;
}

interface Question extends Pick<Chart, "title" | "y"> {
  readonly caption: string;
  readonly figures: readonly Figure[];
}

/** One line for each group, without colours; one of the figure alone where all groups have the same. */
function figureLines(figure: Figure, { key, groups }: Sweep, at: readonly Place[]): Line[] {
  const { style } = figure;
  const lines = groups.map(({ name, points }): Line => {
    const found = at.flatMap(({ value, place }): Point[] => {
      const variant = points.find(({ settings }) => isSame(settings[key], value));
      return variant === undefined ? [] : [[place, figure.of(variant)]];
    });
    return { name: name === "" ? figure.name : `${name}: ${figure.name}`, points: found, style };
  });
  return areAlike(lines) ? [{ ...lines[0]!, name: figure.name }] : lines;
}

/** Dashed lines in the colours of the solid ones of their groups, or in none where they are for all. */
function coloured(lines: readonly Line[], before: number): Line[] {
  return lines.map((line, index) => {
    if (line.style !== "dashed") return { ...line, colour: colourOf(before + index) };
    return { ...line, colour: lines.length > 1 ? colourOf(index) : INK };
  });
}

/** None where all figures are zero. */
function against(sweep: Sweep, { title, y, caption, figures }: Question): CaptionedChart[] {
  const { key, values, groups, others } = sweep;
  const variants = [...groups.flatMap(({ points }) => points), ...others];
  const telling = figures.filter(({ of }) => variants.some((variant) => of(variant) !== 0));
  if (telling.length === 0) return [];
  const scaled = isScale(values);
  const at = values.map((value): Place => {
    const isNumber = scaled && typeof value === "number";
    return { value, place: isNumber ? value : printable(settingText(value)) };
  });
  const lines: Line[] = [];
  for (const figure of telling) {
    const solid = lines.filter(({ style }) => style !== "dashed").length;
    lines.push(...coloured(figureLines(figure, sweep, at), solid));
  }
  const ends = [at[0]!.place, at.at(-1)!.place];
  const levels = others.map((variant): Line => {
    const figure = telling[0]!;
    const points = ends.map((place): Point => [place, figure.of(variant)]);
    return { name: `${printable(variant.name)}: ${figure.name}`, points, style: "line" };
  });
  lines.push(...coloured(levels, lines.length));
  const named = lines.filter(({ style }) => style !== "dashed").map(({ name }) => name);
  const categories = scaled ? {} : { categories: at.map(({ place }) => `${place}`) };
  return [{ chart: { title, x: printable(key), y, lines, named, ...categories }, caption }];
}

const MEMORY: Question = {
  title: "Memory used as guests are added",
  caption: "At the end. Without merging: were each page in a frame of its own.",
  y: "frames",
  figures: [
    { name: "used", of: ({ host }) => host.frames_used + host.store_frames, style: "marked" },
    {
      name: "without merging",
      of: ({ host }) => host.pages_present + host.store_frames,
      style: "marked",
    },
    { name: "pages of zeros", of: ({ host }) => host.zero_pages, style: "marked" },
  ],
};

const QUESTIONS: readonly Question[] = [
  {
    title: "Merged pages",
    caption: "Means over time. Dashed: opportunities, the most that could be saved.",
    y: "pages",
    figures: [
      { name: "saved", of: ({ merged }) => merged.pages_saved_mean, style: "marked" },
      { name: "opportunities", of: ({ merged }) => merged.opportunities_mean, style: "dashed" },
    ],
  },
  {
    title: "What it costs",
    caption:
      "Scanner: of one core. Slowdown: what scanning and copies of merged pages cost guests, of their processor time.",
    y: "%",
    figures: [
      { name: "scanner", of: ({ scanner }) => 100 * scanner.cpu_share, style: "marked" },
      { name: "slowdown", of: ({ cpu }) => 100 * cpu.slowdown, style: "marked" },
    ],
  },
  {
    title: "What swap takes in the end",
    caption: "All memory of the stores (mem_used_total).",
    y: "MiB",
    figures: [
      { name: "swap", of: ({ swap }) => (swap?.mem_used_total ?? 0) / MIB, style: "marked" },
    ],
  },
];

/** None where the variants are no sweep. */
export function sweepCharts(variants: readonly VariantResult[]): CaptionedChart[] {
  const sweep = sweepOf(variants);
  if (sweep === null) return [];
  const isOfGuests = new Set(variants.map(({ guests }) => guests.length)).size > 1;
  const questions = [...(isOfGuests ? [MEMORY] : []), ...QUESTIONS];
  return questions.flatMap((question) => against(sweep, question));
}
