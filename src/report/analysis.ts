/**
 * The result of `pagefold analyze` as text for a terminal: the pages, the codecs, where every byte of the store goes,
 * and what a kernel zram would show. Knows only the result object; every number shown is in it or a quotient of two
 * that are.
 */

import { printable } from "../base/text.ts";
import { formatSize } from "../base/units.ts";
import type { AnalysisResult, ClassCount, CodecResult, ZramResult } from "./result.ts";
import { bar, columns, decimal, type Emphasis, share, sparkline, wholeNumber } from "./terminal.ts";
import { unitsBody } from "./units.ts";

const BAR_WIDTH = 30;
const SPARK_BUCKETS = 16;
const CLASS_BYTES_MAX = 4096;

interface RenderOptions {
  readonly emphasis: Emphasis;
  /** Show every class of every codec. */
  readonly histogram?: boolean;
}

function ofOne(value: number | null): string {
  return value === null ? "–" : `${value.toFixed(2)} : 1`;
}

function pagesSection(result: AnalysisResult): string {
  const { zero, same_filled, duplicate, unique } = result.pages;
  const row = (name: string, pages: number) => [
    name,
    wholeNumber(pages),
    share(pages, result.input.pages),
    bar(pages / result.input.pages, BAR_WIDTH),
  ];
  return columns(
    [
      row("zero", zero),
      row("same-filled, not zero", same_filled - zero),
      row("duplicate of an earlier page", duplicate),
      row("unique", unique),
    ],
    { align: ["left", "right", "right", "left"] },
  );
}

/** Objects in 16 steps of size, the smallest first. */
function sizeSteps(histogram: readonly ClassCount[]): number[] {
  const steps = new Array<number>(SPARK_BUCKETS).fill(0);
  for (const { size, objects } of histogram) {
    const step = Math.ceil((size * SPARK_BUCKETS) / CLASS_BYTES_MAX) - 1;
    steps[step] = steps[step]! + objects;
  }
  return steps;
}

function codecsSection(result: AnalysisResult, { emphasis }: RenderOptions): string {
  const head = ["codec", "ratio", "compressed", "in memory", "huge", "compress µs", "decode µs"];
  const rows = result.codecs.map((one) => [
    one.name,
    decimal(one.ratio),
    formatSize(one.compr_data_size),
    formatSize(one.mem_used_total),
    wholeNumber(one.huge_pages),
    decimal(one.compress_us_per_page, 1),
    decimal(one.decompress_us_per_page, 1),
    sparkline(sizeSteps(one.class_histogram)),
  ]);
  return columns([[...head, "classes, 0 to 4096"], ...rows], {
    align: ["left", "right", "right", "right", "right", "right", "right", "left"],
    head: emphasis.faint,
  });
}

function classesOf(codec: CodecResult, { emphasis }: RenderOptions): string {
  const most = Math.max(...codec.class_histogram.map(({ objects }) => objects), 1);
  const rows = codec.class_histogram.map(({ size, objects, mem_used }) => [
    wholeNumber(size),
    wholeNumber(objects),
    formatSize(mem_used),
    bar(objects / most, BAR_WIDTH),
  ]);
  return columns([["class", "objects", "in memory", ""], ...rows], {
    align: ["right", "right", "right", "left"],
    head: emphasis.faint,
  });
}

function storeSection(result: AnalysisResult, { emphasis }: RenderOptions): string {
  const store = result.pagefold;
  // A store looks in a few places of its index only, so it may overlook some.
  const missed =
    store.complete && store.dup_pages < result.pages.duplicate
      ? ` of ${wholeNumber(result.pages.duplicate)}`
      : "";
  const row = (sign: string, name: string, bytes: number, note = "") => [
    sign,
    name,
    formatSize(bytes),
    share(bytes, store.orig_data_size),
    emphasis.faint(note),
  ];
  const total = (name: string, bytes: number, note = "") =>
    row("=", name, bytes, note).map((cell, index) => (index < 4 ? emphasis.strong(cell) : cell));
  const pages = (count: number) => `${wholeNumber(count)} pages`;
  const shared = store.dedup
    ? `${pages(store.dup_pages)}${missed}; compressed they would take ${formatSize(store.dup_data_size)}`
    : "switched off";
  const sections = [
    row("", "written", store.orig_data_size, `orig_data_size, ${pages(store.pages)}`),
    row("–", "same-filled pages", store.saved_by_same_filled, pages(store.same_pages)),
    row("–", "duplicates", store.saved_by_dedup, shared),
    row("–", "compression", store.saved_by_compression, `${wholeNumber(store.objects)} objects`),
    ...(store.bd_data_size > 0 ? [row("–", "overflow", store.bd_data_size, "bd_data_size")] : []),
    total("compressed data", store.compr_data_size, "compr_data_size"),
    row("+", "rounding and fragmentation", store.pool_loss, "pool_loss"),
    total("the pool", store.mem_used_total, "mem_used_total"),
    row("+", "tables", store.metadata_size, "metadata_size"),
    total("in all", store.total_size, "total_size"),
  ];
  const table = columns(sections, { align: ["left", "left", "right", "right", "left"] });
  const alone = `compression alone ${emphasis.strong(ofOne(store.ratio_compression))}`;
  const all = `everything against everything ${emphasis.strong(ofOne(store.ratio_everything))}`;
  const partial = store.complete
    ? ""
    : `\n  The store ran out of space: this is the accounting of the first ${pages(store.pages)}.`;
  return `${table}\n\n  ${alone}    ${all}${partial}`;
}

