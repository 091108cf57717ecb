/**
 * KSM++ and XLH against KSM: two guests that build a kernel, scanned page after page, and with hints from their disk
 * requests. Parameters are within the ranges of the recipe for the published experiments. The first ones taken, the
 * workload's defaults, 1024 hints, half of each batch and two visits, gave 0.80 times the merged pages of linear at 1.1
 * times its visits, and opportunities of 19.6 %; docs/simulator.md tells what was changed and what each change did.
 */

import { type BuiltIn, headline, ratio } from "./built-in.ts";

export const ksmPlusPlus: BuiltIn = {
  name: "ksm-plus-plus",
  summary: "two guests build a kernel: linear scanning against hints from their disk requests",
  explanation:
    "KSM++ (Miller and others, 2012) and XLH (2013) tell the kernel's scanner which pages guests' disk requests have just touched: those are often in another guest's page cache too, and most are gone before a linear scan comes round. Merged pages over 540 s of two guests of 512 MiB building a kernel, and opportunities: what could be merged at that moment.",
  scenario: {
    title: "Merging while two guests build a kernel: linear scan and hints",
    seconds: 540,
    sample_seconds: 5,
    // Memory for both, so that nothing is swapped: XLH's two guests.
    host: { memory: "2G", cores: 4 },
    guests: [
      {
        name: "build",
        count: 2,
        memory: "512M",
        workload: {
          kind: "kernel-build",
          // Both begin at once: what one reads is in the other's cache still.
          skew_seconds: 0,
          // 95 % of lifetimes are between 1 s and two passes, as with the workload's 10 s.
          lifetime_seconds: 30,
          // Bursts of 1000 pages. The average of all requests is then below what hints can take of a batch.
          units_per_directory: 4,
          // The lower end of 8 to 10 %, for both: what is there from the start is what linear finds.
          kernel_share: 0.06,
          program_share: 0.02,
          // So that opportunities stay at a fifth of memory, with files that live longer.
          header_share: 0.23,
        },
      },
    ],
    scanner: {
      kind: "hinted",
      pages_to_scan: 100,
      sleep_millisecs: 20,
      // Of 256 to 16384 and of 0.25, 0.5, 0.75; XLH's order; a page just read from a disk is taken to be constant.
      hint_buffer: 4096,
      hint_share: 0.75,
      hint_order: "newest-first",
      hint_checksum: "bypass",
      // The kernel of that time (3.0): merged pages are searched first, none is skipped, a frame has any number.
      merge_order: "stable-first",
      smart_scan: 0,
      max_page_sharing: 2 ** 31 - 1,
    },
    variants: [
      { name: "linear", set: { "scanner.kind": "linear" } },
      { name: "hinted", set: { "scanner.kind": "hinted" } },
      {
        name: "hinted, two visits",
        set: { "scanner.kind": "hinted", "scanner.hint_checksum": "two-visits" },
      },
    ],
  },
  headlines(find) {
    const [linear, hinted] = [find("linear"), find("hinted")];
    const peak = (linear ?? hinted)?.merged.opportunities_max_share;
    return [
      ...headline("merged pages over time, hinted / linear", {
        value: ratio(hinted?.merged.pages_saved_mean, linear?.merged.pages_saved_mean),
        unit: "",
        published: "2 to 10 (KSM++ 2012); 290 MiB against 75 MiB at the most (XLH 2013)",
        range: { min: 2, max: 10 },
      }),
      ...headline("visits per merge, linear / hinted", {
        value: ratio(linear?.scanner.visits_per_merge, hinted?.scanner.visits_per_merge),
        unit: "",
        published: "about 7 (XLH 2013); 3 to 10 counts as that",
        range: { min: 3, max: 10 },
      }),
      ...headline("opportunities at their peak", {
        value: peak === undefined ? undefined : 100 * peak,
        unit: "% of memory",
        published: "about 20 % (KSM++ 2012); 15 to 25 counts as that",
        range: { min: 15, max: 25 },
      }),
    ];
  },
  candidates: [
    { key: "scanner.hint_share", lower: 0.25, higher: 0.75 },
    { key: "scanner.hint_buffer" },
    { key: "scanner.pages_to_scan" },
    { key: "guests.0.memory" },
    { key: "guests.0.workload.lifetime_seconds" },
    { key: "guests.0.workload.lifetime_sigma" },
    { key: "guests.0.workload.skew_seconds", lower: 0, higher: 30 },
    { key: "guests.0.workload.kernel_share" },
    { key: "guests.0.workload.header_share" },
    { key: "guests.0.workload.headers_per_unit" },
    { key: "guests.0.workload.sources_per_unit" },
    { key: "guests.0.workload.unit_seconds" },
    { key: "guests.0.workload.units_per_directory" },
    { key: "guests.0.workload.disk_share_per_second" },
    { key: "guests.0.workload.zero_share" },
    { key: "guests.0.workload.remains_share", lower: 0.5, higher: 1 },
  ],
};
