/**
 * One random run of tmem beside its model: a command, what both say of it, and after each the accounting of every byte
 * by the codec alone.
 */

import { assert, expect } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { getCodec, openTmem, type Tmem, type TmemClient, type TmemPool } from "../../src/index.ts";
import { type Content, Contents } from "../model/contents.ts";
import { seededKeys } from "../support/engine-driver.ts";
import { differenceOf } from "../support/pages.ts";
import { longestLength } from "../support/size-classes.ts";
import { keyOf, type ModelClient, type ModelPool, pagesOf, TmemModel } from "./tmem-model.ts";

const OBJECTS = [0, 1, 2, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1];
const INDEXES = [0, 1, 2, 3, 255, 256, 2 ** 31, 2 ** 32 - 1];
const MOST_CLIENTS = 4;

interface OpenClient {
  readonly client: TmemClient;
  readonly model: ModelClient;
}

interface OpenPool {
  readonly pool: TmemPool;
  readonly client: OpenClient;
  readonly model: ModelPool;
  readonly uuid: string | null;
}

export interface WorldTally {
  commands: number;
  refused: number;
  dropped: number;
  shared: number;
}

export class TmemWorld {
  readonly #random: SeededRandom;
  readonly #contents: Contents;
  readonly #codec: ReturnType<typeof getCodec>;
  readonly #hasDedup: boolean;
  readonly #tmem: Tmem;
  readonly #model = new TmemModel();
  readonly #clients: OpenClient[] = [];
  readonly #pools: OpenPool[] = [];
  readonly #lengths = new Map<number, number>();
  readonly #tally: WorldTally;
  #names = 0;

  private constructor(
    tmem: Tmem,
    about: { random: SeededRandom; codec: string; dedup: boolean; tally: WorldTally },
  ) {
    this.#tmem = tmem;
    this.#random = about.random;
    this.#contents = new Contents(about.random);
    this.#codec = getCodec(about.codec);
    this.#hasDedup = about.dedup;
    this.#tally = about.tally;
  }

  static async open(seed: number, tally: WorldTally): Promise<TmemWorld> {
    const random = new SeededRandom(seed);
    const codec = random.below(4) === 0 ? "lz4-wasm" : "lz4";
    const dedup = random.below(5) > 0;
    const tmem = await openTmem({ codec, dedup, random: seededKeys(random.uint32()) });
    const world = new TmemWorld(tmem, { random, codec, dedup, tally });
    if (random.below(4) > 0) world.#setLimit();
    return world;
  }

  run(commands: number): void {
    for (let left = commands; left > 0; left--) {
      this.#step();
      this.#audit();
      this.#tally.commands += 1;
    }
    this.#end();
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#random.below(items.length)]!;
  }

