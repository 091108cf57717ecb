/**
 * The client against servers nobody here wrote: nbdkit, qemu-nbd and the reference server, where they are installed.
 */

import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { NbdClient } from "../../../src/nbd/client/client.ts";
import type { ConnectOptions } from "../../../src/nbd/client/types.ts";
import {
  type ForeignServer,
  freePort,
  missing,
  startNbdkit,
  startNbdServer,
  startQemuNbd,
} from "../../support/foreign-nbd.ts";
import { expectRejection, refusal } from "../../support/refusals.ts";
import { testSeed } from "../../support/seed.ts";

const MIB = 2 ** 20;
const HOLE_AND_ZERO = 3;

const clients: NbdClient[] = [];
const servers: ForeignServer[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.disconnect()));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function connectTo(starting: Promise<ForeignServer>, options: ConnectOptions = {}) {
  const server = await starting;
  servers.push(server);
  const client = await NbdClient.connect(server.uri, options);
  clients.push(client);
  return client;
}

const nbdkit = (...args: readonly string[]) => startNbdkit(args);

function patterned(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  new SeededRandom(seed).fill(bytes);
  return bytes;
}

const named = (name: string, reason: string) => (reason === "" ? name : `${name} (${reason})`);

/** Random writes, zeroes and reads, many at once, against a copy kept here. Returns how many reads were compared. */
async function checkAgainstCopy(client: NbdClient, seed: number): Promise<number> {
  const random = new SeededRandom(seed);
  const copy = new Uint8Array(MIB);
  await client.write(0, copy);
  let compared = 0;
  for (let round = 0; round < 20; round++) {
    // Ranges of one round lie apart, so that their order does not matter.
    const writes = Array.from({ length: 32 }, async (_, place) => {
      const start = place * (MIB / 32) + random.below(MIB / 64);
      const length = 1 + random.below(MIB / 64);
      if (random.below(4) === 0 && client.info.canWriteZeroes) {
        copy.fill(0, start, start + length);
        await client.writeZeroes(start, length);
      } else {
        const source = patterned(length, random.uint32());
        copy.set(source, start);
        await client.write(start, source);
      }
    });
    await Promise.all(writes);
    const reads = Array.from({ length: 32 }, async () => {
      const start = random.below(MIB);
      const target = new Uint8Array(1 + random.below(MIB - start));
      await client.read(start, target);
      expect(Buffer.compare(target, copy.subarray(start, start + target.length))).toBe(0);
      compared += 1;
    });
    await Promise.all(reads);
  }
  return compared;
}

const noNbdkit = missing("nbdkit");

