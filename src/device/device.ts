/**
 * One export as a block device: any byte offset and length. A request is checked whole before it begins; should a limit
 * stop it midway, the pages before are done, that page and those after it are as they were. Methods that end in `Now`
 * are done when they return, and throw.
 */

import { setImmediate } from "node:timers/promises";
import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { blockState, type SlotState, slotState } from "./block-state.ts";
import {
  checkAge,
  checkFlag,
  checkKeys,
  checkObject,
  checkSlot,
  invalid,
  shown,
} from "./checks.ts";
import { type Done, ExportBytes } from "./export-bytes.ts";
import type { ExportTable } from "./export-table.ts";
import { type Extent, extentsOf, readyExtents } from "./extents.ts";
import type { CheckedExportOptions } from "./options.ts";
import type { RecompressOptions, RecompressResult } from "./recompress.ts";
import type { DeviceStats } from "./statistics.ts";
import type { StoreCore } from "./store-core.ts";
import type { WriteBackRequest, WriteBackResult } from "./write-back/by-hand.ts";
import type { OverflowStats } from "./write-back/overflow-stats.ts";

export interface WriteZeroesOptions {
  /** Whether the pages keep their place: in use, and each with room for the next write to it. */
  readonly reserve?: boolean;
}

export class Device {
  readonly #store: StoreCore;
  readonly #export: ExportTable;
  readonly #bytes: ExportBytes;
  readonly #onClose: () => void | Promise<void>;
  #isClosed = false;

  /** @internal use `store.openExport` or `openDevice` */
  constructor(
    store: StoreCore,
    options: CheckedExportOptions,
    onClose: () => void | Promise<void> = () => {},
  ) {
    this.#store = store;
    this.#onClose = onClose;
    this.#export = store.openExport(options);
    this.#bytes = new ExportBytes(store, this.#export);
  }

  get name(): string {
    return this.#export.options.name;
  }

  /** Bytes of the device. */
  get sizeBytes(): number {
    return this.#export.options.slots * PAGE_BYTES;
  }

  #open(): ExportTable {
    if (this.#isClosed)
      throw new PagefoldError("CLOSED", `the export "${this.name}" is closed; open it again`);
    return this.#export;
  }

