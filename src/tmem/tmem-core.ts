/**
 * What the pools of all clients share: one engine, the table of keys, the clients, and whose ephemeral pages go first
 * when memory runs short. Persistent pages never do.
 */

import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { CodecHost } from "../engine/codec-host.ts";
import { Domains } from "../engine/domains.ts";
import { type Engine, NO_ROOM } from "../engine/engine.ts";
import { openEngine } from "../engine/open-engine.ts";
import { Counts } from "./counts.ts";
import { type CheckedClientOptions, type CheckedTmemOptions, MOST_POOLS } from "./options.ts";
import { PageTable, type RecencyList } from "./page-table.ts";
import type { PoolCore } from "./pool-core.ts";
import { type TmemStats, tmemCounts } from "./statistics.ts";

/** Pages dropped at a time from which on the engine's pool is compacted before the next try. */
const FEWEST_TO_COMPACT = 16;

/** One client: what its pools hold together, and its ephemeral pages by recency. */
export class ClientCore implements RecencyList {
  readonly options: CheckedClientOptions;
  /** The number of its domain in the engine. */
  readonly domain: number;
  oldest = 0;
  newest = 0;
  ephemeralPages = 0;
  persistentPages = 0;
  /** The pools it owns. */
  readonly pools = new Set<PoolCore>();
  /** What pools it has closed counted. */
  readonly closedPools = new Counts();

  constructor(options: CheckedClientOptions, domain: number) {
    this.options = options;
    this.domain = domain;
  }

  /** Of all pools it owns or owned. */
  counts(): Counts {
    const sum = new Counts();
    sum.add(this.closedPools);
    for (const pool of this.pools) sum.add(pool.counts);
    return sum;
  }
}

export class TmemCore {
  readonly engine: Engine;
  readonly host: CodecHost;
  readonly domains: Domains;
  readonly pages: PageTable;
  readonly options: CheckedTmemOptions;
  /** In the order they came. */
  readonly clients: ClientCore[] = [];
  /** By UUID. */
  readonly sharedPools = new Map<string, PoolCore>();
  /** By number, from 1 on. */
  readonly #pools: (PoolCore | null)[] = [null];
  readonly #freeNumbers: number[] = [];
  readonly #closedClients = new Counts();
  #memoryLimitBytes: number;

  constructor(options: CheckedTmemOptions) {
    this.options = options;
    this.engine = openEngine(options);
    this.host = new CodecHost(this.engine, options.codecs);
    this.domains = new Domains(this.engine);
    this.pages = new PageTable(options.random);
    this.#memoryLimitBytes = options.memoryLimitBytes;
    this.engine.setLimit(this.#memoryLimitBytes);
  }

  /** Gives a pool its number. @throws PagefoldError NO_SPACE where there are too many. */
  addPool(make: (number: number) => PoolCore): PoolCore {
    const number = this.#freeNumbers.pop() ?? this.#pools.length;
    if (number > MOST_POOLS) {
      throw new PagefoldError(
        "NO_SPACE",
        `the pool would be one more than the ${MOST_POOLS} that can be open at a time; close some, or open another tmem`,
      );
    }
    const pool = make(number);
    this.#pools[number] = pool;
    return pool;
  }

  /** A pool that holds no pages any more gives its number back. */
  removePool(number: number): void {
    this.#pools[number] = null;
    this.#freeNumbers.push(number);
  }

  /** A client that owns no pools any more goes. */
  removeClient(client: ClientCore): void {
    this.clients.splice(this.clients.indexOf(client), 1);
    this.#closedClients.add(client.closedPools);
    this.domains.leave(client.options.domain);
  }

  /** Drops a client's least recently used ephemeral page: whether there was one. */
  dropOldestOf(client: ClientCore): boolean {
    const page = client.oldest;
    if (page === 0) return false;
    const pool = this.#pools[this.pages.poolOf(page)]!;
    pool.counts.dropped += 1;
    pool.remove(page);
    return true;
  }

  /** Drops an ephemeral page of the client that has most of them for its weight: whether there was one. */
  #dropOne(): boolean {
    const { clients } = this;
    let most = clients[0];
    if (most === undefined) return false;
    for (let index = 1; index < clients.length; index++) {
      const client = clients[index]!;
      const isMore =
        client.ephemeralPages * most.options.weight > most.ephemeralPages * client.options.weight;
      if (isMore) most = client;
    }
    return this.dropOldestOf(most);
  }

  #drop(count: number): number {
    let dropped = 0;
    while (dropped < count && this.#dropOne()) dropped += 1;
    return dropped;
  }

  /** Sees to it that a client can have one more page in the table: false if that cannot be. */
  makePlace(client: ClientCore): boolean {
    const { pageLimit } = client.options;
    while (client.ephemeralPages + client.persistentPages >= pageLimit) {
      if (!this.dropOldestOf(client)) return false;
    }
    while (!this.pages.prepare()) if (!this.#dropOne()) return false;
    return true;
  }

  /**
   * Stores the staged page, for which there was no room, dropping ephemeral pages until there is: a content's id,
   * SAME_FILLED, or NO_ROOM with no ephemeral page left. Each try costs as much as a write, so each drops twice as many
   * as that before; one that dropped many gathers what they leave, since holes of other sizes are no room.
   */
  writeDropping(domain: number): number {
    for (let count = 1; ; count *= 2) {
      const dropped = this.#drop(count);
      if (dropped < count || count >= FEWEST_TO_COMPACT) this.engine.compact();
      const result = this.host.write(0, domain, 0);
      if (result !== NO_ROOM || dropped < count) return result;
    }
  }

  /** Sets the limit on mem_used_total, 0 for none; ephemeral pages beyond it are dropped, persistent ones stay. */
  setMemoryLimit(bytes: number): void {
    this.#memoryLimitBytes = bytes;
    const { engine } = this;
    engine.setLimit(bytes);
    if (bytes === 0) return;
    for (let count = 1; engine.usedPages() * PAGE_BYTES > bytes; count *= 2) {
      const dropped = this.#drop(count);
      if (dropped < count || count >= FEWEST_TO_COMPACT) engine.compact();
      if (dropped < count) return;
    }
  }

  stats(): TmemStats {
    const { engine, pages } = this;
    const { tables, objects, memory_reserved, ...used } = engine.stats();
    const sum = new Counts();
    sum.add(this.#closedClients);
    let ephemeral = 0;
    let pools = 0;
    for (const client of this.clients) {
      sum.add(client.counts());
      ephemeral += client.ephemeralPages;
      pools += client.pools.size;
    }
    return {
      ...tmemCounts(sum),
      clients: this.clients.length,
      pools,
      ephemeral_pages: ephemeral,
      persistent_pages: sum.pages - ephemeral,
      objects,
      compr_data_size: used.compr_data_size,
      mem_used_total: used.mem_used_total,
      mem_limit: used.mem_limit,
      mem_used_max: used.mem_used_max,
      dup_pages: used.dup_pages,
      dup_data_size: used.dup_data_size,
      huge_pages: used.huge_pages,
      huge_pages_since: used.huge_pages_since,
      pages_compacted: used.pages_compacted,
      metadata_size: tables + pages.bytes,
      memory_reserved: memory_reserved + pages.bytes,
    };
  }
}
