/**
 * The client's end of a connection: bytes taken by the count while options are haggled over, then handed to a sink as
 * they come. Without TLS all bytes are read into one buffer that is used again and again, so a sink keeps none of
 * them. A connection ends once, for one reason, which whoever waits on it is told.
 */

import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { PagefoldError } from "../../base/errors.ts";
import type { NbdPlace } from "../uri.ts";
import { connectError, lostError, placeName, protocolError, tlsError } from "./errors.ts";

/** What one read may bring. */
const READ_BYTES = 2 ** 18;
/** Most that may lie here unasked for: nothing does while both sides keep to the protocol. */
const MOST_UNTAKEN_BYTES = 2 ** 25;
/** How long the other side may take to close after our last word. */
const CLOSE_TIMEOUT_MS = 5_000;

/** Takes the first `length` of `bytes`; throws a PagefoldError if they break the protocol. */
export type Sink = (bytes: Buffer, length: number) => void;

interface Waiter {
  readonly length: number;
  readonly resolve: (bytes: Buffer) => void;
  readonly reject: (error: PagefoldError) => void;
}

export class Connection {
  readonly place: string;
  #socket: Socket;
  /** Says why it ended: the reason depends on how far it had come. */
  #explain: (place: string, cause: Error | undefined) => PagefoldError = connectError;
  #untaken: Buffer = Buffer.alloc(0);
  #waiter: Waiter | undefined;
  #sink: Sink = (bytes, length) => this.#keep(bytes, length);
  #lost: PagefoldError | undefined;
  #onLost: (error: PagefoldError) => void = () => {};

  /** Connects; with `isPlain`, nothing but plain bytes will ever come. */
  constructor(place: NbdPlace, isPlain: boolean) {
    this.place = placeName(place);
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const callback = (length: number) => {
      this.#receive(buffer, length);
      return true;
    };
    this.#socket = connect({
      ...("socketPath" in place
        ? { path: place.socketPath }
        : { host: place.host, port: place.port }),
      noDelay: true,
      ...(isPlain ? { onread: { buffer, callback } } : {}),
    });
    this.#listen(this.#socket, !isPlain);
  }

  /** Why it ended, once it has. */
  get lost(): PagefoldError | undefined {
    return this.#lost;
  }

  /** Waits until it stands. */
  async opened(): Promise<void> {
    await this.#until("connect");
    this.#explain = lostError;
  }

  /** The next `length` bytes, once they have come; one taker at a time. */
  take(length: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#waiter = { length, resolve, reject };
      this.#satisfy();
      if (this.#waiter && this.#lost) reject(this.#lost);
    });
  }

  /** From now on bytes go to `sink`, those not taken yet first, and its end to `onLost`. */
  deliver(sink: Sink, onLost: (error: PagefoldError) => void): void {
    this.#onLost = onLost;
    this.#sink = sink;
    const untaken = this.#untaken;
    this.#untaken = Buffer.alloc(0);
    if (this.#lost) onLost(this.#lost);
    else this.#receive(untaken, untaken.length);
  }

  /** All further bytes go through TLS. */
  async startTls(options: ConnectionOptions): Promise<void> {
    if (this.#untaken.length > 0) {
      throw protocolError("it sent more after it had agreed to start TLS");
    }
    const plain = this.#socket;
    for (const event of ["data", "error", "close"]) plain.removeAllListeners(event);
    // What happens to it is told by the one around it.
    plain.on("error", () => {});
    this.#explain = tlsError;
    this.#socket = connectTls({ ...options, socket: plain });
    this.#listen(this.#socket, true);
    // TLS 1.3: a server that does not like our certificate says so only after this.
    await this.#until("secureConnect");
  }

  /** Bytes that go out together; `done` is called when they may change again. */
  send(parts: readonly Uint8Array[], done?: () => void): void {
    const last = parts.length - 1;
    if (last > 0) this.#socket.cork();
    for (let index = 0; index < last; index++) this.#socket.write(parts[index]!);
    this.#socket.write(parts[last]!, done);
    if (last > 0) this.#socket.uncork();
  }

  /** Ends it at once, for the reason given. */
  fail(reason: Error): void {
    this.#lose(reason);
    this.#socket.destroy();
  }

  /** Says `lastWords` and waits until the other side has closed too; what still comes is not looked at. */
  async close(lastWords: Uint8Array): Promise<void> {
    if (this.#socket.closed) return;
    this.#sink = () => {};
    this.#onLost = () => {};
    const closed = new Promise<void>((resolve) => {
      this.#socket.once("close", () => resolve());
    });
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS);
    this.#socket.end(lastWords);
    await closed;
    clearTimeout(timer);
  }

  #listen(socket: Socket, wantsData: boolean): void {
    if (wantsData) socket.on("data", (bytes: Buffer) => this.#receive(bytes, bytes.length));
    socket.on("error", (error) => this.#lose(error));
    socket.on("close", () => this.#lose(undefined));
  }

  #receive(bytes: Buffer, length: number): void {
    this.#explain = lostError;
    try {
      this.#sink(bytes, length);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  #keep(bytes: Buffer, length: number): void {
    if (this.#untaken.length + length > MOST_UNTAKEN_BYTES) {
      throw protocolError(`it sent more than ${MOST_UNTAKEN_BYTES} bytes unasked`);
    }
    this.#untaken = Buffer.concat([this.#untaken, bytes.subarray(0, length)]);
    this.#satisfy();
  }

  #satisfy(): void {
    const waiter = this.#waiter;
    if (waiter === undefined || this.#untaken.length < waiter.length) return;
    this.#waiter = undefined;
    const taken = this.#untaken.subarray(0, waiter.length);
    this.#untaken = this.#untaken.subarray(waiter.length);
    waiter.resolve(taken);
  }

  /** Waits for an event of the socket, or for the connection's end. */
  #until(event: "connect" | "secureConnect"): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onLost = reject;
      this.#socket.once(event, resolve);
    });
  }

  #lose(cause: Error | undefined): void {
    if (this.#lost) return;
    this.#lost = this.#explain(this.place, cause);
    this.#waiter?.reject(this.#lost);
    this.#waiter = undefined;
    this.#onLost(this.#lost);
  }
}
