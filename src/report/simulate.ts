/**
 * The result of `pagefold simulate` as text for a terminal of 120 columns: a line for each variant, pages saved over
 * time, the headlines beside what was published. Knows only the result object.
 */

import { printable } from "../base/text.ts";
import { type Column, notesOf, settingText } from "./simulate-columns.ts";
import type { SimulateOutput, VariantResult, VariantSeries } from "./simulate-result.ts";
import {
  guestTables,
  headlineValue,
  passTable,
  sensitivityTable,
  type TextTable,
  verdict,
} from "./simulate-tables.ts";
import { chosenColumns } from "./simulate-topics.ts";
import { columns, type Emphasis, sparkline, wholeNumber } from "./terminal.ts";

const COLUMNS = 120;
const NAME_COLUMNS = 44;
/** Between two columns, and before the first. */
const GAP = 2;
const SPARK_COLUMNS = 60;

/** A name of at most so many columns; the end, which tells points of a sweep apart, stays. */
function shortName(name: string): string {
  const characters = [...printable(name)];
  if (characters.length <= NAME_COLUMNS) return characters.join("");
  return `${characters.slice(0, NAME_COLUMNS / 2 - 1).join("")}…${characters.slice(-NAME_COLUMNS / 2).join("")}`;
}

/** Words in lines of at most 120 columns, each after `indent`. */
function wrapped(text: string, indent: string): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    if (line.trim() !== "" && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = indent;
    }
    line += line.length === indent.length ? word : ` ${word}`;
  }
  return [...lines, line].join("\n");
}

function titleLines({ results, options }: SimulateOutput, { strong }: Emphasis): string {
  const { variants, title } = results;
  const seconds = Math.max(...variants.map((variant) => variant.seconds), 0);
  const set = Object.entries(options.set).map(([key, value]) => `${key}=${settingText(value)}`);
  const swept = Object.entries(options.sweep).map(
    ([key, values]) => `${key}=${values.map(settingText).join(",")}`,
  );
  const asked = [...set, ...swept].join(" ");
  const runs = `${wholeNumber(variants.length)} ${variants.length === 1 ? "run" : "runs"}`;
  const what = `${options.scenario}: ${runs} of ${wholeNumber(seconds)} s${asked === "" ? "" : `; ${asked}`}`;
  return `${strong(printable(title))}\n${wrapped(printable(what), "  ")}`;
}

/** The table and what its heads mean. */
function variantsTable(variants: readonly VariantResult[], { faint }: Emphasis) {
  const names = variants.map(({ name }) => shortName(name));
  const cells = (column: Column) => [
    column.head,
    ...variants.map((variant) => column.show(column.of(variant))),
  ];
  const widthOf = (column: Column) => GAP + Math.max(...cells(column).map((cell) => cell.length));
  const room = COLUMNS - GAP - Math.max(...names.map((name) => [...name].length), 0);
  const chosen = chosenColumns(variants, { room, widthOf });
  const parts = [["", ...names], ...chosen.map(cells)];
  const rows = parts[0]!.map((_, row) => parts.map((part) => part[row]!));
  const table = columns(rows, {
    align: parts.map((_, index) => (index === 0 ? "left" : "right")),
    head: faint,
  });
  return { table, notes: notesOf(chosen).map((note) => faint(wrapped(note, "  "))) };
}

/** The mean of the column in equal stretches of time; a stretch without samples is as the one before. */
function stretches({ columns }: VariantSeries, name: string, secondsMax: number): number[] {
  const sums = new Array<number>(SPARK_COLUMNS).fill(0);
  const counts = new Array<number>(SPARK_COLUMNS).fill(0);
  const values = columns[name] ?? [];
  columns.seconds?.forEach((seconds, row) => {
    const at = Math.min(SPARK_COLUMNS - 1, Math.floor((SPARK_COLUMNS * seconds) / secondsMax));
    sums[at]! += values[row] ?? 0;
    counts[at]! += 1;
  });
  let last = 0;
  return sums.map((sum, at) => {
    if (counts[at]! > 0) last = sum / counts[at]!;
    return last;
  });
}

/** Pages saved over time, to one scale, of the variants that save any. */
function sparklines(series: readonly VariantSeries[], { faint }: Emphasis): string[] {
  const secondsMax = Math.max(...series.map(({ columns }) => columns.seconds?.at(-1) ?? 0), 0);
  const all = series.map((one) => stretches(one, "pages_saved", secondsMax));
  const largest = Math.max(...all.flat(), 0);
  if (largest === 0 || secondsMax === 0) return [];
  const rows = series.map(({ name }, index) => [shortName(name), sparkline(all[index]!, largest)]);
  const head = `pages saved from 0 to ${wholeNumber(secondsMax)} s, up to ${wholeNumber(Math.round(largest))}`;
  return [columns([["", head], ...rows], { align: ["left", "left"], head: faint }), ""];
}

function headlineLines({ results }: SimulateOutput, { strong }: Emphasis): string[] {
  if (results.headlines.length === 0) return [];
  const lines = results.headlines.flatMap((headline) => {
    const value = wrapped(printable(`${headline.name}: ${headlineValue(headline)}`), "  ");
    const said = verdict(headline);
    const { published } = headline;
    return [
      said === "" ? value : `${value}, ${strong(said)}`,
      ...(published === null ? [] : [wrapped(printable(`published: ${published}`), "    ")]),
    ];
  });
  return [strong("Headlines"), ...lines, ""];
}

/** As many columns as fit. */
function tableLines(table: TextTable, { strong, faint }: Emphasis): string[] {
  const all = [table.head, ...table.rows].map((row) => row.map(shortName));
  let width = 0;
  const shown = table.head.findIndex((_, column) => {
    width += GAP + Math.max(...all.map((row) => [...row[column]!].length));
    return width > COLUMNS;
  });
  const fitting = shown === -1 ? table.head.length : shown;
  const rows = all.map((row) => row.slice(0, fitting));
  const align = table.align.slice(0, fitting);
  return [strong(printable(table.title)), columns(rows, { align, head: faint }), ""];
}

/** The whole report, ending in a line feed. */
export function renderSimulation(
  output: SimulateOutput,
  { emphasis }: { readonly emphasis: Emphasis },
): string {
  const { results, series, options } = output;
  const { sensitivity, variants } = results;
  const { table: variantLines, notes } = variantsTable(variants, emphasis);
  const passes = series.map(passTable).filter((table) => table !== null);
  const tables = [
    ...(sensitivity === null || sensitivity.length === 0 ? [] : [sensitivityTable(sensitivity)]),
    ...passes,
    ...guestTables(variants),
  ];
  return `${[
    titleLines(output, emphasis),
    "",
    variantLines,
    "",
    ...sparklines(series, emphasis),
    ...headlineLines(output, emphasis),
    ...tables.flatMap((table) => tableLines(table, emphasis)),
    ...notes,
    `  Seed ${options.seed}: the same seed gives the same figures.`,
  ].join("\n")}\n`;
}
