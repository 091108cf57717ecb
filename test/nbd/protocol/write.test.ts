/**
 * WRITE: any place and length up to 32 MiB, what becomes of longer ones and of those refused, and DISC after it all.
 */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { PAGE, writeLayout } from "../support/layout.ts";
import type { RawClient } from "../support/raw-client.ts";
import { takeReply } from "../support/take-reply.ts";
import { serveStore, type TestServer } from "../support/test-server.ts";
import { bytes, CMD, ERR, FLAG, hex, request, simpleReply } from "../support/wire.ts";

const MIB = 2 ** 20;
const MOST = 32 * MIB;

/** Noise in its first pages, then the same over and over, different from page to page. */
function patterned(length: number): Buffer {
  const random = new SeededRandom(length);
  const block = Buffer.alloc(16 * PAGE);
  random.fill(block);
  const data = Buffer.alloc(length);
  for (let at = 0; at < length; at += block.length) {
    block.writeUInt32BE(at);
    block.copy(data, at);
  }
  return data;
}

async function read(client: RawClient, offset: number, length: number): Promise<Buffer> {
  client.send(request(CMD.READ, { offset, length }));
  return (await takeReply(client, { offset, length })).data;
}

describe("Transmission writes", () => {
  it.each([
    { what: "a byte", offset: 5000, length: 1 },
    { what: "a page", offset: 2 * PAGE, length: PAGE },
    { what: "the end of a page and the start of the next", offset: 2 * PAGE - 5, length: 10 },
    { what: "pages and parts of pages", offset: 3 * PAGE - 5, length: 2 * PAGE + 10 },
    { what: "the last byte", offset: 16 * PAGE - 1, length: 1 },
    { what: "nothing", offset: 77, length: 0 },
    { what: "all", offset: 0, length: 16 * PAGE },
  ])("$what, and nothing beside it", async ({ offset, length }) => {
    const server = await serveStore(16 * PAGE);
    const client = await server.use();
    const content = await writeLayout(client, 16 * PAGE);
    const payload = patterned(length);
    payload.copy(content, offset);
    client.send(request(CMD.WRITE, { cookie: 4, offset, payload }));
    await client.expect(simpleReply(4));
    expect((await read(client, 0, content.length)).equals(content)).toBe(true);
  });

  it.each([
    { what: "32 MiB from a page's start on", offset: 0, length: MOST },
    { what: "32 MiB from within a page", offset: 4095, length: MOST },
    { what: "256 KiB", offset: 0, length: 2 ** 18 },
    { what: "256 KiB and a byte", offset: 0, length: 2 ** 18 + 1 },
    { what: "more than 256 KiB from a page's last byte on", offset: 4095, length: 2 ** 18 + 2 },
  ])("$what", async ({ offset, length }) => {
    const server = await serveStore(40 * MIB);
    const client = await server.use({ isStructured: true });
    const payload = patterned(length);
    client.send(request(CMD.WRITE, { cookie: 4, offset, payload }));
    await client.expect(simpleReply(4));
    expect((await read(client, offset, length)).equals(payload)).toBe(true);
    const around = 8192;
    expect(await read(client, offset + length, around)).toEqual(Buffer.alloc(around));
  });
});

/** A payload that would be requests, were it read as such. */
function treacherous(length: number): Buffer {
  const trap = request(CMD.FLUSH, { cookie: 0xbad });
  return Buffer.alloc(length, bytes(...Array.from({ length: 100 }, () => trap)));
}

describe("Transmission skips the payload of a write it refuses", () => {
  const SIZE = MIB;
  async function expectRefusal(server: TestServer, sent: Buffer, error: number): Promise<void> {
    const client = await server.use();
    client.send(sent, request(CMD.FLUSH, { cookie: 2 }));
    await client.expect(simpleReply(1, error), simpleReply(2));
    expect(server.log).toEqual([]);
  }

  it.each([
    { what: "past the end", error: ERR.ENOSPC, fields: { offset: SIZE - 10 }, length: 5000 },
    { what: "far past the end", error: ERR.ENOSPC, fields: { offset: 2n ** 63n }, length: 5000 },
    { what: "with a flag", error: ERR.EINVAL, fields: { flags: FLAG.DF }, length: 300_000 },
    { what: "longer than the export", error: ERR.ENOSPC, fields: {}, length: SIZE + 1 },
  ])("$what", async ({ error, fields, length }) => {
    const server = await serveStore(SIZE);
    const payload = treacherous(length);
    await expectRefusal(server, request(CMD.WRITE, { cookie: 1, ...fields, payload }), error);
    expect(server.store.stats().orig_data_size).toBe(0);
  });

  it.each([
    { what: "a byte more than 32 MiB", length: MOST + 1 },
    { what: "33 MiB", length: 33 * MIB },
    { what: "64 MiB", length: 64 * MIB },
  ])("of $what, within the export", async ({ length }) => {
    const server = await serveStore(128 * MIB);
    const payload = treacherous(length);
    await expectRefusal(server, request(CMD.WRITE, { cookie: 1, payload }), ERR.EINVAL);
    expect(server.store.stats().orig_data_size).toBe(0);
  });

  it("for which there is no room, and keeps what was there", async () => {
    const server = await serveStore(SIZE, { memoryLimitBytes: 8 * PAGE });
    const client = await server.use({ isStructured: true });
    const noise = patterned(16 * PAGE).subarray(0, 7 * PAGE);
    client.send(request(CMD.WRITE, { payload: noise }));
    await client.expect(simpleReply(0));
    const much = patterned(100 * PAGE);
    client.send(request(CMD.WRITE, { cookie: 1, offset: 50 * PAGE, payload: much }));
    expect(await client.expectErrorChunk(1, ERR.ENOSPC)).toContain("no room");
    expect((await read(client, 0, noise.length)).equals(noise)).toBe(true);
    client.send(request(CMD.FLUSH, { cookie: 2 }));
    await client.expect(simpleReply(2));
  });

  it("for which there is no room after some of it, of 1 MiB", async () => {
    const server = await serveStore(4 * MIB, { memoryLimitBytes: 100 * PAGE });
    const client = await server.use();
    const noise = Buffer.alloc(MIB);
    new SeededRandom(3).fill(noise);
    client.send(request(CMD.WRITE, { cookie: 1, payload: noise }));
    client.send(request(CMD.FLUSH, { cookie: 2 }));
    await client.expect(simpleReply(1, ERR.ENOSPC), simpleReply(2));
  });
});

