import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import { auditHost } from "../../../src/simulator/memory/audit.ts";
import { OpportunityOracle } from "../../../src/simulator/opportunities.ts";
import { traceReplay } from "../../../src/simulator/workloads/trace-replay.ts";
import { differenceOf, numberedPage } from "../../support/pages.ts";
import { testSeed } from "../../support/seed.ts";
import {
  EXPORTS,
  type Operation,
  operation,
  readTrace,
  recordTrace,
  writeAt,
} from "../../trace/swap/operations.ts";
import { mergeAll, type OpenGuests, openGuests } from "./open-guests.ts";

const FIXTURE = fileURLToPath(new URL("../../../fixtures/guest-swap.trace", import.meta.url));
const seed = testSeed("trace replay");
const DEVICE_PAGES = 64 + 24;

let folder: string;
let world: OpenGuests | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-trace-replay-"));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  await world?.close();
  world = undefined;
});

/** What devices hold, byte by byte: the exports one after the other. */
class Disk {
  readonly bytes = Buffer.alloc(DEVICE_PAGES * PAGE_BYTES);

  do({ kind, exportIndex, offset, length, bytes }: Operation): void {
    const begin = (exportIndex === 0 ? 0 : EXPORTS[0]!.sizeBytes) + offset;
    if (kind === "write") this.bytes.set(bytes!, begin);
    else if (kind === "write_zeroes" || kind === "reserve_zeroes") {
      this.bytes.fill(0, begin, begin + length);
    } else if (kind === "discard") {
      const first = Math.ceil(begin / PAGE_BYTES) * PAGE_BYTES;
      const end = Math.floor((begin + length) / PAGE_BYTES) * PAGE_BYTES;
      if (end > first) this.bytes.fill(0, first, end);
    }
  }
}

/** The first of the guest's pages that does not hold what `expected` says, null if all do. */
function firstDifference(opened: OpenGuests, expected: Uint8Array): string | null {
  const page = Buffer.alloc(PAGE_BYTES);
  const { firstPage } = opened.guests[0]!;
  for (let index = 0; index < expected.length / PAGE_BYTES; index++) {
    opened.contents.bytesOf(opened.host.read(firstPage + index), page);
    const wanted = expected.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
    const difference = differenceOf(page, wanted);
    if (difference !== null) return `page ${index}: ${difference}`;
  }
  return null;
}

