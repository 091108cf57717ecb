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

import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import type { Codec } from "../../../codecs/codec.ts";
import { assert } from "../../base/assert.ts";
import { PagefoldError } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import { type Engine, SIZE_CLASSES } from "../../engine/engine.ts";
import { RECORD_HEAD_BYTES } from "../../overflow/format/layout.ts";
import type { Log, LogOwner } from "../../overflow/log.ts";
import type { ExportTable } from "../export-table.ts";
import type { WriteBackResult } from "./by-hand.ts";
import { decodeObject, encodeDenser } from "./denser.ts";
import { type Duplicate, Merges } from "./merges.ts";
import { type OverflowParts, type OverflowStats, overflowStats } from "./overflow-stats.ts";
import { RecencyList } from "./recency-list.ts";
import type { RecordObserver } from "./record-observer.ts";
import { Returns } from "./returns.ts";
import { Watermarks } from "./watermarks.ts";

/** Bytes appended between two flushes while writes wait, and otherwise. */
const URGENT_BATCH_BYTES = 2 ** 18;
const BATCH_BYTES = 2 ** 20;
/** Of the pool, so much may be lost to fragmentation before it is compacted: 1 / this. */
const MOST_LOSS = 8;
/** Tries again after a batch of which nothing could be written, and the wait before the first; it doubles. */
const MOST_RETRIES = 4;
const FIRST_RETRY_MS = 25;

export interface WriteBackParts extends Omit<OverflowParts, "startSeconds"> {
  readonly codecs: readonly Codec[];
  /** Called when all is done at the end. */
  readonly onClose: () => Promise<void>;
}

export class WriteBack implements LogOwner {
  readonly log: Log;
  observer: RecordObserver | null = null;
  readonly #parts: WriteBackParts;
  readonly #startSeconds: number;
  #engine: Engine;
  readonly watermarks: Watermarks;
  /** Stored raw, and all others. */
  readonly #huge = new RecencyList();
  readonly #rest = new RecencyList();
  /** Objects noted as leaving whose record failed to get to the log: they are to leave still. */
  readonly #failed = new Set<number>();
  readonly #returns: Returns;
  readonly #merges = new Merges((duplicate) => this.#merge(duplicate));
  #running: Promise<void> | null = null;
  /** Told whether memory was given up. */
  #waiters: ((hasRoom: boolean) => void)[] = [];
  /** Grows whenever memory was given up. */
  #progress = 0;
  #closing: Promise<void> | null = null;
  #isClosed = false;
  /** Objects that left memory, and their bytes. */
  #left = 0;
  #leftBytes = 0;
  /** Taken from the budget and not refunded. */
  #chargedBytes = 0;
  #written = 0;
  #writtenPages = 0;
  #evictedClean = 0;
  #stalls = 0;

  constructor(parts: WriteBackParts) {
    this.#parts = parts;
    this.#engine = parts.engine;
    this.log = parts.log;
    this.#startSeconds = parts.clock.seconds();
    this.watermarks = new Watermarks(parts.options);
    this.#returns = new Returns(parts.log, parts.codecs, parts.options.promotes);
    this.log.serve(this);
  }

  /** Starts anew on an empty engine. */
  restart(engine: Engine): void {
    this.#engine = engine;
    this.log.clear();
    this.#huge.clear();
    this.#rest.clear();
    this.#returns.clear();
    this.#failed.clear();
    this.#merges.clear();
  }

