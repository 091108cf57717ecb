/**
 * The store, synchronous: one engine, its codecs, and the exports that share it. page-store.ts and store.ts are its two
 * faces. Everything that concerns more than one export is here: domains, the memory limit, statistics, maintenance.
 */

import type { Codec } from "../../codecs/codec.ts";
import { assert } from "../base/assert.ts";
import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { Domains } from "../engine/domains.ts";
import type { Engine } from "../engine/engine.ts";
import { openEngine } from "../engine/open-engine.ts";
import { checkBytes } from "./checks.ts";
import { ExportTable } from "./export-table.ts";
import { youngObjects } from "./object-ages.ts";
import { type CheckedExportOptions, type CheckedStoreOptions, MOST_SIZE_BYTES } from "./options.ts";
import { type RecompressOptions, type RecompressResult, recompressSteps } from "./recompress.ts";
import { SlotTable } from "./slot-table.ts";
import type { DeviceStats, StoreStats } from "./statistics.ts";
import {
  chosenObjects,
  type WriteBackRequest,
  type WriteBackResult,
} from "./write-back/by-hand.ts";
import type { WriteBack } from "./write-back/write-back.ts";

export class StoreCore {
  readonly options: CheckedStoreOptions;
  readonly exports = new Map<string, ExportTable>();
  readonly #domains: Domains;
  #engine: Engine;
  #memoryLimitBytes: number;
  #writeBack: WriteBack | null = null;

  constructor(options: CheckedStoreOptions) {
    this.options = options;
    this.#memoryLimitBytes = options.memoryLimitBytes;
    this.#engine = this.#makeEngine();
    this.#domains = new Domains(this.#engine);
  }

  get engine(): Engine {
    return this.#engine;
  }

  /** What moves objects to the overflow log and back, null without one. */
  get writeBack(): WriteBack | null {
    return this.#writeBack;
  }

