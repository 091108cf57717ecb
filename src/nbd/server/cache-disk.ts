/**
 * A cache as the server's disk. What is cached in memory is done when a method returns. Zeros are written like any
 * other bytes, and nothing is discarded: the origin keeps its room.
 *
 * A client is told that the origin fails, not what it is.
 */

import { PagefoldError } from "../../base/errors.ts";
import type { Cache } from "../../cache/cache.ts";
import type { Disk, Done } from "./disk.ts";

export class CacheDisk implements Disk {
  readonly isZeroingSlow = true;
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  get sizeBytes(): number {
    return this.#cache.sizeBytes;
  }

  get isReadOnly(): boolean {
    return this.#cache.isReadOnly;
  }

  read(offset: number, target: Uint8Array): Done {
    return this.#cache.beginRead(offset, target)?.catch(forClient);
  }

  write(offset: number, source: Uint8Array): Done {
    return this.#cache.beginWrite(offset, source)?.catch(forClient);
  }

  flush(): Done {
    return this.#cache.beginFlush()?.catch(forClient);
  }

  writeZeroes(offset: number, length: number): Done {
    return this.#cache.beginWriteZeroes(offset, length)?.catch(forClient);
  }
}

function forClient(cause: unknown): never {
  if (!(cause instanceof PagefoldError) || cause.code !== "IO") throw cause;
  const message = "the disk behind the cache fails there; the server's log says more";
  throw new PagefoldError("IO", message, { cause });
}
