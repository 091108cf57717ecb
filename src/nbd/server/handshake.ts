/**
 * The server's side of fixed newstyle negotiation: the client's options in, replies out, until it enters transmission,
 * asks for TLS, or goes.
 *
 * Holds always: an option is answered by exactly one final reply; what cannot be answered within the protocol ends the
 * connection. Nothing negotiated before TLS counts after it.
 */

import {
  EXPORT_NAME_ZEROES,
  GREETING_BYTES,
  HANDSHAKE_FLAG,
  IHAVEOPT,
  INFO,
  INIT_PASSWD,
  OPTION,
  OPTION_HEAD_BYTES,
  OPTION_REPLY,
  OPTION_REPLY_HEAD_BYTES,
  OPTION_REPLY_MAGIC,
} from "../protocol.ts";
import { wireMessage } from "./errno.ts";
import type { ExportDirectory } from "./export-directory.ts";
import { OptionReader, refuse } from "./option-data.ts";
import { BLOCK_SIZES, type MetaContext, type ServedExport } from "./served-export.ts";

/** Longest option looked at; a longer one is refused as too big, one beyond the second bound is no option at all. */
const MOST_OPTION_BYTES = 2 ** 16;
const MOST_SKIPPED_BYTES = 2 ** 25;
/** Options a client may send, whatever they are, and more for each export it may ask about. */
const MOST_OPTIONS = 64;
const MOST_OPTIONS_PER_EXPORT = 32;

/** Whether clients can, or must, encrypt. */
export type TlsMode = "off" | "on" | "require";

export interface HandshakeHost {
  readonly directory: ExportDirectory;
  readonly tlsMode: TlsMode;
  isEnding(): boolean;
  send(bytes: Buffer): void;
  /** Whether the client leaves its replies unread: no further option is answered until it has read on. */
  isFull(): boolean;
}

/** Where the negotiation stands. `rest`: bytes the client sent beyond it. */
export type HandshakeOutcome =
  | { readonly kind: "more" }
  | { readonly kind: "tls"; readonly rest: Buffer }
  | { readonly kind: "end" }
  | { readonly kind: "garbage"; readonly what: string }
  | {
      readonly kind: "transmission";
      readonly served: ServedExport;
      readonly isStructured: boolean;
      readonly contexts: readonly MetaContext[];
      readonly rest: Buffer;
    };

const MORE: HandshakeOutcome = { kind: "more" };

export class Handshake {
  readonly #host: HandshakeHost;
  #input: Buffer = Buffer.alloc(0);
  #skipBytes = 0;
  #options = 0;
  #hasClientFlags = false;
  #isFixed = false;
  #hasNoZeroes = false;
  #isEncrypted = false;
  #isStructured = false;
  /** What SET_META_CONTEXT chose, and for which export. */
  #chosen: { readonly served: ServedExport; readonly contexts: readonly MetaContext[] } | undefined;

  constructor(host: HandshakeHost) {
    this.#host = host;
  }

  greet(): void {
    const greeting = Buffer.alloc(GREETING_BYTES);
    greeting.writeBigUInt64BE(INIT_PASSWD, 0);
    greeting.writeBigUInt64BE(IHAVEOPT, 8);
    greeting.writeUInt16BE(HANDSHAKE_FLAG.FIXED_NEWSTYLE | HANDSHAKE_FLAG.NO_ZEROES, 16);
    this.#host.send(greeting);
  }

  /** The connection is encrypted from here on. */
  startEncrypted(): void {
    this.#isEncrypted = true;
    this.#isStructured = false;
    this.#chosen = undefined;
  }

  /** Takes what the client sent, and answers; nothing, to go on when there is room again. */
  receive(chunk: Buffer): HandshakeOutcome {
    // A copy: what was read into is read into again.
    this.#input = Buffer.concat([this.#input, chunk]);
    let outcome: HandshakeOutcome = MORE;
    while (outcome === MORE && !this.#host.isFull()) {
      const before = this.#input.length;
      outcome = this.#hasClientFlags ? this.#nextOption() : this.#takeClientFlags();
      if (outcome === MORE && this.#input.length === before) return MORE;
    }
    return outcome;
  }

  #take(bytes: number): Buffer {
    const taken = this.#input.subarray(0, bytes);
    this.#input = this.#input.subarray(bytes);
    return taken;
  }

  #takeClientFlags(): HandshakeOutcome {
    if (this.#input.length < 4) return MORE;
    const flags = this.#take(4).readUInt32BE(0);
    const known = HANDSHAKE_FLAG.FIXED_NEWSTYLE | HANDSHAKE_FLAG.NO_ZEROES;
    if ((flags & ~known) !== 0)
      return { kind: "garbage", what: `sent the unknown flags 0x${flags.toString(16)}` };
    this.#isFixed = (flags & HANDSHAKE_FLAG.FIXED_NEWSTYLE) !== 0;
    this.#hasNoZeroes = (flags & HANDSHAKE_FLAG.NO_ZEROES) !== 0;
    this.#hasClientFlags = true;
    return MORE;
  }

