/**
 * What tmem ought to hold, naively: maps and lists. It cannot know how many ephemeral pages have to go before a page
 * finds room, so it is told that number, and says itself which ones go, whether they may, and what is left.
 */

import { assert } from "vitest";
import type { PoolKind } from "../../src/index.ts";
import type { Content } from "../model/contents.ts";

export interface ModelPool {
  readonly kind: PoolKind;
  readonly isShared: boolean;
  readonly owner: ModelClient;
  readonly pages: Map<string, Content>;
}

export interface ModelClient {
  readonly name: string;
  readonly domain: string;
  readonly weight: number;
  /** Most pages, Infinity for no limit. */
  readonly pageLimit: number;
  readonly pools: Set<ModelPool>;
  /** Its ephemeral pages, the least recently used first. */
  recent: { readonly pool: ModelPool; readonly key: string }[];
}

export const keyOf = (object: number, index: number): string => `${object}/${index}`;

export function pagesOf(client: ModelClient): number {
  return [...client.pools].reduce((sum, pool) => sum + pool.pages.size, 0);
}

export class TmemModel {
  readonly clients: ModelClient[] = [];
  hasMemoryLimit = false;

  #forget(pool: ModelPool, key: string): void {
    pool.pages.delete(key);
    const { owner } = pool;
    owner.recent = owner.recent.filter((page) => page.pool !== pool || page.key !== key);
  }

  #dropOldest(client: ModelClient): void {
    const page = client.recent[0];
    assert(page !== undefined, "pages were dropped, and none that may be is left");
    this.#forget(page.pool, page.key);
  }

  /** Drops that many pages for want of memory, each of the client that has most of them for its weight. */
  drop(count: number): void {
    assert(count === 0 || this.hasMemoryLimit, "pages were dropped without a limit");
    for (let left = count; left > 0; left--) {
      const shares = this.clients.map((client) => client.recent.length / client.weight);
      this.#dropOldest(this.clients[shares.indexOf(Math.max(...shares))]!);
    }
  }

  /** A put was answered with `isStored`, and `dropped` pages of all pools went. */
  put(
    { pool, key, content }: { pool: ModelPool; key: string; content: Content },
    { isStored, dropped }: { isStored: boolean; dropped: number },
  ): void {
    const { owner } = pool;
    let left = dropped;
    if (!pool.pages.has(key)) {
      while (pagesOf(owner) >= owner.pageLimit) {
        if (owner.recent.length === 0) {
          assert(!isStored && left === 0, "a put beyond the client's limit");
          return;
        }
        this.#dropOldest(owner);
        left -= 1;
      }
    }
    assert(left >= 0, "fewer pages went than the client's limit wants");
    this.#forget(pool, key);
    this.drop(left);
    if (!isStored) {
      const isEmpty = this.clients.every(({ recent }) => recent.length === 0);
      assert(this.hasMemoryLimit && isEmpty, "refused while there was something to drop");
      return;
    }
    pool.pages.set(key, content);
    if (pool.kind === "ephemeral") owner.recent.push({ pool, key });
  }

  /** What a get gives, null for nothing. */
  get(pool: ModelPool, key: string): Content | null {
    const content = pool.pages.get(key);
    if (content === undefined) return null;
    if (pool.kind === "ephemeral") this.#forget(pool, key);
    if (pool.kind === "ephemeral" && pool.isShared) {
      pool.pages.set(key, content);
      pool.owner.recent.push({ pool, key });
    }
    return content;
  }

  flush(pool: ModelPool, key: string): boolean {
    const had = pool.pages.has(key);
    this.#forget(pool, key);
    return had;
  }

  flushObject(pool: ModelPool, object: number): number {
    const keys = [...pool.pages.keys()].filter((key) => key.startsWith(`${object}/`));
    for (const key of keys) this.#forget(pool, key);
    return keys.length;
  }

  closePool(pool: ModelPool): void {
    for (const key of [...pool.pages.keys()]) this.#forget(pool, key);
    pool.owner.pools.delete(pool);
  }

  /** What is held, page by page, with its domain. */
  held(): { readonly domain: string; readonly content: Content }[] {
    return this.clients.flatMap(({ domain, pools }) =>
      [...pools].flatMap((pool) =>
        [...pool.pages.values()].map((content) => ({ domain, content })),
      ),
    );
  }
}
