/**
 * The replies to requests in flight, parsed as their bytes come in pieces of any size. What lies whole in a piece is
 * read where it lies; only what a piece cuts in two is put together elsewhere. Data goes straight to where the reader
 * wants it. Nothing is believed: a reply that fits no request, or not the one it names, is a PagefoldError PROTOCOL.
 */

import {
  CHUNK_HEAD_BYTES,
  COMMAND,
  MOST_EXTENTS,
  MOST_STRING_BYTES,
  NBD_ERROR,
  REPLY_FLAG_DONE,
  REPLY_TYPE,
  SIMPLE_REPLY_BYTES,
  SIMPLE_REPLY_MAGIC,
  STRUCTURED_REPLY_MAGIC,
} from "../protocol.ts";
import { protocolError } from "./errors.ts";
import type { Request, ToldError } from "./request.ts";

/** What the next bytes are. */
const STEP = { HEAD: 0, LENGTH: 1, OFFSET: 2, BODY: 3 } as const;
type Step = (typeof STEP)[keyof typeof STEP];

/** The longest an error chunk is by the specification: error, length, message, offset. */
const MOST_ERROR_BYTES = 4 + 2 + MOST_STRING_BYTES + 8;
const MOST_STATUS_BYTES = 4 + 8 * MOST_EXTENTS;
const IS_ERROR = 0x8000;

export class ReplyReader {
  readonly #isStructured: boolean;
  readonly #contextNames: ReadonlyMap<number, string>;
  readonly #inFlight: (Request | undefined)[] = [];
  readonly #free: number[] = [];
  #sequence = 0;
  /** Whether a reply said that the server is ending. */
  hasShutdown = false;

  #step: Step = STEP.HEAD;
  /** Bytes the step needs, and those it has so far where a piece ended within. */
  #wanted = SIMPLE_REPLY_BYTES;
  #cut = Buffer.alloc(64);
  #cutBytes = 0;
  /** Of the reply being read. */
  #request!: Request;
  #flags = 0;
  #type = 0;
  #length = 0;
  /** Data that is still to come, and where in the request's target it goes. */
  #dataLeft = 0;
  #dataAt = 0;

  constructor(isStructured: boolean, contextNames: ReadonlyMap<number, string>) {
    this.#isStructured = isStructured;
    this.#contextNames = contextNames;
  }

  /** Requests that wait for a reply. */
  get count(): number {
    return this.#inFlight.length - this.#free.length;
  }

  /** Gives a request its cookie and waits for its replies. */
  expect(request: Request): void {
    this.#sequence = (this.#sequence + 1) >>> 0;
    request.sequence = this.#sequence;
    request.index = this.#free.pop() ?? this.#inFlight.length;
    this.#inFlight[request.index] = request;
  }

