/** The page store: pages by index, in memory, synchronous; a store with one export. */

import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { blockState, type SlotState, slotState } from "./block-state.ts";
import { checkAge, checkSlot, invalid, shown } from "./checks.ts";
import type { ExportTable } from "./export-table.ts";
import {
  checkExportOptions,
  checkStoreOptions,
  exportOptionKeys,
  type PageStoreOptions,
  storeOptionKeys,
} from "./options.ts";
import type { RecompressOptions, RecompressResult } from "./recompress.ts";
import type { DeviceStats } from "./statistics.ts";
import { StoreCore } from "./store-core.ts";

/**
 * A new page store.
 * @throws PagefoldError INVALID_ARGUMENT, UNKNOWN_CODEC, NAME_TOO_LONG, NO_MEMORY; CODEC_NOT_LOADED for a codec that
 * wants `await loadCodec(name)` first.
 */
export function createPageStore(options: PageStoreOptions): PageStore {
  return new PageStore(options);
}

export class PageStore {
  readonly #store: StoreCore;
  readonly #export: ExportTable;
  #isClosed = false;

  /** @internal use `createPageStore` */
  constructor(options: PageStoreOptions) {
    const storeOptions = checkStoreOptions(options, exportOptionKeys);
    if (storeOptions.overflow !== undefined) {
      throw invalid(
        "overflow is given, and a page store is memory only, since reading from a log takes a wait; use openStore or openDevice",
      );
    }
    const exportOptions = checkExportOptions(options, storeOptionKeys);
    this.#store = new StoreCore(storeOptions);
    this.#export = this.#store.openExport(exportOptions);
  }

  #checkOpen(): void {
    if (this.#isClosed)
      throw new PagefoldError("CLOSED", "the page store is closed; create another one");
  }

  #checkSlot(index: number): void {
    if (this.#isClosed) this.#checkOpen();
    checkSlot(index, this.#export.options.slots);
  }

  /** Pages the store can hold. */
  get slots(): number {
    return this.#export.options.slots;
  }

  /**
   * Stores a page of 4096 bytes at `index`.
   * @throws PagefoldError NO_SPACE at a limit (the slot then keeps what it held), OUT_OF_RANGE, INVALID_ARGUMENT,
   * CLOSED.
   */
  write(index: number, page: Uint8Array): void {
    this.#checkSlot(index);
    if (!(page instanceof Uint8Array) || page.length !== PAGE_BYTES) refusePage(page);
    this.#export.write(index, page);
  }

  /**
   * Reads the page at `index` into `target` (4096 bytes); a page never written, or discarded, reads as zeros.
   * @throws PagefoldError CORRUPT, OUT_OF_RANGE, INVALID_ARGUMENT, CLOSED.
   */
  read(index: number, target: Uint8Array): void {
    this.#checkSlot(index);
    if (!(target instanceof Uint8Array) || target.length !== PAGE_BYTES) refusePage(target);
    this.#export.read(index, target);
  }

  /** Forgets `count` pages (1 unless given) from `first` on. */
  discard(first: number, count = 1): void {
    this.#checkSlot(first);
    const most = this.slots - first;
    if (!Number.isInteger(count) || count < 0 || count > most) {
      throw new PagefoldError(
        "OUT_OF_RANGE",
        `a discard of ${shown(count)} pages from page ${first} on; it must be a whole number from 0 to ${most}`,
      );
    }
    this.#export.discard(first, count);
  }

  stats(): DeviceStats {
    this.#checkOpen();
    return this.#store.exportStats(this.#export);
  }

  /** The state of a slot, null if it is not in use. */
  slotState(index: number): SlotState | null {
    this.#checkSlot(index);
    return slotState(this.#store, this.#export, index);
  }

  /** Lines as of zram's block_state, one for each slot in use. */
  blockState(): Iterable<string> {
    this.#checkOpen();
    return blockState(this.#store, this.#export);
  }

  /** Marks slots idle: all of them, or those not touched for `ageSeconds`: how many are idle now. */
  markIdle(ageSeconds?: number): number {
    this.#checkOpen();
    return this.#export.markIdle(checkAge(ageSeconds));
  }

  /** Tries the further codecs on what is stored. */
  recompress(options: RecompressOptions = {}): RecompressResult {
    this.#checkOpen();
    return this.#store.recompress(options);
  }

  /** Moves objects together and gives memory of the pool back: the pages won. */
  compact(): number {
    this.#checkOpen();
    return this.#store.compact();
  }

  /** Sets the limit on mem_used_total, 0 for none. */
  setMemoryLimit(bytes: number): void {
    this.#checkOpen();
    this.#store.setMemoryLimit(bytes);
  }

  /** Sets mem_used_max to what is used now. */
  resetMemUsedMax(): void {
    this.#checkOpen();
    this.#store.resetMemUsedMax();
  }

  /** Forgets every page and all counts; the memory goes back to the system. */
  reset(): void {
    this.#checkOpen();
    this.#store.reset();
  }

  /** Ends the store; any further call but this one throws CLOSED. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#store.closeExport(this.#export);
  }
}

function refusePage(page: unknown): never {
  const what = page instanceof Uint8Array ? `${page.length} bytes` : shown(page);
  throw invalid(`a page is ${what}; it must be a Uint8Array of ${PAGE_BYTES} bytes`);
}
