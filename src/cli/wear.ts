/** `pagefold wear`: a year of swapping on a model of flash, by each way of writing. The work is src/lab/wear's. */

import { type Command, Option } from "commander";
import { parseCodec } from "../../codecs/registry.ts";
import { PagefoldError } from "../base/errors.ts";
import { secureRandom } from "../base/random.ts";
import { printable } from "../base/text.ts";
import { checkWear, FULL_CHECK, QUICK_CHECK } from "../lab/wear/check.ts";
import { compareWays, modelOf, type Subject } from "../lab/wear/compare.ts";
import { formulaCurves, measuredCurves } from "../lab/wear/curves.ts";
import { LIFESPANS_WAY, OWN_STREAMS, planOf } from "../lab/wear/plans.ts";
import { readRecordLengths, recordBytesOf } from "../lab/wear/record-lengths.ts";
import { readTraceEvents } from "../lab/wear/trace-events.ts";
import { lawName } from "../lab/wear/workloads.ts";
import { renderWear, renderWearCheck } from "../report/wear.ts";
import { drawWear } from "../report/wear-plots.ts";
import type { WearCheckResult, WearOptions, WearSeries } from "../report/wear-result.ts";
import { wholeNumberOption } from "./arguments.ts";
import { openFolder, writePlots } from "./folders.ts";
import type { CommandContext } from "./run.ts";
import {
  DEFAULT_POLICIES,
  parseDays,
  parsePolicies,
  parseRecord,
  parseSegment,
  parseUtilisation,
  parseWorkload,
  positiveSize,
  type WorkloadArgument,
} from "./wear-arguments.ts";
import { wearResult } from "./wear-result.ts";

interface WearArguments {
  readonly workload: WorkloadArgument;
  readonly utilisation: number;
  readonly size: number;
  readonly segment: number;
  readonly record: number | string;
  readonly codec: string;
  readonly policy: readonly string[];
  readonly streams: number;
  readonly levelling: boolean;
  readonly days: number;
  readonly writesPerDay: number;
  readonly endurance: number;
  readonly seed?: number;
  readonly check?: boolean;
  readonly quick?: boolean;
  readonly svg?: string;
  readonly json?: boolean;
}

type Options = WearArguments & { readonly context: CommandContext };

/** The codec of what is in memory; a trace's pages may leave it in another. */
const MEMORY_CODEC = "lz4";

const HELP = `
Pages that leave memory go to a log on flash. Flash is erased in segments, and each segment survives so many erases; so
what still lives in a segment has to be moved before it is erased, and that is written too: write amplification. Which
segment is cleaned next, and what is kept together, decides how often. This command writes the same pages by each way
and compares them, with zram's write-back (a 4096-byte block for each page, the lowest free one), and with formulas.

Workloads: uniform; hot-cold:R/F (R % of the writes to F % of the pages); zipf:THETA; trace:FILE, a trace that "pagefold
serve --record" wrote, through a memory with half the room it needs.
Policies: fifo, greedy, cost-benefit, d-choices:D, random, each on one log of one stream; pagefold, cost-benefit with
survivors in streams of their own; lifespans, cost-benefit with pages in streams by how long their contents lived.

Examples:
  $ pagefold wear
      a year of 8 GiB a day on 8 GiB of flash, 80 % of it live, most writes to a tenth of the pages
  $ pagefold wear --workload trace:guest.trace --codec zstd:3
      what a real guest wrote, recompressed with zstd on the way out
  $ pagefold wear --workload uniform --record guest.pages.gz --policy fifo,pagefold --utilisation 0.9
      records as long as the compressed pages of a file; two ways only
  $ pagefold wear --endurance 300 --days 3650 --svg plots
      until the flash wears out; three plots into the folder plots
  $ pagefold wear --check
      is the cleaning as good as theory says? one table; about a minute

Exit codes: 0 done; 1 a file cannot be read or written, or --check found something beyond its bounds; 2 the command line
is wrong; 130 interrupted.`;

const invalid = (message: string) => new PagefoldError("INVALID_ARGUMENT", message);

function drawSeed(): number {
  const seed = new Uint32Array(1);
  secureRandom(new Uint8Array(seed.buffer));
  return seed[0]! >>> 1;
}

