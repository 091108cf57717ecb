/**
 * A server for one test, at a socket of its own, gone when the test is over; and clients of it that are past the parts
 * of the handshake the test is not about.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { ExportOptions, StoreOptions } from "../../../src/device/options.ts";
import { openStore, type Store } from "../../../src/device/store.ts";
import { DeviceDisk } from "../../../src/nbd/server/device-disk.ts";
import type { Disk } from "../../../src/nbd/server/disk.ts";
import { ServedExport } from "../../../src/nbd/server/served-export.ts";
import { NbdServer, type NbdServerOptions } from "../../../src/nbd/server/server.ts";
import { RawClient } from "./raw-client.ts";
import {
  bytes,
  CLIENT_FIXED_NO_ZEROES,
  contextData,
  GREETING,
  infoData,
  OPT,
  option,
  optionReply,
  REP,
  text,
  u16,
  u32,
  u64,
} from "./wire.ts";

/** When clients that stay connected are given up: some 20 s of looks. */
const MOST_LOOKS = 4000;

/** What a client has asked for before its transmission begins. */
export interface Session {
  readonly name?: string;
  readonly isStructured?: boolean;
  readonly contexts?: readonly string[];
}

/** Numbers of the contexts, as the server gives them. */
const CONTEXT_ID: Readonly<Record<string, number>> = {
  "base:allocation": 1,
  "x-pagefold:state": 2,
};

export class TestServer {
  readonly server: NbdServer;
  readonly path: string;
  /** The first export. */
  readonly served: ServedExport;
  /** What the operator was told. */
  readonly log: readonly string[];

  private constructor(server: NbdServer, path: string, log: readonly string[]) {
    this.server = server;
    this.path = path;
    this.served = server.directory.all[0]!;
    this.log = log;
  }

  static async start(
    exports: readonly ServedExport[],
    options: Omit<NbdServerOptions, "exports" | "log"> = {},
  ): Promise<TestServer> {
    const folder = await mkdtemp(join(tmpdir(), "pagefold-nbd-"));
    const path = join(folder, "socket");
    const log: string[] = [];
    const server = new NbdServer({ exports, log: (line) => log.push(line), ...options });
    onTestFinished(async () => {
      await server.close();
      await rm(folder, { recursive: true });
    });
    await server.listen({ path });
    return new TestServer(server, path, log);
  }

  /** A client that has sent nothing and received nothing. */
  async connect(): Promise<RawClient> {
    const client = await RawClient.connect(this.path);
    onTestFinished(() => client.vanish());
    return client;
  }

  /** A client that may send options. */
  async negotiate(flags: Buffer = CLIENT_FIXED_NO_ZEROES): Promise<RawClient> {
    const client = await this.connect();
    await client.expect(GREETING);
    client.send(flags);
    return client;
  }

  /** A client in its transmission phase. */
  async use(session: Session = {}): Promise<RawClient> {
    const { name = "", isStructured = false, contexts = [] } = session;
    const client = await this.negotiate();
    if (isStructured) {
      client.send(option(OPT.STRUCTURED_REPLY));
      await client.expect(optionReply(OPT.STRUCTURED_REPLY, REP.ACK));
    }
    if (contexts.length > 0) {
      client.send(option(OPT.SET_META_CONTEXT, contextData(name, contexts)));
      for (const context of contexts) {
        const data = bytes(u32(CONTEXT_ID[context]!), text(context));
        await client.expect(optionReply(OPT.SET_META_CONTEXT, REP.META_CONTEXT, data));
      }
      await client.expect(optionReply(OPT.SET_META_CONTEXT, REP.ACK));
    }
    client.send(option(OPT.GO, infoData(name)));
    await client.take(20 + 12);
    await client.expect(optionReply(OPT.GO, REP.ACK));
    return client;
  }

  /** Returns when no client is connected any more. */
  untilNobody(): Promise<void> {
    return this.untilConnected(0);
  }

  /** Returns when that many clients are connected; fails if some stay that have gone. */
  async untilConnected(count: number): Promise<void> {
    for (let looks = 0; this.server.connections !== count; looks++) {
      if (looks > MOST_LOOKS)
        throw new Error(`${this.server.connections} clients are connected, not ${count}`);
      await new Promise((resolve) => setTimeout(resolve, looks < 20 ? 0 : 5));
    }
  }
}

/** A store for one test, and its exports as a server serves them. */
export async function servedStore(
  exports: readonly (ExportOptions & { readonly isReadOnly?: boolean })[],
  options: StoreOptions = {},
): Promise<{ readonly store: Store; readonly served: readonly ServedExport[] }> {
  const store = await openStore(options);
  onTestFinished(() => store.close());
  const served = exports.map(({ isReadOnly = false, ...wanted }) => {
    const device = store.openExport(wanted);
    return new ServedExport(device.name, new DeviceDisk(device, { isReadOnly }));
  });
  return { store, served };
}

/** A server with one export, of the name "", of a store. */
export async function serveStore(
  sizeBytes: number,
  options: StoreOptions & { readonly isReadOnly?: boolean } = {},
): Promise<TestServer & { readonly store: Store }> {
  const { isReadOnly = false, ...storeOptions } = options;
  const { store, served } = await servedStore([{ sizeBytes, isReadOnly }], storeOptions);
  return Object.assign(await TestServer.start(served), { store });
}

/** A server with one export, of the name "", that is the disk. */
export function serveDisk(disk: Disk): Promise<TestServer> {
  return TestServer.start([new ServedExport("", disk)]);
}

/** The item EXPORT of INFO's answer. */
export function exportInfo(sizeBytes: number | bigint, flags: number): Buffer {
  return bytes(u16(0), u64(sizeBytes), u16(flags));
}
