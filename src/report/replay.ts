/** The result of `pagefold replay` as text for a terminal. Knows only the result object. */

import { printable } from "../base/text.ts";
import { formatSize } from "../base/units.ts";
import { besideZram, overflowSection } from "./overflow.ts";
import type { ReplayResult, RequestFigures, RequestName, SlotAccounting } from "./result.ts";
import { columns, decimal, type Emphasis, share, wholeNumber } from "./terminal.ts";

const KINDS: Readonly<Record<RequestName, string>> = {
  read: "read",
  write: "write",
  discard: "discard",
  write_zeroes: "write zeroes",
  reserve_zeroes: "write zeroes, reserving",
  flush: "flush",
};

function count(many: number, what: string): string {
  return `${wholeNumber(many)} ${what}${many === 1 ? "" : "s"}`;
}

function duration(seconds: number): string {
  return seconds < 100 ? `${seconds.toFixed(2)} s` : `${wholeNumber(Math.round(seconds))} s`;
}

function exportName(name: string): string {
  return name === "" ? "the export without a name" : `export "${printable(name)}"`;
}

function traceLine({ trace }: ReplayResult, { strong }: Emphasis): string {
  const { records, contents, seconds, exports } = trace;
  const size = exports.reduce((sum, one) => sum + one.size_bytes, 0);
  const to = `${count(exports.length, "export")} of ${formatSize(size)}`;
  const what = `${count(records, "request")} in ${duration(seconds)} to ${to}`;
  const lines = [
    `${strong(printable(trace.file))}: ${what}`,
    `  ${count(contents, "different page")} in ${formatSize(trace.bytes)}`,
  ];
  const cut = strong("  The trace was cut short: what came after was not recorded to its end.");
  return [...lines, ...(trace.complete ? [] : [cut])].join("\n");
}

function requestsTable({ kinds }: ReplayResult, { faint }: Emphasis): string {
  const head = ["", "requests", "pages", "p50 µs", "p90", "p99", "p99.9", "max", "failed"];
  const row = ([name, one]: [string, RequestFigures]) => {
    const { p50, p90, p99, p999, max } = one.latency_us;
    return [
      KINDS[name as RequestName],
      wholeNumber(one.requests),
      name === "flush" ? "–" : wholeNumber(one.pages),
      ...[p50, p90, p99, p999, max].map((us) => decimal(us, 1)),
      wholeNumber(one.failed),
    ];
  };
  const rows = Object.entries(kinds).filter(([, one]) => one.requests > 0);
  if (rows.length === 0) return faint("  none");
  const right = head.slice(1).map(() => "right" as const);
  return columns([head, ...rows.map(row)], { align: ["left", ...right], head: faint });
}

function speedLine(result: ReplayResult, { strong }: Emphasis): string {
  const { requests_per_second: rate, target_seconds, seconds, lag_seconds_max: lag } = result;
  if (rate === null) return "";
  const perSecond = strong(`${wholeNumber(Math.round(rate))} requests/s`);
  return [
    `  ${perSecond} over the ${duration(target_seconds)} in which the target had one to work on;`,
    `  ${duration(seconds)} in all, with unpacking the trace and comparing what was read.`,
    ...(lag === null ? [] : [`  No request was sent over ${duration(lag)} after its time.`]),
  ].join("\n");
}

function verifiedSection(result: ReplayResult, { strong, faint }: Emphasis): string {
  const { pages, unknown_pages, different_pages, differences } = result.verified;
  const compared = wholeNumber(pages);
  const unknown =
    unknown_pages > 0
      ? [faint(`  ${count(unknown_pages, "page")} not compared: a request to change them failed.`)]
      : [];
  if (different_pages === 0) {
    return [`  All ${compared} pages read hold what the trace wrote.`, ...unknown].join("\n");
  }
  const rows = differences.map((one) => [
    `record ${wholeNumber(one.record)}`,
    `page ${wholeNumber(one.page)} of ${exportName(one.export)}`,
    `expected ${one.expected}`,
    `found ${one.found}`,
  ]);
  const head = strong(
    `  ${wholeNumber(different_pages)} of ${compared} pages read hold other bytes`,
  );
  const first = different_pages > differences.length ? "; the first of them:" : ":";
  const table = columns(rows, { align: ["left", "left", "left", "left"] });
  return [head + first, table, ...unknown].join("\n");
}

function failuresSection({ failures, failed }: ReplayResult, { strong }: Emphasis): string {
  const rows = failures.map((one) => [
    `record ${wholeNumber(one.record)}`,
    KINDS[one.kind],
    `${wholeNumber(one.length)} bytes at ${wholeNumber(one.offset)} of ${exportName(one.export)}`,
    printable(one.message),
  ]);
  const first = failed > failures.length ? ", the first of them" : "";
  const table = columns(rows, { align: ["left", "left", "left", "left"] });
  return `\n${strong(`${count(failed, "request")} failed`)}${first}\n${table}\n`;
}

function accountingSection(accounting: SlotAccounting, { strong, faint }: Emphasis): string {
  const { orig_data_size, mem_used_total, metadata_size, objects } = accounting;
  const row = (sign: string, name: string, bytes: number, note: string) => [
    sign,
    name,
    wholeNumber(bytes),
    share(bytes, orig_data_size),
    faint(note),
  ];
  const rows = [
    row("", "orig_data_size", orig_data_size, `${count(accounting.slots_in_use, "slot")} in use`),
    row("=", "same-filled", accounting.saved_by_same_filled, count(accounting.same_pages, "page")),
    row("+", "duplicates", accounting.saved_by_dedup, count(accounting.dup_pages, "page")),
    row("+", "compression", accounting.saved_by_compression, count(objects, "object")),
    row("+", "compr_data_size", accounting.compr_data_size, "what is stored of them"),
    row("+", "bd_data_size", accounting.bd_data_size, "and on the overflow tier"),
  ];
  const table = columns(rows, { align: ["left", "left", "right", "right", "left"] });
  const ratio = `${decimal(accounting.ratio_everything)} : 1`;
  return [
    table,
    `  The identity holds: ${accounting.difference} bytes of difference, counted slot by slot.`,
    `  In all ${formatSize(mem_used_total + metadata_size)}, tables included: ${strong(ratio)}.`,
  ].join("\n");
}

/** The whole report, ending in a line feed. */
export function renderReplay(
  result: ReplayResult,
  { emphasis, against }: { readonly emphasis: Emphasis; readonly against: string },
): string {
  const { strong, faint } = emphasis;
  const { accounting, failed, overflow, zram_write_back: zram } = result;
  const store =
    accounting === null
      ? ""
      : `\n${strong("Where every byte is")}  ${faint("at the end")}\n${accountingSection(accounting, emphasis)}\n`;
  const log =
    overflow === null || zram === null
      ? ""
      : `\n${overflowSection(overflow, { emphasis, hasForecast: false })}${besideZram(overflow, zram, emphasis)}\n`;
  return `${[
    traceLine(result, emphasis),
    "",
    `${strong("Requests")}  ${faint(against)}`,
    requestsTable(result, emphasis),
    speedLine(result, emphasis),
    "",
    strong("What was read"),
    verifiedSection(result, emphasis),
  ].join("\n")}\n${failed > 0 ? failuresSection(result, emphasis) : ""}${store}${log}`;
}
