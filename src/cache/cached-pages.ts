/**
 * The pages in the cache: each in a slot of a store's one export, slots in use from 0 on, so that of the tables' memory
 * what lies behind is never touched. The store compresses and shares them, and moves cold ones to its overflow log.
 *
 * Holds always: a page is in one slot at most; a slot that has a page is in the replacement's queues; one that has none
 * owes nothing. Only what the origin has durably leaves.
 */

import { assert } from "../base/assert.ts";
import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { ExportTable } from "../device/export-table.ts";
import type { StoreCore } from "../device/store-core.ts";
import { type Engine, SIZE_CLASSES } from "../engine/engine.ts";
import { NONE, PageMap } from "./page-map.ts";
import { Replacement } from "./replacement.ts";
import { CLEAN, HELD } from "./slot-state.ts";

/** What a slot takes beside the store's own table: its page, its place in a queue, its state. */
const SLOT_BYTES = 4 + 4 + 4 + 1 + 1;
/** Of the store's table. */
const TABLE_SLOT_BYTES = 12;
/** Pages of the pool kept free, so that a page seldom meets the limit: 1 / this of them, and at most so many. */
const FREE_PART = 64;
const MOST_FREE_PAGES = 64;
/** Pages that leave at a time while the pool is above that mark. */
const LEAVING = 2;
/** Pages that leave before a page that found no room is tried again; then twice as many. */
const FIRST_BATCH = 4;
const MOST_BATCH = 64;
/** After so many pages left, one size class is compacted. */
const COMPACT_EVERY = 4;
/** When memory is full, guesses may be so much of the pages: 1 / this. */
const GUESS_PART = 16;

export class CachedPages {
  readonly table: ExportTable;
  /** By slot, see slot-state.ts. */
  readonly state: Uint8Array;
  readonly #core: StoreCore;
  readonly #engine: Engine;
  readonly #map: PageMap;
  readonly #queues: Replacement;
  /** Slots below this have been used; of them, these are free. */
  #end = 0;
  #free: Uint32Array = new Uint32Array(64);
  #freeCount = 0;
  #highPages: number;
  #nextClass = 0;
  #sinceCompaction = 0;
  #makingRoom: Promise<void> | null = null;
  /** Pages that left to make room. */
  evicted = 0;
  /** Pages read from the origin for which there was no room. */
  uncached = 0;
  /** Guesses that were asked for, and those that left or found no room before they were. */
  guessesUseful = 0;
  guessesUseless = 0;

  constructor(core: StoreCore, table: ExportTable) {
    const { slots } = table.options;
    this.table = table;
    this.state = new Uint8Array(slots);
    this.#core = core;
    this.#engine = core.engine;
    this.#map = new PageMap(slots, core.options.random);
    this.#queues = new Replacement(this.state);
    const limitPages = Math.floor(core.memoryLimitBytes / PAGE_BYTES);
    const free = Math.min(MOST_FREE_PAGES, Math.floor(limitPages / FREE_PART));
    this.#highPages = limitPages === 0 ? Number.POSITIVE_INFINITY : limitPages - free;
  }

  get engine(): Engine {
    return this.#engine;
  }

  /** Whether the store moves cold pages to an overflow log by itself. */
  get hasLog(): boolean {
    return this.#core.writeBack !== null;
  }

  /** Pages in the cache. */
  get count(): number {
    return this.#map.size;
  }