  #nextOption(): HandshakeOutcome {
    if (this.#skipBytes > 0) {
      this.#skipBytes -= this.#take(Math.min(this.#skipBytes, this.#input.length)).length;
      return MORE;
    }
    if (this.#input.length < OPTION_HEAD_BYTES) return MORE;
    const magic = this.#input.readBigUInt64BE(0);
    if (magic !== IHAVEOPT)
      return {
        kind: "garbage",
        what: `sent 0x${magic.toString(16)} where an option has its magic`,
      };
    const option = this.#input.readUInt32BE(8);
    const length = this.#input.readUInt32BE(12);
    if (length > MOST_SKIPPED_BYTES)
      return { kind: "garbage", what: `sent option ${option} with ${length} bytes` };
    const isLong = length > MOST_OPTION_BYTES;
    if (!isLong && this.#input.length < OPTION_HEAD_BYTES + length) return MORE;
    this.#options += 1;
    const most = MOST_OPTIONS + MOST_OPTIONS_PER_EXPORT * this.#host.directory.all.length;
    if (this.#options > most) return { kind: "garbage", what: `sent more than ${most} options` };
    this.#take(OPTION_HEAD_BYTES);
    if (isLong) this.#skipBytes = length;
    return this.#answer(option, isLong ? undefined : this.#take(length));
  }

  /** Answers an option; one too long to be looked at comes without its data. */
  #answer(option: number, data: Buffer | undefined): HandshakeOutcome {
    if (!this.#isFixed && option !== OPTION.EXPORT_NAME)
      return { kind: "garbage", what: `sent option ${option} without fixed newstyle negotiation` };
    const isEnding = this.#host.isEnding();
    // Whatever comes of it, what was chosen before is chosen no more.
    if (option === OPTION.SET_META_CONTEXT) this.#chosen = undefined;
    if (option === OPTION.ABORT) {
      this.#reply(option, OPTION_REPLY.ACK);
      return { kind: "end" };
    }
    const isHidden = this.#host.tlsMode === "require" && !this.#isEncrypted;
    if (option === OPTION.EXPORT_NAME) {
      const isRefused = isHidden || isEnding || data === undefined;
      return isRefused ? { kind: "end" } : this.#exportName(data);
    }
    if (isEnding) return this.#error(option, OPTION_REPLY.ERR_SHUTDOWN, "the server is ending");
    if (isHidden && option !== OPTION.STARTTLS)
      return this.#error(option, OPTION_REPLY.ERR_TLS_REQD, "this server wants TLS first");
    if (data === undefined)
      return this.#error(option, OPTION_REPLY.ERR_TOO_BIG, `${this.#skipBytes} bytes are too many`);
    return option === OPTION.STARTTLS ? this.#startTls(data) : this.#answerPlain(option, data);
  }

  #answerPlain(option: number, data: Buffer): HandshakeOutcome {
    switch (option) {
      case OPTION.LIST:
        return this.#list(data);
      case OPTION.INFO:
      case OPTION.GO:
        return this.#info(option, data);
      case OPTION.STRUCTURED_REPLY:
        if (data.length > 0) return this.#error(option, OPTION_REPLY.ERR_INVALID, "takes no data");
        this.#isStructured = true;
        this.#reply(option, OPTION_REPLY.ACK);
        return MORE;
      case OPTION.LIST_META_CONTEXT:
      case OPTION.SET_META_CONTEXT:
        return this.#metaContext(option, data);
      default:
        return this.#error(option, OPTION_REPLY.ERR_UNSUP, `option ${option} is not known here`);
    }
  }

  #reply(option: number, type: number, data: Buffer = Buffer.alloc(0)): void {
    const reply = Buffer.alloc(OPTION_REPLY_HEAD_BYTES + data.length);
    reply.writeBigUInt64BE(OPTION_REPLY_MAGIC, 0);
    reply.writeUInt32BE(option, 8);
    reply.writeUInt32BE(type, 12);
    reply.writeUInt32BE(data.length, 16);
    data.copy(reply, OPTION_REPLY_HEAD_BYTES);
    this.#host.send(reply);
  }

