/**
 * Replies as the wire has them, written into a connection's reply stream: simple ones, and structured chunks where the
 * client asked for those.
 */

import type { Extent } from "../../device/extents.ts";
import {
  CHUNK_HEAD_BYTES,
  type NbdError,
  REPLY_FLAG_DONE,
  REPLY_TYPE,
  SIMPLE_REPLY_BYTES,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from "../protocol.ts";
import { wireMessage } from "./errno.ts";
import type { ReplyStream } from "./reply-stream.ts";
import type { Cookie } from "./request.ts";

/** Bytes of a data chunk's head, its offset included. */
export const DATA_HEAD_BYTES = CHUNK_HEAD_BYTES + 8;

/** Writes a simple reply; gives where it ends. */
export function putSimple(target: Buffer, at: number, cookie: Cookie, error: number): number {
  target.writeUInt32BE(SIMPLE_REPLY_MAGIC, at);
  target.writeUInt32BE(error, at + 4);
  target.writeUInt32BE(cookie.cookieHigh, at + 8);
  target.writeUInt32BE(cookie.cookieLow, at + 12);
  return at + SIMPLE_REPLY_BYTES;
}

function putOffset(target: Buffer, at: number, offset: number): number {
  target.writeUInt32BE(Math.floor(offset / 2 ** 32), at);
  target.writeUInt32BE(offset % 2 ** 32, at + 4);
  return at + 8;
}

/** Writes a chunk's head, flags 0; gives where it ends. */
function putChunk(target: Buffer, at: number, cookie: Cookie, type: number): number {
  target.writeUInt32BE(STRUCTURED_REPLY_MAGIC, at);
  target.writeUInt16BE(0, at + 4);
  target.writeUInt16BE(type, at + 6);
  target.writeUInt32BE(cookie.cookieHigh, at + 8);
  target.writeUInt32BE(cookie.cookieLow, at + 12);
  return at + CHUNK_HEAD_BYTES;
}

/** Writes the length of the chunk that began at `at` and ends, all of it, at `end`. */
function putChunkLength(target: Buffer, at: number, end: number): void {
  target.writeUInt32BE(end - at - CHUNK_HEAD_BYTES, at + 16);
}

/** Says of the chunk that begins at `at` that it is the reply's last. */
export function markDone(target: Buffer, at: number): void {
  target.writeUInt16BE(REPLY_FLAG_DONE, at + 4);
}

/** Writes the chunk that says no more than that the reply is done; gives where it ends. */
export function putEmpty(target: Buffer, at: number, cookie: Cookie): number {
  const end = putChunk(target, at, cookie, REPLY_TYPE.NONE);
  putChunkLength(target, at, end);
  return end;
}

/** Writes the head of a data chunk for `length` bytes that the caller puts behind it; gives where they begin. */
export function putDataHead(
  target: Buffer,
  at: number,
  cookie: Cookie,
  data: { readonly offset: number; readonly length: number },
): number {
  const start = putOffset(
    target,
    putChunk(target, at, cookie, REPLY_TYPE.OFFSET_DATA),
    data.offset,
  );
  putChunkLength(target, at, start + data.length);
  return start;
}

/** Writes a hole chunk; gives where it ends. */
export function putHole(
  target: Buffer,
  at: number,
  cookie: Cookie,
  hole: { readonly offset: number; readonly length: number },
): number {
  const end = putOffset(target, putChunk(target, at, cookie, REPLY_TYPE.OFFSET_HOLE), hole.offset);
  target.writeUInt32BE(hole.length, end);
  putChunkLength(target, at, end + 4);
  return end + 4;
}

/** The answers of one connection. */
export class Replies {
  readonly #stream: ReplyStream;
  readonly #isStructured: boolean;

  constructor(stream: ReplyStream, isStructured: boolean) {
    this.#stream = stream;
    this.#isStructured = isStructured;
  }

  /** Says that a request other than READ and BLOCK_STATUS is done; a simple reply always serves for that. */
  done(cookie: Cookie): void {
    const at = this.#stream.claim(SIMPLE_REPLY_BYTES);
    this.#stream.commit(putSimple(this.#stream.block, at, cookie, 0));
  }

  /** Says that a request failed and, in a structured reply, why. */
  error(cookie: Cookie, error: NbdError, message: string): void {
    const stream = this.#stream;
    if (!this.#isStructured) {
      const at = stream.claim(SIMPLE_REPLY_BYTES);
      stream.commit(putSimple(stream.block, at, cookie, error));
      return;
    }
    const text = wireMessage(message);
    const at = stream.claim(CHUNK_HEAD_BYTES + 6 + text.length);
    const { block } = stream;
    let end = putChunk(block, at, cookie, REPLY_TYPE.ERROR);
    end = block.writeUInt32BE(error, end);
    end = block.writeUInt16BE(text.length, end);
    end += text.copy(block, end);
    putChunkLength(block, at, end);
    markDone(block, at);
    stream.commit(end);
  }

  /** One context's answer to BLOCK_STATUS. */
  blockStatus(
    cookie: Cookie,
    contextId: number,
    answer: { readonly extents: readonly Extent[]; readonly isLast: boolean },
  ): void {
    const stream = this.#stream;
    const { extents, isLast } = answer;
    const at = stream.claim(CHUNK_HEAD_BYTES + 4 + 8 * extents.length);
    const { block } = stream;
    let end = putChunk(block, at, cookie, REPLY_TYPE.BLOCK_STATUS);
    end = block.writeUInt32BE(contextId, end);
    for (const { length, state } of extents) {
      end = block.writeUInt32BE(length, end);
      end = block.writeUInt32BE(state, end);
    }
    putChunkLength(block, at, end);
    if (isLast) markDone(block, at);
    stream.commit(end);
  }
}
