/**
 * Disks that fail, at once or late, with each of pagefold's errors or with something else: an answer, and on it goes.
 */

import { describe, expect, it } from "vitest";
import { type ErrorCode, PagefoldError } from "../../../src/base/errors.ts";
import { MemoryDisk } from "../support/memory-disk.ts";
import { takeReply } from "../support/take-reply.ts";
import { serveDisk } from "../support/test-server.ts";
import { WaitingDisk, type WorkKind } from "../support/waiting-disk.ts";
import {
  bytes,
  CMD,
  ERR,
  FLAG,
  type RequestFields,
  request,
  simpleReply,
} from "../support/wire.ts";

const PAGE = 4096;
const MIB = 2 ** 20;

/** What the protocol has for each code; ENOTSUP and EOVERFLOW are not for a disk to give. */
const errors: Readonly<Record<ErrorCode, number>> = {
  INVALID_ARGUMENT: ERR.EINVAL,
  OUT_OF_RANGE: ERR.EINVAL,
  UNKNOWN_CODEC: ERR.EIO,
  CODEC_NOT_LOADED: ERR.EIO,
  NAME_TOO_LONG: ERR.EIO,
  CLOSED: ERR.ESHUTDOWN,
  BUSY: ERR.EIO,
  NOT_FOUND: ERR.EIO,
  NOT_PERMITTED: ERR.EPERM,
  NO_SPACE: ERR.ENOSPC,
  NO_MEMORY: ERR.ENOMEM,
  CORRUPT: ERR.EIO,
  IO: ERR.EIO,
  UNSUPPORTED: ERR.EIO,
  PROTOCOL: ERR.EIO,
  WOULD_WAIT: ERR.EIO,
  SHUTDOWN: ERR.ESHUTDOWN,
};

interface Case {
  readonly what: string;
  readonly type: number;
  readonly fields: RequestFields;
  /** The work that fails, from where on. */
  readonly kind: WorkKind;
  readonly from?: number;
}

const cases: readonly Case[] = [
  { what: "a read", type: CMD.READ, fields: { length: PAGE }, kind: "read" },
  { what: "a long read", type: CMD.READ, fields: { length: 2 * MIB }, kind: "read" },
  {
    what: "a long read midway",
    type: CMD.READ,
    fields: { length: 2 * MIB },
    kind: "read",
    from: MIB,
  },
  { what: "a write", type: CMD.WRITE, fields: { payload: Buffer.alloc(PAGE, 1) }, kind: "write" },
  {
    what: "a long write",
    type: CMD.WRITE,
    fields: { payload: Buffer.alloc(2 * MIB, 1) },
    kind: "write",
  },
  {
    what: "a long write midway",
    type: CMD.WRITE,
    fields: { payload: Buffer.alloc(2 * MIB, 1) },
    kind: "write",
    from: MIB,
  },
  { what: "a flush", type: CMD.FLUSH, fields: {}, kind: "flush" },
  {
    what: "the flush of a write with FUA",
    type: CMD.WRITE,
    fields: { flags: FLAG.FUA, payload: Buffer.alloc(PAGE, 1) },
    kind: "flush",
  },
  {
    what: "the flush of a long write with FUA",
    type: CMD.WRITE,
    fields: { flags: FLAG.FUA, payload: Buffer.alloc(2 * MIB, 1) },
    kind: "flush",
  },
  {
    what: "the flush of a trim with FUA",
    type: CMD.TRIM,
    fields: { flags: FLAG.FUA, length: PAGE },
    kind: "flush",
  },
  {
    what: "the flush of CACHE with FUA",
    type: CMD.CACHE,
    fields: { flags: FLAG.FUA, length: PAGE },
    kind: "flush",
  },
  { what: "a trim", type: CMD.TRIM, fields: { length: PAGE }, kind: "discard" },
  { what: "zeros", type: CMD.WRITE_ZEROES, fields: { length: PAGE }, kind: "writeZeroes" },
  { what: "a status", type: CMD.BLOCK_STATUS, fields: { length: PAGE }, kind: "extents" },
];

const ways = [
  { when: "at once", isLate: false },
  { when: "late", isLate: true },
] as const;

