/**
 * The knobs of /sys/kernel/mm/ksm as parameters: the kernel's names, meanings, ranges and defaults, but for `run`,
 * which the kernel starts with 0: a scanner that a scenario names is meant to run. `merge_order` is ours.
 */

import { z } from "zod";

const UINT_MAX = 2 ** 32 - 1;
const INT_MAX = 2 ** 31 - 1;

const uint = () => z.int().min(0).max(UINT_MAX);
const flag = () => z.int().min(0).max(1);

export const ksmKnobs = z.strictObject({
  run: z
    .int()
    .min(0)
    .max(2)
    .default(1)
    .describe("0: stopped, merged pages stay; 1: scans; 2: stopped, everything unmerged"),
  pages_to_scan: uint()
    .default(100)
    .describe("pages looked at in one batch; the advisor sets it while it is on"),
  sleep_millisecs: uint().default(20).describe("how long to sleep between two batches"),
  use_zero_pages: flag()
    .default(0)
    .describe("1: pages of zeros are merged with the zero page, not with each other"),
  max_page_sharing: z
    .int()
    .min(2)
    .max(INT_MAX)
    .default(256)
    .describe(
      "the most pages on one frame; past that there are further frames of the same contents",
    ),
  stable_node_chains_prune_millisecs: uint()
    .default(2000)
    .describe("how often frames of the same contents are looked through for those that were freed"),
  smart_scan: flag()
    .default(1)
    .describe("1: pages that did not merge before are left out of most passes"),
  merge_across_nodes: flag()
    .default(1)
    .describe("as in the kernel; hosts here have one memory node, for which 0 and 1 are the same"),
  advisor_mode: z
    .enum(["none", "scan-time"])
    .default("none")
    .describe("scan-time: pages_to_scan follows the time a pass takes"),
  advisor_max_cpu: uint()
    .default(70)
    .describe("the most of one processor the advisor aims at, in percent"),
  advisor_target_scan_time: z
    .int()
    .min(1)
    .max(UINT_MAX)
    .default(200)
    .describe("how long the advisor wants a pass to take, in seconds"),
  advisor_min_pages_to_scan: uint()
    .default(500)
    .describe("pages_to_scan when the advisor is turned on; it may go lower later"),
  advisor_max_pages_to_scan: uint()
    .default(30_000)
    .describe("the most pages_to_scan the advisor sets"),
  merge_order: z
    .enum(["checksum-first", "stable-first"])
    .default("checksum-first")
    .describe(
      "stable-first: as Linux to 6.10, merged pages are searched before the checksum is asked",
    ),
});

export type KsmKnobs = z.infer<typeof ksmKnobs>;