  /** Bytes of all tables, the store's and the cache's, of the slots used so far. */
  get metadataBytes(): number {
    const unused = (this.table.options.slots - this.#end) * TABLE_SLOT_BYTES;
    const store = this.#core.stats().metadata_size - unused;
    const { entryBytes } = this.#map;
    const { ghostBytes } = this.#queues;
    return store + this.#end * SLOT_BYTES + entryBytes + ghostBytes + this.#free.byteLength;
  }

  /** The page's slot, or NONE. */
  find(page: number): number {
    return this.#map.find(page);
  }

  pageOf(slot: number): number {
    return this.#map.pageOf(slot);
  }

  /** Notes that a client read or wrote the page in the slot. */
  touch(slot: number): void {
    if (this.#queues.touch(slot)) this.guessesUseful += 1;
  }

  /**
   * Loads the page in the slot to the staged one, if it is in memory: whether it was. One that does not decode is
   * forgotten, so that it is read from the origin.
   * @throws PagefoldError CORRUPT for such a one that owes something.
   */
  load(slot: number, staged: number): boolean {
    try {
      return this.table.loadStaged(slot, staged);
    } catch (cause) {
      return this.#forget(slot, this.pageOf(slot), cause);
    }
  }

  /** As `load`, for a client that reads it. */
  read(slot: number, staged: number): boolean {
    try {
      return this.table.readStaged(slot, staged);
    } catch (cause) {
      return this.#forget(slot, this.pageOf(slot), cause);
    }
  }

  /** Forgets the page, if the slot has it still, which the store does not give back. */
  #forget(slot: number, page: number, cause: unknown): false {
    if (this.find(page) !== slot) return false;
    if (this.state[slot] !== CLEAN) throw lostPage(page, cause);
    this.drop(slot);
    return false;
  }

  /**
   * Reads the page in the slot, which is on the overflow log, to `target`: false if it is cached no more. One that
   * cannot be read is forgotten, as in `load`. `toChange`: it stays where it is.
   * @throws PagefoldError IO, CORRUPT for such a one that owes something.
   */
  async fetchAway(slot: number, target: Uint8Array, toChange = false): Promise<boolean> {
    const page = this.pageOf(slot);
    const { table } = this;
    try {
      await (toChange ? table.fetchToChange(slot, target) : table.fetch(slot, target));
      return true;
    } catch (cause) {
      return this.#forget(slot, page, cause);
    }
  }

  /** Stores the staged page in place of what is cached of it: its slot, or NONE if no room could be made at once. */
  put(page: number, staged: number): number {
    const known = this.#map.find(page);
    const slot = known === NONE ? this.#takeSlot() : known;
    if (slot === NONE) return NONE;
    this.state[slot]! |= HELD;
    const isStored = this.#store(slot, staged);
    this.state[slot]! &= ~HELD;
    if (known !== NONE) return isStored ? slot : NONE;
    if (!isStored) {
      this.#giveSlot(slot);
      return NONE;
    }
    this.#map.add(page, slot);
    this.#queues.add(slot, page, false);
    return slot;
  }

  /** As `put`, for a page read from the origin: without room it is not cached, and room is made for others. */
  putRead(page: number, staged: number): void {
    if (this.put(page, staged) !== NONE) return;
    this.uncached += 1;
    if (!this.hasLog) return;
    this.#makingRoom ??= this.waitForRoom().then(() => {
      this.#makingRoom = null;
    });
  }

  /** Waits until the log has taken something, else has clean pages leave: whether there may be room now. */
  async waitForRoom(): Promise<boolean> {
    if (this.hasLog && (await this.table.waitForRoom())) return true;
    return this.evict(MOST_BATCH) > 0;
  }

  /** As `put`, for a page that was not asked for and is not cached: no page leaves for it that was read again. */
  putGuess(page: number, staged: number): boolean {
    const isFull = this.#isCrowded();
    if (isFull && this.#queues.guesses * GUESS_PART > this.count) return this.#refuseGuess();
    if (isFull && !this.#evictOne(this.#queues.coldVictim())) return this.#refuseGuess();
    const slot = this.#takeFreeSlot();
    if (slot === NONE) return this.#refuseGuess();
    if (!this.table.tryStaged(slot, staged)) {
      this.#giveSlot(slot);
      return this.#refuseGuess();
    }
    this.#map.add(page, slot);
    this.#queues.add(slot, page, true);
    return true;
  }

  #refuseGuess(): boolean {
    this.guessesUseless += 1;
    return false;
  }

  #isCrowded(): boolean {
    if (this.#freeCount === 0 && this.#end === this.state.length) return true;
    return !this.hasLog && this.#engine.usedPages() > this.#highPages;
  }

  /** Stores the staged page in the slot, and has others leave for it: whether that was enough. */
  #store(slot: number, staged: number): boolean {
    const { table } = this;
    if (!this.hasLog && this.#engine.usedPages() > this.#highPages) this.evict(LEAVING);
    for (let batch = FIRST_BATCH; !table.tryStaged(slot, staged); batch *= 2) {
      // The log may still take something; who can wait, waits for it.
      if (this.hasLog) return false;
      if (this.evict(Math.min(batch, MOST_BATCH)) === 0) return this.#storeCompacted(slot, staged);
    }
    return true;
  }

  #storeCompacted(slot: number, staged: number): boolean {
    return this.#engine.compact() > 0 && this.table.tryStaged(slot, staged);
  }

  /** Has clean pages leave, the coldest first: how many did. */
  evict(most: number): number {
    let count = 0;
    while (count < most && this.#evictOne(this.#queues.victim())) count += 1;
    return count;
  }

  #evictOne(slot: number): boolean {
    if (slot === NONE) return false;
    const page = this.#map.pageOf(slot);
    const wasAskedFor = this.drop(slot);
    if (wasAskedFor) this.#queues.remember(page);
    this.evicted += 1;
    this.#sinceCompaction += 1;
    if (this.#sinceCompaction >= COMPACT_EVERY) this.#compactSome();
    return true;
  }

  /** What left has made holes among what stayed: a size class now and then is moved together. */
  #compactSome(): void {
    this.#sinceCompaction = 0;
    this.#engine.compactClass(this.#nextClass);
    this.#nextClass = (this.#nextClass + 1) % SIZE_CLASSES;
  }

  /** Forgets the page in the slot, which owes nothing: whether anybody had asked for it. */
  drop(slot: number): boolean {
    assert(this.state[slot] === CLEAN, "only a clean page is dropped");
    this.#map.remove(slot);
    const isGuess = this.#queues.remove(slot);
    if (isGuess) this.guessesUseless += 1;
    this.table.discard(slot, 1);
    this.#giveSlot(slot);
    return !isGuess;
  }

  #takeFreeSlot(): number {
    if (this.#freeCount > 0) {
      this.#freeCount -= 1;
      return this.#free[this.#freeCount]!;
    }
    if (this.#end === this.state.length) return NONE;
    this.#end += 1;
    return this.#end - 1;
  }

  #takeSlot(): number {
    const slot = this.#takeFreeSlot();
    if (slot !== NONE || this.evict(1) === 0) return slot;
    return this.#takeFreeSlot();
  }

  #giveSlot(slot: number): void {
    if (this.#freeCount === this.#free.length) {
      const grown = new Uint32Array(2 * this.#free.length);
      grown.set(this.#free);
      this.#free = grown;
    }
    this.#free[this.#freeCount] = slot;
    this.#freeCount += 1;
  }
}

/** The store names slots, and clients know none. */
function lostPage(page: number, cause: unknown): unknown {
  if (!(cause instanceof PagefoldError)) return cause;
  const place = `the ${PAGE_BYTES} bytes at ${page * PAGE_BYTES}`;
  return new PagefoldError(
    cause.code,
    `${place} cannot be read back from the cache, and the origin does not have them yet: write them anew`,
    { cause },
  );
}
