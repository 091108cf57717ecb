/**
 * A compressed, deduplicated cache in front of an origin, as a block device of any byte offset and length. Methods
 * that begin with `begin` give nothing where the work is done when they return, and then nothing was allocated for it;
 * else a promise, until which the bytes given to them are the cache's.
 *
 * Holds always: a read gives the bytes written last, or an error; what was written before a flush that ended well is
 * durable on the origin; what the origin did not take is kept until it does, or until `close` is told to lose it.
 */

import { invalid, shown } from "../base/checks.ts";
import { PagefoldError } from "../base/errors.ts";
import { formatSize, PAGE_BYTES } from "../base/units.ts";
import type { Done } from "../device/export-bytes.ts";
import type { DeviceStats } from "../device/statistics.ts";
import { Store } from "../device/store.ts";
import type { StoreCore } from "../device/store-core.ts";
import type { CachedPages } from "./cached-pages.ts";
import type { Fetches } from "./fetches.ts";
import type { Flusher } from "./flusher.ts";
import type { CheckedCacheOptions } from "./options.ts";
import type { OriginPages } from "./origin-pages.ts";
import type { Reader } from "./reader.ts";
import type { CacheStats } from "./statistics.ts";
import type { WritePath } from "./write-back.ts";

/** Zeros are written so many at a time. */
const ZEROS = new Uint8Array(2 ** 18);
/** Tries of `close` to bring what is owed to the origin, and the wait between them. */
const CLOSE_TRIES = 3;
const CLOSE_RETRY_MS = 200;

export interface CloseOptions {
  /** Whether to close even if dirty pages cannot be written, which are lost then; false by default. */
  readonly abandon?: boolean;
}

/** @internal What a cache is made of. */
export interface CacheParts {
  readonly options: CheckedCacheOptions;
  readonly core: StoreCore;
  readonly cached: CachedPages;
  readonly fetches: Fetches;
  readonly flusher: Flusher;
  readonly origin: OriginPages;
  readonly reader: Reader;
  readonly writes: WritePath;
}

export class Cache {
  /** @internal The store the pages are in, for its statistics and its maintenance. */
  readonly store: Store;
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  readonly #parts: CacheParts;
  /** What is under way. */
  readonly #waiting = new Set<Promise<void>>();
  #isOpen = true;
  #closing: Promise<void> | null = null;
  /** Pages that clients wrote and that were taken, those in part included, and bytes. */
  #writtenPages = 0;
  #writtenBytes = 0;

  /** @internal use `openCache` */
  constructor(parts: CacheParts) {
    this.#parts = parts;
    this.store = new Store(parts.core);
    this.sizeBytes = parts.origin.sizeBytes;
    this.isReadOnly = parts.options.isReadOnly;
  }

  /** The origin's name. */
  get name(): string {
    return this.#parts.origin.origin.name;
  }

  #checkOpen(): void {
    if (this.#isOpen) return;
    throw new PagefoldError("CLOSED", `the cache of ${this.name} is closed; open it again`);
  }