  #step(): void {
    const kind = this.#random.below(100);
    if (this.#clients.length === 0 || (kind < 3 && this.#clients.length < MOST_CLIENTS)) {
      this.#addClient();
    } else if (this.#pools.length === 0 || kind < 7) {
      this.#openPool();
    } else if (kind < 8) {
      this.#closePool(this.#pick(this.#pools));
    } else if (kind < 9) {
      this.#closeClient(this.#pick(this.#clients));
    } else if (kind < 11) {
      this.#setLimit();
    } else {
      this.#touch(this.#pick(this.#pools), kind);
    }
  }

  #touch(opened: OpenPool, kind: number): void {
    const { pool, model } = opened;
    const object = this.#pick(OBJECTS);
    const index = this.#pick(INDEXES);
    if (kind < 65) this.#put(opened, { object, index });
    else if (kind < 90) this.#get(opened, { object, index });
    else if (kind < 98)
      expect(pool.flush(object, index)).toBe(this.#model.flush(model, keyOf(object, index)));
    else expect(pool.flushObject(object)).toBe(this.#model.flushObject(model, object));
  }

  #addClient(): void {
    const random = this.#random;
    const name = `client ${this.#names++}`;
    const domain = random.below(2) === 0 ? "a" : "b";
    const weight = 1 + random.below(3);
    const pageLimit = random.below(3) === 0 ? 1 + random.below(20) : Number.POSITIVE_INFINITY;
    const limitBytes = pageLimit === Number.POSITIVE_INFINITY ? 0 : pageLimit * PAGE_BYTES + 100;
    const client = this.#tmem.addClient({ name, domain, weight, limitBytes });
    const model = { name, domain, weight, pageLimit, pools: new Set<ModelPool>(), recent: [] };
    this.#model.clients.push(model);
    this.#clients.push({ client, model });
  }

  #openPool(): void {
    const client = this.#pick(this.#clients);
    const kind = this.#random.below(2) === 0 ? "ephemeral" : "persistent";
    const joinable = this.#pools.find(
      ({ uuid, model }) =>
        uuid !== null &&
        model.owner.domain === client.model.domain &&
        !this.#pools.some((other) => other.uuid === uuid && other.client === client),
    );
    if (joinable !== undefined && this.#random.below(2) === 0) {
      const { model, uuid } = joinable;
      const pool = client.client.openPool({ kind: model.kind, uuid: uuid! });
      this.#pools.push({ pool, client, model, uuid });
      return;
    }
    const digits = (this.#names++).toString(16).padStart(12, "0");
    const uuid = this.#random.below(3) === 0 ? `00000000-0000-0000-0000-${digits}` : null;
    const admits = Array.from({ length: 200 }, (_, number) => `client ${number}`);
    const pool = client.client.openPool(uuid === null ? { kind } : { kind, uuid, admits });
    const pages = new Map<string, Content>();
    const model = { kind, isShared: uuid !== null, owner: client.model, pages } as const;
    client.model.pools.add(model);
    this.#pools.push({ pool, client, model, uuid });
  }

  #closePool(opened: OpenPool): void {
    opened.pool.close();
    this.#forget(opened);
  }

  /** Of the pool that was closed; its owner's takes all others' with it. */
  #forget(closed: OpenPool): void {
    const isOwner = closed.model.owner === closed.client.model;
    if (isOwner) this.#model.closePool(closed.model);
    const gone = this.#pools.filter(
      (other) => other === closed || (isOwner && other.model === closed.model),
    );
    for (const other of gone) this.#pools.splice(this.#pools.indexOf(other), 1);
  }

  #closeClient(closed: OpenClient): void {
    if (this.#random.below(4) > 0) return;
    closed.client.close();
    for (const pool of this.#pools.filter(({ client }) => client === closed)) {
      if (this.#pools.includes(pool)) this.#forget(pool);
    }
    this.#clients.splice(this.#clients.indexOf(closed), 1);
    this.#model.clients.splice(this.#model.clients.indexOf(closed.model), 1);
  }

  #setLimit(): void {
    const pages = this.#random.below(5) === 0 ? 0 : 2 + this.#random.below(60);
    this.#model.hasMemoryLimit = pages > 0;
    const before = this.#tmem.stats().dropped;
    this.#tmem.setMemoryLimit(pages * PAGE_BYTES);
    const stats = this.#tmem.stats();
    this.#model.drop(stats.dropped - before);
    if (pages > 0 && stats.mem_used_total > pages * PAGE_BYTES)
      expect(stats.ephemeral_pages, "what is left above a lowered limit").toBe(0);
  }

  #put({ pool, model }: OpenPool, { object, index }: { object: number; index: number }): void {
    const content = this.#contents.next();
    const before = this.#tmem.stats().dropped;
    const isStored = pool.put(object, index, content.bytes);
    const dropped = this.#tmem.stats().dropped - before;
    this.#model.put({ pool: model, key: keyOf(object, index), content }, { isStored, dropped });
    this.#tally.dropped += dropped;
    if (!isStored) this.#tally.refused += 1;
  }

  #get({ pool, model }: OpenPool, { object, index }: { object: number; index: number }): void {
    const expected = this.#model.get(model, keyOf(object, index));
    const target = new Uint8Array(PAGE_BYTES).fill(0xee);
    const isThere = pool.get(object, index, target);
    assert(isThere === (expected !== null), `page ${index} of ${object} is there: ${isThere}`);
    const difference = differenceOf(target, expected?.bytes ?? target.slice().fill(0xee));
    if (difference !== null) assert.fail(difference);
  }

  #lengthOf({ number, bytes }: Content): number {
    const known = this.#lengths.get(number);
    if (known !== undefined) return known;
    const length = this.#codec.compress(bytes, new Uint8Array(2 * PAGE_BYTES));
    const kept = length === 0 || length > longestLength ? PAGE_BYTES : length;
    this.#lengths.set(number, kept);
    return kept;
  }

  /** The accounting identity, every term of it from the model. */
  #audit(): void {
    const held = this.#model.held();
    const contents = held.filter(({ content }) => !content.isSameFilled);
    const stored = this.#hasDedup
      ? [
          ...new Map(
            contents.map((page) => [`${page.domain} ${page.content.number}`, page] as const),
          ).values(),
        ]
      : contents;
    const lengths = stored.map(({ content }) => this.#lengthOf(content));
    const compr = lengths.reduce((sum, length) => sum + length, 0);
    const stats = this.#tmem.stats();
    const same = held.length - contents.length;
    expect(stats).toMatchObject({
      pages: held.length,
      orig_data_size: PAGE_BYTES * held.length,
      same_pages: same,
      objects: stored.length,
      dup_pages: contents.length - stored.length,
      compr_data_size: compr,
      huge_pages: lengths.filter((length) => length === PAGE_BYTES).length,
      ephemeral_pages: this.#model.clients.reduce((sum, { recent }) => sum + recent.length, 0),
    });
    this.#tally.shared += stats.dup_pages;
    expect(stats.orig_data_size).toBe(
      PAGE_BYTES * (stats.same_pages + stats.dup_pages) +
        (PAGE_BYTES * stats.objects - stats.compr_data_size) +
        stats.compr_data_size,
    );
    expect(stats.mem_used_total).toBeGreaterThanOrEqual(compr);
    for (const { client, model } of this.#clients) {
      expect(client.stats().pages).toBe(pagesOf(model));
      expect(client.stats().ephemeral_pages).toBe(model.recent.length);
    }
    for (const { pool, model } of this.#pools) expect(pool.stats().pages).toBe(model.pages.size);
  }

  /** Everything there ought to be is there, and leaves nothing behind. */
  #end(): void {
    for (const opened of this.#pools) {
      for (const key of [...opened.model.pages.keys()]) {
        const [object, index] = key.split("/").map(Number);
        this.#get(opened, { object: object!, index: index! });
      }
    }
    this.#audit();
    for (const { client } of this.#clients) client.close();
    expect(this.#tmem.stats()).toMatchObject({ pages: 0, objects: 0, mem_used_total: 0, pools: 0 });
    this.#tmem.close();
  }
}
