/**
 * One export inside a store: its slots, its domain, its counts. The page path of pagefold runs through here: a page
 * goes from the caller's bytes to a staged page of the engine, becomes an object, and the slot keeps the id.
 *
 * A write is all in or leaves the slot as it was. A read returns the last written bytes or throws. The engine has one
 * page reserved for each reserved slot of the table.
 */

import type { Codec } from "../../codecs/codec.ts";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { CodecHost } from "../engine/codec-host.ts";
import { AWAY, type Engine, SAME_FILLED } from "../engine/engine.ts";
import type { CheckedExportOptions } from "./options.ts";
import { SlotTable } from "./slot-table.ts";
import type { ExportCounts } from "./statistics.ts";
import type { WriteBack } from "./write-back/write-back.ts";

export interface ExportContext {
  readonly engine: Engine;
  readonly codecs: readonly Codec[];
  readonly clock: Clock;
  /** The number of the export's domain in the engine. */
  readonly domain: number;
  /** What moves objects between memory and the overflow log, where there is one. */
  readonly writeBack: WriteBack | null;
}

export class ExportTable {
  readonly options: CheckedExportOptions;
  table: SlotTable;
  #engine: Engine;
  #host: CodecHost;
  readonly #codecs: readonly Codec[];
  readonly #clock: Clock;
  readonly #domain: number;
  readonly #writeBack: WriteBack | null;
  #isClosed = false;
  #reads = 0;
  #writes = 0;
  #failedReads = 0;
  #failedWrites = 0;
  #notifyFree = 0;

  constructor(options: CheckedExportOptions, context: ExportContext) {
    this.options = options;
    this.table = new SlotTable(options.slots);
    this.#engine = context.engine;
    this.#host = new CodecHost(context.engine, context.codecs);
    this.#codecs = context.codecs;
    this.#clock = context.clock;
    this.#domain = context.domain;
    this.#writeBack = context.writeBack;
  }

  /**
   * Stores the staged page in the slot: whether there was room. False only with an overflow log, where waiting may make
   * some; the slot is then as it was.
   * @throws PagefoldError NO_SPACE at a limit; the slot is then as it was.
   */
  writeStaged(index: number, staged: number): boolean {
    if (this.tryStaged(index, staged)) return true;
    if (this.#writeBack !== null) return false;
    this.refuseRoom(index);
  }

  /** As `writeStaged`, but it never throws for want of room: for a caller that makes some and tries again. */
  tryStaged(index: number, staged: number): boolean {
    const { table } = this;
    const engine = this.#engine;
    const writeBack = this.#writeBack;
    const old = table.objectAt(index);
    if (table.used >= this.options.slotLimit && !table.isUsed(index)) this.#refuseSlot(index);
    // Before anything changes: a clock of the caller's may throw.
    const seconds = this.#clock.seconds();
    const isReserved = table.isReserved(index);
    const isNew = writeBack !== null && !table.isUsed(index);
    const result = isReserved
      ? this.#spendReserved(staged)
      : isNew
        ? this.#placeNew(writeBack, staged)
        : this.#place(staged, old);
    if (result > 0) {
      table.setObject(index, result, seconds);
      if (writeBack !== null) writeBack.stored(result, this, index);
    } else if (result === SAME_FILLED) {
      table.setSameFilled(index, engine.reply[0]!, engine.reply[1]!, seconds);
      if (writeBack !== null) writeBack.settle();
    } else {
      return false;
    }
    this.#writes += 1;
    if (isReserved) engine.unreserve(1);
    return true;
  }

  /** Stores the staged page in place of object `old`: what `Engine.write` gives, the host's part done. */
  #place(staged: number, old: number): number {
    return this.#host.write(staged, this.#domain, old);
  }

  /** As `#place`, in a slot that holds nothing: it may not take the last of the memory. */
  #placeNew(writeBack: WriteBack, staged: number): number {
    const { watermarks } = writeBack;
    const isHeldBack = watermarks.holdBack(this.#engine);
    try {
      return this.#place(staged, 0);
    } finally {
      if (isHeldBack) watermarks.letGo(this.#engine);
    }
  }

  /** As `#place`, with a reserved page at hand; a reserved slot holds no object. */
  #spendReserved(staged: number): number {
    const engine = this.#engine;
    engine.spend(true);
    try {
      return this.#place(staged, 0);
    } finally {
      engine.spend(false);
    }
  }

