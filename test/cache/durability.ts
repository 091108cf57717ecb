/**
 * A cache over a disk that loses at a crash what was not synced, and a book of what must be there afterwards. Every
 * sector written carries its number and its version, so that what a crash left behind tells what it is.
 *
 * Holds for each sector after a crash: it is whole, and of a version at least as new as the last one acknowledged
 * before a flush that ended well.
 */

import { SeededRandom } from "../../src/base/random.ts";
import type { Cache } from "../../src/cache/cache.ts";
import { openCache } from "../../src/cache/open-cache.ts";
import type { CacheMode, CacheOptions } from "../../src/cache/options.ts";
import { type FaultPlan, FaultyMedium } from "../../src/overflow/media/faulty.ts";
import { MemoryMedium } from "../../src/overflow/media/memory.ts";
import { mediumOrigin } from "../support/origins.ts";

const SECTOR = 512;
const SECTORS = 1600;

/** Versions of each sector: the newest one begun, acknowledged, and known to be durable. */
class Book {
  readonly begun = new Uint32Array(SECTORS);
  readonly acknowledged = new Uint32Array(SECTORS);
  readonly durable = new Uint32Array(SECTORS);
  /** Sectors a write is under way to. */
  readonly busy = new Uint8Array(SECTORS);
}

/** The content of a sector of that version, all of it different from others' of any version. */
function fillSector(target: Uint8Array, sector: number, version: number): void {
  const words = new Uint32Array(target.buffer, target.byteOffset, SECTOR / 4);
  if (version === 0) words.fill(0);
  else for (let at = 0; at < words.length; at += 2) words.set([sector, version], at);
}

export interface CrashRun {
  readonly mode: CacheMode;
  readonly seed: number;
  /** The call of the disk at which it dies; beyond the last, it dies at the end. */
  readonly deathAt: number;
  readonly requests: number;
  readonly faults?: Partial<FaultPlan>;
  readonly options?: Partial<CacheOptions>;
}

export interface CrashResult {
  /** Sectors that are not what they may be, in words. */
  readonly wrong: readonly string[];
  /** Calls of the disk until then. */
  readonly operations: number;
  readonly flushes: number;
  readonly failedFlushes: number;
  /** Sectors with a version that a flush had made durable. */
  readonly durableSectors: number;
}

class Run {
  readonly #cache: Cache;
  readonly #random: SeededRandom;
  readonly book = new Book();
  readonly #all = new Set<Promise<void>>();
  flushes = 0;
  failedFlushes = 0;

  constructor(cache: Cache, random: SeededRandom) {
    this.#cache = cache;
    this.#random = random;
  }

  #mind(work: Promise<void> | undefined, done: (isDone: boolean) => void): void {
    if (work === undefined) {
      done(true);
      return;
    }
    const minded = work
      .then(
        () => done(true),
        () => done(false),
      )
      .finally(() => this.#all.delete(minded));
    this.#all.add(minded);
  }

  write(): void {
    const { begun, acknowledged, busy } = this.book;
    const random = this.#random;
    const first = random.below(random.below(2) === 0 ? SECTORS : SECTORS / 10);
    const count = Math.min(SECTORS - first, 1 + random.below(random.below(2) === 0 ? 8 : 40));
    for (let sector = first; sector < first + count; sector++) if (busy[sector] === 1) return;
    const bytes = new Uint8Array(count * SECTOR);
    const versions = new Uint32Array(count);
    for (let index = 0; index < count; index++) {
      const sector = first + index;
      begun[sector]! += 1;
      busy[sector] = 1;
      versions[index] = begun[sector]!;
      fillSector(bytes.subarray(index * SECTOR, (index + 1) * SECTOR), sector, begun[sector]!);
    }
    this.#mind(this.#cache.beginWrite(first * SECTOR, bytes), (isDone) => {
      busy.fill(0, first, first + count);
      if (isDone) acknowledged.set(versions, first);
    });
  }

  flush(): void {
    const { acknowledged, durable } = this.book;
    const before = acknowledged.slice();
    this.#mind(this.#cache.beginFlush(), (isDone) => {
      if (isDone) this.flushes += 1;
      else this.failedFlushes += 1;
      if (!isDone) return;
      for (let sector = 0; sector < SECTORS; sector++)
        durable[sector] = Math.max(durable[sector]!, before[sector]!);
    });
  }

  async settle(most = 0): Promise<void> {
    while (this.#all.size > most) await Promise.race(this.#all);
  }
}

function wrongSectors(bytes: Uint8Array, { begun, durable }: Book): string[] {
  const wrong: string[] = [];
  const expected = new Uint8Array(SECTOR);
  for (let sector = 0; sector < SECTORS; sector++) {
    const found = bytes.subarray(sector * SECTOR, (sector + 1) * SECTOR);
    const version = new DataView(found.buffer, found.byteOffset).getUint32(4, true);
    fillSector(expected, sector, version);
    const what = `sector ${sector} has version ${version}, ${durable[sector]} is durable, ${begun[sector]} the newest`;
    if (Buffer.compare(found, expected) !== 0) wrong.push(`${what}, and is not whole`);
    else if (version < durable[sector]! || version > begun[sector]!) wrong.push(what);
  }
  return wrong;
}

/** Runs requests against a cache until its disk dies, and looks at what is left on it. */
export async function runToCrash(run: CrashRun): Promise<CrashResult> {
  const random = new SeededRandom(run.seed);
  const disk = new MemoryMedium({ sizeBytes: SECTORS * SECTOR });
  await disk.write(0, new Uint8Array(SECTORS * SECTOR));
  const faulty = new FaultyMedium(disk, {
    random: new SeededRandom(run.seed + 1),
    isReordering: true,
    mostDelayTurns: 2,
    deathAt: run.deathAt,
    ...run.faults,
  });
  const cache = await openCache({
    // The disk is there after the crash.
    origin: { ...mediumOrigin(faulty), close: async () => {} },
    mode: run.mode,
    memoryLimitBytes: 2 ** 18,
    flushSeconds: 0.01,
    ...run.options,
  });
  const requests = new Run(cache, random);
  for (let request = 0; request < run.requests && !faulty.isDead; request++) {
    if (random.below(12) === 0) requests.flush();
    else requests.write();
    await requests.settle(random.below(10));
  }
  await requests.settle();
  const { operations } = faulty;
  if (!faulty.isDead) await faulty.die();
  await cache.close({ abandon: true });
  const left = new Uint8Array(SECTORS * SECTOR);
  await disk.read(0, left);
  return {
    wrong: wrongSectors(left, requests.book),
    operations,
    flushes: requests.flushes,
    failedFlushes: requests.failedFlushes,
    durableSectors: requests.book.durable.filter((version) => version > 0).length,
  };
}
