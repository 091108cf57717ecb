/**
 * The store, synchronous: one engine, its codecs, and the exports that share it. page-store.ts and store.ts are its two
 * faces. Everything that concerns more than one export is here: domains, the memory limit, statistics, maintenance.
 */

import type { Codec } from "../../codecs/codec.ts";
import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { Engine, MOST_DOMAINS } from "../engine/engine.ts";
import { checkBytes } from "./checks.ts";
import { ExportTable } from "./export-table.ts";
import { type CheckedExportOptions, type CheckedStoreOptions, MOST_SIZE_BYTES } from "./options.ts";
import { type RecompressOptions, type RecompressResult, recompress } from "./recompress.ts";
import type { DeviceStats, StoreStats } from "./statistics.ts";

export class StoreCore {
  readonly options: CheckedStoreOptions;
  readonly exports = new Map<string, ExportTable>();
  /** The engine's number of each domain that has an open export; numbers once used and free again. */
  readonly #domains = new Map<string, number>();
  readonly #freeDomains: number[] = [];
  #engine: Engine;
  #memoryLimitBytes: number;

  constructor(options: CheckedStoreOptions) {
    this.options = options;
    this.#memoryLimitBytes = options.memoryLimitBytes;
    this.#engine = this.#makeEngine();
  }

  get engine(): Engine {
    return this.#engine;
  }

  get codecs(): readonly Codec[] {
    return this.options.codecs;
  }

  #makeEngine(): Engine {
    const { dedup, kernels, random, hashMask } = this.options;
    let engine: Engine;
    try {
      engine = new Engine({
        dedup,
        kernels,
        random,
        ...(hashMask === undefined ? {} : { hashMask }),
      });
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new PagefoldError(
        "NO_MEMORY",
        "the system gave no memory for a store (it reserves 8 GiB of addresses, of which little is used); close other stores or raise the limit on virtual memory (ulimit -v)",
        { cause },
      );
    }
    engine.setLimit(this.#memoryLimitBytes);
    if (!engine.reserve(this.options.reserveBytes)) {
      throw new PagefoldError(
        "NO_MEMORY",
        `the system did not give the ${this.options.reserveBytes} bytes of reserveBytes; reserve less, or free memory`,
      );
    }
    return engine;
  }

  #domainOf(name: string): number {
    const known = this.#domains.get(name);
    if (known !== undefined) return known;
    if (this.#domains.size === MOST_DOMAINS) {
      throw new PagefoldError(
        "NO_SPACE",
        `domain "${name}" would be one more than the ${MOST_DOMAINS} a store can tell apart; use one of those there are, or another store`,
      );
    }
    const domain = this.#freeDomains.pop() ?? this.#engine.addDomain();
    this.#domains.set(name, domain);
    return domain;
  }

  /** @throws PagefoldError BUSY if an export of that name is open. */
  openExport(options: CheckedExportOptions): ExportTable {
    if (this.exports.has(options.name)) {
      throw new PagefoldError(
        "BUSY",
        `an export named "${options.name}" is open already; close it first or choose another name`,
      );
    }
    const opened = new ExportTable(options, {
      engine: this.#engine,
      codecs: this.codecs,
      clock: this.options.clock,
      domain: this.#domainOf(options.domain),
    });
    this.exports.set(options.name, opened);
    return opened;
  }

  /** Drops an export and all its pages. */
  closeExport(closed: ExportTable): void {
    closed.discard(0, closed.options.slots);
    this.exports.delete(closed.options.name);
    const { domain } = closed.options;
    const number = this.#domains.get(domain);
    const isLast = ![...this.exports.values()].some((other) => other.options.domain === domain);
    if (number === undefined || !isLast) return;
    this.#domains.delete(domain);
    this.#freeDomains.push(number);
  }

  /** Drops every page of every export and starts on an empty engine; the memory goes back to the system. */
  reset(): void {
    const domains = this.#domains.size + this.#freeDomains.length;
    this.#engine = this.#makeEngine();
    for (let number = 0; number < domains; number++) this.#engine.addDomain();
    for (const table of this.exports.values()) table.restart(this.#engine);
  }

  /** Sets the limit on mem_used_total, 0 for none; pages stored beyond a lowered limit stay. */
  setMemoryLimit(bytes: number): void {
    this.#memoryLimitBytes = checkBytes(bytes, "the memory limit", {
      least: 0,
      most: MOST_SIZE_BYTES,
    });
    this.#engine.setLimit(this.#memoryLimitBytes);
  }

  resetMemUsedMax(): void {
    this.#engine.resetPeak();
  }

  /** Moves objects together and gives whole zspages back: the pages won. */
  compact(): number {
    return this.#engine.compact();
  }

  recompress(options: RecompressOptions): RecompressResult {
    return recompress(this, options);
  }

  stats(): StoreStats {
    const { tables, ...engine } = this.#engine.stats();
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
      bd_count: 0,
      bd_reads: 0,
      bd_writes: 0,
      dup_pages: engine.dup_pages,
      dup_data_size: engine.dup_data_size,
      bd_data_size: 0,
      metadata_size: tables + slotBytes,
      memory_reserved: engine.memory_reserved + slotBytes,
      objects: engine.objects,
    };
  }

  /** The store's statistics with what is one export's own in place of the sums. */
  exportStats(table: ExportTable): DeviceStats {
    return {
      ...this.stats(),
      orig_data_size: table.table.used * PAGE_BYTES,
      same_pages: table.table.same,
      ...table.counts(),
    };
  }
}
