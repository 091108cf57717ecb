/** The bench's tables, as the README shows them. */

import { columns, decimal, wholeNumber } from "../src/report/terminal.ts";
import type { MemoryRow } from "./memory.ts";
import type { OverflowRow } from "./overflow.ts";
import type { Race } from "./race.ts";
import type { SimulatorRow } from "./simulator.ts";
import type { Scale, Steps } from "./steps.ts";

const withRatio = (time: number | null, ratio: number | null): string =>
  `${decimal(time)}${ratio === null ? "       " : ` (${decimal(ratio)})`}`;

export function renderRace(race: Race): string {
  const rows = race.rows.map((row) => [
    row.side,
    withRatio(row.fill, row.fill_ratio),
    withRatio(row.overwrite, row.overwrite_ratio),
    withRatio(row.read, row.read_ratio),
  ]);
  const pages = `${wholeNumber(race.pages)} pages, read back ${race.rows[0]?.read_back}`;
  const title = `${race.corpus}: µs a page, median of ${race.rounds} (ratio to the kernel's in the same round)`;
  const table = columns([["", "fill new", "overwrite", "read"], ...rows], {
    align: ["left", "right", "right", "right"],
  });
  return `\n${title}; ${pages}\n${table}`;
}

export function renderSteps(steps: readonly Steps[]): string {
  const rows = steps.map((step) => [
    step.corpus,
    decimal(step.read),
    decimal(step.write_duplicate),
    decimal(step.duplicate_over_read),
    decimal(step.write_same_filled),
  ]);
  const head = ["", "read", "write a duplicate", "over a read", "write same-filled"];
  const align = ["left", "right", "right", "right", "right"] as const;
  return `\nsingle mechanisms, µs a page\n${columns([head, ...rows], { align })}`;
}

export function renderScale(scales: readonly Scale[]): string {
  const [small] = scales;
  const cell = (time: number, least: number | undefined): string =>
    `${decimal(time)} (${decimal(time / (least ?? time))})`;
  const rows = scales.map((scale) => [
    wholeNumber(scale.slots),
    cell(scale.write_clustered, small?.write_clustered),
    cell(scale.read_clustered, small?.read_clustered),
    cell(scale.write_random, small?.write_random),
    cell(scale.read_random, small?.read_random),
  ]);
  const head = [
    "slots in use",
    "write, runs of 32",
    "read, runs of 32",
    "write, single",
    "read, single",
  ];
  const align = ["right", "right", "right", "right", "right"] as const;
  const title = `cost against the number of slots, ${small?.corpus}, µs a page (ratio to the first row)`;
  return `\n${title}\n${columns([head, ...rows], { align })}`;
}

export function renderMemory(rows: readonly MemoryRow[]): string {
  const lines = rows.map((row) => {
    const zram = rows.find((other) => other.corpus === row.corpus)!;
    return [
      row.corpus,
      row.side,
      wholeNumber(row.mem_used_total),
      wholeNumber(row.metadata_size),
      wholeNumber(row.total),
      `${((100 * row.total) / zram.total).toFixed(1)} %`,
    ];
  });
  const head = ["", "", "mem_used_total", "metadata", "in all", "of zram's"];
  const align = ["left", "left", "right", "right", "right", "right"] as const;
  return `\nmemory for each corpus as it is, bytes\n${columns([head, ...lines], { align })}`;
}

export function renderOverflow(rows: readonly OverflowRow[]): string {
  const lines = rows.map((row) => [
    row.corpus,
    decimal(row.write_back),
    decimal(row.write_plain),
    decimal(row.write_ratio),
    decimal(row.read_log),
    decimal(row.read_plain),
    decimal(row.read_ratio),
    decimal(row.memory_with),
    decimal(row.memory_without),
    decimal(row.memory_ratio),
  ]);
  const head = [
    "",
    "write-back MB/s",
    "plain",
    "ratio (>= 0.7)",
    "read log µs",
    "plain",
    "ratio (<= 1.3)",
    "in memory, log µs",
    "no log",
    "ratio (<= 1.05)",
  ];
  const align = ["left", ...Array.from({ length: 9 }, () => "right" as const)] as const;
  const title =
    "the overflow tier: records written back, one page read back at a time, and pages in memory";
  return `\n${title}\n${columns([head, ...lines], { align })}`;
}

/** What the simulator visits and takes with 10 GiB of guests. */
export function renderSimulator(rows: readonly SimulatorRow[]): string {
  const gib = (bytes: number) => decimal(bytes / 2 ** 30);
  const head = [
    "",
    "guests GiB",
    "million visits",
    "million visits/s (>= 1)",
    "simulated s",
    "real s",
    "process GiB",
  ];
  const lines = rows.map((row) => [
    row.scanner,
    gib(row.guests_bytes),
    decimal(row.visits / 1e6),
    decimal(row.visits_per_second / 1e6),
    decimal(row.simulated_seconds),
    decimal(row.real_seconds),
    gib(row.rss_bytes),
  ]);
  const align = ["left", ...head.slice(1).map(() => "right" as const)] as const;
  return `\nthe simulator: guests that build kernels, one core\n${columns([head, ...lines], { align })}`;
}

/** Tmem's pools beside the page store, corpus by corpus. */
export function renderTmem(races: readonly Race[]): string {
  const lines = races.flatMap((race) =>
    race.rows.map((row) => [
      race.corpus,
      row.side,
      withRatio(row.fill, row.fill_ratio),
      withRatio(row.overwrite, row.overwrite_ratio),
      withRatio(row.read, row.read_ratio),
      row.read_back,
    ]),
  );
  const head = ["", "", "put, new (<= 1.3)", "in place (<= 1.3)", "get (<= 1.3)", "read back"];
  const align = ["left", "left", "right", "right", "right", "left"] as const;
  const title = `tmem: µs a page, median of ${races[0]?.rounds} (ratio to the page store's write and read in the same round)`;
  return `\n${title}\n${columns([head, ...lines], { align })}`;
}
