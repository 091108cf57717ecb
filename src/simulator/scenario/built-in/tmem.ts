/**
 * Guests short of memory on a host that has some to spare: what leaves a page cache, and what programs swap out, goes
 * to the host's memory page by page, and less is read from disks (transcendent memory, Magenheimer for Xen).
 */

import type { VariantResult } from "../../../report/simulate-result.ts";
import { type BuiltIn, headline, ratio } from "./built-in.ts";

const WITHOUT = "without";
const CACHE = "page cache";
const SWAP = "swap";
const BOTH = "page cache and swap";

/** Sectors of 512 bytes in a page. */
const SECTORS = 8;
const BUILD = "kernel-build";
const DATABASE = "memory-hog";

/** A counter of all guests with that workload; undefined where the variant was not run. */
function sumOf(
  variant: VariantResult | undefined,
  options: { readonly workload: string; readonly counter: string },
): number | undefined {
  return variant?.guests
    .filter(({ workload }) => workload === options.workload)
    .reduce((sum, { counters }) => sum + (counters[options.counter] ?? 0), 0);
}

const unitsOf = (variant: VariantResult | undefined) =>
  sumOf(variant, { workload: BUILD, counter: "units_begun" });
const readsOf = (variant: VariantResult | undefined, workload: string) =>
  sumOf(variant, { workload, counter: "disk_reads" });

/** What is left out of one in percent, from what is left of it. */
const lessOf = (left: number | null): number | null => (left === null ? null : 100 * (1 - left));

function sectorsPerUnit(variant: VariantResult | undefined): number | null {
  const perUnit = ratio(readsOf(variant, BUILD), unitsOf(variant));
  return perUnit === null ? null : SECTORS * perUnit;
}

export const tmem: BuiltIn = {
  name: "tmem",
  summary: "guests short of memory: the host's spare memory behind their page caches and swap",
  explanation:
    "Three guests build a kernel whose headers do not quite fit into their page caches, and a fourth runs a program larger than its memory. The host has 24 MiB to spare. Given to guests, it would have to be divided once and for all; as tmem it takes, compressed and each content once, what leaves a page cache (an ephemeral pool, which gives way when memory runs short) and what is swapped out (a persistent pool, in front of the guest's own disk). Xen's tmem was published with kernel builds, on machines with disks of that time.",
  scenario: {
    title: "Transcendent memory",
    seconds: 180,
    sample_seconds: 5,
    host: { memory: "544M", cores: 8 },
    tmem: { memory: "24M" },
    guests: [
      {
        name: "build",
        count: 3,
        memory: "128M",
        swap: "128M",
        // Pages stay in the page cache until memory runs short.
        workload: {
          kind: BUILD,
          lifetime_seconds: 3600,
          header_share: 0.55,
          compiler_share: 0.2,
          skew_seconds: 10,
        },
      },
      {
        name: "database",
        memory: "128M",
        swap: "128M",
        workload: {
          kind: DATABASE,
          working_set_share: 1.2,
          law: "zipf",
          accesses_per_second: 0.5,
        },
      },
    ],
    scanner: { kind: "none" },
    variants: [
      { name: WITHOUT, set: { "tmem.page_cache": false, "tmem.swap": false } },
      { name: CACHE, set: { "tmem.page_cache": true, "tmem.swap": false } },
      { name: SWAP, set: { "tmem.page_cache": false, "tmem.swap": true } },
      { name: BOTH, set: { "tmem.page_cache": true, "tmem.swap": true } },
    ],
  },
  headlines(find) {
    const [without, cache, swap, both] = [WITHOUT, CACHE, SWAP, BOTH].map(find);
    return [
      ...headline("sectors read for a unit compiled, less with the page cache in tmem", {
        value: lessOf(ratio(sectorsPerUnit(cache), sectorsPerUnit(without))),
        unit: "%",
        published:
          "52 % in a kernel build (Linux's cleancache, 2011), on memory and a disk not told",
      }),
      ...headline("time a unit takes, less with the page cache in tmem", {
        value: lessOf(ratio(unitsOf(without), unitsOf(cache))),
        unit: "%",
        published:
          "up to 8 % in a kernel build (Linux's cleancache, 2011), on memory and a disk not told",
      }),
      ...headline("sectors the program larger than memory reads, less with swap in tmem", {
        value: lessOf(ratio(readsOf(swap, DATABASE), readsOf(without, DATABASE))),
        unit: "%",
      }),
      ...headline("sectors read for a unit compiled, less with both in tmem", {
        value: lessOf(ratio(sectorsPerUnit(both), sectorsPerUnit(without))),
        unit: "%",
      }),
      ...headline("bytes of pages in tmem / memory they take, with both", {
        value: ratio(both?.tmem?.orig_data_size, both?.tmem?.mem_used_total),
        unit: "",
      }),
    ];
  },
  candidates: [
    { key: "tmem.memory", lower: "16M", higher: "48M" },
    { key: "contents.compressibility" },
    { key: "guests.0.workload.header_share", lower: 0.5, higher: 0.6 },
    { key: "guests.0.workload.compiler_share", lower: 0.15, higher: 0.25 },
    { key: "guests.0.workload.disk_share_per_second" },
    { key: "guests.1.workload.working_set_share", lower: 1, higher: 1.4 },
    { key: "guests.1.workload.zipf_theta", lower: 0.6, higher: 1.2 },
  ],
};
