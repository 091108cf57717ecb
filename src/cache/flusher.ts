/**
 * Brings what the cache owes to the origin: in passes over all that is owed when a pass begins, in order of address,
 * neighbours in one write, and a sync behind. Passes run one at a time.
 *
 * Holds always: a page is clean only when a sync has ended well that began after its write had ended well. What fails
 * stays dirty and is tried again, sooner first and then at longer intervals; it is told once, and once that it is over.
 * It keeps nobody from writing other pages while there is room for them. A page written while it is being flushed is
 * dirty afterwards.
 */

import { assert } from "../base/assert.ts";
import { PagefoldError } from "../base/errors.ts";
import { formatSize, PAGE_BYTES } from "../base/units.ts";
import type { Done } from "../device/export-bytes.ts";
import type { CachedPages } from "./cached-pages.ts";
import type { OriginPages } from "./origin-pages.ts";
import { NONE } from "./page-map.ts";
import type { PageRanges } from "./page-ranges.ts";
import { RunWriter, type WriterParts } from "./run-writer.ts";
import { DIRTY, OWING } from "./slot-state.ts";
import { UncleanList } from "./unclean-list.ts";

/** One write to the origin. */
const RUN_PAGES = 256;
/** Writes under way. */
const MOST_WRITES = 4;
/** Pages written before a sync lets those who wait go on. */
const SYNC_PAGES = 4096;
/** Of the bound, so much is owed when the flusher begins by itself. */
const START_SHARE = 0.5;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 30_000;

export interface FlusherOptions {
  /** Most pages that owe something. */
  readonly mostPages: number;
  readonly flushSeconds: number;
}

/** Who waits for pages to become clean. */
interface Waiter {
  /** Called when there are some, before anybody behind it is. */
  readonly goOn: () => void;
  /** Whether a range of pages is its own, which the flusher passes by. */
  readonly holdsRange: boolean;
  readonly wake: (hasRoom: boolean) => void;
}

interface Pass {
  failure: PagefoldError | null;
  /** Pages that could not be written or synced, and those left since it seemed vain. */
  failed: number;
  /** Of the pages in the pass's order, the place of the first that was left. */
  leftAt: number;
  /** Pages that became clean. */
  cleaned: number;
  /** The last run that was left out, since somebody else was writing a page of it. */
  passedBy: Run | null;
}

interface Run {
  readonly first: number;
  readonly end: number;
}

const NO_PASS: Pass = { failure: null, failed: 0, leftAt: Infinity, cleaned: 0, passedBy: null };

export class Flusher {
  readonly mostPages: number;
  readonly unclean: UncleanList;
  readonly #cached: CachedPages;
  readonly #origin: OriginPages;
  readonly #ranges: PageRanges;
  readonly #writer: RunWriter;
  readonly #flushMs: number;
  readonly #startAt: number;
  #running: Promise<Pass> | null = null;
  #next: Promise<Pass> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #waiters: Waiter[] = [];
  #failure: PagefoldError | null = null;
  /** Pages that failed in the last pass, and the page it left first: the next one begins there. */
  #failed = 0;
  #firstPage = 0;
  #retryMs = FIRST_RETRY_MS;
  #isClosed = false;
  /** Writes that waited, counted by those who write. */
  waits = 0;

  constructor(parts: WriterParts, { mostPages, flushSeconds }: FlusherOptions) {
    this.mostPages = mostPages;
    this.#cached = parts.cached;
    this.#origin = parts.origin;
    this.#ranges = parts.ranges;
    this.#flushMs = flushSeconds * 1000;
    this.#startAt = Math.ceil(mostPages * START_SHARE);
    this.unclean = new UncleanList(parts.cached.state);
    this.#writer = new RunWriter(parts, this.unclean);
  }

  /** Pages whose writes are under way. */
  get underWay(): number {
    return this.#writer.underWay;
  }

  /** What the origin failed with, while what it owes cannot be brought to it. */
  get failure(): PagefoldError | null {
    return this.#failure;
  }

