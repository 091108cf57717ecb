/** TRIM, WRITE_ZEROES and CACHE: what is forgotten, what is kept, and what that costs at a limit. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { randomPage } from "../../support/pages.ts";
import { PAGE, writeLayout } from "../support/layout.ts";
import type { RawClient } from "../support/raw-client.ts";
import { takeReply } from "../support/take-reply.ts";
import { serveStore } from "../support/test-server.ts";
import { CMD, ERR, FLAG, type RequestFields, request, simpleReply } from "../support/wire.ts";

const SIZE = 64 * PAGE;

async function start(options: { readonly memoryLimitBytes?: number } = {}) {
  const server = await serveStore(SIZE, options);
  return { client: await server.use(), store: server.store };
}

async function read(client: RawClient, offset: number, length: number): Promise<Buffer> {
  client.send(request(CMD.READ, { offset, length }));
  return (await takeReply(client, { offset, length })).data;
}

async function ask(client: RawClient, type: number, fields: RequestFields): Promise<number> {
  client.send(request(type, fields));
  return (await takeReply(client)).error;
}

/** Ranges, and the whole pages within them. */
const ranges = [
  { what: "whole pages", offset: PAGE, length: 3 * PAGE, first: 1, end: 4 },
  { what: "pages and parts of pages", offset: 100, length: 3 * PAGE, first: 1, end: 3 },
  { what: "a byte less than a page", offset: 2 * PAGE, length: PAGE - 1, first: 2, end: 2 },
  { what: "all but a page's first byte", offset: 2 * PAGE + 1, length: PAGE - 1, first: 3, end: 3 },
  { what: "parts of two pages", offset: 3 * PAGE - 10, length: 20, first: 3, end: 3 },
  { what: "a page and a byte of the next", offset: 2 * PAGE, length: PAGE + 1, first: 2, end: 3 },
  { what: "everything", offset: 0, length: SIZE, first: 0, end: 64 },
];

describe("Transmission trims", () => {
  it.each(ranges)("$what: those within are forgotten, no other is", async (range) => {
    const { client, store } = await start();
    const content = await writeLayout(client, SIZE);
    const { offset, length, first, end } = range;
    expect(await ask(client, CMD.TRIM, { offset, length })).toBe(0);
    content.fill(0, first * PAGE, Math.max(first, end) * PAGE);
    expect((await read(client, 0, SIZE)).equals(content)).toBe(true);
    const used = [0, 2, 3, 4, 5, 6].filter((page) => page < first || page >= end);
    expect(store.stats().orig_data_size).toBe(used.length * PAGE);
  });

  it("with FUA", async () => {
    const { client } = await start();
    expect(await ask(client, CMD.TRIM, { flags: FLAG.FUA, length: SIZE })).toBe(0);
  });
});

describe("Transmission writes zeros", () => {
  const flagSets = [
    { flags: 0 },
    { flags: FLAG.NO_HOLE },
    { flags: FLAG.FAST_ZERO },
    { flags: FLAG.NO_HOLE | FLAG.FAST_ZERO },
    { flags: FLAG.FUA },
  ];
  describe.each(flagSets)("with flags $flags", ({ flags }) => {
    it.each(ranges)("to $what, byte for byte", async ({ offset, length }) => {
      const { client } = await start();
      const content = await writeLayout(client, SIZE);
      content.fill(0, offset, offset + length);
      expect(await ask(client, CMD.WRITE_ZEROES, { flags, offset, length })).toBe(0);
      expect((await read(client, 0, SIZE)).equals(content)).toBe(true);
    });
  });

  it("without NO_HOLE by forgetting whole pages", async () => {
    const { client, store } = await start();
    await writeLayout(client, SIZE);
    await ask(client, CMD.WRITE_ZEROES, { length: SIZE });
    expect(store.stats().orig_data_size).toBe(0);
  });

  it("with NO_HOLE by keeping every page in use", async () => {
    const { client, store } = await start();
    await ask(client, CMD.WRITE_ZEROES, { flags: FLAG.NO_HOLE, offset: PAGE, length: 5 * PAGE });
    expect(store.stats().orig_data_size).toBe(5 * PAGE);
  });
});

