/**
 * One client: greeting, negotiation, perhaps TLS in between, transmission, end. It brings the protocol's parts together
 * with a socket; it knows no message's shape.
 */

import type { Socket } from "node:net";
import { reasonOf } from "../../base/errors.ts";
import { readAsUsual, readInto } from "./buffered-socket.ts";
import type { ExportDirectory } from "./export-directory.ts";
import { Handshake, type HandshakeOutcome, type TlsMode } from "./handshake.ts";
import { ReplyStream } from "./reply-stream.ts";
import type { ServedExport } from "./served-export.ts";
import type { ServerTls } from "./tls.ts";
import { Transmission } from "./transmission.ts";

/** Time a client has for its negotiation. */
const NEGOTIATION_TIMEOUT_MS = 60_000;
/** Silence on TCP after which the peer is asked whether it is there. */
const KEEP_ALIVE_MS = 60_000;
/** Bytes of replies to options that may wait for the client to read them. */
const MOST_UNREAD_BYTES = 2 ** 16;

/** What a connection asks of its server. */
export interface ConnectionHost {
  readonly directory: ExportDirectory;
  readonly tls: ServerTls | undefined;
  readonly tlsMode: TlsMode;
  isEnding(): boolean;
  /** Tells the operator about this client, in one line. */
  log(line: string): void;
  onClose(connection: Connection): void;
}

export class Connection {
  readonly #host: ConnectionHost;
  readonly #handshake: Handshake;
  #socket: Socket;
  #transmission: Transmission | undefined;
  #stream: ReplyStream | undefined;
  #served: ServedExport | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(socket: Socket, host: ConnectionHost) {
    this.#host = host;
    // TLS takes a socket over as Node made it.
    const receive = (bytes: Buffer) => this.#receive(bytes);
    this.#socket =
      host.tls === undefined ? readInto(socket, receive) : readAsUsual(socket, receive);
    this.#handshake = new Handshake({
      directory: host.directory,
      tlsMode: host.tlsMode,
      isEnding: () => host.isEnding(),
      send: (bytes) => this.#socket.write(bytes),
      isFull: () => this.#socket.writableLength > MOST_UNREAD_BYTES,
    });
    this.#timer = setTimeout(
      () => this.#cut(`did not end its negotiation within ${NEGOTIATION_TIMEOUT_MS / 1000} s`),
      NEGOTIATION_TIMEOUT_MS,
    );
    this.#socket.setNoDelay(true);
    // A peer that lost its power never says that it goes.
    this.#socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#attach(this.#socket);
    this.#socket.resume();
    this.#handshake.greet();
  }

  /** The export the client uses, once it does. */
  get served(): ServedExport | undefined {
    return this.#served;
  }

  /** Whether requests are under way. */
  get isBusy(): boolean {
    return this.#transmission?.isBusy === true || (this.#stream?.pendingBytes ?? 0) > 0;
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy();
    this.#close();
  }

  #attach(socket: Socket): void {
    socket.on("end", () => {
      if (this.#transmission === undefined) socket.end();
      else this.#transmission.end();
    });
    socket.on("drain", () => {
      if (this.#transmission === undefined) this.#negotiate(Buffer.alloc(0));
    });
    // The last word is said: a client that does not go is not waited for.
    socket.on("finish", () => this.destroy());
    // A client that goes away in the middle of something is no error of the server's.
    socket.on("error", () => this.destroy());
    socket.on("close", () => this.#close());
  }

  /** Whether the bytes are still needed when it returns. */
  #receive(bytes: Buffer): boolean {
    if (this.#transmission !== undefined) return this.#transmission.receive(bytes);
    this.#negotiate(bytes);
    return false;
  }

  #negotiate(chunk: Buffer): void {
    if (this.#isClosed || this.#socket.writableEnded) return;
    this.#act(this.#handshake.receive(chunk));
    if (this.#transmission !== undefined) return;
    if (this.#socket.writableLength > MOST_UNREAD_BYTES) this.#socket.pause();
    else this.#socket.resume();
  }

  #act(outcome: HandshakeOutcome): void {
    switch (outcome.kind) {
      case "more":
        return;
      case "end":
        this.#socket.end();
        return;
      case "garbage":
        this.#cut(outcome.what);
        return;
      case "tls":
        this.#startTls(outcome.rest);
        return;
      case "transmission":
        this.#startTransmission(outcome);
        return;
    }
  }

  /** A client that does not keep to the protocol is logged once and cut off. */
  #cut(what: string): void {
    this.#host.log(what);
    this.destroy();
  }

  #startTls(rest: Buffer): void {
    const { tls } = this.#host;
    // Bytes sent before the encryption began could be anyone's.
    if (tls === undefined || rest.length > 0) {
      this.#cut(`sent ${rest.length} bytes between STARTTLS and its answer`);
      return;
    }
    const plain = this.#socket;
    for (const event of ["data", "end", "drain", "finish", "close"])
      plain.removeAllListeners(event);
    plain.once("close", () => this.#close());
    // A client that goes before it has encrypted has nothing more to hear.
    plain.allowHalfOpen = false;
    tls.upgrade(plain).then(
      (encrypted) => {
        encrypted.allowHalfOpen = true;
        this.#socket = readAsUsual(encrypted, (bytes) => this.#receive(bytes));
        this.#handshake.startEncrypted();
        this.#attach(encrypted);
      },
      (cause: unknown) => this.#cut(`was not let in by TLS: ${reasonOf(cause)}`),
    );
  }

  #startTransmission(outcome: HandshakeOutcome & { readonly kind: "transmission" }): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    const { served, rest } = outcome;
    let isFaultTold = false;
    const stream = new ReplyStream(socket, () => this.#transmission?.onRoom());
    this.#stream = stream;
    this.#served = served;
    served.connections += 1;
    this.#transmission = new Transmission({
      ...outcome,
      stream,
      host: {
        isEnding: () => this.#host.isEnding(),
        onFault: (cause) => {
          if (!isFaultTold) this.#host.log(`had a request that failed: ${reasonOf(cause)}`);
          isFaultTold = true;
        },
        onBroken: (cause) =>
          this.#cut(`met a mistake of pagefold's own, please report it: ${reasonOf(cause)}`),
        onGarbage: (what) => this.#cut(what),
        setReading: (isReading) => (isReading ? socket.resume() : socket.pause()),
      },
    });
    if (rest.length > 0) this.#transmission.receive(rest);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#stream?.close();
    this.#transmission?.close();
    this.#host.onClose(this);
    const served = this.#served;
    if (served === undefined) return;
    // The export stays open while work on it goes on.
    this.#transmission?.whenIdle(() => {
      served.connections -= 1;
    });
  }
}
