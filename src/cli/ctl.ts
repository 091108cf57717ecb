/**
 * `pagefold ctl`: maintains a running server. What each command does is the store's; src/nbd/service.ts brings it
 * there.
 */

import type { Command } from "commander";
import { PagefoldError } from "../base/errors.ts";
import { askServer, type ControlRequest } from "../nbd/control.ts";
import { sizeOption, wholeNumberOption } from "./arguments.ts";
import type { CommandContext } from "./run.ts";
import { addServerOptions, controlPathOfServer, type ServerArguments } from "./server-option.ts";

interface CtlArguments extends ServerArguments {
  readonly json?: boolean;
}

interface RecompressArguments {
  readonly type?: string;
  readonly threshold?: number;
  readonly idleSeconds?: number;
  readonly maxPages?: number;
  readonly priority?: number;
}

const EXAMPLES = `
Examples:
  $ pagefold ctl idle && sleep 3600 && pagefold ctl recompress --type idle
      mark everything idle; an hour later make smaller what nobody touched meanwhile
  $ pagefold ctl writeback --type huge_idle
      to the overflow log with what does not compress and nobody touched
  $ pagefold ctl --port 10809 compact
      move objects together and give memory of the pool back
  $ pagefold ctl reset guest-a
      forget every page of an export that no client has open

Exit codes: 0 done; 1 refused, or no server there; 2 the command line is wrong.`;

const SECONDS = { min: 0, max: 2 ** 29 - 1, what: "seconds" };

/** What the server's store says of its options, and how the user gives them. */
const TYPED_WORDS = [
  [
    /^writeBack takes either a type (\(.*\)) or pages;/,
    "writeback takes either --type $1 or --pages;",
  ],
  [/^writeBack type /, "--type "],
  [
    'open it with recompress: ["zstd"] or another',
    "start the server with --recompress zstd or another",
  ],
  [
    "open it with overflow: { path, sizeBytes }",
    "start the server with --overflow PATH, --overflow-size SIZE and --memory-limit SIZE",
  ],
] as const;

function asTyped(cause: unknown): unknown {
  if (!(cause instanceof PagefoldError)) return cause;
  const message = TYPED_WORDS.reduce(
    (said, [words, typed]) => said.replace(words, typed),
    cause.message,
  );
  return new PagefoldError(cause.code, message, { cause });
}

async function control(
  command: Command,
  context: CommandContext,
  request: ControlRequest,
): Promise<void> {
  const options = command.optsWithGlobals<CtlArguments>();
  const answer = askServer(controlPathOfServer(options), request);
  const results = (await answer.catch((cause: unknown) => {
    throw asTyped(cause);
  })) as object;
  if (options.json) {
    const report = { schema: 1, command: "ctl", options: request, results, series: {} };
    context.print(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  const words = Object.entries(results).map(([name, value]) => `${name} ${value}`);
  context.print(`${request.command}: ${words.join(", ")}\n`);
}

/** The options the user gave, under the library's names. */
function recompressOptions(given: RecompressArguments): Readonly<Record<string, unknown>> {
  const { threshold, ...rest } = given;
  return { ...rest, ...(threshold === undefined ? {} : { thresholdBytes: threshold }) };
}

function addRecompress(ctl: Command, context: CommandContext): void {
  ctl
    .command("recompress")
    .summary("try the further codecs on what is stored")
    .description(
      "Tries the codecs of `serve --recompress` on what is stored, as zram's recompress does.",
    )
    .option("--type <type>", "all (the default), idle, huge or huge_idle")
    .option("--threshold <size>", "only objects of at least that size", sizeOption("--threshold"))
    .option(
      "--idle-seconds <seconds>",
      "only objects nobody touched for so long",
      wholeNumberOption("--idle-seconds", SECONDS),
    )
    .option(
      "--max-pages <count>",
      "try at most that many",
      wholeNumberOption("--max-pages", { min: 1, max: 2 ** 32 - 1, what: "a count of pages" }),
    )
    .option(
      "--priority <number>",
      "only that codec of `serve --recompress`, 1 for the first",
      wholeNumberOption("--priority", { min: 1, max: 3, what: "a codec's place" }),
    )
    .action((given: RecompressArguments, command: Command) => {
      const { type, threshold, idleSeconds, maxPages, priority } = given;
      const own = { type, threshold, idleSeconds, maxPages, priority };
      const set = Object.entries(own).filter(([, value]) => value !== undefined);
      return control(command, context, {
        command: "recompress",
        options: recompressOptions(Object.fromEntries(set)),
      });
    });
}

/** Pages of an export as zram's page_indexes has them: `[EXPORT:]FIRST[-LAST]`. */
function parsePages(text: string): {
  readonly export: string;
  readonly first: number;
  readonly last: number;
} {
  const match = /^(?:(.*):)?(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null)
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `--pages cannot be "${text}"; give page indexes, such as 17 or 0-1023, after EXPORT: where it has a name`,
    );
  const [, name = "", first, last] = match;
  return { export: name, first: Number(first), last: Number(last ?? first) };
}

interface WriteBackArguments {
  readonly type?: string;
  readonly idleSeconds?: number;
  readonly pages?: readonly unknown[];
}

function addWriteBack(ctl: Command, context: CommandContext): void {
  ctl
    .command("writeback")
    .summary("have pages leave memory for the overflow log now")
    .description("Writes pages to the log of `serve --overflow`, as zram's writeback does.")
    .option("--type <type>", "idle, huge, huge_idle or incompressible")
    .option(
      "--idle-seconds <seconds>",
      "only objects nobody touched for so long",
      wholeNumberOption("--idle-seconds", SECONDS),
    )
    .option(
      "--pages <range>",
      "these pages in place of a type: FIRST or FIRST-LAST, after EXPORT: where it has a name; any number of times",
      (text: string, before: readonly unknown[] = []) => [...before, parsePages(text)],
    )
    .action(({ type, idleSeconds, pages }: WriteBackArguments, command: Command) => {
      const given = Object.entries({ type, idleSeconds, pages }).filter(
        ([, value]) => value !== undefined,
      );
      return control(command, context, {
        command: "writeback",
        options: Object.fromEntries(given),
      });
    });
}

/** Adds the command to the program. */
export function registerCtl(program: Command, context: CommandContext): void {
  const ctl = program
    .command("ctl")
    .summary("maintain a running server: compact, idle, recompress, writeback, reset")
    .description("Maintains a running `pagefold serve`.")
    .addHelpText("after", EXAMPLES);
  addServerOptions(ctl).option("--json", "print one JSON object instead of a line");
  ctl
    .command("compact")
    .summary("move objects together and give memory of the pool back")
    .action((_given: object, command: Command) =>
      control(command, context, { command: "compact" }),
    );
  ctl
    .command("idle")
    .summary("mark pages idle: all, or those not touched for a while")
    .option(
      "--age <seconds>",
      "only those not touched for so long; the others are marked as not idle",
      wholeNumberOption("--age", SECONDS),
    )
    .action(({ age }: { readonly age?: number }, command: Command) =>
      control(command, context, {
        command: "idle",
        options: age === undefined ? {} : { age_seconds: age },
      }),
    );
  addRecompress(ctl, context);
  addWriteBack(ctl, context);
  ctl
    .command("reset")
    .summary("forget every page of an export that no client has open")
    .argument("<export>", "its name; '' for the one without a name")
    .action((name: string, _given: object, command: Command) =>
      control(command, context, { command: "reset", options: { name } }),
    );
}
