/** The results of `pagefold wear` and `pagefold wear --check` as text for a terminal. Knows only the result objects. */

import { printable } from "../base/text.ts";
import { formatSize } from "../base/units.ts";
import { columns, decimal, type Emphasis, wholeNumber } from "./terminal.ts";
import type {
  WearCheckResult,
  WearCheckRow,
  WearOptions,
  WearResult,
  WearWay,
} from "./wear-result.ts";

const MOST_YEARS = 1000;

function percent(share: number): string {
  return `${share >= 0 ? "+" : "–"}${Math.abs(100 * share).toFixed(1)} %`;
}

function years(value: number | null): string {
  if (value === null || value > MOST_YEARS) return `> ${wholeNumber(MOST_YEARS)}`;
  return value.toFixed(1);
}

function day(value: number | null): string {
  return value === null ? "none" : `day ${wholeNumber(Math.ceil(value))}`;
}

function erases(count: number): string {
  return count < 10 ? count.toFixed(1) : wholeNumber(Math.round(count));
}

function waysTable({ ways, zram }: WearResult, { faint }: Emphasis): string {
  const head = ["", "ampl.", "theory", "error", "erases min", "mean", "max", "max/mean", "Gini"];
  const more = ["first bad", "years", "per byte", "of zram's"];
  const row = (way: WearWay) => [
    way.name,
    decimal(way.write_amplification),
    decimal(way.theory?.write_amplification ?? null),
    way.theory === null ? "–" : percent(way.theory.error),
    ...[way.erases.min, way.erases.mean, way.erases.max].map(erases),
    decimal(way.erases.max_to_mean),
    decimal(way.erases.gini, 3),
    day(way.first_bad_day),
    years(way.years),
    decimal(way.bytes_programmed_per_byte_swapped),
    decimal(way.bytes_programmed_to_zram),
  ];
  const right = [...head.slice(1), ...more].map(() => "right" as const);
  const rows = [...ways, zram].map(row);
  return columns([[...head, ...more], ...rows], { align: ["left", ...right], head: faint });
}

function modelLine({ model, ways }: WearResult, options: WearOptions): string {
  const { segments, records_per_segment, simulated_share } = model;
  const stands = `${wholeNumber(segments)} segments of ${wholeNumber(records_per_segment)} records stand for the medium`;
  const time =
    simulated_share >= 0.99
      ? "the whole time was simulated"
      : `${(100 * simulated_share).toFixed(0)} % of the time was simulated, erases are told in proportion`;
  const worn = ways.filter((way) => way.worn_out_day !== null);
  const ended = worn.map(
    (way) =>
      `\n  ${way.name} had worn the medium out by ${day(way.worn_out_day)}: its figures are until then.`,
  );
  return `  ${stands}; ${time}. Seed ${options.seed}.${ended.join("")}`;
}

function headLines(result: WearResult, options: WearOptions, { strong }: Emphasis): string {
  const { workload, size, segment, days, writes_per_day, endurance, utilisation } = options;
  const time = `${wholeNumber(days)} days of ${formatSize(writes_per_day)} swapped out a day`;
  const record = `${Math.round(result.mean_record_bytes)} bytes each in the mean`;
  const { memory } = result;
  return [
    `${strong(printable(workload))}: ${time}`,
    `  ${formatSize(size)} of NAND in segments of ${formatSize(segment)}, ${wholeNumber(endurance)} erases each, ${Math.round(100 * utilisation)} % of it live:`,
    `  ${wholeNumber(result.pages)} pages (${formatSize(result.pages * 4096)}), ${record}; levelling ${options.levelling ? "on" : "off"}`,
    ...(memory === null
      ? []
      : [
          `  memory for ${formatSize(memory.limit_bytes)} of the ${formatSize(memory.needed_bytes)} the trace needs, compressed`,
        ]),
  ].join("\n");
}

/** Levelling parts what lies still from the rest, which the formulas' one log does not. */
function theoryLines({ ways }: WearResult, { levelling }: WearOptions): string[] {
  if (!levelling || ways.every(({ theory }) => theory === null)) return [];
  return [
    "  theory: of a log without levelling. Levelling parts what lies still from the rest: the more skewed the writes, the",
    "  further below theory a way can come; --no-levelling compares like with like.",
  ];
}

/** The whole report, ending in a line feed. */
export function renderWear(
  result: WearResult,
  { emphasis, options }: { readonly emphasis: Emphasis; readonly options: WearOptions },
): string {
  const { zram } = result;
  const { faint } = emphasis;
  return `${[
    headLines(result, options, emphasis),
    "",
    waysTable(result, emphasis),
    "",
    modelLine(result, options),
    ...theoryLines(result, options).map(faint),
    faint(
      "  per byte: bytes programmed for each byte swapped out of memory. years: until the most worn segment is used up.",
    ),
    faint(
      `  zram: a block of 4096 bytes for each page, the lowest free one, on ${formatSize(zram.medium_bytes)}, which is what it needs;`,
    ),
    faint(
      "  its erases are writes of one block, as if each could be written anew in its place: no drive does better.",
    ),
  ].join("\n")}\n`;
}

const FIGURES: Readonly<Record<WearCheckRow["figure"], string>> = {
  amplification: "amplification",
  max_minus_min: "max - min",
  max_to_mean: "max/mean",
};

function boundOf({ figure, bound, reference }: WearCheckRow): string {
  if (reference === null) return `<= ${bound}`;
  return figure === "amplification" && bound > 0 ? `± ${(100 * bound).toFixed(0)} %` : "below";
}

function checkRow(row: WearCheckRow, { strong }: Emphasis): string[] {
  const digits = row.figure === "max_minus_min" ? 0 : 3;
  return [
    row.workload,
    row.plan,
    wholeNumber(row.records_per_segment),
    row.utilisation.toFixed(3),
    FIGURES[row.figure],
    row.measured.toFixed(digits),
    decimal(row.reference, digits),
    row.error === null ? "–" : percent(row.error),
    boundOf(row),
    row.ok ? "ok" : strong("FAIL"),
    row.note,
  ];
}

/** The table of the check, ending in a line feed. */
export function renderWearCheck(result: WearCheckResult, emphasis: Emphasis): string {
  const { rows, failed, segments, seed, full } = result;
  const { strong, faint } = emphasis;
  const head = [
    "workload",
    "cleaning",
    "records",
    "u",
    "figure",
    "measured",
    "formula",
    "error",
    "bound",
    "",
    "",
  ];
  const sections = [...new Set(rows.map(({ section }) => section))].map((section) => {
    const own = rows.filter((row) => row.section === section);
    const name = own[0]!.reference_name.includes("measured") ? "one log" : "formula";
    const heads = head.map((text) => (text === "formula" ? name : text));
    const table = columns([heads, ...own.map((row) => checkRow(row, emphasis))], {
      align: [
        "left",
        "left",
        "right",
        "right",
        "left",
        "right",
        "right",
        "right",
        "right",
        "left",
        "left",
      ],
      head: faint,
    });
    return `${strong(section)}\n${table}\n`;
  });
  const all = `${wholeNumber(rows.length)} checks on ${wholeNumber(segments)} segments, seed ${seed}`;
  const small = full
    ? ""
    : " (--quick: few, small, with wider bounds; the whole check leaves it out)";
  const verdict =
    failed === 0 ? "all within their bounds" : strong(`${failed} beyond their bounds`);
  return `${sections.join("\n")}\n${all}${small}: ${verdict}.\n`;
}