  /** Ends all that wait. */
  rejectAll(error: Error): void {
    for (const request of this.#inFlight) request?.reject(error);
    this.#inFlight.length = 0;
    this.#free.length = 0;
  }

  /** Takes the first `length` of `bytes`. @throws PagefoldError PROTOCOL, after which no more may follow. */
  consume(bytes: Buffer, length: number): void {
    let at = 0;
    while (at < length) {
      if (this.#dataLeft > 0) {
        const part = Math.min(this.#dataLeft, length - at);
        bytes.copy(this.#request.target!, this.#dataAt, at, at + part);
        at += part;
        this.#dataAt += part;
        this.#dataLeft -= part;
        if (this.#dataLeft === 0) this.#endChunk();
      } else if (this.#cutBytes === 0 && length - at >= this.#wanted) {
        const taken = this.#wanted;
        this.#take(bytes, at);
        at += taken;
      } else {
        const part = Math.min(this.#wanted - this.#cutBytes, length - at);
        if (this.#wanted > this.#cut.length) this.#cut = Buffer.alloc(this.#wanted);
        bytes.copy(this.#cut, this.#cutBytes, at, at + part);
        at += part;
        this.#cutBytes += part;
        if (this.#cutBytes === this.#wanted) {
          this.#cutBytes = 0;
          this.#take(this.#cut, 0);
        }
      }
    }
  }

  #want(step: Step, wanted: number): void {
    this.#step = step;
    this.#wanted = wanted;
  }

  #take(bytes: Buffer, at: number): void {
    if (this.#step === STEP.HEAD) this.#takeHead(bytes, at);
    else if (this.#step === STEP.LENGTH) this.#takeLength(bytes.readUInt32BE(at));
    else if (this.#step === STEP.OFFSET) this.#expectData(offsetAt(bytes, at), this.#length - 8);
    else this.#takeBody(bytes.subarray(at, at + this.#wanted));
  }

  #takeHead(bytes: Buffer, at: number): void {
    const magic = bytes.readUInt32BE(at);
    const request = this.#inFlight[bytes.readUInt32BE(at + 12)];
    if (magic !== SIMPLE_REPLY_MAGIC && !(magic === STRUCTURED_REPLY_MAGIC && this.#isStructured)) {
      throw protocolError(`a reply begins with 0x${magic.toString(16)}`);
    }
    if (request === undefined || request.sequence !== bytes.readUInt32BE(at + 8)) {
      const cookie = bytes.readBigUInt64BE(at + 8).toString(16);
      throw protocolError(`it replies to the cookie 0x${cookie}, which no request has`);
    }
    this.#request = request;
    if (magic === STRUCTURED_REPLY_MAGIC) {
      this.#flags = bytes.readUInt16BE(at + 4);
      this.#type = bytes.readUInt16BE(at + 6);
      this.#want(STEP.LENGTH, CHUNK_HEAD_BYTES - SIMPLE_REPLY_BYTES);
      return;
    }
    this.#takeSimple(request, bytes.readUInt32BE(at + 4));
  }

  #takeSimple(request: Request, error: number): void {
    if (this.#isStructured && request.command === COMMAND.READ) {
      throw protocolError("it sends a simple reply to READ where structured ones were agreed on");
    }
    this.#flags = REPLY_FLAG_DONE;
    if (error !== 0) {
      this.#fail(request, { error, message: "" });
    } else if (request.command === COMMAND.READ) {
      this.#expectData(request.offset, request.length);
      return;
    }
    this.#endChunk();
  }

  #takeLength(length: number): void {
    const type = this.#type;
    const isRead = this.#request.command === COMMAND.READ;
    this.#length = length;
    if (type === REPLY_TYPE.NONE && length === 0 && (this.#flags & REPLY_FLAG_DONE) !== 0) {
      this.#endChunk();
    } else if (type === REPLY_TYPE.OFFSET_DATA && isRead && length > 8) {
      this.#want(STEP.OFFSET, 8);
    } else if (
      (type === REPLY_TYPE.OFFSET_HOLE && isRead && length === 12) ||
      (type === REPLY_TYPE.BLOCK_STATUS &&
        length % 8 === 4 &&
        isBetween(length, 12, MOST_STATUS_BYTES)) ||
      ((type & IS_ERROR) !== 0 && isBetween(length, 6, MOST_ERROR_BYTES))
    ) {
      this.#want(STEP.BODY, length);
    } else {
      throw protocolError(
        `it answers ${this.#request.what} with a chunk of type ${type} and ${length} bytes`,
      );
    }
  }

  #expectData(offset: number, length: number): void {
    this.#request.cover(offset, length);
    this.#dataAt = offset - this.#request.offset;
    this.#dataLeft = length;
  }

  #takeBody(body: Buffer): void {
    const request = this.#request;
    if (this.#type === REPLY_TYPE.OFFSET_HOLE) {
      const offset = offsetAt(body, 0);
      const length = body.readUInt32BE(8);
      request.cover(offset, length);
      const at = offset - request.offset;
      request.target!.fill(0, at, at + length);
    } else if (this.#type === REPLY_TYPE.BLOCK_STATUS) {
      const id = body.readUInt32BE(0);
      const context = this.#contextNames.get(id);
      if (context === undefined) throw protocolError(`no metadata context has the number ${id}`);
      request.describe(context, body.subarray(4));
    } else {
      this.#takeError(request, body);
    }
    this.#endChunk();
  }

  #takeError(request: Request, body: Buffer): void {
    const messageEnd = 6 + body.readUInt16BE(4);
    const hasOffset = this.#type === REPLY_TYPE.ERROR_OFFSET;
    if (messageEnd + (hasOffset ? 8 : 0) > body.length) {
      throw protocolError("an error's message is longer than the chunk it is in");
    }
    this.#fail(request, {
      error: body.readUInt32BE(0),
      message: body.toString("utf8", 6, messageEnd),
      ...(hasOffset ? { offset: offsetAt(body, messageEnd) } : {}),
    });
  }

  #fail(request: Request, told: ToldError): void {
    request.fail(told);
    if (told.error === NBD_ERROR.ESHUTDOWN) this.hasShutdown = true;
  }

  #endChunk(): void {
    const request = this.#request;
    if (this.#cut.length > MOST_ERROR_BYTES) this.#cut = Buffer.alloc(64);
    this.#want(STEP.HEAD, SIMPLE_REPLY_BYTES);
    if ((this.#flags & REPLY_FLAG_DONE) === 0) return;
    // Throws before the request is taken off, so that it is rejected with the others.
    request.finish(this.#contextNames.size);
    this.#inFlight[request.index] = undefined;
    this.#free.push(request.index);
  }
}

function isBetween(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}

/** An offset; those past 2^53 lose digits, yet none of them comes to lie inside a request. */
function offsetAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}
