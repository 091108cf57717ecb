/**
 * The origin as pages, counted. Its last page may be a part of one: beyond the end a page reads as zeros, and nothing
 * is written there. What it fails with while somebody waits is told once; of what is flushed later the flusher tells.
 *
 * Holds always: what lies beyond the size it had when it was opened is never read or written.
 */

import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { Origin } from "./origin.ts";

export interface OriginPagesOptions {
  readonly origin: Origin;
  /** Of the origin, so many bytes are served. */
  readonly sizeBytes: number;
  /** Bytes it had when it was opened. */
  readonly openedBytes: number;
  readonly onEvent: (line: string) => void;
}

export class OriginPages {
  readonly origin: Origin;
  readonly sizeBytes: number;
  /** Pages, the last one included where it is a part of one. */
  readonly pages: number;
  readonly onEvent: (line: string) => void;
  /** Calls that were done, and their bytes; those that failed are counted apart. */
  reads = 0;
  readBytes = 0;
  failedReads = 0;
  writes = 0;
  writtenBytes = 0;
  failedWrites = 0;
  syncs = 0;
  failedSyncs = 0;
  /** The size it was last seen to have. */
  #seenBytes: number;
  readonly #openedBytes: number;
  readonly #told = new Set<string>();

  constructor({ origin, sizeBytes, openedBytes, onEvent }: OriginPagesOptions) {
    this.origin = origin;
    this.sizeBytes = sizeBytes;
    this.pages = Math.ceil(sizeBytes / PAGE_BYTES);
    this.onEvent = onEvent;
    this.#seenBytes = openedBytes;
    this.#openedBytes = openedBytes;
  }

  /** Bytes the origin has of `count` pages. */
  bytesOf(first: number, count: number): number {
    return Math.min(count * PAGE_BYTES, this.sizeBytes - first * PAGE_BYTES);
  }

  /** Fills `target`, whole pages. @throws PagefoldError IO. */
  async read(first: number, target: Uint8Array): Promise<void> {
    const bytes = this.bytesOf(first, target.length / PAGE_BYTES);
    try {
      await this.origin.read(first * PAGE_BYTES, target.subarray(0, bytes));
    } catch (cause) {
      this.failedReads += 1;
      throw this.tellOnce("reads", ioError(cause));
    }
    this.reads += 1;
    this.readBytes += bytes;
    target.fill(0, bytes);
  }

  /** Tells of the first failure of its kind; others are counted. */
  tellOnce(kind: "reads" | "writes", failure: PagefoldError): PagefoldError {
    if (!this.#told.has(kind)) {
      this.#told.add(kind);
      this.onEvent(
        `${failure.message}; who asked gets EIO for those bytes, and further failed ${kind} are counted alone`,
      );
    }
    return failure;
  }

  /** Writes whole pages. @throws PagefoldError IO. */
  async write(first: number, source: Uint8Array): Promise<void> {
    const bytes = this.bytesOf(first, source.length / PAGE_BYTES);
    try {
      await this.origin.write(first * PAGE_BYTES, source.subarray(0, bytes));
    } catch (cause) {
      this.failedWrites += 1;
      throw ioError(cause);
    }
    this.writes += 1;
    this.writtenBytes += bytes;
  }

  /** @throws PagefoldError IO. */
  async sync(): Promise<void> {
    try {
      await this.origin.sync();
    } catch (cause) {
      this.failedSyncs += 1;
      throw ioError(cause);
    }
    this.syncs += 1;
  }

  /** Looks whether the origin still has the size it had, and tells of it when it has changed. Never fails. */
  async checkSize(): Promise<void> {
    let found = this.#seenBytes;
    try {
      found = await this.origin.sizeBytes();
    } catch {
      // Who reads or writes it meets the same.
    }
    if (found === this.#seenBytes) return;
    this.#seenBytes = found;
    const opened = this.#openedBytes;
    const { name } = this.origin;
    if (found < this.sizeBytes) {
      this.onEvent(
        `${name} was made shorter underneath, ${found} bytes instead of ${opened}: what is gone is answered with EIO; give it its size back, or end this cache`,
      );
    } else if (found > opened) {
      this.onEvent(
        `${name} has grown underneath, ${found} bytes instead of ${opened}: the cache goes on with ${this.sizeBytes}; open it anew to use the rest`,
      );
    } else {
      this.onEvent(`${name} has ${found} bytes again, enough for the ${this.sizeBytes} served`);
    }
  }
}

/** To a client of the cache whatever the origin fails with is a disk that fails. */
function ioError(cause: unknown): PagefoldError {
  if (cause instanceof PagefoldError && cause.code === "IO") return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new PagefoldError("IO", `the origin of the cache failed: ${message}`, { cause });
}