it("Transmission cuts off a client that announces more than 64 MiB", async () => {
  const server = await serveStore(128 * MIB);
  const client = await server.use();
  client.send(request(CMD.WRITE, { cookie: 1, length: 64 * MIB + 1 }));
  await client.expectEnd();
  await server.untilNobody();
  expect(server.log).toEqual([expect.stringContaining("67108865")]);
});

it("Transmission leaves a page alone of which a client sent only a part, and went", async () => {
  const server = await serveStore(MIB);
  const client = await server.use();
  const content = await writeLayout(client, MIB);
  const sent = request(CMD.WRITE, { offset: 2 * PAGE, length: 2 * PAGE, payload: patterned(5000) });
  await client.sendAll(sent);
  client.endSending();
  await client.expectEnd();
  const other = await server.use();
  expect((await read(other, 0, MIB)).equals(content)).toBe(true);
});

describe("Transmission takes DISC", () => {
  it("without a reply, and ends the connection", async () => {
    const server = await serveStore(MIB);
    const client = await server.use();
    client.send(request(CMD.DISC));
    await client.expectEnd();
    await server.untilNobody();
    expect(server.log).toEqual([]);
  });

  it("when everything before it is answered, and ignores what follows", async () => {
    const server = await serveStore(64 * MIB);
    const client = await server.use();
    const payload = patterned(MIB);
    client.send(
      request(CMD.WRITE, { cookie: 1, payload }),
      request(CMD.READ, { cookie: 2, length: MOST }),
      request(CMD.TRIM, { cookie: 3, offset: 0, length: 0 }),
      request(CMD.DISC),
      request(CMD.WRITE, { cookie: 4, payload: treacherous(PAGE) }),
      hex("0123456789"),
    );
    const lengths = new Map([[2, MOST]]);
    const cookies: number[] = [];
    while (cookies.length < 3) {
      const head = await client.take(16);
      const cookie = Number(head.readBigUInt64BE(8));
      cookies.push(cookie);
      expect(head.readUInt32BE(4)).toBe(0);
      await client.take(lengths.get(cookie) ?? 0);
    }
    expect(cookies.sort()).toEqual([1, 2, 3]);
    await client.expectEnd();
    const other = await server.use();
    expect((await read(other, 0, PAGE)).equals(payload.subarray(0, PAGE))).toBe(true);
    expect(server.log).toEqual([]);
  });

  it("with flags, offset and length, since it has no reply to refuse it with", async () => {
    const server = await serveStore(MIB);
    const client = await server.use({ isStructured: true });
    client.send(request(CMD.DISC, { flags: 0xffff, cookie: 1, offset: 7, length: 9 }));
    await client.expectEnd();
  });

  it("from a client that sends without end afterwards, and keeps none of that", async () => {
    const server = await serveStore(MIB);
    const client = await server.use();
    client.send(request(CMD.DISC));
    for (let count = 0; count < 100; count++) client.send(treacherous(MIB));
    await client.expectEnd();
    await server.untilNobody();
  });
});

it("Transmission answers what was asked before the client stopped sending", async () => {
  const server = await serveStore(64 * MIB);
  const client = await server.use();
  const lengths = [MOST, PAGE, 2 * MIB];
  lengths.forEach((length, cookie) => {
    client.send(request(CMD.READ, { cookie, length }));
  });
  client.endSending();
  let left = lengths.length;
  for (; left > 0; left -= 1) {
    const head = await client.take(16);
    await client.take(lengths[Number(head.readBigUInt64BE(8))]!);
  }
  await client.expectEnd();
  await server.untilNobody();
});
