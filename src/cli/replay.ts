/** `pagefold replay`: does again what a recorded trace says clients did. The work is src/trace/replay.ts's. */

import type { Command } from "commander";
import { parseCodec } from "../../codecs/registry.ts";
import { PagefoldError } from "../base/errors.ts";
import { printable } from "../base/text.ts";
import { renderReplay } from "../report/replay.ts";
import type { ReplayResult, ReplaySeries } from "../report/result.ts";
import { replay } from "../trace/replay.ts";
import { TraceReader } from "../trace/swap/trace-reader.ts";
import { sizeOption, wholeNumberOption } from "./arguments.ts";
import {
  addOverflowOptions,
  type OverflowArguments,
  overflowOptionsOf,
} from "./overflow-arguments.ts";
import { parseReplayUri, type ReplayUri } from "./replay-arguments.ts";
import { replayResult } from "./replay-result.ts";
import { connectTargets, openStoreTargets, type Targets } from "./replay-targets.ts";
import type { CommandContext } from "./run.ts";

interface ReplayArguments extends OverflowArguments {
  readonly uri?: readonly ReplayUri[];
  readonly codec?: string;
  readonly dedup: boolean;
  readonly speed?: number;
  readonly depth: number;
  readonly json?: boolean;
}

const DEPTH = { min: 1, max: 1024, what: "a count of requests" };
const DEFAULT_DEPTH = 16;
/** Points of the series, more or less. */
const SERIES_POINTS = 200;

const EXAMPLES = `
A trace is what "pagefold serve --record" writes: each request of the clients, with its time and what it wrote. The
replay sends the same requests; those that overlap keep their order. Every page read is compared with what the trace
itself wrote there before. Without --uri it goes to a store of this process, made for it.

Examples:
  $ pagefold replay guest.trace
      as fast as possible, against a store with lz4
  $ pagefold replay --codec zstd:3 --memory-limit 256M guest.trace
      would it have fitted into 256 MiB with zstd?
  $ pagefold replay --memory-limit 64M --overflow swap.log --overflow-size 1G guest.trace
      what would a log on an SSD have written, and zram in its place?
  $ pagefold replay --uri 'nbd+unix:///?socket=/run/user/1000/pagefold.sock' --depth 32 guest.trace
      against a server, fresh and at least as large, with up to 32 requests under way
  $ pagefold replay --uri guest-a=nbd://host-1 --uri guest-b=nbd://host-2/b --speed recorded two.trace
      each export of the trace to a server of its own, at the recorded times
  $ pagefold replay --json guest.trace > result.json

Exit codes: 0 all requests done and all pages read right; 1 the trace is damaged, the target failed, or a page read held
other bytes; 2 the command line is wrong; 130 interrupted.`;

const invalid = (message: string) => new PagefoldError("INVALID_ARGUMENT", message);

/** `recorded`, or how many times faster. */
function parseSpeed(text: string): number {
  if (text === "recorded") return 1;
  const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (speed >= 0.001 && speed <= 1e6) return speed;
  throw invalid(
    `--speed cannot be "${text}": give "recorded" or how many times faster, from 0.001 to 1000000`,
  );
}

async function openTargets(
  trace: TraceReader,
  options: ReplayArguments & { readonly context: CommandContext },
): Promise<Targets> {
  const { uri, codec, dedup, memoryLimit, recompress, context } = options;
  const overflow = overflowOptionsOf(options);
  if (recompress !== undefined && options.overflowRecompress !== true) {
    throw invalid(
      "--recompress is for what leaves memory with --overflow-recompress; give both, or another --codec",
    );
  }
  if (uri === undefined) {
    const onEvent = (line: string) => context.note(`pagefold: ${line}`);
    return openStoreTargets(trace.exports, {
      codec: codec ?? "lz4",
      dedup,
      recompress: recompress ?? [],
      memoryLimitBytes: memoryLimit ?? 0,
      ...(overflow === undefined ? {} : { overflow: { ...overflow, onEvent } }),
    });
  }
  const isForStore = [codec, memoryLimit, overflow].some((given) => given !== undefined);
  if (isForStore || !dedup) {
    throw invalid(
      "--codec, --memory-limit, --overflow and --no-dedup are for a store of this process, which --uri replaces; leave one or the other out",
    );
  }
  return connectTargets(trace.exports, uri);
}

