/** Who is let in, for how long, and what is counted: the server's own bookkeeping; and the same over TCP. */

import { connect } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ExportDirectory } from "../../../src/nbd/server/export-directory.ts";
import { ServedExport } from "../../../src/nbd/server/served-export.ts";
import { NbdServer } from "../../../src/nbd/server/server.ts";
import { expectRefusal, refusal } from "../../support/refusals.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import { RawClient } from "../support/raw-client.ts";
import { serveDisk, serveStore, TestServer } from "../support/test-server.ts";
import {
  CLIENT_FIXED_NO_ZEROES,
  CMD,
  ERR,
  FLAG,
  GREETING,
  infoData,
  OPT,
  option,
  optionReply,
  REP,
  request,
  simpleReply,
} from "../support/wire.ts";

const MIB = 2 ** 20;

describe("NbdServer", () => {
  it("sends the 257th client away, and lets one in when another has gone", async () => {
    const server = await serveDisk(new MemoryDisk(MIB));
    const clients = [];
    for (let count = 0; count < 256; count++) clients.push(await server.use());
    const late = await server.connect();
    await late.expectEnd();
    expect(server.log).toEqual([expect.stringContaining("256")]);
    clients[0]!.vanish();
    await server.untilConnected(255);
    await server.use();
  });

  it("has who chose no export make way for others, the longest there first", async () => {
    const server = await serveDisk(new MemoryDisk(MIB));
    const chosen = await server.use();
    const undecided = [];
    for (let count = 0; count < 64; count++) undecided.push(await server.negotiate());
    await server.use();
    await undecided[0]!.expectEnd();
    undecided[1]!.send(option(OPT.LIST));
    await undecided[1]!.expect(optionReply(OPT.LIST, REP.SERVER, Buffer.alloc(4)));
    chosen.send(request(CMD.FLUSH, { cookie: 5 }));
    await chosen.expect(simpleReply(5));
  });

  it("cuts off a client that does not end its negotiation within a minute, and no other", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const server = await serveDisk(new MemoryDisk(MIB));
    const [silent, slow, quick] = [
      await server.connect(),
      await server.negotiate(),
      await server.use(),
    ];
    await silent.expect(GREETING);
    vi.advanceTimersByTime(59_000);
    slow.send(option(99));
    await slow.expectOptionError(99, REP.ERR_UNSUP);
    vi.advanceTimersByTime(1_001);
    vi.useRealTimers();
    await silent.expectEnd();
    await slow.expectEnd();
    quick.send(request(CMD.FLUSH, { cookie: 1 }));
    await quick.expect(simpleReply(1));
    expect(server.log).toEqual([expect.stringContaining("60 s"), expect.stringContaining("60 s")]);
  });

  it("knows which export has how many clients", async () => {
    const served = ["a", "b"].map((name) => new ServedExport(name, new MemoryDisk(MIB)));
    const server = await TestServer.start(served);
    const counts = () => served.map(({ connections }) => connections);
    const clients = [
      await server.use({ name: "a" }),
      await server.use({ name: "a" }),
      await server.use({ name: "b" }),
      await server.negotiate(),
    ];
    expect(counts()).toEqual([2, 1]);
    expect(server.server.connections).toBe(4);
    clients[0]!.vanish();
    clients[1]!.send(Buffer.alloc(28));
    clients[2]!.send(request(CMD.DISC));
    await server.untilConnected(1);
    expect(counts()).toEqual([0, 0]);
  });

  it("counts what each export was asked for", async () => {
    const server = await serveStore(MIB);
    const contexts = ["base:allocation"];
    const client = await server.use({ isStructured: true, contexts });
    const payload = Buffer.alloc(100, 1);
    client.send(
      request(CMD.WRITE, { payload }),
      request(CMD.WRITE, { payload }),
      request(CMD.READ, { length: 50 }),
      request(CMD.FLUSH),
      request(CMD.TRIM, { length: 1 }),
      request(CMD.WRITE_ZEROES, { length: 1 }),
      request(CMD.CACHE, { length: 1 }),
      request(CMD.BLOCK_STATUS, { length: 1 }),
      request(CMD.READ, { offset: MIB, length: 50 }),
      request(CMD.WRITE, { flags: FLAG.DF, payload }),
      request(CMD.DISC),
    );
    await server.untilNobody();
    expect(server.served.counts).toEqual({
      reads: 1,
      writes: 2,
      flushes: 1,
      trims: 1,
      write_zeroes: 1,
      caches: 1,
      block_statuses: 1,
      errors: 2,
      bytes_read: 50,
      bytes_written: 200,
    });
  });
});

