/**
 * What the tables of the reports share: emphasis where the stream is a terminal that wants it, numbers as people read
 * them, tables without boxes, and small bar charts of characters. Knows nothing of what is shown.
 */

import Table from "cli-table3";

/** How emphasis is written; both return the text as it is where there is none. */
export interface Emphasis {
  strong(text: string): string;
  faint(text: string): string;
}

/** Emphasis for a stream: none unless it is a terminal, none where NO_COLOR is set (https://no-color.org). */
export function emphasisFor(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): Emphasis {
  const { NO_COLOR, TERM } = environment;
  const isPlain = stream.isTTY !== true || (NO_COLOR ?? "") !== "" || TERM === "dumb";
  const wrapped = (on: number, off: number) => (text: string) =>
    isPlain ? text : `\u001b[${on}m${text}\u001b[${off}m`;
  return { strong: wrapped(1, 22), faint: wrapped(2, 22) };
}

/** `12,345`. */
export function wholeNumber(value: number): string {
  return value.toLocaleString("en-US");
}

/** Share of a whole, `12.3 %`; a dash where the whole is nothing. */
export function share(part: number, whole: number): string {
  return whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)} %`;
}

/** `3.42`, or a dash for what could not be had. */
export function decimal(value: number | null, digits = 2): string {
  return value === null ? "–" : value.toFixed(digits);
}

export type Align = "left" | "right";

/** Rows in columns, two spaces in, no lines drawn; the first row is the head where `head` says so. */
export function columns(
  rows: readonly (readonly string[])[],
  options: { readonly align: readonly Align[]; readonly head?: (text: string) => string },
): string {
  const names = "top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right";
  const more = "left left-mid mid mid-mid right right-mid middle";
  const table = new Table({
    chars: Object.fromEntries(`${names} ${more}`.split(" ").map((name) => [name, ""])),
    colAligns: [...options.align],
    style: { head: [], border: [], "padding-left": 2, "padding-right": 0 },
  });
  const head = options.head;
  rows.forEach((row, index) => {
    table.push(index === 0 && head ? row.map((cell) => cell && head(cell)) : [...row]);
  });
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const HEIGHTS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** A horizontal bar of up to `width` characters, to an eighth of one; never empty for a part above zero. */
export function bar(fraction: number, width: number): string {
  const eighths = Math.max(fraction > 0 ? 1 : 0, Math.round(fraction * width * 8));
  return "█".repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
}

/** One character per value, its height the share of `largest`; a dot where the value is zero. */
export function sparkline(
  values: readonly number[],
  largest: number = Math.max(...values, 1),
): string {
  return values
    .map((value) => (value === 0 ? "·" : HEIGHTS[Math.ceil((8 * value) / largest) - 1]!))
    .join("");
}
