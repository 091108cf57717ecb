import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { openStore } from "../../src/device/store.ts";
import { type ReplayOptions, type ReplayOutcome, replay } from "../../src/trace/replay.ts";
import { DeviceTarget, type ReplayTarget } from "../../src/trace/replay-target.ts";
import { TraceReader } from "../../src/trace/swap/trace-reader.ts";
import { fixturePages } from "../support/fixtures.ts";
import { numberedPage, samePage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";
import { type Asked, MemoryTarget, noSpace } from "./memory-target.ts";
import { EXPORTS, type Operation, operation, recordTrace, writeAt } from "./swap/operations.ts";

const PAGE = 4096;
const seed = testSeed("replay");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pagefold-replay-"));
});

afterAll(() => rm(folder, { recursive: true }));

/** Records the operations and replays them. */
async function run(
  operations: readonly Operation[],
  targets: readonly ReplayTarget[],
  options: Partial<ReplayOptions> & { readonly cachedBytes?: number } = {},
): Promise<ReplayOutcome> {
  const { cachedBytes, ...others } = options;
  const path = join(folder, "trace");
  await recordTrace(path, operations);
  const trace = await TraceReader.open(path, cachedBytes === undefined ? {} : { cachedBytes });
  try {
    return await replay(trace, targets, { depth: 8, ...others });
  } finally {
    await trace.close();
  }
}

const memoryTargets = () => EXPORTS.map(({ sizeBytes }) => new MemoryTarget(sizeBytes));

const plain = (kind: Operation["kind"], offset: number, length: number): Operation => ({
  kind,
  afterUs: 1,
  exportIndex: 0,
  offset,
  length,
});
const readAt = (offset: number, length: number) => plain("read", offset, length);

/** What the exports hold after the operations, by plain memory and the rule that a discard is of whole pages. */
function bytesAfter(operations: readonly Operation[]): Buffer[] {
  const all = EXPORTS.map(({ sizeBytes }) => Buffer.alloc(sizeBytes));
  for (const { kind, exportIndex, offset, length, bytes } of operations) {
    const memory = all[exportIndex]!;
    if (bytes !== undefined) memory.set(bytes, offset);
    else if (kind === "write_zeroes" || kind === "reserve_zeroes") {
      memory.fill(0, offset, offset + length);
    } else if (kind === "discard") {
      for (let page = 0; page < memory.length; page += PAGE) {
        const isWithin = page >= offset && page + PAGE <= offset + length;
        if (isWithin) memory.fill(0, page, page + PAGE);
      }
    }
  }
  return all;
}

