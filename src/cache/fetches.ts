/**
 * Reads of the origin that are under way, for pages that are not cached.
 *
 * Holds always: a page is under way once at most; who asks for it meanwhile waits for the same bytes. A page written
 * meanwhile is forgotten here, so that neither the cache nor anybody who asks later gets the older bytes.
 */

import { assert } from "../base/assert.ts";
import type { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { CachedPages } from "./cached-pages.ts";
import type { OriginPages } from "./origin-pages.ts";
import { PageBuffers } from "./page-buffers.ts";
import { NONE } from "./page-map.ts";

/** Marks of a page of a fetch. */
const IS_WANTED = 1;
const IS_SUPERSEDED = 2;
const IS_FAILED = 4;

/** One read of pages in a row. */
export class Fetch {
  readonly first: number;
  readonly count: number;
  readonly isGuess: boolean;
  /** Null once it is over, and who waited has taken what he wanted. */
  bytes: Uint8Array | null;
  readonly marks: Uint8Array;
  failure: PagefoldError | null = null;
  /** Done, well or not, when the pages are cached as far as there is room. Who waits takes the bytes at once then. */
  done: Promise<void> = Promise.resolve();

  constructor(first: number, bytes: Uint8Array, isGuess: boolean) {
    this.first = first;
    this.count = bytes.length / PAGE_BYTES;
    this.isGuess = isGuess;
    this.bytes = bytes;
    this.marks = new Uint8Array(this.count);
  }

  /** Once it is done: the page's bytes. @throws PagefoldError IO where they could not be read. */
  pageBytes(page: number): Uint8Array {
    const index = page - this.first;
    if ((this.marks[index]! & IS_FAILED) !== 0) throw this.failure;
    assert(this.bytes !== null, "the bytes of a fetch are taken as soon as it is done");
    return this.bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
  }

  /** Whether the page was not written since the fetch began. */
  isCurrent(page: number): boolean {
    return (this.marks[page - this.first]! & IS_SUPERSEDED) === 0;
  }
}

export class Fetches {
  readonly #cached: CachedPages;
  readonly #origin: OriginPages;
  readonly #byPage = new Map<number, Fetch>();
  readonly #running = new Set<Promise<void>>();
  readonly #buffers = new PageBuffers();
  /** Pages read that nobody had asked for, and those of them under way. */
  guessed = 0;
  guessing = 0;

  constructor(cached: CachedPages, origin: OriginPages) {
    this.#cached = cached;
    this.#origin = origin;
  }

  /** The fetch that has the page under way, which is wanted now. */
  want(page: number): Fetch | undefined {
    const fetch = this.#byPage.get(page);
    if (fetch !== undefined) fetch.marks[page - fetch.first]! |= IS_WANTED;
    return fetch;
  }

  isUnderWay(page: number): boolean {
    return this.#byPage.has(page);
  }

  /** Begins to read pages none of which is cached or under way. */
  begin(first: number, count: number, isGuess: boolean): Fetch {
    const bytes = this.#buffers.take(count);
    const fetch = new Fetch(first, bytes, isGuess);
    if (isGuess) {
      this.guessed += count;
      this.guessing += count;
    } else fetch.marks.fill(IS_WANTED);
    for (let page = first; page < first + count; page++) this.#byPage.set(page, fetch);
    fetch.done = this.#run(fetch, bytes);
    this.#running.add(fetch.done);
    return fetch;
  }

  /** The page is being written: what is on its way of it is old. */
  supersede(page: number): void {
    if (this.#byPage.size === 0) return;
    const fetch = this.#byPage.get(page);
    if (fetch === undefined) return;
    fetch.marks[page - fetch.first]! |= IS_SUPERSEDED;
    this.#byPage.delete(page);
  }

  async #run(fetch: Fetch, bytes: Uint8Array): Promise<void> {
    const { first, count } = fetch;
    try {
      await this.#origin.read(first, bytes);
    } catch (cause) {
      await this.#runAlone(fetch, bytes, cause as PagefoldError);
    }
    for (let index = 0; index < count; index++) this.#arrived(fetch, bytes, index);
    if (fetch.isGuess) this.guessing -= count;
    this.#running.delete(fetch.done);
    // After all who wait for `done`; where a read failed, who knows whether it is over.
    setImmediate(() => {
      fetch.bytes = null;
      if (fetch.failure === null) this.#buffers.giveBack(bytes);
    });
  }

  /** Reads each page by itself, so that those fail alone that must. */
  async #runAlone(fetch: Fetch, bytes: Uint8Array, cause: PagefoldError): Promise<void> {
    const { first, count, marks } = fetch;
    fetch.failure = cause;
    await this.#origin.checkSize();
    for (let index = 0; index < count; index++) {
      const isWanted = (marks[index]! & IS_WANTED) !== 0;
      if (!isWanted) this.#forget(fetch, first + index);
      if (!isWanted || count === 1) {
        marks[index]! |= IS_FAILED;
        continue;
      }
      const page = bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
      await this.#origin.read(first + index, page).catch((each: PagefoldError) => {
        marks[index]! |= IS_FAILED;
        fetch.failure = each;
      });
    }
  }

  /** Who asks for the page from now on has it read anew. */
  #forget(fetch: Fetch, page: number): void {
    if (this.#byPage.get(page) === fetch) this.#byPage.delete(page);
  }

  #arrived(fetch: Fetch, bytes: Uint8Array, index: number): void {
    const { first, marks } = fetch;
    const page = first + index;
    const mark = marks[index]!;
    this.#forget(fetch, page);
    const cached = this.#cached;
    const isGuess = (mark & IS_WANTED) === 0;
    if (fetch.isGuess && !isGuess) cached.guessesUseful += 1;
    if ((mark & (IS_SUPERSEDED | IS_FAILED)) !== 0 || cached.find(page) !== NONE) {
      if (isGuess) cached.guessesUseless += 1;
      return;
    }
    cached.engine.page.set(bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES));
    if (isGuess) cached.putGuess(page, 0);
    else cached.putRead(page, 0);
  }

  /** Done when none is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
