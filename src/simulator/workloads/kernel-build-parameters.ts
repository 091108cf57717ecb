/**
 * Parameters of the workload "kernel-build", and where their defaults come from: the recipe for KSM++ and XLH where it
 * gives a number (two guests of 512 MiB; 8 to 10 % kernel; a skew of 0 to 60 s; lifetimes), and a reason beside each
 * where it does not. Page counts in the reasons are of a guest of 512 MiB.
 */

import { z } from "zod";
import { bootKeys, contentKeys, rate, seconds, share, sigma } from "./parameters.ts";

export const kernelBuildParameters = z.strictObject({
  // The recipe: 8 to 10 % kernel and text, equal in all guests. Programs are a compiler, its libraries, make and a
  // shell: 25 MiB. The guest has been up for long, no page is untouched: a pass of a scanner goes over all memory.
  ...bootKeys({ kernelShare: 0.09, pageTableShare: 0.005, programShare: 0.05, remainsShare: 1 }),
  // Barker et al.: without zeros less than 15 % equal pages, most of them within a guest; zeros are a few percent.
  ...contentKeys({ zeroShare: 0.03, selfDuplicateShare: 0.05 }),
  background_share: share(0.08, "anonymous memory of what else runs, as a share of memory"),
  // The recipe: 0 to 60 s; the middle.
  skew_seconds: z
    .number()
    .min(0)
    .max(1e6)
    .default(30)
    .describe("each further guest of the group begins to build so much later"),
  // As many as a small guest has processors.
  jobs: z.int().min(1).max(256).default(2).describe("units compiled at the same time"),
  // About one unit a second: ten source files on two processors.
  unit_seconds: seconds(2, "time a unit takes, the median of a log-normal law"),
  unit_sigma: sigma(0.5, "standard deviation of that time's logarithm"),
  // More than 540 s have, so that each source is read once.
  units: z
    .int()
    .min(1)
    .max(1e5)
    .default(1000)
    .describe("units of the tree; after the last the build starts over"),
  job_cores: rate(0.9, "processor time a job wants, in cores; the rest it waits"),
  // 128 MiB of whatever is read again and again: headers, and the tools' own files.
  header_share: share(0.25, "headers of the tree, as a share of memory"),
  // A header is read every three or four seconds, as the common ones are.
  headers_per_unit: share(0.3, "share of the headers that a unit reads"),
  // 1 MiB: about half a gigabyte in 540 s, a kernel's tree.
  sources_per_unit: share(0.002, "sources a unit compiles, as a share of memory"),
  // Bursts of 20 MiB, 5000 pages, which is more than small hint buffers hold.
  units_per_directory: z
    .int()
    .min(1)
    .max(1e5)
    .default(20)
    .describe("units whose sources are read in one burst"),
  // 100 MB/s, a disk of that time.
  disk_share_per_second: rate(0.2, "how fast a burst is read, as a share of memory a second"),
  // 0.5 MiB.
  objects_per_unit: share(0.001, "object files a unit writes, as a share of memory"),
  // A compiler makes the same of the same, but where it puts a time or a name in.
  equal_objects_share: share(0.9, "share of units whose object files are equal in all guests"),
  // Linux: dirty_writeback_centisecs.
  write_back_seconds: seconds(5, "time between two write-backs of object files"),
  // 30 MiB, what a compiler of C takes.
  compiler_share: share(0.06, "memory a unit has taken when it ends, as a share of memory"),
  rewrites_per_second: rate(0.5, "how often each page of it is written again, a second"),
  // The recipe: a median far below a pass (52 s: twice 512 MiB at 100 pages every 20 ms), more than 70 % of lifetimes
  // between 1 s and two passes. It is 95 % here: 2.7 % are shorter and 2.5 % longer.
  lifetime_seconds: seconds(10, "median of the time a file page stays in the page cache"),
  lifetime_sigma: sigma(1.2, "standard deviation of that time's logarithm"),
});

export type KernelBuildParameters = z.infer<typeof kernelBuildParameters>;
