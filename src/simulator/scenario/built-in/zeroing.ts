/**
 * Guests that fill pages with zeros when they free them: swapped out, they take no memory. What that costs, and what it
 * does to the ratio of a compressed swap device in memory (a suggestion to compcache's list, 2009).
 */

import type { VariantResult } from "../../../report/simulate-result.ts";
import { accessSeconds, type BuiltIn, headline, ratio } from "./built-in.ts";

/** Of all that guests did, the part that was filling freed pages with zeros. */
function zeroingShare(variant: VariantResult | undefined): number | null {
  if (variant === undefined) return null;
  const zeroing = variant.guests.reduce(
    (sum, { counters }) => sum + (counters.zeroing_seconds ?? 0),
    0,
  );
  return ratio(zeroing, variant.cpu.guest_seconds);
}

/** Bytes of pages in swap to the memory they take, tables and all. */
function ratioOf(variant: VariantResult | undefined): number | null {
  const swap = variant?.swap;
  if (!swap) return null;
  return ratio(swap.orig_data_size, swap.mem_used_total + swap.metadata_size);
}

export const zeroing: BuiltIn = {
  name: "zeroing",
  summary: "guests that fill freed pages with zeros: its cost, and the ratio of swap in memory",
  explanation:
    "A host does not know which of its guests' pages are free, and swaps them out with whatever they held. A guest that zeroes what it frees pays a little for each page, and compressed swap gets pages that take nothing. Two guests building a kernel on a host with three quarters of the memory they need, swapping to a pagefold store in the host's own memory.",
  scenario: {
    title: "Zeroing freed pages",
    seconds: 180,
    sample_seconds: 5,
    host: { memory: "384M", cores: 4 },
    swap: { area: "shared", size: "1G", in_memory: true },
    guests: [{ name: "build", count: 2, memory: "256M", workload: { kind: "kernel-build" } }],
    scanner: { kind: "linear" },
    variants: [
      { name: "left as they were", set: { "guests.0.zero_on_free": false } },
      { name: "zeroed on free", set: { "guests.0.zero_on_free": true } },
    ],
  },
  headlines(find) {
    const [left, zeroed] = [find("left as they were"), find("zeroed on free")];
    const cost = zeroingShare(zeroed);
    return [
      ...headline("what zeroing costs, of the guests' time", {
        value: cost === null ? null : 100 * cost,
        unit: "%",
        published: "about 1 %, or better (McCabe-Dansted 2009); up to 2 counts as that",
        range: { min: 0, max: 2 },
      }),
      ...headline("ratio of what is swapped, zeroed / left as they were", {
        value: ratio(ratioOf(zeroed), ratioOf(left)),
        unit: "",
        published: "above 1: it would improve (McCabe-Dansted 2009, without a figure)",
        range: { min: 1, max: Number.POSITIVE_INFINITY },
      }),
      ...headline("the guests' accesses, zeroed / left as they were", {
        value: ratio(accessSeconds(zeroed), accessSeconds(left)),
        unit: "",
      }),
    ];
  },
  candidates: [
    { key: "host.memory", lower: "320M", higher: "448M" },
    { key: "contents.compressibility" },
    { key: "guests.0.workload.lifetime_seconds" },
    { key: "guests.0.workload.compiler_share" },
    { key: "guests.0.workload.unit_seconds" },
    { key: "guests.0.workload.sources_per_unit" },
    { key: "guests.0.workload.remains_share", lower: 0, higher: 0.5 },
  ],
};
