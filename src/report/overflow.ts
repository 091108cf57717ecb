/** A store's overflow log, as a person reads it. Knows only the result object. */

import { printable } from "../base/text.ts";
import { formatSize } from "../base/units.ts";
import type { OverflowStatus, ZramWriteBack } from "./result.ts";
import { columns, decimal, type Emphasis, share, sparkline, wholeNumber } from "./terminal.ts";

/** Characters of the live shares' chart. */
const MOST_BARS = 32;
const YEAR_DAYS = 365.25;

interface SectionOptions {
  readonly emphasis: Emphasis;
  /** Whether the time since it was opened says how fast it is written. */
  readonly hasForecast: boolean;
}

function count(many: number, what: string): string {
  return `${wholeNumber(many)} ${what}${many === 1 ? "" : "s"}`;
}

/** Live share of segments, least first, as many as a line shows. */
function liveSharesRow({ wear }: OverflowStatus): string[] {
  const { live_shares: shares } = wear;
  const bars = Math.min(shares.length, MOST_BARS);
  const step = bars > 1 ? (shares.length - 1) / (bars - 1) : 0;
  const shown = Array.from({ length: bars }, (_, bar) => shares[Math.round(bar * step)]!);
  const percent = (value = 0) => String(Math.round(100 * value));
  const range = `${percent(shares[0])} to ${percent(shares.at(-1))} %`;
  return ["live shares", range, `of segments, sorted: ${sparkline(shown)}`];
}

function budgetRow({ budget }: OverflowStatus): string[] {
  const { bytes_per_day, available_bytes, overdrawn_bytes } = budget;
  if (bytes_per_day === null) return ["budget", "none", "bytes a day are not limited"];
  const overdrawn =
    overdrawn_bytes > 0
      ? `overdrawn by ${formatSize(overdrawn_bytes)}`
      : `${formatSize(available_bytes ?? 0)} left`;
  return ["budget", formatSize(bytes_per_day), `a day, ${overdrawn}`];
}

function forecastRow({ forecast_years: years }: OverflowStatus): string[] {
  if (years === null) return ["forecast", "–", "nothing was written yet"];
  const days = years * YEAR_DAYS;
  const ofYears = years >= 1000 ? "> 1,000 years" : `${decimal(years, years < 10 ? 1 : 0)} years`;
  const shown = years >= 1 ? ofYears : days >= 1 ? `${decimal(days, 0)} days` : "< 1 day";
  return ["forecast", shown, "from new to worn out, at the rate since it was opened"];
}

function wearRow({ wear, segments_retired, segments }: OverflowStatus): string[] {
  const { erases_min, erases_mean, erases_max } = wear;
  const retired =
    segments_retired > 0
      ? `; ${wholeNumber(segments_retired)} of ${count(segments, "segment")} failed`
      : "";
  return [
    "erases",
    `${wholeNumber(erases_min)} / ${decimal(erases_mean, 1)} / ${wholeNumber(erases_max)}`,
    `least, mean and most of a segment${retired}`,
  ];
}

/** Rows of name, figure and what it is. */
function overflowTable(overflow: OverflowStatus, options: SectionOptions): string {
  const { strong } = options.emphasis;
  const { segments, segments_free, write_amplification: amplification } = overflow;
  const { segment_bytes, cleaning, is_sealed, openings, lost_objects } = overflow;
  const seal = is_sealed ? "sealed" : "plain";
  const rows = [
    [
      "size",
      formatSize(overflow.size_bytes),
      `${count(segments, "segment")} of ${formatSize(segment_bytes)}, ${wholeNumber(segments_free)} free; ${seal}, cleaning ${cleaning}`,
    ],
    ["bd_data_size", formatSize(overflow.bd_data_size), "live, on the log alone"],
    ["copied_bytes", formatSize(overflow.copied_bytes), "live, in memory too"],
    liveSharesRow(overflow),
    [
      "written back",
      count(overflow.written_back, "object"),
      `${count(overflow.written_back_pages, "page")}; ${wholeNumber(overflow.evicted_clean)} left unwritten, ${wholeNumber(overflow.promoted)} came back`,
    ],
    [
      "programmed",
      formatSize(overflow.programmed_bytes),
      `since it was opened; ${formatSize(overflow.programmed_bytes_ever)} in ${count(openings, "opening")}`,
    ],
    ["write amplification", decimal(amplification), "programmed, by what left memory"],
    [
      "per byte swapped",
      decimal(overflow.programmed_per_swapped_byte),
      "programmed, by 4096 for each page that left memory",
    ],
    wearRow(overflow),
    budgetRow(overflow),
    ...(options.hasForecast ? [forecastRow(overflow)] : []),
    ["waited", wholeNumber(overflow.stalls), "writes that waited for pages to leave memory"],
    [
      "reads",
      wholeNumber(overflow.reads),
      `${wholeNumber(overflow.failed_reads)} of them failed; ${count(overflow.failed_writes, "write")} failed`,
    ],
  ];
  const lost =
    lost_objects > 0
      ? [strong(`  ${count(lost_objects, "object")} LOST: reading their pages fails.`)]
      : [];
  const dead = overflow.is_dead
    ? [strong("  ITS MEDIUM IS DEAD: nothing more is written to it; memory serves on.")]
    : [];
  return [columns(rows, { align: ["left", "right", "left"] }), ...lost, ...dead].join("\n");
}

/** The section of a report, ending in a line feed. */
export function overflowSection(overflow: OverflowStatus, options: SectionOptions): string {
  const { strong, faint } = options.emphasis;
  const title = `${strong("On the overflow log")}  ${faint(printable(overflow.path))}`;
  return `${title}\n${overflowTable(overflow, options)}\n`;
}

/** A log beside what zram would have written. */
export function besideZram(
  overflow: OverflowStatus,
  zram: ZramWriteBack,
  { strong }: Emphasis,
): string {
  if (zram.pages === 0) return "  No page left memory; a smaller --memory-limit would make some.";
  const part = strong(share(overflow.programmed_bytes, zram.programmed_bytes));
  const { wear } = overflow;
  return [
    `  zram would have written these ${count(zram.pages, "page")} as blocks of 4096 bytes, ${formatSize(zram.programmed_bytes)}; the log wrote ${part} of that.`,
    `  Its lowest free block first: ${count(zram.blocks, "block")}, written ${decimal(zram.block_writes_mean, 1)} times each, one ${wholeNumber(zram.block_writes_max)} times; segments were erased ${decimal(wear.erases_mean, 1)} times each, one ${wholeNumber(wear.erases_max)} times.`,
  ].join("\n");
}
