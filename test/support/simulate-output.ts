/**
 * Results of `pagefold simulate` as its scenarios give them, made by hand for tests of reports: no simulation runs. The
 * curves are drawn by formulas, the kernel's counters are those of its table.
 */

import type {
  GuestFigures,
  Setting,
  SimulateOutput,
  SimulateResults,
  SwapFigures,
  VariantResult,
  VariantSeries,
} from "../../src/report/simulate-result.ts";

/** What differs from a run in which nothing was merged. */
interface Changes
  extends Partial<Pick<VariantResult, "settings" | "seconds" | "swap" | "tmem" | "guests">> {
  readonly host?: Partial<VariantResult["host"]>;
  readonly merged?: Partial<VariantResult["merged"]>;
  readonly scanner?: Partial<VariantResult["scanner"]>;
  readonly cpu?: Partial<VariantResult["cpu"]>;
}

export function guest(changes: Partial<GuestFigures> = {}): GuestFigures {
  return {
    name: "builder-1",
    domain: "lab",
    workload: "kernel-build",
    pages: 131_072,
    is_killed: false,
    access_seconds: 1.25,
    counters: {},
    ...changes,
  };
}

export function variant(name: string, changes: Changes = {}): VariantResult {
  return {
    name,
    settings: changes.settings ?? {},
    seconds: changes.seconds ?? 540,
    host: {
      frames: 262_144,
      frames_used: 180_000,
      frames_used_mean: 170_000,
      frames_used_max: 190_000,
      pages_present: 180_000,
      zero_pages: 9_000,
      store_frames: 0,
      copies: 0,
      copies_within_1s: 0,
      copies_within_10s: 0,
      guests_killed: 0,
      ...changes.host,
    },
    merged: {
      pages_saved: 0,
      pages_saved_mean: 0,
      pages_saved_max: 0,
      opportunities: 0,
      opportunities_mean: 0,
      opportunities_max: 0,
      opportunities_max_share: 0,
      ...changes.merged,
    },
    scanner: {
      kind: "linear",
      visits: 0,
      merges: 0,
      zero_merges: 0,
      visits_per_merge: null,
      hints_generated: 0,
      hints_dropped: 0,
      hints_visited: 0,
      hints_useful: 0,
      cpu_share: 0,
      counters: {},
      ...changes.scanner,
    },
    cpu: {
      guest_seconds: 900,
      scanner_seconds: 0,
      lost_seconds: 0,
      slowdown: 0,
      ...changes.cpu,
    },
    swap: changes.swap ?? null,
    tmem: changes.tmem ?? null,
    guests: changes.guests ?? [guest(), guest({ name: "builder-2" })],
  };
}

export function output(
  results: Partial<SimulateResults>,
  series: readonly VariantSeries[] = [],
  options: Partial<SimulateOutput["options"]> = {},
): SimulateOutput {
  return {
    schema: 1,
    command: "simulate",
    options: { scenario: "made-by-hand", seed: 1, set: {}, sweep: {}, ...options },
    results: {
      title: "Made by hand",
      headlines: [],
      variants: [],
      sensitivity: null,
      ...results,
    },
    series,
  };
}

const SECONDS = Array.from({ length: 109 }, (_, index) => 5 * index);

/** Opportunities that come and go with a build, and a scanner that gets to a share of them. */
function buildSeries(name: string, reach: number): VariantSeries {
  const opportunities = SECONDS.map((seconds) =>
    Math.round(26_000 + 26_000 * Math.sin((Math.PI * seconds) / 540) ** 2),
  );
  const saved = opportunities.map((most, row) =>
    Math.round(most * reach * (1 - Math.exp(-SECONDS[row]! / 120))),
  );
  return {
    name,
    columns: {
      seconds: SECONDS,
      pages_saved: saved,
      opportunities,
      frames_used: saved.map((pages) => 180_000 - pages),
      full_scans: SECONDS.map((seconds) => Math.floor(seconds / 52)),
    },
  };
}