  #checkRange(offset: number, length: number): ExportTable {
    const opened = this.#open();
    const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (!isWhole || offset < 0 || length < 0 || offset + length > this.sizeBytes) {
      throw new PagefoldError(
        "OUT_OF_RANGE",
        `${shown(length)} bytes at offset ${shown(offset)} are not within the ${this.sizeBytes} bytes of this device; both must be whole numbers`,
      );
    }
    return opened;
  }

  #checkBytes(offset: number, bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array))
      throw invalid(`the bytes are ${shown(bytes)}; they must be a Uint8Array`);
    this.#checkRange(offset, bytes.length);
  }

  /**
   * Writes `bytes` at byte `offset`.
   * @throws PagefoldError NO_SPACE at a limit, OUT_OF_RANGE, INVALID_ARGUMENT, CLOSED.
   */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    await this.beginWrite(offset, bytes);
  }

  /** As `write`; nothing if it is done when it returns, and then nothing was allocated for it. */
  beginWrite(offset: number, bytes: Uint8Array): Done {
    this.#checkBytes(offset, bytes);
    return this.#bytes.write(offset, bytes);
  }

  /**
   * As `write`, done when it returns.
   * @throws PagefoldError also WOULD_WAIT for part of a page on the overflow log, NO_SPACE where `write` would wait.
   */
  writeNow(offset: number, bytes: Uint8Array): void {
    this.#checkBytes(offset, bytes);
    this.#bytes.writeNow(offset, bytes);
  }

  /**
   * Reads `target.length` bytes from byte `offset`.
   * @throws PagefoldError CORRUPT, IO, OUT_OF_RANGE, INVALID_ARGUMENT, CLOSED.
   */
  async read(offset: number, target: Uint8Array): Promise<void> {
    await this.beginRead(offset, target);
  }

  /** As `read`; nothing if it is done when it returns. */
  beginRead(offset: number, target: Uint8Array): Done {
    this.#checkBytes(offset, target);
    return this.#bytes.read(offset, target);
  }

  /**
   * As `read`, done when it returns.
   * @throws PagefoldError also WOULD_WAIT where a page is on the overflow log.
   */
  readNow(offset: number, target: Uint8Array): void {
    this.#checkBytes(offset, target);
    this.#bytes.readNow(offset, target);
  }

  /**
   * Forgets the whole pages within the range; the parts of a page at its ends are left alone.
   * @throws PagefoldError OUT_OF_RANGE, CLOSED.
   */
  async discard(offset: number, length: number): Promise<void> {
    this.discardNow(offset, length);
  }

  /** As `discard`, done when it returns. */
  discardNow(offset: number, length: number): void {
    this.#checkRange(offset, length);
    this.#bytes.discard(offset, length);
  }

  /**
   * Makes the range read as zeros: whole pages are discarded, partial ones rewritten. With `reserve` the pages are in
   * use afterwards, and those that are all zeros have 4096 bytes of the store reserved for the next write to them.
   * @throws PagefoldError NO_SPACE at a limit, OUT_OF_RANGE, INVALID_ARGUMENT, CLOSED.
   */
  async writeZeroes(
    offset: number,
    length: number,
    options: WriteZeroesOptions = {},
  ): Promise<void> {
    await this.beginWriteZeroes(offset, length, options);
  }

  /** As `writeZeroes`; nothing if it is done when it returns. */
  beginWriteZeroes(offset: number, length: number, options: WriteZeroesOptions = {}): Done {
    return this.#writeZeroes(offset, length, options, true);
  }

  /** As `writeZeroes`, done when it returns; @throws as `writeNow` does. */
  writeZeroesNow(offset: number, length: number, options: WriteZeroesOptions = {}): void {
    this.#writeZeroes(offset, length, options, false);
  }

  #writeZeroes(
    offset: number,
    length: number,
    options: WriteZeroesOptions,
    mayWait: boolean,
  ): Done {
    this.#checkRange(offset, length);
    checkObject(options, "writeZeroes");
    checkKeys(options, ["reserve"]);
    return checkFlag(options.reserve ?? false, "reserve")
      ? this.#bytes.clearReserved(offset, length, mayWait)
      : this.#bytes.clear(offset, length, mayWait);
  }

  /**
   * Bytes from `offset` on, at most `length`, that are known to be zeros without reading them; 0 if the first is not.
   * @throws PagefoldError OUT_OF_RANGE, CLOSED.
   */
  zeroRun(offset: number, length: number): number {
    this.#checkRange(offset, length);
    return this.#bytes.zeroRun(offset, length);
  }

  /**
   * The state of the bytes from `offset` on, as runs of equal state one after another: for at least one byte and at
   * most `length`. Whether a page is SHARED depends on nothing that other exports hold.
   * @throws PagefoldError OUT_OF_RANGE, CLOSED.
   */
  async extents(offset: number, length: number): Promise<readonly Extent[]> {
    const opened = this.#checkRange(offset, length);
    while (!readyExtents(this.#store, opened)) {
      await setImmediate();
      this.#open();
    }
    return extentsOf(this.#store, opened, { offset, length });
  }

  /** Returns when every write acknowledged before is as durable as it gets; memory is not, and is at once. */
  async flush(): Promise<void> {
    this.#open();
  }

  stats(): DeviceStats {
    return this.#store.exportStats(this.#open());
  }

  /** The state of the slot of page `index`, null if it is not in use. */
  slotState(index: number): SlotState | null {
    const opened = this.#open();
    checkSlot(index, opened.options.slots);
    return slotState(this.#store, opened, index);
  }

  /**
   * @internal The object in the slot of page `index`, 0 for none: equal numbers in one store are one stored content. A
   * number is used again once its object is gone.
   */
  objectAt(index: number): number {
    const opened = this.#open();
    checkSlot(index, opened.options.slots);
    return opened.table.objectAt(index);
  }

  /** Lines as of zram's block_state, one for each slot in use. */
  blockState(): Iterable<string> {
    return blockState(this.#store, this.#open());
  }

  /** Marks the export's slots idle: all, or those not touched for `ageSeconds`: how many are idle now. */
  markIdle(ageSeconds?: number): number {
    const marked = this.#open().markIdle(checkAge(ageSeconds));
    this.#store.preferIdle();
    return marked;
  }

  /** Tries the further codecs on what the whole store holds, as `store.recompress`. */
  recompress(options: RecompressOptions = {}): RecompressResult {
    this.#open();
    return this.#store.recompress(options);
  }

  /** Has objects of the whole store leave memory for the overflow log, as `store.writeBack`. */
  async writeBack(request: WriteBackRequest): Promise<WriteBackResult> {
    this.#open();
    return this.#store.writeBackNow(request);
  }

  /** What is known of the store's overflow log, null without one. */
  overflowStats(): OverflowStats | null {
    this.#open();
    return this.#store.writeBack?.stats() ?? null;
  }

  /** Compacts the whole store's pool, as `store.compact`: the pages won. */
  compact(): number {
    this.#open();
    return this.#store.compact();
  }

  /** Sets the whole store's limit on mem_used_total, 0 for none. */
  setMemoryLimit(bytes: number): void {
    this.#open();
    this.#store.setMemoryLimit(bytes);
  }

  /** Forgets every page of the export and all its counts; it stays open. */
  reset(): void {
    this.#open().reset();
  }

  /** Closes the export; its pages are gone. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#store.closeExport(this.#export);
    await this.#onClose();
  }
}
