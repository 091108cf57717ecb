/**
 * Write-back: which objects leave memory for the log, and when. Between the two watermarks of the memory limit it runs
 * by itself; a write that finds no room waits for it.
 *
 * Order: incompressible objects and those marked idle first, then the least recently used, with a second chance for
 * what was read since. An object still in memory that has a valid copy on the log leaves without being written.
 *
 * Holds always: an object's memory is given up only once its record is on the medium; one whose record failed to get
 * there stays.
 */

import { setImmediate as turn } from "node:timers/promises";
import type { Codec } from "../../../codecs/codec.ts";
import { assert } from "../../base/assert.ts";
import { PagefoldError } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import { type Engine, SIZE_CLASSES } from "../../engine/engine.ts";
import { RECORD_HEAD_BYTES } from "../../overflow/format/layout.ts";
import type { Log, LogOwner } from "../../overflow/log.ts";
import type { ExportTable } from "../export-table.ts";
import { type Duplicate, Merges } from "./merges.ts";
import { type OverflowParts, type OverflowStats, overflowStats } from "./overflow-stats.ts";
import { RecencyList } from "./recency-list.ts";

/** Bytes appended between two flushes while writes wait, and otherwise. */
const URGENT_BATCH_BYTES = 2 ** 18;
const BATCH_BYTES = 2 ** 20;
/** Of the pool, so much may be lost to fragmentation before it is compacted: 1 / this. */
const MOST_LOSS = 8;

export interface WriteBackParts extends Omit<OverflowParts, "startSeconds"> {
  readonly codecs: readonly Codec[];
  /** Called when all is done at the end. */
  readonly onClose: () => Promise<void>;
}

/** Is told what comes to be on the log, and what is not needed there any more. */
export interface RecordObserver {
  /** An object was written, with so many slots. */
  placed(id: number, slots: number): void;
  dropped(id: number): void;
}

export class WriteBack implements LogOwner {
  readonly log: Log;
  observer: RecordObserver | null = null;
  readonly #parts: WriteBackParts;
  readonly #startSeconds: number;
  #engine: Engine;
  #highPages = Number.POSITIVE_INFINITY;
  #lowPages = 0;
  /** Stored raw, and all others. */
  readonly #huge = new RecencyList();
  readonly #rest = new RecencyList();
  /** Objects noted as leaving whose record failed to get to the log: they are to leave still. */
  readonly #failed = new Set<number>();
  /** Objects read from the log once since they left memory. */
  #readOnce = new Uint8Array(1024);
  readonly #merges = new Merges((duplicate) => this.#merge(duplicate));
  #running: Promise<void> | null = null;
  #waiters: (() => void)[] = [];
  /** Grows whenever memory was given up. */
  #progress = 0;
  #closing: Promise<void> | null = null;
  #isClosed = false;
  /** Objects that left memory, and their bytes. */
  #left = 0;
  #leftBytes = 0;
  #written = 0;
  #writtenPages = 0;
  #evictedClean = 0;
  #promoted = 0;
  #stalls = 0;

  constructor(parts: WriteBackParts) {
    this.#parts = parts;
    this.#engine = parts.engine;
    this.log = parts.log;
    this.#startSeconds = parts.clock.seconds();
    this.log.serve(this);
  }

  /** Starts anew on an empty engine. */
  restart(engine: Engine): void {
    this.#engine = engine;
    this.log.clear();
    this.#huge.clear();
    this.#rest.clear();
    this.#readOnce.fill(0);
    this.#failed.clear();
    this.#merges.clear();
  }

  /** The limit on the pool's memory, 0 for none: nothing is written back by itself then. */
  setLimit(bytes: number): void {
    const pages = bytes / PAGE_BYTES;
    const { highWatermark, lowWatermark } = this.#parts.options;
    this.#highPages = bytes === 0 ? Number.POSITIVE_INFINITY : Math.floor(pages * highWatermark);
    this.#lowPages = bytes === 0 ? 0 : Math.floor(pages * lowWatermark);
    this.start();
  }