/** Replays an opened trace against opened targets. */
async function run(
  trace: TraceReader,
  targets: Targets,
  options: ReplayArguments & { readonly context: CommandContext },
): Promise<{ readonly results: ReplayResult; readonly series: ReplaySeries }> {
  const { context, depth, speed } = options;
  const series = {
    trace_seconds: [] as number[],
    requests: [] as number[],
    orig_data_size: [] as number[],
    mem_used_total: [] as number[],
  };
  const outcome = await replay(trace, targets.targets, {
    depth,
    signal: context.signal,
    ...(speed === undefined ? {} : { speed }),
    onBatch: ({ requests, traceSeconds }) => {
      const fraction = trace.bytesRead / trace.sizeBytes;
      context.progress.update("replaying ", fraction);
      if (fraction * SERIES_POINTS < series.requests.length) return;
      series.trace_seconds.push(traceSeconds);
      series.requests.push(requests);
      const stats = targets.stats();
      if (stats === null) return;
      series.orig_data_size.push(stats.orig_data_size);
      series.mem_used_total.push(stats.mem_used_total);
    },
  });
  const results = replayResult(trace, outcome, { targets, hasTimes: speed !== undefined });
  return { results, series };
}

/** @throws PagefoldError CORRUPT or IO where not all went as it has to. */
function judge({ verified, failed }: ReplayResult): void {
  const { different_pages, pages } = verified;
  if (different_pages > 0) {
    throw new PagefoldError(
      "CORRUPT",
      `${different_pages} of ${pages} pages read hold other bytes than the trace wrote; the target must be fresh (all zeros) and used by nobody else, else it has a defect`,
    );
  }
  if (failed > 0) {
    throw new PagefoldError(
      "IO",
      `${failed} requests failed; a larger memory limit or another target may do what these ask`,
    );
  }
}

async function replayFile(
  file: string,
  options: ReplayArguments & { readonly context: CommandContext },
): Promise<void> {
  const { context } = options;
  const trace = await TraceReader.open(file);
  let targets: Targets | undefined;
  try {
    targets = await openTargets(trace, options);
    const { results, series } = await run(trace, targets, options);
    context.progress.stop();
    if (!results.trace.complete) {
      context.note(
        `pagefold: ${printable(file)} was cut short after ${results.trace.records} records, which were replayed`,
      );
    }
    const shown = {
      file,
      target: targets.shown,
      speed: options.speed ?? null,
      depth: options.depth,
    };
    const report = { schema: 1, command: "replay", options: shown, results, series };
    context.print(
      options.json
        ? `${JSON.stringify(report, null, 2)}\n`
        : renderReplay(results, { emphasis: context.emphasis, against: targets.summary }),
    );
    judge(results);
  } finally {
    await targets?.close();
    await trace.close();
  }
}

/** Adds the command to the program. */
export function registerReplay(program: Command, context: CommandContext): void {
  const command = program
    .command("replay")
    .summary("do again what a recorded trace says clients did, and check every read")
    .description(
      "Replays a swap trace against a store or an NBD server, checks every read and measures.",
    )
    .argument("<trace>", "a file that `pagefold serve --record` wrote")
    .option(
      "--uri <uri>",
      "an NBD server to replay against; EXPORT=URI for one export of the trace; any number of times",
      (text: string, before?: readonly ReplayUri[]) => [...(before ?? []), parseReplayUri(text)],
    )
    .option("--codec <codec>", "the store's codec (default: lz4)", (text) => parseCodec(text).name)
    .option("--no-dedup", "store every page by itself")
    .option(
      "--memory-limit <size>",
      "most memory the store may take for compressed pages",
      sizeOption("--memory-limit"),
    );
  addOverflowOptions(command)
    .option("--recompress <codec>", "the codec of --overflow-recompress", (text) => [
      parseCodec(text).name,
    ])
    .option(
      "--speed <speed>",
      "`recorded`, or how many times faster (default: as fast as possible)",
      parseSpeed,
    )
    .option(
      "--depth <count>",
      "most requests a server has to work on at a time",
      wholeNumberOption("--depth", DEPTH),
      DEFAULT_DEPTH,
    )
    .option("--json", "print one JSON object instead of tables")
    .addHelpText("after", EXAMPLES)
    .action((file: string, options: ReplayArguments) => replayFile(file, { ...options, context }));
}
