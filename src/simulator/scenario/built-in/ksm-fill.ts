/**
 * A filling the kernel's KSM was measured on (Linux 6.18): 8192 pages of which 2000 are equal, 2000 are of 500 contents
 * and the rest unlike all others. A wake-up is a pass, and the series has a row for each.
 */

import { type BuiltIn, headline } from "./built-in.ts";

/** The counters the kernel showed from the second pass on. */
const KERNEL = {
  pages_shared: 508,
  pages_sharing: 3492,
  stable_node_chains: 1,
  stable_node_dups: 8,
  general_profit: 13_778_944,
} as const;

export const ksmFill: BuiltIn = {
  name: "ksm-fill",
  summary: "a filling given as page counts and contents: the kernel's counters pass by pass",
  explanation:
    "Memory filled once and then left alone, scanned so that every wake-up of the scanner is one pass over all of it; the counters of /sys/kernel/mm/ksm after each pass are the series. As it stands, it is the filling of a measured table: 2000 equal pages, 2000 pages of 500 contents, 4192 unlike all others. Change guests.0.workload.fill for others, and guests.0.workload.changes for what is written between passes.",
  scenario: {
    title: "KSM's counters, pass by pass",
    seconds: 20,
    sample: "pass",
    host: { memory: "64M", cores: 1 },
    guests: [
      {
        name: "filled",
        memory: "32M",
        workload: {
          kind: "fill",
          fill: [
            { pages: 2000, content: "same" },
            { pages: 2000, content: { contents: 500 } },
            { pages: 4192, content: "unique" },
          ],
        },
      },
    ],
    scanner: { kind: "linear", pages_to_scan: 10_000, sleep_millisecs: 500 },
  },
  headlines(find) {
    const counters = find("")?.scanner.counters ?? {};
    return Object.entries(KERNEL).flatMap(([name, value]) =>
      headline(name, {
        value: counters[name],
        unit: name === "general_profit" ? "bytes" : "",
        published: `${value.toLocaleString("en-US")} (Linux 6.18)`,
        range: { min: value, max: value },
      }),
    );
  },
  candidates: [],
};
