/**
 * What `pagefold serve` runs: a store or a cache (backing.ts), its exports on an NBD server, and the control socket
 * beside it. It starts as a whole or not at all, and ends in order.
 */

import { createRequire } from "node:module";
import { isIP } from "node:net";
import { stopwatchClock } from "../base/clock.ts";
import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { RecompressOptions } from "../device/recompress.ts";
import type { StoreStats } from "../device/statistics.ts";
import type { WriteBackRequest } from "../device/write-back/by-hand.ts";
import type { ExportStatus, ServerStatus } from "../report/result.ts";
import { type Backing, type BackingOptions, type OpenExport, openBacking } from "./backing.ts";
import { type ControlHandlers, ControlServer } from "./control.ts";
import { listenPrivately, removeSocket } from "./server/private-socket.ts";
import { type ListenAt, NbdServer } from "./server/server.ts";
import { ServerTls, type TlsFiles } from "./server/tls.ts";
import { formatNbdUri, type NbdTls } from "./uri.ts";

export interface ServiceOptions extends BackingOptions {
  readonly at: ListenAt;
  /** The control socket's path, once it is known where the server listens. */
  readonly controlPathAt: (place: Pick<NbdServer, "path" | "port">) => string;
  readonly replaceDead: boolean;
  readonly tls?: TlsFiles;
  readonly requireTls: boolean;
  /** Whether a socket that was handed over may offer plain text to other machines. */
  readonly allowPlainText: boolean;
}

/** How a service ended. */
export interface ServiceEnd {
  /** What it said of itself last. */
  readonly last: ServerStatus;
  /** What was lost or failed at the end, null if nothing was. */
  readonly loss: PagefoldError | null;
}

/** What must be undone, last first. */
type Undo = () => Promise<void> | void;

export class Service {
  readonly #options: ServiceOptions;
  readonly #backing: Backing;
  readonly #server: NbdServer;
  readonly #tlsUser: string | undefined;
  readonly #startSeconds = stopwatchClock.seconds();
  readonly #undo: Undo[];
  #uri = "";

  private constructor(
    options: ServiceOptions,
    parts: {
      backing: Backing;
      server: NbdServer;
      tlsUser: string | undefined;
      undo: Undo[];
    },
  ) {
    this.#options = options;
    this.#backing = parts.backing;
    this.#server = parts.server;
    this.#tlsUser = parts.tlsUser;
    this.#undo = parts.undo;
  }

  /** @throws PagefoldError whatever keeps any part of it from starting; nothing is left running then. */
  static async start(options: ServiceOptions): Promise<Service> {
    const undo: Undo[] = [];
    let backing: Backing | undefined;
    try {
      const tls = options.tls === undefined ? undefined : new ServerTls(options.tls);
      backing = await openBacking(options);
      const server = new NbdServer({
        exports: backing.exports.map(({ served }) => served),
        requireTls: options.requireTls,
        log: options.log,
        ...(tls === undefined ? {} : { tls }),
      });
      const tlsUser = tls?.users[0];
      const service = new Service(options, { backing, server, tlsUser, undo });
      await service.#listen();
      return service;
    } catch (cause) {
      await undoAll(undo);
      await backing?.close();
      throw cause;
    }
  }

