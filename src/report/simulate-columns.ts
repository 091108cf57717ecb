/** The columns that can stand in the table of `pagefold simulate`, one line per variant, and what their heads mean. */

import { formatSize, PAGE_BYTES } from "../base/units.ts";
import type { Setting, VariantResult } from "./simulate-result.ts";
import { decimal, share, wholeNumber } from "./terminal.ts";

export interface Column {
  readonly head: string;
  /** What the head means, empty where that is plain; some columns have one together. */
  readonly note: string;
  readonly of: (variant: VariantResult) => number | null;
  readonly show: (value: number | null) => string;
}

const DASH = "–";

/** A number of no kind known: whole, or to three digits. */
export function figure(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return wholeNumber(Math.round(value));
  return Number(value.toPrecision(3)).toLocaleString("en-US", { maximumFractionDigits: 12 });
}

/** A value of a scenario's key as one would give it. */
export function settingText(setting: Setting): string {
  return typeof setting === "string" ? setting : JSON.stringify(setting);
}

const pages = (value: number | null) => (value === null ? DASH : wholeNumber(Math.round(value)));
const ratio = (value: number | null) =>
  value !== null && value >= 1000 ? pages(value) : decimal(value);
const percent = (value: number | null) => (value === null ? DASH : share(value, 1));
const size = (value: number | null) => (value === null ? DASH : formatSize(Math.round(value)));
const thousandths = (value: number | null) => decimal(value, 3);

/** A counter of the guest that learns the most of others; null where none tries. */
function ofHostile({ guests }: VariantResult, name: string): number | null {
  let most: Readonly<Record<string, number>> | null = null;
  for (const { counters } of guests) {
    if ((counters.advantage ?? -1) > (most?.advantage ?? -1)) most = counters;
  }
  return most?.[name] ?? null;
}

/** What a hostile guest learns; null where there is none. */
export function advantageOf(variant: VariantResult): number | null {
  return ofHostile(variant, "advantage");
}

/** A counter of all guests that have it; null where none has. */
function ofGuests({ guests }: VariantResult, name: string): number | null {
  const counted = guests.flatMap(({ counters }) => counters[name] ?? []);
  return counted.length === 0 ? null : counted.reduce((sum, count) => sum + count, 0);
}

