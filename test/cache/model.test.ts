/**
 * Random requests, many at a time, against a byte model: in every mode, with so little memory that pages are evicted,
 * flushed and moved to the overflow log all the time.
 */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { openCache } from "../../src/cache/open-cache.ts";
import type { CacheOptions } from "../../src/cache/options.ts";
import { MemoryMedium } from "../../src/overflow/media/memory.ts";
import { MemoryOrigin } from "../support/origins.ts";
import { differenceOf } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";
import { ByteModel } from "./byte-model.ts";

const ORIGIN_BYTES = 1200 * 4096 + 700;
const REQUESTS = 3000;

const turn = () => new Promise<void>((resume) => setImmediate(resume));

type Setting = Partial<CacheOptions> & {
  readonly mostPages?: number;
  readonly mostWaiting?: number;
};

async function run(name: string, setting: Setting) {
  const { mostPages = 6, mostWaiting = 24, ...options } = setting;
  const random = new SeededRandom(testSeed(name));
  const bytes = new Uint8Array(ORIGIN_BYTES);
  for (let at = 0; at < bytes.length; at += 4096)
    random.fill(bytes.subarray(at, Math.min(bytes.length, at + random.below(4096))));
  const origin = new MemoryOrigin(bytes.slice());
  // Calls overtake each other.
  origin.before = async () => {
    for (let turns = random.below(4); turns > 0; turns--) await turn();
  };
  const cache = await openCache({
    origin,
    memoryLimitBytes: 2 ** 18,
    flushSeconds: 0.01,
    random: (target) => random.fill(target),
    ...options,
  });
  const model = new ByteModel(cache, bytes, random);
  for (let request = 0; request < REQUESTS; request++) {
    const kind = random.below(100);
    if (kind < 48) model.read(mostPages);
    else if (kind < 94) model.write(mostPages);
    else if (kind < 97) model.writeZeroes(4 * mostPages);
    else model.flush();
    await model.settle(random.below(mostWaiting));
  }
  await model.checkAll();
  const stats = cache.stats();
  const storeStats = cache.exportStats();
  await cache.close();
  expect(differenceOf(origin.bytes, bytes)).toBeNull();
  return { stats, storeStats, model };
}

const OVERFLOW = () => ({
  medium: new MemoryMedium({ sizeBytes: 2 ** 20 }),
  segmentBytes: 2 ** 16,
});

describe.each(["write-back", "write-through"] as const)("a cache in %s mode", (mode) => {
  it("gives what was written, whatever leaves it meanwhile", async () => {
    const { stats, model } = await run(`${mode} model`, { mode });
    expect(stats.evicted_pages).toBeGreaterThan(500);
    expect(stats.ahead_pages).toBeGreaterThan(0);
    expect(model.later).toBeGreaterThan(100);
  });

  it("gives what was written, with cold pages on an overflow log that fills up", async () => {
    const setting = { mode, overflow: OVERFLOW(), recompress: ["lz4-fast"] };
    const { stats, storeStats } = await run(`${mode} overflow model`, setting);
    expect(stats.evicted_pages).toBeGreaterThan(500);
    expect(storeStats.bd_writes).toBeGreaterThan(100);
    expect(storeStats.bd_reads).toBeGreaterThan(100);
  });

  it("gives what was written, one request at a time and larger than the dirty pages allowed", async () => {
    await run(`${mode} large`, { mode, mostPages: 64, mostWaiting: 1, dirtyShare: 0.05 });
  });

  it("keeps to its bound of what the origin lacks", async () => {
    const { stats } = await run(`${mode} bound`, { mode, mostPages: 1, mostWaiting: 60 });
    expect(stats.unsynced_bytes).toBeLessThanOrEqual(stats.dirty_limit_bytes);
  });
});
