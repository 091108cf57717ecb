/**
 * The transmission phase of one connection: requests in, replies out.
 *
 * Holds always: a request is checked once, before its work begins. Each request gets one reply. One that must wait
 * holds no other up, but no more is begun than the bounds below allow, so a client that sends without reading its
 * replies is left standing with its requests in its own socket.
 */

import { setImmediate as turn } from "node:timers/promises";
import { PagefoldError } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import { COMMAND, COMMAND_FLAG, NBD_ERROR, type NbdError } from "../protocol.ts";
import type { Done } from "./disk.ts";
import { messageOf, nbdErrorOf } from "./errno.ts";
import { ReadReply } from "./read-reply.ts";
import { Replies } from "./replies.ts";
import type { ReplyStream } from "./reply-stream.ts";
import { Request } from "./request.ts";
import { type RequestContext, refusalOf } from "./request-check.ts";
import { RequestInput } from "./request-input.ts";
import { BLOCK_SIZES, type MetaContext, type ServedExport } from "./served-export.ts";
import { EFFECT_SLICE_BYTES, inSlices } from "./slices.ts";
import type { TransmissionHost } from "./transmission-host.ts";

/** Requests that wait for something, at most, and bytes they hold; beyond, none is begun. */
const MOST_WAITING = 64;
const MOST_WAITING_BYTES = 2 ** 24;
/** Pages that the requests begun in one turn may concern, some milliseconds' work; the last one may pass it. */
const PAGES_PER_TURN = 1024;
/** After so many requests or pages the replies leave, so that the client works on them while the server works on. */
const REQUESTS_PER_FLUSH = 8;
const PAGES_PER_FLUSH = 64;
/** What an answer to BLOCK_STATUS may hold for each page, while it is put together. */
const STATUS_BYTES = 64;
/** What a write or read is cut into, so that none keeps the others from their turn for long. */
const SLICE_BYTES = 2 ** 18;

/** A write whose bytes come in pieces. */
interface WriteInProgress {
  readonly request: Request;
  at: number;
  left: number;
  waiting: number;
  failure: unknown;
}

export interface TransmissionOptions {
  readonly served: ServedExport;
  readonly isStructured: boolean;
  /** The metadata contexts the client chose. */
  readonly contexts: readonly MetaContext[];
  readonly stream: ReplyStream;
  readonly host: TransmissionHost;
}

export class Transmission {
  readonly #served: ServedExport;
  readonly #isStructured: boolean;
  readonly #contexts: readonly MetaContext[];
  readonly #stream: ReplyStream;
  readonly #host: TransmissionHost;
  readonly #replies: Replies;
  readonly #readReply: ReadReply;
  readonly #context: RequestContext;
  readonly #request = new Request();
  readonly #input = new RequestInput(SLICE_BYTES);
  #write: WriteInProgress | undefined;
  #waiting = 0;
  #waitingBytes = 0;
  /** Of them, those of long reads that go out in one piece and have begun. */
  #wholeBytes = 0;
  #roomWaiters: (() => void)[] = [];
  #isEnded = false;
  /** Nobody is there to wait for long work. */
  #isGone = false;
  readonly #isNobodyThere = (): boolean => this.#isGone;
  #onIdle: (() => void) | undefined;
  #isClosed = false;
  #isWoken = false;
  /** Pages that requests may still concern before the others have their turn. */
  #pagesLeft = 0;
  /** Whether requests are held back until there is room. */
  #isHeld = false;

