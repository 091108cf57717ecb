/**
 * A process with one connection of our client, told by its parent what to do: write its part of a corpus in order, read
 * it back in random order, compare. A failure ends the process.
 */

import { createHash } from "node:crypto";
import { NbdClient } from "../../src/nbd/client/client.ts";
import { StampedPages } from "../corpus.ts";
import type { Cell } from "./load.ts";
import { makePass, type Pass, shuffled } from "./passes.ts";

/** What each command answers. */
export interface Answers {
  /** All processes stamp alike, so that their parts stay distinct. */
  readonly renew: null;
  readonly open: null;
  readonly write: Pass;
  readonly read: Pass;
  /** The hash of what was read. */
  readonly close: string;
}

export type ClientRequest =
  | { readonly command: "open"; readonly uri: string; readonly cell: Cell; readonly part: number }
  | { readonly command: "renew" | "write" | "read" | "close" };

/** Requests made where one waits for the other: enough for a 99th percentile, and over in a second. */
const MOST_REQUESTS_ALONE = 8192;

class Work {
  readonly #client: NbdClient;
  readonly #depth: number;
  readonly #requestBytes: number;
  /** Of this part: where on the disk it begins, what is written, and where it is read to. */
  readonly #start: number;
  readonly #source: Uint8Array;
  readonly #target: Uint8Array;

  private constructor(
    client: NbdClient,
    options: { cell: Cell; part: number; source: Uint8Array; target: Uint8Array },
  ) {
    const { cell, part, source, target } = options;
    this.#client = client;
    this.#depth = cell.depth;
    this.#requestBytes = cell.requestBytes;
    const share = source.length / cell.connections;
    const length = cell.depth === 1 ? MOST_REQUESTS_ALONE * cell.requestBytes : share;
    this.#start = part * share;
    this.#source = source.subarray(this.#start, this.#start + Math.min(length, share));
    this.#target = target.subarray(0, this.#source.length).fill(0);
  }

  static async open(
    uri: string,
    options: { cell: Cell; part: number; source: Uint8Array; target: Uint8Array },
  ): Promise<Work> {
    return new Work(await NbdClient.connect(uri), options);
  }

  write(): Promise<Pass> {
    return this.#pass(
      (index) => index,
      (at, end) => this.#client.write(this.#start + at, this.#source.subarray(at, end)),
    );
  }

  read(): Promise<Pass> {
    const order = shuffled(this.#source.length / this.#requestBytes);
    return this.#pass(
      (index) => order[index]!,
      (at, end) => this.#client.read(this.#start + at, this.#target.subarray(at, end)),
    );
  }

  /** Makes every request once, `place` says which comes when. */
  /** Makes every request once, `place` says which comes when. */
  #pass(
    place: (index: number) => number,
    request: (at: number, end: number) => Promise<void>,
  ): Promise<Pass> {
    const requests = this.#source.length / this.#requestBytes;
    return makePass({ requests, depth: this.#depth }, (index) => {
      const at = place(index) * this.#requestBytes;
      return request(at, at + this.#requestBytes);
    });
  }

  async close(): Promise<string> {
    await this.#client.disconnect();
    if (Buffer.compare(this.#target, this.#source) !== 0)
      throw new Error("what was read back is not what was written");
    return createHash("sha256").update(this.#target).digest("hex");
  }
}

const [corpus = "", count = ""] = process.argv.slice(2);
const pages = new StampedPages(corpus, Number(count));
const target = new Uint8Array(pages.bytes.length);
let work: Work;

async function answer(request: ClientRequest): Promise<Answers[ClientRequest["command"]]> {
  switch (request.command) {
    case "renew":
      pages.restamp();
      return null;
    case "open":
      work = await Work.open(request.uri, { ...request, source: pages.bytes, target });
      return null;
    case "write":
      return work.write();
    case "read":
      return work.read();
    case "close":
      return work.close();
  }
}

process.on("message", async (request: ClientRequest) => {
  process.send!(await answer(request));
});
process.once("disconnect", () => process.exit());
