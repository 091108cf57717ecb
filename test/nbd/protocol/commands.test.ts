/** Every command with every flag, in both kinds of reply; commands there are none of; ranges at and past the end. */

import { describe, expect, it } from "vitest";
import type { RawClient } from "../support/raw-client.ts";
import { takeReply } from "../support/take-reply.ts";
import { serveStore } from "../support/test-server.ts";
import { CMD, ERR, FLAG, type RequestFields, request } from "../support/wire.ts";

const SIZE = 2 ** 20;
const EACH_BIT = Array.from({ length: 16 }, (_, bit) => 1 << bit);

const kinds = [
  { kind: "simple", isStructured: false },
  { kind: "structured", isStructured: true },
] as const;

interface Case {
  readonly what: string;
  readonly type: number;
  /** Flags it takes beside FUA, in structured mode and in simple mode. */
  readonly flags: number;
  readonly simpleFlags?: number;
  readonly fields: RequestFields;
  readonly dataBytes?: number;
}

const cases: readonly Case[] = [
  {
    what: "READ",
    type: CMD.READ,
    flags: FLAG.DF,
    simpleFlags: 0,
    fields: { length: 100 },
    dataBytes: 100,
  },
  { what: "WRITE", type: CMD.WRITE, flags: 0, fields: { payload: Buffer.alloc(5000, 0x25) } },
  { what: "FLUSH", type: CMD.FLUSH, flags: 0, fields: {} },
  { what: "TRIM", type: CMD.TRIM, flags: 0, fields: { length: 4096 } },
  { what: "CACHE", type: CMD.CACHE, flags: 0, fields: { length: 4096 } },
  {
    what: "WRITE_ZEROES",
    type: CMD.WRITE_ZEROES,
    flags: FLAG.NO_HOLE | FLAG.FAST_ZERO,
    fields: { length: 5000 },
  },
  {
    what: "BLOCK_STATUS",
    type: CMD.BLOCK_STATUS,
    flags: FLAG.REQ_ONE,
    fields: { length: 4096 },
  },
];

async function start(isStructured: boolean): Promise<RawClient> {
  const server = await serveStore(SIZE);
  return server.use({ isStructured, contexts: isStructured ? ["base:allocation"] : [] });
}

async function errorOf(client: RawClient, sent: Buffer, dataBytes = 0): Promise<number> {
  client.send(sent);
  return (await takeReply(client, { length: dataBytes })).error;
}

