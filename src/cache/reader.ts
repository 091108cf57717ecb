/**
 * Reads through the cache. What is cached in memory is done when `read` returns, and nothing is allocated for it; pages
 * that are not cached are fetched side by side, neighbours in one read.
 *
 * Holds always: a read gives the bytes of a write that was over when it began, or later ones. A cached page that cannot
 * be read back is read from the origin again, unless it owes the origin something.
 */

import { PAGE_BYTES } from "../base/units.ts";
import type { Done } from "../device/export-bytes.ts";
import { STAGED_PAGES } from "../engine/engine.ts";
import type { CachedPages } from "./cached-pages.ts";
import type { Fetch, Fetches } from "./fetches.ts";
import { NONE } from "./page-map.ts";
import type { PageRanges } from "./page-ranges.ts";
import type { ReadAhead } from "./read-ahead.ts";

/** Pages of one read of the origin, and of one request that are under way. */
const RUN_PAGES = 256;
const WINDOW_BYTES = 2 ** 22;
/** Pages under way that nobody asked for, at most. */
const MOST_GUESSES = 4096;

export interface ReaderParts {
  readonly cached: CachedPages;
  readonly fetches: Fetches;
  readonly ranges: PageRanges;
  /** Null where nothing is read ahead. */
  readonly ahead: ReadAhead | null;
}

/** A part of a page, and where its bytes are wanted. */
interface Wanted {
  readonly page: number;
  /** Of the page, the first byte that is wanted. */
  readonly from: number;
  readonly target: Uint8Array;
}

export class Reader {
  readonly #cached: CachedPages;
  readonly #fetches: Fetches;
  readonly #ranges: PageRanges;
  readonly #ahead: ReadAhead | null;
  /** Pages asked for, those asked for in part included, and of them those that were cached. */
  pages = 0;
  hits = 0;
  bytes = 0;

  constructor(parts: ReaderParts) {
    this.#cached = parts.cached;
    this.#fetches = parts.fetches;
    this.#ranges = parts.ranges;
    this.#ahead = parts.ahead;
  }

  /** Reads within the origin's size. @throws PagefoldError IO, CORRUPT. */
  read(offset: number, target: Uint8Array): Done {
    if (target.length === 0) return undefined;
    const first = Math.floor(offset / PAGE_BYTES);
    const end = Math.ceil((offset + target.length) / PAGE_BYTES);
    this.pages += end - first;
    this.bytes += target.length;
    const done = this.#readCached(offset, target);
    const wait =
      done === target.length ? undefined : this.#readRest(offset + done, target.subarray(done));
    if (this.#ahead?.note(first, end)) this.#fetchAhead(this.#ahead.first, this.#ahead.count);
    return wait;
  }

  /** Reads what is in memory from the start on: how many bytes. */
  #readCached(offset: number, target: Uint8Array): number {
    const { engine } = this.#cached;
    let done = 0;
    while (done < target.length) {
      const page = Math.floor((offset + done) / PAGE_BYTES);
      const inPage = (offset + done) % PAGE_BYTES;
      const left = target.length - done;
      const count = Math.min(STAGED_PAGES, Math.ceil((inPage + left) / PAGE_BYTES));
      let staged = 0;
      while (staged < count && this.#load(page + staged, staged)) staged += 1;
      if (staged === 0) break;
      const part = Math.min(staged * PAGE_BYTES - inPage, left);
      target.set(engine.pages.subarray(inPage, inPage + part), done);
      done += part;
      if (staged < count) break;
    }
    return done;
  }

  /** Loads the page to the staged one, if it is cached and in memory: whether it was. */
  #load(page: number, staged: number): boolean {
    const cached = this.#cached;
    const slot = cached.find(page);
    if (slot === NONE) return false;
    if (!cached.read(slot, staged)) return false;
    cached.touch(slot);
    this.hits += 1;
    return true;
  }

  async #readRest(offset: number, target: Uint8Array): Promise<void> {
    for (let done = 0; done < target.length; ) {
      const from = (offset + done) % PAGE_BYTES;
      const part = target.subarray(done, done + WINDOW_BYTES - from);
      await allDone(this.#readPages(offset + done, part));
      done += part.length;
    }
  }