  #error(option: number, type: number, message: string): HandshakeOutcome {
    this.#reply(option, type, wireMessage(message));
    return MORE;
  }

  #startTls(data: Buffer): HandshakeOutcome {
    const option = OPTION.STARTTLS;
    if (data.length > 0) return this.#error(option, OPTION_REPLY.ERR_INVALID, "takes no data");
    if (this.#isEncrypted)
      return this.#error(option, OPTION_REPLY.ERR_INVALID, "the connection has TLS already");
    if (this.#host.tlsMode === "off")
      return this.#error(option, OPTION_REPLY.ERR_POLICY, "this server has no TLS");
    this.#reply(option, OPTION_REPLY.ACK);
    return { kind: "tls", rest: this.#take(this.#input.length) };
  }

  #list(data: Buffer): HandshakeOutcome {
    if (data.length > 0) return this.#error(OPTION.LIST, OPTION_REPLY.ERR_INVALID, "takes no data");
    for (const { name, description } of this.#host.directory.all) {
      const bytes = Buffer.from(name);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length, 0);
      const entry = Buffer.concat([length, bytes, Buffer.from(description)]);
      this.#reply(OPTION.LIST, OPTION_REPLY.SERVER, entry);
    }
    this.#reply(OPTION.LIST, OPTION_REPLY.ACK);
    return MORE;
  }

  #exportName(data: Buffer): HandshakeOutcome {
    const name = new OptionReader(data).text(data.length);
    const served = name === undefined ? undefined : this.#host.directory.find(name);
    if (served === undefined) return { kind: "end" };
    const head = Buffer.alloc(10 + (this.#hasNoZeroes ? 0 : EXPORT_NAME_ZEROES));
    head.writeBigUInt64BE(BigInt(served.disk.sizeBytes), 0);
    head.writeUInt16BE(served.flags(this.#isStructured), 8);
    this.#host.send(head);
    return this.#enter(served);
  }

  #enter(served: ServedExport): HandshakeOutcome {
    const isChosen = this.#chosen?.served === served;
    return {
      kind: "transmission",
      served,
      isStructured: this.#isStructured,
      contexts: isChosen ? (this.#chosen?.contexts ?? []) : [],
      rest: this.#take(this.#input.length),
    };
  }

  #unknown(option: number): HandshakeOutcome {
    const message = `there is no such export; there are ${this.#host.directory.listed()}`;
    return this.#error(option, OPTION_REPLY.ERR_UNKNOWN, message);
  }

  #info(option: number, data: Buffer): HandshakeOutcome {
    const asked = new OptionReader(data).infoRequest();
    if (asked === undefined) return this.#error(option, OPTION_REPLY.ERR_INVALID, refuse.info);
    const served = this.#host.directory.find(asked.name);
    if (served === undefined) return this.#unknown(option);
    const head = Buffer.alloc(12);
    head.writeUInt16BE(INFO.EXPORT, 0);
    head.writeBigUInt64BE(BigInt(served.disk.sizeBytes), 2);
    head.writeUInt16BE(served.flags(this.#isStructured), 10);
    this.#reply(option, OPTION_REPLY.INFO, head);
    for (const item of asked.items) {
      const info = infoOf(served, item);
      if (info !== undefined) this.#reply(option, OPTION_REPLY.INFO, info);
    }
    this.#reply(option, OPTION_REPLY.ACK);
    return option === OPTION.GO ? this.#enter(served) : MORE;
  }

  #metaContext(option: number, data: Buffer): HandshakeOutcome {
    const isSet = option === OPTION.SET_META_CONTEXT;
    if (!this.#isStructured)
      return this.#error(option, OPTION_REPLY.ERR_INVALID, "structured replies come first");
    const asked = new OptionReader(data).metaContextRequest();
    if (asked === undefined)
      return this.#error(option, OPTION_REPLY.ERR_INVALID, refuse.metaContext);
    const served = this.#host.directory.find(asked.name);
    if (served === undefined) return this.#unknown(option);
    const found = served.contexts.filter(({ name }) =>
      asked.queries.some((query) => query === name || (!isSet && isWildcard(query, name))),
    );
    const answered = !isSet && asked.queries.length === 0 ? served.contexts : found;
    if (isSet) this.#chosen = { served, contexts: found };
    for (const { id, name } of answered) {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(isSet ? id : 0, 0);
      this.#reply(option, OPTION_REPLY.META_CONTEXT, Buffer.concat([head, Buffer.from(name)]));
    }
    this.#reply(option, OPTION_REPLY.ACK);
    return MORE;
  }
}

/** `base:` stands for every context of that namespace. */
function isWildcard(query: string, name: string): boolean {
  return query === name.slice(0, name.indexOf(":") + 1);
}

/** An item of INFO's answer beside the export itself, if there is something to say. */
function infoOf(served: ServedExport, item: number): Buffer | undefined {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(item, 0);
  if (item === INFO.NAME) return Buffer.concat([head, Buffer.from(served.name)]);
  if (item === INFO.DESCRIPTION && served.description !== "")
    return Buffer.concat([head, Buffer.from(served.description)]);
  if (item !== INFO.BLOCK_SIZE) return undefined;
  const info = Buffer.alloc(14);
  head.copy(info);
  info.writeUInt32BE(BLOCK_SIZES.minimum, 2);
  info.writeUInt32BE(BLOCK_SIZES.preferred, 6);
  info.writeUInt32BE(BLOCK_SIZES.mostPayload, 10);
  return info;
}