function merging(mean: number, hints: number) {
  return {
    merged: {
      pages_saved: mean * 0.9,
      pages_saved_mean: mean,
      pages_saved_max: 1.4 * mean,
      opportunities: 26_100,
      opportunities_mean: 39_000,
      opportunities_max: 52_000,
      opportunities_max_share: 52_000 / 262_144,
    },
    scanner: {
      visits: 2_700_000,
      merges: 10 * mean,
      visits_per_merge: 2_700_000 / (10 * mean),
      hints_generated: hints,
      hints_dropped: hints / 4,
      hints_visited: hints / 2,
      hints_useful: hints / 3,
      cpu_share: 0.061,
    },
    cpu: { slowdown: 0.0123 },
  };
}

/** Two variants, hints, a published figure that is met and one that is not. */
export function ksmPlusPlus(): SimulateOutput {
  return output(
    {
      title: "KSM++: hints from guests' disk requests",
      headlines: [
        {
          name: "merged pages over time, hinted / linear",
          value: 3.4123,
          unit: "times",
          published: "2 to 10 times during the build (KSM++, reference section 2.3)",
          is_met: true,
        },
        {
          name: "visits per merge, linear / hinted",
          value: 2.5,
          unit: "times",
          published: "3 to 10 times (KSM++, reference section 2.3)",
          is_met: false,
        },
      ],
      variants: [
        variant("linear", { settings: { "scanner.kind": "linear" }, ...merging(8_000, 0) }),
        variant("hinted", { settings: { "scanner.kind": "hinted" }, ...merging(27_000, 900_000) }),
      ],
      sensitivity: [
        {
          headline: "merged pages over time, hinted / linear",
          key: "scanner.hint_share",
          base: 3.4123,
          lower: { setting: 0.25, value: 2.1 },
          higher: { setting: 0.75, value: 4.2 },
          effect: 0.615,
        },
      ],
    },
    [buildSeries("linear", 0.3), buildSeries("hinted", 0.9)],
    { scenario: "ksm-plus-plus", seed: 7 },
  );
}

/** Sizes far apart, in two disciplines, and a variant that knows neither. */
export function hintBuffer(): SimulateOutput {
  const sizes = [64, 256, 1024, 4096, 16_384];
  const points = sizes.flatMap((size) =>
    ["lifo", "fifo"].map((discipline) => {
      const mean = discipline === "lifo" ? 27_000 : 27_000 - size;
      const settings = {
        ...{ "scanner.kind": "hinted", "scanner.buffer": size },
        "scanner.discipline": discipline,
      };
      return variant(`${discipline} ${size}`, { settings, ...merging(mean, 900_000) });
    }),
  );
  return output(
    {
      title: "Sizes of the hints' buffer",
      variants: [
        variant("linear", { settings: { "scanner.kind": "linear" }, ...merging(8_000, 0) }),
        ...points,
      ],
    },
    ["linear", ...points.map(({ name }) => name)].map((name, index) =>
      buildSeries(name, 0.3 + 0.05 * index),
    ),
    { scenario: "hint-buffer" },
  );
}

/** One to six guests of a kind. */
export function idleDedup(): SimulateOutput {
  const counts = [1, 2, 3, 4, 5, 6];
  const variants = counts.map((count) =>
    variant(`${count} guests`, {
      settings: { "guests.0.count": count },
      ...merging(6_000 * (count - 1) + 1_000, 0),
      host: {
        frames_used: 26_000 * count + 5_000,
        pages_present: 33_000 * count,
        zero_pages: 1_500 * count,
      },
      guests: Array.from({ length: count }, (_, index) =>
        guest({ name: `desktop-${index + 1}`, workload: "idle-desktop" }),
      ),
    }),
  );
  return output(
    { title: "Deduplication when idle", variants },
    variants.map(({ name }, index) => buildSeries(name, 0.15 * (index + 1))),
    { scenario: "idle-dedup" },
  );
}