describe("ExportDirectory", () => {
  const named = (name: string) => new ServedExport(name, new MemoryDisk(4096));

  it("refuses to be empty", () => {
    expectRefusal(() => new ExportDirectory([]), refusal.invalid("nothing to serve"));
  });

  it("refuses two exports of one name", () => {
    const twice = [named("a"), named("b"), named("a")];
    expectRefusal(() => new ExportDirectory(twice), refusal.busy('"a"'));
  });

  it("finds the first by the empty name, unless one is called so", () => {
    const all = [named("a"), named("b")];
    expect(new ExportDirectory(all).find("")).toBe(all[0]);
    const withEmpty = [...all, named("")];
    expect(new ExportDirectory(withEmpty).find("")).toBe(withEmpty[2]);
  });

  it("takes names as they are", () => {
    const directory = new ExportDirectory([named("a"), named("Ä")]);
    for (const name of ["A", "a ", "ä", "A\u0308", "constructor"])
      expect(directory.find(name)).toBe(undefined);
  });
});

describe("NbdServer over TCP", () => {
  async function start(): Promise<{ client: RawClient; log: string[]; disk: MemoryDisk }> {
    const log: string[] = [];
    const disk = new MemoryDisk(64 * MIB);
    for (let at = 0; at < disk.sizeBytes; at += 64) disk.content.writeUInt32BE(at, at);
    const exports = [new ServedExport("", disk)];
    const server = new NbdServer({ exports, log: (line) => log.push(line) });
    onTestFinished(() => server.close());
    await server.listen({ host: "127.0.0.1", port: 0 });
    const socket = connect({ host: "127.0.0.1", port: server.port!, allowHalfOpen: true });
    const client = new RawClient(socket);
    onTestFinished(() => client.vanish());
    await client.expect(GREETING);
    client.send(CLIENT_FIXED_NO_ZEROES);
    return { client, log, disk };
  }

  async function go(client: RawClient): Promise<void> {
    client.send(option(OPT.GO, infoData("")));
    await client.take(20 + 12);
    await client.expect(optionReply(OPT.GO, REP.ACK));
  }

  it("sends everything before it ends the connection, to a client that reads late", async () => {
    const { client, disk } = await start();
    await go(client);
    client.stopReading();
    const length = 32 * MIB;
    client.send(request(CMD.READ, { cookie: 1, offset: 77, length }), request(CMD.DISC));
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.readOn();
    await client.expect(simpleReply(1, 0, disk.content.subarray(77, 77 + length)));
    await client.expectEnd();
  });

  it("answers what was asked before the client stopped sending", async () => {
    const { client, disk } = await start();
    await go(client);
    client.send(request(CMD.READ, { cookie: 1, length: MIB }), request(CMD.TRIM, { cookie: 2 }));
    client.endSending();
    const answers = [simpleReply(1, 0, disk.content.subarray(0, MIB)), simpleReply(2, ERR.EINVAL)];
    // The long one is read in slices, the other one meanwhile.
    await client.expect(...answers.toReversed());
    await client.expectEnd();
  });

  it("says ACK to ABORT before it goes", async () => {
    const { client } = await start();
    client.send(option(OPT.ABORT));
    await client.expect(optionReply(OPT.ABORT, REP.ACK));
    await client.expectEnd();
  });

  it("names the address of a client that sends something else", async () => {
    const { client, log } = await start();
    await go(client);
    client.send(Buffer.alloc(28));
    await client.expectEnd();
    expect(log).toEqual([expect.stringMatching(/^client 1 \(127\.0\.0\.1 port \d+\): /)]);
  });
});
