/**
 * A process with our client, told by its parent what to do: read a disk of corpus pages or write it anew, each page
 * once, and compare. A failure ends the process.
 */

import { createHash } from "node:crypto";
import { stopwatchClock } from "../../src/base/clock.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { NbdClient } from "../../src/nbd/client/client.ts";
import { StampedPages } from "../corpus.ts";
import { makePass, shuffled } from "../nbd/passes.ts";

export interface Asked {
  readonly uri: string;
  readonly depth: number;
  /** In random order, or one page after the other. */
  readonly isRandom: boolean;
}

export type CacheRequest =
  /** What is written from now on is new to every server. */
  { readonly command: "renew" } | ({ readonly command: "read" | "write" } & Asked);

export interface CacheAnswer {
  /** Each was one request. */
  readonly pages: number;
  /** Of all requests; 0 for `renew`. */
  readonly seconds: number;
  /** Of the flush behind the writes; 0 for others. */
  readonly flushSeconds: number;
  /** The SHA-256 of what was read back; empty for `renew`. */
  readonly hash: string;
}

const [corpus = "", count = ""] = process.argv.slice(2);
const source = new StampedPages(corpus, Number(count));
const target = new Uint8Array(source.bytes.length);
const pageOf = (bytes: Uint8Array, index: number): Uint8Array =>
  bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);

async function pass(
  { depth, isRandom }: Asked,
  request: (index: number) => Promise<void>,
): Promise<number> {
  const order = isRandom ? shuffled(source.count) : null;
  const requests = source.count;
  return (await makePass({ requests, depth }, (at) => request(order?.[at] ?? at))).seconds;
}

async function read(client: NbdClient, asked: Asked): Promise<number> {
  target.fill(0);
  const seconds = await pass(asked, (index) =>
    client.read(index * PAGE_BYTES, pageOf(target, index)),
  );
  if (Buffer.compare(target, source.bytes) !== 0)
    throw new Error("what was read back is not what was written");
  return seconds;
}

async function answer(request: CacheRequest): Promise<CacheAnswer> {
  if (request.command === "renew") {
    source.restamp();
    return { pages: source.count, seconds: 0, flushSeconds: 0, hash: "" };
  }
  const client = await NbdClient.connect(request.uri);
  let seconds: number;
  let flushSeconds = 0;
  if (request.command === "read") {
    seconds = await read(client, request);
  } else {
    seconds = await pass(request, (index) =>
      client.write(index * PAGE_BYTES, pageOf(source.bytes, index)),
    );
    const start = stopwatchClock.seconds();
    await client.flush();
    flushSeconds = stopwatchClock.seconds() - start;
    await read(client, { ...request, depth: 16 });
  }
  await client.disconnect();
  const hash = createHash("sha256").update(target).digest("hex");
  return { pages: source.count, seconds, flushSeconds, hash };
}

process.on("message", async (request: CacheRequest) => {
  process.send!(await answer(request));
});
process.once("disconnect", () => process.exit());
