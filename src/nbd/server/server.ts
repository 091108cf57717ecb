/**
 * The NBD server: listens, lets clients in, and ends in order. What it serves is the caller's; it closes no disk.
 *
 * Holds always: no client can end the server, and none learns of another.
 */

import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { PagefoldError } from "../../base/errors.ts";
import { printable } from "../../base/text.ts";
import { Connection } from "./connection.ts";
import { ExportDirectory } from "./export-directory.ts";
import type { TlsMode } from "./handshake.ts";
import { listenPrivately, pathOfSocket, removeSocket } from "./private-socket.ts";
import type { ServedExport } from "./served-export.ts";
import type { ServerTls } from "./tls.ts";

/** Clients at one time, and those of them that have not said yet which export they want. */
const MOST_CONNECTIONS = 256;
const MOST_NEGOTIATING = 64;
/** When the server ends: time for what is under way, and then for clients to hear of it and go. */
const WORK_TIMEOUT_MS = 10_000;
const FAREWELL_MS = 500;
const LOOK_AGAIN_MS = 10;

export interface NbdServerOptions {
  readonly exports: readonly ServedExport[];
  readonly tls?: ServerTls;
  /** Whether clients must encrypt; by default they may, if there is TLS. */
  readonly requireTls?: boolean;
  /** Takes a line for the operator. */
  readonly log?: (line: string) => void;
}

/** Where a server listens: a socket of the file system, an address, or a socket that listens already. */
export type ListenAt =
  | { readonly path: string; readonly replaceDead?: boolean }
  | { readonly host: string; readonly port: number }
  | { readonly fd: number };

export class NbdServer {
  readonly directory: ExportDirectory;
  readonly #tls: ServerTls | undefined;
  readonly #tlsMode: TlsMode;
  readonly #log: (line: string) => void;
  readonly #listener: Server;
  readonly #connections = new Set<Connection>();
  #clients = 0;
  #isEnding = false;
  #closed: Promise<void> | undefined;
  /** The socket of its own making, and the one it was handed. */
  #path: string | undefined;
  #handedPath: string | undefined;

  constructor(options: NbdServerOptions) {
    this.directory = new ExportDirectory(options.exports);
    this.#tls = options.tls;
    this.#tlsMode = options.tls === undefined ? "off" : options.requireTls ? "require" : "on";
    this.#log = options.log ?? (() => {});
    this.#listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#welcome(socket),
    );
  }

  /** Clients connected now, those still negotiating included. */
  get connections(): number {
    return this.#connections.size;
  }

  /** The port, where one was asked for. */
  get port(): number | undefined {
    const address = this.#listener.address();
    return typeof address === "object" && address !== null ? address.port : undefined;
  }

  /** The host whose port it listens at, as an address. */
  get host(): string | undefined {
    const address = this.#listener.address();
    return typeof address === "object" && address !== null ? address.address : undefined;
  }

  /** The socket of the file system it listens at, where it is one. */
  get path(): string | undefined {
    return this.#path ?? this.#handedPath;
  }

  /**
   * Listens; a socket of the file system is the owner's alone (mode 0600).
   * @throws PagefoldError BUSY if the place is taken, NOT_PERMITTED, IO.
   */
  async listen(at: ListenAt): Promise<void> {
    // Such as too many open files: who is connected stays so.
    const onError = (cause: Error) => this.#log(`cannot let a client in: ${cause.message}`);
    if ("path" in at) {
      await listenPrivately(this.#listener, at.path, { replaceDead: at.replaceDead === true });
      this.#path = at.path;
      this.#listener.on("error", onError);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const onFailure = (cause: Error) => reject(listenError(cause, at));
      this.#listener.once("error", onFailure);
      this.#listener.once("listening", () => {
        this.#listener.off("error", onFailure).on("error", onError);
      });
      if ("host" in at) this.#listener.listen(at.port, at.host, resolve);
      else this.#listener.listen({ fd: at.fd }, resolve);
    });
    if ("fd" in at && this.port === undefined) this.#handedPath = pathOfSocket(at.fd);
  }

  #welcome(socket: Socket): void {
    this.#clients += 1;
    const who = `client ${this.#clients}${addressOf(socket)}`;
    if (!this.#makePlace()) {
      this.#log(`${who}: sent away, ${MOST_CONNECTIONS} others are connected`);
      socket.destroy();
      return;
    }
    const connection = new Connection(socket, {
      directory: this.directory,
      tls: this.#tls,
      tlsMode: this.#tlsMode,
      isEnding: () => this.#isEnding,
      log: (line) => this.#log(`${who}: ${printable(line)}`),
      onClose: (closed) => this.#connections.delete(closed),
    });
    this.#connections.add(connection);
  }

  /**
   * Whether there is a place for one more client. Who has not chosen an export yet makes way, the longest there first,
   * so that nobody keeps others out by connecting alone.
   */
  #makePlace(): boolean {
    const undecided = [...this.#connections].filter(({ served }) => served === undefined);
    const isFull = this.#connections.size >= MOST_CONNECTIONS;
    if (isFull || undecided.length >= MOST_NEGOTIATING) undecided[0]?.destroy();
    return !isFull || undecided.length > 0;
  }

  /**
   * Ends in order: lets nobody in, finishes what is under way, answers every further request with ESHUTDOWN, gives
   * clients a moment to go, and cuts off those that stay.
   */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    this.#isEnding = true;
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    const isBusy = () => [...this.#connections].some((connection) => connection.isBusy);
    for (let ms = 0; isBusy() && ms < WORK_TIMEOUT_MS; ms += LOOK_AGAIN_MS)
      await wait(LOOK_AGAIN_MS);
    for (let ms = 0; this.connections > 0 && ms < FAREWELL_MS; ms += LOOK_AGAIN_MS)
      await wait(LOOK_AGAIN_MS);
    for (const connection of [...this.#connections]) connection.destroy();
    await closed;
    if (this.#path !== undefined) removeSocket(this.#path);
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined ? "" : ` (${remoteAddress} port ${remotePort})`;
}

function listenError(
  cause: Error,
  at: { readonly host: string; readonly port: number } | { readonly fd: number },
): PagefoldError {
  const { code } = cause as NodeJS.ErrnoException;
  if ("host" in at && code === "EADDRINUSE") {
    return new PagefoldError(
      "BUSY",
      `port ${at.port} of ${at.host} is taken; choose another one, or 0 for any that is free`,
      { cause },
    );
  }
  const where = "host" in at ? `${at.host}:${at.port}` : `file descriptor ${at.fd}`;
  return new PagefoldError(
    code === "EACCES" || code === "EPERM" ? "NOT_PERMITTED" : "IO",
    `cannot listen at ${printable(where)}: ${printable(cause.message)}; choose another --listen`,
    { cause },
  );
}
