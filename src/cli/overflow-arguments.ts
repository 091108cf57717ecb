/** What `serve` and `replay` read of an overflow log from their command line. Each refusal exits with 2. */

import { resolve } from "node:path";
import type { Command } from "commander";
import { PagefoldError } from "../base/errors.ts";
import { printable } from "../base/text.ts";
import {
  checkOverflowOptions,
  MOST_ENDURANCE_CYCLES,
  type OverflowOptions,
} from "../device/overflow-options.ts";
import { cleaningPolicy } from "../overflow/space/cleaning/policies.ts";
import { sizeOption, wholeNumberOption } from "./arguments.ts";

/** Shares of the memory limit. */
interface Watermarks {
  readonly lowWatermark: number;
  readonly highWatermark: number;
}

/** What commander makes of the options; those of the command that the log's depend on are the last two. */
export interface OverflowArguments {
  readonly overflow?: string;
  readonly overflowSize?: number;
  readonly overflowSegment?: number;
  readonly overflowPlain?: boolean;
  readonly overflowCleaning?: string;
  readonly overflowWatermarks?: Watermarks;
  readonly overflowBudget?: number;
  readonly overflowRecompress?: boolean;
  readonly overflowPromote?: boolean;
  readonly overflowEndurance?: number;
  readonly memoryLimit?: number;
  readonly recompress?: readonly string[];
}

const invalid = (message: string) => new PagefoldError("INVALID_ARGUMENT", message);

/** `LOW:HIGH`, in whole percent. */
function parseWatermarks(text: string): Watermarks {
  const [, lowDigits, highDigits] = /^(\d{1,3})%?:(\d{1,3})%?$/.exec(text) ?? [];
  const low = Number(lowDigits);
  const high = Number(highDigits);
  if (low >= 1 && low < high && high <= 99)
    return { lowWatermark: low / 100, highWatermark: high / 100 };
  throw invalid(
    `--overflow-watermarks cannot be "${printable(text)}": give LOW:HIGH, two whole percentages from 1 to 99, the lower one first, such as 80:90`,
  );
}

function parsePath(text: string): string {
  if (text !== "") return resolve(text);
  throw invalid('--overflow cannot be "": give the path of a file or block device');
}

function parseBudget(text: string): number {
  const bytes = sizeOption("--overflow-budget")(text);
  if (bytes > 0) return bytes;
  throw invalid(
    `--overflow-budget cannot be "${printable(text)}": give the bytes a day may write, such as 20G, or leave it out for no limit`,
  );
}

/** The options of an overflow log, for a command that has --memory-limit. */
export function addOverflowOptions(command: Command): Command {
  return command
    .option(
      "--overflow <path>",
      "when memory fills, move the least used pages to this file or block device, whose contents are lost",
      parsePath,
    )
    .option(
      "--overflow-size <size>",
      "how much of it to use, at most 256 GiB",
      sizeOption("--overflow-size"),
    )
    .option(
      "--overflow-segment <size>",
      "what is written, cleaned and erased as one (default: 1M)",
      sizeOption("--overflow-segment"),
    )
    .option("--overflow-plain", "write without encryption, with checks alone")
    .option(
      "--overflow-cleaning <policy>",
      "which segment to clean next: fifo, greedy, cost-benefit (the default), random or d-choices:D",
      (text) => cleaningPolicy(text).name,
    )
    .option(
      "--overflow-watermarks <low:high>",
      "percent of the memory limit: above HIGH pages leave memory until LOW (default: 80:90)",
      parseWatermarks,
    )
    .option(
      "--overflow-budget <size>",
      "bytes a day to write while memory is not full; beyond it writing waits until it is",
      parseBudget,
    )
    .option("--overflow-recompress", "write pages in the last codec of --recompress")
    .option("--no-overflow-promote", "leave pages that are read again and again where they are")
    .option(
      "--overflow-endurance <cycles>",
      "times the medium can be written over, for the forecast of its life (default: 3000)",
      wholeNumberOption("--overflow-endurance", {
        min: 1,
        max: MOST_ENDURANCE_CYCLES,
        what: "a number of cycles",
      }),
    );
}

