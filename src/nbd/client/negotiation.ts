/**
 * The client's side of the handshake, option by option: an option is sent when the one before it has its last reply.
 * What the server sends is checked here; which options to send in what order is the business of handshake.ts.
 */

import type { ConnectionOptions } from "node:tls";
import { PagefoldError } from "../../base/errors.ts";
import {
  GREETING_BYTES,
  HANDSHAKE_FLAG,
  IHAVEOPT,
  INIT_PASSWD,
  isOptionError,
  MOST_STRING_BYTES,
  OPTION,
  OPTION_HEAD_BYTES,
  OPTION_REPLY,
  OPTION_REPLY_HEAD_BYTES,
  OPTION_REPLY_MAGIC,
} from "../protocol.ts";
import type { Connection } from "./connection.ts";
import { optionError, optionName, protocolError } from "./errors.ts";

/** Most bytes of all replies to one option: 16 MiB are 2,000 exports with the longest names and descriptions. */
const MOST_ANSWER_BYTES = 2 ** 24;

const NO_DATA = Buffer.alloc(0);

/** An option reply with its data; the last one is an acknowledgement or an error. */
export interface OptionReply {
  readonly type: number;
  readonly data: Buffer;
}

export interface OptionAnswer {
  /** What came before the last reply, all of the type that was expected. */
  readonly items: readonly Buffer[];
  /** Why the server refuses, with the reply's type. */
  readonly refusal: { readonly type: number; readonly error: PagefoldError } | undefined;
}

export class Negotiation {
  readonly #connection: Connection;
  readonly #flags: number;

  private constructor(connection: Connection, flags: number) {
    this.#connection = connection;
    this.#flags = flags;
  }

  /** Reads the greeting and answers it. */
  static async begin(connection: Connection): Promise<Negotiation> {
    const greeting = await connection.take(GREETING_BYTES);
    if (greeting.readBigUInt64BE(0) !== INIT_PASSWD) {
      throw protocolError(`it begins with ${greeting.toString("hex", 0, 8)}, not with NBDMAGIC`);
    }
    if (greeting.readBigUInt64BE(8) !== IHAVEOPT) {
      throw new PagefoldError(
        "UNSUPPORTED",
        `${connection.place} speaks the old style of NBD, which has no exports by name; use a newer server`,
      );
    }
    const flags =
      greeting.readUInt16BE(16) & (HANDSHAKE_FLAG.FIXED_NEWSTYLE | HANDSHAKE_FLAG.NO_ZEROES);
    const answer = Buffer.alloc(4);
    answer.writeUInt32BE(flags);
    connection.send([answer]);
    return new Negotiation(connection, flags);
  }

  /** Whether options other than EXPORT_NAME may be sent at all. */
  get hasOptions(): boolean {
    return (this.#flags & HANDSHAKE_FLAG.FIXED_NEWSTYLE) !== 0;
  }

  get hasZeroes(): boolean {
    return (this.#flags & HANDSHAKE_FLAG.NO_ZEROES) === 0;
  }

  /** Sends an option and gives all of its replies; `itemType` is what may come before the last, if anything. */
  async ask(option: number, data: Buffer = NO_DATA, itemType?: number): Promise<OptionAnswer> {
    this.send(option, data);
    const items: Buffer[] = [];
    let bytesLeft = MOST_ANSWER_BYTES;
    for (;;) {
      const reply = await this.#reply(option, bytesLeft);
      bytesLeft -= OPTION_REPLY_HEAD_BYTES + reply.data.length;
      if (reply.type === OPTION_REPLY.ACK) {
        if (reply.data.length === 0) return { items, refusal: undefined };
        throw protocolError(`it acknowledges ${optionName(option)} with data behind`);
      }
      if (isOptionError(reply.type)) {
        const text = reply.data.subarray(0, MOST_STRING_BYTES);
        return {
          items,
          refusal: { type: reply.type, error: optionError(option, reply.type, text) },
        };
      }
      if (reply.type !== itemType) {
        throw protocolError(`it replies to ${optionName(option)} with type ${reply.type}`);
      }
      items.push(reply.data);
    }
  }

  send(option: number, data: Buffer): void {
    this.#connection.send([optionBytes(option, data)]);
  }

  /** Goes over to TLS. @throws PagefoldError where the server does not want to. */
  async startTls(options: ConnectionOptions): Promise<void> {
    if (!this.hasOptions) {
      throw new PagefoldError(
        "UNSUPPORTED",
        `${this.#connection.place} has no options and thus no TLS; use a newer server, or go without TLS`,
      );
    }
    const { refusal } = await this.ask(OPTION.STARTTLS);
    if (refusal) throw refusal.error;
    await this.#connection.startTls(options);
  }

  /** Ends the negotiation in order. */
  abort(): Promise<void> {
    return this.#connection.close(this.hasOptions ? optionBytes(OPTION.ABORT, NO_DATA) : NO_DATA);
  }

  async #reply(option: number, bytesLeft: number): Promise<OptionReply> {
    const head = await this.#connection.take(OPTION_REPLY_HEAD_BYTES);
    if (head.readBigUInt64BE(0) !== OPTION_REPLY_MAGIC) {
      throw protocolError(`an option reply begins with ${head.toString("hex", 0, 8)}`);
    }
    const repliesTo = head.readUInt32BE(8);
    if (repliesTo !== option) {
      throw protocolError(`it replies to ${optionName(repliesTo)}, not to ${optionName(option)}`);
    }
    const type = head.readUInt32BE(12);
    const length = head.readUInt32BE(16);
    if (length > bytesLeft - OPTION_REPLY_HEAD_BYTES) {
      throw protocolError(
        `its replies to ${optionName(option)} have more than ${MOST_ANSWER_BYTES} bytes`,
      );
    }
    return { type, data: await this.#connection.take(length) };
  }
}

function optionBytes(option: number, data: Buffer): Buffer {
  const head = Buffer.alloc(OPTION_HEAD_BYTES);
  head.writeBigUInt64BE(IHAVEOPT);
  head.writeUInt32BE(option, 8);
  head.writeUInt32BE(data.length, 12);
  return Buffer.concat([head, data]);
}
