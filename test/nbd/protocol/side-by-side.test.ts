/** Requests of one connection beside each other: what must wait waits alone, and each gets its own answer. */

import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../../src/base/errors.ts";
import { SeededRandom } from "../../../src/base/random.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import type { RawClient } from "../support/raw-client.ts";
import { type Message, takeMessage } from "../support/take-reply.ts";
import { serveDisk, serveStore, type TestServer } from "../support/test-server.ts";
import { WaitingDisk } from "../support/waiting-disk.ts";
import { CMD, dataChunk, FLAG, request, simpleReply, statusChunk } from "../support/wire.ts";

const PAGE = 4096;
const MIB = 2 ** 20;

interface Bench {
  readonly disk: WaitingDisk;
  readonly server: TestServer;
  readonly client: RawClient;
}

async function start(isStructured = false, sizeBytes = MIB): Promise<Bench> {
  const disk = new WaitingDisk(sizeBytes);
  const server = await serveDisk(disk);
  const contexts = isStructured ? ["base:allocation"] : [];
  return { disk, server, client: await server.use({ isStructured, contexts }) };
}

function read(cookie: number, offset: number, length = PAGE): Buffer {
  return request(CMD.READ, { cookie, offset, length });
}

describe.each([
  { kind: "simple", isStructured: false },
  { kind: "structured", isStructured: true },
])("Transmission with $kind replies", ({ isStructured }) => {
  /** The answer to a read. */
  function answer(disk: WaitingDisk, cookie: number, offset: number, length = PAGE): Buffer {
    const data = disk.content.subarray(offset, offset + length);
    return isStructured
      ? dataChunk(cookie, { offset, data, isDone: true })
      : simpleReply(cookie, 0, data);
  }

  it("holds nothing back for a read that waits", async () => {
    const { disk, client } = await start(isStructured);
    disk.holds = (kind, offset) => kind === "read" && offset === 0;
    client.send(
      read(1, 2 * PAGE),
      read(2, 0),
      read(3, PAGE),
      request(CMD.WRITE, { cookie: 4, offset: 8 * PAGE, payload: Buffer.alloc(PAGE, 7) }),
      request(CMD.FLUSH, { cookie: 5 }),
      read(6, 8 * PAGE),
    );
    await client.expect(answer(disk, 1, 2 * PAGE), answer(disk, 3, PAGE), simpleReply(4));
    await client.expect(simpleReply(5), answer(disk, 6, 8 * PAGE));
    disk.finishAll();
    await client.expect(answer(disk, 2, 0));
  });

  it("gives answers in the order in which the work ends", async () => {
    const { disk, client } = await start(isStructured);
    disk.holds = () => true;
    client.send(...[0, 1, 2, 3, 4].map((cookie) => read(cookie, cookie * 3 * PAGE, 5000)));
    await disk.untilWaiting(5);
    const works = [...disk.waiting];
    for (const cookie of [3, 0, 4, 2, 1]) {
      works[cookie]!.finish();
      await client.expect(answer(disk, cookie, cookie * 3 * PAGE, 5000));
    }
  });

  it("gives short reads their turn between the slices of a long one", async () => {
    const { disk, client } = await start(isStructured, 8 * MIB);
    client.send(read(1, 0, 8 * MIB), read(2, PAGE));
    const { cookie } = await firstDone(client, new Map([[2, PAGE]]));
    expect(cookie).toBe(2);
    expect(disk.notes.filter((note) => note.startsWith("read")).length).toBeGreaterThan(1);
  });

  it("answers a read of which many pieces wait when all have ended", async () => {
    const { disk, client } = await start(isStructured, 4 * MIB);
    disk.holds = (kind, offset) => kind === "read" && offset >= MIB;
    client.send(read(1, 0, 2 * MIB), read(2, 0));
    const lengths = new Map([
      [1, 2 * MIB],
      [2, PAGE],
    ]);
    expect((await firstDone(client, lengths)).cookie).toBe(2);
    await disk.untilWaiting(1);
    disk.holds = () => false;
    disk.finishAll();
    expect((await firstDone(client, lengths)).cookie).toBe(1);
  });
});

/** Reads on until a reply is complete: its last message. */
async function firstDone(
  client: RawClient,
  lengths: ReadonlyMap<number, number>,
): Promise<Message> {
  for (;;) {
    const message = await takeMessage(client, (cookie) => lengths.get(cookie) ?? 0);
    if (message.isDone) return message;
  }
}

