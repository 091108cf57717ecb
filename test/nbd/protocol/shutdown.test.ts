/** The server's end: what is under way is finished, everything else is told so, and nobody can keep it from ending. */

import { describe, expect, it } from "vitest";
import type { RawClient } from "../support/raw-client.ts";
import { serveDisk, type TestServer } from "../support/test-server.ts";
import { WaitingDisk } from "../support/waiting-disk.ts";
import {
  CMD,
  contextData,
  ERR,
  FLAG,
  infoData,
  OPT,
  option,
  optionReply,
  REP,
  request,
  simpleReply,
} from "../support/wire.ts";

const PAGE = 4096;
const MIB = 2 ** 20;

interface Bench {
  readonly disk: WaitingDisk;
  readonly server: TestServer;
  /** A client whose request waits, so that the server's end does. */
  readonly busy: RawClient;
}

async function start(): Promise<Bench> {
  const disk = new WaitingDisk(MIB);
  const server = await serveDisk(disk);
  const busy = await server.use();
  disk.holds = (_, offset) => offset === 0;
  busy.send(request(CMD.READ, { cookie: 1, length: 8 }));
  await disk.untilWaiting(1);
  return { disk, server, busy };
}

/** Ends the work that waits. */
async function finishWork({ disk, busy }: Bench): Promise<void> {
  disk.finishAll();
  await busy.expect(simpleReply(1, 0, disk.content.subarray(0, 8)));
}

/** The same, and sees the server end. */
async function finish(bench: Bench, closed: Promise<void>): Promise<void> {
  await finishWork(bench);
  bench.busy.send(request(CMD.DISC));
  await closed;
}

