/**
 * What a scenario's file may hold, key by key. Parameters of scanner and workloads are checked by the schemas of their
 * kinds; what several keys must agree on is check.ts's.
 */

import { z } from "zod";
import { parseCodec } from "../../../codecs/registry.ts";
import { PagefoldError } from "../../base/errors.ts";
import { formatSize, PAGE_BYTES, parseSize } from "../../base/units.ts";
import { inputFile } from "../input-file.ts";
import { MOST_COMPRESSIBILITY } from "../page-sources/made.ts";

/** Pages of all guests, and frames: tables of some 100 bytes each are kept for them. */
export const MOST_PAGES = 2 ** 24;
export const MOST_GUESTS = 1024;
const MOST_SECONDS = 1e6;
const MOST_NAME_LETTERS = 60;
const MOST_TITLE_LETTERS = 120;

/** Whole pages of a size such as 512M, from `least` to `most` pages. */
function pages(least: number, most: number) {
  const range = `from ${formatSize(least * PAGE_BYTES)} to ${formatSize(most * PAGE_BYTES)}, in whole pages of ${PAGE_BYTES} bytes`;
  return z
    .union([z.string(), z.number()])
    .transform((size, context) => {
      const count = bytesOf(size) / PAGE_BYTES;
      if (Number.isInteger(count) && count >= least && count <= most) return count;
      context.addIssue({ code: "custom", message: `give a size such as 512M, ${range}` });
      return z.NEVER;
    })
    .meta({ title: `a size such as 512M, ${range}` });
}

function bytesOf(size: string | number): number {
  if (typeof size === "number") return size;
  try {
    return parseSize(size, "size");
  } catch {
    return Number.NaN;
  }
}

const codec = z
  .string()
  .transform((spec, context) => {
    try {
      return parseCodec(spec).name;
    } catch (cause) {
      if (!(cause instanceof PagefoldError)) throw cause;
      context.addIssue({ code: "custom", message: cause.message });
      return z.NEVER;
    }
  })
  .meta({ title: 'a codec such as "lz4" or "zstd:9"' });

/** Of guests, domains and images: they go into file formats and plots. */
const plainName = z
  .string()
  .regex(
    new RegExp(`^[A-Za-z0-9][\\w.-]{0,${MOST_NAME_LETTERS - 1}}$`),
    `give 1 to ${MOST_NAME_LETTERS} letters, digits, ".", "_" or "-", with a letter or digit first`,
  );
function oneLine(most: number) {
  const pattern = new RegExp(`^\\P{Cc}{1,${most}}$`, "u");
  return z.string().regex(pattern, `give 1 to ${most} characters in one line`);
}

const seconds = z.number().max(MOST_SECONDS);

const hostSchema = z.strictObject({
  memory: pages(1, MOST_PAGES).prefault("1G").describe("the host's memory"),
  cores: z.int().min(1).max(MOST_GUESTS).default(2).describe("its processors"),
  fixed_time_writes: z
    .boolean()
    .default(false)
    .describe("a write takes the same time whether the page was merged or not"),
});

const swapSchema = z.strictObject({
  area: z
    .enum(["none", "shared", "per-guest"])
    .default("none")
    .describe("one swap area for all guests (of a domain), one for each guest, or no swap"),
  size: pages(1, MOST_PAGES)
    .prefault("1G")
    .describe("of all areas together; those of guests are equal parts of it"),
  codec: codec.prefault("lz4").describe("what compresses pages that are swapped out"),
  in_memory: z
    .boolean()
    .default(false)
    .describe("the swap device lies in the host's own memory, as a zram does"),
  keeps_sharing: z
    .boolean()
    .default(true)
    .describe("a page shared when it was swapped out comes back shared"),
});

const tmemSchema = z.strictObject({
  memory: pages(0, MOST_PAGES)
    .prefault("0")
    .describe("of the host's memory, what guests may keep pages in by tmem, at most; 0 for none"),
  codec: codec.prefault("lz4").describe("what compresses them"),
  page_cache: z
    .boolean()
    .default(true)
    .describe("file pages that leave a guest's page cache go there, until others need the room"),
  swap: z
    .boolean()
    .default(true)
    .describe("what a guest swaps out goes there first, and to its disk where there is no room"),
});

