/**
 * A guest's own memory management, over the pages the host gives it: a list of free pages, the last freed on top, and a
 * page cache that takes what is free and gives its oldest pages back when nothing is. What leaves the cache may have a
 * second chance in the host's tmem, and programs' memory may go to a swap of the guest's own.
 *
 * Holds always: a page of the guest is free, in the page cache, or somebody's who allocated it. A file is a run of
 * contents, so that `file + index` names a file page and is what it holds; a page in the cache holds its file page's
 * content. A page freed keeps what it held, unless pages are zeroed on free.
 */

import { assert } from "../../base/assert.ts";
import { type Contents, ZERO_CONTENT } from "../contents.ts";
import { COSTS } from "../memory/costs.ts";
import type { Host } from "../memory/host.ts";
import { ABSENT } from "../memory/mappings.ts";
import { PAGE_CLASS, type PageClass } from "../page-classes.ts";
import { Boot, type BootPlan } from "./boot.ts";
import { GuestSwap } from "./guest-swap.ts";
import { PageCache } from "./page-cache.ts";
import type { TmemPages } from "./tmem-pages.ts";

/** There is no page: what takes one gives this when memory is full and the page cache empty. */
export const NO_PAGE = -1;

/** The cache is not made smaller than that while programs' memory can be swapped out: running programs are in it. */
const LEAST_CACHE_SHARE = 1 / 8;

export interface GuestOptions {
  readonly host: Host;
  readonly contents: Contents;
  /** Which of the host's guests it is. */
  readonly index: number;
  readonly name: string;
  /** Guests of one image have equal kernels, programs and files; those of two have nothing equal but zeros. */
  readonly image: string;
  readonly zeroOnFree: boolean;
  /** Pages of its own swap, for programs' memory; none unless given. */
  readonly swapSlots?: number;
  /** Pools of the host's tmem: for pages that leave the page cache, and in front of its swap. */
  readonly tmem?: { readonly pageCache: TmemPages | null; readonly swap: TmemPages | null };
}

/** Counts since the start. */
export interface GuestTally {
  cacheHits: number;
  cacheMisses: number;
  /** Misses that the host's tmem answered. */
  tmemHits: number;
  /** Pages read from the disk for the cache. */
  diskReads: number;
  /** Pages the cache gave back since none was free. */
  cacheEvictions: number;
  /** Written file pages that went to the disk. */
  writeBacks: number;
  /** Pages asked for in vain: no page was free and the cache was empty. */
  refusals: number;
  /** Pages zeroed on free, and what that took, faults included. */
  pagesZeroed: number;
  zeroingSeconds: number;
}

export class Guest {
  readonly host: Host;
  readonly contents: Contents;
  readonly index: number;
  readonly name: string;
  readonly image: string;
  readonly firstPage: number;
  readonly pages: number;
  readonly zeroOnFree: boolean;
  readonly tally: GuestTally = {
    cacheHits: 0,
    cacheMisses: 0,
    tmemHits: 0,
    diskReads: 0,
    cacheEvictions: 0,
    writeBacks: 0,
    refusals: 0,
    pagesZeroed: 0,
    zeroingSeconds: 0,
  };
  /** What `boot` puts into memory: a workload says so when it is created; null for nothing. */
  bootPlan: BootPlan | null = null;
  /** Where programs' memory goes when the guest's is full; null: nowhere. */
  readonly swap: GuestSwap | null;
  readonly #cache: PageCache;
  /** Pages that leave the cache go here. */
  readonly #secondChance: TmemPages | null;
  /** Free pages, the last freed on top. */
  readonly #free: Int32Array;
  #freeCount: number;
  /** By page of the guest: 1 if it is in the cache and its file page was written since it was last on the disk. */
  readonly #isDirty: Uint8Array;
  /** Pages in the order in which they became dirty; those that are not any more are passed by. */
  #dirty = new Int32Array(1024);
  #dirtyCount = 0;

