/**
 * The keys of all pools and what is stored for them: pages by pool, object and index, 40 bytes each, and objects by
 * pool and number, 32 bytes each, which hang in a list from their pool, and their pages in one from them. A page is in
 * one list of recency besides, if its pool wants that.
 *
 * "Object" is tmem's here, a file or the like; what the engine stores is called content. The table knows nothing of the
 * engine; whoever takes a page out gives its content back.
 */

import { assert } from "../base/assert.ts";
import type { RandomSource } from "../base/random.ts";
import { ChainedTable, FIRST_WORD } from "./chained-table.ts";
import { KeyHash } from "./key-hash.ts";

/** Words of a page: the entry of its object, with a flag; its index; its content, an id or the word's halves. */
const OBJECT = FIRST_WORD;
const INDEX = FIRST_WORD + 1;
const LOW = FIRST_WORD + 2;
const HIGH = FIRST_WORD + 3;
/** Its neighbours by recency, and those within its object. */
const OLDER = FIRST_WORD + 4;
const NEWER = FIRST_WORD + 5;
const BEFORE = FIRST_WORD + 6;
const AFTER = FIRST_WORD + 7;
const PAGE_WORDS = FIRST_WORD + 8;

/** Words of an object: its number in halves, its pool, its first page, its neighbours within the pool. */
const NUMBER_LOW = FIRST_WORD;
const NUMBER_HIGH = FIRST_WORD + 1;
const POOL = FIRST_WORD + 2;
const FIRST_PAGE = FIRST_WORD + 3;
const PREVIOUS = FIRST_WORD + 4;
const FOLLOWING = FIRST_WORD + 5;
const OBJECT_WORDS = FIRST_WORD + 6;

/** The flag of a same-filled page is the sign of its object. */
const SAME_FILLED = 0x8000_0000;
const ENTRY_MASK = 0x7fff_ffff;

/** Pages of all pools together. */
const MOST_PAGES = 2 ** 24 - 1;

/** A list of pages by recency; 0 for none. */
export interface RecencyList {
  oldest: number;
  newest: number;
}

/** What of a pool its keys are told apart by. */
export interface PoolKey {
  readonly number: number;
  /** The table's `hashOfPool` of that number. */
  readonly hash: number;
}

export class PageTable {
  readonly #hash: KeyHash;
  readonly #pages = new ChainedTable(PAGE_WORDS, MOST_PAGES);
  readonly #objects = new ChainedTable(OBJECT_WORDS, MOST_PAGES);
  /** By pool, from 1 on: the first object in its list, 0 if it has none. */
  readonly #firstObjects: number[] = [0];
  /** The object that `find`, `insert` and `firstPage` are about. */
  #pool = 0;
  #low = 0;
  #high = 0;
  #objectHash = 0;

  constructor(random: RandomSource) {
    this.#hash = new KeyHash(random);
  }

  get count(): number {
    return this.#pages.count;
  }

  get bytes(): number {
    return this.#pages.bytes + this.#objects.bytes;
  }

  /** What a `PoolKey` has to hold, for a pool's number from 1 to 65535. */
  hashOfPool(number: number): number {
    return this.#hash.ofPool(number);
  }

  /** Says which object the next calls are about: a whole number up to 2^53 - 1. */
  seek(pool: PoolKey, object: number): void {
    this.#pool = pool.number;
    this.#low = object | 0;
    this.#high = (object / 2 ** 32) | 0;
    this.#objectHash = pool.hash ^ this.#hash.ofObject(this.#low, this.#high);
  }

