/** Replies that leave a connection together, and those whose bytes are filled in later. */

import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { ReplyStream } from "../../../src/nbd/server/reply-stream.ts";
import { testSeed } from "../../support/seed.ts";

const seed = testSeed("reply stream");
const KIB = 1024;

/** A socket that notes what was written to it, when the system would have taken it: as late as the test says. */
class SlowSocket extends Writable {
  readonly taken: Buffer[] = [];
  #waiting: { readonly bytes: Buffer; readonly done: () => void } | null = null;

  override _write(bytes: Buffer, _: BufferEncoding, done: () => void): void {
    this.#waiting = { bytes, done };
  }

  /** Takes what waits, if anything does. */
  take(): boolean {
    const waiting = this.#waiting;
    if (waiting === null) return false;
    this.#waiting = null;
    this.taken.push(Buffer.from(waiting.bytes));
    waiting.done();
    return true;
  }
}

async function turn(): Promise<void> {
  await new Promise<void>((resume) => setImmediate(resume));
}

describe("ReplyStream", () => {
  it("keeps small replies that wait in one block", () => {
    const stream = new ReplyStream(new SlowSocket(), () => {});
    const blocks = new Set<ArrayBufferLike>();
    for (let reply = 0; reply < 60; reply++) {
      stream.claim(4216);
      blocks.add(stream.block.buffer);
      stream.detach();
    }
    expect(blocks.size).toBe(1);
  });

  it("sends every reply once and whole, in the order in which they are done", async () => {
    const random = new SeededRandom(seed);
    const socket = new SlowSocket();
    const stream = new ReplyStream(socket, () => {});
    const expected: Buffer[] = [];
    const waiting: Buffer[] = [];
    const fill = (target: Buffer) => {
      target.fill(random.below(256));
      target.writeUInt32BE(expected.length);
      expected.push(Buffer.from(target));
    };
    for (let step = 0; step < 4000; step++) {
      const length = 4 + random.below(random.below(20) === 0 ? 300 * KIB : 6 * KIB);
      const kind = random.below(8);
      if (kind < 3) {
        const at = stream.claim(length + 40);
        fill(stream.block.subarray(at, at + length));
        stream.commit(at + length);
      } else if (kind < 6 && waiting.length < 64) {
        const at = stream.claim(length + 40);
        const own = stream.block.subarray(at, at + length);
        stream.detach();
        waiting.push(own);
      } else if (kind === 6) {
        stream.flush();
        if (random.below(2) === 0) while (socket.take()) await turn();
      } else {
        stream.commit(stream.claim(length));
      }
      if (waiting.length === 64 || (waiting.length > 0 && random.below(3) === 0)) {
        const [own] = waiting.splice(random.below(waiting.length), 1);
        fill(own!);
        stream.push(own!);
      }
    }
    stream.end();
    while (socket.take()) await turn();
    expect(Buffer.compare(Buffer.concat(socket.taken), Buffer.concat(expected))).toBe(0);
    expect(stream.pendingBytes).toBe(0);
  });
});
