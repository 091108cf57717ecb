/**
 * A corpus of real pages as a load, through our client: each connection is a process (client-process.ts) with a part of
 * the disk to itself. Everything that is read is compared with what was written.
 */

import { type ChildProcess, fork } from "node:child_process";
import { createHash, type Hash } from "node:crypto";
import { PAGE_BYTES } from "../../src/base/units.ts";
import type { Answers, ClientRequest } from "./client-process.ts";
import type { Cell, Load, Sample } from "./load.ts";
import type { Pass } from "./passes.ts";
import { askProcess, type Processes } from "./processes.ts";

const CLIENT = new URL("./client-process.ts", import.meta.url);
const FILL: Cell = { requestBytes: PAGE_BYTES, connections: 1, depth: 16 };

export class CorpusLoad implements Load {
  readonly name: string;
  readonly sizeBytes: number;
  readonly #processes: Processes;
  readonly #clients: readonly ChildProcess[];
  /** Of what each server has given back, by its URI. */
  readonly #readBack = new Map<string, Hash>();

  /** At most `connections` clients work at once on `pages` pages. */
  constructor(options: {
    corpus: string;
    pages: number;
    connections: number;
    processes: Processes;
  }) {
    const { corpus, pages, connections, processes } = options;
    this.name = corpus;
    this.sizeBytes = pages * PAGE_BYTES;
    this.#processes = processes;
    this.#clients = Array.from({ length: connections }, () => {
      const client = fork(CLIENT, [corpus, String(pages)], { execArgv: ["--import", "tsx"] });
      processes.add(client);
      return client;
    });
  }

  async prepare(uri: string): Promise<void> {
    this.#readBack.set(uri, createHash("sha256"));
    await this.measure(uri, FILL);
  }

  async renew(): Promise<void> {
    await Promise.all(this.#clients.map((client) => ask(client, { command: "renew" })));
  }

  async measure(uri: string, cell: Cell): Promise<Sample> {
    const clients = this.#clients.slice(0, cell.connections);
    const all = <Request extends ClientRequest>(
      request: (part: number) => Request,
    ): Promise<Answers[Request["command"]][]> =>
      Promise.all(clients.map((client, part) => ask(client, request(part))));
    await all((part) => ({ command: "open", uri, cell, part }));
    const written = await all(() => ({ command: "write" }));
    const read = await all(() => ({ command: "read" }));
    for (const hash of await all(() => ({ command: "close" })))
      this.#readBack.get(uri)!.update(hash);
    return { write: figureOf(written, cell), read: figureOf(read, cell) };
  }

  async close(): Promise<string> {
    for (const client of this.#clients) await this.#processes.stop(client);
    const hashes = [...this.#readBack.values()].map((hash) => hash.digest("hex").slice(0, 16));
    if (new Set(hashes).size !== 1)
      throw new Error(`the servers gave back different bytes: ${hashes.join(", ")}`);
    return hashes[0]!;
  }
}

function figureOf(passes: readonly Pass[], { depth }: Cell): number {
  if (depth === 1) return Math.max(...passes.map(({ p99Us }) => p99Us));
  const requests = passes.reduce((sum, pass) => sum + pass.requests, 0);
  return requests / Math.max(...passes.map(({ seconds }) => seconds));
}

function ask<Request extends ClientRequest>(
  client: ChildProcess,
  request: Request,
): Promise<Answers[Request["command"]]> {
  return askProcess(client, request);
}
