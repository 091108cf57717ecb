/** The section of `pagefold analyze` on larger units, as text for a terminal. Knows only the result object. */

import { columns, decimal, type Emphasis, wholeNumber } from "./terminal.ts";
import type { UnitCounts, UnitResult, UnitsResult } from "./units-result.ts";

/** `64K`, as --unit takes it. */
export function unitName(bytes: number): string {
  return `${bytes / 1024}K`;
}

function countsTable(sizes: readonly UnitCounts[], { faint }: Emphasis): string {
  const rows = sizes.map((one) => [
    unitName(one.unit_bytes),
    wholeNumber(one.units),
    wholeNumber(one.same_filled),
    wholeNumber(one.duplicate),
    wholeNumber(one.unique),
    one.short_pages === 0 ? "" : `pages in the last: ${one.short_pages}`,
  ]);
  return columns([["unit", "units", "same-filled", "duplicate", "unique", ""], ...rows], {
    align: ["right", "right", "right", "right", "right", "left"],
    head: faint,
  });
}

const HEADS = [
  ["codec", "unit", "ratio", "placed", "shared"],
  ["random µs", "in order µs", "compress µs"],
  ["in vain", "random bytes", "in order bytes"],
].flat();

function bytes(value: number | null): string {
  return value === null ? "–" : wholeNumber(Math.round(value));
}

function unitRow(name: string, one: UnitResult): string[] {
  return [
    name,
    unitName(one.unit_bytes),
    decimal(one.ratio),
    decimal(one.ratio_placed),
    decimal(one.ratio_shared),
    decimal(one.random_read_us_per_page, 1),
    decimal(one.ordered_read_us_per_page, 1),
    decimal(one.compress_us_per_page, 1),
    bytes(one.random_read_vain_bytes),
    bytes(one.random_read_stored_bytes),
    bytes(one.ordered_read_stored_bytes),
  ];
}

/** Two tables and what their columns mean. */
export function unitsBody(result: UnitsResult, emphasis: Emphasis): string {
  const rows = result.codecs.flatMap(({ name, units }) =>
    units.map((one, index) => unitRow(index === 0 ? name : "", one)),
  );
  const align = HEADS.map((_, index) => (index === 0 ? "left" : "right"));
  const notes = [
    "ratio: compression alone; placed: in zsmalloc's pages and classes; shared: the same, equal units stored once.",
    "random: one page is wanted, its unit decoded whole, the rest in vain; in order: decoded once for all its pages.",
    "Times and bytes are of a page read or compressed; random bytes and in order bytes are compressed ones, as stored.",
  ];
  return [
    countsTable(result.sizes, emphasis),
    "",
    columns([HEADS, ...rows], { align, head: emphasis.faint }),
    "",
    ...notes.map((note) => emphasis.faint(`  ${note}`)),
  ].join("\n");
}
