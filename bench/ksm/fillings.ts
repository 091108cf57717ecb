/**
 * The fillings that the kernel's KSM and the simulated one are compared on: memory, what changes in it between wake-ups
 * of the scanner, the knobs, how many wake-ups. But for one, a wake-up is a pass.
 */

import type { z } from "zod";
import type { fillSchema } from "../../src/simulator/workloads/fill.ts";

/** What a filling sets of /sys/kernel/mm/ksm. */
interface FillingKnobs {
  readonly pages_to_scan: number;
  readonly smart_scan: 0 | 1;
  readonly use_zero_pages: 0 | 1;
  readonly max_page_sharing: number;
  readonly stable_node_chains_prune_millisecs: number;
}

export interface KsmFilling {
  readonly name: string;
  readonly filling: z.input<typeof fillSchema>;
  readonly knobs: FillingKnobs;
  readonly wakes: number;
}

/** Above the number of pages: a wake-up is a pass. */
const A_PASS = 1_000_000;
/** Chains are pruned at every search, or never: what lies between would depend on how fast the machine is. */
const PRUNE_ALWAYS = 0;
const PRUNE_NEVER = 1_000_000_000;
const USUAL: FillingKnobs = {
  pages_to_scan: A_PASS,
  smart_scan: 1,
  use_zero_pages: 0,
  max_page_sharing: 256,
  stable_node_chains_prune_millisecs: PRUNE_NEVER,
};

const libs = { contents: 64, name: "libs" } as const;
const few = { contents: 6, name: "few" } as const;

const MIXED: KsmFilling["filling"] = {
  fill: [
    { pages: 2000, content: "same" },
    { pages: 2000, content: { contents: 500 } },
    { pages: 4192, content: "unique" },
  ],
};

const PAST_LIMIT: KsmFilling["filling"] = {
  fill: [
    { pages: 501, content: "same" },
    { pages: 650, content: { contents: 50 } },
    { pages: 100, content: { contents: 33 } },
    { pages: 300, content: "unique" },
  ],
};

const UNIQUE_REWRITTEN: KsmFilling["filling"] = {
  fill: [
    { pages: 1000, content: "unique" },
    { pages: 640, content: libs },
  ],
  changes: [{ after_pass: 1, every: 1, pages: 1000, share: 0.25, to: "unique" }],
};

const MERGED_WRITTEN: KsmFilling["filling"] = {
  fill: [
    { pages: 640, content: libs },
    { pages: 400, content: "same" },
    { pages: 400, content: "unique" },
  ],
  changes: [
    { after_pass: 3, pages: 640, share: 0.3, to: "unique" },
    { after_pass: 5, pages: 640, share: 0.5, to: libs },
    { after_pass: 8, pages: 1040, share: 0.4, to: "again" },
    { after_pass: 10, first: 640, pages: 400, to: "unique" },
    { after_pass: 12, first: 640, pages: 300, to: libs },
    { after_pass: 14, every: 2, pages: 1440, share: 0.1, to: "unique" },
    { after_pass: 15, every: 2, pages: 1440, share: 0.1, to: libs },
  ],
};

const CHAINS: KsmFilling["filling"] = {
  fill: [
    { pages: 240, content: few },
    { pages: 300, content: libs },
    { pages: 100, content: "unique" },
  ],
  changes: [
    { after_pass: 3, pages: 240, share: 0.5, to: "unique" },
    { after_pass: 5, pages: 240, share: 0.8, to: few },
    { after_pass: 8, pages: 540, share: 0.6, to: "absent" },
    { after_pass: 9, first: 540, pages: 100, to: "unique" },
    { after_pass: 10, pages: 640, share: 0.5, to: few },
    { after_pass: 12, pages: 640, share: 0.9, to: libs },
    { after_pass: 15, every: 1, pages: 640, share: 0.2, to: few },
  ],
};