describe("NbdServer.close", () => {
  it("finishes what is under way, then ends the connection", async () => {
    const bench = await start();
    let isClosed = false;
    const closed = bench.server.server.close().then(() => {
      isClosed = true;
    });
    // Longer than clients that are idle are given.
    await new Promise((resolve) => setTimeout(resolve, 800));
    expect(isClosed).toBe(false);
    await finishWork(bench);
    await bench.busy.expectEnd();
    await closed;
    expect(bench.server.server.connections).toBe(0);
    expect(bench.server.log).toEqual([]);
  });

  it("finishes a long write that has begun", async () => {
    const bench = await start();
    const { disk, server } = bench;
    const client = await server.use();
    const payload = Buffer.alloc(MIB / 2, 0x77);
    const sent = request(CMD.WRITE, { cookie: 4, offset: MIB / 2, payload });
    await client.sendAll(sent.subarray(0, 300_000));
    while (!disk.notes.some((note) => note.startsWith("write")))
      await new Promise((resolve) => setImmediate(resolve));
    const closed = server.server.close();
    client.send(sent.subarray(300_000), request(CMD.FLUSH, { cookie: 5 }));
    await client.expect(simpleReply(4), simpleReply(5, ERR.ESHUTDOWN));
    expect(disk.content.subarray(MIB / 2).equals(payload)).toBe(true);
    await finish(bench, closed);
  });

  it("answers every further request with ESHUTDOWN, payloads skipped, and takes DISC", async () => {
    const bench = await start();
    const client = await bench.server.use();
    const closed = bench.server.server.close();
    client.send(
      request(CMD.READ, { cookie: 1, offset: PAGE, length: 8 }),
      request(CMD.WRITE, { cookie: 2, payload: Buffer.alloc(100_000, 0x25) }),
      request(CMD.FLUSH, { cookie: 3 }),
      request(CMD.TRIM, { cookie: 4, length: PAGE }),
      request(CMD.CACHE, { cookie: 5, length: PAGE }),
      request(CMD.WRITE_ZEROES, { cookie: 6, length: PAGE }),
      request(CMD.BLOCK_STATUS, { cookie: 7, length: PAGE }),
      request(99, { cookie: 8, flags: FLAG.DF }),
      request(CMD.DISC),
    );
    for (let cookie = 1; cookie <= 8; cookie++)
      await client.expect(simpleReply(cookie, ERR.ESHUTDOWN));
    await client.expectEnd();
    await finish(bench, closed);
    expect(bench.disk.notes).toEqual(["read 0+8", "done read 0+8"]);
  });

  it("answers a read in chunks where those were agreed on", async () => {
    const bench = await start();
    const client = await bench.server.use({ isStructured: true });
    const closed = bench.server.server.close();
    client.send(request(CMD.READ, { cookie: 1, offset: PAGE, length: 8 }));
    expect(await client.expectErrorChunk(1, ERR.ESHUTDOWN)).toContain("ending");
    await finish(bench, closed);
  });

  it.each([
    { what: "LIST", sent: option(OPT.LIST) },
    { what: "STARTTLS", sent: option(OPT.STARTTLS) },
    { what: "INFO", sent: option(OPT.INFO, infoData("")) },
    { what: "GO", sent: option(OPT.GO, infoData("")) },
    { what: "STRUCTURED_REPLY", sent: option(OPT.STRUCTURED_REPLY) },
    { what: "LIST_META_CONTEXT", sent: option(OPT.LIST_META_CONTEXT, contextData("", [])) },
    { what: "SET_META_CONTEXT", sent: option(OPT.SET_META_CONTEXT, contextData("", [])) },
    { what: "an unknown option", sent: option(99) },
    { what: "an option of more than 64 KiB", sent: option(OPT.LIST, Buffer.alloc(70_000)) },
  ])("answers $what with SHUTDOWN, and ABORT with ACK", async ({ sent }) => {
    const bench = await start();
    const client = await bench.server.negotiate();
    const closed = bench.server.server.close();
    client.send(sent);
    await client.expectOptionError(sent.readUInt32BE(8), REP.ERR_SHUTDOWN);
    client.send(option(OPT.ABORT));
    await client.expect(optionReply(OPT.ABORT, REP.ACK));
    await client.expectEnd();
    await finish(bench, closed);
  });

  it("ends the connection at EXPORT_NAME", async () => {
    const bench = await start();
    const client = await bench.server.negotiate();
    const closed = bench.server.server.close();
    client.send(option(OPT.EXPORT_NAME));
    await client.expectEnd();
    await finish(bench, closed);
  });

  it("cuts off idle clients in either phase", async () => {
    const server = await serveDisk(new WaitingDisk(MIB));
    const clients = [await server.connect(), await server.negotiate(), await server.use()];
    await server.server.close();
    for (const client of clients.slice(1)) await client.expectEnd();
    expect(server.server.connections).toBe(0);
    expect(server.log).toEqual([]);
  });

  it("lets nobody in any more", async () => {
    const bench = await start();
    const closed = bench.server.server.close();
    await expect(bench.server.connect()).rejects.toThrow(/ENOENT|ECONNREFUSED/);
    await finish(bench, closed);
  });

  it("ends beside a client that goes on asking", async () => {
    const server = await serveDisk(new WaitingDisk(MIB));
    const client = await server.use();
    let answers = 0;
    const closed = server.server.close();
    while (!client.isEnded) {
      client.send(request(CMD.FLUSH, { cookie: 1 }));
      const answer = await client.take(16).catch(() => undefined);
      if (answer === undefined) break;
      expect(answer.equals(simpleReply(1, ERR.ESHUTDOWN))).toBe(true);
      answers += 1;
    }
    await closed;
    expect(answers).toBeGreaterThan(0);
  });

  it("ends, after ten seconds, beside work that never does", { timeout: 30_000 }, async () => {
    const { server, busy } = await start();
    const reader = await server.use();
    reader.stopReading();
    const read = request(CMD.READ, { offset: PAGE, length: MIB / 2 });
    reader.send(...Array.from({ length: 100 }, () => read));
    const writer = await server.use();
    const half = Buffer.alloc(9, 1);
    writer.send(request(CMD.WRITE, { offset: PAGE, length: MIB / 2, payload: half }));
    while (server.served.counts.writes === 0) await new Promise((resolve) => setImmediate(resolve));
    await server.server.close();
    await busy.expectEnd();
    await writer.expectEnd();
    expect(server.server.connections).toBe(0);
  });

  it("does nothing the second time", async () => {
    const server = await serveDisk(new WaitingDisk(MIB));
    await server.server.close();
    await server.server.close();
  });
});