  #checkRange(offset: number, length: number): void {
    this.#checkOpen();
    const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (isWhole && offset >= 0 && length >= 0 && offset + length <= this.sizeBytes) return;
    throw new PagefoldError(
      "OUT_OF_RANGE",
      `${shown(length)} bytes at offset ${shown(offset)} are not within the ${this.sizeBytes} bytes of this cache; both must be whole numbers`,
    );
  }

  #checkBytes(offset: number, bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array))
      throw invalid(`the bytes are ${shown(bytes)}; they must be a Uint8Array`);
    this.#checkRange(offset, bytes.length);
  }

  /** Sees to it that `close` waits for what is under way. */
  #minded(work: Done): Done {
    if (work === undefined) return undefined;
    const minded = work.finally(() => this.#waiting.delete(minded));
    this.#waiting.add(minded);
    return minded;
  }

  #checkWritable(): void {
    if (!this.isReadOnly) return;
    throw new PagefoldError(
      "NOT_PERMITTED",
      `the cache of ${this.name} was opened for reading alone; open it without readOnly to write`,
    );
  }

  /**
   * Reads `target.length` bytes from byte `offset`.
   * @throws PagefoldError IO where the origin cannot be read, OUT_OF_RANGE, INVALID_ARGUMENT, CLOSED.
   */
  async read(offset: number, target: Uint8Array): Promise<void> {
    await this.beginRead(offset, target);
  }

  /** As `read`; nothing if it is done when it returns. */
  beginRead(offset: number, target: Uint8Array): Done {
    this.#checkBytes(offset, target);
    return this.#minded(this.#parts.reader.read(offset, target));
  }

  /**
   * Writes `bytes` at byte `offset`: to the cache, or to the origin first, as its mode says.
   * @throws PagefoldError IO where the origin fails, NOT_PERMITTED, OUT_OF_RANGE, INVALID_ARGUMENT, CLOSED.
   */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    await this.beginWrite(offset, bytes);
  }

  /** As `write`; nothing if it is done when it returns. */
  beginWrite(offset: number, bytes: Uint8Array): Done {
    this.#checkBytes(offset, bytes);
    this.#checkWritable();
    return this.#minded(this.#write(offset, bytes));
  }

  #write(offset: number, bytes: Uint8Array): Done {
    if (bytes.length === 0) return undefined;
    const wait = this.#parts.writes.write(offset, bytes);
    if (wait !== undefined) return wait.then(() => this.#noteWritten(offset, bytes.length));
    this.#noteWritten(offset, bytes.length);
    return undefined;
  }

  #noteWritten(offset: number, bytes: number): void {
    this.#writtenBytes += bytes;
    this.#writtenPages +=
      Math.ceil((offset + bytes) / PAGE_BYTES) - Math.floor(offset / PAGE_BYTES);
  }

  /** Makes the range zeros. @throws as `write`. */
  async writeZeroes(offset: number, length: number): Promise<void> {
    await this.beginWriteZeroes(offset, length);
  }

  /** As `writeZeroes`; nothing if it is done when it returns. */
  beginWriteZeroes(offset: number, length: number): Done {
    this.#checkRange(offset, length);
    this.#checkWritable();
    for (let done = 0; done < length; ) {
      const part = zerosAt(offset + done, length - done);
      const wait = this.#write(offset + done, part);
      done += part.length;
      if (wait !== undefined)
        return this.#minded(this.#zeroRest(wait, offset + done, length - done));
    }
    return undefined;
  }

  async #zeroRest(first: Promise<void>, offset: number, length: number): Promise<void> {
    await first;
    for (let done = 0; done < length; ) {
      const part = zerosAt(offset + done, length - done);
      await this.#write(offset + done, part);
      done += part.length;
    }
  }

  /**
   * Done when all that was written before is durable on the origin.
   * @throws PagefoldError IO where it is not, and is kept to be tried again; CLOSED.
   */
  async flush(): Promise<void> {
    await this.beginFlush();
  }

  /** As `flush`; nothing if nothing is owed to the origin. */
  beginFlush(): Done {
    this.#checkOpen();
    return this.#minded(this.#parts.flusher.flush());
  }

  stats(): CacheStats {
    const { options, cached, fetches, flusher, origin, reader } = this.#parts;
    const { unclean } = flusher;
    // A page written while it is under way is in both.
    const dirtyPages = Math.min(unclean.count, unclean.dirty + flusher.underWay);
    const broughtBytes = (this.#writtenPages - dirtyPages) * PAGE_BYTES;
    return {
      origin: this.name,
      size_bytes: this.sizeBytes,
      mode: options.mode,
      is_read_only: options.isReadOnly,
      cached_bytes: cached.count * PAGE_BYTES,
      dirty_bytes: dirtyPages * PAGE_BYTES,
      unsynced_bytes: unclean.count * PAGE_BYTES,
      dirty_limit_bytes: flusher.mostPages * PAGE_BYTES,
      read_pages: reader.pages,
      hit_pages: reader.hits,
      hit_ratio: reader.pages === 0 ? null : reader.hits / reader.pages,
      read_bytes: reader.bytes,
      written_bytes: this.#writtenBytes,
      origin_reads: origin.reads,
      origin_read_bytes: origin.readBytes,
      origin_writes: origin.writes,
      origin_written_bytes: origin.writtenBytes,
      origin_syncs: origin.syncs,
      saved_read_bytes: Math.max(0, reader.pages * PAGE_BYTES - origin.readBytes),
      saved_written_bytes: Math.max(0, broughtBytes - origin.writtenBytes),
      coalesced_pages: Math.max(0, Math.ceil(origin.writtenBytes / PAGE_BYTES) - origin.writes),
      ahead_pages: fetches.guessed,
      ahead_useful_pages: cached.guessesUseful,
      ahead_useless_pages: cached.guessesUseless,
      evicted_pages: cached.evicted,
      uncached_pages: cached.uncached,
      waits: flusher.waits,
      failed_reads: origin.failedReads,
      failed_writes: origin.failedWrites,
      failed_syncs: origin.failedSyncs,
      failure: flusher.failure?.message ?? null,
      metadata_size: cached.metadataBytes,
    };
  }

  /** @internal The store's statistics, of the one export it has; `size_bytes` and `limit_bytes` are its slots'. */
  exportStats(): DeviceStats {
    return this.#parts.core.exportStats(this.#parts.cached.table);
  }

  /**
   * Flushes and closes.
   * @throws PagefoldError IO where what was written cannot be brought to the origin; the cache stays open then and
   * keeps it, unless `abandon` is said.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    // One under way that does not abandon may fail.
    if (options.abandon) await this.#closing?.catch(() => {});
    if (!this.#isOpen && this.#closing === null) return;
    this.#closing ??= this.#close(options.abandon ?? false).finally(() => {
      this.#closing = null;
    });
    await this.#closing;
  }

  async #close(isAbandoned: boolean): Promise<void> {
    const { core, cached, fetches, flusher, origin } = this.#parts;
    this.#isOpen = false;
    await Promise.allSettled(this.#waiting);
    const failure = await this.#flushLast(isAbandoned ? 1 : CLOSE_TRIES);
    if (failure !== null && !isAbandoned) {
      this.#isOpen = true;
      throw failure;
    }
    await flusher.end();
    await fetches.idle();
    core.closeExport(cached.table);
    try {
      await this.store.close();
    } finally {
      await origin.origin.close();
    }
  }

  async #flushLast(tries: number): Promise<PagefoldError | null> {
    const { flusher, origin } = this.#parts;
    for (let left = tries - 1; ; left--) {
      try {
        await flusher.flush();
        return null;
      } catch (cause) {
        if (left === 0) return keptPages(origin, flusher, cause);
        await new Promise((resume) => setTimeout(resume, CLOSE_RETRY_MS));
      }
    }
  }
}

/** Zeros for a write from `offset` on that ends at a multiple of the most of them, or where `length` ends. */
function zerosAt(offset: number, length: number): Uint8Array {
  return ZEROS.subarray(0, Math.min(length, ZEROS.length - (offset % ZEROS.length)));
}

function keptPages({ origin }: OriginPages, { unclean }: Flusher, cause: unknown): PagefoldError {
  const bytes = unclean.count * PAGE_BYTES;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PagefoldError(
    "IO",
    `${origin.name} was not brought up to date: ${bytes} bytes (${formatSize(bytes)}) written to its cache are not durable there, since ${reason}; the cache keeps them while it is open: mend the origin and close again, or close with abandon to lose them`,
    { cause },
  );
}
