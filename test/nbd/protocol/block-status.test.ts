/** BLOCK_STATUS: the extents of both contexts, exactly, for an export with pages of every kind. */

import { describe, expect, it } from "vitest";
import { PAGE, writeLayout } from "../support/layout.ts";
import type { RawClient } from "../support/raw-client.ts";
import { takeMessage } from "../support/take-reply.ts";
import { servedStore, serveStore, TestServer } from "../support/test-server.ts";
import { CMD, ERR, FLAG, request, simpleReply, statusChunk } from "../support/wire.ts";

const SIZE = 16 * PAGE;
const BASE = "base:allocation";
const STATE = "x-pagefold:state";
/** base:allocation: bit 0 HOLE, bit 1 ZERO. */
const DATA = 0;
const ZERO = 2;
const HOLE_ZERO = 3;
/** x-pagefold:state: bit 0 same-filled, bit 1 huge, bit 2 idle, bit 3 shared. */
const SAME = 1;
const HUGE = 2;
const IDLE = 4;
const SHARED = 8;

type Extents = readonly (readonly [length: number, status: number])[];

const ALLOCATION: Extents = [
  [PAGE, DATA],
  [PAGE, HOLE_ZERO],
  [2 * PAGE, DATA],
  [PAGE, ZERO],
  [2 * PAGE, DATA],
  [9 * PAGE, HOLE_ZERO],
];

const STATES: Extents = [
  [PAGE, SHARED],
  [PAGE, 0],
  [2 * PAGE, HUGE],
  [2 * PAGE, SAME],
  [PAGE, SHARED],
  [9 * PAGE, 0],
];

/** The extents of a part of the export. */
function part(extents: Extents, offset: number, length: number): Extents {
  const found: [number, number][] = [];
  let at = 0;
  for (const [extent, status] of extents) {
    const from = Math.max(at, offset);
    const to = Math.min(at + extent, offset + length);
    if (from < to) found.push([to - from, status]);
    at += extent;
  }
  return found;
}

async function start(contexts: readonly string[]): Promise<RawClient> {
  const server = await serveStore(SIZE);
  const client = await server.use({ isStructured: true, contexts });
  await writeLayout(client, SIZE);
  return client;
}

describe("Transmission answers BLOCK_STATUS", () => {
  it.each([
    { what: "all", offset: 0, length: SIZE },
    { what: "one page", offset: PAGE, length: PAGE },
    { what: "parts of pages", offset: 4000, length: 5000 },
    { what: "one byte", offset: 3 * PAGE + 7, length: 1 },
    { what: "the last byte", offset: SIZE - 1, length: 1 },
  ])("for $what", async ({ offset, length }) => {
    const client = await start([BASE]);
    client.send(request(CMD.BLOCK_STATUS, { cookie: 3, offset, length }));
    const extents = part(ALLOCATION, offset, length);
    await client.expect(statusChunk(3, { context: 1, extents, isDone: true }));
  });

  it("in pagefold's own context, alone", async () => {
    const client = await start([STATE]);
    client.send(request(CMD.BLOCK_STATUS, { cookie: 3, length: SIZE }));
    await client.expect(statusChunk(3, { context: 2, extents: STATES, isDone: true }));
  });

  it("in both contexts, each in its own extents", async () => {
    const client = await start([BASE, STATE]);
    client.send(request(CMD.BLOCK_STATUS, { cookie: 3, offset: 10, length: SIZE - 10 }));
    await client.expect(
      statusChunk(3, { context: 1, extents: part(ALLOCATION, 10, SIZE), isDone: false }),
      statusChunk(3, { context: 2, extents: part(STATES, 10, SIZE), isDone: true }),
    );
  });

  it.each([
    { what: "everything", offset: 0, length: SIZE },
    { what: "two pages of one state", offset: 2 * PAGE, length: 2 * PAGE },
    { what: "less than the extent", offset: 2 * PAGE, length: 10 },
    { what: "zeros in use and data", offset: 4 * PAGE + 1, length: 2 * PAGE },
  ])("with REQ_ONE, one extent each, no longer than asked: $what", async ({ offset, length }) => {
    const client = await start([BASE, STATE]);
    const flags = FLAG.REQ_ONE;
    client.send(request(CMD.BLOCK_STATUS, { cookie: 3, flags, offset, length }));
    const first = (extents: Extents) => part(extents, offset, length).slice(0, 1);
    await client.expect(
      statusChunk(3, { context: 1, extents: first(ALLOCATION), isDone: false }),
      statusChunk(3, { context: 2, extents: first(STATES), isDone: true }),
    );
  });

  it.each([
    { what: "no bytes", offset: 0, length: 0 },
    { what: "a byte past the end", offset: SIZE, length: 1 },
    { what: "more than there is", offset: 0, length: SIZE + 1 },
  ])("for $what with EINVAL", async ({ offset, length }) => {
    const client = await start([BASE]);
    client.send(request(CMD.BLOCK_STATUS, { cookie: 3, offset, length }));
    await client.expectErrorChunk(3, ERR.EINVAL);
  });

  it("without a context with EINVAL, in words", async () => {
    const client = await start([]);
    client.send(request(CMD.BLOCK_STATUS, { cookie: 3, length: SIZE }));
    expect(await client.expectErrorChunk(3, ERR.EINVAL)).toContain("context");
  });

  it("without structured replies with EINVAL, in a simple reply", async () => {
    const server = await serveStore(SIZE);
    const client = await server.use();
    client.send(request(CMD.BLOCK_STATUS, { cookie: 3, length: SIZE }));
    await client.expect(simpleReply(3, ERR.EINVAL));
  });
});

