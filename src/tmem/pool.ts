/** A client's hold of a pool: the checks of what comes in, then the pool itself. */

import { invalid, shown } from "../base/checks.ts";
import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { PoolCore } from "./pool-core.ts";
import { type PoolStats, tmemCounts } from "./statistics.ts";
import type { ClientCore } from "./tmem-core.ts";

const MOST_INDEX = 2 ** 32 - 1;

export class TmemPool {
  readonly #pool: PoolCore;
  readonly #client: ClientCore;
  readonly #whenClosed: () => void;
  #isOpen = true;

  /** @internal use `TmemClient.openPool` */
  constructor(pool: PoolCore, client: ClientCore, whenClosed: () => void) {
    this.#pool = pool;
    this.#client = client;
    this.#whenClosed = whenClosed;
    pool.members.add(client);
  }

  /** Whether this client opened it first, so that its pages count for it and end with its hold. */
  get isOwner(): boolean {
    return this.#pool.owner === this.#client;
  }

  #checkKey(object: number, index: number): void {
    if (!this.#isOpen || this.#pool.isClosed) this.#refuseClosed();
    if (!(Number.isSafeInteger(object) && object >= 0)) {
      throw invalid(
        `object is ${shown(object)}; it must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`,
      );
    }
    if (!(Number.isInteger(index) && index >= 0 && index <= MOST_INDEX)) {
      throw invalid(`index is ${shown(index)}; it must be a whole number from 0 to ${MOST_INDEX}`);
    }
  }

  #refuseClosed(): never {
    throw new PagefoldError(
      "CLOSED",
      this.#isOpen
        ? `the pool was closed by its owner, client "${this.#pool.owner.options.name}"; open another one`
        : "the pool is closed; open another one",
    );
  }

  /**
   * Stores a page of 4096 bytes, in place of one of that key: whether there was room. Answered false, the key has no
   * page: one it had is flushed.
   * @throws PagefoldError INVALID_ARGUMENT, CLOSED.
   */
  put(object: number, index: number, page: Uint8Array): boolean {
    this.#checkKey(object, index);
    if (!(page instanceof Uint8Array) || page.length !== PAGE_BYTES) refusePage(page);
    return this.#pool.put(object, index, page);
  }

  /**
   * Gives a page to `target` (4096 bytes), which is left alone if there is none: whether there was one. A private
   * ephemeral pool has it no more then.
   * @throws PagefoldError CORRUPT, INVALID_ARGUMENT, CLOSED.
   */
  get(object: number, index: number, target: Uint8Array): boolean {
    this.#checkKey(object, index);
    if (!(target instanceof Uint8Array) || target.length !== PAGE_BYTES) refusePage(target);
    return this.#pool.get(object, index, target);
  }

  /** Forgets a page: whether there was one. */
  flush(object: number, index: number): boolean {
    this.#checkKey(object, index);
    return this.#pool.flush(object, index);
  }

  /** Forgets every page of an object: how many there were. */
  flushObject(object: number): number {
    this.#checkKey(object, 0);
    return this.#pool.flushObject(object);
  }

  stats(): PoolStats {
    this.#checkKey(0, 0);
    const { options, owner, members, counts } = this.#pool;
    return {
      ...tmemCounts(counts),
      kind: options.kind,
      uuid: options.uuid,
      owner: owner.options.name,
      clients: members.size,
    };
  }

  /** Leaves the pool; the owner's leaving destroys it, for all. Any further call but this one throws CLOSED. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#whenClosed();
    if (this.#pool.isClosed) return;
    if (this.isOwner) this.#pool.destroy();
    else this.#pool.members.delete(this.#client);
  }
}

function refusePage(page: unknown): never {
  const what = page instanceof Uint8Array ? `${page.length} bytes` : shown(page);
  throw invalid(`a page is ${what}; it must be a Uint8Array of ${PAGE_BYTES} bytes`);
}