describe("Transmission", () => {
  it("answers a write when it is done, and has the bytes in their place by then", async () => {
    const { disk, client } = await start();
    disk.holds = (kind) => kind === "write";
    const payload = Buffer.alloc(PAGE, "written late ");
    client.send(request(CMD.WRITE, { cookie: 1, offset: PAGE, payload }), read(2, 0));
    await client.expect(simpleReply(2, 0, disk.content.subarray(0, PAGE)));
    disk.finishAll();
    await client.expect(simpleReply(1));
    client.send(read(3, PAGE));
    await client.expect(simpleReply(3, 0, payload));
  });

  /** Writes of noise that wait, with other traffic behind each; all of them have to end up in their place. */
  async function expectKept(length: number, cutAt: (offset: number) => number): Promise<void> {
    const { disk, client } = await start(false, 64 * MIB);
    disk.holds = (kind, offset) => kind === "write" && offset < 32 * MIB;
    const random = new SeededRandom(length);
    const content = Buffer.from(disk.content);
    const count = 25;
    for (let cookie = 0; cookie < count; cookie++) {
      const offset = cookie * length;
      const payload = content.subarray(offset, offset + length);
      random.fill(payload);
      const sent = request(CMD.WRITE, { cookie, offset, payload });
      await client.sendAll(sent.subarray(0, cutAt(offset)));
      await pause();
      const others = Array.from({ length: 4 }, (_, place) =>
        request(CMD.WRITE, {
          cookie: 1000,
          offset: 32 * MIB + place * 100_000,
          payload: Buffer.alloc(1 + random.below(90_000), cookie),
        }),
      );
      await client.sendAll(sent.subarray(cutAt(offset)), ...others);
    }
    for (let left = count * 5; left > 0; left -= 1) {
      disk.finishAll();
      await takeMessage(client);
    }
    expect(disk.content.subarray(0, 32 * MIB).equals(content.subarray(0, 32 * MIB))).toBe(true);
  }

  it("keeps the bytes of short writes that wait, whatever it reads meanwhile", async () => {
    await expectKept(5000, () => 0);
  });

  it("keeps the bytes of a long write's pieces that wait, wherever they lay when they came", async () => {
    await expectKept(300_000, () => 150_000);
    // The second piece begins where something new is read.
    await expectKept(300_000, (offset) => 28 + 2 ** 18 - (offset % PAGE));
  });

  it("keeps the bytes of writes that are begun a turn later than they came", async () => {
    const { disk, client } = await start(false, 8 * MIB);
    disk.holds = (kind) => kind === "write";
    const payload = Buffer.alloc(500, "kept");
    await client.sendAll(
      // Enough to do for one turn.
      request(CMD.TRIM, { cookie: 1, length: 8 * MIB }),
      request(CMD.WRITE, { cookie: 2, offset: 77, payload }),
    );
    await disk.untilWaiting(1);
    const flush = request(CMD.FLUSH, { cookie: 3 });
    client.send(...Array.from({ length: 1000 }, () => flush));
    await client.expect(simpleReply(1));
    for (let left = 1000; left > 0; left -= 1) await client.expect(simpleReply(3));
    disk.finishAll();
    await client.expect(simpleReply(2));
    expect(disk.content.subarray(77, 577).equals(payload)).toBe(true);
  });

  it("keeps the bytes of writes that are begun when others have ended", async () => {
    const { disk, client } = await start(false, 4 * MIB);
    disk.holds = (kind, offset) => kind === "write" && offset < 2 * MIB;
    const content = Buffer.from(disk.content);
    const random = new SeededRandom(3);
    const count = 100;
    const writes = Array.from({ length: count }, (_, cookie) => {
      const payload = content.subarray(cookie * 500, (cookie + 1) * 500);
      random.fill(payload);
      return request(CMD.WRITE, { cookie, offset: cookie * 500, payload });
    });
    await client.sendAll(...writes);
    await disk.untilWaiting(64);
    for (const work of disk.waiting.slice(0, 64)) work.finish();
    await disk.untilWaiting(36);
    const other = { cookie: count, offset: 2 * MIB, payload: Buffer.alloc(MIB, 0xee) };
    client.send(request(CMD.WRITE, other));
    for (let left = 65; left > 0; left -= 1) await takeMessage(client);
    disk.finishAll();
    for (let left = 36; left > 0; left -= 1) await takeMessage(client);
    expect(disk.content.subarray(0, MIB).equals(content.subarray(0, MIB))).toBe(true);
  });

  it("answers a long write when all its pieces are done", async () => {
    const { disk, client } = await start(false, 4 * MIB);
    disk.holds = (kind) => kind === "write";
    const payload = Buffer.alloc(2 * MIB + 10, "piece by piece ");
    client.send(request(CMD.WRITE, { cookie: 1, offset: 5, payload }), read(2, 3 * MIB));
    await client.expect(simpleReply(2, 0, disk.content.subarray(3 * MIB, 3 * MIB + PAGE)));
    const pieces = [...disk.waiting];
    expect(pieces.reduce((sum, { length }) => sum + length, 0)).toBe(payload.length);
    for (const piece of pieces.toReversed()) piece.finish();
    await client.expect(simpleReply(1));
    expect(disk.content.subarray(5, 5 + payload.length).equals(payload)).toBe(true);
  });

  it("lets a trim, zeros and a status wait, and nothing else", async () => {
    const { disk, client } = await start(true);
    disk.holds = (kind) => kind !== "read" && kind !== "flush";
    client.send(
      request(CMD.TRIM, { cookie: 1, length: PAGE }),
      request(CMD.WRITE_ZEROES, { cookie: 2, length: PAGE }),
      request(CMD.BLOCK_STATUS, { cookie: 3, length: PAGE }),
      request(CMD.FLUSH, { cookie: 4 }),
    );
    await client.expect(simpleReply(4));
    await disk.untilWaiting(3);
    const [trim, zeros, status] = [...disk.waiting];
    status!.finish();
    const extents = [[PAGE, 0]] as const;
    await client.expect(statusChunk(3, { context: 1, extents, isDone: true }));
    zeros!.finish();
    await client.expect(simpleReply(2));
    trim!.finish();
    await client.expect(simpleReply(1));
  });

  it("begins at most 64 requests that wait, and the next when one has ended", async () => {
    const { disk, client } = await start();
    disk.holds = () => true;
    const all = Array.from({ length: 200 }, (_, cookie) => read(cookie, cookie * 8, 8));
    await client.sendAll(...all);
    await disk.untilWaiting(64);
    await pause();
    expect(disk.waiting.length).toBe(64);
    disk.waiting[10]!.finish();
    await disk.untilWaiting(64);
    await client.expect(simpleReply(10, 0, disk.content.subarray(80, 88)));
    disk.holds = () => false;
    disk.finishAll();
    const seen = new Set([10]);
    while (seen.size < 200) {
      const { cookie, data } = await takeMessage(client, () => 8);
      expect(data?.equals(disk.content.subarray(cookie * 8, cookie * 8 + 8))).toBe(true);
      seen.add(cookie);
    }
  });

  it("begins long reads that must go out in one piece while they hold less than 16 MiB", async () => {
    const { disk, client } = await start(false, 8 * MIB);
    disk.holds = () => true;
    const length = 6 * MIB;
    client.send(...[0, 1, 2, 3, 4, 5].map((cookie) => read(cookie, cookie * 8, length)));
    await disk.untilWaiting(2);
    await pause();
    expect(disk.waiting.map(({ offset }) => offset)).toEqual([0, 8]);
    disk.holds = () => false;
    disk.finishAll();
    for (let left = 6; left > 0; left -= 1) {
      const { cookie, data } = await takeMessage(client, () => length);
      expect(data?.equals(disk.content.subarray(cookie * 8, cookie * 8 + length))).toBe(true);
    }
  });

  it("begins waiting writes of at most 16 MiB, and goes on when one has ended", async () => {
    const { disk, client } = await start(false, 64 * MIB);
    disk.holds = () => true;
    const payload = Buffer.alloc(MIB, 1);
    const count = 40;
    for (let cookie = 0; cookie < count; cookie++)
      client.send(request(CMD.WRITE, { cookie, offset: cookie * MIB, payload }));
    await disk.untilWaiting(64);
    await pause();
    const held = disk.waiting.reduce((sum, { length }) => sum + length, 0);
    expect(held).toBeLessThanOrEqual(17 * MIB);
    disk.holds = () => false;
    disk.finishAll();
    const cookies: number[] = [];
    while (cookies.length < count) cookies.push((await takeMessage(client)).cookie);
    expect(cookies.sort((one, other) => one - other)).toEqual([...Array(count).keys()]);
  });

  it.each([
    { what: "of the status of 1 GiB", type: CMD.BLOCK_STATUS, flags: 0, length: 1024 * MIB },
    { what: "for 64 MiB of zeros", type: CMD.WRITE_ZEROES, flags: FLAG.NO_HOLE, length: 64 * MIB },
    { what: "to trim 64 MiB", type: CMD.TRIM, flags: 0, length: 64 * MIB },
    { what: "of the status of 256 KiB", type: CMD.BLOCK_STATUS, flags: 0, length: MIB / 4 },
    { what: "for 1 MiB of zeros", type: CMD.WRITE_ZEROES, flags: FLAG.NO_HOLE, length: MIB },
    { what: "to trim 1 MiB", type: CMD.TRIM, flags: 0, length: MIB },
    { what: "to read 256 KiB of a hole", type: CMD.READ, flags: 0, length: MIB / 4 },
  ])("does not hold one client up for the questions another one asks $what", async (asked) => {
    const { type, flags, length } = asked;
    const server = await serveStore(1024 * MIB);
    const asking = await server.use({ isStructured: true, contexts: ["base:allocation"] });
    const other = await server.use();
    const count = 2000;
    asking.send(
      ...Array.from({ length: count }, (_, cookie) => request(type, { cookie, flags, length })),
    );
    other.send(request(CMD.FLUSH, { cookie: 1 }));
    await other.expect(simpleReply(1));
    const { counts } = server.served;
    const { block_statuses, write_zeroes, trims, reads } = counts;
    expect(block_statuses + write_zeroes + trims + reads).toBeLessThan(count);
    asking.vanish();
  });

  it("does not hold one client up for another one's work", async () => {
    const { disk, server, client } = await start();
    disk.holds = (_, offset) => offset < MIB / 2;
    client.send(...Array.from({ length: 100 }, (_, cookie) => read(cookie, 0, 8)));
    await disk.untilWaiting(64);
    const other = await server.use();
    other.send(read(1, MIB / 2));
    await other.expect(simpleReply(1, 0, disk.content.subarray(MIB / 2, MIB / 2 + PAGE)));
    disk.holds = () => false;
    disk.finishAll();
  });
});

