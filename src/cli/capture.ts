/** `pagefold capture`: copies a process's anonymous pages to a file. The work is src/trace/capture.ts's. */

import type { Command } from "commander";
import { renderCapture } from "../report/capture.ts";
import { captureProcess } from "../trace/capture.ts";
import { PID_MAX } from "../trace/process-memory.ts";
import { wholeNumberOption } from "./arguments.ts";
import type { CommandContext } from "./run.ts";

interface CaptureArguments {
  readonly pid: number;
  readonly output: string;
  readonly force?: boolean;
  readonly limitPages?: number;
  readonly json?: boolean;
}

const EXAMPLES = `
Linux only. The process runs on: a page is copied as it is at the moment it is read. Pages that lie in swap are brought
back into memory by it. The file holds whatever the process has in memory, secrets included; only you may read it.

Examples:
  $ pagefold capture --pid 1234 -o mine.pages
  $ pagefold capture --pid $(pgrep -o firefox) -o firefox.pages.gz
      gzipped, since the name ends in .gz
  $ sudo pagefold capture --pid 1 --limit-pages 10000 --force -o init.pages

Exit codes: 0 done; 1 the process or the file is not to be had; 2 the command line is wrong; 130 interrupted.`;

async function capture(options: CaptureArguments & { context: CommandContext }): Promise<void> {
  const { context, pid, output, limitPages, force = false } = options;
  const result = await captureProcess(pid, {
    output,
    overwrite: force,
    signal: context.signal,
    onProgress: (lookedAt, mapped) =>
      context.progress.update("going over its memory ", lookedAt / mapped),
    ...(limitPages === undefined ? {} : { limitPages }),
  });
  context.progress.stop();
  const report = {
    schema: 1,
    command: "capture",
    options: { pid, output, force, limit_pages: limitPages ?? null },
    results: result,
    series: {},
  };
  context.print(
    options.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : renderCapture(result, { emphasis: context.emphasis }),
  );
}

/** Adds the command to the program. */
export function registerCapture(program: Command, context: CommandContext): void {
  program
    .command("capture")
    .summary("copy the anonymous pages of a running process to a file (Linux)")
    .description(
      "Copies the anonymous pages of a running process to a file of pages, without stopping it.",
    )
    .requiredOption(
      "--pid <pid>",
      "the process",
      wholeNumberOption("--pid", { min: 1, max: PID_MAX, what: "a process id" }),
    )
    .requiredOption("-o, --output <file>", "the file to write; gzipped if its name ends in .gz")
    .option("--force", "replace the file if it exists")
    .option(
      "--limit-pages <count>",
      "stop after that many pages",
      wholeNumberOption("--limit-pages", { min: 1, max: 2 ** 40, what: "a count of pages" }),
    )
    .option("--json", "print one JSON object instead of words")
    .addHelpText("after", EXAMPLES)
    .action((options: CaptureArguments) => capture({ ...options, context }));
}
