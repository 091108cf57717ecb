/**
 * Writes into the cache, which the flusher brings to the origin later. What finds room is done when `write` returns,
 * and nothing is allocated for it; else it waits: for a page of which a part is written, for dirty pages to be flushed,
 * for memory. Each page is changed at once or not at all.
 */

import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { Done } from "../device/export-bytes.ts";
import { STAGED_PAGES } from "../engine/engine.ts";
import type { CachedPages } from "./cached-pages.ts";
import type { Fetches } from "./fetches.ts";
import type { Flusher } from "./flusher.ts";
import type { OriginPages } from "./origin-pages.ts";
import { NONE } from "./page-map.ts";

export interface WritePathParts {
  readonly cached: CachedPages;
  readonly fetches: Fetches;
  readonly flusher: Flusher;
  readonly origin: OriginPages;
}

/** How a cache writes. */
export interface WritePath {
  /** Writes within the origin's size. @throws PagefoldError IO. */
  write(offset: number, source: Uint8Array): Done;
}

export class WriteBackPath implements WritePath {
  readonly #cached: CachedPages;
  readonly #fetches: Fetches;
  readonly #flusher: Flusher;
  readonly #origin: OriginPages;

  constructor(parts: WritePathParts) {
    this.#cached = parts.cached;
    this.#fetches = parts.fetches;
    this.#flusher = parts.flusher;
    this.#origin = parts.origin;
  }

  write(offset: number, source: Uint8Array): Done {
    const done = this.#writeSome(offset, source);
    if (done === source.length) return undefined;
    return this.#writeRest(offset + done, source.subarray(done));
  }

  /** Writes as many bytes as can be without waiting: how many. */
  #writeSome(offset: number, source: Uint8Array): number {
    const { engine } = this.#cached;
    let done = 0;
    while (done < source.length) {
      const page = Math.floor((offset + done) / PAGE_BYTES);
      const inPage = (offset + done) % PAGE_BYTES;
      const left = source.length - done;
      if (inPage > 0 || left < PAGE_BYTES) {
        const part = Math.min(PAGE_BYTES - inPage, left);
        if (!this.#stage(page, inPage, part)) return done;
        engine.page.set(source.subarray(done, done + part), inPage);
        if (!this.#put(page, 0)) return done;
        done += part;
        continue;
      }
      const count = Math.min(STAGED_PAGES, Math.floor(left / PAGE_BYTES));
      engine.pages.set(source.subarray(done, done + count * PAGE_BYTES));
      for (let staged = 0; staged < count; staged++) {
        if (!this.#put(page + staged, staged)) return done;
        done += PAGE_BYTES;
      }
    }
    return done;
  }

  /** Stages the page of which a part is to be written, if that needs no waiting: whether it is. */
  #stage(page: number, from: number, bytes: number): boolean {
    const { engine } = this.#cached;
    if (from === 0 && bytes === this.#origin.bytesOf(page, 1)) {
      engine.fill(0, 0, 0);
      return true;
    }
    const slot = this.#cached.find(page);
    return slot !== NONE && this.#cached.load(slot, 0);
  }

  /** Caches the staged page as dirty: whether there was room for it. */
  #put(page: number, staged: number): boolean {
    const cached = this.#cached;
    const known = cached.find(page);
    if (!this.#flusher.admits(known)) return false;
    const slot = cached.put(page, staged);
    if (slot === NONE) return false;
    if (known === NONE) this.#fetches.supersede(page);
    else cached.touch(slot);
    this.#flusher.dirtied(slot);
    return true;
  }

  /** Writes what is left, each page when what it needs is there. */
  async #writeRest(offset: number, source: Uint8Array): Promise<void> {
    let done = 0;
    let waits = 0;
    const goOn = () => {
      done += this.#writeSome(offset + done, source.subarray(done));
    };
    while (done < source.length) {
      const page = Math.floor((offset + done) / PAGE_BYTES);
      const from = (offset + done) % PAGE_BYTES;
      const part = source.subarray(done, done + PAGE_BYTES - from);
      if (!this.#stage(page, from, part.length)) {
        if (await this.#changePart(page, from, part)) done += part.length;
      } else {
        if (waits === 0) this.#flusher.waits += 1;
        waits += 1;
        await this.#waitForRoom(page, goOn);
      }
      goOn();
    }
  }

  /** Writes a part of a page that must be fetched first: whether it did; not if somebody else changed it meanwhile. */
  async #changePart(page: number, from: number, part: Uint8Array): Promise<boolean> {
    const cached = this.#cached;
    const slot = cached.find(page);
    // What is staged must be put before anything else is waited for.
    if (slot === NONE) {
      const fetch = this.#fetches.want(page) ?? this.#fetches.begin(page, 1, false);
      await fetch.done;
      if (cached.find(page) !== NONE || !fetch.isCurrent(page)) return false;
      cached.engine.page.set(fetch.pageBytes(page));
    } else {
      const bytes = new Uint8Array(PAGE_BYTES);
      const isUnchanged = cached.table.watch(slot);
      const isFetched = await cached.fetchAway(slot, bytes, true);
      if (!isFetched || cached.find(page) !== slot || !isUnchanged()) return false;
      cached.engine.page.set(bytes);
    }
    cached.engine.page.set(part, from);
    if (this.#put(page, 0)) return true;
    await this.#waitForRoom(page, () => {});
    return false;
  }

  /** @throws PagefoldError IO where none can be made since the origin takes no writes. */
  async #waitForRoom(page: number, goOn: () => void): Promise<void> {
    const flusher = this.#flusher;
    const isAdmitted = flusher.admits(this.#cached.find(page));
    if (isAdmitted && (await this.#cached.waitForRoom())) return;
    if (await flusher.room({ goOn })) return;
    throw noRoom(this.#origin, flusher);
  }
}

/** Why a write cannot be cached. */
export function noRoom({ origin }: OriginPages, { failure, unclean }: Flusher): PagefoldError {
  const dirty = unclean.count * PAGE_BYTES;
  if (failure === null) {
    return new PagefoldError(
      "NO_MEMORY",
      `the cache of ${origin.name} has no memory for one page more, ${dirty} bytes of it are dirty: raise memoryLimitBytes`,
    );
  }
  return new PagefoldError(
    "IO",
    `the cache of ${origin.name} takes no more, ${dirty} bytes wait for an origin that fails: ${failure.message}`,
    { cause: failure },
  );
}
