/** STARTTLS in each of the server's modes, and what a server that wants TLS says to everything else. */

import { mkdtempSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { ServedExport } from "../../../src/nbd/server/served-export.ts";
import { ServerTls } from "../../../src/nbd/server/tls.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import { RawClient } from "../support/raw-client.ts";
import { exportInfo, servedStore, TestServer } from "../support/test-server.ts";
import {
  CLIENT_FIXED_NO_ZEROES,
  CMD,
  contextData,
  GREETING,
  infoData,
  OPT,
  option,
  optionReply,
  REP,
  request,
  simpleReply,
  text,
  u32,
} from "../support/wire.ts";

const KEY = "00112233445566778899aabbccddeeff";
const { STARTTLS } = OPT;
const ACK = optionReply(STARTTLS, REP.ACK);

function pskTls(): ServerTls {
  const folder = mkdtempSync(join(tmpdir(), "pagefold-psk-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const pskPath = join(folder, "keys");
  writeFileSync(pskPath, `alice:${KEY}\n`);
  return new ServerTls({ pskPath });
}

async function startServer(mode: "off" | "on" | "require"): Promise<TestServer> {
  const exports = [new ServedExport("", new MemoryDisk(8192))];
  if (mode === "off") return TestServer.start(exports);
  return TestServer.start(exports, { tls: pskTls(), requireTls: mode === "require" });
}

/** A client that has said STARTTLS, been told ACK, and goes on encrypted. */
async function encrypt(server: TestServer, before: readonly Buffer[] = []): Promise<RawClient> {
  const socket = connectSocket({ path: server.path });
  onTestFinished(() => {
    socket.destroy();
  });
  const plain = new RawClient(socket);
  await plain.expect(GREETING);
  plain.send(CLIENT_FIXED_NO_ZEROES);
  for (const part of before) {
    plain.send(part);
    for (let isAcked = false; !isAcked; ) {
      const head = await plain.take(20);
      await plain.take(head.readUInt32BE(16));
      isAcked = head.readUInt32BE(12) === REP.ACK;
    }
  }
  plain.send(option(STARTTLS));
  await plain.expect(ACK);
  for (const event of ["data", "end", "close", "error"]) socket.removeAllListeners(event);
  return new Promise((resolve, reject) => {
    const encrypted = connectTls({
      socket,
      ciphers: "PSK",
      maxVersion: "TLSv1.2",
      pskCallback: () => ({ identity: "alice", psk: Buffer.from(KEY, "hex") }),
      checkServerIdentity: () => undefined,
    });
    encrypted.once("error", reject);
    encrypted.once("secureConnect", () => resolve(new RawClient(encrypted)));
  });
}

describe("NbdServer without TLS", () => {
  it("answers STARTTLS with POLICY, and goes on", async () => {
    const server = await startServer("off");
    const client = await server.negotiate();
    client.send(option(STARTTLS));
    await client.expectOptionError(STARTTLS, REP.ERR_POLICY);
    client.send(option(OPT.LIST));
    await client.expect(optionReply(OPT.LIST, REP.SERVER, u32(0)));
  });

  it("answers STARTTLS that carries data with INVALID", async () => {
    const server = await startServer("off");
    const client = await server.negotiate();
    client.send(option(STARTTLS, text("x")));
    await client.expectOptionError(STARTTLS, REP.ERR_INVALID);
  });
});

describe.each(["on", "require"] as const)("NbdServer with TLS: %s", (mode) => {
  it("answers STARTTLS with ACK, then speaks TLS", async () => {
    const server = await startServer(mode);
    const client = await encrypt(server);
    client.send(option(OPT.GO, infoData("")));
    await client.expect(optionReply(OPT.GO, REP.INFO, exportInfo(8192, 0b101_0000_1101)));
    await client.expect(optionReply(OPT.GO, REP.ACK));
    client.send(request(CMD.READ, { cookie: 3, offset: 1, length: 3 }));
    await client.expect(simpleReply(3, 0, Buffer.alloc(3)));
    client.send(request(CMD.DISC));
    await client.expectEnd();
    await server.untilNobody();
    expect(server.log).toEqual([]);
  });

  it("answers a second STARTTLS with INVALID, and never with TLS_REQD", async () => {
    const server = await startServer(mode);
    const client = await encrypt(server);
    client.send(option(STARTTLS));
    await client.expectOptionError(STARTTLS, REP.ERR_INVALID);
    client.send(option(99));
    await client.expectOptionError(99, REP.ERR_UNSUP);
  });

  it("answers STARTTLS that carries data with INVALID, and goes on in plain", async () => {
    const server = await startServer(mode);
    const client = await server.negotiate();
    client.send(option(STARTTLS, text("x")));
    await client.expectOptionError(STARTTLS, REP.ERR_INVALID);
    client.send(option(STARTTLS));
    await client.expect(ACK);
  });

  it("cuts off a client that sends more behind STARTTLS before the answer", async () => {
    const server = await startServer(mode);
    const client = await server.negotiate();
    client.send(option(STARTTLS), option(OPT.LIST));
    await client.expect(ACK);
    await client.expectEnd();
    await server.untilNobody();
    expect(server.log.length).toBe(1);
  });

  it("cuts off a client that speaks no TLS after ACK", async () => {
    const server = await startServer(mode);
    const client = await server.negotiate();
    client.send(option(STARTTLS));
    await client.expect(ACK);
    client.send(option(OPT.LIST));
    await server.untilNobody();
    expect(server.log).toEqual([expect.not.stringContaining("\n")]);
  });

  it("lets go of a client that vanishes instead of speaking TLS", async () => {
    const server = await startServer(mode);
    const client = await server.negotiate();
    client.send(option(STARTTLS));
    await client.expect(ACK);
    client.vanish();
    await server.untilNobody();
  });
});

it("NbdServer keeps nothing that was negotiated before TLS", async () => {
  const { served } = await servedStore([{ sizeBytes: 8192 }]);
  const server = await TestServer.start(served, { tls: pskTls() });
  const client = await encrypt(server, [
    option(OPT.STRUCTURED_REPLY),
    option(OPT.SET_META_CONTEXT, contextData("", ["base:allocation"])),
  ]);
  const { SET_META_CONTEXT } = OPT;
  client.send(option(SET_META_CONTEXT, contextData("", ["base:allocation"])));
  await client.expectOptionError(SET_META_CONTEXT, REP.ERR_INVALID);
  client.send(option(OPT.GO, infoData("")));
  await client.take(20 + 12);
  await client.expect(optionReply(OPT.GO, REP.ACK));
  client.send(request(CMD.READ, { cookie: 3, length: 4 }));
  await client.expect(simpleReply(3, 0, Buffer.alloc(4)));
});

describe("NbdServer that wants TLS", () => {
  it.each([
    { what: "LIST", sent: option(OPT.LIST) },
    { what: "LIST with data", sent: option(OPT.LIST, text("x")) },
    { what: "PEEK_EXPORT", sent: option(OPT.PEEK_EXPORT) },
    { what: "INFO", sent: option(OPT.INFO, infoData("")) },
    { what: "INFO of an unknown export", sent: option(OPT.INFO, infoData("nowhere")) },
    { what: "a malformed INFO", sent: option(OPT.INFO, text("x")) },
    { what: "GO", sent: option(OPT.GO, infoData("")) },
    { what: "STRUCTURED_REPLY", sent: option(OPT.STRUCTURED_REPLY) },
    { what: "LIST_META_CONTEXT", sent: option(OPT.LIST_META_CONTEXT, contextData("", [])) },
    { what: "SET_META_CONTEXT", sent: option(OPT.SET_META_CONTEXT, contextData("", [])) },
    { what: "EXTENDED_HEADERS", sent: option(OPT.EXTENDED_HEADERS) },
    { what: "an unknown option", sent: option(1234) },
    { what: "an option of more than 64 KiB", sent: option(OPT.INFO, Buffer.alloc(70_000)) },
  ])("answers $what with TLS_REQD and then STARTTLS with ACK", async ({ sent }) => {
    const server = await startServer("require");
    const client = await server.negotiate();
    client.send(sent);
    const message = await client.expectOptionError(sent.readUInt32BE(8), REP.ERR_TLS_REQD);
    expect(message).not.toContain("export");
    client.send(option(STARTTLS));
    await client.expect(ACK);
  });

  it("answers ABORT with ACK", async () => {
    const server = await startServer("require");
    const client = await server.negotiate();
    client.send(option(OPT.ABORT));
    await client.expect(optionReply(OPT.ABORT, REP.ACK));
    await client.expectEnd();
  });

  it("ends the connection at EXPORT_NAME", async () => {
    const server = await startServer("require");
    const client = await server.negotiate();
    client.send(option(OPT.EXPORT_NAME));
    await client.expectEnd();
  });
});

it("NbdServer with TLS on serves a client that does without", async () => {
  const server = await startServer("on");
  const client = await server.use();
  client.send(request(CMD.READ, { cookie: 3, length: 4 }));
  await client.expect(simpleReply(3, 0, Buffer.alloc(4)));
});