describe("The state of an extent", () => {
  it("is idle once it is marked so, and until it is touched", async () => {
    const server = await serveStore(SIZE);
    const client = await server.use({ isStructured: true, contexts: [STATE] });
    await writeLayout(client, SIZE);
    server.store.markIdle();
    const ask = request(CMD.BLOCK_STATUS, { cookie: 3, offset: 2 * PAGE, length: 2 * PAGE });
    client.send(ask);
    const idle: Extents = [[2 * PAGE, HUGE | IDLE]];
    await client.expect(statusChunk(3, { context: 2, extents: idle, isDone: true }));
    client.send(request(CMD.READ, { cookie: 4, offset: 3 * PAGE, length: 1 }));
    await takeMessage(client);
    client.send(ask);
    const touched: Extents = [
      [PAGE, HUGE | IDLE],
      [PAGE, HUGE],
    ];
    await client.expect(statusChunk(3, { context: 2, extents: touched, isDone: true }));
  });

  it("is a hole where a limit leaves no promise for zeros, but not where they were reserved", async () => {
    const server = await serveStore(SIZE, { memoryLimitBytes: 2 ** 20 });
    const client = await server.use({ isStructured: true, contexts: [BASE] });
    await writeLayout(client, SIZE);
    const flags = FLAG.NO_HOLE;
    client.send(request(CMD.WRITE_ZEROES, { flags, offset: 8 * PAGE, length: 2 * PAGE }));
    await client.expect(simpleReply(0));
    client.send(request(CMD.BLOCK_STATUS, { cookie: 3, offset: 4 * PAGE, length: 8 * PAGE }));
    const extents: Extents = [
      [PAGE, HOLE_ZERO],
      [2 * PAGE, DATA],
      [PAGE, HOLE_ZERO],
      [2 * PAGE, ZERO],
      [2 * PAGE, HOLE_ZERO],
    ];
    await client.expect(statusChunk(3, { context: 1, extents, isDone: true }));
  });

  it("tells nothing of what other exports of the domain hold", async () => {
    const { served } = await servedStore([
      { name: "a", sizeBytes: SIZE },
      { name: "b", sizeBytes: SIZE },
    ]);
    const server = await TestServer.start(served);
    const payload = Buffer.alloc(PAGE, "the same in both exports, not one word repeated. ");
    const contexts = [STATE];
    const a = await server.use({ name: "a", isStructured: true, contexts });
    const b = await server.use({ name: "b", isStructured: true, contexts });
    for (const client of [a, b]) {
      client.send(request(CMD.WRITE, { payload }));
      await client.expect(simpleReply(0));
      client.send(request(CMD.BLOCK_STATUS, { cookie: 3, length: PAGE }));
      const alone: Extents = [[PAGE, 0]];
      await client.expect(statusChunk(3, { context: 2, extents: alone, isDone: true }));
    }
    b.send(request(CMD.WRITE, { offset: PAGE, payload }));
    await b.expect(simpleReply(0));
    b.send(request(CMD.BLOCK_STATUS, { cookie: 3, length: 2 * PAGE }));
    const twice: Extents = [[2 * PAGE, SHARED]];
    await b.expect(statusChunk(3, { context: 2, extents: twice, isDone: true }));
  });
});

it("Transmission tells the status of 8 GiB, asked for again from where an answer ends", async () => {
  const total = 2 ** 33;
  const server = await serveStore(total);
  const client = await server.use({ isStructured: true, contexts: [BASE] });
  const at = 2 ** 32 + 5 * PAGE;
  client.send(request(CMD.WRITE, { offset: at, payload: Buffer.alloc(PAGE, 0x41) }));
  await client.expect(simpleReply(0));
  const found: [number, number][] = [];
  for (let offset = 0; offset < total; ) {
    const length = Math.min(total - offset, 2 ** 32 - 1);
    client.send(request(CMD.BLOCK_STATUS, { offset, length }));
    const { error, extents = [] } = await takeMessage(client);
    expect(error).toBe(0);
    for (const [extent, status] of extents) {
      const last = found.at(-1);
      if (last?.[1] === status) last[0] += extent;
      else found.push([extent, status]);
      offset += extent;
    }
  }
  expect(found).toEqual([
    [at, HOLE_ZERO],
    [PAGE, DATA],
    [total - at - PAGE, HOLE_ZERO],
  ]);
});
