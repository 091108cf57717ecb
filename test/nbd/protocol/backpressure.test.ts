/**
 * Clients that ask and do not read: the server stops beginning what they ask for, holds no more than a bound for them,
 * serves others meanwhile, and answers everything once they read on.
 */

import { describe, expect, it } from "vitest";
import type { Extent } from "../../../src/device/extents.ts";
import type { Done } from "../../../src/nbd/server/disk.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import type { RawClient } from "../support/raw-client.ts";
import { takeMessage } from "../support/take-reply.ts";
import { serveDisk } from "../support/test-server.ts";
import { CMD, FLAG, request, simpleReply } from "../support/wire.ts";

const PAGE = 4096;
const MIB = 2 ** 20;

/**
 * What this process may grow by: the bound of a connection, the client's own buffers, and rubbish not yet collected.
 */
const MOST_GROWTH = 128 * MIB;

/** Counts the reads. */
class CountingDisk extends MemoryDisk {
  reads = 0;

  constructor(sizeBytes: number) {
    super(sizeBytes);
    for (let at = 0; at < sizeBytes; at += 16) this.content.writeUInt32BE(at, at);
  }

  override read(offset: number, target: Uint8Array): Done {
    this.reads += 1;
    return super.read(offset, target);
  }
}

/** A disk of 1 GiB in which every second page is a hole. */
class StripedDisk extends MemoryDisk {
  statuses = 0;

  constructor() {
    super(0);
  }

  override get sizeBytes(): number {
    return 2 ** 30;
  }

  async extents(_offset: number, length: number): Promise<readonly Extent[]> {
    this.statuses += 1;
    return Array.from({ length: length / PAGE }, (_, page) => ({ length: PAGE, state: page % 2 }));
  }
}

/** Disk reads that take a turn of the event loop. */
class TurningDisk extends CountingDisk {
  override read(offset: number, target: Uint8Array): Done {
    return new Promise((resolve) => {
      setImmediate(() => {
        super.read(offset, target);
        resolve();
      });
    });
  }
}

function memory(): number {
  return process.memoryUsage.rss();
}

/** Returns when a count has stood still for a while: the most memory meanwhile. */
async function untilStill(count: () => number): Promise<number> {
  let most = memory();
  for (let still = 0, last = -1; still < 20; still = count() === last ? still + 1 : 0) {
    last = count();
    await new Promise((resolve) => setTimeout(resolve, 10));
    most = Math.max(most, memory());
  }
  return most;
}

/** A client beside the one that does not read is served. */
async function expectService(connect: () => Promise<RawClient>): Promise<void> {
  const client = await connect();
  client.send(request(CMD.FLUSH, { cookie: 77 }));
  await client.expect(simpleReply(77));
}

const SIZE = 16 * MIB;

describe.each([
  { what: "at once", make: () => new CountingDisk(SIZE) },
  { what: "a turn later", make: () => new TurningDisk(SIZE) },
])("Transmission of a disk that reads $what, to a client that does not read on", ({ make }) => {
  it.each([
    { what: "100,000 reads of a page", count: 100_000, length: PAGE },
    { what: "200,000 reads of 4 bytes", count: 200_000, length: 4 },
    { what: "400 simple reads of 1 MiB", count: 400, length: MIB },
    { what: "40 simple reads of 10 MiB", count: 40, length: 10 * MIB },
  ])("holds a bounded part of $what, and answers all in the end", async ({ count, length }) => {
    const disk = make();
    const server = await serveDisk(disk);
    const client = await server.use();
    const placeOf = (cookie: number) => (cookie * 48) % (SIZE - length);
    const before = memory();
    client.stopReading();
    const batch = 1000;
    for (let first = 0; first < count; first += batch) {
      const cookies = Array.from({ length: Math.min(batch, count - first) }, (_, i) => first + i);
      client.send(
        ...cookies.map((cookie) => request(CMD.READ, { cookie, offset: placeOf(cookie), length })),
      );
    }
    const most = await untilStill(() => disk.reads);
    expect(most - before).toBeLessThan(MOST_GROWTH);
    expect(disk.reads * Math.min(length, 2 ** 18)).toBeLessThan((count * length) / 2);
    await expectService(() => server.use());
    client.readOn();
    const seen = new Uint8Array(count);
    for (let left = count; left > 0; left -= 1) {
      const { cookie, error, data } = await takeMessage(client, () => length);
      const place = placeOf(cookie);
      if (error !== 0 || !data?.equals(disk.content.subarray(place, place + length)))
        expect.fail(`read ${cookie} at ${place}: error ${error}, or other bytes`);
      seen[cookie]! += 1;
    }
    expect(seen.every((times) => times === 1)).toBe(true);
  });

  it("holds a bounded part of structured reads of 12 MiB", async () => {
    const disk = make();
    const server = await serveDisk(disk);
    const client = await server.use({ isStructured: true });
    const before = memory();
    client.stopReading();
    const count = 60;
    const length = 12 * MIB;
    for (let cookie = 0; cookie < count; cookie++)
      client.send(request(CMD.READ, { cookie, offset: cookie * 16, length }));
    const most = await untilStill(() => disk.reads);
    expect(most - before).toBeLessThan(MOST_GROWTH);
    await expectService(() => server.use());
    client.readOn();
    const got = new Array<number>(count).fill(0);
    for (let left = count; left > 0; ) {
      const { cookie, offset, data, isDone } = await takeMessage(client);
      if (!data!.equals(disk.content.subarray(offset!, offset! + data!.length)))
        expect.fail(`read ${cookie} at ${offset}: other bytes`);
      got[cookie]! += data!.length;
      if (isDone) left -= 1;
    }
    expect(got).toEqual(new Array(count).fill(length));
  });
});

