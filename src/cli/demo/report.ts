/** What `npm start` prints before the analysis. Knows only the result object. */

import { formatSize, PAGE_BYTES } from "../../base/units.ts";
import type { SlotAccounting } from "../../report/result.ts";
import { columns, decimal, type Emphasis, share, wholeNumber } from "../../report/terminal.ts";
import type { DriveResult, Step, StepName } from "./swap-drive.ts";

/** A file of pages under fixtures/, as its manifest has it. */
export interface Capture {
  readonly file: string;
  readonly pages: number;
}

const STEPS: Readonly<Record<StepName, { readonly done: string; readonly note: string }>> = {
  write: { done: "written", note: "every page to a slot of its own, in order" },
  overwrite: {
    done: "overwritten",
    note: "with pages from elsewhere, a counter stamped in: all new",
  },
  discard: { done: "discarded", note: "as when a program ends: these slots read as zeros" },
  read: { done: "read back", note: "every byte compared with a model: all equal" },
};

function stepsSection(steps: readonly Step[], { faint }: Emphasis): string {
  const rows = steps.map(({ name, pages, requests, us_per_page }) => [
    STEPS[name].done,
    wholeNumber(pages),
    wholeNumber(requests),
    decimal(us_per_page),
    faint(STEPS[name].note),
  ]);
  return columns([["", "pages", "requests", "µs a page", ""], ...rows], {
    align: ["left", "right", "right", "right", "left"],
    head: faint,
  });
}

/** The identity, a line for each term, and its check. */
function identitySection(result: DriveResult, { strong, faint }: Emphasis): string {
  const { accounting, codec } = result;
  const { orig_data_size, objects, dup_pages, same_pages } = accounting;
  const row = (sign: string, name: string, bytes: number, note: string) => [
    sign,
    name,
    wholeNumber(bytes),
    share(bytes, orig_data_size),
    faint(note),
  ];
  const slots = `${wholeNumber(accounting.slots_in_use)} slots in use x ${PAGE_BYTES}`;
  const table = columns(
    [
      row("", "orig_data_size", orig_data_size, slots),
      row(
        "=",
        "same-filled",
        accounting.saved_by_same_filled,
        `${wholeNumber(same_pages)} pages of one word: kept in the slot table`,
      ),
      row(
        "+",
        "duplicates",
        accounting.saved_by_dedup,
        `${wholeNumber(dup_pages)} pages equal to one stored already`,
      ),
      row(
        "+",
        "compression",
        accounting.saved_by_compression,
        `what ${codec} takes off the ${wholeNumber(objects)} objects left`,
      ),
      row("+", "compr_data_size", accounting.compr_data_size, "what is stored of them, in memory"),
      row("+", "bd_data_size", accounting.bd_data_size, "and on the overflow tier"),
    ],
    { align: ["left", "left", "right", "right", "left"] },
  );
  const verdict = `The identity holds exactly: ${accounting.difference} bytes of difference`;
  return `${table}\n\n  ${strong(verdict)}, counted slot by slot.`;
}

function memorySection(accounting: SlotAccounting, { strong }: Emphasis): string {
  const { orig_data_size, compr_data_size, mem_used_total, metadata_size } = accounting;
  const ofOne = (ratio: number | null) => strong(`${decimal(ratio)} : 1`);
  const lost = mem_used_total - compr_data_size;
  return [
    `  ${formatSize(orig_data_size)} of pages lie in ${formatSize(mem_used_total + metadata_size)}: ${formatSize(compr_data_size)} of data, ${formatSize(lost)} lost to rounding and holes, ${formatSize(metadata_size)} of tables.`,
    `  Compression alone gives ${ofOne(accounting.ratio_compression)}; everything against everything, tables included, ${ofOne(accounting.ratio_everything)}.`,
  ].join("\n");
}

/** The drive's part of the report, ending in a line feed. */
export function renderDrive(
  result: DriveResult,
  options: { readonly emphasis: Emphasis; readonly captures: readonly Capture[] },
): string {
  const { emphasis, captures } = options;
  const pages = captures.reduce((sum, capture) => sum + capture.pages, 0);
  const names = captures.map(
    ({ file, pages: count }) => `${file.replace(".pages.gz", "")} ${wholeNumber(count)}`,
  );
  const heading = (title: string, note: string) =>
    `${emphasis.strong(title)}  ${emphasis.faint(note)}`;
  return `${[
    emphasis.strong("A swap device, compressed and deduplicated, at work"),
    `  ${wholeNumber(pages)} pages, ${formatSize(pages * PAGE_BYTES)}, that ${captures.length} Linux guests swapped out:`,
    `  ${names.join(", ")}.`,
    "",
    heading(
      "What was done",
      `codec ${result.codec}, requests of ${formatSize(result.request_bytes)}`,
    ),
    stepsSection(result.steps, emphasis),
    "",
    heading("Where every byte is", "after the discards"),
    identitySection(result, emphasis),
    "",
    emphasis.strong("What it takes"),
    memorySection(result.accounting, emphasis),
  ].join("\n")}\n`;
}
