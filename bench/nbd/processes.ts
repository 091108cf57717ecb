/**
 * Every process a run starts, and the private folder of their sockets: however the run ends, each process is stopped by
 * its own id and the folder goes.
 */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

/** A folder in memory, where there is one. */
export const MEMORY_FOLDER = "/dev/shm";

export function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

export class Processes {
  readonly folder: string;
  readonly #running = new Set<ChildProcess>();

  constructor() {
    const parent = existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir();
    this.folder = mkdtempSync(join(parent, "pagefold-bench-"));
    process.once("exit", () => {
      for (const child of this.#running) child.kill();
      rmSync(this.folder, { recursive: true, force: true });
    });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => process.exit(128 + constants.signals[signal]));
    }
  }

  add(child: ChildProcess): void {
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
  }

  async stop(child: ChildProcess): Promise<void> {
    if (!isRunning(child)) return;
    const ended = once(child, "exit");
    child.kill();
    await ended;
  }
}

/** The answer of a process that answers every message with one, as whoever asks knows it. */
export function askProcess<Answer>(child: ChildProcess, request: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error("a client process has ended; it says above why"));
    child.once("exit", onExit);
    child.once("message", (answer) => {
      child.off("exit", onExit);
      resolve(answer as Answer);
    });
    child.send(request);
  });
}
