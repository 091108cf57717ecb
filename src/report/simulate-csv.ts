/**
 * The series of `pagefold simulate` as CSV by RFC 4180: a head, then one line per variant and sample, variants in
 * order, lines ending in CR LF. First the variant's name and `seconds`, then every column some variant has; one that a
 * variant has not is empty there. Names are quoted where they must be; numbers are plain decimals, without exponents.
 */

import type { SimulateOutput } from "./simulate-result.ts";

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Empty where it is no finite number. */
function plain(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "";
  const text = String(value);
  if (!text.includes("e")) return text;
  return value.toLocaleString("en-US", { useGrouping: false, maximumFractionDigits: 20 });
}

export function seriesCsv({ series }: SimulateOutput): string {
  const names = series.flatMap(({ columns }) => Object.keys(columns));
  const all = [...new Set(["seconds", ...names])];
  const lines = series.flatMap(({ name, columns }) =>
    (columns.seconds ?? []).map((_, row) =>
      [quoted(name), ...all.map((column) => plain(columns[column]?.[row]))].join(","),
    ),
  );
  const head = ["variant", ...all].map(quoted).join(",");
  return [head, ...lines].map((line) => `${line}\r\n`).join("");
}