/** Null where there is nothing to divide by. */
function quotient(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

const NOTES = {
  advantage:
    "advantage: |P(slow | another holds the page) – P(slow | none does)| of the hostile guest's writes, and its error",
  memory: "memory: frames in use and the stores in the host's memory, at the end",
  zero: "zero: pages of zeros that guests have in memory, at the end",
  saved: "saved: pages that need no frame of their own",
  opportunities: "opp.: opportunities, the most that could be saved",
  opportunitiesShare: "opp. share: the most there were at once, of all guests' pages",
  visits: "a visit is a page looked at",
  hints:
    "hints: pages guests named to the scanner; lost ones gave way to newer, useful ones were merged",
  scanner: "scanner: its processor time, of one core",
  slowdown:
    "slowdown: what scanning and copies of merged pages cost guests, of their processor time; swapping apart",
  copies: "copies: pages copied since they were merged and written to",
  copiesSoon: "in 1 s, in 10 s: of the copies, those so soon after merging",
  swapped:
    "out, in: pages swapped; with others: came back with another's fault, the frame being shared",
  device: "written, read: pages the swap device wrote and read",
  clean: "clean: went out unwritten, swap having a copy still",
  equal: "equal: writes of what the device held already",
  joined: "joined: pages put in one place with an equal one so found, without a visit",
  swapMemory: "swap memory: what the stores take at the end",
  compression: "compr.: of objects alone",
  ratio:
    "ratio: what lies in swap, a shared page once, to what it takes, everything counted, tables included",
  disk: "disk reads, disk writes: pages that guests read from and wrote to their own disks",
  tmem: "tmem hits: pages that were there when guests asked; dropped, refused: for want of room",
  tmemMemory: "tmem memory: what those pages take at the end",
  killed: "killed: guests that asked for memory when there was none left",
} as const;

export const COLUMNS = {
  guests: { head: "guests", note: "", of: (v) => v.guests.length, show: pages },
  advantage: { head: "advantage", note: NOTES.advantage, of: advantageOf, show: thousandths },
  advantageError: {
    head: "±",
    note: NOTES.advantage,
    of: (variant) => ofHostile(variant, "advantage_error"),
    show: thousandths,
  },
  memory: {
    head: "memory",
    note: NOTES.memory,
    of: ({ host }) => (host.frames_used + host.store_frames) * PAGE_BYTES,
    show: size,
  },
  zero: { head: "zero", note: NOTES.zero, of: ({ host }) => host.zero_pages, show: pages },
  savedMean: {
    head: "saved mean",
    note: NOTES.saved,
    of: ({ merged }) => merged.pages_saved_mean,
    show: pages,
  },
  savedMax: {
    head: "saved max",
    note: NOTES.saved,
    of: ({ merged }) => merged.pages_saved_max,
    show: pages,
  },
  savedEnd: {
    head: "saved end",
    note: NOTES.saved,
    of: ({ merged }) => merged.pages_saved,
    show: pages,
  },
  opportunitiesMean: {
    head: "opp. mean",
    note: NOTES.opportunities,
    of: ({ merged }) => merged.opportunities_mean,
    show: pages,
  },
  opportunitiesShare: {
    head: "opp. share",
    note: NOTES.opportunitiesShare,
    of: ({ merged }) => merged.opportunities_max_share,
    show: percent,
  },
  merges: { head: "merges", note: "", of: ({ scanner }) => scanner.merges, show: pages },
  visits: { head: "visits", note: NOTES.visits, of: ({ scanner }) => scanner.visits, show: pages },
  visitsPerMerge: {
    head: "visits/merge",
    note: NOTES.visits,
    of: ({ scanner }) => scanner.visits_per_merge,
    show: ratio,
  },
  hints: {
    head: "hints",
    note: NOTES.hints,
    of: ({ scanner }) => scanner.hints_generated,
    show: pages,
  },
  hintsDropped: {
    head: "lost",
    note: NOTES.hints,
    of: ({ scanner }) => scanner.hints_dropped,
    show: pages,
  },
  hintsUseful: {
    head: "useful",
    note: NOTES.hints,
    of: ({ scanner }) => scanner.hints_useful,
    show: pages,
  },
  scanner: {
    head: "scanner",
    note: NOTES.scanner,
    of: ({ scanner }) => scanner.cpu_share,
    show: percent,
  },
  slowdown: {
    head: "slowdown",
    note: NOTES.slowdown,
    of: ({ cpu }) => cpu.slowdown,
    show: percent,
  },
  copies: { head: "copies", note: NOTES.copies, of: ({ host }) => host.copies, show: pages },
  copies1s: {
    head: "in 1 s",
    note: NOTES.copiesSoon,
    of: ({ host }) => host.copies_within_1s,
    show: pages,
  },
  copies10s: {
    head: "in 10 s",
    note: NOTES.copiesSoon,
    of: ({ host }) => host.copies_within_10s,
    show: pages,
  },
  swappedOut: {
    head: "out",
    note: NOTES.swapped,
    of: ({ swap }) => swap?.pages_out ?? null,
    show: pages,
  },
  swappedIn: {
    head: "in",
    note: NOTES.swapped,
    of: ({ swap }) => swap?.pages_in ?? null,
    show: pages,
  },
  swappedInShared: {
    head: "with others",
    note: NOTES.swapped,
    of: ({ swap }) => swap?.pages_in_shared ?? null,
    show: pages,
  },
  written: {
    head: "written",
    note: NOTES.device,
    of: ({ swap }) => swap?.device_writes ?? null,
    show: pages,
  },
  read: {
    head: "read",
    note: NOTES.device,
    of: ({ swap }) => swap?.device_reads ?? null,
    show: pages,
  },
  clean: {
    head: "clean",
    note: NOTES.clean,
    of: ({ swap }) => swap?.clean_outs ?? null,
    show: pages,
  },
  equal: {
    head: "equal",
    note: NOTES.equal,
    of: ({ swap }) => swap?.device_duplicates ?? null,
    show: pages,
  },
  joined: {
    head: "joined",
    note: NOTES.joined,
    of: ({ swap }) => swap?.joined ?? null,
    show: pages,
  },
  swapMemory: {
    head: "swap memory",
    note: NOTES.swapMemory,
    of: ({ swap }) => swap?.mem_used_total ?? null,
    show: size,
  },
  compression: {
    head: "compr.",
    note: NOTES.compression,
    of: ({ swap }) => swap && quotient(swap.objects * PAGE_BYTES, swap.compr_data_size),
    show: ratio,
  },
  ratio: {
    head: "ratio",
    note: NOTES.ratio,
    of: ({ swap }) =>
      swap && quotient(swap.orig_data_size, swap.mem_used_total + swap.metadata_size),
    show: ratio,
  },
  diskReads: {
    head: "disk reads",
    note: NOTES.disk,
    of: (variant) => ofGuests(variant, "disk_reads"),
    show: pages,
  },
  diskWrites: {
    head: "disk writes",
    note: NOTES.disk,
    of: (variant) => ofGuests(variant, "disk_writes"),
    show: pages,
  },
  tmemHits: {
    head: "tmem hits",
    note: NOTES.tmem,
    of: ({ tmem }) => tmem?.hits ?? null,
    show: pages,
  },
  tmemDropped: {
    head: "dropped",
    note: NOTES.tmem,
    of: ({ tmem }) => tmem?.dropped ?? null,
    show: pages,
  },
  tmemRefused: {
    head: "refused",
    note: NOTES.tmem,
    of: ({ tmem }) => tmem?.puts_refused ?? null,
    show: pages,
  },
  tmemMemory: {
    head: "tmem memory",
    note: NOTES.tmemMemory,
    of: ({ tmem }) => tmem?.mem_used_total ?? null,
    show: size,
  },
  killed: {
    head: "killed",
    note: NOTES.killed,
    of: ({ host }) => host.guests_killed,
    show: pages,
  },
} as const satisfies Readonly<Record<string, Column>>;

/** What the heads of the columns mean. */
export function notesOf(columns: readonly Column[]): string[] {
  return [...new Set(columns.map(({ note }) => note))].filter((note) => note !== "");
}

/** Whether it is something but zero in some variant. */
export function isTelling(column: Column, variants: readonly VariantResult[]): boolean {
  return variants.some((variant) => (column.of(variant) ?? 0) !== 0);
}

/** Every column that has something to say, in the order of the list. */
export function tellingColumns(variants: readonly VariantResult[]): Column[] {
  return Object.values(COLUMNS).filter((column) => isTelling(column, variants));
}