  constructor(options: TransmissionOptions) {
    this.#served = options.served;
    this.#isStructured = options.isStructured;
    this.#contexts = options.contexts;
    this.#stream = options.stream;
    this.#host = options.host;
    this.#context = {
      disk: options.served.disk,
      isStructured: options.isStructured,
      hasContexts: options.contexts.length > 0,
    };
    this.#replies = new Replies(options.stream, options.isStructured);
    this.#readReply = new ReadReply(options.stream, options.served.disk, options.isStructured);
  }

  /** Whether requests are under way. */
  get isBusy(): boolean {
    return this.#waiting > 0 || this.#write !== undefined;
  }

  /** Calls `callback` once nothing is under way any more, at once if nothing is. */
  whenIdle(callback: () => void): void {
    if (this.#waiting === 0) callback();
    else this.#onIdle = callback;
  }

  /** Takes what the client sent; whether it needs the bytes, as they are, also when it has returned. */
  receive(bytes: Buffer): boolean {
    if (this.#isEnded) return false;
    this.#input.feed(bytes);
    this.#run();
    return this.#input.isInUse;
  }

  /** The client sends nothing more: what is under way is finished, then the connection ends. */
  end(): void {
    this.#isEnded = true;
    this.#isGone = true;
    this.#write = undefined;
    this.#run();
  }

  /** The connection is gone. */
  close(): void {
    this.#isClosed = true;
    this.#isGone = true;
    this.#write = undefined;
    this.onRoom();
  }

  /** The client has read on. */
  onRoom(): void {
    if (this.#roomWaiters.length > 0) {
      const waiters = this.#roomWaiters;
      this.#roomWaiters = [];
      for (const wake of waiters) wake();
    }
    if (this.#isHeld) this.#wake();
  }

  /** Goes on in a moment: what is finished until then shares one system call. By setImmediate, others come first. */
  #wake(schedule: (work: () => void) => unknown = queueMicrotask): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    schedule(() => {
      this.#isWoken = false;
      this.#run();
    });
  }

  #mayBegin(): boolean {
    return (
      !this.#stream.isFull &&
      this.#waiting < MOST_WAITING &&
      this.#waitingBytes < MOST_WAITING_BYTES
    );
  }

  #run(): void {
    try {
      this.#goOn();
    } catch (cause) {
      this.#host.onBroken(cause);
    }
  }

  #goOn(): void {
    if (this.#isClosed) return;
    let goesOn = true;
    this.#pagesLeft = PAGES_PER_TURN;
    let flushAt = PAGES_PER_TURN - PAGES_PER_FLUSH;
    let requests = 0;
    while (goesOn && !this.#isEnded && this.#mayBegin() && this.#pagesLeft > 0) {
      goesOn = this.#step();
      requests += 1;
      if (requests < REQUESTS_PER_FLUSH && this.#pagesLeft > flushAt) continue;
      requests = 0;
      this.#stream.flush();
      flushAt = this.#pagesLeft - PAGES_PER_FLUSH;
    }
    if (this.#isEnded) {
      if (this.#waiting === 0) this.#stream.end();
      else this.#stream.flush();
      return;
    }
    this.#stream.flush();
    if (this.#isHeld !== goesOn) this.#host.setReading(!goesOn);
    this.#isHeld = goesOn;
    if (goesOn && this.#pagesLeft <= 0) this.#wake(setImmediate);
  }

  /** Takes the next part of the input; false when there is too little of it. */
  #step(): boolean {
    if (this.#write !== undefined) return this.#takePiece(this.#write);
    const isRequest = this.#input.takeHead(this.#request);
    if (isRequest === undefined) return false;
    if (isRequest) this.#begin(this.#request);
    else
      this.#endAsGarbage(
        `sent 0x${this.#request.magic.toString(16)} where a request has its magic number`,
      );
    return true;
  }

  #endAsGarbage(what: string): void {
    this.#isEnded = true;
    this.#host.onGarbage(what);
  }

  #begin(request: Request): void {
    const isWrite = request.type === COMMAND.WRITE;
    if (isWrite && request.length > 2 * BLOCK_SIZES.mostPayload) {
      this.#endAsGarbage(`sent a write of ${request.length} bytes`);
      return;
    }
    if (this.#host.isEnding() && request.type !== COMMAND.DISC) {
      if (isWrite) this.#input.skip(request.length);
      this.#refuse(NBD_ERROR.ESHUTDOWN, "the server is ending");
      return;
    }
    const refusal = refusalOf(request, this.#context);
    if (refusal !== undefined) {
      if (isWrite) this.#input.skip(request.length);
      this.#refuse(refusal.error, refusal.message);
      return;
    }
    this.#do(request);
  }

  #refuse(error: NbdError, message: string): void {
    this.#served.counts.errors += 1;
    this.#replies.error(this.#request, error, message);
  }

  #fail(request: Request, cause: unknown): void {
    if (!(cause instanceof PagefoldError)) this.#host.onFault(cause);
    this.#served.counts.errors += 1;
    this.#replies.error(request, nbdErrorOf(cause), messageOf(cause));
  }

  #do(request: Request): void {
    const { disk, counts } = this.#served;
    const { length } = request;
    this.#pagesLeft -= Math.ceil(length / PAGE_BYTES);
    switch (request.type) {
      case COMMAND.READ:
        counts.reads += 1;
        counts.bytes_read += length;
        this.#read(request);
        break;
      case COMMAND.WRITE:
        counts.writes += 1;
        counts.bytes_written += length;
        this.#beginWrite(request);
        break;
      case COMMAND.DISC:
        this.#isEnded = true;
        break;
      case COMMAND.FLUSH:
        counts.flushes += 1;
        this.#attempt(request, () => disk.flush());
        break;
      case COMMAND.TRIM:
        counts.trims += 1;
        this.#affect(request, (at, bytes) => disk.discard?.(at, bytes));
        break;
      case COMMAND.CACHE:
        counts.caches += 1;
        this.#finish(request, undefined);
        break;
      case COMMAND.WRITE_ZEROES: {
        counts.write_zeroes += 1;
        const reserve = (request.flags & COMMAND_FLAG.NO_HOLE) !== 0;
        this.#affect(request, (at, bytes) => disk.writeZeroes?.(at, bytes, { reserve }));
        break;
      }
      case COMMAND.BLOCK_STATUS:
        counts.block_statuses += 1;
        this.#later(request.copy(), this.#blockStatus(request.copy()), {
          bytes: Math.ceil(length / PAGE_BYTES) * STATUS_BYTES,
        });
        break;
    }
  }

  #attempt(request: Request, work: () => Done): void {
    let result: Done;
    try {
      result = work();
    } catch (cause) {
      this.#fail(request, cause);
      return;
    }
    this.#finish(request, result);
  }

  /** Does what concerns a range without carrying its bytes: at once, or in slices where it is long. */
  #affect(request: Request, work: (offset: number, length: number) => Done): void {
    const { offset, length } = request;
    if (length <= EFFECT_SLICE_BYTES) this.#attempt(request, () => work(offset, length));
    else this.#finish(request, inSlices(request.copy(), work, this.#isNobodyThere));
  }

  /** Replies that a request is done, now or when it is; with FUA not before it is durable. */
  #finish(request: Request, result: Done, bytes = 0): void {
    const { disk } = this.#served;
    let waited = result;
    if ((request.flags & COMMAND_FLAG.FUA) !== 0) {
      try {
        waited = result === undefined ? disk.flush() : result.then(() => disk.flush());
      } catch (cause) {
        this.#fail(request, cause);
        return;
      }
    }
    if (waited === undefined) {
      this.#replies.done(request);
      return;
    }
    const kept = request.copy();
    this.#later(
      kept,
      waited.then(() => this.#replies.done(kept)),
      { bytes },
    );
  }

  /** Minds a request that waits; `work` replies itself, or fails and the failure is the reply. */
  #later(request: Request, work: Promise<void>, { bytes }: { readonly bytes: number }): void {
    this.#waiting += 1;
    this.#waitingBytes += bytes;
    work
      .catch((cause: unknown) => {
        if (!this.#isClosed) this.#fail(request, cause);
      })
      .finally(() => {
        this.#waiting -= 1;
        this.#waitingBytes -= bytes;
        if (this.#waiting === 0) this.#onIdle?.();
        this.#wake();
      })
      .catch((cause: unknown) => this.#host.onBroken(cause));
  }

  #read(request: Request): void {
    if (request.length > SLICE_BYTES) {
      const isWhole = !this.#isStructured || (request.flags & COMMAND_FLAG.DF) !== 0;
      const kept = request.copy();
      const work = isWhole ? this.#readWhole(kept) : this.#readInSlices(kept);
      this.#later(kept, work, { bytes: isWhole ? kept.length : SLICE_BYTES });
      return;
    }
    let waited: Promise<void> | undefined;
    try {
      waited = this.#readReply.put(request, true);
    } catch (cause) {
      this.#fail(request, cause);
      return;
    }
    if (waited !== undefined) this.#later(request.copy(), waited, { bytes: request.length });
  }

  /** A long read that goes out in slices, each as soon as the client has read enough of those before. */
  async #readInSlices(request: Request): Promise<void> {
    const end = request.offset + request.length;
    const slice = request.copy();
    while (slice.offset < end) {
      while (this.#stream.isFull && !this.#isClosed) await this.#room();
      if (this.#isClosed) return;
      slice.length = Math.min(end - slice.offset, SLICE_BYTES - (slice.offset % PAGE_BYTES));
      await this.#readReply.put(slice, slice.offset + slice.length === end);
      slice.offset += slice.length;
      this.#stream.flush();
      await turn();
    }
  }

  /** A long read that must go out in one piece, which is read before any of it is sent. */
  async #readWhole(request: Request): Promise<void> {
    const { length } = request;
    const isMuch = () => this.#wholeBytes + this.#stream.pendingBytes + length > MOST_WAITING_BYTES;
    // One alone may be longer than that.
    while (isMuch() && (this.#wholeBytes > 0 || this.#stream.isFull) && !this.#isClosed)
      await this.#room();
    if (this.#isClosed) return;
    this.#wholeBytes += length;
    try {
      const { reply, data } = this.#readReply.makeWhole(request);
      for (let at = 0; at < data.length; at += SLICE_BYTES) {
        if (this.#isClosed) return;
        const slice = data.subarray(at, at + SLICE_BYTES);
        await this.#served.disk.read(request.offset + at, slice);
        await turn();
      }
      this.#stream.push(reply);
    } finally {
      this.#wholeBytes -= length;
      this.onRoom();
    }
  }

  /** Waits until the client has read on. */
  #room(): Promise<void> {
    return new Promise((wake) => this.#roomWaiters.push(wake));
  }

  #beginWrite(request: Request): void {
    const { offset, length } = request;
    const source = length <= SLICE_BYTES ? this.#input.takeWhole(length) : undefined;
    if (source === undefined) {
      this.#write = {
        request: request.copy(),
        at: offset,
        left: length,
        waiting: 0,
        failure: undefined,
      };
      return;
    }
    let result: Done;
    try {
      result = length === 0 ? undefined : this.#served.disk.write(offset, source);
    } catch (cause) {
      this.#fail(request, cause);
      return;
    }
    if (result !== undefined) this.#input.keep();
    this.#finish(request, result, length);
  }

  /** Takes the next piece of a write, whole pages but at its ends, and writes it when it is there. */
  #takePiece(write: WriteInProgress): boolean {
    const bytes = Math.min(write.left, SLICE_BYTES - (write.at % PAGE_BYTES));
    const piece = this.#input.takePiece(bytes);
    if (piece === undefined) return false;
    this.#writePiece(write, piece);
    return true;
  }

  #writePiece(write: WriteInProgress, piece: Buffer): void {
    const { at } = write;
    write.at += piece.length;
    write.left -= piece.length;
    const note = (cause: unknown) => {
      write.failure ??= cause;
    };
    // After a failure the rest is only taken off the wire.
    if (write.failure === undefined) {
      try {
        const result = this.#served.disk.write(at, piece);
        if (result !== undefined) {
          this.#input.keep();
          write.waiting += 1;
          this.#later(
            write.request,
            result.catch(note).then(() => {
              write.waiting -= 1;
              this.#endWrite(write);
            }),
            { bytes: piece.length },
          );
        }
      } catch (cause) {
        note(cause);
      }
    }
    if (write.left === 0) {
      this.#write = undefined;
      this.#endWrite(write);
    }
  }

  #endWrite(write: WriteInProgress): void {
    if (write.left > 0 || write.waiting > 0 || this.#isClosed) return;
    if (write.failure === undefined) this.#finish(write.request, undefined);
    else this.#fail(write.request, write.failure);
  }

  async #blockStatus(request: Request): Promise<void> {
    const { offset, length } = request;
    if (length > SLICE_BYTES) await turn();
    const found = (await this.#served.disk.extents?.(offset, length)) ?? [];
    if (this.#isClosed) return;
    const isOne = (request.flags & COMMAND_FLAG.REQ_ONE) !== 0;
    this.#contexts.forEach((context, place) => {
      const extents = context.show(found);
      this.#replies.blockStatus(request, context.id, {
        extents: isOne ? extents.slice(0, 1) : extents,
        isLast: place === this.#contexts.length - 1,
      });
    });
  }
}