const contentsSchema = z.strictObject({
  from: z
    .enum(["made", "corpus"])
    .default("made")
    .describe("whether pages' bytes are made up or taken from files of pages"),
  corpus: z.array(inputFile).default([]).describe("files of pages, for from: corpus"),
  compressibility: z
    .number()
    .min(1)
    .max(MOST_COMPRESSIBILITY)
    .default(3)
    .describe("how well lz4 compresses pages made up: bytes in / bytes out"),
});

const workloadSchema = z.looseObject({ kind: z.string() }).meta({
  title: 'an object such as {"kind": "idle-desktop"}',
});

const guestSchema = z.strictObject({
  name: plainName
    .default("guest")
    .describe("the group's name; guests of a group of several are NAME-1, NAME-2 and so on"),
  count: z.int().min(1).max(MOST_GUESTS).default(1).describe("how many guests like this"),
  memory: pages(1, MOST_PAGES).prefault("512M").describe("the memory of each"),
  domain: plainName.default("lab").describe("pages are shared within a domain only"),
  image: plainName
    .default("debian")
    .describe("guests of one image have the same kernel, programs and libraries"),
  start_seconds: seconds.min(0).default(0).describe("when the first of them starts"),
  stagger_seconds: seconds.min(0).default(0).describe("and how long after it each further one"),
  swap: pages(0, MOST_PAGES)
    .prefault("0")
    .describe("swap of its own, on its disk, for programs' memory; 0 for none"),
  zero_on_free: z.boolean().default(false).describe("their kernel fills freed pages with zeros"),
  workload: workloadSchema.describe("what they do: a workload's kind and parameters"),
});

const settings = z.record(z.string(), z.json());

export const scenarioSchema = z.strictObject({
  title: oneLine(MOST_TITLE_LETTERS).default("Simulation").describe("what reports are headed with"),
  seconds: seconds.gt(0).default(540).describe("how long, in time of the simulation"),
  step_seconds: z
    .number()
    .min(0.001)
    .max(10)
    .default(0.1)
    .describe("how long guests work between two looks at the scanner"),
  sample: z
    .enum(["time", "pass"])
    .default("time")
    .describe("a row of the series every sample_seconds, or at every full scan"),
  sample_seconds: seconds.min(0.001).default(5).describe("between two rows, for sample: time"),
  host: hostSchema.prefault({}).describe("the machine"),
  swap: swapSchema.prefault({}).describe("where pages go when memory is full"),
  tmem: tmemSchema.prefault({}).describe("memory of the host that guests ask for page by page"),
  contents: contentsSchema.prefault({}).describe("the bytes of pages that are swapped out"),
  guests: z.array(guestSchema).min(1).max(MOST_GUESTS).describe("groups of equal guests"),
  scanner: z
    .looseObject({ kind: z.string() })
    .default({ kind: "linear" })
    .meta({ title: 'an object such as {"kind": "linear"}' })
    .describe("what merges equal pages: a scanner's kind and parameters"),
  compressed_memory: pages(0, MOST_PAGES)
    .prefault("0")
    .describe('of the host\'s memory, pages the scanner "daemon" keeps compressed; 0 for none'),
  variants: z
    .array(
      z.strictObject({
        name: oneLine(MOST_NAME_LETTERS).describe("what reports call it"),
        set: settings.default({}).describe('what it changes, by path: {"scanner.kind": "hinted"}'),
      }),
    )
    .default([])
    .describe("runs to compare; none: the scenario as it stands is the only one"),
});

export type ScenarioValues = z.infer<typeof scenarioSchema>;
export type GuestValues = ScenarioValues["guests"][number];
/** A scenario as a file has it. */
export type ScenarioInput = z.input<typeof scenarioSchema>;
