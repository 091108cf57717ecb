/**
 * pagefold's NBD client. Any number of requests may be in flight at once; each is a promise that is settled when all
 * of its replies are in, and until then the bytes given with it belong to the client. A request the export cannot
 * serve (past its end, unaligned, not offered) is refused here and never sent. Once the connection has ended, every
 * request fails with the reason. A connected client keeps the process alive until `disconnect`.
 */

import { PagefoldError } from "../../base/errors.ts";
import type { Extent } from "../../device/extents.ts";
import {
  COMMAND,
  COMMAND_FLAG,
  DEFAULT_MOST_PAYLOAD,
  REQUEST_BYTES,
  REQUEST_MAGIC,
} from "../protocol.ts";
import { type NbdAddress, parseNbdUri } from "../uri.ts";
import type { Connection } from "./connection.ts";
import { listContexts, listExports, type OpenedExport, openExport } from "./handshake.ts";
import { refusalOf } from "./refusals.ts";
import { ReplyReader } from "./reply-reader.ts";
import { Request } from "./request.ts";
import { Sender } from "./sender.ts";
import type {
  ConnectOptions,
  ExportInfo,
  HandshakeOptions,
  ListContextsOptions,
  ListedExport,
} from "./types.ts";

/** A length must fit 32 bits and be a multiple of every block size. */
const MOST_EFFECT_BYTES = 2 ** 31;

export interface WriteOptions {
  /** Done only when the bytes are durable. */
  readonly fua?: boolean;
}

export interface WriteZeroesOptions extends WriteOptions {
  /** The range keeps its place, a later write there finds room. */
  readonly noHole?: boolean;
  /** Fails with UNSUPPORTED rather than take as long as a write. */
  readonly fastZero?: boolean;
}

export interface BlockStatusOptions {
  /** The first extent only, cut to the range asked for. */
  readonly requestOne?: boolean;
}

const SHUTDOWN = "the server is ending and takes no more requests; connect again when it is back";
const DISCONNECTED = "the client has been disconnected; connect again";

export class NbdClient {
  readonly info: ExportInfo;
  readonly #connection: Connection;
  readonly #replies: ReplyReader;
  readonly #sender: Sender;
  /** Most a request carries, a multiple of the block size. */
  readonly #mostPayload: number;
  /** Why no more requests are taken, once that is so. */
  #ended: PagefoldError | undefined;
  #disconnected: Promise<void> | undefined;
  /** Called when none is in flight any more. */
  #onIdle: () => void = () => {};

  private constructor({ connection, info, contextNames }: OpenedExport) {
    this.info = info;
    this.#connection = connection;
    this.#replies = new ReplyReader(info.hasStructuredReplies, contextNames);
    this.#sender = new Sender(connection);
    const { minimum, most } = info.blockSize;
    const payload = Math.min(most, DEFAULT_MOST_PAYLOAD);
    this.#mostPayload = payload - (payload % minimum);
    connection.deliver(
      (bytes, length) => this.#receive(bytes, length),
      (error) => this.#lose(error),
    );
  }

  /**
   * Connects to an export.
   * @throws PagefoldError NOT_FOUND for an unknown one, naming those there are; PROTOCOL, NOT_PERMITTED, UNSUPPORTED or
   * IO where the server or the way to it is at fault; INVALID_ARGUMENT for a URI that is none.
   */
  static async connect(uri: string | NbdAddress, options: ConnectOptions = {}): Promise<NbdClient> {
    return new NbdClient(await openExport(addressOf(uri), options));
  }

  /** Why no more requests are taken, once that is so. */
  get ended(): PagefoldError | undefined {
    return this.#ended;
  }

  /** The exports a server lists; the one the URI names does not matter. */
  static async listExports(
    uri: string | NbdAddress,
    options: HandshakeOptions = {},
  ): Promise<readonly ListedExport[]> {
    return listExports(addressOf(uri), options);
  }

  /** Names of an export's metadata contexts: of those that match `queries`, or of all. */
  static async listContexts(
    uri: string | NbdAddress,
    options: ListContextsOptions = {},
  ): Promise<readonly string[]> {
    return listContexts(addressOf(uri), options);
  }