  /** Reads what is in memory and begins to read what is not: what is to be waited for, failures included. */
  #readPages(offset: number, target: Uint8Array): Promise<void>[] {
    const waits: Promise<void>[] = [];
    try {
      this.#beginPages(offset, target, waits);
    } catch (cause) {
      waits.push(Promise.reject(cause));
    }
    return waits;
  }

  #beginPages(offset: number, target: Uint8Array, waits: Promise<void>[]): void {
    const { engine } = this.#cached;
    for (let done = 0; done < target.length; ) {
      const page = Math.floor((offset + done) / PAGE_BYTES);
      const from = (offset + done) % PAGE_BYTES;
      const part = Math.min(PAGE_BYTES - from, target.length - done);
      if (this.#load(page, 0)) {
        target.set(engine.page.subarray(from, from + part), done);
        done += part;
      } else if (this.#cached.find(page) !== NONE) {
        waits.push(this.#readAway({ page, from, target: target.subarray(done, done + part) }));
        done += part;
      } else if (this.#ranges.isTaken(page, page + 1)) {
        waits.push(this.#readWritten({ page, from, target: target.subarray(done, done + part) }));
        done += part;
      } else {
        const fetch = this.#fetchOf(page, offset + target.length);
        const most = Math.ceil((offset + target.length) / PAGE_BYTES) - page;
        const length = this.#lengthOf(fetch, page, most) * PAGE_BYTES - from;
        const wanted = target.subarray(done, Math.min(target.length, done + length));
        waits.push(copyFetched(fetch, { page, from, target: wanted }));
        done += wanted.length;
      }
    }
  }

  /** The fetch that has the page, and as many behind it as are missing below byte `end`. */
  #fetchOf(page: number, end: number): Fetch {
    const known = this.#fetches.want(page);
    if (known !== undefined) return known;
    const most = Math.min(RUN_PAGES, Math.ceil(end / PAGE_BYTES) - page);
    return this.#fetches.begin(page, this.#missing(page, most), false);
  }

  /** Pages in a row, at most `most` and at least one, that are nowhere yet. */
  #missing(page: number, most: number): number {
    let count = 1;
    while (count < most && this.#isMissing(page + count)) count += 1;
    return count;
  }

  #isMissing(page: number): boolean {
    const isKnown = this.#cached.find(page) !== NONE || this.#fetches.isUnderWay(page);
    return !isKnown && !this.#ranges.isTaken(page, page + 1);
  }

  /** Of the fetch, the pages from `page` on, at most `most`, that may be taken from it: those not written meanwhile. */
  #lengthOf(fetch: Fetch, page: number, most: number): number {
    const end = Math.min(page + most, fetch.first + fetch.count);
    let next = page + 1;
    while (next < end && this.#fetches.want(next) === fetch) next += 1;
    return next - page;
  }

  /** Reads a page that is cached, and whose bytes are on the store's overflow log. */
  async #readAway(wanted: Wanted): Promise<void> {
    const { page, from, target } = wanted;
    const cached = this.#cached;
    const slot = cached.find(page);
    cached.touch(slot);
    const bytes = target.length === PAGE_BYTES ? target : new Uint8Array(PAGE_BYTES);
    if (!(await cached.fetchAway(slot, bytes))) return this.#readAgain(wanted);
    this.hits += 1;
    if (bytes !== target) target.set(bytes.subarray(from, from + target.length));
  }

  /** Reads a page that is not cached, and is being written. */
  async #readWritten(wanted: Wanted): Promise<void> {
    await this.#ranges.free(wanted.page, wanted.page + 1);
    return this.#readAgain(wanted);
  }

  async #readAgain({ page, from, target }: Wanted): Promise<void> {
    await allDone(this.#readPages(page * PAGE_BYTES + from, target));
  }

  #fetchAhead(first: number, count: number): void {
    const end = first + count;
    if (this.#fetches.guessing > MOST_GUESSES) return;
    for (let page = first; page < end; ) {
      if (this.#isMissing(page)) {
        const run = this.#missing(page, Math.min(RUN_PAGES, end - page));
        this.#fetches.begin(page, run, true);
        page += run;
      } else {
        page += 1;
      }
    }
  }
}

async function copyFetched(fetch: Fetch, { page, from, target }: Wanted): Promise<void> {
  await fetch.done;
  let done = 0;
  for (let at = page; done < target.length; at++) {
    const bytes = fetch.pageBytes(at);
    const start = at === page ? from : 0;
    const part = bytes.subarray(start, start + target.length - done);
    target.set(part, done);
    done += part.length;
  }
}

/** Waits for all of them, so that none still works on the caller's bytes, then fails as the first that failed. */
async function allDone(waits: readonly Promise<void>[]): Promise<void> {
  if (waits.length === 1) return waits[0];
  for (const result of await Promise.allSettled(waits)) {
    if (result.status === "rejected") throw result.reason;
  }
}
