/** The transmission flags follow from what a disk can do, and so does what is answered to commands it cannot do. */

import { describe, expect, it } from "vitest";
import { openStore } from "../../../src/device/store.ts";
import { DeviceDisk } from "../../../src/nbd/server/device-disk.ts";
import type { Disk } from "../../../src/nbd/server/disk.ts";
import { ServedExport } from "../../../src/nbd/server/served-export.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import { serveDisk, serveStore, TestServer } from "../support/test-server.ts";
import {
  CMD,
  contextData,
  ERR,
  infoData,
  OPT,
  option,
  optionReply,
  REP,
  request,
  simpleReply,
} from "../support/wire.ts";

const BIT = {
  HAS_FLAGS: 0x001,
  READ_ONLY: 0x002,
  FLUSH: 0x004,
  FUA: 0x008,
  TRIM: 0x020,
  WRITE_ZEROES: 0x040,
  DF: 0x080,
  MULTI_CONN: 0x100,
  CACHE: 0x400,
  FAST_ZERO: 0x800,
} as const;
const ALWAYS = BIT.HAS_FLAGS | BIT.FLUSH | BIT.FUA | BIT.MULTI_CONN | BIT.CACHE;

const nothing = (): undefined => undefined;
const plain = () => new MemoryDisk(8192);

/** A disk, what it can do, and the flags it has to have beside ALWAYS. */
const disks: readonly { readonly what: string; readonly disk: Disk; readonly flags: number }[] = [
  { what: "that can read and write only", disk: plain(), flags: 0 },
  {
    what: "with discard",
    disk: Object.assign(plain(), { discard: nothing }),
    flags: BIT.TRIM,
  },
  {
    what: "with writeZeroes",
    disk: Object.assign(plain(), { writeZeroes: nothing }),
    flags: BIT.WRITE_ZEROES | BIT.FAST_ZERO,
  },
  {
    what: "that zeroes as slowly as it writes",
    disk: Object.assign(plain(), { writeZeroes: nothing, isZeroingSlow: true }),
    flags: BIT.WRITE_ZEROES,
  },
  {
    what: "that is read-only",
    disk: Object.assign(plain(), { isReadOnly: true }),
    flags: BIT.READ_ONLY,
  },
  {
    what: "that is read-only and could discard and zero",
    disk: Object.assign(plain(), { isReadOnly: true, discard: nothing, writeZeroes: nothing }),
    flags: BIT.READ_ONLY,
  },
];

async function flagsOf(server: TestServer, isStructured: boolean): Promise<number> {
  const client = await server.negotiate();
  if (isStructured) {
    client.send(option(OPT.STRUCTURED_REPLY));
    await client.expect(optionReply(OPT.STRUCTURED_REPLY, REP.ACK));
  }
  client.send(option(OPT.INFO, infoData("")));
  return (await client.take(20 + 12)).readUInt16BE(30);
}

describe.each(disks)("ServedExport of a disk $what", ({ disk, flags }) => {
  it("has its flags", async () => {
    expect(await flagsOf(await serveDisk(disk), false)).toBe(ALWAYS | flags);
  });

  it("has DF as well with structured replies", async () => {
    expect(await flagsOf(await serveDisk(disk), true)).toBe(ALWAYS | flags | BIT.DF);
  });
});

it("ServedExport of a store has every flag but those for rotation, resizing and read-only", async () => {
  const server = await serveStore(2 ** 20);
  const all = ALWAYS | BIT.TRIM | BIT.WRITE_ZEROES | BIT.FAST_ZERO;
  expect(await flagsOf(server, false)).toBe(all);
});

describe("Transmission of a disk that can read and write only", () => {
  it.each([
    { what: "TRIM", type: CMD.TRIM },
    { what: "WRITE_ZEROES", type: CMD.WRITE_ZEROES },
    { what: "BLOCK_STATUS", type: CMD.BLOCK_STATUS },
  ])("answers $what with EINVAL, and goes on", async ({ type }) => {
    const server = await serveDisk(plain());
    const client = await server.use();
    client.send(request(type, { cookie: 1, length: 4096 }), request(CMD.FLUSH, { cookie: 2 }));
    await client.expect(simpleReply(1, ERR.EINVAL), simpleReply(2));
  });

  it("offers no metadata context", async () => {
    const server = await serveDisk(plain());
    const client = await server.negotiate();
    client.send(option(OPT.STRUCTURED_REPLY));
    await client.expect(optionReply(OPT.STRUCTURED_REPLY, REP.ACK));
    const { SET_META_CONTEXT } = OPT;
    client.send(option(SET_META_CONTEXT, contextData("", ["base:allocation"])));
    await client.expect(optionReply(SET_META_CONTEXT, REP.ACK));
  });
});

describe("Transmission of a read-only disk", () => {
  async function start() {
    const server = await serveStore(2 ** 20, { isReadOnly: true });
    return server.use();
  }

  it.each([
    { what: "WRITE, its payload skipped", type: CMD.WRITE, payload: Buffer.alloc(5000, 0x25) },
    { what: "an empty WRITE", type: CMD.WRITE, payload: Buffer.alloc(0) },
    { what: "TRIM", type: CMD.TRIM, length: 4096 },
    { what: "WRITE_ZEROES", type: CMD.WRITE_ZEROES, length: 4096 },
    { what: "WRITE past the end", type: CMD.WRITE, offset: 2 ** 20, payload: Buffer.alloc(1) },
  ])("answers $what with EPERM, and goes on", async ({ type, ...fields }) => {
    const client = await start();
    client.send(request(type, { cookie: 1, ...fields }), request(CMD.FLUSH, { cookie: 2 }));
    await client.expect(simpleReply(1, ERR.EPERM), simpleReply(2));
  });

  it("reads, flushes and caches", async () => {
    const client = await start();
    client.send(
      request(CMD.READ, { cookie: 1, length: 3 }),
      request(CMD.FLUSH, { cookie: 2, flags: 1 }),
      request(CMD.CACHE, { cookie: 3, length: 4096 }),
    );
    await client.expect(simpleReply(1, 0, Buffer.alloc(3)), simpleReply(2), simpleReply(3));
  });

  it("is read-only to its client alone", async () => {
    const { served, store } = await readOnlyBesideWritable();
    const server = await TestServer.start(served);
    const writer = await server.use({ name: "w" });
    writer.send(request(CMD.WRITE, { cookie: 1, payload: Buffer.from("seen by both") }));
    await writer.expect(simpleReply(1));
    const reader = await server.use({ name: "r" });
    reader.send(request(CMD.READ, { cookie: 1, length: 12 }));
    await reader.expect(simpleReply(1, 0, Buffer.from("seen by both")));
    expect(store.stats().orig_data_size).toBe(4096);
  });
});

/** One device, served twice. */
async function readOnlyBesideWritable() {
  const store = await openStore({});
  const device = store.openExport({ sizeBytes: 2 ** 20 });
  const served = [
    new ServedExport("w", new DeviceDisk(device)),
    new ServedExport("r", new DeviceDisk(device, { isReadOnly: true })),
  ];
  return { store, served };
}
