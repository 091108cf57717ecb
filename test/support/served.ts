/**
 * `pagefold serve` as users start it, in a process and a folder of its own. Holds always: when the test, or the hook,
 * that started one is over, its process has ended and its folder is gone, also after a failure or an interrupt.
 */

import type { ChildProcess, SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { askServer, type ControlRequest, controlPathOf } from "../../src/nbd/control.ts";
import type { ServerStatus } from "../../src/report/result.ts";
import { type Finished, finished, start } from "../cli/pagefold.ts";

/** Beyond that, a process that was told to end is killed. */
const END_TIMEOUT_MS = 20_000;

/** What is to be undone, at the latest when this process ends. */
const duties = new Set<() => void>();

function undoAll(): void {
  for (const duty of duties) duty();
  duties.clear();
}

process.on("exit", undoAll);
process.on("disconnect", undoAll);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    undoAll();
    process.exit(1);
  });
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

/** Sees to it that `child` does not outlive this process; `end` waits until it has ended. */
export function keep(child: ChildProcess): { end(signal?: NodeJS.Signals): Promise<void> } {
  const kill = () => {
    if (isRunning(child)) child.kill("SIGKILL");
  };
  duties.add(kill);
  child.once("exit", () => duties.delete(kill));
  return {
    async end(signal = "SIGTERM") {
      if (!isRunning(child)) return;
      const ended = once(child, "exit");
      child.kill(signal);
      const timer = setTimeout(kill, END_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

export interface Scratch {
  readonly folder: string;
  remove(): void;
}

/** A folder; its path is short, as a socket's has to be. */
export function makeScratch(): Scratch {
  const folder = mkdtempSync(join(tmpdir(), "pagefold-served-"));
  const duty = () => rmSync(folder, { recursive: true, force: true });
  duties.add(duty);
  return {
    folder,
    remove: () => {
      duties.delete(duty);
      duty();
    },
  };
}

/** A folder that is gone when the test is. */
export function scratchOfTest(): string {
  const { folder, remove } = makeScratch();
  onTestFinished(remove);
  return folder;
}

type Arguments = readonly string[] | ((folder: string) => readonly string[]);

export interface ServeOptions {
  /** Where it listens: unless the arguments say so themselves, at `socket` in its folder. */
  readonly at?: "socket" | "arguments";
  readonly spawn?: SpawnOptions;
  /** Starts another program, which becomes the server. */
  readonly launch?: (args: readonly string[], options: SpawnOptions) => ChildProcess;
}

export class Served {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  readonly #undo: () => Promise<void>;
  #stdout = "";
  #stderr = "";

  constructor(child: ChildProcess, scratch: Scratch) {
    this.folder = scratch.folder;
    this.child = child;
    const { end } = keep(child);
    this.finished = finished(child);
    child.stdout?.on("data", (text: string) => {
      this.#stdout += text;
    });
    child.stderr?.on("data", (text: string) => {
      this.#stderr += text;
    });
    this.#undo = async () => {
      await end();
      scratch.remove();
    };
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Of the first export, as `ready` told it. */
  get uri(): string {
    return /^ready (.*)$/m.exec(this.#stdout + this.#stderr)?.[1] ?? "";
  }

  /** The URI of an export, with libnbd's further parameters. */
  uriOf(exportName: string): string {
    return this.uri.replace(/\/[^/?]*(\?|$)/, `/${encodeURIComponent(exportName)}$1`);
  }

  get socketPath(): string {
    return join(this.folder, "socket");
  }

  get port(): number {
    return Number(/:(\d+)\//.exec(this.uri)?.[1]);
  }

  /** Asks it over its control socket, as `pagefold ctl` does. */
  control(request: ControlRequest): Promise<unknown> {
    return askServer(controlPathOf(this.socketPath), request);
  }

  status(): Promise<ServerStatus> {
    return this.control({ command: "stat" }) as Promise<ServerStatus>;
  }

  /** Waits until `look` finds something; it may look at what was said so far. */
  async until<Found>(look: () => Found | null | Promise<Found | null>): Promise<Found> {
    for (;;) {
      const found = await look();
      if (found !== null) return found;
      if (!isRunning(this.child)) {
        throw new Error(`it ended first, and said: ${this.#stdout}${this.#stderr}`);
      }
      await wait(5);
    }
  }

  /** Waits until it says so on standard output or error. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return this.until(() => pattern.exec(this.#stdout + this.#stderr));
  }

  /** Tells it to end, and waits for what it says last. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<Finished> {
    this.child.kill(signal);
    return this.finished;
  }

  /** Ends it and removes its folder; as often as one likes. */
  async stop(): Promise<void> {
    await this.#undo();
  }
}

/** Starts a server and does not wait; whoever calls sees to `stop`. */
export function launchServed(args: Arguments, options: ServeOptions = {}): Served {
  const scratch = makeScratch();
  const given = typeof args === "function" ? args(scratch.folder) : args;
  const place = options.at === "arguments" ? [] : ["--socket", join(scratch.folder, "socket")];
  const { launch = start } = options;
  const child = launch(["serve", ...place, ...given], {
    ...options.spawn,
    // Sockets nobody names are its own too.
    env: { ...process.env, XDG_RUNTIME_DIR: scratch.folder, ...options.spawn?.env },
  });
  return new Served(child, scratch);
}

/** A server that is ready, stopped when the test is over. */
export async function serve(args: Arguments, options: ServeOptions = {}): Promise<Served> {
  const served = launchServed(args, options);
  onTestFinished(() => served.stop());
  await served.says(/^ready .*$/m);
  return served;
}

/** A server for several tests; the hook that starts it has to stop it. */
export async function serveForAll(args: Arguments, options: ServeOptions = {}): Promise<Served> {
  const served = launchServed(args, options);
  try {
    await served.says(/^ready .*$/m);
  } catch (cause) {
    await served.stop();
    throw cause;
  }
  return served;
}

/** What a server that should not start says; one that does start is stopped. */
export async function serveInVain(args: Arguments, options: ServeOptions = {}): Promise<Finished> {
  const served = launchServed(args, options);
  onTestFinished(() => served.stop());
  await Promise.race([served.finished, served.says(/^ready .*$/m).catch(() => {})]);
  if (served.uri !== "") throw new Error(`it started: ${served.stdout}${served.stderr}`);
  return served.finished;
}
