/** `pagefold stat`: the statistics of a running server, once or again and again. */

import { setTimeout as wait } from "node:timers/promises";
import type { Command } from "commander";
import { askServer } from "../nbd/control.ts";
import type { ServerStatus } from "../report/result.ts";
import { renderStatus } from "../report/status.ts";
import type { CommandContext } from "./run.ts";
import { addServerOptions, controlPathOfServer, type ServerArguments } from "./server-option.ts";

interface StatArguments extends ServerArguments {
  readonly watch?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ pagefold stat
      the server at the default socket
  $ pagefold stat --port 10809 --watch
      the server that listens at that port, every second, until ^C
  $ pagefold stat --json | jq .results.ratios.everything

Exit codes: 0 done; 1 no server there; 2 the command line is wrong; 130 interrupted.`;

const WATCH_MS = 1000;
/** Cursor to the top left, everything below it cleared. */
const CLEAR = "\u001b[H\u001b[2J";

async function show(options: StatArguments, context: CommandContext): Promise<void> {
  const path = controlPathOfServer(options);
  const status = (await askServer(path, { command: "stat" })) as ServerStatus;
  if (options.json) {
    const report = {
      schema: 1,
      command: "stat",
      options: { control: path },
      results: status,
      series: {},
    };
    // One object a line while watching, for programs that read along.
    context.print(`${JSON.stringify(report, null, options.watch ? undefined : 2)}\n`);
    return;
  }
  const text = renderStatus(status, { emphasis: context.emphasis, title: "pagefold serve" });
  context.print(options.watch && process.stdout.isTTY ? CLEAR + text : text);
}

async function stat(options: StatArguments, context: CommandContext): Promise<void> {
  await show(options, context);
  while (options.watch) {
    await wait(WATCH_MS, undefined, { signal: context.signal });
    await show(options, context);
  }
}

/** Adds the command to the program. */
export function registerStat(program: Command, context: CommandContext): void {
  const command = program
    .command("stat")
    .summary("show the statistics of a running server")
    .description("Shows the statistics of a running `pagefold serve`, in zram's words.");
  addServerOptions(command)
    .option("--watch", "show them every second until ^C")
    .option("--json", "print one JSON object instead of tables; with --watch one a line")
    .addHelpText("after", EXAMPLES)
    .action((options: StatArguments) => stat(options, context));
}
