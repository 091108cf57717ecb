/** A request's head as the wire has it: magic, flags, type, cookie, offset, length. */

import { REQUEST_MAGIC } from "../protocol.ts";

/** What a client calls its request; the reply carries it back. */
export interface Cookie {
  readonly cookieHigh: number;
  readonly cookieLow: number;
}

export class Request implements Cookie {
  magic = 0;
  flags = 0;
  type = 0;
  cookieHigh = 0;
  cookieLow = 0;
  offset = 0;
  length = 0;

  /** Takes over what stands at `at`; whether it is a request at all. An offset beyond 2^53 stays beyond. */
  parse(bytes: Buffer, at: number): boolean {
    this.magic = bytes.readUInt32BE(at);
    if (this.magic !== REQUEST_MAGIC) return false;
    this.flags = bytes.readUInt16BE(at + 4);
    this.type = bytes.readUInt16BE(at + 6);
    this.cookieHigh = bytes.readUInt32BE(at + 8);
    this.cookieLow = bytes.readUInt32BE(at + 12);
    this.offset = bytes.readUInt32BE(at + 16) * 2 ** 32 + bytes.readUInt32BE(at + 20);
    this.length = bytes.readUInt32BE(at + 24);
    return true;
  }

  /** A copy, for an answer that is given later. */
  copy(): Request {
    return Object.assign(new Request(), this);
  }
}
