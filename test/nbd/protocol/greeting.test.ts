/** The first words of both sides, and what ends a connection there. */

import { describe, expect, it } from "vitest";
import { serveStore, type TestServer } from "../support/test-server.ts";
import {
  bytes,
  CLIENT_FIXED,
  CLIENT_FIXED_NO_ZEROES,
  GREETING,
  hex,
  OPT,
  option,
  optionReply,
  REP,
  text,
  u16,
  u32,
  u64,
} from "../support/wire.ts";

const SIZE = 2 ** 20;

describe("NbdServer greets", () => {
  it("with both magic numbers and its handshake flags, before the client says anything", async () => {
    const server = await serveStore(SIZE);
    const client = await server.connect();
    await client.expect(GREETING);
  });

  it.each([
    { what: "bit 2", flags: 4 },
    { what: "bit 31", flags: 0x80000001 },
    { what: "all bits", flags: 0xffffffff },
  ])("and drops a client with an unknown flag: $what", async ({ flags }) => {
    const server = await serveStore(SIZE);
    const client = await server.connect();
    client.send(u32(flags), option(OPT.LIST));
    await client.expect(GREETING);
    await client.expectEnd();
    await server.untilNobody();
    expect(server.log).toEqual([expect.stringContaining(`0x${flags.toString(16)}`)]);
  });

  it("and takes the client's flags byte by byte", async () => {
    const server = await serveStore(SIZE);
    const client = await server.connect();
    await client.expect(GREETING);
    await client.sendBytewise(CLIENT_FIXED_NO_ZEROES);
    client.send(option(OPT.ABORT));
    await client.expect(optionReply(OPT.ABORT, REP.ACK));
  });
});

describe("NbdServer answers EXPORT_NAME", () => {
  /** HAS_FLAGS, FLUSH, FUA, TRIM, WRITE_ZEROES, MULTI_CONN, CACHE, FAST_ZERO. */
  const FLAGS = 0b1101_0110_1101;

  it("with size, flags and 124 zeros", async () => {
    const server = await serveStore(SIZE);
    const client = await server.negotiate(CLIENT_FIXED);
    client.send(option(OPT.EXPORT_NAME));
    await client.expect(u64(SIZE), u16(FLAGS), Buffer.alloc(124));
  });

  it("without the zeros where the client says NO_ZEROES", async () => {
    const server = await serveStore(SIZE);
    const client = await server.negotiate(CLIENT_FIXED_NO_ZEROES);
    client.send(option(OPT.EXPORT_NAME));
    await client.expect(u64(SIZE), u16(FLAGS));
    await expectTransmission(client);
  });

  it("to a client without fixed newstyle negotiation", async () => {
    const server = await serveStore(SIZE);
    const client = await server.negotiate(u32(0));
    client.send(option(OPT.EXPORT_NAME));
    await client.expect(u64(SIZE), u16(FLAGS), Buffer.alloc(124));
    await expectTransmission(client);
  });

  it("with the flag DF after STRUCTURED_REPLY", async () => {
    const server = await serveStore(SIZE);
    const client = await server.negotiate();
    client.send(option(OPT.STRUCTURED_REPLY));
    await client.expect(optionReply(OPT.STRUCTURED_REPLY, REP.ACK));
    client.send(option(OPT.EXPORT_NAME));
    await client.expect(u64(SIZE), u16(FLAGS | (1 << 7)));
  });

  it.each([
    { what: "is unknown", name: text("nowhere") },
    { what: "holds a NUL", name: text("\0") },
    { what: "is not UTF-8", name: hex("ff") },
    { what: "has 4097 bytes", name: Buffer.alloc(4097, "x") },
    { what: "has 65537 bytes", name: Buffer.alloc(65_537, "x") },
  ])("with the connection's end where the name $what", async ({ name }) => {
    const server = await serveStore(SIZE);
    const client = await server.negotiate();
    client.send(option(OPT.EXPORT_NAME, name));
    await client.expectEnd();
    await server.untilNobody();
  });
});

describe("NbdServer ends the connection", () => {
  it("of a client without fixed newstyle negotiation that sends another option", async () => {
    const server = await serveStore(SIZE);
    const client = await server.negotiate(u32(2));
    client.send(option(OPT.LIST));
    await client.expectEnd();
    await server.untilNobody();
    expect(server.log.length).toBe(1);
  });

  it("of one that sends something else where an option begins", async () => {
    const server = await serveStore(SIZE);
    const client = await server.negotiate();
    client.send(text("GET / HTTP/1.1\r\n\r\n"));
    await client.expectEnd();
    await server.untilNobody();
    expect(server.log).toEqual([expect.stringContaining("0x474554202f204854")]);
  });

  it("of one that announces an option of more than 32 MiB", async () => {
    const server = await serveStore(SIZE);
    const client = await server.negotiate();
    client.send(hex("49484156454f5054"), u32(OPT.LIST), u32(0xffffffff));
    await client.expectEnd();
    await server.untilNobody();
    expect(server.log.length).toBe(1);
  });

  it("of one that goes on sending options without end", async () => {
    const server = await serveStore(SIZE);
    const client = await server.negotiate();
    const listed = [optionReply(OPT.LIST, REP.SERVER, u32(0)), optionReply(OPT.LIST, REP.ACK)];
    client.send(...Array.from({ length: 2000 }, () => option(OPT.LIST)));
    for (let count = 0; count < 96; count++) await client.expect(...listed);
    await client.expectEnd();
    expect(server.log).toEqual([expect.stringContaining("96 options")]);
  });

  it("of one that stops sending in the middle of an option, and leaves nothing of it", async () => {
    const server = await serveStore(SIZE);
    const client = await server.negotiate();
    await client.sendAll(bytes(option(OPT.INFO, Buffer.alloc(100))).subarray(0, 50));
    client.endSending();
    await client.expectEnd();
    await server.untilNobody();
    expect(server.log).toEqual([]);
  });
});

/** The next bytes are taken as a request. */
async function expectTransmission(client: Awaited<ReturnType<TestServer["negotiate"]>>) {
  client.send(hex("25609513 0000 0003 0000000000000007 0000000000000000 00000000"));
  await client.expect(hex("67446698 00000000 0000000000000007"));
}