describe.skipIf(noNbdkit !== "")(named("NbdClient with nbdkit", noNbdkit), () => {
  it.each([
    ["structured replies", []],
    ["simple replies", ["--no-sr"]],
    ["neither fixed newstyle nor a way past the zeroes", ["--mask-handshake=0"]],
  ])("reads what it wrote over %s", async (_, args) => {
    const client = await connectTo(nbdkit(...args, "memory", "1M"));
    expect(client.info.hasStructuredReplies).toBe(args.length === 0);
    expect(await checkAgainstCopy(client, testSeed("writes and reads"))).toBe(640);
  });

  it("reads what it wrote over TCP", async () => {
    const port = await freePort();
    const server = await nbdkit("-i", "127.0.0.1", "-p", `${port}`, "memory", "1M");
    servers.push(server);
    // Of the addresses the name has, nothing listens at the others.
    const client = await NbdClient.connect(`nbd://localhost:${port}`);
    clients.push(client);
    expect(await checkAgainstCopy(client, testSeed("writes and reads"))).toBe(640);
  });

  it("knows what an export can do", async () => {
    const client = await connectTo(nbdkit("memory", "64M"));
    expect(client.info).toEqual({
      exportName: "",
      sizeBytes: 64 * MIB,
      isReadOnly: false,
      isRotational: false,
      canFlush: true,
      canFua: true,
      canTrim: true,
      canWriteZeroes: true,
      canFastZero: true,
      canCache: true,
      canMultiConn: true,
      blockSize: { minimum: 1, preferred: 4096, most: 2 ** 25 },
      contexts: [],
      hasStructuredReplies: true,
      isEncrypted: false,
    });
  });

  it("knows the block sizes the server tells", async () => {
    const sizes = ["minimum=512", "preferred=8K", "maximum=64K"].map((size) => `blocksize-${size}`);
    const filter = "--filter=blocksize-policy";
    const client = await connectTo(nbdkit(filter, "memory", "1M", ...sizes));
    expect(client.info.blockSize).toEqual({ minimum: 512, preferred: 8192, most: 65_536 });
  });

  it("splits what is larger than the server's most payload", async () => {
    const limits = [
      "blocksize-preferred=4K",
      "blocksize-maximum=8K",
      "blocksize-error-policy=error",
    ];
    const filter = "--filter=blocksize-policy";
    const client = await connectTo(nbdkit(filter, "memory", "1M", ...limits));
    const source = patterned(100_000, testSeed("a long write"));
    await client.write(777, source);
    const target = new Uint8Array(source.length);
    await client.read(777, target);
    expect(Buffer.compare(source, target)).toBe(0);
  });

  it("reads and writes more than 32 MiB at once", async () => {
    const client = await connectTo(nbdkit("memory", "100M"));
    const source = patterned(90 * MIB + 1, testSeed("90 MiB"));
    await client.write(1, source);
    const target = new Uint8Array(source.length);
    await client.read(1, target);
    expect(Buffer.compare(source, target)).toBe(0);
  });

  it("asks for exactly what it is told to", async () => {
    const log = (folder: string) => `${folder}/log`;
    const server = await startNbdkit((folder) => [
      "--filter=log",
      "memory",
      "1M",
      `logfile=${log(folder)}`,
    ]);
    const client = await connectTo(Promise.resolve(server), { contexts: ["base:allocation"] });
    await client.write(4096, new Uint8Array(512), { fua: true });
    await client.writeZeroes(8192, 1024, { noHole: true, fastZero: true });
    await client.writeZeroes(8192, 2048, { fua: true });
    await client.read(100, new Uint8Array(50));
    await client.flush();
    await client.trim(0, 65_536);
    await client.cache(16, 32);
    await client.blockStatus(0, 4096, { requestOne: true });
    await client.blockStatus(0, 8192);
    const lines = readFileSync(log(server.folder), "utf8").split("\n");
    const seen = lines.flatMap((line) =>
      [...line.matchAll(/ (Write|Zero|Read|Flush|Trim|Cache|Extents) (.*?) ?\.\.\./g)].map(
        ([, name, rest]) => `${name} ${rest!.replace(/^id=\d+ ?/, "")}`.trim(),
      ),
    );
    expect(seen).toEqual([
      "Write offset=0x1000 count=0x200 fua=1",
      "Zero offset=0x2000 count=0x400 trim=0 fua=0 fast=1",
      "Zero offset=0x2000 count=0x800 trim=1 fua=1 fast=0",
      "Read offset=0x64 count=0x32",
      "Flush",
      "Trim offset=0x0 count=0x10000 fua=0",
      "Cache offset=0x10 count=0x20",
      "Extents offset=0x0 count=0x1000 req_one=1",
      "Extents offset=0x0 count=0x2000 req_one=0",
    ]);
  });

  it("lists exports with their descriptions", async () => {
    const names = ["first", "zweiter ✓", ""].map((name) => `exportname=${name}`);
    const args = ["--filter=exportname", "null", "4096", "exportname-list=explicit"];
    const server = await nbdkit(...args, "exportdesc=fixed:a disk", ...names);
    servers.push(server);
    expect(await NbdClient.listExports(server.uri)).toEqual([
      { name: "first", description: "a disk" },
      { name: "zweiter ✓", description: "a disk" },
      { name: "", description: "a disk" },
    ]);
  });

  it("names the exports there are when asked for another", async () => {
    const names = ["exportname=swap", "exportname=data", "exportname-strict=true"];
    const args = ["--filter=exportname", "null", "4096", "exportname-list=explicit"];
    const server = await nbdkit(...args, ...names);
    servers.push(server);
    const uri = server.uri.replace("///", "///nothing");
    await expectRejection(() => NbdClient.connect(uri), {
      code: "NOT_FOUND",
      errno: "ENOENT",
      says: ['"nothing"', '"swap", "data"'],
    });
  });

  it("lists metadata contexts", async () => {
    const server = await nbdkit("memory", "1M");
    servers.push(server);
    expect(await NbdClient.listContexts(server.uri)).toEqual(["base:allocation"]);
  });

  it("lists the metadata contexts that match a query", async () => {
    const server = await nbdkit("memory", "1M");
    servers.push(server);
    const queries = ["x-nothing:"];
    expect(await NbdClient.listContexts(server.uri, { queries })).toEqual([]);
  });

  it("tells where the holes are", async () => {
    const contexts = ["base:allocation", "x-unknown:state"];
    const client = await connectTo(nbdkit("memory", "1M"), { contexts });
    await client.write(65_536, new Uint8Array(32_768).fill(7));
    expect(client.info.contexts).toEqual(["base:allocation"]);
    expect(await client.blockStatus(0, MIB)).toEqual(
      new Map([
        [
          "base:allocation",
          [
            { length: 65_536, state: HOLE_AND_ZERO },
            { length: 32_768, state: 0 },
            { length: MIB - 98_304, state: HOLE_AND_ZERO },
          ],
        ],
      ]),
    );
  });

  it("tells of one extent if asked for one", async () => {
    const client = await connectTo(nbdkit("memory", "1M"), { contexts: ["base:allocation"] });
    expect(await client.blockStatus(4096, 8192, { requestOne: true })).toEqual(
      new Map([["base:allocation", [{ length: 8192, state: HOLE_AND_ZERO }]]]),
    );
  });

  it("refuses to write where the export is read-only", async () => {
    const client = await connectTo(nbdkit("-r", "memory", "1M"));
    await expectRejection(() => client.write(0, new Uint8Array(512)), {
      code: "NOT_PERMITTED",
      errno: "EPERM",
      says: ["WRITE of 512 bytes at offset 0", "read-only"],
    });
  });

  it.each([
    ["EPERM", "NOT_PERMITTED", "EPERM"],
    ["EIO", "IO", "EIO"],
    ["ENOMEM", "NO_MEMORY", "ENOMEM"],
    ["EINVAL", "INVALID_ARGUMENT", "EINVAL"],
    ["ENOSPC", "NO_SPACE", "ENOSPC"],
    ["ESHUTDOWN", "SHUTDOWN", "ESHUTDOWN"],
  ])("rejects what the server answers with %s", async (error, code, errno) => {
    const args = [`error=${error}`, "error-pread-rate=100%"];
    const client = await connectTo(nbdkit("--filter=error", "memory", "1M", ...args));
    await expectRejection(() => client.read(0, new Uint8Array(512)), {
      code,
      errno,
      says: [error],
    });
  });

  it("keeps apart what fails and what does not", async () => {
    const fails = "test $4 -lt 4096 || { echo EIO bad block >&2; exit 1; }";
    const args = ["get_size=echo 1M", `pread=${fails}; head -c $3 /dev/zero | tr '\\0' x`];
    const client = await connectTo(nbdkit("eval", ...args));
    const targets = [0, 512, 1024, 4096].map((offset) => ({ offset, bytes: new Uint8Array(512) }));
    const settled = await Promise.allSettled(
      targets.map(({ offset, bytes }) => client.read(offset, bytes)),
    );
    expect(settled.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
    ]);
    expect(targets[2]!.bytes.every((byte) => byte === 0x78)).toBe(true);
  });

  it("rejects what is in flight when the server dies", async () => {
    const client = await connectTo(nbdkit("--filter=delay", "memory", "1M", "rdelay=100"));
    const read = client.read(0, new Uint8Array(512));
    process.kill(servers[0]!.pid, "SIGKILL");
    await expectRejection(() => read, { code: "IO", errno: "EIO", says: [servers[0]!.socketPath] });
  });

  it("waits on disconnecting for what is in flight", async () => {
    const client = await connectTo(nbdkit("--filter=delay", "memory", "1M", "wdelay=200ms"));
    let isWritten = false;
    const write = client.write(0, new Uint8Array(512)).then(() => {
      isWritten = true;
    });
    await client.disconnect();
    expect(isWritten).toBe(true);
    await write;
  });

  it("refuses requests after disconnecting", async () => {
    const client = await connectTo(nbdkit("memory", "1M"));
    await client.disconnect();
    await expectRejection(() => client.flush(), refusal.closed("connect again"));
  });
});

