/** A recorded trace as numbers, and what comes of it on log and blocks: the fixture, whose counts its origin tells. */

import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { OWN_STREAMS, OWN_WAY, planOf } from "../../../src/lab/wear/plans.ts";
import {
  runTraceLog,
  runTraceZram,
  traceGeometry,
  traceNeeds,
} from "../../../src/lab/wear/run-trace.ts";
import { MemoryTier } from "../../../src/lab/wear/tier.ts";
import {
  EMPTY,
  READ,
  readTraceEvents,
  type TraceEvents,
} from "../../../src/lab/wear/trace-events.ts";

const FIXTURE = fileURLToPath(new URL("../../../fixtures/guest-swap.trace", import.meta.url));
const SEED = 20_261_125;
const ROUNDS = 12;

const read = (log: string) => readTraceEvents(FIXTURE, { codecs: { memory: "lz4", log } });
let lz4: TraceEvents;
beforeAll(async () => {
  lz4 = await read("lz4");
});

describe("readTraceEvents", () => {
  it("finds the pages read and written, and the different ones", () => {
    expect(lz4.writtenPages).toBe(8003);
    expect(lz4.memoryBytes.length).toBe(4744);
    expect(lz4.object.filter((object) => object === READ).length).toBe(5631);
  });

  it("ends with nothing held, as the trace discards all at its end", () => {
    const holds = new Map<number, number>();
    lz4.page.forEach((page, index) => {
      const object = lz4.object[index]!;
      if (object === EMPTY) holds.delete(page);
      else if (object !== READ) holds.set(page, object);
    });
    expect(holds.size).toBe(0);
  });
});

async function run(events: TraceEvents, name: string) {
  const needs = traceNeeds(events);
  const geometry = traceGeometry(needs, {
    utilisation: 0.8,
    segmentBytes: 2 ** 20,
    streams: OWN_STREAMS,
  });
  const common = { events, needs, geometry, rounds: ROUNDS, seed: SEED };
  const log = await runTraceLog({ ...common, plan: planOf(name, OWN_STREAMS), levelling: true });
  const zram = await runTraceZram(common);
  const bytes = log.amplification * (needs.recordBytes / needs.outs);
  return { needs, log, zram, perByte: bytes / 4096 };
}

describe("runTraceLog", () => {
  it("programs at most 1.15 of the stored bytes times amplification for each byte swapped out", async () => {
    const { needs, log, perByte } = await run(lz4, OWN_WAY);
    const stored = needs.storedBytes / needs.outs / 4096;
    expect(perByte).toBeLessThanOrEqual(1.15 * stored * log.amplification);
  });

  it("programs at most a third of zram's bytes with zstd on the way out", async () => {
    const { log, zram, perByte } = await run(await read("zstd"), OWN_WAY);
    expect(perByte).toBeLessThanOrEqual(1 / 3);
    const bytes = log.writes * perByte;
    expect(bytes).toBeLessThanOrEqual(zram.writes / 3);
  });

  it("writes each content once for all its pages", () => {
    const onLog = new Set<number>();
    let outs = 0;
    const sink = {
      out: (item: number) => {
        expect(onLog.has(item)).toBe(false);
        onLog.add(item);
        outs += 1;
      },
      gone: (item: number) => {
        expect(onLog.delete(item)).toBe(true);
      },
    };
    const { limitBytes } = traceNeeds(lz4);
    new MemoryTier({ events: lz4, limitBytes, way: "pagefold", sink }).run();
    expect(outs).toBeGreaterThan(1000);
    expect(onLog.size).toBe(0);
  });
});
