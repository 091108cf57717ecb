/** The parent's side of client-process.ts. */

import { type ChildProcess, fork } from "node:child_process";
import { askProcess, type Processes } from "../nbd/processes.ts";
import type { CacheAnswer, CacheRequest } from "./client-process.ts";

const CLIENT = new URL("./client-process.ts", import.meta.url);

export class CorpusClient {
  readonly #processes: Processes;
  readonly #child: ChildProcess;

  /** For `pages` pages of the corpus, stamped as StampedPages stamps them at first. */
  constructor(options: { corpus: string; pages: number; processes: Processes }) {
    const { corpus, pages, processes } = options;
    this.#processes = processes;
    this.#child = fork(CLIENT, [corpus, String(pages)], { execArgv: ["--import", "tsx"] });
    processes.add(this.#child);
  }

  ask(request: CacheRequest): Promise<CacheAnswer> {
    return askProcess(this.#child, request);
  }

  stop(): Promise<void> {
    return this.#processes.stop(this.#child);
  }
}