  /** Whether the slot, or NONE for one more, may be made to owe something. */
  admits(slot: number): boolean {
    if (this.unclean.count < this.mostPages) return true;
    return slot !== NONE && (this.#cached.state[slot]! & OWING) !== 0;
  }

  /** The slot was written by a client. */
  dirtied(slot: number): void {
    this.unclean.markDirty(slot);
    this.#arrange();
  }

  /** The slot was written by a client, to the origin first. */
  written(slot: number): void {
    this.unclean.markWritten(slot);
    this.#arrange();
  }

  /** Sees to it that what is owed is brought in time. */
  #arrange(): void {
    if (this.#running !== null || this.#isClosed) return;
    if (this.unclean.count >= this.#startAt + this.#failed) void this.#begin();
    else if (this.#timer === null) this.#later(this.#flushMs);
  }

  /** The timer keeps the process from ending while something is owed. */
  #later(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#running === null) void this.#begin();
    }, ms);
  }

  /** Nothing if nothing is owed; else done when all that is owed now is durable. @throws PagefoldError IO. */
  flush(): Done {
    return this.unclean.count === 0 ? undefined : this.#flush();
  }

  async #flush(): Promise<void> {
    for (;;) {
      const { failure, passedBy } = await this.#passFromNow();
      if (failure !== null) throw failure;
      if (passedBy === null) return;
      await this.#ranges.free(passedBy.first, passedBy.end);
    }
  }

  /** A pass that begins now, or when the one under way is over: that one may have gone by already. */
  #passFromNow(): Promise<Pass> {
    if (this.#running === null) return this.#begin();
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.#running ?? this.#begin();
    });
    return this.#next;
  }

  /**
   * Waits until pages have become clean: false if none can, since the origin fails. Who waits longest goes on first, by
   * `goOn`, as far as there is room then: so neighbours written together stay together. Who `holdsRange` is told false
   * also where pages of that range would have to become clean.
   */
  async room({ goOn = () => {}, holdsRange = false }: Partial<Waiter> = {}): Promise<boolean> {
    // What failed is tried again when its time has come; nothing else is owed then.
    if (this.#running === null && this.unclean.count <= this.#failed) return false;
    const woken = new Promise<boolean>((wake) => {
      this.#waiters.push({ goOn, holdsRange, wake });
    });
    if (this.#running === null) void this.#begin();
    return woken;
  }

  #wake(hasRoom: boolean, isMeant: (waiter: Waiter) => boolean = () => true): void {
    const waiters = this.#waiters.filter(isMeant);
    this.#waiters = this.#waiters.filter((waiter) => !isMeant(waiter));
    for (const { goOn, wake } of waiters) {
      try {
        if (hasRoom) goOn();
      } catch {
        // It meets the same when it goes on by itself.
      }
      wake(hasRoom);
    }
  }

  #begin(): Promise<Pass> {
    assert(this.#running === null, "one pass at a time");
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const running = this.#pass().catch((cause) => ownMistake(cause, this.unclean.count));
    this.#running = running;
    void running.then((pass) => this.#ended(pass));
    return running;
  }

  #ended({ failure, failed, cleaned, passedBy }: Pass): void {
    this.#running = null;
    this.#tell(failure);
    this.#failure = failure;
    this.#failed = failed;
    if (failure === null) this.#retryMs = FIRST_RETRY_MS;
    const { count } = this.unclean;
    if (this.#isClosed || (failed >= count && failed > 0 && cleaned === 0)) this.#wake(false);
    else if (cleaned > 0 || count === 0) this.#wake(true);
    else if (passedBy !== null) this.#wake(false, ({ holdsRange }) => holdsRange);
    if (cleaned > 0 || passedBy === null) this.#goOn();
    // Another pass would go by at once, too, and might keep who holds the range from its end.
    else void this.#ranges.free(passedBy.first, passedBy.end).then(() => this.#goOn());
  }

  #goOn(): void {
    if (this.#running !== null || this.#isClosed) return;
    if (this.#waiters.length > 0) void this.#begin();
    else if (this.#failure !== null) this.#later(this.#nextRetryMs());
    else if (this.unclean.count > 0) this.#arrange();
  }

  /** Not beyond flushSeconds: until then what was written meanwhile waits, too. */
  #nextRetryMs(): number {
    const ms = this.#retryMs;
    this.#retryMs = Math.min(2 * ms, LAST_RETRY_MS, Math.max(FIRST_RETRY_MS, this.#flushMs));
    return ms;
  }

  #tell(failure: PagefoldError | null): void {
    const { onEvent, origin } = this.#origin;
    if (failure !== null && this.#failure === null) {
      const kept = formatSize(this.unclean.dirty * PAGE_BYTES);
      onEvent(
        `${failure.message}; ${kept} of written pages are kept and tried again, and a flush is answered with EIO until they are there`,
      );
    }
    if (failure === null && this.#failure !== null)
      onEvent(`${origin.name} takes writes again: what was kept is there now`);
  }

  /** One pass; never fails, `failure` says how it went. */
  async #pass(): Promise<Pass> {
    const pass: Pass = { ...NO_PASS };
    const pages = this.#dirtyPages();
    this.#writer.beginPass();
    await this.#origin.checkSize();
    const writes = new Set<Promise<void>>();
    let written = 0;
    for (let at = 0; at < pages.length; ) {
      while (writes.size >= MOST_WRITES) await Promise.race(writes);
      if (this.#writer.isVain) {
        leave(pass, at, pages.length - at);
        break;
      }
      const start = at;
      const first = pages[start]!;
      const count = this.#dirtyRun(pages, start);
      at += Math.max(1, count);
      if (count === 0) continue;
      written += count;
      const started = await this.#writer.start(first, count, {
        failed: (cause) => {
          pass.failure ??= cause;
          pass.failed += 1;
        },
        left: (page) => leave(pass, start + page - first, 1),
      });
      if (started === null) pass.passedBy = { first, end: first + count };
      const write = (started?.done ?? Promise.resolve()).finally(() => writes.delete(write));
      writes.add(write);
      if (written < SYNC_PAGES) continue;
      await Promise.all(writes);
      await this.#sync(pass);
      written = 0;
    }
    await Promise.all(writes);
    await this.#sync(pass);
    this.#firstPage = pages[pass.leftAt] ?? 0;
    return pass;
  }

  /** Of the pages from place `at` on, those in a row that are dirty still: others may have become clean meanwhile. */
  #dirtyRun(pages: Uint32Array, at: number): number {
    const first = pages[at]!;
    let count = 0;
    while (count < RUN_PAGES && pages[at + count] === first + count && this.#isDirty(first + count))
      count += 1;
    return count;
  }

  #isDirty(page: number): boolean {
    const slot = this.#cached.find(page);
    return slot !== NONE && (this.#cached.state[slot]! & DIRTY) !== 0;
  }

  /** Makes durable what was written before, and lets those go on who wait for it. */
  async #sync(pass: Pass): Promise<void> {
    if (!this.unclean.beginSync()) return;
    let isDone = false;
    try {
      await this.#origin.sync();
      isDone = true;
    } catch (cause) {
      pass.failure ??= cause as PagefoldError;
      pass.failed = this.unclean.count;
    }
    const cleaned = this.unclean.endSync(isDone);
    pass.cleaned += cleaned;
    if (cleaned > 0) this.#wake(true);
  }

  /** Ends when no pass is under way; what is owed still is given up. */
  async end(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#next;
    await this.#running;
    this.unclean.abandon();
  }

  /** Pages with bytes the origin was not given, in order of address, from where the last pass gave up and round. */
  #dirtyPages(): Uint32Array {
    const slots = this.unclean.slots();
    let count = 0;
    for (const slot of slots) {
      if ((this.#cached.state[slot]! & DIRTY) === 0) continue;
      slots[count] = this.#cached.pageOf(slot);
      count += 1;
    }
    const pages = slots.subarray(0, count).sort();
    const begin = pages.findIndex((page) => page >= this.#firstPage);
    if (begin <= 0) return pages;
    const turned = new Uint32Array(count);
    turned.set(pages.subarray(begin));
    turned.set(pages.subarray(0, begin), count - begin);
    return turned;
  }
}

/** A pass that ended where it must not. What it was about stays dirty. */
function ownMistake(cause: unknown, failed: number): Pass {
  const failure = new PagefoldError("IO", `the cache failed to flush: ${String(cause)}`, { cause });
  return { ...NO_PASS, failure, failed };
}

function leave(pass: Pass, at: number, count: number): void {
  pass.leftAt = Math.min(pass.leftAt, at);
  pass.failed += count;
}
