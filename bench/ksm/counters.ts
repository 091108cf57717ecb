/** The counters compared, by the names of /sys/kernel/mm/ksm, and when two readings of them agree. */

import type { KsmFilling } from "./fillings.ts";

export const COUNTERS = [
  "full_scans",
  "pages_shared",
  "pages_sharing",
  "pages_unshared",
  "pages_volatile",
  "pages_scanned",
  "pages_skipped",
  "ksm_zero_pages",
  "stable_node_chains",
  "stable_node_dups",
  "general_profit",
] as const;

type Counter = (typeof COUNTERS)[number];
/** After a wake-up; pages_scanned and pages_skipped are those of this one. */
export type Reading = Readonly<Record<Counter, number>>;

/** Counts since boot, or since the start. */
const RUNNING = ["pages_scanned", "pages_skipped"] as const;
/** How far apart counters may be once pages have changed, as a share of the kernel's. */
const CHANGING_BOUND = 0.05;

/** Readings as wake-ups follow each other, from figures by name. */
export function readingsOf(figures: readonly Readonly<Record<string, number>>[]): Reading[] {
  return figures.map((now, index) => {
    const reading = Object.fromEntries(COUNTERS.map((name) => [name, now[name]!]));
    for (const name of RUNNING) reading[name]! -= figures[index - 1]?.[name] ?? 0;
    return reading as Reading;
  });
}

/** How far apart, as a share of the kernel's count. */
export function apart(kernel: number, simulator: number): number {
  return kernel === simulator ? 0 : Math.abs(simulator - kernel) / Math.abs(kernel);
}

/** How far apart readings after that wake-up may be: pages that never changed must be counted alike. */
export function boundOf(one: KsmFilling, wake: number): number {
  const firstChange = Math.min(...(one.filling.changes ?? []).map(({ after_pass }) => after_pass));
  return wake <= firstChange ? 0 : CHANGING_BOUND;
}
