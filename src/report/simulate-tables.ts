/**
 * The tables of `pagefold simulate` beside the variants' own, as texts in rows, for terminal and page alike: headlines,
 * what moves them, guests' counters, the scanner's counters pass by pass.
 */

import { figure, settingText } from "./simulate-columns.ts";
import type {
  GuestFigures,
  Headline,
  Sensitivity,
  VariantResult,
  VariantSeries,
} from "./simulate-result.ts";
import { type Align, share, wholeNumber } from "./terminal.ts";

export interface TextTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly align: readonly Align[];
  readonly rows: readonly (readonly string[])[];
}

/** More lines than these are not short any more. */
const GUEST_ROWS_MAX = 16;
const PASS_ROWS_MAX = 45;

function aligned(columns: number, left: number): Align[] {
  return Array.from({ length: columns }, (_, index) => (index < left ? "left" : "right"));
}

export function headlineValue({ value, unit }: Headline): string {
  return `${figure(value)}${unit === "" ? "" : ` ${unit}`}`;
}

/** Empty where nothing was published. */
export function verdict({ is_met }: Headline): string {
  if (is_met === null) return "";
  return is_met ? "met" : "not met";
}

export function sensitivityTable(sensitivity: readonly Sensitivity[]): TextTable {
  const rows = sensitivity.map(({ headline, key, base, lower, higher, effect }) => [
    headline,
    key,
    settingText(lower.setting),
    figure(lower.value),
    figure(base),
    figure(higher.value),
    settingText(higher.setting),
    share(effect, base === 0 ? 0 : 1),
  ]);
  return {
    title: "What moves them most",
    head: ["headline", "key", "at", "lower", "as is", "higher", "at", "effect"],
    align: ["left", "left", "right", "right", "right", "right", "left", "right"],
    rows,
  };
}

interface GuestRow {
  readonly variant: string;
  readonly guest: GuestFigures;
}

/** Whether the counter is something but zero, and something else in some other variant where there are several. */
function isTelling(counter: string, rows: readonly GuestRow[]): boolean {
  const variants = new Set(rows.map(({ variant }) => variant));
  if (variants.size === 1) return rows.some(({ guest }) => guest.counters[counter]);
  const seen = new Map<string, number | undefined>();
  return rows.some(({ guest: { name, counters } }) => {
    if (seen.has(name) && seen.get(name) !== counters[counter]) return true;
    seen.set(name, counters[counter]);
    return false;
  });
}

function guestTable(workload: string, rows: readonly GuestRow[]): TextTable[] {
  // A guest that counts more is what the others are there for: an attacker beside its victim.
  const counted = rows.map(({ guest }) => Object.keys(guest.counters));
  const names = [...new Set(counted.sort((one, other) => other.length - one.length).flat())];
  const telling = names.filter((name) => isTelling(name, rows));
  if (telling.length === 0 || rows.length > GUEST_ROWS_MAX) return [];
  const cell = (value: number | undefined) => (value === undefined ? "–" : figure(value));
  return [
    {
      title: `Guests: ${workload}`,
      head: ["variant", "guest", ...telling.map((name) => name.replaceAll("_", " "))],
      align: aligned(telling.length + 2, 2),
      rows: rows.map(({ variant, guest }) => [
        variant,
        guest.name,
        ...telling.map((name) => cell(guest.counters[name])),
      ]),
    },
  ];
}

/** A table for each workload whose guests have something to tell of the variants and are not too many. */
export function guestTables(variants: readonly VariantResult[]): TextTable[] {
  const rows = variants.flatMap(({ name, guests }) =>
    guests.map((guest): GuestRow => ({ variant: name, guest })),
  );
  const workloads = [...new Set(rows.map(({ guest }) => guest.workload))];
  return workloads.flatMap((workload) =>
    guestTable(
      workload,
      rows.filter(({ guest }) => guest.workload === workload),
    ),
  );
}

/** By the scanner's published names; `isStep`: what the pass added to a count that only grows. */
const PASS_COLUMNS = [
  { name: "pages_shared", head: "shared" },
  { name: "pages_sharing", head: "sharing" },
  { name: "pages_unshared", head: "unshared" },
  { name: "pages_volatile", head: "volatile" },
  { name: "pages_skipped", head: "skipped in it", isStep: true },
  { name: "ksm_zero_pages", head: "zero" },
  { name: "stable_node_chains", head: "chains" },
  { name: "stable_node_dups", head: "dups" },
  { name: "general_profit", head: "general_profit" },
] as const;

/** Whether there is a row for each full scan from the first on; the run's end may add a row to the last. */
function isByPass(passes: readonly number[]): boolean {
  const lastRow = passes.length - 1;
  return (
    lastRow > 0 &&
    passes.every((pass, row) => pass === row + 1 || (row === lastRow && pass === row))
  );
}

interface PassRow {
  readonly first: number;
  last: number;
  readonly cells: readonly string[];
}

/** The scanner's counters at every full scan, equal passes in one line; null where the samples are of another kind. */
export function passTable({ name, columns }: VariantSeries): TextTable | null {
  const passes = columns.full_scans ?? [];
  if (!isByPass(passes)) return null;
  const shown = PASS_COLUMNS.filter((column) => columns[column.name]?.some((value) => value !== 0));
  if (shown.length === 0) return null;
  const rows: PassRow[] = [];
  passes.forEach((pass, row) => {
    const cells = shown.map((column) => {
      const values = columns[column.name]!;
      const before = "isStep" in column ? (values[row - 1] ?? 0) : 0;
      return wholeNumber(values[row]! - before);
    });
    const above = rows.at(-1);
    if (above?.cells.every((cell, index) => cell === cells[index])) above.last = pass;
    else rows.push({ first: pass, last: pass, cells });
  });
  const texts = rows.map(({ first, last, cells }) => [
    first === last ? `${first}` : `${first}–${last}`,
    ...cells,
  ]);
  return {
    title: `Pass by pass: ${name}`,
    head: ["pass", ...shown.map(({ head }) => head)],
    align: aligned(shown.length + 1, 0),
    rows: shortened(texts),
  };
}

/** The first and the last rows, with a row of dots between them where there are too many. */
function shortened(rows: readonly string[][]): readonly string[][] {
  if (rows.length <= PASS_ROWS_MAX) return rows;
  const half = (PASS_ROWS_MAX - 1) / 2;
  return [...rows.slice(0, half), rows[0]!.map(() => "…"), ...rows.slice(-half)];
}
