/**
 * A run of random requests, many under way at a time, against a cache over a disk that a power cut may meet at any
 * moment: at each begin and end of a write or sync of the disk, and at each flush that is answered, all that a cut then
 * could leave is held against what the client knows. What is read meanwhile is held against it too.
 *
 * Time is the test's own, so that a run repeats from its seed.
 */

import { vi } from "vitest";
import { ManualClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import type { Cache } from "../../src/cache/cache.ts";
import { openCache } from "../../src/cache/open-cache.ts";
import type { CacheOptions } from "../../src/cache/options.ts";
import type { Origin } from "../../src/cache/origin.ts";
import {
  CrashingOrigin,
  SECTOR_BYTES,
  type Survivor,
  type Troubles,
} from "../support/crashing-origin.ts";
import { CrashLedger } from "./crash-ledger.ts";

const PAGE = 4096;
/** More than the cache's memory takes; the last page and its last sector are parts of one. */
export const DISK_BYTES = 110 * PAGE + 700;

export interface CrashSetting {
  readonly seed: number;
  readonly requests: number;
  readonly options: Partial<CacheOptions>;
  readonly troubles?: Troubles;
  /** Pages of a request, at most, and requests under way. */
  readonly mostPages?: number;
  readonly mostWaiting?: number;
  /** At that moment of the disk the power is cut. */
  readonly cutAt?: number;
  /** What lies between the cache and the disk; nothing by default. */
  readonly between?: (disk: CrashingOrigin) => Origin;
}

export interface CrashResult {
  /** What a cut could have left that may not be, and wrong reads, in words: the first of each moment. */
  readonly wrong: readonly string[];
  /** Moments of the disk at which that was looked at, and flushes answered well, at which too. */
  readonly moments: number;
  readonly flushes: number;
  readonly failedFlushes: number;
  readonly failedWrites: number;
  /** Contents of sectors held against the ledger, those that were unsure among them. */
  readonly survivors: number;
  readonly unsure: number;
  readonly evicted: number;
  readonly awayReads: number;
  /** What was left on the disk by the cut, or would have been at the end. */
  readonly left: Uint8Array;
}

class Run {
  readonly wrong: string[] = [];
  readonly ledger: CrashLedger;
  readonly disk: CrashingOrigin;
  readonly #setting: CrashSetting;
  readonly #random: SeededRandom;
  readonly #all = new Set<Promise<void>>();
  /** When a survivor was found permitted: it is until the next flush. */
  readonly #permittedAt = new WeakMap<Survivor, number>();
  left: Uint8Array | null = null;
  flushes = 0;
  failedFlushes = 0;
  failedWrites = 0;
  survivors = 0;
  unsure = 0;

  constructor(setting: CrashSetting, random: SeededRandom) {
    this.#setting = setting;
    this.#random = random;
    const bytes = new Uint8Array(DISK_BYTES);
    random.fill(bytes);
    this.ledger = new CrashLedger(bytes);
    this.disk = new CrashingOrigin(bytes, {
      random: new SeededRandom(setting.seed + 1),
      ...(setting.troubles === undefined ? {} : { troubles: setting.troubles }),
      onMoment: (moment) => this.#onMoment(moment),
    });
  }

  #onMoment(moment: number): void {
    if (this.disk.isDead) return;
    this.check(`at moment ${moment}`);
    if (moment === this.#setting.cutAt) this.cut();
  }

  cut(): Uint8Array {
    this.left ??= this.disk.cut(new SeededRandom(this.#setting.seed + 2));
    return this.left;
  }

  /** Holds all that a cut now could leave against the ledger. */
  check(when: string): void {
    const { flushedAt } = this.ledger;
    for (const [sector, survivors] of this.disk.survivors.entries()) {
      for (const survivor of survivors) {
        if (survivors.length > 1) this.unsure += 1;
        if (this.#permittedAt.get(survivor) === flushedAt) continue;
        this.survivors += 1;
        const what = this.ledger.wrong(sector * SECTOR_BYTES, survivor.bytes);
        if (what !== null) {
          this.wrong.push(`${when}: ${what}`);
          return;
        }
        this.#permittedAt.set(survivor, flushedAt);
      }
    }
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

  /** Bytes at a place of any alignment; whole pages mostly, few of them hot, the end now and then. */
  #span(): { offset: number; length: number } {
    const random = this.#random;
    const most = random.below(3) === 0 ? DISK_BYTES : DISK_BYTES / 8;
    const pages = 1 + random.below(this.#setting.mostPages ?? 5);
    const kind = random.below(10);
    let offset = random.below(Math.floor(most));
    let length = pages * PAGE;
    if (kind < 3) length = 1 + random.below(length);
    else offset -= offset % (kind < 5 ? SECTOR_BYTES : PAGE);
    if (kind === 9) offset = DISK_BYTES - Math.min(length, offset + 1);
    return { offset, length: Math.min(length, DISK_BYTES - offset) };
  }

  /** Of its own in most bytes; else zeros, or what compresses or is equal to others. */
  #content(length: number): Uint8Array {
    const random = this.#random;
    const bytes = new Uint8Array(length);
    const kind = random.below(8);
    if (kind === 0) return bytes;
    if (kind < 6) random.fill(bytes);
    else bytes.fill(1 + random.below(4));
    if (kind === 7) for (let at = 0; at < length; at += 64) bytes[at] = random.below(256);
    return bytes;
  }

  write(cache: Cache, isForced: boolean): void {
    const { offset, length } = this.#span();
    const bytes = this.#content(length);
    const written = this.ledger.begin(offset, bytes);
    this.#mind(cache.beginWrite(offset, bytes), (isDone) => {
      this.ledger.end(written, isDone);
      if (!isDone) this.failedWrites += 1;
      if (isForced && isDone && !this.disk.isDead) this.flush(cache);
    });
  }

  writeZeroes(cache: Cache): void {
    const { offset, length } = this.#span();
    const written = this.ledger.begin(offset, new Uint8Array(length));
    this.#mind(cache.beginWriteZeroes(offset, length), (isDone) =>
      this.ledger.end(written, isDone),
    );
  }

  flush(cache: Cache): void {
    const begun = this.ledger.tick();
    this.#mind(cache.beginFlush(), (isDone) => {
      if (!isDone) this.failedFlushes += 1;
      if (!isDone || this.disk.isDead) return;
      this.flushes += 1;
      this.ledger.flushed(begun);
      this.check(`when flush ${this.flushes} is answered`);
    });
  }

  read(cache: Cache): void {
    const { offset, length } = this.#span();
    const found = new Uint8Array(length);
    const begun = this.ledger.tick();
    this.#mind(cache.beginRead(offset, found), (isDone) => {
      const what = isDone ? this.ledger.wrong(offset, found, begun) : null;
      if (what !== null) this.wrong.push(`read: ${what}`);
    });
  }

  /** Done when at most `most` requests are under way. Time stands still but where nothing else is left to wait for. */
  async settle(most = 0): Promise<void> {
    for (let turns = 0; this.#all.size > most; turns++) {
      await new Promise((resume) => setImmediate(resume));
      if (turns % 100 === 99) vi.advanceTimersByTime(10);
    }
  }
}