const SWAP: SwapFigures = {
  areas: 1,
  pages_out: 90_000,
  pages_in: 60_000,
  pages_in_shared: 12_000,
  device_writes: 50_000,
  device_reads: 48_000,
  clean_outs: 9_000,
  device_duplicates: 4_000,
  joined: 0,
  orig_data_size: 30_000 * 4096,
  compr_data_size: 36_000_000,
  mem_used_total: 40_000_000,
  metadata_size: 2_000_000,
  same_pages: 1_000,
  dup_pages: 3_000,
  objects: 26_000,
  mem_used_max: 44_000_000,
};

function swapSeries(name: string, most: number): VariantSeries {
  const { columns } = buildSeries(name, 0.5);
  return {
    name,
    columns: {
      ...columns,
      swap_pages_out: SECONDS.map((seconds) => (most * seconds) / 540),
      swap_pages_in: SECONDS.map((seconds) => (most * seconds) / 900),
      swap_mem_used_total: SECONDS.map((seconds) => (most * 440 * seconds) / 540),
      swap_compr_data_size: SECONDS.map((seconds) => (most * 400 * seconds) / 540),
    },
  };
}

/** One area for all guests and one for each; a guest that was killed. */
export function sharedSwap(): SimulateOutput {
  const settings = (area: Setting) => ({ settings: { "swap.area": area } });
  return output(
    {
      title: "One swap area for all",
      variants: [
        variant("shared", { ...settings("shared"), ...merging(20_000, 0), swap: SWAP }),
        variant("per-guest", {
          ...settings("per-guest"),
          ...merging(19_000, 0),
          swap: { ...SWAP, areas: 2, pages_in_shared: 0, device_writes: 71_000, dup_pages: 0 },
          host: { guests_killed: 1 },
        }),
      ],
    },
    [swapSeries("shared", 90_000), swapSeries("per-guest", 99_000)],
    { scenario: "shared-swap", set: { "host.memory": "512M", "swap.in_memory": true } },
  );
}

/** What a hostile guest learns, three ways. */
export function sideChannel(): SimulateOutput {
  const hostile = (advantage: number) => ({
    guests: [
      guest({ name: "victim", workload: "web-server" }),
      guest({
        name: "hostile",
        workload: "hostile",
        counters: { trials: 400, advantage, advantage_error: 0.02 },
      }),
    ],
    host: { copies: 412 },
  });
  return output(
    {
      title: "What a guest learns from its own writes",
      variants: [
        variant("sharing across all", hostile(0.9775)),
        variant("domains", hostile(0.005)),
        variant("fixed-time writes", hostile(0)),
      ],
    },
    [],
    { scenario: "side-channel" },
  );
}

/** The kernel's counters of ksm-oracle, passes 1 to 39. */
export function ksmFill(): SimulateOutput {
  const passes = Array.from({ length: 39 }, (_, index) => index + 1);
  const all = [2, 3, 4, 6, 9, 14, 23, 32];
  const columnOf = (first: number, whole: number, skipping: number) =>
    passes.map((pass) => (pass === 1 ? first : all.includes(pass) ? whole : skipping));
  let skipped = 0;
  const columns = {
    seconds: passes.map((pass) => 0.4 * pass),
    pages_saved: columnOf(0, 3492, 3492),
    pages_shared: columnOf(0, 508, 508),
    pages_sharing: columnOf(0, 3492, 3492),
    pages_unshared: columnOf(0, 4192, 0),
    pages_volatile: columnOf(8192, 0, 4192),
    pages_skipped: columnOf(0, 0, 4192).map((pages) => {
      skipped += pages;
      return skipped;
    }),
    full_scans: passes,
    ksm_zero_pages: passes.map(() => 0),
    stable_node_chains: columnOf(0, 1, 1),
    stable_node_dups: columnOf(0, 8, 8),
    general_profit: columnOf(-524_288, 13_778_944, 13_778_944),
  };
  return output(
    { title: "A filling, pass by pass", variants: [variant("mixed", { seconds: 16 })] },
    [{ name: "mixed", columns }],
    { scenario: "ksm-fill" },
  );
}