/** What is written, read from files where it comes from them. */
async function openSubject(options: Options): Promise<Subject> {
  const { workload, record, codec, context } = options;
  const { signal, progress } = context;
  if (workload.law === "trace") {
    const events = await readTraceEvents(workload.file, {
      codecs: { memory: MEMORY_CODEC, log: codec },
      signal,
      onProgress: (fraction) => progress.update("reading the trace ", fraction),
    });
    return { kind: "trace", events };
  }
  if (typeof record === "number") {
    return { kind: "law", law: workload, lengths: Uint16Array.of(recordBytesOf(record)) };
  }
  const lengths = await readRecordLengths([record], {
    codec,
    signal,
    onProgress: (fraction) => progress.update("compressing ", fraction),
  });
  if (lengths.length === 0) {
    throw invalid(
      `--record ${printable(record)} has 0 pages that would be written, all are of one word; give a file with others`,
    );
  }
  return { kind: "law", law: workload, lengths };
}

/** Curves of amplification: what theory says of a law, and where plots are asked for, what short runs measure. */
async function amplificationCurves(
  subject: Subject,
  options: Options & { readonly seed: number },
): Promise<WearSeries["amplification"]> {
  if (subject.kind === "trace") return [];
  const { context, streams, levelling, seed, svg } = options;
  const plans = options.policy.map((name) => planOf(name, streams));
  const geometry = modelOf(
    { sizeBytes: options.size, segmentBytes: options.segment },
    subject.lengths,
  );
  const { law } = subject;
  const classes =
    law.law === "hot-cold"
      ? [
          { writes: law.writes / 100, data: law.data / 100 },
          { writes: 1 - law.writes / 100, data: 1 - law.data / 100 },
        ]
      : [{ writes: 1, data: 1 }];
  const formulas =
    law.law === "zipf"
      ? []
      : formulaCurves(plans, { classes, records: geometry.recordsPerSegment });
  if (svg === undefined) return formulas;
  const measured = await measuredCurves(plans, {
    law,
    geometry,
    levelling,
    seed,
    signal: context.signal,
    onProgress: (fraction) => context.progress.update("for the plots ", fraction),
  });
  return [...measured, ...formulas];
}

async function compare(given: Options): Promise<void> {
  const isTrace = given.workload.law === "trace";
  // Contents on the log are written once; nothing says which page they will be of next.
  const policy = given.policy.filter((name) => !isTrace || name !== LIFESPANS_WAY);
  const options = { ...given, policy };
  const { context, size, segment, days, endurance, streams, workload, record, svg } = options;
  const seed = options.seed ?? drawSeed();
  const subject = await openSubject(options);
  if (svg !== undefined) await openFolder(svg, "--svg");
  const comparison = await compareWays({
    subject,
    medium: { sizeBytes: size, segmentBytes: segment },
    utilisation: options.utilisation,
    plans: options.policy.map((name) => planOf(name, streams)),
    levelling: options.levelling,
    days,
    bytesPerDay: options.writesPerDay,
    endurance,
    seed,
    signal: context.signal,
    onProgress: (fraction) => context.progress.update("swapping ", fraction),
  });
  const { results, series: rest } = wearResult(comparison, {
    days,
    endurance,
    mediumBytes: size,
    seed,
  });
  const series: WearSeries = {
    amplification: await amplificationCurves(subject, { ...options, seed }),
    ...rest,
  };
  const shown: WearOptions = {
    workload: workload.law === "trace" ? `trace:${workload.file}` : lawName(workload),
    utilisation: options.utilisation,
    size,
    segment,
    record: workload.law === "trace" ? null : record,
    codec: options.codec,
    policies: options.policy,
    streams,
    levelling: options.levelling,
    days,
    writes_per_day: options.writesPerDay,
    endurance,
    seed,
  };
  const files = svg === undefined ? [] : await writePlots(svg, await drawWear(series));
  context.progress.stop();
  const report = { schema: 1, command: "wear", options: shown, results, series };
  const { emphasis } = context;
  context.print(
    options.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : renderWear(results, { emphasis, options: shown }),
  );
  for (const file of files) context.note(`pagefold: wrote ${printable(file)}`);
}

async function check(options: Options): Promise<void> {
  const { context, json } = options;
  const seed = options.seed ?? drawSeed();
  const full = options.quick !== true;
  const size = full ? FULL_CHECK : QUICK_CHECK;
  const rows = await checkWear({
    size,
    seed,
    signal: context.signal,
    onProgress: (fraction) => context.progress.update("checking ", fraction),
  });
  context.progress.stop();
  const failed = rows.filter(({ ok }) => !ok).length;
  const { segments } = size;
  const results: WearCheckResult = { full, segments, seed, rows, failed };
  const shown = { check: true, quick: !full, seed };
  const report = { schema: 1, command: "wear", options: shown, results, series: {} };
  context.print(
    json ? `${JSON.stringify(report, null, 2)}\n` : renderWearCheck(results, context.emphasis),
  );
  if (failed > 0) {
    throw new PagefoldError(
      "IO",
      `${failed} of ${rows.length} checks are beyond their bounds; --seed ${seed} repeats them`,
    );
  }
}