describe("Transmission to a client that does not read on", () => {
  it.each([
    { what: "2^18 extents each", count: 40, extents: 2 ** 18 },
    { what: "2^10 extents each", count: 10_000, extents: 2 ** 10 },
  ])("holds a bounded part of answers about $what", async ({ count, extents }) => {
    const disk = new StripedDisk();
    const server = await serveDisk(disk);
    const contexts = ["base:allocation", "x-pagefold:state"];
    const client = await server.use({ isStructured: true, contexts });
    const before = memory();
    client.stopReading();
    const length = extents * PAGE;
    const status = (cookie: number) => request(CMD.BLOCK_STATUS, { cookie, length });
    client.send(...Array.from({ length: count }, (_, cookie) => status(cookie)));
    const most = await untilStill(() => disk.statuses);
    expect(most - before).toBeLessThan(MOST_GROWTH);
    expect(disk.statuses).toBeLessThan(count / 3);
    await expectService(() => server.use());
    client.readOn();
    for (let cookie = 0; cookie < count; cookie++) {
      const base = await client.take(20 + 4 + 8 * extents);
      const state = await client.take(20 + 4 + 8);
      expect([base, state].map((chunk) => chunk.readBigUInt64BE(8))).toEqual(
        [cookie, cookie].map(BigInt),
      );
    }
  });

  it("stops taking tiny writes, whose answers nobody reads, and goes on later", async () => {
    const disk = new CountingDisk(SIZE);
    const server = await serveDisk(disk);
    const client = await server.use();
    client.stopReading();
    const count = 200_000;
    const write = request(CMD.WRITE, { cookie: 3, payload: Buffer.alloc(4, 1) });
    const thousand = Buffer.concat(Array.from({ length: 1000 }, () => write));
    for (let sent = 0; sent < count; sent += 1000) client.send(thousand);
    await untilStill(() => server.served.counts.writes);
    expect(server.served.counts.writes).toBeLessThan(count);
    await expectService(() => server.use());
    client.readOn();
    const replies = Buffer.concat(Array.from({ length: 1000 }, () => simpleReply(3)));
    for (let sent = 0; sent < count; sent += 1000) await client.expect(replies);
  });

  it("lets go of it when it vanishes", async () => {
    const disk = new CountingDisk(SIZE);
    const server = await serveDisk(disk);
    for (const isStructured of [false, true]) {
      const client = await server.use({ isStructured });
      client.stopReading();
      for (let cookie = 0; cookie < 1000; cookie++)
        client.send(request(CMD.READ, { cookie, length: MIB }));
      await untilStill(() => disk.reads);
      client.vanish();
      await server.untilNobody();
    }
    expect(server.log).toEqual([]);
  });

  it("holds a DF read of 32 MiB and then no more", async () => {
    const disk = new CountingDisk(40 * MIB);
    const server = await serveDisk(disk);
    const client = await server.use({ isStructured: true });
    const before = memory();
    client.stopReading();
    const count = 20;
    const length = 32 * MIB;
    for (let cookie = 0; cookie < count; cookie++)
      client.send(request(CMD.READ, { cookie, flags: FLAG.DF, length }));
    const most = await untilStill(() => disk.reads);
    expect(most - before).toBeLessThan(MOST_GROWTH);
    client.readOn();
    for (let left = count; left > 0; left -= 1) {
      const { data } = await takeMessage(client);
      expect(data!.equals(disk.content.subarray(0, length))).toBe(true);
    }
  });
});
