/**
 * The reply to a read: the bytes are read straight into the reply stream's block. In a structured reply, runs of pages
 * known to be zeros go out as holes, unless the client wants one piece (DF).
 *
 * Nothing of a reply is sent before all of it was read, so a read that fails is answered with an error alone.
 */

import { assert } from "../../base/assert.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import { COMMAND_FLAG, SIMPLE_REPLY_BYTES } from "../protocol.ts";
import type { Disk } from "./disk.ts";
import { DATA_HEAD_BYTES, markDone, putDataHead, putEmpty, putHole, putSimple } from "./replies.ts";
import type { ReplyStream } from "./reply-stream.ts";
import type { Request } from "./request.ts";

export class ReadReply {
  readonly #stream: ReplyStream;
  readonly #disk: Disk;
  readonly #isStructured: boolean;
  /** Of the reply being put together: its last chunk, and what must be waited for. */
  #lastChunk = 0;
  #waits: Promise<void>[] = [];

  constructor(stream: ReplyStream, disk: Disk, isStructured: boolean) {
    this.#stream = stream;
    this.#disk = disk;
    this.#isStructured = isStructured;
  }

  /**
   * Reads what the request asks for and replies; `isLast` tells whether the reply ends with it.
   * @returns nothing, or a promise that the reply will have been given.
   * @throws PagefoldError what the disk failed with; nothing was replied then.
   */
  put(request: Request, isLast: boolean): Promise<void> | undefined {
    const stream = this.#stream;
    const pages = Math.ceil(request.length / PAGE_BYTES) + 1;
    const start = stream.claim(request.length + (pages + 1) * 2 * DATA_HEAD_BYTES);
    const { block } = stream;
    let end: number;
    try {
      end = this.#isStructured
        ? this.#putChunks(request, block, start)
        : this.#putSimple(request, block, start);
    } catch (cause) {
      if (this.#waits.length === 0) {
        stream.commit(start);
        throw cause;
      }
      this.#waits.push(Promise.reject(cause));
      end = start;
    }
    if (isLast && this.#isStructured) markDone(block, this.#lastChunk);
    if (this.#waits.length === 0) {
      stream.commit(end);
      return undefined;
    }
    stream.detach();
    const waits = this.#waits;
    this.#waits = [];
    return Promise.all(waits).then(() => stream.push(block.subarray(start, end)));
  }

  /** A reply in one piece of any length: its bytes, and the part of them that the caller fills. */
  makeWhole(request: Request): { readonly reply: Buffer; readonly data: Buffer } {
    const head = this.#isStructured ? DATA_HEAD_BYTES : SIMPLE_REPLY_BYTES;
    const reply = Buffer.allocUnsafeSlow(head + request.length);
    if (this.#isStructured) {
      putDataHead(reply, 0, request, request);
      markDone(reply, 0);
    } else {
      putSimple(reply, 0, request, 0);
    }
    return { reply, data: reply.subarray(head) };
  }

  #putSimple(request: Request, block: Buffer, at: number): number {
    const start = putSimple(block, at, request, 0);
    return this.#putData(block, start, request);
  }

  #putChunks(request: Request, block: Buffer, at: number): number {
    const disk = this.#disk;
    const isWhole = (request.flags & COMMAND_FLAG.DF) !== 0 || disk.zeroRun === undefined;
    this.#lastChunk = at;
    if (request.length === 0) return putEmpty(block, at, request);
    const { offset, length } = request;
    let end = at;
    let done = 0;
    while (done < length) {
      this.#lastChunk = end;
      const from = offset + done;
      const zeros = isWhole ? 0 : (disk.zeroRun?.(from, length - done) ?? 0);
      if (zeros > 0) {
        end = putHole(block, end, request, { offset: from, length: zeros });
        done += zeros;
        continue;
      }
      const run = { offset: from, length: isWhole ? length : this.#dataRun(from, length - done) };
      end = this.#putData(block, putDataHead(block, end, request, run), run);
      done += run.length;
    }
    return end;
  }

  /** Bytes from `offset` on, at most `length`, up to the next page known to be zeros. */
  #dataRun(offset: number, length: number): number {
    let run = PAGE_BYTES - (offset % PAGE_BYTES);
    while (run < length && this.#disk.zeroRun?.(offset + run, 1) === 0) run += PAGE_BYTES;
    return Math.min(run, length);
  }

  #putData(
    block: Buffer,
    at: number,
    { offset, length }: { readonly offset: number; readonly length: number },
  ): number {
    if (length === 0) return at;
    const target = block.subarray(at, at + length);
    assert(target.length === length, "the claim holds the data");
    const wait = this.#disk.read(offset, target);
    if (wait !== undefined) this.#waits.push(wait);
    return at + length;
  }
}
