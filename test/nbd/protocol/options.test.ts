/** Options that do not choose an export: each one's answer, and that the next option is read after it. */

import { describe, expect, it } from "vitest";
import { ServedExport } from "../../../src/nbd/server/served-export.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import type { RawClient } from "../support/raw-client.ts";
import { serveStore, TestServer } from "../support/test-server.ts";
import {
  bytes,
  hex,
  OPT,
  option,
  optionReply,
  REP,
  sized,
  text,
  u16,
  u32,
} from "../support/wire.ts";

/** The server still reads options where they begin. */
async function expectNextOption(client: RawClient): Promise<void> {
  client.send(option(OPT.LIST));
  await client.expect(optionReply(OPT.LIST, REP.SERVER, u32(0)));
  await client.expect(optionReply(OPT.LIST, REP.ACK));
}

async function start(): Promise<RawClient> {
  const server = await serveStore(2 ** 20);
  return server.negotiate();
}

describe("NbdServer answers LIST", () => {
  it("with every export, its name and its description", async () => {
    const server = await TestServer.start([
      new ServedExport("first", new MemoryDisk(4096)),
      new ServedExport("zweiter Übungstag", new MemoryDisk(4096), "no one's"),
      new ServedExport("", new MemoryDisk(4096)),
    ]);
    const client = await server.negotiate();
    client.send(option(OPT.LIST));
    await client.expect(
      optionReply(OPT.LIST, REP.SERVER, sized("first")),
      optionReply(OPT.LIST, REP.SERVER, bytes(sized("zweiter Übungstag"), text("no one's"))),
      optionReply(OPT.LIST, REP.SERVER, u32(0)),
      optionReply(OPT.LIST, REP.ACK),
    );
  });

  it("with INVALID where it carries data", async () => {
    const client = await start();
    client.send(option(OPT.LIST, text("x")));
    await client.expectOptionError(OPT.LIST, REP.ERR_INVALID);
    await expectNextOption(client);
  });

  it("again and again, to a client that does not read meanwhile", async () => {
    const exports = Array.from(
      { length: 500 },
      (_, index) => new ServedExport(`${index} ${"x".repeat(4000)}`, new MemoryDisk(4096)),
    );
    const server = await TestServer.start(exports);
    const client = await server.negotiate();
    const answer = bytes(
      ...exports.map(({ name }) => optionReply(OPT.LIST, REP.SERVER, sized(name))),
      optionReply(OPT.LIST, REP.ACK),
    );
    client.stopReading();
    client.send(...Array.from({ length: 10 }, () => option(OPT.LIST)));
    client.readOn();
    for (let count = 0; count < 10; count++) await client.expect(answer);
  });
});

describe("NbdServer answers ABORT", () => {
  it.each([
    { what: "no data", data: Buffer.alloc(0) },
    { what: "data, which it ignores", data: Buffer.alloc(1000, 7) },
    { what: "more data than it looks at", data: Buffer.alloc(70_000, 7) },
  ])("with ACK and the connection's end: $what", async ({ data }) => {
    const client = await start();
    client.send(option(OPT.ABORT, data));
    await client.expect(optionReply(OPT.ABORT, REP.ACK));
    await client.expectEnd();
  });

  it("and nothing that follows it", async () => {
    const server = await serveStore(2 ** 20);
    const client = await server.negotiate();
    client.send(option(OPT.ABORT), option(OPT.LIST));
    await client.expect(optionReply(OPT.ABORT, REP.ACK));
    client.send(option(OPT.LIST));
    await client.expectEnd();
    await server.untilNobody();
    expect(server.log).toEqual([]);
  });
});

describe("NbdServer answers STRUCTURED_REPLY", () => {
  it("with ACK, and again", async () => {
    const client = await start();
    client.send(option(OPT.STRUCTURED_REPLY));
    await client.expect(optionReply(OPT.STRUCTURED_REPLY, REP.ACK));
    client.send(option(OPT.STRUCTURED_REPLY));
    await client.expect(optionReply(OPT.STRUCTURED_REPLY, REP.ACK));
  });

  it("with INVALID where it carries data, and has not agreed to it then", async () => {
    const client = await start();
    client.send(option(OPT.STRUCTURED_REPLY, u32(1)));
    await client.expectOptionError(OPT.STRUCTURED_REPLY, REP.ERR_INVALID);
    client.send(option(OPT.GO, bytes(u32(0), u16(0))));
    await client.take(20 + 12);
    await client.expect(optionReply(OPT.GO, REP.ACK));
    client.send(hex("25609513 0000 0000 0000000000000001 0000000000000000 00000004"));
    await client.expect(hex("67446698 00000000 0000000000000001 00000000"));
  });
});

describe("NbdServer answers UNSUP", () => {
  it.each([
    { what: "PEEK_EXPORT, withdrawn", number: OPT.PEEK_EXPORT },
    { what: "EXTENDED_HEADERS", number: OPT.EXTENDED_HEADERS },
    { what: "option 0", number: 0 },
    { what: "option 12", number: 12 },
    { what: "option 2^32 - 1", number: 0xffffffff },
  ])("to $what, and reads the next option", async ({ number }) => {
    const client = await start();
    client.send(option(number, text("data of some length")));
    await client.expectOptionError(number, REP.ERR_UNSUP);
    await expectNextOption(client);
  });
});

describe("NbdServer answers TOO_BIG", () => {
  const names: readonly (keyof typeof OPT)[] = [
    "LIST",
    "INFO",
    "GO",
    "STRUCTURED_REPLY",
    "LIST_META_CONTEXT",
    "SET_META_CONTEXT",
    "EXTENDED_HEADERS",
  ];
  it.each(names)("to %s of more than 64 KiB, and reads the next option", async (name) => {
    const client = await start();
    client.send(option(OPT[name], Buffer.alloc(2 ** 16 + 1)));
    await client.expectOptionError(OPT[name], REP.ERR_TOO_BIG);
    await expectNextOption(client);
  });

  it("to an option of 32 MiB, and reads the next one", async () => {
    const client = await start();
    client.send(option(99, Buffer.alloc(2 ** 25)));
    await client.expectOptionError(99, REP.ERR_TOO_BIG);
    await expectNextOption(client);
  });

  it("not to one of 64 KiB", async () => {
    const client = await start();
    client.send(option(99, Buffer.alloc(2 ** 16)));
    await client.expectOptionError(99, REP.ERR_UNSUP);
    await expectNextOption(client);
  });
});

describe("NbdServer reads options", () => {
  const conversation = bytes(
    option(OPT.STRUCTURED_REPLY),
    option(77, text("what?")),
    option(OPT.INFO, bytes(u32(0), u16(1), u16(3))),
    option(OPT.ABORT),
  );

  async function expectAnswers(client: RawClient): Promise<void> {
    await client.expect(optionReply(OPT.STRUCTURED_REPLY, REP.ACK));
    await client.expectOptionError(77, REP.ERR_UNSUP);
    const block = hex("0003 00000001 00001000 02000000");
    await client.take(20 + 12);
    await client.expect(
      optionReply(OPT.INFO, REP.INFO, block),
      optionReply(OPT.INFO, REP.ACK),
      optionReply(OPT.ABORT, REP.ACK),
    );
    await client.expectEnd();
  }

  it("that come in one piece", async () => {
    const client = await start();
    client.send(conversation);
    await expectAnswers(client);
  });

  it("that come byte by byte", async () => {
    const client = await start();
    await client.sendBytewise(conversation);
    await expectAnswers(client);
  });
});
