/**
 * What a power cut may lose of what was written through a cache: what no answered flush came after, nothing else. Every
 * moment of every run is held against it, with all that a cut then could leave.
 */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { openCache } from "../../src/cache/open-cache.ts";
import { FaultyMedium } from "../../src/overflow/media/faulty.ts";
import { MemoryMedium } from "../../src/overflow/media/memory.ts";
import { MemoryOrigin } from "../support/origins.ts";
import { testSeed } from "../support/seed.ts";
import { CrashLedger } from "./crash-ledger.ts";
import { type CrashSetting, DISK_BYTES, runToCut } from "./crash-run.ts";

const RUNS = 3;
const REQUESTS = 200;
/** What is asked for, in each mode. */
const LEAST_MOMENTS = 1000;

const TROUBLES = { read: 0.02, write: 0.05, sync: 0.15 };
/** Most pages are there, and it is slow enough for a page to be written again while it is read. */
const overflow = () => ({
  medium: new FaultyMedium(new MemoryMedium({ sizeBytes: 2 ** 20 }), {
    random: new SeededRandom(1),
    mostDelayTurns: 6,
  }),
  segmentBytes: 2 ** 16,
  highWatermark: 0.2,
  lowWatermark: 0.1,
});

type Setting = Omit<CrashSetting, "seed" | "requests">;

/** Each is made anew for each run: a medium serves one. */
const SETTINGS: Readonly<Record<string, () => Setting>> = {
  "of few dirty pages": () => ({ options: { dirtyShare: 0.01 } }),
  "of many dirty pages": () => ({ options: { dirtyShare: 0.8, readAheadBytes: 0 } }),
  "of large requests, one at a time": () => ({ options: {}, mostPages: 24, mostWaiting: 1 }),
  "of small requests, many at a time": () => ({ options: {}, mostPages: 1, mostWaiting: 40 }),
  "with an overflow log": () => ({ options: { overflow: overflow() } }),
  "with an overflow log, of many dirty pages and many requests at a time": () => ({
    options: { overflow: overflow(), dirtyShare: 0.8, flushSeconds: 0.1 },
    mostWaiting: 40,
  }),
  "over a disk that fails now and then": () => ({ options: {}, troubles: TROUBLES }),
  "over a disk whose syncs fail often, of many requests at a time": () => ({
    options: {},
    troubles: { sync: 0.3, mostTurns: 4 },
    mostPages: 3,
    mostWaiting: 20,
  }),
  "with an overflow log, over a disk that fails now and then": () => ({
    options: { overflow: overflow(), dirtyShare: 0.6 },
    troubles: TROUBLES,
  }),
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe.each(["write-back", "write-through"] as const)("a power cut in %s mode", (mode) => {
  const seed = testSeed(`${mode} power cuts`);
  const total = { moments: 0, flushes: 0, failedFlushes: 0, unsure: 0, evicted: 0, awayReads: 0 };

  it.each(Object.keys(SETTINGS))("loses nothing flushed: a cache %s", async (name) => {
    for (let at = seed; at < seed + RUNS; at++) {
      const setting = SETTINGS[name]!();
      const options = { mode, ...setting.options };
      const run = await runToCut({ ...setting, options, seed: at, requests: REQUESTS });
      expect(run.wrong, `seed ${at}`).toEqual([]);
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += run[key];
    }
  });

  it("was looked at in more than a thousand moments, in which there was something to lose", () => {
    console.log(`${mode}: ${JSON.stringify(total)}`);
    expect(total.moments).toBeGreaterThan(LEAST_MOMENTS);
    expect(total.unsure).toBeGreaterThan(total.moments);
    for (const count of Object.values(total)) expect(count).toBeGreaterThan(0);
  });

  it("leaves, at each moment of a run, a disk that another cache serves as it is", async () => {
    const setting = { seed: 7, requests: 25, options: { mode, dirtyShare: 0.01 } };
    const { moments } = await runToCut(setting);
    for (let cutAt = 1; cutAt <= moments; cutAt++) {
      const { left, wrong, ...run } = await runToCut({ ...setting, cutAt });
      expect([wrong, run.moments], `cut at ${cutAt}`).toEqual([[], cutAt]);
      const cache = await openCache({ origin: new MemoryOrigin(left), memoryLimitBytes: 2 ** 18 });
      const found = new Uint8Array(DISK_BYTES);
      await cache.read(0, found);
      await cache.close();
      expect(Buffer.compare(found, left)).toBe(0);
    }
    expect(moments).toBeGreaterThan(20);
  });
});

describe("CrashLedger", () => {
  const old = Uint8Array.of(1, 1, 1, 1);

  it("permits what was written since the last flush, and what that flush made sure of", () => {
    const ledger = new CrashLedger(old);
    ledger.end(ledger.begin(0, Uint8Array.of(2, 2)), true);
    ledger.flushed(ledger.tick());
    ledger.begin(1, Uint8Array.of(3, 3));
    expect(ledger.wrong(0, Uint8Array.of(2, 2, 1, 1))).toBeNull();
    expect(ledger.wrong(0, Uint8Array.of(2, 3, 3, 1))).toBeNull();
    expect(ledger.wrong(0, Uint8Array.of(1, 3, 3, 1))).toMatch(/^byte 0 is 1, /);
    expect(ledger.wrong(0, Uint8Array.of(2, 1, 3, 1))).toMatch(/^byte 1 is 1, /);
    expect(ledger.wrong(0, Uint8Array.of(2, 2, 1, 4))).toMatch(/^byte 3 is 4, /);
  });

  it("permits either of two writes that were under way together, and one that failed", () => {
    const ledger = new CrashLedger(old);
    const writes = [2, 3, 4].map((value) => ledger.begin(0, Uint8Array.of(value)));
    for (const [index, write] of writes.entries()) ledger.end(write, index < 2);
    ledger.flushed(ledger.tick());
    for (const value of [2, 3, 4]) expect(ledger.wrong(0, Uint8Array.of(value))).toBeNull();
    expect(ledger.wrong(0, Uint8Array.of(1))).not.toBeNull();
  });

  it("takes no flush for what was answered after the flush began", () => {
    const ledger = new CrashLedger(old);
    const write = ledger.begin(0, Uint8Array.of(2));
    const begun = ledger.tick();
    ledger.end(write, true);
    ledger.flushed(begun);
    expect(ledger.wrong(0, Uint8Array.of(1))).toBeNull();
    ledger.flushed(ledger.tick());
    expect(ledger.wrong(0, Uint8Array.of(1))).not.toBeNull();
  });
});
