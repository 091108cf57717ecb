/**
 * How every command runs: its result on standard output, words on standard error, and what the exit code says: 0 done,
 * 1 the work failed, 2 the command line is wrong, 128 + n ended by signal n (130 for ^C).
 *
 * Holds always: a PagefoldError is one line without a stack; a reader that closes standard output early (`| head`) ends
 * the program quietly; on the first ^C the command cleans up (its signal aborts), a second one does not wait.
 */

import { constants } from "node:os";
import { type Command, CommanderError } from "commander";
import { systemClock } from "../base/clock.ts";
import { type ErrorCode, PagefoldError } from "../base/errors.ts";
import { printable } from "../base/text.ts";
import { createProgress, type Progress } from "../report/progress.ts";
import { type Emphasis, emphasisFor } from "../report/terminal.ts";

/** What a command gets from its surroundings. */
export interface CommandContext {
  /** Aborts when the user interrupts: stop, clean up, throw. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** For text on standard output. */
  readonly emphasis: Emphasis;
  /** Writes a result to standard output. */
  print(text: string): void;
  /** Writes a line to standard error. */
  note(line: string): void;
}

/** Codes that say the command line asks for what cannot be; all others say the work failed. */
const USAGE_CODES: ReadonlySet<ErrorCode> = new Set([
  "INVALID_ARGUMENT",
  "OUT_OF_RANGE",
  "NAME_TOO_LONG",
  "UNKNOWN_CODEC",
]);

/** How to end the program on these signals. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function oneLine(text: string): string {
  return printable(text.trim().replaceAll(/\s*\n\s*/g, " "));
}

/** Commander's refusal in our words, with the help that explains it. */
function usageMessage(error: CommanderError, options: { program: Command; argv: string[] }) {
  const { program, argv } = options;
  const names = program.commands.map((command) => command.name());
  const named = argv.slice(2).find((word) => names.includes(word));
  const reason = oneLine(error.message).replace(/^error: /, "");
  return `${reason}; see ${[program.name(), named, "--help"].filter(Boolean).join(" ")}`;
}

/** The exit code for what a command threw; what it says goes to `note`. */
function exitCodeFor(cause: unknown, options: { program: Command; argv: string[] }): number {
  const note = (text: string) => process.stderr.write(`pagefold: ${oneLine(text)}\n`);
  if (cause instanceof CommanderError) {
    if (cause.exitCode === 0) return 0;
    if (cause.code !== "commander.help") note(usageMessage(cause, options));
    return 2;
  }
  if (cause instanceof PagefoldError) {
    note(cause.message);
    return USAGE_CODES.has(cause.code) ? 2 : 1;
  }
  const stack = cause instanceof Error ? cause.stack : undefined;
  process.stderr.write(`pagefold: unexpected error, please report it\n${stack ?? cause}\n`);
  return 1;
}

/** Runs the program `build` makes and sets the process's exit code. */
export async function run(
  build: (context: CommandContext) => Command | Promise<Command>,
  argv: string[],
): Promise<void> {
  const interrupt = new AbortController();
  let signalExitCode: number | undefined;
  const onSignal = (name: NodeJS.Signals) => {
    if (signalExitCode !== undefined) process.exit(signalExitCode);
    signalExitCode = 128 + constants.signals[name];
    interrupt.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  process.stdout.on("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code === "EPIPE") process.exit(0);
    process.stderr.write(`pagefold: standard output cannot be written: ${cause.message}\n`);
    process.exit(1);
  });
  // Words that nobody reads any more are no reason to end: a server goes on.
  process.stderr.on("error", (cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EPIPE") throw cause;
  });
  const progress = createProgress(process.stderr, { clock: systemClock });
  const program = await build({
    signal: interrupt.signal,
    progress,
    emphasis: emphasisFor(process.stdout, process.env),
    print: (text) => process.stdout.write(text),
    note: (line) => process.stderr.write(`${line}\n`),
  });
  try {
    await program.parseAsync(argv);
    progress.stop();
  } catch (cause) {
    progress.stop();
    if (interrupt.signal.aborted) process.exit(signalExitCode);
    process.exitCode = exitCodeFor(cause, { program, argv });
  }
  for (const name of SIGNALS) process.off(name, onSignal);
}