  /** Fills `target` with the bytes from `offset` on. After a failure it may hold anything. */
  read(offset: number, target: Uint8Array): Promise<void> {
    if (!(target instanceof Uint8Array)) return Promise.reject(noBytes("a read's target"));
    return this.#start(
      new Request({ command: COMMAND.READ, offset, length: target.length, target }),
    );
  }

  write(offset: number, source: Uint8Array, options: WriteOptions = {}): Promise<void> {
    if (!(source instanceof Uint8Array)) return Promise.reject(noBytes("a write's source"));
    const { length } = source;
    const flags = options.fua ? COMMAND_FLAG.FUA : 0;
    return this.#start(new Request({ command: COMMAND.WRITE, flags, offset, length, source }));
  }

  /** Done when all writes that were done before are durable. */
  flush(): Promise<void> {
    return this.#start(new Request({ command: COMMAND.FLUSH, offset: 0, length: 0 }));
  }

  /** Gives up the content of the range: what is read there afterwards is not defined. */
  trim(offset: number, length: number): Promise<void> {
    return this.#start(new Request({ command: COMMAND.TRIM, offset, length }));
  }

  writeZeroes(offset: number, length: number, options: WriteZeroesOptions = {}): Promise<void> {
    const flags =
      (options.fua ? COMMAND_FLAG.FUA : 0) |
      (options.noHole ? COMMAND_FLAG.NO_HOLE : 0) |
      (options.fastZero ? COMMAND_FLAG.FAST_ZERO : 0);
    return this.#start(new Request({ command: COMMAND.WRITE_ZEROES, flags, offset, length }));
  }

  /** Tells the server that the range will be read soon. */
  cache(offset: number, length: number): Promise<void> {
    return this.#start(new Request({ command: COMMAND.CACHE, offset, length }));
  }

  /**
   * Per context, extents from `offset` on: at least one, and together shorter or longer than `length` (at least 1) as
   * suits the server.
   */
  async blockStatus(
    offset: number,
    length: number,
    options: BlockStatusOptions = {},
  ): Promise<ReadonlyMap<string, readonly Extent[]>> {
    const request = new Request({
      command: COMMAND.BLOCK_STATUS,
      flags: options.requestOne ? COMMAND_FLAG.REQ_ONE : 0,
      offset,
      length,
    });
    const refusal = this.#refusal(request);
    if (refusal) throw refusal;
    const asked = length > MOST_EFFECT_BYTES ? request.part(0, MOST_EFFECT_BYTES) : request;
    await this.#send(asked);
    return asked.extents;
  }

  /** Waits for the requests in flight, takes leave of the server and closes. No request is taken from now on. */
  disconnect(): Promise<void> {
    this.#ended ??= new PagefoldError("CLOSED", DISCONNECTED);
    this.#disconnected ??= this.#leave();
    return this.#disconnected;
  }

  async #leave(): Promise<void> {
    if (this.#replies.count > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    if (this.#connection.lost) return;
    const request = Buffer.alloc(REQUEST_BYTES);
    request.writeUInt32BE(REQUEST_MAGIC);
    request.writeUInt16BE(COMMAND.DISC, 6);
    await this.#connection.close(request);
  }

  #start(request: Request): Promise<void> {
    const refusal = this.#refusal(request);
    if (refusal) return Promise.reject(refusal);
    const { command, length } = request;
    if (length === 0 && command !== COMMAND.FLUSH) return Promise.resolve();
    const isEffect = command === COMMAND.TRIM || command === COMMAND.WRITE_ZEROES;
    const most = isEffect ? MOST_EFFECT_BYTES : this.#mostPayload;
    return length > most ? this.#sendParts(request, most) : this.#send(request);
  }

  #send(request: Request): Promise<void> {
    this.#replies.expect(request);
    this.#sender.add(request);
    return request.done;
  }

  /** Settled when all parts are, so that nothing is written to the target any more. */
  async #sendParts(whole: Request, most: number): Promise<void> {
    const parts: Promise<void>[] = [];
    for (let at = 0; at < whole.length; at += most) {
      parts.push(this.#send(whole.part(at, Math.min(most, whole.length - at))));
    }
    const settled = await Promise.allSettled(parts);
    for (const part of settled) if (part.status === "rejected") throw part.reason;
  }

  #refusal(request: Request): PagefoldError | undefined {
    return this.#ended ?? refusalOf(request, this.info);
  }

  #receive(bytes: Buffer, length: number): void {
    this.#replies.consume(bytes, length);
    if (this.#replies.hasShutdown && !this.#ended) {
      this.#ended = new PagefoldError("SHUTDOWN", SHUTDOWN);
      void this.disconnect();
    }
    if (this.#replies.count === 0) this.#onIdle();
  }

  #lose(error: PagefoldError): void {
    this.#ended ??= error;
    this.#replies.rejectAll(error);
    this.#onIdle();
  }
}

function addressOf(uri: string | NbdAddress): NbdAddress {
  return typeof uri === "string" ? parseNbdUri(uri) : uri;
}

function noBytes(what: string): PagefoldError {
  return new PagefoldError("INVALID_ARGUMENT", `${what} must be a Uint8Array`);
}