describe("Transmission at the memory limit", () => {
  const LIMIT = 8 * PAGE;
  const random = new SeededRandom(11);
  const noise = () => Buffer.from(randomPage(random));

  /** Noise in as many pages as there is room for: how many. */
  async function fill(client: RawClient): Promise<number> {
    for (let page = 0; ; page++) {
      const error = await ask(client, CMD.WRITE, { offset: page * PAGE, payload: noise() });
      if (error === 0) continue;
      expect(error).toBe(ERR.ENOSPC);
      return page;
    }
  }

  it.each([
    { what: "NO_HOLE", flags: FLAG.NO_HOLE },
    { what: "NO_HOLE and FAST_ZERO", flags: FLAG.NO_HOLE | FLAG.FAST_ZERO },
  ])("refuses zeros with $what with ENOSPC", async ({ flags }) => {
    const { client } = await start({ memoryLimitBytes: LIMIT });
    const full = await fill(client);
    const fields = { flags, offset: full * PAGE, length: PAGE };
    expect(await ask(client, CMD.WRITE_ZEROES, fields)).toBe(ERR.ENOSPC);
  });

  it.each([
    { what: "without flags", flags: 0 },
    { what: "with FAST_ZERO", flags: FLAG.FAST_ZERO },
  ])("writes zeros $what", async ({ flags }) => {
    const { client } = await start({ memoryLimitBytes: LIMIT });
    await fill(client);
    const fields = { flags, offset: PAGE, length: SIZE - PAGE };
    expect(await ask(client, CMD.WRITE_ZEROES, fields)).toBe(0);
    expect((await read(client, PAGE, SIZE - PAGE)).equals(Buffer.alloc(SIZE - PAGE))).toBe(true);
  });

  it("keeps what NO_HOLE was promised", async () => {
    const { client, store } = await start({ memoryLimitBytes: LIMIT });
    const kept = { flags: FLAG.NO_HOLE, offset: 40 * PAGE, length: 3 * PAGE };
    expect(await ask(client, CMD.WRITE_ZEROES, kept)).toBe(0);
    expect(store.stats().reserved_bytes).toBe(3 * PAGE);
    await fill(client);
    for (let page = 40; page < 43; page++) {
      expect(await ask(client, CMD.WRITE, { offset: page * PAGE, payload: noise() })).toBe(0);
    }
    expect(store.stats().reserved_bytes).toBe(0);
    expect(await ask(client, CMD.WRITE, { offset: 43 * PAGE, payload: noise() })).toBe(ERR.ENOSPC);
  });

  it("finds room after TRIM", async () => {
    const { client } = await start({ memoryLimitBytes: LIMIT });
    const full = await fill(client);
    expect(await ask(client, CMD.TRIM, { length: 2 * PAGE })).toBe(0);
    expect(await ask(client, CMD.WRITE, { offset: full * PAGE, payload: noise() })).toBe(0);
  });
});

it("Transmission takes CACHE and changes nothing", async () => {
  const { client, store } = await start();
  const content = await writeLayout(client, SIZE);
  const before = store.stats();
  expect(await ask(client, CMD.CACHE, { offset: 7, length: SIZE - 7 })).toBe(0);
  expect(store.stats()).toEqual(before);
  expect((await read(client, 0, SIZE)).equals(content)).toBe(true);
});

it.each([
  { what: "TRIM", type: CMD.TRIM },
  { what: "WRITE_ZEROES", type: CMD.WRITE_ZEROES },
])("Transmission forgets with $what every whole page of a long range", async ({ type }) => {
  const MIB = 2 ** 20;
  const server = await serveStore(256 * MIB);
  const client = await server.use();
  // Wherever the server cuts the range, there is a page.
  const payload = Buffer.alloc(64 * PAGE, "in use. ");
  for (let offset = 0; offset < 256 * MIB; offset += 32 * MIB) {
    client.send(request(CMD.WRITE, { cookie: 1, offset, payload }));
    await client.expect(simpleReply(1));
  }
  client.send(request(type, { cookie: 2, offset: 100, length: 224 * MIB + 100 }));
  await client.expect(simpleReply(2));
  // The first page is left, and those that begin where the range ends.
  expect(server.store.stats().orig_data_size).toBe((1 + 64) * PAGE);
});

it("Transmission forgets 8 GiB at a word, with other requests beside it", async () => {
  const server = await serveStore(2 ** 33);
  const client = await server.use();
  const last = 2 ** 33 - PAGE;
  client.send(request(CMD.WRITE, { cookie: 1, offset: last, payload: Buffer.alloc(PAGE, 0x41) }));
  await client.expect(simpleReply(1));
  for (let part = 0; part < 3; part++) {
    const offset = part * (2 ** 32 - PAGE);
    const length = Math.min(2 ** 32 - PAGE, 2 ** 33 - offset);
    client.send(request(CMD.WRITE_ZEROES, { cookie: 2 + part, offset, length }));
  }
  client.send(request(CMD.FLUSH, { cookie: 5 }));
  const cookies = [];
  for (let count = 0; count < 4; count++) {
    const head = await client.take(16);
    expect(head.readUInt32BE(4)).toBe(0);
    cookies.push(Number(head.readBigUInt64BE(8)));
  }
  // The short one and the flush do not wait for the two that take many turns.
  expect(cookies.slice(0, 2)).toEqual([4, 5]);
  expect(server.store.stats().orig_data_size).toBe(0);
});