  /**
   * Fills the slot with zeros and has a page reserved for the next write to it: whether there was room, as
   * `writeStaged`.
   * @throws PagefoldError NO_SPACE at a limit; the slot is then as it was.
   */
  writeReservedZeros(index: number): boolean {
    const { table } = this;
    if (table.used >= this.options.slotLimit && !table.isUsed(index)) this.#refuseSlot(index);
    const seconds = this.#clock.seconds();
    if (!table.isReserved(index) && !this.#engine.reservePage(table.objectAt(index))) {
      if (this.#writeBack !== null) return false;
      this.refuseRoom(index);
    }
    this.#writeBack?.settle();
    this.#writes += 1;
    table.setReservedZeros(index, seconds);
    return true;
  }

  /** @throws PagefoldError CLOSED if the export was closed while something waited. */
  checkOpen(): void {
    if (!this.#isClosed) return;
    throw new PagefoldError("CLOSED", `the export "${this.options.name}" was closed meanwhile`);
  }

  /**
   * Waits for the overflow log to take something out of memory, so that a write may find room: false if nothing more
   * can leave.
   */
  async waitForRoom(): Promise<boolean> {
    assert(this.#writeBack !== null, "without a log, writes do not wait");
    return this.#writeBack.makeRoom();
  }

  #refuseSlot(index: number): never {
    this.#writes += 1;
    this.#failedWrites += 1;
    throw new PagefoldError(
      "NO_SPACE",
      `page ${index}: the export holds ${this.table.used * PAGE_BYTES} bytes, its limit is ${this.options.slotLimit * PAGE_BYTES}; discard pages or raise limitBytes`,
    );
  }

  /** @throws PagefoldError NO_SPACE, always. */
  refuseRoom(index: number): never {
    this.#writes += 1;
    this.#failedWrites += 1;
    const { mem_used_total, reserved_bytes, mem_limit } = this.#engine.stats();
    const limit =
      mem_limit > 0 ? `memoryLimitBytes is ${mem_limit}` : "a store holds 4 GiB at most";
    const reserved = reserved_bytes > 0 ? `, reserved_bytes ${reserved_bytes}` : "";
    throw new PagefoldError(
      "NO_SPACE",
      `page ${index}: no room, mem_used_total is ${mem_used_total}${reserved} and ${limit}${this.#writeBack?.obstacle() ?? ""}; discard pages, compact, or raise the limit`,
    );
  }

  /** Stores a page (4096 bytes, checked by the caller). */
  write(index: number, page: Uint8Array): void {
    this.#engine.page.set(page);
    this.writeStaged(index, 0);
  }

  /** Reads the slot to the staged page, as `loadStaged`, and notes that it was read. */
  readStaged(index: number, staged: number): boolean {
    this.#reads += 1;
    const isHere = this.loadStaged(index, staged);
    if (isHere) this.#touch(index);
    return isHere;
  }

  #touch(index: number): void {
    const { table } = this;
    if (!table.isUsed(index)) return;
    table.touch(index, this.#clock.seconds());
    if (this.#writeBack !== null) this.#writeBack.touched(table.objectAt(index));
  }

  /**
   * Decodes the slot to the staged page; one not in use gives zeros: whether it was in memory; one whose object is on
   * the overflow log alone must be fetched.
   * @throws PagefoldError CORRUPT if what is stored does not decode.
   */
  loadStaged(index: number, staged: number): boolean {
    const { table } = this;
    const id = table.objectAt(index);
    if (id !== 0) {
      const result = this.#host.read(id, staged);
      if (result === AWAY) return false;
      if (result !== 0) this.#refuseCorrupt(index, id);
    } else if (table.isSameFilled(index)) {
      this.#engine.fill(staged, table.lowAt(index), table.highAt(index));
    } else {
      this.#engine.fill(staged, 0, 0);
    }
    return true;
  }

  /** Whether the slot's object is on the overflow log alone. */
  isAway(index: number): boolean {
    const id = this.table.objectAt(index);
    return id !== 0 && this.#engine.isAway(id);
  }

  /**
   * Reads a slot that is away to `target` (a page): what it held when this was called.
   * @throws PagefoldError CORRUPT, IO.
   */
  async fetch(index: number, target: Uint8Array): Promise<void> {
    const { table } = this;
    const id = table.objectAt(index);
    assert(this.#writeBack !== null, "only an overflow log takes objects away");
    await this.#orLost(index, this.#writeBack.read(id, target));
    if (table === this.table && table.objectAt(index) === id) this.#touch(index);
  }

  /**
   * As `fetch`, for a page about to be changed: the object stays away, since the memory it would come back to may be
   * what the change waits for.
   */
  async fetchToChange(index: number, target: Uint8Array): Promise<void> {
    assert(this.#writeBack !== null, "only an overflow log takes objects away");
    await this.#orLost(index, this.#writeBack.fetch(this.table.objectAt(index), target));
  }

  async #orLost(index: number, fetched: Promise<unknown>): Promise<void> {
    try {
      await fetched;
    } catch (cause) {
      this.#failedReads += 1;
      throw this.#pageLost(index, cause);
    }
  }

  /**
   * What tells whether a slot that is away has neither changed nor moved since: to be asked right before what was
   * fetched is used, with no waiting between.
   */
  watch(index: number): () => boolean {
    const { table } = this;
    const id = table.objectAt(index);
    const generation = this.#writeBack?.generationOf(id);
    return () =>
      table === this.table &&
      table.objectAt(index) === id &&
      this.isAway(index) &&
      this.#writeBack?.generationOf(id) === generation;
  }

  #pageLost(index: number, cause: unknown): unknown {
    if (!(cause instanceof PagefoldError)) return cause;
    // Clients are shown the message: the medium's name and the object's number are not theirs to know.
    return new PagefoldError(
      cause.code,
      `page ${index}: the overflow log does not give it back; it is lost unless a later read succeeds, discard it or write it anew`,
      { cause },
    );
  }

  #refuseCorrupt(index: number, id: number): never {
    const engine = this.#engine;
    const codec = this.#codecs[engine.priorityOf(id)]!;
    this.#failedReads += 1;
    throw new PagefoldError(
      "CORRUPT",
      `page ${index}: the ${engine.lengthOf(id)} bytes stored for it do not decode with ${codec.name}; the page is lost, write it anew`,
    );
  }

  /** Reads the slot into `target` (4096 bytes, checked by the caller). */
  read(index: number, target: Uint8Array): void {
    this.readStaged(index, 0);
    target.set(this.#engine.page);
  }

  /** Frees `count` slots from `first` on; those not in use stay so. */
  discard(first: number, count: number): void {
    const { table } = this;
    const end = first + count;
    this.#notifyFree += count;
    // A slot not in use is not written to, so that its part of the table need not become real memory.
    let index = table.nextUsed(first, end);
    while (index < end) {
      const id = table.objectAt(index);
      if (id !== 0) this.#engine.release(id);
      if (id !== 0 && this.#writeBack !== null) this.#writeBack.settle();
      if (table.isReserved(index)) this.#engine.unreserve(1);
      table.clear(index);
      index = table.nextUsed(index + 1, end);
    }
  }

  /** Gives the slot another object of the same content, which gets a reference; the one it had loses one. */
  redirect(index: number, id: number): void {
    const old = this.table.objectAt(index);
    this.#engine.share(id);
    this.table.replaceObject(index, id);
    this.#engine.release(old);
    this.#writeBack?.settle();
  }

  /** Marks slots idle: all, or those not touched for `ageSeconds`, the others then marked as not idle. */
  markIdle(ageSeconds?: number): number {
    const { table } = this;
    const now = this.#clock.seconds();
    let marked = 0;
    for (let index = 0; index < table.slots; index++) {
      if (table.objectAt(index) === 0) continue;
      const isIdle = ageSeconds === undefined || table.ageAt(index, now) >= ageSeconds;
      table.setIdle(index, isIdle);
      if (isIdle) marked += 1;
    }
    return marked;
  }

  counts(): ExportCounts {
    return {
      name: this.options.name,
      domain: this.options.domain,
      size_bytes: this.options.slots * PAGE_BYTES,
      limit_bytes: this.options.slotLimit * PAGE_BYTES,
      num_reads: this.#reads,
      num_writes: this.#writes,
      failed_reads: this.#failedReads,
      failed_writes: this.#failedWrites,
      notify_free: this.#notifyFree,
    };
  }

  /** It takes part in nothing any more. */
  close(): void {
    this.discard(0, this.options.slots);
    this.#isClosed = true;
  }

  /** Starts anew on an empty engine with an empty table: no slot in use, all counts zero. */
  restart(engine: Engine, table: SlotTable): void {
    this.#engine = engine;
    this.#host = new CodecHost(engine, this.#codecs);
    this.table = table;
    this.#clearCounts();
  }

  /** Drops every page and starts anew: no slot in use, all counts zero. */
  reset(): void {
    this.discard(0, this.options.slots);
    this.table.references = null;
    this.#clearCounts();
  }

  #clearCounts(): void {
    this.#reads = 0;
    this.#writes = 0;
    this.#failedReads = 0;
    this.#failedWrites = 0;
    this.#notifyFree = 0;
  }
}