function request(run: Run, cache: Cache, kind: number): void {
  if (kind < 50) run.write(cache, false);
  else if (kind < 54) run.write(cache, true);
  else if (kind < 60) run.writeZeroes(cache);
  else if (kind < 85) run.read(cache);
  else if (kind < 92) run.flush(cache);
}

/** Runs requests until the power is cut, or to their end. The test's timers are to be faked. */
export async function runToCut(setting: CrashSetting): Promise<CrashResult> {
  const random = new SeededRandom(setting.seed);
  const run = new Run(setting, random);
  const { disk } = run;
  const clock = new ManualClock();
  const cache = await openCache({
    origin: setting.between?.(disk) ?? disk,
    memoryLimitBytes: 2 ** 18,
    flushSeconds: 0.05,
    clock,
    random: (target) => random.fill(target),
    ...setting.options,
  });
  for (let count = 0; count < setting.requests && !disk.isDead; count++) {
    const kind = random.below(100);
    if (kind < 92) request(run, cache, kind);
    else {
      clock.advance(0.03);
      vi.advanceTimersByTime(30);
    }
    await run.settle(random.below(setting.mostWaiting ?? 10));
  }
  await run.settle();
  const left = run.cut();
  const { evicted_pages } = cache.stats();
  const { bd_reads } = cache.exportStats();
  await cache.close({ abandon: true });
  return {
    wrong: [...run.wrong, ...disk.breaches],
    moments: disk.moments,
    flushes: run.flushes,
    failedFlushes: run.failedFlushes,
    failedWrites: run.failedWrites,
    survivors: run.survivors,
    unsure: run.unsure,
    evicted: evicted_pages,
    awayReads: bd_reads,
    left,
  };
}
