/** READ in both kinds of reply: holes and data exactly, one piece where that is asked for, and how much at a time. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { randomPage } from "../../support/pages.ts";
import { PAGE, writeLayout } from "../support/layout.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import { takeMessage, takeReply } from "../support/take-reply.ts";
import { serveDisk, serveStore } from "../support/test-server.ts";
import {
  CMD,
  dataChunk,
  ERR,
  FLAG,
  holeChunk,
  noneChunk,
  request,
  simpleReply,
} from "../support/wire.ts";

const SIZE = 16 * PAGE;
const MIB = 2 ** 20;
const MOST = 32 * MIB;

async function start(isStructured: boolean) {
  const server = await serveStore(SIZE);
  const client = await server.use({ isStructured });
  return { client, content: await writeLayout(client, SIZE) };
}

/** Parts of the layout: where they begin and end, and whether they are holes. */
const ALL = [
  { from: 0, to: PAGE, isHole: false },
  { from: PAGE, to: 2 * PAGE, isHole: true },
  { from: 2 * PAGE, to: 4 * PAGE, isHole: false },
  { from: 4 * PAGE, to: 5 * PAGE, isHole: true },
  { from: 5 * PAGE, to: 7 * PAGE, isHole: false },
  { from: 7 * PAGE, to: SIZE, isHole: true },
];

const ranges = [
  { what: "all of it", offset: 0, length: SIZE },
  { what: "a page", offset: 2 * PAGE, length: PAGE },
  { what: "a byte of data", offset: 7, length: 1 },
  { what: "a byte of a hole", offset: PAGE + 7, length: 1 },
  { what: "data, a hole, data, no whole page but the hole", offset: 4000, length: 5000 },
  { what: "the end of a hole and a byte of data", offset: 8000, length: 193 },
  { what: "the end of data and a byte of a hole", offset: 100, length: 3997 },
  { what: "within two pages of data", offset: 3 * PAGE - 10, length: 20 },
  { what: "zeros that were written", offset: 4 * PAGE, length: PAGE },
  { what: "the last byte", offset: SIZE - 1, length: 1 },
];

describe("Transmission with structured replies answers READ", () => {
  it.each(ranges)("of $what with data and holes, exactly", async ({ offset, length }) => {
    const { client, content } = await start(true);
    const end = offset + length;
    client.send(request(CMD.READ, { cookie: 9, offset, length }));
    for (const part of ALL) {
      const from = Math.max(part.from, offset);
      const to = Math.min(part.to, end);
      if (from >= to) continue;
      const place = { offset: from, isDone: to === end };
      await client.expect(
        part.isHole
          ? holeChunk(9, { ...place, length: to - from })
          : dataChunk(9, { ...place, data: content.subarray(from, to) }),
      );
    }
  });

  it.each(ranges)("of $what with DF as one piece", async ({ offset, length }) => {
    const { client, content } = await start(true);
    client.send(request(CMD.READ, { cookie: 9, flags: FLAG.DF, offset, length }));
    const data = content.subarray(offset, offset + length);
    await client.expect(dataChunk(9, { offset, data, isDone: true }));
  });

  it("of nothing with an empty chunk", async () => {
    const { client } = await start(true);
    client.send(request(CMD.READ, { cookie: 9, offset: 5 }));
    client.send(request(CMD.READ, { cookie: 10, offset: 5, flags: FLAG.DF }));
    await client.expect(noneChunk(9), noneChunk(10));
  });

  it("of a disk that knows no zeros as one piece", async () => {
    const server = await serveDisk(new MemoryDisk(SIZE));
    const client = await server.use({ isStructured: true });
    client.send(request(CMD.READ, { cookie: 9, offset: 1, length: SIZE - 1 }));
    await client.expect(dataChunk(9, { offset: 1, data: Buffer.alloc(SIZE - 1), isDone: true }));
  });
});

describe("Transmission with simple replies answers READ", () => {
  it.each(ranges)("of $what", async ({ offset, length }) => {
    const { client, content } = await start(false);
    client.send(request(CMD.READ, { cookie: 9, offset, length }));
    await client.expect(simpleReply(9, 0, content.subarray(offset, offset + length)));
  });

  it("of nothing with a bare reply", async () => {
    const { client } = await start(false);
    client.send(request(CMD.READ, { cookie: 9, offset: 5 }));
    await client.expect(simpleReply(9));
  });
});