const MM_STAT = [
  "orig_data_size",
  "compr_data_size",
  "mem_used_total",
  "same_pages",
  "huge_pages",
] as const;

function zramSection(result: AnalysisResult, { emphasis }: RenderOptions): string {
  const shown = Object.entries(result.zram).filter(([, one]) => one.in_kernel);
  if (shown.length === 0) return "  mainline zram has none of these codecs";
  const row = (name: string, cell: (one: ZramResult) => string) => [
    name,
    ...shown.map(([, one]) => cell(one)),
  ];
  const rows = [
    ["", ...shown.map(([name]) => name)],
    ...MM_STAT.map((name) => row(name, (one) => String(one[name]))),
    row("in all", (one) => formatSize(one.mem_used_total + one.metadata_size)),
    row("checked by a kernel", (one) => (one.checked ? "yes" : "no")),
  ];
  const align = rows[0]!.map((_, index) => (index === 0 ? "left" : "right"));
  return `${columns(rows, { align, head: emphasis.faint })}${comparison(result)}`;
}

/** The store beside a zram of the same codec, both with their tables. */
function comparison({ zram, pagefold }: AnalysisResult): string {
  const same = zram[pagefold.codec];
  if (!same?.in_kernel || !pagefold.complete) return "";
  const zramBytes = same.mem_used_total + same.metadata_size;
  const difference = pagefold.total_size - zramBytes;
  const by = `${share(Math.abs(difference), zramBytes)} ${difference > 0 ? "more" : "less"}`;
  return `\n\n  pagefold with ${pagefold.codec} takes ${formatSize(pagefold.total_size)} in all, ${by} than zram with ${pagefold.codec}.`;
}

const FILES_SHOWN = 3;

function filesTitle(files: readonly string[]): string {
  const more = files.length - FILES_SHOWN;
  const shown = printable(files.slice(0, FILES_SHOWN).join(" "));
  return more > 0 ? `${shown} and ${more} more` : shown || "These pages";
}

/** The whole report, ending in a line feed. */
export function renderAnalysis(result: AnalysisResult, options: RenderOptions): string {
  const { strong, faint } = options.emphasis;
  const { input, pagefold } = result;
  const section = (title: string, parts: { note: string; body: string }) =>
    `${strong(title)}${parts.note && `  ${faint(parts.note)}`}\n${parts.body}\n`;
  const compressed = wholeNumber(input.pages - result.pages.same_filled);
  const chain = result.options.zsmalloc_chain;
  const sample = input.sample
    ? `\n  A sample of ${input.sample.percent} % of ${wholeNumber(input.sample.pages_in_input)} pages: ${input.sample.rule}.\n  It finds fewer duplicates than there are, and zspages that are not full weigh more in it.`
    : "";
  const histograms = options.histogram
    ? result.codecs.map((one) =>
        section(`Classes of ${one.name}`, {
          note: "bytes of a place, objects in it, zspages' memory",
          body: classesOf(one, options),
        }),
      )
    : [];
  return `${[
    section(filesTitle(result.options.files), {
      note: "",
      body: `  ${wholeNumber(input.pages)} pages of 4096 bytes, ${formatSize(input.bytes)}${sample}`,
    }),
    section("The pages", { note: "", body: pagesSection(result) }),
    section("The codecs", {
      note: `${compressed} pages that are not same-filled; memory by zsmalloc's model, chain size ${chain}`,
      body: codecsSection(result, options),
    }),
    ...histograms,
    ...(result.units === undefined
      ? []
      : [
          section("Larger units", {
            note: `neighbours compressed together; ratios of the same ${wholeNumber(result.units.pages_compressed)} pages`,
            body: unitsBody(result.units, options.emphasis),
          }),
        ]),
    section("Where it goes in pagefold", {
      note: `codec ${pagefold.codec}, deduplication ${pagefold.dedup ? "on" : "off"}`,
      body: storeSection(result, options),
    }),
    section("What a kernel zram would show in mm_stat", {
      note: `chain size ${chain}; in all: with zram's own 16 bytes a page and 8 an object`,
      body: zramSection(result, options),
    }),
  ].join("\n")}`;
}
