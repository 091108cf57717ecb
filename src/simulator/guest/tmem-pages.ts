/**
 * A pool of the host's tmem as a guest's kernel uses it: page by page, under a number. Contents become bytes on their
 * way in; what comes back is compared with what was put. Each call is an exit to the host, which the guest pays.
 */

import { assert } from "../../base/assert.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import type { TmemPool } from "../../tmem/pool.ts";
import type { Contents } from "../contents.ts";
import { COSTS } from "../memory/costs.ts";
import type { Host } from "../memory/host.ts";

/** Numbers in a row are an object of the pool. */
const OBJECT_BITS = 10;
const INDEX_MASK = 2 ** OBJECT_BITS - 1;

export class TmemPages {
  readonly #pool: TmemPool;
  readonly #host: Host;
  readonly #contents: Contents;
  readonly #guest: number;
  readonly #bytes = new Uint8Array(PAGE_BYTES);
  readonly #expected = new Uint8Array(PAGE_BYTES);

  constructor(
    pool: TmemPool,
    options: { readonly host: Host; readonly contents: Contents; readonly guest: number },
  ) {
    this.#pool = pool;
    this.#host = options.host;
    this.#contents = options.contents;
    this.#guest = options.guest;
  }

  #charge(seconds: number): void {
    this.#host.accessSecondsOf[this.#guest]! += COSTS.faultSeconds + seconds;
    this.#host.countStores();
  }

  /** Offers a page: whether it was taken. */
  put(number: number, content: number): boolean {
    this.#contents.bytesOf(content, this.#bytes);
    const isTaken = this.#pool.put(number >>> OBJECT_BITS, number & INDEX_MASK, this.#bytes);
    this.#charge(COSTS.tmemPutSeconds);
    return isTaken;
  }

  /** Asks for a page, which was put with that content if it was: whether it is there. */
  get(number: number, content: number): boolean {
    const isThere = this.#pool.get(number >>> OBJECT_BITS, number & INDEX_MASK, this.#bytes);
    this.#charge(isThere ? COSTS.tmemGetSeconds : 0);
    if (!isThere) return false;
    this.#contents.bytesOf(content, this.#expected);
    assert(Buffer.compare(this.#bytes, this.#expected) === 0, "tmem gives back what was put");
    return true;
  }

  /** The page is not to come back. */
  flush(number: number): void {
    this.#pool.flush(number >>> OBJECT_BITS, number & INDEX_MASK);
    this.#charge(0);
  }
}