/** A disk of which one kind of work fails, from an offset on. */
function failing({ kind, from = 0 }: Case, isLate: boolean, cause: unknown): WaitingDisk {
  const disk = new WaitingDisk(4 * MIB);
  const isMeant = (asked: WorkKind, offset: number) => asked === kind && offset >= from;
  if (isLate) {
    disk.holds = isMeant;
    disk.onWait = (work) => setImmediate(() => work.fail(cause));
  } else {
    disk.throws = (asked, offset) => (isMeant(asked, offset) ? cause : undefined);
  }
  return disk;
}

describe.each(ways)("Transmission of a disk that fails $when", ({ isLate }) => {
  describe.each([
    { kind: "simple", isStructured: false },
    { kind: "structured", isStructured: true },
  ])("with $kind replies", ({ isStructured }) => {
    const possible = cases.filter(({ type }) => isStructured || type !== CMD.BLOCK_STATUS);

    it.each(possible)("answers $what with the error, and the next request too", async (tested) => {
      const disk = failing(tested, isLate, new PagefoldError("NO_SPACE", "page 7: no room"));
      const server = await serveDisk(disk);
      const contexts = isStructured ? ["base:allocation"] : [];
      const client = await server.use({ isStructured, contexts });
      client.send(request(tested.type, { cookie: 5, ...tested.fields }));
      const { error, messages } = await takeReply(client, { length: 2 * MIB });
      expect(error).toBe(ERR.ENOSPC);
      expect(messages.map(({ cookie }) => cookie)).toEqual(messages.map(() => 5));
      disk.holds = () => false;
      disk.throws = () => undefined;
      client.send(request(CMD.WRITE, { cookie: 6, payload: Buffer.alloc(PAGE, 9) }));
      await client.expect(simpleReply(6));
      expect(server.log).toEqual([]);
    });
  });

  it.each(Object.entries(errors))("makes of %s error %i", async (code, expected) => {
    const cause = new PagefoldError(code as ErrorCode, `it is said: ${code}`);
    const disk = failing(cases[0]!, isLate, cause);
    const server = await serveDisk(disk);
    const client = await server.use({ isStructured: true });
    client.send(request(CMD.READ, { cookie: 1, length: 8 }));
    const said = await client.expectErrorChunk(1, expected);
    // Of a limit of the store, whose figures tell of other clients, it is told that there is one.
    if (code === "NO_SPACE" || code === "NO_MEMORY") expect(said).not.toContain("it is said");
    else expect(said).toBe(`it is said: ${code}`);
  });

  it.each([
    { what: "an error that is not pagefold's", cause: new Error("the secret of another tenant") },
    { what: "no error at all", cause: "a secret" },
  ])("makes of $what EIO, tells the client nothing of it, and goes on", async ({ cause }) => {
    for (const tested of cases) {
      const disk = failing(tested, isLate, cause);
      const server = await serveDisk(disk);
      const client = await server.use({ isStructured: true, contexts: ["base:allocation"] });
      client.send(request(tested.type, { cookie: 1, ...tested.fields }));
      const { error, messages } = await takeReply(client, { length: 2 * MIB });
      expect({ what: tested.what, error }).toEqual({ what: tested.what, error: ERR.EIO });
      expect(messages.at(-1)?.text).not.toContain("secret");
      client.send(request(CMD.FLUSH + 900, { cookie: 2 }));
      await client.expectErrorChunk(2, ERR.EINVAL);
      expect(server.log.length).toBe(1);
      client.send(request(CMD.DISC));
      await client.expectEnd();
    }
  });

  it("tells the operator once of a disk that fails again and again", async () => {
    const disk = failing(cases[0]!, isLate, new Error("it is broken"));
    const server = await serveDisk(disk);
    const client = await server.use();
    const count = 300;
    client.send(...Array.from({ length: count }, () => request(CMD.READ, { length: 8 })));
    for (let left = count; left > 0; left -= 1) await client.expect(simpleReply(0, ERR.EIO));
    expect(server.log).toEqual([expect.stringContaining("it is broken")]);
  });

  it("sends nothing of a simple read before all of it is read", async () => {
    const disk = failing(cases[2]!, isLate, new PagefoldError("CORRUPT", "page 9 is lost"));
    const server = await serveDisk(disk);
    const client = await server.use();
    client.send(request(CMD.READ, { cookie: 1, length: 2 * MIB }));
    await client.expect(simpleReply(1, ERR.EIO));
  });
});

