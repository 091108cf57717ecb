import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { NbdClient } from "../../../src/nbd/client/client.ts";
import { ClientTarget } from "../../../src/nbd/client/replay-target.ts";
import { replay } from "../../../src/trace/replay.ts";
import { TraceReader } from "../../../src/trace/swap/trace-reader.ts";
import { MemoryTarget, noSpace } from "../../trace/memory-target.ts";
import { EXPORTS, type Operation, recordTrace } from "../../trace/swap/operations.ts";
import { serveDisk } from "../support/test-server.ts";

const PAGE = 4096;
const SIZE = EXPORTS[0]!.sizeBytes;
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-replay-target-"));
});

afterAll(() => rm(folder, { recursive: true }));

/** Memory behind a server, a client of it, and a replay of operations against that. */
async function served() {
  const memory = new MemoryTarget(SIZE);
  const disk = Object.assign(memory, { isReadOnly: false });
  const { path } = await serveDisk(disk);
  const client = await NbdClient.connect(`nbd+unix:///?socket=${path}`);
  onTestFinished(() => client.disconnect());
  const run = async (operations: readonly Operation[]) => {
    const file = join(folder, "trace");
    await recordTrace(file, operations, { exports: [EXPORTS[0]!] });
    const trace = await TraceReader.open(file);
    try {
      return await replay(trace, [new ClientTarget(client)], { depth: 4 });
    } finally {
      await trace.close();
    }
  };
  return { memory, client, run };
}

const ask = (kind: Operation["kind"], offset: number, length: number): Operation => ({
  kind,
  afterUs: 1,
  exportIndex: 0,
  offset,
  length,
  ...(kind === "write" ? { bytes: Buffer.alloc(length, "swap") } : {}),
});

describe("ClientTarget", () => {
  it("asks the server for what the trace has, and reserves where it did", async () => {
    const { memory, run } = await served();
    const outcome = await run([
      ask("write", 0, 8 * PAGE),
      ask("read", 100, 3 * PAGE),
      ask("discard", PAGE, 2 * PAGE),
      ask("write_zeroes", 7 * PAGE + 1, 100),
      ask("reserve_zeroes", 6 * PAGE, PAGE),
      ask("flush", 0, 0),
    ]);
    expect(outcome).toMatchObject({ differentPages: 0, checkedPages: 4 });
    const asked = memory.asked.map(({ kind, offset, length }) => `${kind} ${length} at ${offset}`);
    expect(asked.sort()).toEqual([
      "discard 8192 at 4096",
      "flush 0 at 0",
      "read 12288 at 100",
      "reserve_zeroes 4096 at 24576",
      "write 32768 at 0",
      "write_zeroes 100 at 28673",
    ]);
  });

  it("has what a request failed with, and the replay goes on", async () => {
    const { memory, run } = await served();
    memory.before = ({ kind }) => {
      if (kind === "write") throw noSpace();
      return undefined;
    };
    const outcome = await run([ask("write", 0, PAGE), ask("read", PAGE, PAGE)]);
    expect(outcome.failures).toMatchObject([{ record: 0, kind: "write" }]);
    expect(outcome.checkedPages).toBe(1);
  });

  it("is gone when the connection is, which ends the replay", async () => {
    const { memory, client, run } = await served();
    memory.before = () => {
      if (memory.asked.length === 5) void client.disconnect();
      return undefined;
    };
    const operations = Array.from({ length: 60 }, (_, page) => ask("read", page * PAGE, PAGE));
    await expect(run(operations)).rejects.toMatchObject({ code: "CLOSED" });
    expect(memory.asked.length).toBeLessThan(20);
  });
});