describe("replay", () => {
  it("leaves a target with the bytes a plain model has, and finds every read right", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 80 }), async (operations) => {
        const targets = memoryTargets();
        const random = new SeededRandom(seed);
        const before = () => (random.below(2) === 0 ? undefined : turn<void>());
        for (const target of targets) target.before = before;
        const outcome = await run(operations, targets, { cachedBytes: 0 });
        const expected = bytesAfter(operations);
        targets.forEach(({ bytes }, index) => {
          expect(Buffer.compare(bytes, expected[index]!)).toBe(0);
        });
        expect(outcome.differences).toEqual([]);
        const reads = operations.filter(({ kind }) => kind === "read");
        const pages = reads.reduce(
          (sum, { offset, length }) =>
            sum + Math.ceil((offset + length) / PAGE) - Math.floor(offset / PAGE),
          0,
        );
        expect(outcome.checkedPages).toBe(pages);
      }),
      { seed, numRuns: 100 },
    );
  });

  it("finds a byte a target changed, wherever it is, and names the page", async () => {
    const at = fc.nat({ max: EXPORTS[0]!.sizeBytes - 1 });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 40 }), at, async (operations, at) => {
        const targets = memoryTargets();
        // The read past all others, of the whole export, must find it.
        const last = readAt(0, targets[0]!.sizeBytes);
        const [target] = targets;
        target!.before = ({ kind, length }) => {
          if (kind === "read" && length === last.length) target!.bytes[at]! ^= 1;
          return undefined;
        };
        const outcome = await run([...operations, last], targets);
        expect(outcome.differentPages).toBe(1);
        expect(outcome.differences).toMatchObject([
          { record: operations.length, exportIndex: 0, pageIndex: Math.floor(at / PAGE) },
        ]);
      }),
      { seed, numRuns: 100 },
    );
  });

  it("says what a page had to hold and what it held", async () => {
    const page = numberedPage(1);
    const other = numberedPage(2);
    const [target, second] = memoryTargets();
    const operations = [
      writeAt(0, page),
      writeAt(PAGE, other),
      writeAt(2 * PAGE, samePage(1, 2)),
      writeAt(3 * PAGE + 5, page.subarray(0, 9)),
      readAt(0, 5 * PAGE),
    ];
    target!.before = ({ kind }) => {
      if (kind !== "read") return undefined;
      target!.bytes.set(other, 0);
      target!.bytes.set(samePage(7, 0), PAGE);
      target!.bytes.fill(0, 2 * PAGE, 3 * PAGE);
      target!.bytes[3 * PAGE] = 1;
      target!.bytes.set(page, 4 * PAGE);
      return undefined;
    };
    const { differences } = await run(operations, [target!, second!]);
    expect(differences.map(({ expected, found }) => `${expected}: ${found}`)).toEqual([
      "content 0 of the trace: content 1 of the trace",
      "content 1 of the trace: the word 0x0000000000000007",
      "the word 0x0000000200000001: zeros",
      "bytes written in parts: bytes that no page of the trace has",
      "zeros: content 0 of the trace",
    ]);
  });

  it("counts all differences and names ten", async () => {
    const [target, second] = memoryTargets();
    target!.bytes.fill(1);
    const outcome = await run([readAt(0, 30 * PAGE)], [target!, second!]);
    expect(outcome.differentPages).toBe(30);
    expect(outcome.differences).toHaveLength(10);
  });

  it("keeps up to `depth` requests under way, and in order where they touch the same page", async () => {
    const random = new SeededRandom(seed);
    const operations = Array.from({ length: 400 }, () => {
      const offset = random.below(60 * 8) * 512;
      return random.below(2) === 0
        ? readAt(offset, 512 * (1 + random.below(8)))
        : writeAt(offset, numberedPage(random.below(99)).subarray(0, 512 * (1 + random.below(8))));
    });
    for (const depth of [1, 3, 16]) {
      const targets = memoryTargets();
      targets[0]!.before = async () => {
        for (let turns = random.below(4); turns >= 0; turns--) await turn();
      };
      const outcome = await run(operations, targets, { depth });
      expect(targets[0]!.mostUnderWay).toBe(depth);
      expect(outcome.differentPages).toBe(0);
      expect(targets[0]!.asked).toHaveLength(400);
    }
  });

  it("counts requests, pages and bytes by kind", async () => {
    const { kinds } = await run(
      [
        writeAt(100, new Uint8Array(PAGE)),
        writeAt(0, numberedPage(1)),
        readAt(0, 3 * PAGE),
        plain("discard", 10, 3 * PAGE),
        plain("write_zeroes", 0, 1),
        plain("reserve_zeroes", PAGE, PAGE),
        plain("flush", 0, 0),
      ],
      memoryTargets(),
    );
    const counts = Object.entries(kinds).map(([kind, { requests, pages, bytes }]) => [
      kind,
      requests,
      pages,
      bytes,
    ]);
    expect(counts).toEqual([
      ["read", 1, 3, 3 * PAGE],
      ["write", 2, 3, 2 * PAGE],
      ["discard", 1, 4, 3 * PAGE],
      ["write_zeroes", 1, 1, 1],
      ["reserve_zeroes", 1, 1, PAGE],
      ["flush", 1, 0, 0],
    ]);
  });

  it("goes on after requests that fail, and compares their pages only when they are written anew", async () => {
    const [target, second] = memoryTargets();
    let writes = 0;
    target!.before = ({ kind }: Asked) => {
      if (kind !== "write") return undefined;
      writes += 1;
      if (writes === 2) throw noSpace();
      return writes === 3 ? Promise.reject(noSpace()) : undefined;
    };
    const outcome = await run(
      [
        writeAt(0, numberedPage(1)),
        writeAt(0, numberedPage(2)),
        writeAt(PAGE, numberedPage(3)),
        readAt(0, 2 * PAGE),
        writeAt(0, numberedPage(4)),
        readAt(0, 2 * PAGE),
      ],
      [target!, second!],
    );
    const { unknownPages, checkedPages, differentPages, kinds, failures } = outcome;
    expect({ unknownPages, checkedPages, differentPages }).toEqual({
      unknownPages: 3,
      checkedPages: 1,
      differentPages: 0,
    });
    expect(kinds.write.failed).toBe(2);
    expect(failures.map(({ record, message }) => `${record}: ${message}`)).toEqual([
      "1: no room; make some",
      "2: no room; make some",
    ]);
  });

  it.each(["at once", "later"])("ends where a target is gone that fails %s", async (when) => {
    const [target, second] = memoryTargets();
    const lost = new PagefoldError("IO", "the connection is lost; connect again");
    target!.before = () => {
      if (target!.asked.length < 5) return undefined;
      target!.isGone = true;
      if (when === "at once") throw lost;
      return turn().then(() => {
        throw lost;
      });
    };
    const operations = Array.from({ length: 50 }, (_, index) => readAt(index * PAGE, PAGE));
    await expect(run(operations, [target!, second!])).rejects.toBe(lost);
    expect(target!.asked.length).toBeLessThan(20);
  });

  it("ends on what is no refusal of a request", async () => {
    const [target, second] = memoryTargets();
    target!.before = () => {
      throw new TypeError("a mistake");
    };
    await expect(run([readAt(0, 1)], [target!, second!])).rejects.toThrow("a mistake");
  });

  it("refuses a target that is smaller than its export", async () => {
    const targets = [new MemoryTarget(EXPORTS[0]!.sizeBytes), new MemoryTarget(PAGE)];
    await expect(run([], targets)).rejects.toMatchObject({
      code: "OUT_OF_RANGE",
      message: `export "gäste/b" of the trace has ${24 * PAGE} bytes and its target ${PAGE}; replay it against one at least as large`,
    });
  });

  it("sends no request long before its time, at the speed asked for", async () => {
    // Each look at the clock takes 3 ms of its own time.
    let now = 0;
    const clock = {
      seconds: () => {
        now += 0.003;
        return now;
      },
    };
    const [target, second] = memoryTargets();
    const times: number[] = [];
    target!.before = () => {
      times.push(now);
      return undefined;
    };
    const operations = [0, 5000, 1, 60_000, 0, 200_000].map((afterUs) => ({
      ...readAt(0, 1),
      afterUs,
    }));
    await run(operations, [target!, second!], { clock, speed: 2 });
    const due = [0, 5000, 5001, 65_001, 65_001, 265_001].map((us) => 0.003 + us / 2e6);
    const isEarly = times.map((time, index) => time < due[index]! - 0.001);
    expect(isEarly).toEqual(due.map(() => false));
  });

  it("stops when it is told to", async () => {
    const interrupt = new AbortController();
    const [target, second] = memoryTargets();
    target!.before = () => {
      interrupt.abort(new Error("stopped"));
      return undefined;
    };
    const operations = [readAt(0, 1), readAt(0, 1)];
    const { signal } = interrupt;
    await expect(run(operations, [target!, second!], { signal })).rejects.toThrow("stopped");
    expect(target!.asked).toHaveLength(1);
  });
});

describe("DeviceTarget", () => {
  it("does to a store what a plain model says", async () => {
    const store = await openStore({ codec: "lz4" });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        const devices = EXPORTS.map((one) => store.openExport(one));
        const targets = devices.map((device) => new DeviceTarget(device));
        const outcome = await run(operations, targets);
        expect(outcome.differences).toEqual([]);
        const expected = bytesAfter(operations);
        devices.forEach((device, index) => {
          const bytes = Buffer.alloc(device.sizeBytes);
          device.readNow(0, bytes);
          expect(Buffer.compare(bytes, expected[index]!)).toBe(0);
        });
        for (const device of devices) await device.close();
      }),
      { seed, numRuns: 50 },
    );
    await store.close();
  });

  it("gives back real pages", async () => {
    const pages = fixturePages("guest-a-node").subarray(0, 60 * PAGE);
    const store = await openStore({ codec: "zstd:1" });
    const targets = EXPORTS.map((one) => new DeviceTarget(store.openExport(one)));
    const outcome = await run([writeAt(0, pages), readAt(0, pages.length)], targets);
    expect(outcome).toMatchObject({ checkedPages: 60, differentPages: 0 });
    await store.close();
  });
});