  /** The slot of an export was given this object. */
  stored(id: number, opened: ExportTable, index: number): void {
    const engine = this.#engine;
    this.settle();
    const candidate = engine.takeAwayCandidate();
    if (candidate !== 0) {
      const generation = this.generationOf(candidate);
      this.#merges.note({ opened, index, id, candidate, generation });
    }
    this.#list(id);
    if (this.#running === null && engine.usedPages() > this.#highPages) this.start();
  }

  /** Makes the object the youngest of its list. */
  #list(id: number): void {
    const isHuge = this.#engine.isHuge(id);
    (isHuge ? this.#rest : this.#huge).remove(id);
    (isHuge ? this.#huge : this.#rest).put(id);
  }

  /** A slot with this object was read. */
  touched(id: number): void {
    this.#rest.touch(id);
    this.#huge.touch(id);
  }

  /** After any call by which an object may have lost its last reference or its contents. */
  settle(): void {
    const dropped = this.#engine.takeDropped();
    if (dropped === 0) return;
    this.log.drop(dropped);
    this.observer?.dropped(dropped);
  }

  /** Has the object leave memory before others. */
  preferred(id: number): void {
    this.#putBack(id);
  }

  /** Begins to write back if memory use is above the upper watermark. */
  start(): void {
    if (this.#running !== null || this.#isClosed) return;
    if (this.#waiters.length === 0 && this.#engine.usedPages() <= this.#highPages) return;
    this.#running = this.#run().finally(() => this.#ended());
  }

  /** Waits until memory was given up: whether any was; false if nothing more can leave. */
  async makeRoom(): Promise<boolean> {
    if (this.#isClosed) return false;
    const before = this.#progress;
    this.#stalls += 1;
    const woken = new Promise<void>((wake) => this.#waiters.push(wake));
    this.start();
    await woken;
    return this.#progress > before && !this.#isClosed;
  }

  /** What was under way is done. Who began to wait too late to be served by it has a run of its own. */
  #ended(): void {
    this.#running = null;
    if (this.#waiters.length > 0) this.start();
    if (this.#isClosed) this.#wake();
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  async #run(): Promise<void> {
    // The caller goes on first: it may free what it holds.
    await turn();
    while (!this.#isClosed && (this.#waiters.length > 0 || this.#surplusBytes() > 0)) {
      const before = this.#progress;
      const waiting = this.#waiters.length;
      const left = await this.#batch();
      if (this.#surplusBytes() > 0 || this.#waiters.length > 0) await this.#compact();
      if (this.#progress > before) {
        this.#wake();
      } else if (left === 0 && this.#waiters.length === waiting) {
        // Nothing more can leave, and all of them were there when that was tried.
        this.#wake();
        return;
      }
      await turn();
    }
  }

  /** Bytes of the pool above the lower watermark. */
  #surplusBytes(): number {
    return (this.#engine.usedPages() - this.#lowPages) * PAGE_BYTES;
  }

  #isInMemory(id: number): boolean {
    const engine = this.#engine;
    if (engine.referencesOf(id) === 0 || engine.isAway(id)) return false;
    return !engine.isLeaving(id) || this.#failed.has(id);
  }

  /** The object to leave next, 0: none is left. */
  #next(): number {
    for (const list of [this.#huge, this.#rest]) {
      for (let id = list.takeOldest(); id !== 0; id = list.takeOldest()) {
        if (this.#isInMemory(id)) return id;
      }
    }
    return 0;
  }

  /** Has objects leave, as many as a batch holds: how many were sent on their way. */
  async #batch(): Promise<number> {
    const isUrgent = this.#waiters.length > 0;
    const surplus = Math.max(this.#surplusBytes(), URGENT_BATCH_BYTES);
    const most = Math.min(surplus, isUrgent ? URGENT_BATCH_BYTES : BATCH_BYTES);
    let bytes = 0;
    let count = 0;
    for (let id = this.#next(); id !== 0 && !this.#isClosed; id = this.#next()) {
      const sent = this.#send(id, isUrgent) || (await this.#sendLater(id, isUrgent));
      if (sent === 0) break;
      bytes += sent;
      count += 1;
      if (bytes >= most) break;
    }
    await this.log.flush();
    return count;
  }

  /**
   * Has these objects leave, as many as are still in memory and have a way: those that left. What leaves by hand is
   * taken from the write budget all the same.
   */
  async writeBack(ids: Uint32Array): Promise<{ readonly written: number; readonly bytes: number }> {
    while (this.#running !== null) await this.#running;
    const work = this.#sendAll(ids);
    this.#running = work.then(
      () => {},
      () => {},
    );
    try {
      return await work;
    } finally {
      this.#ended();
      this.start();
    }
  }

  async #sendAll(ids: Uint32Array): Promise<{ readonly written: number; readonly bytes: number }> {
    const engine = this.#engine;
    const before = { written: this.#left, bytes: this.#leftBytes };
    let sinceTurn = 0;
    for (const id of ids) {
      if (engine !== this.#engine || this.#isClosed) break;
      if (!this.#isInMemory(id)) continue;
      const sent = this.#send(id, false) || (await this.#sendLater(id, false));
      if (sent === 0) break;
      sinceTurn += sent;
      if (sinceTurn < BATCH_BYTES) continue;
      sinceTurn = 0;
      await turn();
    }
    await this.log.flush();
    return { written: this.#left - before.written, bytes: this.#leftBytes - before.bytes };
  }

  /** Sends an object on its way: its bytes, 0 if the log must make room first, or the budget does not allow it. */
  #send(id: number, isUrgent: boolean): number {
    const engine = this.#engine;
    const length = engine.lengthOf(id);
    if (engine.isCopied(id)) {
      // A medium that takes nothing more may give nothing more either.
      if (this.log.isDead || !engine.evict(id, length, engine.priorityOf(id))) return 0;
      this.#evictedClean += 1;
      this.#countLeft(length);
      return length;
    }
    const { budget, options } = this.#parts;
    if (!this.log.fits(length)) return 0;
    if (!budget.take(RECORD_HEAD_BYTES + length)) {
      if (!isUrgent) return 0;
      budget.overdraw(RECORD_HEAD_BYTES + length);
    }
    if (options.recompresses) this.#appendDensest(id);
    else this.#append(id, engine.priorityOf(id), engine.bytesOf(id));
    return length;
  }

  /** As `#send`, after making room: 0 if there is none, or the budget does not allow it; the object then stays. */
  async #sendLater(id: number, isUrgent: boolean): Promise<number> {
    const engine = this.#engine;
    // Compressing takes long enough for others to want their turn.
    if (this.#parts.options.recompresses) await turn();
    for (let length = engine.lengthOf(id); ; ) {
      const hasRoom = this.log.fits(length) || (await this.log.makeRoom(length));
      if (engine !== this.#engine) return length;
      // Meanwhile it may have gone, or been changed, or a write that failed took the room with it.
      if (hasRoom && !this.#isInMemory(id)) return length;
      length = engine.lengthOf(id);
      if (hasRoom && !this.log.fits(length)) continue;
      const sent = hasRoom ? this.#send(id, isUrgent) : 0;
      if (sent === 0) this.#putBack(id);
      return sent;
    }
  }

  #append(id: number, priority: number, bytes: Uint8Array): void {
    assert(this.#engine.leave(id), "what is sent is in memory alone");
    this.#failed.delete(id);
    this.log.append(id, priority, bytes);
    this.#written += 1;
  }

  /** Appends the object as the densest of the store's codecs gives it. */
  #appendDensest(id: number): void {
    const engine = this.#engine;
    const { codecs } = this.#parts;
    const last = codecs.length - 1;
    const own = engine.priorityOf(id);
    if (own < last && this.#decode(id)) {
      const bytes = codecs[last]!.compress(engine.decoded, engine.scratch);
      if (bytes > 0 && bytes < engine.lengthOf(id)) {
        this.#append(id, last, engine.scratch.subarray(0, bytes));
        return;
      }
    }
    this.#append(id, own, engine.bytesOf(id));
  }

  /** Decodes an object in memory to `engine.decoded`: whether it could be. */
  #decode(id: number): boolean {
    const engine = this.#engine;
    if (engine.inspect(id) === 0) return true;
    const codec = this.#parts.codecs[engine.priorityOf(id)]!;
    return codec.decompress(engine.bytesOf(id), engine.decoded) === PAGE_BYTES;
  }

  #countLeft(bytes: number): void {
    this.#progress += 1;
    this.#left += 1;
    this.#leftBytes += bytes;
  }

  #putBack(id: number): void {
    if (this.#isInMemory(id)) (this.#engine.isHuge(id) ? this.#huge : this.#rest).putOldest(id);
  }

  placed(id: number, length: number, priority: number): boolean {
    if (!this.#engine.evict(id, length, priority)) {
      // Changed on its way, where it may have missed its place in the lists.
      if (this.#isInMemory(id)) this.#list(id);
      return false;
    }
    const slots = this.#engine.referencesOf(id);
    this.#writtenPages += slots;
    this.observer?.placed(id, slots);
    this.#reachReadOnce(id);
    this.#readOnce[id] = 0;
    this.#countLeft(length);
    return true;
  }

  lost(id: number): boolean {
    if (!this.#engine.isCopied(id)) return true;
    this.#engine.forgetCopy(id);
    return false;
  }

  failed(id: number, length: number): void {
    this.#parts.budget.refund(RECORD_HEAD_BYTES + length);
    const engine = this.#engine;
    if (engine.referencesOf(id) === 0) return;
    if (engine.isLeaving(id)) this.#failed.add(id);
    if (this.#isInMemory(id)) this.#list(id);
  }

  /** Gives zspages back that eviction left half empty, where that is much of the pool. */
  async #compact(): Promise<void> {
    const engine = this.#engine;
    const { mem_used_total, compr_data_size } = engine.stats();
    if ((mem_used_total - compr_data_size) * MOST_LOSS < mem_used_total) return;
    for (let index = SIZE_CLASSES - 1; index >= 0; index--) {
      if (engine !== this.#engine || this.#isClosed) return;
      if (engine.compactClass(index) === 0) continue;
      this.#progress += 1;
      if (index % 16 === 0) await turn();
    }
  }

  /**
   * Reads an object that is away into `target` (a page).
   * @throws PagefoldError CORRUPT, IO.
   */
  async fetch(id: number, target: Uint8Array): Promise<void> {
    const engine = this.#engine;
    const { codecs, options } = this.#parts;
    const codec = codecs[engine.priorityOf(id)]!;
    const generation = this.generationOf(id);
    const buffer = new Uint8Array(PAGE_BYTES);
    const length = await this.log.read(id, buffer);
    const bytes = buffer.subarray(0, length);
    if (length === PAGE_BYTES) target.set(bytes);
    else if (codec.decompress(bytes, target) !== PAGE_BYTES) {
      throw new PagefoldError(
        "CORRUPT",
        `object ${id}: the ${length} bytes read from the log do not decode with ${codec.name}; write its pages anew`,
      );
    }
    const isSame = engine === this.#engine && this.generationOf(id) === generation;
    if (options.promotes && isSame && !this.#isClosed && engine.isAway(id))
      this.#promote(id, bytes);
  }

  /** Brings an object back at its second reading, while memory use is below the upper watermark. */
  #promote(id: number, bytes: Uint8Array): void {
    const engine = this.#engine;
    this.#reachReadOnce(id);
    if (this.#readOnce[id] === 0) {
      this.#readOnce[id] = 1;
      return;
    }
    if (engine.usedPages() >= this.#highPages) return;
    (bytes.length === PAGE_BYTES ? engine.decoded : engine.scratch).set(bytes);
    if (!engine.admit(id, bytes.length)) return;
    this.#promoted += 1;
    this.#list(id);
  }

  #reachReadOnce(id: number): void {
    if (id < this.#readOnce.length) return;
    const grown = new Uint8Array(2 ** Math.ceil(Math.log2(id + 1)));
    grown.set(this.#readOnce);
    this.#readOnce = grown;
  }

  /** Reads an object that is away and gives its slot to it if the one stored anew is equal: whether it was. */
  async #merge({ opened, index, id, candidate, generation }: Duplicate): Promise<boolean> {
    const engine = this.#engine;
    const isStill = () =>
      engine === this.#engine &&
      opened.table.objectAt(index) === id &&
      engine.referencesOf(id) === 1 &&
      engine.isAway(candidate) &&
      this.generationOf(candidate) === generation;
    if (!isStill()) return false;
    const page = new Uint8Array(PAGE_BYTES);
    try {
      await this.fetch(candidate, page);
    } catch {
      // It is told to whoever asks for the page.
      return false;
    }
    if (!isStill()) return false;
    if (engine.isAway(id) || !this.#decode(id) || Buffer.compare(page, engine.decoded) !== 0)
      return false;
    opened.redirect(index, candidate);
    return true;
  }

  /** The number of an object's content on the log. */
  generationOf(id: number): number {
    return this.log.placement.generationOf(id);
  }

  /** For a message: what keeps pages from leaving memory. */
  obstacle(): string {
    return this.log.death === null
      ? ", and the overflow log is full"
      : ", and the overflow log takes no more pages since its medium failed";
  }

  stats(): OverflowStats {
    const parts = { ...this.#parts, engine: this.#engine, startSeconds: this.#startSeconds };
    return overflowStats(parts, {
      written_back: this.#written,
      written_back_pages: this.#writtenPages,
      evicted_clean: this.#evictedClean,
      promoted: this.#promoted,
      merged: this.#merges.merged,
      stalls: this.#stalls,
    });
  }

  /** Ends it; done when nothing is under way. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await this.#merges.close();
    await this.#running;
    await this.log.close();
    await this.#parts.onClose();
  }
}