describe("trace-replay", () => {
  it.each([1, 2.5])(
    "has the guest hold at any time what a disk would, at speed %d",
    async (speed) => {
      const operations = fc
        .sample(operation, { numRuns: 400, seed })
        .map((one) => ({ ...one, afterUs: one.afterUs % 50_000 }));
      const path = join(folder, "random.trace");
      await recordTrace(path, operations);
      world = await openGuests({
        seed,
        guests: [{ pages: DEVICE_PAGES + 3 }],
        frames: 30,
        swapSlots: 200,
      });
      const workload = await world.start(traceReplay, 0, { traces: [path], speed });
      const disk = new Disk();
      let recordedUs = 0;
      let done = 0;
      for (let step = 0; done < operations.length; step++) {
        expect(workload.step(step / 10, 0.1)).toBe(0);
        while (done < operations.length) {
          const atUs = recordedUs + operations[done]!.afterUs;
          if (atUs >= (step / 10 + 0.1) * speed * 1e6) break;
          recordedUs = atUs;
          disk.do(operations[done++]!);
        }
        mergeAll(world.host);
        expect(firstDifference(world, disk.bytes)).toBeNull();
        expect(auditHost(world.host)).toEqual([]);
      }
      expect(workload.figures!().share_replayed).toBe(1);
    },
  );

  it("replays what a real guest swapped, page for page", async () => {
    const { operations, exports } = await readTrace(FIXTURE);
    const pages = exports[0]!.sizeBytes / PAGE_BYTES;
    world = await openGuests({ seed, guests: [{ pages }], frames: 1000, swapSlots: 20_000 });
    const { host, contents } = world;
    const workload = await world.start(traceReplay, 0, { traces: [FIXTURE] });
    const held = new Map<number, Buffer>();
    let timeUs = 0;
    let seconds = 0;
    let most = 0;
    const compare = () => {
      const page = Buffer.alloc(PAGE_BYTES);
      for (const [index, expected] of held) {
        contents.bytesOf(host.read(index), page);
        expect(differenceOf(page, expected)).toBeNull();
      }
      most = Math.max(most, held.size);
    };
    for (const [index, one] of operations.entries()) {
      timeUs += one.afterUs;
      // At the first and at the last of the requests, and before each that gives something back.
      if (one.kind === "discard" || index === operations.length - 1) {
        const untilSeconds = timeUs / 1e6;
        if (untilSeconds > seconds) workload.step(seconds, untilSeconds - seconds);
        seconds = untilSeconds;
        compare();
      }
      const first = one.offset / PAGE_BYTES;
      const end = (one.offset + one.length) / PAGE_BYTES;
      if (one.kind === "write" && Number.isInteger(first) && Number.isInteger(end)) {
        for (let page = first; page < end; page++) {
          const at = (page - first) * PAGE_BYTES;
          held.set(page, Buffer.from(one.bytes!.subarray(at, at + PAGE_BYTES)));
        }
      } else if (one.kind === "discard") {
        for (const page of held.keys()) if (page >= first && page < end) held.delete(page);
      }
    }
    workload.step(seconds, 1);
    expect(most).toBeGreaterThan(4000);
    expect(workload.figures!()).toMatchObject({
      pages_read: 5631,
      pages_written: 8003,
      share_replayed: 1,
    });
    expect(auditHost(host)).toEqual([]);
  });

  it("gives guests of a group the traces in turn, and equal pages equal contents", async () => {
    const shared = numberedPage(1);
    const paths = await Promise.all(
      [2, 3].map(async (number) => {
        const path = join(folder, `turn-${number}.trace`);
        const own = numberedPage(number);
        await recordTrace(path, [writeAt(0, shared), writeAt(PAGE_BYTES, own)]);
        return path;
      }),
    );
    world = await openGuests({ seed, guests: [1, 2, 3].map(() => ({ pages: DEVICE_PAGES })) });
    const { host, contents, guests } = world;
    for (const index of guests.keys()) {
      (await world.start(traceReplay, index, { traces: paths })).step(0, 1);
    }
    const known = [1, 2, 3].map((number) => contents.given(numberedPage(number)));
    const contentsOf = guests.map(({ firstPage }) => [
      host.read(firstPage),
      host.read(firstPage + 1),
    ]);
    expect(contentsOf).toEqual([
      [known[0], known[1]],
      [known[0], known[2]],
      [known[0], known[1]],
    ]);
    expect(new OpportunityOracle(host).count().opportunities).toBe(3);
  });

  it("refuses a trace that is larger than its guest, with sizes and a remedy", async () => {
    const path = join(folder, "large.trace");
    await recordTrace(path, []);
    world = await openGuests({ seed, guests: [{ pages: DEVICE_PAGES - 1 }] });
    await expect(world.start(traceReplay, 0, { traces: [path] })).rejects.toMatchObject({
      code: "OUT_OF_RANGE",
      message: `${path} is a trace of 352.0 KiB of swap, each page of which is one of the guest's, and guest "guest-0" has 348.0 KiB; give it at least 352K of memory`,
    });
  });

  it("refuses a file that is missing, by its name and the path to its key", () => {
    const missing = join(folder, "missing.trace");
    const { error } = traceReplay.parameters.safeParse({ traces: [FIXTURE, missing] });
    expect(error?.issues).toMatchObject([
      { path: ["traces", 1], message: expect.stringContaining(`${missing} cannot be read`) },
    ]);
  });

  it("refuses a file that is no trace, by its name", async () => {
    world = await openGuests({ seed, guests: [{ pages: 1 }] });
    const other = join(folder, "other");
    await writeFile(other, "no trace");
    await expect(world.start(traceReplay, 0, { traces: [other] })).rejects.toMatchObject({
      code: "IO",
      message: expect.stringContaining(`${other} is no swap trace`),
    });
  });

  it("refuses a trace that is damaged", async () => {
    const path = join(folder, "damaged.trace");
    await recordTrace(path, [writeAt(0, numberedPage(1))]);
    const bytes = await readFile(path);
    bytes[bytes.length - 40]! ^= 1;
    await writeFile(path, bytes);
    world = await openGuests({ seed, guests: [{ pages: DEVICE_PAGES }] });
    await expect(world.start(traceReplay, 0, { traces: [path] })).rejects.toMatchObject({
      code: "CORRUPT",
      message: expect.stringContaining(`${path} is a damaged trace`),
    });
  });
});