  #isSought(entry: number): boolean {
    const objects = this.#objects;
    return (
      objects.get(entry, NUMBER_LOW) === this.#low &&
      objects.get(entry, NUMBER_HIGH) === this.#high &&
      objects.get(entry, POOL) === this.#pool
    );
  }

  /** The page of that index of the object sought, 0 if there is none. */
  find(index: number): number {
    const pages = this.#pages;
    const signed = index | 0;
    const hash = this.#objectHash ^ this.#hash.ofIndex(signed);
    let page = pages.first(hash);
    while (page !== 0) {
      if (
        pages.hashOf(page) === hash &&
        pages.get(page, INDEX) === signed &&
        this.#isSought(pages.get(page, OBJECT) & ENTRY_MASK)
      ) {
        return page;
      }
      page = pages.next(page);
    }
    return 0;
  }

  #findObject(): number {
    const objects = this.#objects;
    let entry = objects.first(this.#objectHash);
    while (entry !== 0 && !this.#isSought(entry)) entry = objects.next(entry);
    return entry;
  }

  /** The first page in the list of the object sought, 0 if there is none. */
  firstPage(): number {
    const object = this.#findObject();
    return object === 0 ? 0 : this.#objects.get(object, FIRST_PAGE);
  }

  /** Some page of the pool of that number, 0 if it has none. */
  somePageOf(pool: number): number {
    const object = this.#firstObjects[pool] ?? 0;
    return object === 0 ? 0 : this.#objects.get(object, FIRST_PAGE);
  }

  /** Sees to it that `insert` can be called: false if the table is full or the process gets no memory. */
  prepare(): boolean {
    return this.#pages.prepare() && this.#objects.prepare();
  }

  /** A new page of that index in the object sought, which has none; `prepare` was asked since the last. */
  insert(index: number): number {
    const objects = this.#objects;
    const pages = this.#pages;
    let object = this.#findObject();
    if (object === 0) object = this.#insertObject();
    const page = pages.insert(this.#objectHash ^ this.#hash.ofIndex(index));
    const after = objects.get(object, FIRST_PAGE);
    pages.set(page, OBJECT, object);
    pages.set(page, INDEX, index);
    pages.set(page, LOW, 0);
    pages.set(page, BEFORE, 0);
    pages.set(page, AFTER, after);
    if (after !== 0) pages.set(after, BEFORE, page);
    objects.set(object, FIRST_PAGE, page);
    return page;
  }

  /** The object sought, which is not there yet. */
  #insertObject(): number {
    const objects = this.#objects;
    const pool = this.#pool;
    const object = objects.insert(this.#objectHash);
    const following = this.#firstObjects[pool] ?? 0;
    objects.set(object, NUMBER_LOW, this.#low);
    objects.set(object, NUMBER_HIGH, this.#high);
    objects.set(object, POOL, pool);
    objects.set(object, FIRST_PAGE, 0);
    objects.set(object, PREVIOUS, 0);
    objects.set(object, FOLLOWING, following);
    if (following !== 0) objects.set(following, PREVIOUS, object);
    this.#firstObjects[pool] = object;
    return object;
  }

  #removeObject(object: number): void {
    const objects = this.#objects;
    const previous = objects.get(object, PREVIOUS);
    const following = objects.get(object, FOLLOWING);
    if (following !== 0) objects.set(following, PREVIOUS, previous);
    if (previous !== 0) objects.set(previous, FOLLOWING, following);
    else this.#firstObjects[objects.get(object, POOL)] = following;
    objects.remove(object);
  }

  /** Takes a page out of the table, and its object with its last page; it is in no list of recency any more. */
  remove(page: number): void {
    const pages = this.#pages;
    const objects = this.#objects;
    const object = pages.get(page, OBJECT) & ENTRY_MASK;
    const before = pages.get(page, BEFORE);
    const after = pages.get(page, AFTER);
    if (after !== 0) pages.set(after, BEFORE, before);
    if (before !== 0) {
      pages.set(before, AFTER, after);
    } else if (after !== 0) {
      objects.set(object, FIRST_PAGE, after);
    } else {
      this.#removeObject(object);
    }
    pages.remove(page);
  }

  /** The number of the page's pool. */
  poolOf(page: number): number {
    return this.#objects.get(this.#pages.get(page, OBJECT) & ENTRY_MASK, POOL);
  }

  isSameFilled(page: number): boolean {
    return this.#pages.get(page, OBJECT) < 0;
  }

  /** The id of the page's content, 0 of a same-filled one. */
  contentOf(page: number): number {
    return this.isSameFilled(page) ? 0 : this.#pages.get(page, LOW);
  }

  /** Low half of a same-filled page's word. */
  lowOf(page: number): number {
    return this.#pages.get(page, LOW);
  }

  /** High half of a same-filled page's word. */
  highOf(page: number): number {
    return this.#pages.get(page, HIGH);
  }

  setContent(page: number, id: number): void {
    this.#pages.set(page, OBJECT, this.#pages.get(page, OBJECT) & ENTRY_MASK);
    this.#pages.set(page, LOW, id);
  }

  setSameFilled(page: number, low: number, high: number): void {
    this.#pages.set(page, OBJECT, this.#pages.get(page, OBJECT) | SAME_FILLED);
    this.#pages.set(page, LOW, low);
    this.#pages.set(page, HIGH, high);
  }

  /** Puts a page into a list, as the newest. */
  pushNewest(list: RecencyList, page: number): void {
    const { newest } = list;
    this.#pages.set(page, OLDER, newest);
    this.#pages.set(page, NEWER, 0);
    if (newest === 0) list.oldest = page;
    else this.#pages.set(newest, NEWER, page);
    list.newest = page;
  }

  /** Takes a page out of its list. */
  unlink(list: RecencyList, page: number): void {
    const older = this.#pages.get(page, OLDER);
    const newer = this.#pages.get(page, NEWER);
    assert(
      (older !== 0 || list.oldest === page) && (newer !== 0 || list.newest === page),
      "listed",
    );
    if (older === 0) list.oldest = newer;
    else this.#pages.set(older, NEWER, newer);
    if (newer === 0) list.newest = older;
    else this.#pages.set(newer, OLDER, older);
  }
}
