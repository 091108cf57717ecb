/** The result of `pagefold capture` as text for a terminal. Knows only the result object. */

import { printable } from "../base/text.ts";
import { formatSize } from "../base/units.ts";
import type { CaptureResult } from "./result.ts";
import { columns, type Emphasis, wholeNumber } from "./terminal.ts";

const UNREADABLE = {
  gone: "unmapped or given back while it was read",
  permission: "permission refused",
  device_memory: "memory of a device, not read",
  guard: "guard pages, which nobody may read",
  other: "refused by the kernel without a reason",
} as const;

const LEFT_OUT = {
  never_touched: "never touched, or given back",
  file_backed: "of files or shared memory",
  shared_zero_page: "read but never written: the kernel's page of zeros",
} as const;

function counted<Key extends string>(
  counts: Readonly<Record<Key, number>>,
  words: Readonly<Record<Key, string>>,
): string[][] {
  return (Object.keys(words) as Key[])
    .filter((key) => counts[key] > 0)
    .map((key) => [wholeNumber(counts[key]), words[key]]);
}

/** The whole report, ending in a line feed. */
export function renderCapture(result: CaptureResult, options: { emphasis: Emphasis }): string {
  const { strong, faint } = options.emphasis;
  const table = (rows: string[][]) =>
    rows.length === 0 ? faint("  none") : columns(rows, { align: ["right", "left"] });
  const notes = [
    result.limit_reached
      ? "Stopped at the limit of pages: the process may have more, and the counts go to there."
      : "",
    result.process_ended ? "The process ended before all of it was read." : "",
    result.swapped_pages > 0
      ? `${wholeNumber(result.swapped_pages)} of the pages lay in swap and are in memory now.`
      : "",
  ].filter((note) => note !== "");
  const pages = strong(`${wholeNumber(result.pages)} pages`);
  const file = `${printable(result.file)} (${formatSize(result.file_bytes)})`;
  return `${[
    `${pages} of process ${result.pid} (${result.command_name}), ${formatSize(result.bytes)}, in ${file}`,
    ...notes,
    "",
    strong("Not readable"),
    table(counted(result.unreadable, UNREADABLE)),
    "",
    strong("Left out"),
    table(counted(result.left_out, LEFT_OUT)),
  ].join("\n")}\n`;
}
