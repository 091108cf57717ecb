/** qemu-io: patterns written and read, zeros with and without holes, any alignment, and the export's end. */

import { beforeAll, describe, expect, it } from "vitest";
import { type Served, serve, serveForAll } from "../../support/served.ts";
import { judge, run, succeed } from "./tools.ts";

const { title, isAbsent } = judge("qemu-io", "qemu-io", "nbdinfo");

const MIB = 2 ** 20;

let served: Served;

const argsOf = (uri: string, commands: readonly string[]) => [
  ...["-f", "raw"],
  ...commands.flatMap((command) => ["-c", command]),
  uri,
];

/** All commands have to succeed, patterns included. */
const io = (...commands: readonly string[]) => succeed("qemu-io", argsOf(served.uri, commands));

/** What it says to a command that has to fail. */
async function ioFails(uri: string, command: string): Promise<string> {
  const { code, stdout, stderr } = await run("qemu-io", argsOf(uri, [command]));
  expect(code, stdout + stderr).toBe(1);
  return stdout + stderr;
}

async function countsOf(): Promise<Readonly<Record<string, number>>> {
  return (await served.status()).exports[0]!.requests;
}

describe.skipIf(isAbsent)(title, () => {
  beforeAll(async () => {
    served = await serveForAll(["--size=64M"]);
    return () => served.stop();
  });

  it("reads what it wrote, and nothing else", async () => {
    await io("write -P 0xa5 0 1M", "read -P 0xa5 0 1M", "read -P 0 1M 1M");
    expect(await ioFails(served.uri, "read -P 0xa6 0 1M")).toContain("Pattern verification failed");
  });

  it("reads what was written at any alignment, and its surroundings as they were", async () => {
    await io(
      "write -P 1 0 64k",
      "write -P 2 4095 2",
      "write -P 3 8193 12289",
      "write -P 4 40000 1",
      "read -P 1 0 4095",
      "read -P 2 4095 2",
      "read -P 1 4097 4096",
      "read -P 3 8193 12289",
      "read -P 1 20482 19518",
      "read -P 4 40000 1",
      "read -P 1 40001 25535",
    );
  });

  it("reads its writes while many of them are under way", async () => {
    const spread = Array.from(
      { length: 64 },
      (_, at) => `aio_write -P ${at + 1} ${at * 70001} 70001`,
    );
    const reads = Array.from({ length: 64 }, (_, at) => `read -P ${at + 1} ${at * 70001} 70001`);
    await io(...spread, "aio_flush", ...reads);
  });

  it("writes and reads 32 MiB at once", async () => {
    await io("write -P 0x77 1M 32M", "read -P 0x77 1M 32M", "discard 1M 32M");
  });

  it.each([
    { name: "zeros in place", flags: "-z" },
    { name: "zeros as a hole", flags: "-z -u" },
    { name: "zeros quickly or not at all", flags: "-z -n" },
    { name: "zeros, durable", flags: "-z -f" },
  ])("writes $name, of any alignment", async ({ flags }) => {
    await io(
      "write -P 9 2M 256k",
      `write ${flags} 2101249 100001`,
      "read -P 9 2M 4097",
      "read -P 0 2101249 100001",
      "read -P 9 2201250 157838",
    );
  });

  it("keeps zeros in use unless they may be a hole", async () => {
    const inUse = async () => (await served.status()).exports[0]!.orig_data_size;
    await io("discard 0 64M");
    expect(await inUse()).toBe(0);
    await io("write -z 0 1M");
    expect(await inUse()).toBe(MIB);
    await io("write -z -u 0 1M", "read -P 0 0 1M");
    expect(await inUse()).toBe(0);
  });

  it("reads zeros where it discarded whole pages, and the rest as it was", async () => {
    await io(
      "write -P 5 4M 64k",
      "discard 4198400 8192",
      "read -P 5 4M 4096",
      "read -P 0 4198400 8192",
      "read -P 5 4206592 53248",
    );
  });

  it("has its requests counted, those with FUA and flushes too", async () => {
    const before = await countsOf();
    await io("write -f -P 1 0 4k", "flush", "discard 0 4k", "write -z 4k 4k");
    const after = await countsOf();
    const more = (kind: string) => (after[kind] ?? 0) - (before[kind] ?? 0);
    expect([more("writes"), more("trims"), more("write_zeroes")]).toEqual([1, 1, 1]);
    expect(more("flushes")).toBeGreaterThan(0);
    expect(more("errors")).toBe(0);
  });

  it.each(["write -P 1 64M 512", "read 64M 512", "write -P 1 67108352 1024", "write -z 64M 4k"])(
    "fails past the end: %s",
    async (command) => {
      expect(await ioFails(served.uri, command)).toContain("Input/output error");
    },
  );

  it("cannot write to a read-only export", async () => {
    const { uri } = await serve(["--size=1M", "--read-only"]);
    expect(await ioFails(uri, "write 0 4k")).toContain("Permission denied");
    await succeed("qemu-io", ["-r", ...argsOf(uri, ["read -P 0 0 1M"])]);
  });

  it("is told ENOSPC at a limit, and reads what it could write", async () => {
    const limited = await serve(["--export=a=8M,limit=1M", "--memory-limit=64M"]);
    expect(await ioFails(limited.uri, "write -P 3 0 2M")).toContain("No space left on device");
    await succeed("qemu-io", argsOf(limited.uri, ["write -P 3 0 512k", "read -P 3 0 512k"]));
  });
});