describe("Transmission", () => {
  it("answers a failed write once, when all of it has come and every piece has ended", async () => {
    const disk = new WaitingDisk(4 * MIB);
    disk.holds = (kind) => kind === "write";
    const server = await serveDisk(disk);
    const client = await server.use();
    const sent = request(CMD.WRITE, { cookie: 1, payload: Buffer.alloc(MIB, 1) });
    await client.sendAll(sent.subarray(0, sent.length - 1));
    await disk.untilWaiting(3);
    const [first, second, third] = [...disk.waiting];
    second!.fail(new PagefoldError("NO_SPACE", "no room"));
    third!.finish();
    client.send(sent.subarray(sent.length - 1), request(CMD.FLUSH, { cookie: 2 }));
    await client.expect(simpleReply(2));
    first!.finish();
    await client.expect(simpleReply(1, ERR.ENOSPC));
    client.send(request(CMD.FLUSH, { cookie: 3 }));
    await client.expect(simpleReply(3));
  });

  it("answers reads beside a failed one, whatever bytes they share a block with", async () => {
    const disk = new WaitingDisk(MIB);
    disk.holds = (kind, offset) => kind === "read" && offset === PAGE;
    const server = await serveDisk(disk);
    const client = await server.use();
    const read = (cookie: number, offset: number) =>
      request(CMD.READ, { cookie, offset, length: 100 });
    const answer = (cookie: number, offset: number) =>
      simpleReply(cookie, 0, disk.content.subarray(offset, offset + 100));
    client.send(read(1, 0), read(2, PAGE), read(3, 8), read(4, PAGE), read(5, 16));
    await client.expect(answer(1, 0), answer(3, 8), answer(5, 16));
    const [second, fourth] = [...disk.waiting];
    second!.fail(new PagefoldError("CORRUPT", "lost"));
    await client.expect(simpleReply(2, ERR.EIO));
    fourth!.finish();
    await client.expect(answer(4, PAGE));
  });

  it("answers a read with EIO where the disk cannot tell where its zeros are", async () => {
    const disk = Object.assign(new MemoryDisk(MIB), {
      zeroRun: () => {
        throw new PagefoldError("IO", "no table");
      },
    });
    const server = await serveDisk(disk);
    const client = await server.use({ isStructured: true });
    client.send(request(CMD.READ, { cookie: 1, length: PAGE }));
    expect(await client.expectErrorChunk(1, ERR.EIO)).toBe("no table");
    client.send(request(CMD.FLUSH, { cookie: 2 }));
    await client.expect(simpleReply(2));
  });

  it("fails a read of data and holes as a whole where only its last piece fails", async () => {
    const disk = Object.assign(new WaitingDisk(MIB), {
      zeroRun: (offset: number) => (offset % (2 * PAGE) < PAGE ? 0 : PAGE),
    });
    disk.throws = (kind, offset) =>
      kind === "read" && offset >= 4 * PAGE ? new PagefoldError("CORRUPT", "lost") : undefined;
    disk.holds = (kind) => kind === "read";
    const server = await serveDisk(disk);
    const client = await server.use({ isStructured: true });
    client.send(request(CMD.READ, { cookie: 1, length: 6 * PAGE }));
    await client.expectErrorChunk(1, ERR.EIO);
    disk.finishAll();
    client.send(request(CMD.FLUSH, { cookie: 2 }));
    await client.expect(simpleReply(2));
  });

  it("shows a client messages with control characters as text, and cut to a length", async () => {
    const disk = new WaitingDisk(MIB);
    disk.throws = () => new PagefoldError("IO", `\u001b[2J${"ü".repeat(5000)}`);
    const server = await serveDisk(disk);
    const client = await server.use({ isStructured: true });
    client.send(request(CMD.READ, { cookie: 1, length: 1 }));
    const message = await client.expectErrorChunk(1, ERR.EIO);
    expect(message).toMatch(/^\\x1b\[2Jü+$/);
    expect(bytes(Buffer.from(message)).length).toBeLessThanOrEqual(4096);
  });
});
