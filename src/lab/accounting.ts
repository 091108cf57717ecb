/**
 * Pages written to a pagefold store, and where every byte of them went: the accounting identity of the store's
 * statistics, term by term. Holds always: the terms add up (asserted), and every page written was read back equal.
 */

import { assert } from "../base/assert.ts";
import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { MOST_SIZE_BYTES } from "../device/options.ts";
import { createPageStore } from "../device/page-store.ts";
import type { PagefoldResult } from "../report/result.ts";

type PageStore = ReturnType<typeof createPageStore>;

/** A store that takes `pages` pages, filled batch by batch. */
export class StoreRun {
  readonly #store: PageStore;
  readonly #options: { readonly codec: string; readonly dedup: boolean; readonly pages: number };
  readonly #readBack = new Uint8Array(PAGE_BYTES);
  #written = 0;
  #isFull = false;

  /** The codec has to be loaded. */
  constructor(options: {
    readonly codec: string;
    readonly dedup: boolean;
    readonly pages: number;
  }) {
    const { codec, dedup, pages } = options;
    this.#options = options;
    const sizeBytes = Math.min(pages * PAGE_BYTES, MOST_SIZE_BYTES);
    this.#store = createPageStore({ sizeBytes, codec, dedup });
  }

  /**
   * Writes the next pages and reads them back; false, from then on, once the store holds no more.
   * @throws PagefoldError IO where there are more pages than the store was made for.
   */
  write(batch: Uint8Array): boolean {
    for (let offset = 0; offset < batch.length && !this.#isFull; offset += PAGE_BYTES) {
      if (this.#written === this.#options.pages) throw pagesChanged(this.#options.pages);
      this.#isFull = this.#written === this.#store.slots;
      if (this.#isFull) break;
      const page = batch.subarray(offset, offset + PAGE_BYTES);
      if (!this.#writePage(page)) break;
      this.#store.read(this.#written, this.#readBack);
      if (Buffer.compare(page, this.#readBack) !== 0) {
        throw new PagefoldError(
          "CORRUPT",
          `the store gave back other bytes for page ${this.#written} with codec ${this.#options.codec}; this is an error in pagefold: report it with the file`,
        );
      }
      this.#written += 1;
    }
    return !this.#isFull;
  }

  #writePage(page: Uint8Array): boolean {
    try {
      this.#store.write(this.#written, page);
    } catch (cause) {
      const isFull =
        cause instanceof PagefoldError && (cause.code === "NO_SPACE" || cause.code === "NO_MEMORY");
      if (!isFull) throw cause;
      this.#isFull = true;
    }
    return !this.#isFull;
  }

  /** The accounting of what was written. */
  finish(): PagefoldResult {
    const { codec, dedup, pages } = this.#options;
    if (!this.#isFull && this.#written < pages) throw pagesChanged(pages);
    const stats = this.#store.stats();
    const { orig_data_size, compr_data_size, bd_data_size, mem_used_total, metadata_size } = stats;
    const saved = {
      saved_by_same_filled: PAGE_BYTES * stats.same_pages,
      saved_by_dedup: PAGE_BYTES * stats.dup_pages,
      dup_data_size: stats.dup_data_size,
      saved_by_compression: PAGE_BYTES * stats.objects - compr_data_size - bd_data_size,
    };
    const terms =
      saved.saved_by_same_filled +
      saved.saved_by_dedup +
      saved.saved_by_compression +
      compr_data_size +
      bd_data_size;
    assert(
      terms === orig_data_size && orig_data_size === PAGE_BYTES * this.#written,
      `${this.#written} pages written, orig_data_size ${orig_data_size}, its terms ${terms}`,
    );
    const total_size = mem_used_total + metadata_size;
    const storedBytes = compr_data_size + bd_data_size;
    return {
      codec,
      dedup,
      pages: this.#written,
      complete: !this.#isFull,
      orig_data_size,
      same_pages: stats.same_pages,
      dup_pages: stats.dup_pages,
      objects: stats.objects,
      huge_pages: stats.huge_pages,
      ...saved,
      compr_data_size,
      bd_data_size,
      pool_loss: mem_used_total - compr_data_size,
      mem_used_total,
      metadata_size,
      total_size,
      memory_reserved: stats.memory_reserved,
      ratio_compression: stats.objects === 0 ? null : (PAGE_BYTES * stats.objects) / storedBytes,
      ratio_everything: total_size === 0 ? null : orig_data_size / total_size,
    };
  }

  close(): void {
    this.#store.close();
  }
}

/** For a source that gave `pages` pages at first and then another number. */
export function pagesChanged(pages: number): PagefoldError {
  return new PagefoldError(
    "IO",
    `the pages changed while they were read: at first there were ${pages}, then not; analyze a copy that nothing writes to`,
  );
}