const noQemu = missing("qemu-nbd");

describe.skipIf(noQemu !== "")(named("NbdClient with qemu-nbd", noQemu), () => {
  it("reads what it wrote", async () => {
    const client = await connectTo(startQemuNbd(new Uint8Array(MIB)));
    expect(await checkAgainstCopy(client, testSeed("writes and reads"))).toBe(640);
  });

  it("puts data and holes of one reply together", async () => {
    const content = new Uint8Array(MIB);
    for (let block = 0; block < 16; block += 2) {
      content.fill(block + 1, block * 65_536, (block + 1) * 65_536);
    }
    const client = await connectTo(startQemuNbd(content), { contexts: ["base:allocation"] });
    const extents = (await client.blockStatus(0, MIB)).get("base:allocation");
    expect(extents?.map(({ state }) => state)).toEqual(Array(8).fill([0, HOLE_AND_ZERO]).flat());
    const target = new Uint8Array(MIB).fill(0xff);
    await client.read(0, target);
    expect(Buffer.compare(content, target)).toBe(0);
  });

  it("names the exports there are when asked for another", async () => {
    const server = await startQemuNbd(new Uint8Array(MIB), ["--export-name=swap"]);
    servers.push(server);
    await expectRejection(() => NbdClient.connect(server.uri), {
      code: "NOT_FOUND",
      errno: "ENOENT",
      says: ['no export ""', '"swap"'],
    });
  });

  it("lists exports with their descriptions", async () => {
    const args = ["--export-name=swap", "--description=for guests"];
    const server = await startQemuNbd(new Uint8Array(MIB), args);
    servers.push(server);
    expect(await NbdClient.listExports(server.uri)).toEqual([
      { name: "swap", description: "for guests" },
    ]);
  });
});

const noNbdServer = missing("nbd-server");

describe.skipIf(noNbdServer !== "")(named("NbdClient with nbd-server", noNbdServer), () => {
  it("reads what it wrote", async () => {
    const server = await startNbdServer(new Uint8Array(MIB));
    servers.push(server);
    const client = await NbdClient.connect(server.uri.replace("///", "///disk"));
    clients.push(client);
    expect(await checkAgainstCopy(client, testSeed("writes and reads"))).toBe(640);
  });
});
