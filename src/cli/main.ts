#!/usr/bin/env node
/** The command line `pagefold`. One file per command; this one only brings them together. */

import { createRequire } from "node:module";
import { Command } from "commander";
import { registerAnalyze } from "./analyze.ts";
import { registerCapture } from "./capture.ts";
import { registerCtl } from "./ctl.ts";
import { registerReplay } from "./replay.ts";
import { type CommandContext, run } from "./run.ts";
import { registerServe } from "./serve.ts";
import { registerSimulate } from "./simulate.ts";
import { registerStat } from "./stat.ts";
import { registerWear } from "./wear.ts";

const HELP = `
Run pagefold COMMAND --help for its options and examples.

Exit codes: 0 done; 1 the work failed; 2 the command line is wrong; 130 interrupted.`;

function build(context: CommandContext): Command {
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
  registerAnalyze(program, context);
  registerCapture(program, context);
  registerServe(program, context);
  registerReplay(program, context);
  registerStat(program, context);
  registerCtl(program, context);
  registerWear(program, context);
  registerSimulate(program, context);
  return program;
}

await run(build, process.argv);