/** Long enough for the server to begin more, if it would. */
async function pause(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("Transmission and durability", () => {
  const write = (flags: number) =>
    request(CMD.WRITE, { cookie: 1, flags, offset: PAGE, payload: Buffer.alloc(PAGE, 3) });

  it.each([
    { what: "a write", sent: write(FLAG.FUA), note: `write ${PAGE}+${PAGE}` },
    {
      what: "a trim",
      sent: request(CMD.TRIM, { cookie: 1, flags: FLAG.FUA, length: PAGE }),
      note: `discard 0+${PAGE}`,
    },
    {
      what: "zeros",
      sent: request(CMD.WRITE_ZEROES, { cookie: 1, flags: FLAG.FUA, length: PAGE }),
      note: `writeZeroes 0+${PAGE}`,
    },
  ])("with FUA flush after $what, and answer after that", async ({ sent, note }) => {
    const { disk, client } = await start();
    disk.holds = () => true;
    client.send(sent);
    await disk.untilWaiting(1);
    expect(disk.notes).toEqual([note]);
    disk.finishAll();
    await disk.untilWaiting(1);
    expect(disk.notes).toEqual([note, `done ${note}`, "flush 0+0"]);
    expect(client.unreadBytes).toBe(0);
    disk.finishAll();
    await client.expect(simpleReply(1));
  });

  it("with FUA flush after a long write, once, when all of it is done", async () => {
    const { disk, client } = await start(false, 4 * MIB);
    disk.holds = (kind) => kind === "flush";
    const payload = Buffer.alloc(2 * MIB, 3);
    client.send(request(CMD.WRITE, { cookie: 1, flags: FLAG.FUA, payload }), read(2, 0));
    await client.expect(simpleReply(2, 0, payload.subarray(0, PAGE)));
    await disk.untilWaiting(1);
    const flushes = disk.notes.flatMap((note, index) => (note === "flush 0+0" ? [index] : []));
    expect(flushes.length).toBe(1);
    const written = disk.notes.filter((note) => note.startsWith("done write"));
    expect(written.length).toBeGreaterThan(1);
    expect(disk.notes.lastIndexOf(written.at(-1)!)).toBeLessThan(flushes[0]!);
    disk.finishAll();
    await client.expect(simpleReply(1));
  });

  it("flush for a flush, once, and answer when it is done", async () => {
    const { disk, client } = await start();
    client.send(write(0));
    await client.expect(simpleReply(1));
    disk.holds = (kind) => kind === "flush";
    client.send(request(CMD.FLUSH, { cookie: 2 }), read(3, 0, 8));
    await client.expect(simpleReply(3, 0, disk.content.subarray(0, 8)));
    expect(disk.notes.filter((note) => note === "flush 0+0").length).toBe(1);
    disk.finishAll();
    await client.expect(simpleReply(2));
  });

  it("do not flush for writes without FUA", async () => {
    const { disk, client } = await start();
    client.send(write(0));
    await client.expect(simpleReply(1));
    expect(disk.notes).not.toContain("flush 0+0");
  });
});

describe("Transmission whose client leaves", () => {
  it("with DISC answers what waits, then ends", async () => {
    const { disk, server, client } = await start();
    disk.holds = () => true;
    client.send(read(1, 0), read(2, PAGE), request(CMD.FLUSH, { cookie: 3 }), request(CMD.DISC));
    await disk.untilWaiting(3);
    const [first, second, flush] = [...disk.waiting];
    second!.finish();
    await client.expect(simpleReply(2, 0, disk.content.subarray(PAGE, 2 * PAGE)));
    flush!.finish();
    await client.expect(simpleReply(3));
    expect(client.isEnded).toBe(false);
    first!.finish();
    await client.expect(simpleReply(1, 0, disk.content.subarray(0, PAGE)));
    await client.expectEnd();
    await server.untilNobody();
  });

  it("by ending its side answers what waits, then ends", async () => {
    const { disk, server, client } = await start();
    disk.holds = () => true;
    client.send(read(1, 0));
    client.endSending();
    await disk.untilWaiting(1);
    await pause();
    disk.finishAll();
    await client.expect(simpleReply(1, 0, disk.content.subarray(0, PAGE)));
    await client.expectEnd();
    await server.untilNobody();
  });

  it("stops what it was doing for it to a long range, and spares what others write there", async () => {
    const server = await serveStore(1024 * MIB);
    const page = Buffer.alloc(PAGE, 7);
    const leaving = await server.use();
    leaving.send(request(CMD.WRITE_ZEROES, { cookie: 1, flags: FLAG.NO_HOLE, length: 1024 * MIB }));
    while (server.served.counts.write_zeroes === 0) await pause();
    leaving.vanish();
    await server.untilNobody();
    const other = await server.use();
    const offset = 1024 * MIB - PAGE;
    other.send(request(CMD.WRITE, { cookie: 2, offset, payload: page }));
    await other.expect(simpleReply(2));
    for (let rounds = 0; rounds < 20; rounds++) await pause();
    other.send(read(3, offset));
    await other.expect(simpleReply(3, 0, page));
    expect(server.served.connections).toBe(1);
  });

  it.each([
    { what: "well", end: (disk: WaitingDisk) => disk.finishAll() },
    {
      what: "badly",
      end: (disk: WaitingDisk) => {
        const cause = new PagefoldError("IO", "too late");
        for (const work of [...disk.waiting]) work.fail(cause);
      },
    },
  ])("without a word lets go of it when the work under way has ended $what", async ({ end }) => {
    const { disk, server, client } = await start(true, 4 * MIB);
    disk.holds = () => true;
    client.send(
      read(1, 0),
      read(2, 0, 2 * MIB),
      request(CMD.READ, { cookie: 3, flags: FLAG.DF, length: 2 * MIB }),
      request(CMD.WRITE, { cookie: 4, flags: FLAG.FUA, payload: Buffer.alloc(MIB) }),
      request(CMD.BLOCK_STATUS, { cookie: 5, length: PAGE }),
      request(CMD.TRIM, { cookie: 6, flags: FLAG.FUA, length: PAGE }),
    );
    await disk.untilWaiting(9);
    client.vanish();
    // Some of it goes on with more that waits.
    while (server.server.connections > 0 || disk.waiting.length > 0) {
      end(disk);
      await pause();
    }
    expect(server.log).toEqual([]);
    const other = await server.use();
    disk.holds = () => false;
    other.send(request(CMD.FLUSH, { cookie: 1 }));
    await other.expect(simpleReply(1));
  });
});

it("Transmission of a plain disk answers in order", async () => {
  const server = await serveDisk(new MemoryDisk(MIB));
  const client = await server.use();
  const cookies = Array.from({ length: 500 }, (_, index) => index * 7919);
  client.send(...cookies.map((cookie) => read(cookie, 0, 1)));
  for (const cookie of cookies) await client.expect(simpleReply(cookie, 0, Buffer.alloc(1)));
});