  /** The limit on the pool's memory, 0 for none: nothing is written back by itself then. */
  setLimit(bytes: number): void {
    this.watermarks.setLimit(bytes);
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
    if (this.#running === null && engine.usedPages() > this.watermarks.highPages) this.start();
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

  /** Begins to write back if memory use is above the upper watermark. */
  start(): void {
    if (this.#running !== null || this.#isClosed) return;
    if (this.#waiters.length === 0 && this.#engine.usedPages() <= this.watermarks.highPages) return;
    this.#running = this.#run()
      .catch((cause: unknown) => {
        // A mistake of our own: what is in memory can still be served.
        this.log.die(cause);
        this.#wake(false);
      })
      .finally(() => this.#ended());
  }

  /** Waits until memory was given up: whether any was; false if nothing more can leave. */
  async makeRoom(): Promise<boolean> {
    if (this.#isClosed) return false;
    this.#stalls += 1;
    const woken = new Promise<boolean>((wake) => this.#waiters.push(wake));
    this.start();
    return woken;
  }

  /** What was under way is done. Who began to wait too late to be served by it has a run of its own. */
  #ended(): void {
    this.#running = null;
    if (this.#waiters.length > 0) this.start();
    if (this.#isClosed) this.#wake(false);
  }

  #wake(hasRoom: boolean): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake(hasRoom);
  }

  async #run(): Promise<void> {
    // The caller goes on first: it may free what it holds.
    await turn();
    let retries = 0;
    while (!this.#isClosed && (this.#waiters.length > 0 || this.#surplusBytes() > 0)) {
      const before = this.#progress;
      const waiting = this.#waiters.length;
      const failedBefore = this.log.counts().failed_writes;
      const sent = await this.#batch();
      if (this.#surplusBytes() > 0 || this.#waiters.length > 0) await this.#compact();
      const hasFailed = this.log.counts().failed_writes > failedBefore;
      if (this.#progress > before) {
        retries = 0;
        // Also who came when it had been given up, and taken by others: only a whole round can tell that none is left.
        this.#wake(true);
      } else if (hasFailed && retries < MOST_RETRIES && !this.log.isDead) {
        // A medium may be out of order for a moment.
        await delay(FIRST_RETRY_MS * 2 ** retries);
        retries += 1;
      } else if (hasFailed || (sent === 0 && this.#waiters.length === waiting)) {
        // Nothing more can leave, and all of them were there when that was tried.
        this.#wake(false);
        return;
      }
      await turn();
    }
  }

  /** Bytes of the pool above the lower watermark. */
  #surplusBytes(): number {
    return (this.#engine.usedPages() - this.watermarks.lowPages) * PAGE_BYTES;
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
    const engine = this.#engine;
    const isUrgent = this.#waiters.length > 0;
    const surplus = Math.max(this.#surplusBytes(), URGENT_BATCH_BYTES);
    const most = Math.min(surplus, isUrgent ? URGENT_BATCH_BYTES : BATCH_BYTES);
    let bytes = 0;
    let count = 0;
    for (let id = this.#next(); id !== 0 && !this.#isClosed; id = this.#next()) {
      const sent = this.#send(id, isUrgent) || (await this.#sendLater(id, isUrgent));
      if (engine !== this.#engine) break;
      if (sent === 0) {
        count += this.#evictCopies(most - bytes);
        break;
      }
      bytes += sent;
      count += 1;
      if (bytes >= most) break;
    }
    await this.log.flush();
    this.#chargeRest();
    return count;
  }

  /** Where nothing can be written: has objects leave that need not be, up to so many bytes: how many did. */
  #evictCopies(mostBytes: number): number {
    const engine = this.#engine;
    const before = this.#left;
    if (engine.stats().copied_bytes === 0) return 0;
    let left = mostBytes;
    for (let id = engine.idEnd() - 1; id > 0 && left > 0; id--) {
      if (engine.isCopied(id)) left -= this.#send(id, false);
    }
    return this.#left - before;
  }

  /**
   * Has the objects leave that are chosen when nothing else is under way, as many as have a way. What leaves by hand is
   * taken from the write budget all the same.
   */
  async writeBack(choose: () => Uint32Array): Promise<WriteBackResult> {
    while (this.#running !== null) await this.#running;
    if (this.#isClosed) throw new PagefoldError("CLOSED", "the store was closed meanwhile");
    const ids = choose();
    const work = this.#sendAll(ids);
    this.#running = work.then(
      () => {},
      () => {},
    );
    try {
      return { chosen: ids.length, ...(await work) };
    } finally {
      this.#ended();
      this.start();
    }
  }

  async #sendAll(ids: Uint32Array): Promise<Omit<WriteBackResult, "chosen">> {
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
      if (this.#waiters.length > 0) {
        await this.log.flush();
        this.#wake(true);
      }
      await turn();
    }
    await this.log.flush();
    this.#chargeRest();
    return { written: this.#left - before.written, bytes: this.#leftBytes - before.bytes };
  }

  /** Charges what was programmed beside the records themselves: what cleaning moved, heads, tags and padding. */
  #chargeRest(): void {
    const { programmed_bytes } = this.log.counts();
    if (programmed_bytes <= this.#chargedBytes) return;
    this.#parts.budget.overdraw(programmed_bytes - this.#chargedBytes);
    this.#chargedBytes = programmed_bytes;
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
    this.#chargedBytes += RECORD_HEAD_BYTES + length;
    const denser = options.recompresses ? encodeDenser(engine, this.#parts.codecs, id) : 0;
    if (denser > 0)
      this.#append(id, this.#parts.codecs.length - 1, engine.scratch.subarray(0, denser));
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
      if (sent === 0) this.prefer(id);
      return sent;
    }
  }

  #append(id: number, priority: number, bytes: Uint8Array): void {
    assert(this.#engine.leave(id), "what is sent is in memory alone");
    this.#failed.delete(id);
    this.log.append(id, priority, bytes);
  }

  #countLeft(bytes: number): void {
    this.#progress += 1;
    this.#left += 1;
    this.#leftBytes += bytes;
  }

  /** Has the object leave before others, if it is in memory. */
  prefer(id: number): void {
    if (this.#isInMemory(id)) (this.#engine.isHuge(id) ? this.#huge : this.#rest).putOldest(id);
  }

  placed(id: number, length: number, priority: number): boolean {
    if (!this.#engine.evict(id, length, priority)) {
      if (this.#isInMemory(id)) this.#list(id);
      return false;
    }
    const slots = this.#engine.referencesOf(id);
    this.#written += 1;
    this.#writtenPages += slots;
    this.observer?.placed(id, slots);
    this.#returns.left(id);
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
    this.#chargedBytes -= RECORD_HEAD_BYTES + length;
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
      await turn();
    }
  }

  /** Reads an object that is away into `target` (a page). @throws PagefoldError CORRUPT, IO. */
  async read(id: number, target: Uint8Array): Promise<void> {
    const engine = this.#engine;
    const generation = this.generationOf(id);
    const bytes = await this.#returns.fetch(engine, id, target);
    const isSame = engine === this.#engine && this.generationOf(id) === generation;
    if (!isSame || this.#isClosed || !engine.isAway(id)) return;
    if (this.#returns.isReadAgain(id) && engine.usedPages() < this.watermarks.highPages) {
      if (this.#returns.admit(engine, id, bytes)) this.#list(id);
    }
  }

  /** As `read`; the object stays away. */
  async fetch(id: number, target: Uint8Array): Promise<void> {
    await this.#returns.fetch(this.#engine, id, target);
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
      await this.#returns.fetch(engine, candidate, page);
    } catch {
      // It is told to whoever asks for the page.
      return false;
    }
    if (!isStill()) return false;
    if (
      engine.isAway(id) ||
      !decodeObject(engine, this.#parts.codecs, id) ||
      Buffer.compare(page, engine.decoded) !== 0
    )
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
    if (this.log.isDead)
      return ", and the overflow log takes no more pages since its medium failed";
    return this.#parts.space.free > 0
      ? ", and pages must leave for the overflow log first: use the methods that wait for it"
      : ", and the overflow log is full";
  }

  stats(): OverflowStats {
    const parts = { ...this.#parts, engine: this.#engine, startSeconds: this.#startSeconds };
    return overflowStats(parts, {
      written_back: this.#written,
      written_back_pages: this.#writtenPages,
      evicted_clean: this.#evictedClean,
      promoted: this.#returns.promoted,
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
    this.#wake(false);
    await this.#merges.close();
    await this.#running;
    await this.log.close();
    await this.#parts.onClose();
  }
}