/** Refuses what does not go together: a check has its own workloads, and a trace its own records. */
function checkOptions(command: Command, options: WearArguments): void {
  const isGiven = (name: string) => command.getOptionValueSource(name) === "cli";
  if (options.check) {
    const others = command.options
      .map((option) => ({ flag: option.long!, name: option.attributeName() }))
      .filter(({ name }) => !["check", "quick", "seed", "json"].includes(name) && isGiven(name));
    if (others.length > 0) {
      const flag = others[0]!.flag;
      throw invalid(
        `--check has workloads of its own, and takes no ${flag}; leave one of both out`,
      );
    }
  } else if (options.quick) {
    throw invalid("--quick is for --check alone; add --check, or leave it out");
  }
  if (options.workload.law === "trace" && isGiven("record")) {
    throw invalid("--record is for workloads without pages; a trace has its own, leave it out");
  }
  if (options.workload.law === "trace" && isGiven("policy")) {
    if (options.policy.includes(LIFESPANS_WAY)) {
      throw invalid(
        `--policy ${LIFESPANS_WAY} is for workloads that know pages alone; a trace writes contents, leave it out`,
      );
    }
  }
  const hasPages = options.workload.law === "trace" || typeof options.record === "string";
  if (!hasPages && isGiven("codec")) {
    throw invalid("--codec needs pages to compress; give --record FILE or --workload trace:FILE");
  }
}

/** Adds the command to the program. */
export function registerWear(program: Command, context: CommandContext): void {
  program
    .command("wear")
    .summary("a year of swapping on a model of flash: how each way of writing wears it")
    .description(
      "A year of swapping in seconds, on a model of flash: write amplification, erases and life, by each way of writing.",
    )
    .addOption(
      new Option(
        "--workload <workload>",
        "which pages are swapped out: uniform, hot-cold:R/F, zipf:THETA or trace:FILE",
      )
        .argParser(parseWorkload)
        .default(parseWorkload("hot-cold:90/10"), "hot-cold:90/10"),
    )
    .option(
      "--utilisation <share>",
      "of the medium's room, how much lives: 0.8 or 80%",
      parseUtilisation,
      0.8,
    )
    .addOption(
      new Option("--size <size>", "the medium's size")
        .argParser(positiveSize("--size"))
        .default(2 ** 33, "8G"),
    )
    .addOption(
      new Option("--segment <size>", "what is erased at a time; a power of two, 64K to 64M")
        .argParser(parseSegment)
        .default(2 ** 20, "1M"),
    )
    .option(
      "--record <bytes|file>",
      "a page's compressed bytes; or as long as the pages of a file, compressed",
      parseRecord,
      1200,
    )
    .addOption(
      new Option("--codec <codec>", "what compresses a file's or a trace's pages for the log")
        .argParser((text) => parseCodec(text).name)
        .default("lz4"),
    )
    .addOption(
      new Option("--policy <list>", "the ways to compare, separated by commas")
        .argParser(parsePolicies)
        .default(DEFAULT_POLICIES, DEFAULT_POLICIES.join(",")),
    )
    .option(
      "--streams <count>",
      "streams of pagefold's way: pages from memory, and survivors",
      wholeNumberOption("--streams", { min: 1, max: 8, what: "a count of streams" }),
      OWN_STREAMS,
    )
    .option("--levelling", "move what lies still off little worn segments (default)", true)
    .option("--no-levelling", "leave it there")
    .option("--days <days>", "how long", parseDays, 365)
    .addOption(
      new Option("--writes-per-day <size>", "bytes of pages that leave memory each day")
        .argParser(positiveSize("--writes-per-day"))
        .default(2 ** 33, "8G"),
    )
    .option(
      "--endurance <erases>",
      "erases a segment survives, in the mean",
      wholeNumberOption("--endurance", { min: 1, max: 1_000_000, what: "a count of erases" }),
      3000,
    )
    .option(
      "--seed <seed>",
      "repeats a run (default: drawn, and printed)",
      wholeNumberOption("--seed", { min: 0, max: 2 ** 31 - 1, what: "the seed of a run" }),
    )
    .option("--check", "check cleaning and levelling against theory; 1 beyond the bounds")
    .option("--quick", "with --check: a few small ones, with wider bounds")
    .option("--svg <folder>", "draw plots into a folder, made where it is missing")
    .option("--json", "print one JSON object instead of tables")
    .addHelpText("after", HELP)
    .action(async (options: WearArguments, command: Command) => {
      checkOptions(command, options);
      await (options.check ? check : compare)({ ...options, context });
    });
}