  /** Gives the store an overflow log, before its first export is opened. */
  attach(writeBack: WriteBack): void {
    assert(this.exports.size === 0 && this.#writeBack === null, "a log comes before the exports");
    this.#writeBack = writeBack;
    writeBack.setLimit(this.#memoryLimitBytes);
  }

  /** The limit on mem_used_total and what is reserved, 0 for none. */
  get memoryLimitBytes(): number {
    return this.#memoryLimitBytes;
  }

  get codecs(): readonly Codec[] {
    return this.options.codecs;
  }

  #makeEngine(): Engine {
    const engine = openEngine(this.options);
    engine.setLimit(this.#memoryLimitBytes);
    if (!engine.reserve(this.options.reserveBytes)) {
      throw new PagefoldError(
        "NO_MEMORY",
        `the system did not give the ${this.options.reserveBytes} bytes of reserveBytes; reserve less, or free memory`,
      );
    }
    return engine;
  }

  /** @throws PagefoldError BUSY if an export of that name is open. */
  openExport(options: CheckedExportOptions): ExportTable {
    if (this.exports.has(options.name)) {
      throw new PagefoldError(
        "BUSY",
        `an export named "${options.name}" is open already; close it first or choose another name`,
      );
    }
    const { codecs, clock } = this.options;
    const engine = this.#engine;
    const writeBack = this.#writeBack;
    const domain = this.#domains.enter(options.domain);
    try {
      const opened = new ExportTable(options, { engine, codecs, clock, domain, writeBack });
      this.exports.set(options.name, opened);
      return opened;
    } catch (cause) {
      this.#domains.leave(options.domain);
      throw cause;
    }
  }

  /** Drops an export and all its pages. */
  closeExport(closed: ExportTable): void {
    closed.close();
    this.exports.delete(closed.options.name);
    this.#domains.leave(closed.options.domain);
  }

  /** Has objects leave memory first whose slots are all marked idle now. */
  preferIdle(): void {
    if (this.#writeBack === null) return;
    const young = youngObjects(this, { wantsIdle: true, idleSeconds: 0 });
    const engine = this.#engine;
    for (let id = young.length - 1; id > 0; id--) {
      if (young[id] === 0 && engine.referencesOf(id) > 0) this.#writeBack.prefer(id);
    }
  }

  /** Ends the overflow log; the exports are closed before. */
  async close(): Promise<void> {
    await this.#writeBack?.close();
  }

  /** Drops every page of every export and starts on an empty engine; the memory goes back to the system. */
  reset(): void {
    // All that can fail comes before anything changes.
    const tables = [...this.exports.values()].map(({ options }) => new SlotTable(options.slots));
    const engine = this.#makeEngine();
    this.#domains.restart(engine);
    this.#engine = engine;
    this.#writeBack?.restart(engine);
    let at = 0;
    for (const opened of this.exports.values()) opened.restart(engine, tables[at++]!);
  }

  /** Sets the limit on mem_used_total, 0 for none; pages stored or reserved beyond a lowered limit stay. */
  setMemoryLimit(bytes: number): void {
    this.#memoryLimitBytes = checkBytes(bytes, "the memory limit", {
      least: 0,
      most: MOST_SIZE_BYTES,
    });
    this.#engine.setLimit(this.#memoryLimitBytes);
    this.#writeBack?.setLimit(this.#memoryLimitBytes);
  }

  resetMemUsedMax(): void {
    this.#engine.resetPeak();
  }

  /** Moves objects together and gives whole zspages back: the pages won. */
  compact(): number {
    return this.#engine.compact();
  }

  /**
   * Has chosen objects leave memory for the log.
   * @throws PagefoldError UNSUPPORTED without one, INVALID_ARGUMENT, NOT_FOUND.
   */
  async writeBackNow(request: WriteBackRequest): Promise<WriteBackResult> {
    if (this.#writeBack === null) {
      throw new PagefoldError(
        "UNSUPPORTED",
        "the store has no overflow log to write back to; open it with overflow: { path, sizeBytes }",
      );
    }
    return this.#writeBack.writeBack(() => chosenObjects(this, request));
  }

  recompress(options: RecompressOptions): RecompressResult {
    const steps = recompressSteps(this, options);
    let step = steps.next();
    while (!step.done) step = steps.next();
    return step.value;
  }

  stats(): StoreStats {
    const { tables, ...engine } = this.#engine.stats();
    const log = this.#writeBack?.log;
    const logBytes = log?.tableBytes ?? 0;
    const logCounts = log?.counts();
    let used = 0;
    let same = 0;
    let slotBytes = 0;
    for (const { table } of this.exports.values()) {
      used += table.used;
      same += table.same;
      slotBytes += table.bytes;
    }
    return {
      orig_data_size: used * PAGE_BYTES,
      compr_data_size: engine.compr_data_size,
      mem_used_total: engine.mem_used_total,
      mem_limit: engine.mem_limit,
      mem_used_max: engine.mem_used_max,
      same_pages: same,
      pages_compacted: engine.pages_compacted,
      huge_pages: engine.huge_pages,
      huge_pages_since: engine.huge_pages_since,
      bd_count: engine.away_objects,
      bd_reads: logCounts?.reads ?? 0,
      bd_writes: logCounts?.records ?? 0,
      reserved_bytes: engine.reserved_bytes,
      dup_pages: engine.dup_pages,
      dup_data_size: engine.dup_data_size,
      bd_data_size: engine.away_bytes,
      metadata_size: tables + slotBytes + logBytes,
      memory_reserved: engine.memory_reserved + slotBytes + logBytes,
      objects: engine.objects,
    };
  }

  /** An export's statistics: its own pages, the whole store's memory. */
  exportStats(opened: ExportTable): DeviceStats {
    const stats = this.stats();
    // With one export all of it is that one's, and nothing need be looked through.
    const own =
      this.exports.size === 1 ? stats : { ...stats, ...exportContents(this.#engine, opened) };
    return { ...own, ...opened.counts() };
  }
}

/** What one export holds of a store that others share; an object is counted once in each export that refers to it. */
function exportContents(engine: Engine, { table }: ExportTable): Partial<StoreStats> {
  const references = new Uint32Array(engine.idEnd());
  for (let index = 0; index < table.slots; index++) references[table.objectAt(index)]! += 1;
  references[0] = 0;
  let objects = 0;
  let huge = 0;
  let comprBytes = 0;
  let dupBytes = 0;
  let away = 0;
  let awayBytes = 0;
  for (let id = 1; id < references.length; id++) {
    if (references[id] === 0) continue;
    const length = engine.lengthOf(id);
    const isAway = engine.isAway(id);
    objects += 1;
    if (isAway) {
      away += 1;
      awayBytes += length;
    } else {
      comprBytes += length;
    }
    dupBytes += length * (references[id]! - 1);
    if (length === PAGE_BYTES && !isAway) huge += 1;
  }
  return {
    orig_data_size: table.used * PAGE_BYTES,
    compr_data_size: comprBytes,
    same_pages: table.same,
    reserved_bytes: table.reserved * PAGE_BYTES,
    huge_pages: huge,
    dup_pages: table.used - table.same - objects,
    dup_data_size: dupBytes,
    bd_count: away,
    bd_data_size: awayBytes,
    objects,
  };
}
