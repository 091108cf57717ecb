/**
 * One pool, private or shared: put, get and flush of its pages. The way of a page runs through here; nothing is
 * allocated on it.
 *
 * Never stale: after a put, whatever it answers, a get gives the bytes of that put or nothing; a persistent pool, if it
 * answered true, those bytes.
 */

import { PagefoldError } from "../base/errors.ts";
import { NO_ROOM, SAME_FILLED } from "../engine/engine.ts";
import { Counts } from "./counts.ts";
import type { CheckedPoolOptions } from "./options.ts";
import type { PoolKey } from "./page-table.ts";
import type { ClientCore, TmemCore } from "./tmem-core.ts";

export class PoolCore implements PoolKey {
  readonly number: number;
  readonly hash: number;
  readonly options: CheckedPoolOptions;
  /** Who opened it first: its pages are in that client's domain and count for it. */
  readonly owner: ClientCore;
  readonly counts = new Counts();
  /** The clients that have it open. */
  readonly members = new Set<ClientCore>();
  readonly #core: TmemCore;
  readonly #isEphemeral: boolean;
  /** Whether a get takes the page away: nobody else can want it. */
  readonly #isTaking: boolean;
  isClosed = false;

  constructor(
    core: TmemCore,
    {
      number,
      owner,
      options,
    }: {
      readonly number: number;
      readonly owner: ClientCore;
      readonly options: CheckedPoolOptions;
    },
  ) {
    this.#core = core;
    this.number = number;
    this.hash = core.pages.hashOfPool(number);
    this.options = options;
    this.owner = owner;
    this.#isEphemeral = options.kind === "ephemeral";
    this.#isTaking = this.#isEphemeral && options.uuid === null;
  }

  /** Stores a page (4096 bytes): whether there was room; if not, the key has no page any more. */
  put(object: number, index: number, page: Uint8Array): boolean {
    const core = this.#core;
    const { pages, engine, host } = core;
    const { owner, counts } = this;
    counts.puts += 1;
    pages.seek(this, object);
    let entry = pages.find(index);
    let isFlushed = false;
    if (entry === 0 && !core.makePlace(owner)) return this.#refuse();
    engine.page.set(page);
    let result = host.write(0, owner.domain, pages.contentOf(entry));
    if (result === NO_ROOM && entry !== 0) {
      this.remove(entry);
      entry = 0;
      isFlushed = true;
      result = host.write(0, owner.domain, 0);
    }
    if (result === NO_ROOM) result = core.writeDropping(owner.domain);
    if (result === NO_ROOM) {
      if (isFlushed) counts.flushes += 1;
      return this.#refuse();
    }
    if (entry === 0) entry = this.#insert(index);
    else this.#forgetContent(entry);
    if (result === SAME_FILLED) {
      counts.samePages += 1;
      // With a sign: an unsigned word from 2^31 on would be boxed on its way.
      pages.setSameFilled(entry, engine.reply[0]! | 0, engine.reply[1]! | 0);
    } else {
      pages.setContent(entry, result);
    }
    if (this.#isEphemeral) pages.pushNewest(owner, entry);
    return true;
  }

  #refuse(): false {
    this.counts.putsRefused += 1;
    return false;
  }

  /** A page in the table, in no list of recency yet. */
  #insert(index: number): number {
    this.counts.pages += 1;
    if (this.#isEphemeral) this.owner.ephemeralPages += 1;
    else this.owner.persistentPages += 1;
    return this.#core.pages.insert(index);
  }

  /** Before a page that stays in the table gets another content; the old one was given back. */
  #forgetContent(entry: number): void {
    const { pages } = this.#core;
    if (pages.isSameFilled(entry)) this.counts.samePages -= 1;
    if (this.#isEphemeral) pages.unlink(this.owner, entry);
  }

  /**
   * Gives the page to `target` (4096 bytes): whether there was one.
   * @throws PagefoldError CORRUPT if what is stored does not decode.
   */
  get(object: number, index: number, target: Uint8Array): boolean {
    const { pages, engine, host } = this.#core;
    const { counts } = this;
    counts.gets += 1;
    pages.seek(this, object);
    const entry = pages.find(index);
    if (entry === 0) return false;
    if (pages.isSameFilled(entry)) engine.fill(0, pages.lowOf(entry), pages.highOf(entry));
    else if (host.read(pages.contentOf(entry), 0) !== 0) this.#refuseCorrupt(object, index);
    target.set(engine.page);
    counts.hits += 1;
    if (this.#isTaking) {
      this.remove(entry);
    } else if (this.#isEphemeral && this.owner.newest !== entry) {
      pages.unlink(this.owner, entry);
      pages.pushNewest(this.owner, entry);
    }
    return true;
  }

  #refuseCorrupt(object: number, index: number): never {
    throw new PagefoldError(
      "CORRUPT",
      `page ${index} of object ${object}: what is stored for it does not decode; the page is lost, flush it or put it anew`,
    );
  }

  /** Forgets a page: whether there was one. */
  flush(object: number, index: number): boolean {
    const { pages } = this.#core;
    pages.seek(this, object);
    const entry = pages.find(index);
    if (entry === 0) return false;
    this.#flush(entry);
    return true;
  }

  /** Forgets every page of an object: how many there were. */
  flushObject(object: number): number {
    const { pages } = this.#core;
    pages.seek(this, object);
    const before = this.counts.flushes;
    for (let entry = pages.firstPage(); entry !== 0; entry = pages.firstPage()) this.#flush(entry);
    return this.counts.flushes - before;
  }

  #flush(entry: number): void {
    this.counts.flushes += 1;
    this.remove(entry);
  }

  /** Takes a page out of the table and gives its content back. */
  remove(entry: number): void {
    const { pages, engine } = this.#core;
    const { owner, counts } = this;
    const id = pages.contentOf(entry);
    if (id === 0) counts.samePages -= 1;
    else engine.release(id);
    counts.pages -= 1;
    if (this.#isEphemeral) {
      owner.ephemeralPages -= 1;
      pages.unlink(owner, entry);
    } else {
      owner.persistentPages -= 1;
    }
    pages.remove(entry);
  }

  /** Forgets everything and ends the pool. */
  destroy(): void {
    const core = this.#core;
    const { pages } = core;
    for (let entry = pages.somePageOf(this.number); entry !== 0; ) {
      this.remove(entry);
      entry = pages.somePageOf(this.number);
    }
    this.isClosed = true;
    this.owner.pools.delete(this);
    this.owner.closedPools.add(this.counts);
    if (this.options.uuid !== null) core.sharedPools.delete(this.options.uuid);
    core.removePool(this.number);
  }
}
