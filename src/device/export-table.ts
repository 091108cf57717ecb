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
import {
  CORRUPT,
  type Engine,
  NEEDS_COMPRESS,
  NEEDS_DECODE,
  NO_ROOM,
  SAME_FILLED,
} from "../engine/engine.ts";
import type { CheckedExportOptions } from "./options.ts";
import { SlotTable } from "./slot-table.ts";
import type { ExportCounts } from "./statistics.ts";

export interface ExportContext {
  readonly engine: Engine;
  readonly codecs: readonly Codec[];
  readonly clock: Clock;
  /** The number of the export's domain in the engine. */
  readonly domain: number;
}

export class ExportTable {
  readonly options: CheckedExportOptions;
  table: SlotTable;
  #engine: Engine;
  readonly #codecs: readonly Codec[];
  readonly #clock: Clock;
  readonly #domain: number;
  #reads = 0;
  #writes = 0;
  #failedReads = 0;
  #failedWrites = 0;
  #notifyFree = 0;

  constructor(options: CheckedExportOptions, context: ExportContext) {
    this.options = options;
    this.table = new SlotTable(options.slots);
    this.#engine = context.engine;
    this.#codecs = context.codecs;
    this.#clock = context.clock;
    this.#domain = context.domain;
  }

  /**
   * Stores the staged page in the slot.
   * @throws PagefoldError NO_SPACE at a limit; the slot is then as it was.
   */
  writeStaged(index: number, staged: number): void {
    const { table } = this;
    const engine = this.#engine;
    const old = table.objectAt(index);
    this.#writes += 1;
    if (table.used >= this.options.slotLimit && !table.isUsed(index)) this.#refuseSlot(index);
    // Before anything changes: a clock of the caller's may throw.
    const seconds = this.#clock.seconds();
    const isReserved = table.isReserved(index);
    const result = isReserved ? this.#spendReserved(staged) : this.#place(staged, old);
    if (result > 0) {
      table.setObject(index, result, seconds);
    } else if (result === SAME_FILLED) {
      table.setSameFilled(index, engine.reply[0]!, engine.reply[1]!, seconds);
    } else {
      this.#refuseRoom(index);
    }
    if (isReserved) engine.unreserve(1);
  }

  /** Stores the staged page in place of object `old`: what `Engine.write` gives, the host's part done. */
  #place(staged: number, old: number): number {
    let result = this.#engine.write(staged, this.#domain, old);
    while (result < NO_ROOM) result = this.#doHostPart(result, staged);
    return result;
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
   * Fills the slot with zeros and has a page reserved for the next write to it.
   * @throws PagefoldError NO_SPACE at a limit; the slot is then as it was.
   */
  writeReservedZeros(index: number): void {
    const { table } = this;
    this.#writes += 1;
    if (table.used >= this.options.slotLimit && !table.isUsed(index)) this.#refuseSlot(index);
    const seconds = this.#clock.seconds();
    if (!table.isReserved(index) && !this.#engine.reservePage(table.objectAt(index))) {
      this.#refuseRoom(index);
    }
    table.setReservedZeros(index, seconds);
  }

  #refuseSlot(index: number): never {
    this.#failedWrites += 1;
    throw new PagefoldError(
      "NO_SPACE",
      `page ${index}: the export holds ${this.table.used * PAGE_BYTES} bytes, its limit is ${this.options.slotLimit * PAGE_BYTES}; discard pages or raise limitBytes`,
    );
  }

  #refuseRoom(index: number): never {
    this.#failedWrites += 1;
    const { mem_used_total, reserved_bytes, mem_limit } = this.#engine.stats();
    const limit =
      mem_limit > 0 ? `memoryLimitBytes is ${mem_limit}` : "a store holds 4 GiB at most";
    const reserved = reserved_bytes > 0 ? `, reserved_bytes ${reserved_bytes}` : "";
    throw new PagefoldError(
      "NO_SPACE",
      `page ${index}: no room, mem_used_total is ${mem_used_total}${reserved} and ${limit}; discard pages, compact, or raise the limit`,
    );
  }

  /** What the engine asks of the host during a write, for codecs that run in JavaScript. */
  #doHostPart(request: number, staged: number): number {
    const engine = this.#engine;
    if (request === NEEDS_DECODE) {
      const id = engine.reply[2]!;
      const codec = this.#codecs[engine.priorityOf(id)]!;
      return engine.resume(codec.decompress(engine.bytesOf(id), engine.decoded) === PAGE_BYTES);
    }
    assert(request === NEEDS_COMPRESS, `the engine answered ${request}`);
    const page = engine.pages.subarray(staged * PAGE_BYTES, (staged + 1) * PAGE_BYTES);
    return engine.commit(this.#codecs[0]!.compress(page, engine.scratch));
  }

  /** Stores a page (4096 bytes, checked by the caller). */
  write(index: number, page: Uint8Array): void {
    this.#engine.page.set(page);
    this.writeStaged(index, 0);
  }

  /** Reads the slot to the staged page, as `loadStaged`, and notes that it was read. */
  readStaged(index: number, staged: number): void {
    this.#reads += 1;
    this.loadStaged(index, staged);
    if (this.table.isUsed(index)) this.table.touch(index, this.#clock.seconds());
  }

  /**
   * Decodes the slot to the staged page; one not in use gives zeros.
   * @throws PagefoldError CORRUPT if what is stored does not decode.
   */
  loadStaged(index: number, staged: number): void {
    const { table } = this;
    const id = table.objectAt(index);
    if (id !== 0) {
      const result = this.#engine.read(id, staged);
      if (result !== 0) this.#loadByHost(result, { index, id, staged });
    } else if (table.isSameFilled(index)) {
      this.#engine.fill(staged, table.lowAt(index), table.highAt(index));
    } else {
      this.#engine.fill(staged, 0, 0);
    }
  }

  #loadByHost(result: number, at: { index: number; id: number; staged: number }): void {
    const engine = this.#engine;
    const page = engine.pages.subarray(at.staged * PAGE_BYTES, (at.staged + 1) * PAGE_BYTES);
    const codec = this.#codecs[engine.priorityOf(at.id)]!;
    if (result === NEEDS_DECODE && codec.decompress(engine.bytesOf(at.id), page) === PAGE_BYTES)
      return;
    assert(result === NEEDS_DECODE || result === CORRUPT, `the engine answered ${result}`);
    this.#failedReads += 1;
    throw new PagefoldError(
      "CORRUPT",
      `page ${at.index}: the ${engine.lengthOf(at.id)} bytes stored for it do not decode with ${codec.name}; the page is lost, write it anew`,
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
      if (table.isReserved(index)) this.#engine.unreserve(1);
      table.clear(index);
      index = table.nextUsed(index + 1, end);
    }
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

  /** Starts anew on an empty engine with an empty table: no slot in use, all counts zero. */
  restart(engine: Engine, table: SlotTable): void {
    this.#engine = engine;
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