describe("Transmission answers a long READ", () => {
  const LONG = 160 * MIB;
  const AT = 12_345;

  /** A disk of 160 MiB with runs of noise here and there. */
  async function startLong(isStructured: boolean) {
    const server = await serveStore(LONG);
    const client = await server.use({ isStructured });
    const content = Buffer.alloc(LONG);
    const random = new SeededRandom(7);
    const page = Buffer.from(randomPage(random));
    for (let count = 0; count < 40; count++) {
      const offset = random.below(LONG - MIB);
      const data = Buffer.concat(Array.from({ length: 1 + random.below(128) }, () => page));
      data.copy(content, offset);
      client.send(request(CMD.WRITE, { offset, payload: data }));
      await client.expect(simpleReply(0));
    }
    return { client, content };
  }

  it.each([
    { what: "32 MiB", length: MOST },
    { what: "256 KiB and a byte", length: 2 ** 18 + 1 },
    { what: "256 KiB", length: 2 ** 18 },
  ])("of $what in one piece: a simple reply", async ({ length }) => {
    const { client, content } = await startLong(false);
    client.send(request(CMD.READ, { cookie: 9, offset: AT, length }));
    await client.expect(simpleReply(9, 0, content.subarray(AT, AT + length)));
  });

  it("of more than 32 MiB with EINVAL where replies are simple", async () => {
    const { client } = await startLong(false);
    client.send(request(CMD.READ, { cookie: 9, length: MOST + 1 }));
    client.send(request(CMD.READ, { cookie: 10, length: 2 }));
    await client.expect(simpleReply(9, ERR.EINVAL), simpleReply(10, 0, Buffer.alloc(2)));
  });

  it.each([
    { what: "32 MiB", length: MOST },
    { what: "64 KiB, which every server must", length: 2 ** 16 },
    { what: "256 KiB and a byte", length: 2 ** 18 + 1 },
  ])("of $what with DF as one chunk", async ({ length }) => {
    const { client, content } = await startLong(true);
    client.send(request(CMD.READ, { cookie: 9, flags: FLAG.DF, offset: AT, length }));
    const data = content.subarray(AT, AT + length);
    await client.expect(dataChunk(9, { offset: AT, data, isDone: true }));
  });

  it.each([MOST + 1, LONG])("of %i bytes with DF with EOVERFLOW", async (length) => {
    const { client } = await startLong(true);
    client.send(request(CMD.READ, { cookie: 9, flags: FLAG.DF, length }));
    expect(await client.expectErrorChunk(9, ERR.EOVERFLOW)).toContain(String(length));
  });

  it("of 150 MiB in chunks that lie side by side, none longer than 32 MiB", async () => {
    const { client, content } = await startLong(true);
    const length = 150 * MIB;
    client.send(request(CMD.READ, { cookie: 9, offset: AT, length }));
    let at = AT;
    for (let isDone = false; !isDone; ) {
      const message = await takeMessage(client);
      const data = message.data!;
      expect({ cookie: message.cookie, error: message.error }).toEqual({ cookie: 9, error: 0 });
      expect(message.offset).toBe(at);
      expect(data.length).toBeLessThanOrEqual(MOST);
      expect(data.equals(content.subarray(at, at + data.length))).toBe(true);
      at += data.length;
      isDone = message.isDone;
    }
    expect(at).toBe(AT + length);
  });

  it("and others beside it, each whole", async () => {
    const { client, content } = await startLong(true);
    const lengths = [100 * MIB, 40 * MIB, 10, MOST, 300_000, 0];
    lengths.forEach((length, index) => {
      client.send(request(CMD.READ, { cookie: index, offset: AT + index, length }));
    });
    const found = lengths.map((length) => Buffer.alloc(length, 0xee));
    for (let left = lengths.length; left > 0; ) {
      const { cookie, offset, data, isDone, error } = await takeMessage(client);
      expect(error).toBe(0);
      data?.copy(found[cookie]!, offset! - AT - cookie);
      if (isDone) left -= 1;
    }
    found.forEach((data, index) => {
      const start = AT + index;
      expect(data.equals(content.subarray(start, start + data.length))).toBe(true);
    });
  });
});

it("Transmission answers READ again and again with what was written last", async () => {
  const { client, content } = await start(true);
  const random = new SeededRandom(5);
  for (let count = 0; count < 300; count++) {
    const offset = random.below(SIZE);
    const length = 1 + random.below(Math.min(SIZE - offset, 3 * PAGE));
    if (random.below(2) === 0) {
      const payload = content.subarray(offset, offset + length);
      random.fill(payload);
      client.send(request(CMD.WRITE, { offset, payload }));
      await client.expect(simpleReply(0));
    }
    client.send(request(CMD.READ, { offset, length }));
    const { data } = await takeReply(client, { offset, length });
    expect(data.equals(content.subarray(offset, offset + length))).toBe(true);
  }
});
