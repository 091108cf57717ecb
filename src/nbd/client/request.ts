/**
 * One request on the wire, from its sending to its last reply. It takes in the replies' pieces and holds them against
 * what was asked: content chunks lie inside the request and never over one another, an error is kept until the last
 * chunk, and success needs all that was asked for.
 */

import type { PagefoldError } from "../../base/errors.ts";
import type { Extent } from "../../device/extents.ts";
import { COMMAND, COMMAND_FLAG } from "../protocol.ts";
import { protocolError, replyError } from "./errors.ts";

const COMMAND_NAMES = new Map<number, string>(
  Object.entries(COMMAND).map(([name, number]) => [number, name]),
);

export interface RequestOptions {
  readonly command: number;
  readonly flags?: number;
  readonly offset: number;
  readonly length: number;
  /** Where a read goes. */
  readonly target?: Uint8Array;
  /** What a write sends. */
  readonly source?: Uint8Array;
}

/** An error as a reply tells it, at an offset if it names one. */
export interface ToldError {
  readonly error: number;
  readonly message: string;
  readonly offset?: number;
}

export class Request {
  readonly command: number;
  readonly flags: number;
  readonly offset: number;
  readonly length: number;
  readonly target: Uint8Array | undefined;
  readonly source: Uint8Array | undefined;
  /** Together the cookie: the place in the table of those in flight, and the count of requests before it. */
  index = 0;
  sequence = 0;
  /** Settled when the last reply is in. */
  readonly done: Promise<void>;
  resolve!: () => void;
  reject!: (error: Error) => void;
  error: PagefoldError | undefined;
  #extents: Map<string, readonly Extent[]> | undefined;
  #contentBytes = 0;
  /** Starts and ends of the content so far, ascending; left out while nothing or all has come. */
  #ranges: number[] | undefined;
  #errorOffsets: number[] | undefined;

  constructor({ command, flags = 0, offset, length, target, source }: RequestOptions) {
    this.command = command;
    this.flags = flags;
    this.offset = offset;
    this.length = length;
    this.target = target;
    this.source = source;
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** The same of `length` bytes from `at` on. */
  part(at: number, length: number): Request {
    const { command, flags, offset, target, source } = this;
    return new Request({
      command,
      flags,
      offset: offset + at,
      length,
      ...(target ? { target: target.subarray(at, at + length) } : {}),
      ...(source ? { source: source.subarray(at, at + length) } : {}),
    });
  }

  /** Per context, what the replies told. */
  get extents(): ReadonlyMap<string, readonly Extent[]> {
    return this.#extents ?? new Map();
  }

  /** For messages: what was asked. */
  get what(): string {
    const name = COMMAND_NAMES.get(this.command) ?? "";
    if (this.command === COMMAND.FLUSH) return name;
    return `${name} of ${this.length} bytes at offset ${this.offset}`;
  }

  /**
   * Notes that content for `length` bytes from `offset` on has come. @throws PagefoldError PROTOCOL where it does not
   * fit.
   */
  cover(offset: number, length: number): void {
    const end = offset + length;
    if (length === 0 || offset < this.offset || end > this.offset + this.length) {
      throw protocolError(`it answers ${this.what} with ${length} bytes at offset ${offset}`);
    }
    this.#contentBytes += length;
    if (this.#contentBytes === length && length === this.length && !this.#errorOffsets) return;
    if (this.#contentBytes > this.length || this.#isTaken(offset, end)) {
      throw protocolError(`it answers ${this.what} with bytes at offset ${offset} twice`);
    }
  }

  /** Whether content or an error came for any of these bytes before; notes them if not. */
  #isTaken(offset: number, end: number): boolean {
    if (this.#errorOffsets?.some((at) => at >= offset && at < end)) return true;
    this.#ranges ??= [];
    const ranges = this.#ranges;
    // The first range that ends behind `offset`; mostly the content comes in order and there is none.
    let low = 0;
    let high = ranges.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranges[2 * middle + 1]! > offset) high = middle;
      else low = middle + 1;
    }
    const next = 2 * low;
    if (next < ranges.length && ranges[next]! < end) return true;
    const joinsBefore = next > 0 && ranges[next - 1] === offset;
    const joinsBehind = next < ranges.length && ranges[next] === end;
    if (joinsBefore && joinsBehind) ranges.splice(next - 1, 2);
    else if (joinsBefore) ranges[next - 1] = end;
    else if (joinsBehind) ranges[next] = offset;
    else ranges.splice(next, 0, offset, end);
    return false;
  }

  /** Notes an error the server told of; the first is the one that counts. */
  fail({ error, message, offset }: ToldError): void {
    if (error === 0) throw protocolError(`it answers ${this.what} with an error numbered 0`);
    if (offset !== undefined) {
      if (offset < this.offset || offset >= this.offset + this.length) {
        throw protocolError(`it answers ${this.what} with an error at offset ${offset}`);
      }
      this.#errorOffsets ??= [];
      this.#errorOffsets.push(offset);
    }
    const where = offset === undefined ? this.what : `${this.what}, at offset ${offset}`;
    this.error ??= replyError(where, error, message);
  }

  /** Notes what one context says of the extents, bytes and states by turns. */
  describe(context: string, words: Buffer): void {
    const { command, flags, length, what } = this;
    this.#extents ??= new Map();
    if (command !== COMMAND.BLOCK_STATUS || this.#extents.has(context)) {
      throw protocolError(`it answers ${what} with the extents of ${context} unasked or twice`);
    }
    const extents: Extent[] = [];
    let bytes = 0;
    for (let at = 0; at < words.length; at += 8) {
      const extent = { length: words.readUInt32BE(at), state: words.readUInt32BE(at + 4) };
      if (extent.length === 0) throw protocolError(`it answers ${what} with an extent of 0 bytes`);
      if (bytes >= length) {
        throw protocolError(
          `it answers ${what} with extents from offset ${this.offset + bytes} on`,
        );
      }
      bytes += extent.length;
      extents.push(extent);
    }
    if ((flags & COMMAND_FLAG.REQ_ONE) !== 0 && (extents.length > 1 || bytes > length)) {
      throw protocolError(
        `it answers ${what} with ${extents.length} extents of ${bytes} bytes, where one within it was asked for`,
      );
    }
    this.#extents.set(context, extents);
  }

  /** Ends it after its last reply. @throws PagefoldError PROTOCOL where something is missing. */
  finish(contexts: number): void {
    if (this.error) {
      this.reject(this.error);
      return;
    }
    if (this.command === COMMAND.READ && this.#contentBytes < this.length) {
      throw protocolError(`it answers ${this.what} with ${this.#contentBytes} bytes only`);
    }
    if (this.command === COMMAND.BLOCK_STATUS && this.extents.size < contexts) {
      throw protocolError(
        `it answers ${this.what} for ${this.extents.size} of ${contexts} contexts`,
      );
    }
    this.resolve();
  }
}