  async #listen(): Promise<void> {
    const { at, replaceDead, controlPathAt } = this.#options;
    await this.#server.listen("path" in at ? { ...at, replaceDead } : at);
    this.#undo.push(() => this.#server.close());
    this.#checkExposed();
    const control = new ControlServer(this.#handlers());
    const path = controlPathAt(this.#server);
    await listenPrivately(control.listener, path, { replaceDead: true });
    this.#undo.push(async () => {
      await control.close();
      removeSocket(path);
    });
    this.#uri = this.#formatUri();
  }

  /** A socket that was handed over may be open to other machines; the caller knows of any other. */
  #checkExposed(): void {
    const { at, requireTls, allowPlainText } = this.#options;
    const { host, port } = this.#server;
    if (!("fd" in at) || requireTls || allowPlainText || host === undefined || isLoopback(host))
      return;
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `the socket handed over listens at ${host} port ${port}, where other machines could read and write swapped memory in plain text; give --tls-psk, or --tls-cert and --tls-key, or say --insecure`,
    );
  }

  #formatUri(): string {
    const { at, tls, requireTls } = this.#options;
    const exportName = this.#backing.exports[0]!.served.name;
    const shown: { tls?: NbdTls } = {};
    if (tls !== undefined && requireTls) {
      const { pskPath } = tls;
      const userName = this.#tlsUser;
      shown.tls = pskPath === undefined || userName === undefined ? {} : { pskPath, userName };
    }
    if ("path" in at) return formatNbdUri({ socketPath: at.path, exportName, ...shown });
    if ("host" in at)
      return formatNbdUri({
        host: reachable(at.host),
        port: this.#server.port ?? at.port,
        exportName,
        ...shown,
      });
    const { path, host, port } = this.#server;
    return path === undefined
      ? formatNbdUri({
          host: reachable(host ?? "localhost"),
          port: port ?? 0,
          exportName,
          ...shown,
        })
      : formatNbdUri({ socketPath: path, exportName, ...shown });
  }

  /** Where clients find the first export. */
  get uri(): string {
    return this.#uri;
  }

  /** The socket of the file system it listens at, where it is one. */
  get socketPath(): string | undefined {
    return this.#server.path;
  }

  /** The port, where it listens at one. */
  get port(): number | undefined {
    return this.#server.port;
  }

  #handlers(): ControlHandlers {
    const { store } = this.#backing;
    return {
      stat: () => this.status(),
      compact: async () => ({ pages_compacted: await store.compactInTurns() }),
      idle: ({ age_seconds }) => ({ marked: store.markIdle(age_seconds as number | undefined) }),
      writeback: (options) => store.writeBack(options as WriteBackRequest),
      recompress: (options) => store.recompressInTurns(options as RecompressOptions),
      reset: ({ name }) => this.#reset(String(name)),
    };
  }

  #reset(name: string): { readonly name: string } {
    const found = this.#backing.exports.find(({ served }) => served.name === name);
    if (found === undefined) {
      throw new PagefoldError(
        "NOT_FOUND",
        `there is no export "${name}"; there are ${this.#server.directory.listed()}`,
      );
    }
    const { connections } = found.served;
    if (connections > 0) {
      const clients = connections === 1 ? "1 client has" : `${connections} clients have`;
      throw new PagefoldError(
        "BUSY",
        `${clients} export "${name}" open; let them disconnect first`,
      );
    }
    found.reset();
    return { name };
  }

  status(): ServerStatus {
    const { cache, exports, store: opened } = this.#backing;
    const store = opened.stats();
    const { codec = "lz4", recompress = [] } = this.#options.store;
    const total = store.mem_used_total + store.metadata_size;
    return {
      server: {
        version: packageVersion(),
        pid: process.pid,
        uri: this.#uri,
        uptime_seconds: stopwatchClock.seconds() - this.#startSeconds,
        connections: this.#server.connections,
        rss_bytes: process.memoryUsage.rss(),
        codec,
        recompress,
        recording: this.#options.record ?? null,
      },
      store,
      ratios: {
        compression:
          store.objects === 0
            ? null
            : (PAGE_BYTES * store.objects) / (store.compr_data_size + store.bd_data_size),
        everything: store.orig_data_size === 0 ? null : store.orig_data_size / total,
      },
      overflow: opened.overflowStats(),
      cache: cache?.stats() ?? null,
      identity_difference: identityDifference(store),
      exports: exports.map(exportStatus),
    };
  }

  /** Ends in order. */
  async close(): Promise<ServiceEnd> {
    // The server is the last but one to have begun: clients are through with their work before the rest goes.
    await this.#server.close();
    await this.#backing.settle();
    const last = this.status();
    await undoAll(this.#undo);
    return { last, loss: await this.#backing.close() };
  }
}

async function undoAll(undo: Undo[]): Promise<void> {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
}

/** Whether only this machine reaches that host. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith("127.");
  return host === "localhost" || host === "::1" || /^::ffff:127\./i.test(host);
}

/** Where a client on this machine finds a server that listens at every address. */
function reachable(host: string): string {
  return host === "::" || host === "0.0.0.0" ? "localhost" : host;
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)("pagefold/package.json") as {
    version: string;
  };
  return version;
}

/** orig_data_size less every term it is the sum of; see src/device/statistics.ts. */
function identityDifference(stats: StoreStats): number {
  const { same_pages, dup_pages, objects, compr_data_size, bd_data_size } = stats;
  const compression = PAGE_BYTES * objects - compr_data_size - bd_data_size;
  const terms =
    PAGE_BYTES * (same_pages + dup_pages) + compression + compr_data_size + bd_data_size;
  return stats.orig_data_size - terms;
}

function exportStatus({ stats: statsOf, served }: OpenExport): ExportStatus {
  const stats = statsOf();
  return {
    name: stats.name,
    domain: stats.domain,
    size_bytes: stats.size_bytes,
    limit_bytes: stats.limit_bytes,
    orig_data_size: stats.orig_data_size,
    compr_data_size: stats.compr_data_size,
    same_pages: stats.same_pages,
    dup_pages: stats.dup_pages,
    objects: stats.objects,
    huge_pages: stats.huge_pages,
    reserved_bytes: stats.reserved_bytes,
    num_reads: stats.num_reads,
    num_writes: stats.num_writes,
    failed_reads: stats.failed_reads,
    failed_writes: stats.failed_writes,
    notify_free: stats.notify_free,
    connections: served.connections,
    requests: { ...served.counts },
  };
}