  constructor(options: GuestOptions) {
    const { host, index } = options;
    const { firstPage, pages } = host.guests[index]!;
    this.host = host;
    this.contents = options.contents;
    this.index = index;
    this.name = options.name;
    this.image = options.image;
    this.firstPage = firstPage;
    this.pages = pages;
    this.zeroOnFree = options.zeroOnFree;
    this.#cache = new PageCache(firstPage, pages);
    this.#secondChance = options.tmem?.pageCache ?? null;
    this.swap =
      options.swapSlots === undefined || options.swapSlots === 0
        ? null
        : new GuestSwap(this, { slots: options.swapSlots, tmem: options.tmem?.swap ?? null });
    this.#free = Int32Array.from({ length: pages }, (_, place) => firstPage + pages - 1 - place);
    this.#freeCount = pages;
    this.#isDirty = new Uint8Array(pages);
  }

  get freePages(): number {
    return this.#freeCount;
  }

  get cachePages(): number {
    return this.#cache.size;
  }

  /** Puts in at once what `bootPlan` says. @throws PagefoldError NO_SPACE of the host. */
  boot(): void {
    if (this.bootPlan === null) return;
    const boot = this.startBoot(this.bootPlan);
    boot.advanceTo(boot.pages);
  }

  /** A boot that goes on as it is told to. */
  startBoot(plan: BootPlan): Boot {
    return new Boot(this, plan);
  }

  /** Its counters, by the names results have. */
  figures(): Record<string, number> {
    const { tally } = this;
    return {
      ...this.#swapFigures(),
      free_pages: this.#freeCount,
      cache_pages: this.#cache.size,
      cache_hits: tally.cacheHits,
      cache_misses: tally.cacheMisses,
      cache_evictions: tally.cacheEvictions,
      write_backs: tally.writeBacks,
      allocations_refused: tally.refusals,
      pages_zeroed: tally.pagesZeroed,
      zeroing_seconds: tally.zeroingSeconds,
    };
  }

  #swapFigures(): Record<string, number> {
    if (this.swap === null && this.#secondChance === null) return {};
    const { tally } = this;
    const swapped = this.swap?.tally ?? { out: 0, in: 0, diskWrites: 0, diskReads: 0 };
    return {
      tmem_hits: tally.tmemHits,
      swap_pages_out: swapped.out,
      swap_pages_in: swapped.in,
      disk_reads: tally.diskReads + swapped.diskReads,
      disk_writes: tally.writeBacks + swapped.diskWrites,
    };
  }

  /** The first content of the image's file of that name and length, the same for all guests of the image. */
  file(name: string, pages: number): number {
    return this.contents.image(`image ${this.image}: ${name}, ${pages} pages`, pages);
  }

  /**
   * A page for that use, with whatever it held; NO_PAGE if there is none. @throws PagefoldError NO_SPACE of the host.
   */
  allocate(pageClass: PageClass): number {
    if (this.#freeCount === 0 && !this.#reclaim()) {
      this.tally.refusals += 1;
      return NO_PAGE;
    }
    this.#freeCount -= 1;
    const page = this.#free[this.#freeCount]!;
    this.host.setClass(page, pageClass);
    // A kernel clears what it gives to a program, unless it was cleared already.
    if (pageClass === PAGE_CLASS.anonymous && !this.zeroOnFree) this.#charge(COSTS.clearSeconds);
    return page;
  }

