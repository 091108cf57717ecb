/** INFO and GO: what is told of an export, and every way in which they can be put wrongly. */

import { describe, expect, it } from "vitest";
import { ServedExport } from "../../../src/nbd/server/served-export.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import type { RawClient } from "../support/raw-client.ts";
import { exportInfo, TestServer } from "../support/test-server.ts";
import {
  bytes,
  hex,
  infoData,
  OPT,
  option,
  optionReply,
  REP,
  sized,
  text,
  u16,
  u32,
} from "../support/wire.ts";

/** HAS_FLAGS, FLUSH, FUA, MULTI_CONN, CACHE: what the plainest disk can do. */
const FLAGS = 0b101_0000_1101;
const BLOCK_SIZE = hex("0003 00000001 00001000 02000000");

async function start(): Promise<RawClient> {
  const server = await TestServer.start([
    new ServedExport("first", new MemoryDisk(10_000)),
    new ServedExport("second", new MemoryDisk(20_000), "a thing of beauty"),
  ]);
  return server.negotiate();
}

const both = [
  { what: "INFO", number: OPT.INFO },
  { what: "GO", number: OPT.GO },
];

describe.each(both)("NbdServer answers $what", ({ number }) => {
  const info = (data: Buffer) => optionReply(number, REP.INFO, data);
  const ack = optionReply(number, REP.ACK);

  it("with EXPORT where nothing is asked for", async () => {
    const client = await start();
    client.send(option(number, infoData("second")));
    await client.expect(info(exportInfo(20_000, FLAGS)), ack);
  });

  it("with EXPORT once where it is asked for", async () => {
    const client = await start();
    client.send(option(number, infoData("second", [0])));
    await client.expect(info(exportInfo(20_000, FLAGS)), ack);
  });

  it("with the first export's canonical name to the empty name", async () => {
    const client = await start();
    client.send(option(number, infoData("", [1])));
    await client.expect(info(exportInfo(10_000, FLAGS)), info(bytes(u16(1), text("first"))), ack);
  });

  it("with name, description and block sizes, each once, and ignores what it does not know", async () => {
    const client = await start();
    client.send(option(number, infoData("second", [4, 1, 2, 0xffff, 3, 3])));
    await client.expect(
      info(exportInfo(20_000, FLAGS)),
      info(bytes(u16(1), text("second"))),
      info(bytes(u16(2), text("a thing of beauty"))),
      info(BLOCK_SIZE),
      ack,
    );
  });

  it("without a description where there is none", async () => {
    const client = await start();
    client.send(option(number, infoData("first", [2])));
    await client.expect(info(exportInfo(10_000, FLAGS)), ack);
  });

  it("with the flag DF after STRUCTURED_REPLY", async () => {
    const client = await start();
    client.send(option(OPT.STRUCTURED_REPLY));
    await client.expect(optionReply(OPT.STRUCTURED_REPLY, REP.ACK));
    client.send(option(number, infoData("first")));
    await client.expect(info(exportInfo(10_000, FLAGS | (1 << 7))), ack);
  });

  it("with UNKNOWN for an unknown export, names those there are, and reads on", async () => {
    const client = await start();
    client.send(option(number, infoData("third", [1, 3])));
    const message = await client.expectOptionError(number, REP.ERR_UNKNOWN);
    expect(message).toContain('"first", "second"');
    client.send(option(number, infoData("first")));
    await client.expect(info(exportInfo(10_000, FLAGS)), ack);
  });

  it.each([
    { what: "has no data", data: Buffer.alloc(0) },
    { what: "has no whole name length", data: hex("000000") },
    { what: "has a name length and no name", data: u32(5) },
    { what: "has a name that ends early", data: bytes(u32(6), text("first")) },
    { what: "has a name length of 2^32 - 1", data: bytes(hex("ffffffff"), text("first"), u16(0)) },
    { what: "has a name that leaves no room for the count", data: sized("first") },
    { what: "has half a count", data: bytes(sized("first"), hex("00")) },
    { what: "counts an item that is not there", data: bytes(sized("first"), u16(1)) },
    { what: "has half an item", data: bytes(sized("first"), u16(1), hex("00")) },
    { what: "has an item that is not counted", data: bytes(sized("first"), u16(0), u16(3)) },
    { what: "has a byte behind its items", data: bytes(infoData("first", [3]), hex("00")) },
    { what: "counts 65535 items", data: bytes(sized("first"), u16(65_535), u16(3)) },
    { what: "has a name that is not UTF-8", data: bytes(u32(2), hex("c328"), u16(0)) },
    { what: "has a name with a NUL", data: infoData("fir\0st") },
    { what: "has a name of 4097 bytes", data: infoData("x".repeat(4097)) },
  ])("with INVALID where it $what, and reads on", async ({ data }) => {
    const client = await start();
    client.send(option(number, data));
    await client.expectOptionError(number, REP.ERR_INVALID);
    client.send(option(number, infoData("first")));
    await client.expect(info(exportInfo(10_000, FLAGS)), ack);
  });

  it("with UNKNOWN for a name of 4096 bytes, which may be", async () => {
    const client = await start();
    client.send(option(number, infoData("x".repeat(4096))));
    await client.expectOptionError(number, REP.ERR_UNKNOWN);
  });
});

describe("NbdServer", () => {
  it("stays in its handshake after INFO and leaves it with GO, told the same by both", async () => {
    const client = await start();
    const data = infoData("second", [3, 1, 2]);
    client.send(option(OPT.INFO, data));
    const answer = await client.take(20 + 12 + (20 + 14) + (20 + 8) + (20 + 19) + 20);
    client.send(option(OPT.GO, data));
    const again = await client.take(answer.length);
    expect(again.toString("hex")).toBe(
      answer.toString("hex").replaceAll("0003e889045565a900000006", "0003e889045565a900000007"),
    );
    client.send(hex("25609513 0000 0003 0000000000000009 0000000000000000 00000000"));
    await client.expect(hex("67446698 00000000 0000000000000009"));
  });

  it("sends nothing between GO's ACK and the first reply, NO_ZEROES or not", async () => {
    const server = await TestServer.start([new ServedExport("", new MemoryDisk(10_000))]);
    const client = await server.negotiate(u32(1));
    client.send(option(OPT.GO, infoData("")));
    await client.expect(
      optionReply(OPT.GO, REP.INFO, exportInfo(10_000, FLAGS)),
      optionReply(OPT.GO, REP.ACK),
    );
    client.send(hex("25609513 0000 0003 0000000000000009 0000000000000000 00000000"));
    await client.expect(hex("67446698 00000000 0000000000000009"));
  });
});