/** Options that say something of a log, as the user gave them. */
function givenOptions(parsed: OverflowArguments): string[] {
  const isGiven: readonly (readonly [option: string, isGiven: boolean])[] = [
    ["--overflow-size", parsed.overflowSize !== undefined],
    ["--overflow-segment", parsed.overflowSegment !== undefined],
    ["--overflow-plain", parsed.overflowPlain === true],
    ["--overflow-cleaning", parsed.overflowCleaning !== undefined],
    ["--overflow-watermarks", parsed.overflowWatermarks !== undefined],
    ["--overflow-budget", parsed.overflowBudget !== undefined],
    ["--overflow-recompress", parsed.overflowRecompress === true],
    ["--no-overflow-promote", parsed.overflowPromote === false],
    ["--overflow-endurance", parsed.overflowEndurance !== undefined],
  ];
  return isGiven.flatMap(([option, given]) => (given ? [option] : []));
}

/** Refuses a log without what it needs of the command's other options. */
function checkNeeds(path: string, parsed: OverflowArguments): void {
  const { overflowSize, overflowRecompress, memoryLimit = 0, recompress = [] } = parsed;
  const shown = printable(path);
  if (memoryLimit === 0) {
    throw invalid(
      `--overflow "${shown}" would never be written to while memory has no limit; give --memory-limit SIZE too`,
    );
  }
  if (overflowSize === undefined)
    throw invalid(`--overflow "${shown}" needs --overflow-size SIZE, how much of it to use`);
  if (overflowRecompress === true && recompress.length === 0) {
    throw invalid(
      "--overflow-recompress needs a codec to recompress with; give --recompress CODEC too, such as --recompress zstd",
    );
  }
}

/** The option, unless it was left out. */
function present<Key extends keyof OverflowOptions>(
  key: Key,
  value: OverflowOptions[Key] | undefined,
): OverflowOptions {
  return value === undefined ? {} : { [key]: value };
}

/** The library's names of what this file leaves to its check, and the user's. */
const FLAGS = [
  ["overflow.sizeBytes", "--overflow-size"],
  ["overflow.segmentBytes", "--overflow-segment"],
  ["overflow.budgetBytesPerDay", "--overflow-budget"],
] as const;

/** The library's check, before anything is opened, in words of the command line. */
function checkAsLibrary(options: OverflowOptions, furtherCodecs: number): void {
  try {
    checkOverflowOptions(options, furtherCodecs);
  } catch (cause) {
    if (!(cause instanceof PagefoldError)) throw cause;
    const message = FLAGS.reduce(
      (said, [name, flag]) => said.replaceAll(name, flag),
      cause.message,
    );
    throw new PagefoldError(cause.code, message, { cause });
  }
}

/**
 * The overflow log the command line asks for, undefined if it asks for none.
 * @throws PagefoldError INVALID_ARGUMENT.
 */
export function overflowOptionsOf(parsed: OverflowArguments): OverflowOptions | undefined {
  const { overflow } = parsed;
  if (overflow === undefined) {
    const given = givenOptions(parsed);
    if (given.length === 0) return undefined;
    throw invalid(
      `${given.join(", ")} without --overflow: no log is asked for; give --overflow PATH too, or leave ${given.length === 1 ? "it" : "them"} out`,
    );
  }
  checkNeeds(overflow, parsed);
  const options = {
    path: overflow,
    ...present("sizeBytes", parsed.overflowSize),
    ...present("segmentBytes", parsed.overflowSegment),
    ...present("plain", parsed.overflowPlain),
    ...present("cleaning", parsed.overflowCleaning),
    ...parsed.overflowWatermarks,
    ...present("budgetBytesPerDay", parsed.overflowBudget),
    ...present("recompress", parsed.overflowRecompress),
    ...present("promote", parsed.overflowPromote),
    ...present("enduranceCycles", parsed.overflowEndurance),
  };
  checkAsLibrary(options, parsed.recompress?.length ?? 0);
  return options;
}