  /**
   * Gives a page back that was allocated. @throws PagefoldError NO_SPACE of the host, zeroing a page that was swapped
   * out.
   */
  free(page: number): void {
    assert(this.host.classOf[page] !== PAGE_CLASS.free, "a page is freed once");
    assert(this.#cache.keyOf(page) === NO_PAGE, "a page of the cache is dropped, not freed");
    if (this.zeroOnFree && this.host.frameOf[page] !== ABSENT) {
      this.host.write(page, ZERO_CONTENT);
      this.#charge(COSTS.clearSeconds);
      this.tally.pagesZeroed += 1;
      this.tally.zeroingSeconds += this.host.lastSeconds + COSTS.clearSeconds;
    }
    this.host.setClass(page, PAGE_CLASS.free);
    this.#free[this.#freeCount++] = page;
  }

  /** The guest writes the whole page. @throws PagefoldError NO_SPACE of the host. */
  write(page: number, content: number): void {
    this.host.write(page, content);
  }

  /** The guest reads the page: its content. @throws PagefoldError NO_SPACE of the host. */
  read(page: number): number {
    return this.host.read(page);
  }

  /** The page the cache has the file page in, or NO_PAGE. */
  cached(file: number, index: number): number {
    return this.#cache.find(file + index);
  }

  /** The file page that a page of the cache holds, `file + index`; -1 of another page. */
  filePageOf(page: number): number {
    return this.#cache.keyOf(page);
  }

  /**
   * Reads a file page through the cache: the page it is in, NO_PAGE if there is no memory for it.
   * @throws PagefoldError NO_SPACE of the host.
   */
  fileRead(file: number, index: number, pageClass: PageClass = PAGE_CLASS.pageCache): number {
    const filePage = file + index;
    const cached = this.#cache.find(filePage);
    if (cached !== NO_PAGE) {
      this.tally.cacheHits += 1;
      this.#cache.touch(cached);
      this.host.read(cached);
      return cached;
    }
    this.tally.cacheMisses += 1;
    const page = this.allocate(pageClass);
    if (page === NO_PAGE) return NO_PAGE;
    this.#cache.insert(page, filePage);
    if (this.#secondChance?.get(filePage, filePage)) {
      this.tally.tmemHits += 1;
      this.host.write(page, filePage);
    } else {
      this.tally.diskReads += 1;
      this.host.diskRead(page, filePage);
    }
    return page;
  }

  /**
   * Writes a file page with its content into the cache; `writeBack`, or the page's leaving the cache for want of
   * memory, takes it to the disk. The page, or NO_PAGE. @throws PagefoldError NO_SPACE of the host.
   */
  fileWrite(file: number, index: number): number {
    const filePage = file + index;
    let page = this.#cache.find(filePage);
    if (page === NO_PAGE) {
      page = this.allocate(PAGE_CLASS.pageCache);
      if (page === NO_PAGE) return NO_PAGE;
      this.#secondChance?.flush(filePage);
      this.#cache.insert(page, filePage);
    } else {
      this.#cache.touch(page);
    }
    this.host.write(page, filePage);
    this.#makeDirty(page);
    return page;
  }

  /**
   * Takes all written file pages to the disk, in the order they were written. @throws PagefoldError NO_SPACE of the
   * host.
   */
  writeBack(): void {
    for (let place = 0; place < this.#dirtyCount; place++) this.#clean(this.#dirty[place]!);
    this.#dirtyCount = 0;
  }

  /**
   * Takes a page out of the cache, its file page to the disk if it was written, and frees it; tmem may have it.
   * @throws as `free`.
   */
  drop(page: number): void {
    this.#clean(page);
    const filePage = this.#cache.keyOf(page);
    this.#secondChance?.put(filePage, filePage);
    this.#cache.remove(page);
    this.free(page);
  }

  /** Frees a page: the cache's oldest while it is not small, else a program's; whether there was one. */
  #reclaim(): boolean {
    const isSmall = this.#cache.size <= LEAST_CACHE_SHARE * this.pages;
    if (isSmall && this.swap?.evictOldest()) return true;
    const page = this.#cache.oldest;
    if (page === NO_PAGE) return false;
    this.tally.cacheEvictions += 1;
    this.drop(page);
    return true;
  }

  #makeDirty(page: number): void {
    if (this.#isDirty[page - this.firstPage] === 1) return;
    this.#isDirty[page - this.firstPage] = 1;
    if (this.#dirtyCount === this.#dirty.length) {
      const grown = new Int32Array(2 * this.#dirty.length);
      grown.set(this.#dirty);
      this.#dirty = grown;
    }
    this.#dirty[this.#dirtyCount++] = page;
  }

  #clean(page: number): void {
    if (this.#isDirty[page - this.firstPage] === 0) return;
    this.host.diskWrite(page);
    this.#isDirty[page - this.firstPage] = 0;
    this.tally.writeBacks += 1;
  }

  #charge(seconds: number): void {
    this.host.accessSecondsOf[this.index]! += seconds;
  }
}