describe.each(kinds)("Transmission with $kind replies", ({ isStructured }) => {
  it.each(cases)("takes with $what the flags meant for it and no other", async (tested) => {
    const { type, flags, simpleFlags = flags, fields, dataBytes } = tested;
    const client = await start(isStructured);
    const allowed = FLAG.FUA | (isStructured ? flags : simpleFlags);
    const isImpossible = type === CMD.BLOCK_STATUS && !isStructured;
    const errors: number[] = [];
    for (const bit of EACH_BIT)
      errors.push(await errorOf(client, request(type, { ...fields, flags: bit }), dataBytes));
    expect(errors).toEqual(
      EACH_BIT.map((bit) => ((bit & allowed) !== 0 && !isImpossible ? 0 : ERR.EINVAL)),
    );
  });

  it("takes all of a command's flags together", async () => {
    const client = await start(true);
    for (const { type, flags, fields, dataBytes } of cases) {
      const sent = request(type, { ...fields, flags: flags | FLAG.FUA });
      expect(await errorOf(client, sent, dataBytes)).toBe(0);
    }
  });

  it.each([CMD.RESIZE, 9, 255, 0xffff])("answers command %i with EINVAL", async (type) => {
    const client = await start(isStructured);
    expect(await errorOf(client, request(type, { offset: 77, length: 4096 }))).toBe(ERR.EINVAL);
    expect(await errorOf(client, request(CMD.FLUSH))).toBe(0);
  });

  it.each([
    { what: "an offset", fields: { offset: 1 } },
    { what: "a length", fields: { length: 1 } },
    { what: "both", fields: { offset: 4096, length: 4096 } },
  ])("answers a flush with $what with EINVAL", async ({ fields }) => {
    const client = await start(isStructured);
    expect(await errorOf(client, request(CMD.FLUSH, fields))).toBe(ERR.EINVAL);
    expect(await errorOf(client, request(CMD.FLUSH))).toBe(0);
  });

  describe.each([
    { what: "READ", type: CMD.READ, pastEnd: ERR.EINVAL },
    { what: "WRITE", type: CMD.WRITE, pastEnd: ERR.ENOSPC },
    { what: "TRIM", type: CMD.TRIM, pastEnd: ERR.EINVAL },
    { what: "CACHE", type: CMD.CACHE, pastEnd: ERR.EINVAL },
    { what: "WRITE_ZEROES", type: CMD.WRITE_ZEROES, pastEnd: ERR.ENOSPC },
    { what: "BLOCK_STATUS", type: CMD.BLOCK_STATUS, pastEnd: ERR.EINVAL },
  ])("and $what", ({ type, pastEnd }) => {
    const isPossible = type !== CMD.BLOCK_STATUS || isStructured;

    /** A request for that range, with the payload a write has to have. */
    function ranged(offset: number | bigint, length: number): Buffer {
      const payload = Buffer.alloc(type === CMD.WRITE ? length : 0, 0x25);
      return request(type, { offset, length, payload });
    }

    it.each([
      { what: "the first byte", offset: 0, length: 1 },
      { what: "the last byte", offset: SIZE - 1, length: 1 },
      { what: "the last page and a half", offset: SIZE - 6144, length: 6144 },
      { what: "all of it", offset: 0, length: SIZE },
      { what: "a part of two pages", offset: 4095, length: 2 },
    ])("takes $what, if it can be done at all", async ({ offset, length }) => {
      const client = await start(isStructured);
      const dataBytes = type === CMD.READ ? length : 0;
      expect(await errorOf(client, ranged(offset, length), dataBytes)).toBe(
        isPossible ? 0 : ERR.EINVAL,
      );
    });

    it.each([
      { what: "one byte past the end", offset: SIZE, length: 1 },
      { what: "half past the end", offset: SIZE - 2048, length: 4096 },
      { what: "one byte more than all", offset: 0, length: SIZE + 1 },
      { what: "offset 2^32", offset: 2 ** 32, length: 8 },
      { what: "offset 2^53 + 1", offset: 2n ** 53n + 1n, length: 8 },
      { what: "offset 2^63", offset: 2n ** 63n, length: 8 },
      { what: "a sum that is 2^64", offset: 2n ** 64n - 4096n, length: 4096 },
      { what: "a sum that is 4096 beyond 2^64", offset: 2n ** 64n - 4096n, length: 8192 },
    ])("refuses $what, and goes on", async ({ offset, length }) => {
      const client = await start(isStructured);
      expect(await errorOf(client, ranged(offset, length))).toBe(isPossible ? pastEnd : ERR.EINVAL);
      expect(await errorOf(client, request(CMD.FLUSH))).toBe(0);
    });

    it("keeps the connection where nothing is asked for", async () => {
      const client = await start(isStructured);
      const isStatus = type === CMD.BLOCK_STATUS;
      expect(await errorOf(client, ranged(4096, 0))).toBe(isStatus ? ERR.EINVAL : 0);
      expect(await errorOf(client, ranged(SIZE, 0))).toBe(isStatus ? ERR.EINVAL : 0);
      expect(await errorOf(client, request(CMD.FLUSH))).toBe(0);
    });
  });

  it("takes lengths of 2^32 - 1 where nothing is sent and nothing asked for", async () => {
    const server = await serveStore(2 ** 33);
    const contexts = isStructured ? ["base:allocation"] : [];
    const client = await server.use({ isStructured, contexts });
    const types: number[] = [CMD.TRIM, CMD.CACHE, CMD.WRITE_ZEROES];
    if (isStructured) types.push(CMD.BLOCK_STATUS);
    for (const type of types) {
      const sent = request(type, { offset: 2 ** 32, length: 2 ** 32 - 1 });
      expect(await errorOf(client, sent)).toBe(0);
    }
  });
});

describe("Transmission", () => {
  it("says in words why it refuses", async () => {
    const client = await start(true);
    client.send(request(99, { cookie: 1 }));
    expect(await client.expectErrorChunk(1, ERR.EINVAL)).toContain("command 99");
    client.send(request(CMD.READ, { cookie: 2, offset: SIZE, length: 7 }));
    const past = await client.expectErrorChunk(2, ERR.EINVAL);
    expect(past).toContain(`7 bytes at offset ${SIZE}`);
    client.send(request(CMD.WRITE, { cookie: 3, flags: FLAG.DF, payload: Buffer.alloc(9) }));
    expect(await client.expectErrorChunk(3, ERR.EINVAL)).toContain("0x4");
  });

  it("answers an early error of READ with a chunk, never simply", async () => {
    const client = await start(true);
    client.send(request(CMD.READ, { cookie: 1, flags: FLAG.NO_HOLE, length: 8 }));
    await client.expectErrorChunk(1, ERR.EINVAL);
  });

  it("gives back each cookie as it came", async () => {
    const client = await start(false);
    for (const cookie of [0n, 1n, 2n ** 32n - 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      client.send(request(CMD.FLUSH, { cookie }));
      const reply = await client.take(16);
      expect(reply.readBigUInt64BE(8)).toBe(cookie);
    }
  });
});
