/**
 * Writes to the origin first, then to the cache, in whole pages: done when the origin has them; durable at the next
 * flush. Until that sync the cache keeps what was written, so that it can write it again should the sync fail.
 *
 * Holds always: while a page is being written nobody else writes it, and nobody reads it from the origin. After a write
 * that failed a cached page of it holds what it held before, or all of the new, and the origin is given that again.
 */

import type { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { CachedPages } from "./cached-pages.ts";
import type { Fetches } from "./fetches.ts";
import type { Flusher } from "./flusher.ts";
import type { OriginPages } from "./origin-pages.ts";
import { NONE } from "./page-map.ts";
import type { PageRanges } from "./page-ranges.ts";
import { noRoom, type WritePath, type WritePathParts } from "./write-back.ts";

/** One write to the origin. */
const RUN_PAGES = 256;

export class WriteThroughPath implements WritePath {
  readonly #cached: CachedPages;
  readonly #fetches: Fetches;
  readonly #flusher: Flusher;
  readonly #origin: OriginPages;
  readonly #ranges: PageRanges;

  constructor(parts: WritePathParts & { readonly ranges: PageRanges }) {
    this.#cached = parts.cached;
    this.#fetches = parts.fetches;
    this.#flusher = parts.flusher;
    this.#origin = parts.origin;
    this.#ranges = parts.ranges;
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    for (let done = 0; done < source.length; ) {
      const first = Math.floor((offset + done) / PAGE_BYTES);
      const from = (offset + done) % PAGE_BYTES;
      const mostPages = Math.min(RUN_PAGES, this.#flusher.mostPages);
      const part = source.subarray(done, done + mostPages * PAGE_BYTES - from);
      const count = Math.ceil((from + part.length) / PAGE_BYTES);
      // Before anything is taken: who waits for the flusher must not keep it from a page.
      while (!this.#flusher.admits(NONE)) await this.#waitForRoom(false);
      const release = await this.#ranges.take(first, first + count);
      try {
        if (!this.#flusher.admits(NONE)) continue;
        await this.#writeRun(first, await this.#wholePages(first, from, part));
      } finally {
        release();
      }
      done += part.length;
    }
  }

  /** The pages the part lies in, changed by it. */
  async #wholePages(first: number, from: number, part: Uint8Array): Promise<Uint8Array> {
    const count = Math.ceil((from + part.length) / PAGE_BYTES);
    const end = from + part.length;
    if (from === 0 && end === count * PAGE_BYTES) return part;
    const bytes = Buffer.allocUnsafeSlow(count * PAGE_BYTES);
    const last = first + count - 1;
    const isTailWhole = end - (count - 1) * PAGE_BYTES === this.#origin.bytesOf(last, 1);
    if (from > 0) await this.#readPage(first, bytes.subarray(0, PAGE_BYTES));
    if (isTailWhole) bytes.fill(0, end);
    else if (count > 1 || from === 0)
      await this.#readPage(last, bytes.subarray((count - 1) * PAGE_BYTES));
    bytes.set(part, from);
    return bytes;
  }

  async #readPage(page: number, target: Uint8Array): Promise<void> {
    const cached = this.#cached;
    for (;;) {
      const slot = cached.find(page);
      if (slot !== NONE) {
        if (cached.load(slot, 0)) {
          target.set(cached.engine.page);
          return;
        }
        if (cached.find(page) === slot && (await cached.fetchAway(slot, target))) return;
        continue;
      }
      const fetch = this.#fetches.want(page) ?? this.#fetches.begin(page, 1, false);
      await fetch.done;
      if (cached.find(page) !== NONE) continue;
      target.set(fetch.pageBytes(page));
      return;
    }
  }

  async #writeRun(first: number, bytes: Uint8Array): Promise<void> {
    const end = first + bytes.length / PAGE_BYTES;
    for (let page = first; page < end; page++) this.#fetches.supersede(page);
    const { failedSyncs } = this.#origin;
    let next = first;
    try {
      await this.#write(first, bytes);
      for (; next < end; next++) {
        const at = (next - first) * PAGE_BYTES;
        await this.#cache(next, bytes.subarray(at, at + PAGE_BYTES), failedSyncs);
      }
    } finally {
      for (; next < end; next++) this.#restore(next);
    }
  }

  async #write(first: number, bytes: Uint8Array): Promise<void> {
    try {
      await this.#origin.write(first, bytes);
    } catch (cause) {
      throw this.#origin.tellOnce("writes", cause as PagefoldError);
    }
  }

  async #waitForRoom(holdsRange: boolean): Promise<void> {
    this.#flusher.waits += 1;
    if (await this.#flusher.room({ holdsRange })) return;
    throw noRoom(this.#origin, this.#flusher);
  }

  /** What the origin has of the page is not known. */
  #restore(page: number): void {
    const slot = this.#cached.find(page);
    if (slot !== NONE) this.#flusher.dirtied(slot);
  }

  /** Caches what was written after so many failed syncs. */
  async #cache(page: number, bytes: Uint8Array, failedSyncs: number): Promise<void> {
    const cached = this.#cached;
    for (;;) {
      cached.engine.page.set(bytes);
      const slot = cached.put(page, 0);
      if (slot !== NONE) {
        cached.touch(slot);
        // A sync that failed meanwhile may have lost it.
        if (this.#origin.failedSyncs === failedSyncs) this.#flusher.written(slot);
        else this.#flusher.dirtied(slot);
        return;
      }
      if (await cached.waitForRoom()) continue;
      await this.#waitForRoom(true);
    }
  }
}