const ZEROS: KsmFilling["filling"] = {
  fill: [
    { pages: 400, content: "zero" },
    { pages: 200, content: "same" },
    { pages: 424, content: "unique" },
  ],
  changes: [
    { after_pass: 4, pages: 100, to: "unique" },
    { after_pass: 6, first: 500, pages: 300, share: 0.5, to: "zero" },
    { after_pass: 8, first: 50, pages: 200, share: 0.5, to: "absent" },
    { after_pass: 9, pages: 400, share: 0.3, to: "zero" },
    { after_pass: 11, pages: 1024, share: 0.2, to: "again" },
  ],
};

const DISCARDED: KsmFilling["filling"] = {
  fill: [
    { pages: 100, content: "absent" },
    { pages: 640, content: libs },
    { pages: 600, content: "same" },
    { pages: 300, content: "unique" },
    { pages: 60, content: "absent" },
  ],
  changes: [
    { after_pass: 3, share: 0.3, to: "absent" },
    { after_pass: 5, first: 50, pages: 500, share: 0.5, to: libs },
    { after_pass: 7, first: 740, pages: 600, to: "absent" },
    { after_pass: 9, first: 700, pages: 500, share: 0.7, to: "same" },
    { after_pass: 11, first: 1200, to: "absent" },
  ],
};

const CHURN: KsmFilling["filling"] = {
  fill: [
    { pages: 700, content: libs },
    { pages: 300, content: few },
    { pages: 200, content: "zero" },
    { pages: 500, content: "unique" },
  ],
  changes: [
    { after_pass: 2, every: 1, share: 0.05, to: "unique" },
    { after_pass: 2, every: 1, share: 0.05, to: libs },
    { after_pass: 2, every: 1, share: 0.02, to: few },
    { after_pass: 2, every: 2, share: 0.02, to: "zero" },
    { after_pass: 3, every: 2, share: 0.04, to: "absent" },
    { after_pass: 2, every: 3, share: 0.05, to: "again" },
  ],
};

function both(
  name: string,
  filling: KsmFilling["filling"],
  options: { readonly wakes?: number; readonly knobs?: Partial<FillingKnobs> } = {},
): KsmFilling[] {
  return ([1, 0] as const).map((smart_scan) => ({
    name,
    filling,
    knobs: { ...USUAL, ...options.knobs, smart_scan },
    wakes: options.wakes ?? 16,
  }));
}

/** Changes come in the middle of passes: pages in the unstable tree are no longer where searches look for them. */
const MID_PASS: KsmFilling["filling"] = {
  fill: [
    { pages: 800, content: "unique" },
    { pages: 640, content: libs },
    { pages: 260, content: few },
  ],
  changes: [
    { after_pass: 6, every: 1, share: 0.03, to: "unique" },
    { after_pass: 6, every: 1, share: 0.03, to: libs },
    { after_pass: 6, every: 3, share: 0.02, to: "absent" },
  ],
};

export const FILLINGS: readonly KsmFilling[] = [
  ...both("all unique", { fill: [{ pages: 2048, content: "unique" }] }),
  ...both("all equal", { fill: [{ pages: 2048, content: "same" }] }),
  ...both("past the sharing limit", PAST_LIMIT, { knobs: { max_page_sharing: 4 } }),
  ...both("mixed", MIXED, { wakes: 39 }),
  ...both("unique pages rewritten", UNIQUE_REWRITTEN, { wakes: 24 }),
  ...both("merged pages written", MERGED_WRITTEN, { wakes: 24 }),
  ...both("chains, never pruned", CHAINS, {
    wakes: 24,
    knobs: { max_page_sharing: 5 },
  }),
  ...both("chains, always pruned", CHAINS, {
    wakes: 24,
    knobs: { max_page_sharing: 5, stable_node_chains_prune_millisecs: PRUNE_ALWAYS },
  }),
  ...both("zeros on the zero page", ZEROS, { knobs: { use_zero_pages: 1 } }),
  ...both("zeros merged as any", ZEROS),
  ...both("pages discarded", DISCARDED),
  ...both("amid passes", MID_PASS, {
    wakes: 60,
    knobs: { pages_to_scan: 450, max_page_sharing: 8 },
  }),
  ...both("everything at once", CHURN, {
    wakes: 32,
    knobs: {
      max_page_sharing: 8,
      use_zero_pages: 1,
      stable_node_chains_prune_millisecs: PRUNE_ALWAYS,
    },
  }),
];
