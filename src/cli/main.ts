#!/usr/bin/env node
/** The command line `pagefold`. One file per command; this one only brings them together. */

import { createRequire } from "node:module";
import { Command } from "commander";
import { type CommandContext, run } from "./run.ts";

type Register = (program: Command, context: CommandContext) => void;

/** In the order help shows them. A command called by its name is loaded alone: all of them take 0.2 s. */
const COMMANDS: ReadonlyMap<string, () => Promise<Register>> = new Map([
  ["analyze", async () => (await import("./analyze.ts")).registerAnalyze],
  ["capture", async () => (await import("./capture.ts")).registerCapture],
  ["serve", async () => (await import("./serve.ts")).registerServe],
  ["replay", async () => (await import("./replay.ts")).registerReplay],
  ["stat", async () => (await import("./stat.ts")).registerStat],
  ["ctl", async () => (await import("./ctl.ts")).registerCtl],
  ["wear", async () => (await import("./wear.ts")).registerWear],
  ["simulate", async () => (await import("./simulate.ts")).registerSimulate],
]);

const HELP = `
Run pagefold COMMAND --help for its options and examples.

Exit codes: 0 done; 1 the work failed; 2 the command line is wrong; 130 interrupted.`;

async function build(context: CommandContext): Promise<Command> {
  const { version } = createRequire(import.meta.url)("pagefold/package.json") as {
    version: string;
  };
  const program = new Command("pagefold")
    .description("A compressed, deduplicating swap block device, and experiments on real pages.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .addHelpText("after", HELP)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError();
  const named = COMMANDS.get(process.argv[2] ?? "");
  for (const load of named === undefined ? COMMANDS.values() : [named])
    (await load())(program, context);
  return program;
}

await run(build, process.argv);
