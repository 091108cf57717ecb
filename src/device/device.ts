/**
 * One export as a block device: any byte offset and length. Pages only partly written are read, changed and stored
 * again. A request is checked whole before it begins; should a limit stop it midway, the pages before are written, that
 * page and those after it are as they were.
 */

import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { STAGED_PAGES } from "../engine/engine.ts";
import { blockState, type SlotState, slotState } from "./block-state.ts";
import { checkAge, checkSlot, invalid, shown } from "./checks.ts";
import type { ExportTable } from "./export-table.ts";
import type { CheckedExportOptions } from "./options.ts";
import type { RecompressOptions, RecompressResult } from "./recompress.ts";
import type { DeviceStats } from "./statistics.ts";
import type { StoreCore } from "./store-core.ts";

export class Device {
  readonly #store: StoreCore;
  readonly #export: ExportTable;
  readonly #onClose: () => void;
  #isClosed = false;

  /** @internal use `store.openExport` or `openDevice` */
  constructor(store: StoreCore, options: CheckedExportOptions, onClose: () => void = () => {}) {
    this.#store = store;
    this.#onClose = onClose;
    this.#export = store.openExport(options);
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

  #checkBytes(offset: number, bytes: Uint8Array): ExportTable {
    if (!(bytes instanceof Uint8Array))
      throw invalid(`the bytes are ${shown(bytes)}; they must be a Uint8Array`);
    return this.#checkRange(offset, bytes.length);
  }

  /**
   * Writes `bytes` at byte `offset`.
   * @throws PagefoldError NO_SPACE at a limit, OUT_OF_RANGE, INVALID_ARGUMENT, CLOSED.
   */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.writeNow(offset, bytes);
  }

  /** As `write`, done when it returns; nothing is allocated for it. */
  writeNow(offset: number, bytes: Uint8Array): void {
    const table = this.#checkBytes(offset, bytes);
    const { engine } = this.#store;
    let done = 0;
    while (done < bytes.length) {
      const index = Math.floor((offset + done) / PAGE_BYTES);
      const inPage = (offset + done) % PAGE_BYTES;
      const left = bytes.length - done;
      if (inPage > 0 || left < PAGE_BYTES) {
        const part = Math.min(PAGE_BYTES - inPage, left);
        table.loadStaged(index, 0);
        engine.page.set(bytes.subarray(done, done + part), inPage);
        table.writeStaged(index, 0);
        done += part;
      } else {
        const count = Math.min(STAGED_PAGES, Math.floor(left / PAGE_BYTES));
        engine.pages.set(bytes.subarray(done, done + count * PAGE_BYTES));
        for (let staged = 0; staged < count; staged++) table.writeStaged(index + staged, staged);
        done += count * PAGE_BYTES;
      }
    }
  }

  /**
   * Reads `target.length` bytes from byte `offset`.
   * @throws PagefoldError CORRUPT, OUT_OF_RANGE, INVALID_ARGUMENT, CLOSED.
   */
  async read(offset: number, target: Uint8Array): Promise<void> {
    this.readNow(offset, target);
  }

  /** As `read`, done when it returns. */
  readNow(offset: number, target: Uint8Array): void {
    const table = this.#checkBytes(offset, target);
    const { engine } = this.#store;
    let done = 0;
    while (done < target.length) {
      const index = Math.floor((offset + done) / PAGE_BYTES);
      const inPage = (offset + done) % PAGE_BYTES;
      const left = target.length - done;
      const count = Math.min(STAGED_PAGES, Math.ceil((inPage + left) / PAGE_BYTES));
      for (let staged = 0; staged < count; staged++) table.readStaged(index + staged, staged);
      const part = Math.min(count * PAGE_BYTES - inPage, left);
      target.set(engine.pages.subarray(inPage, inPage + part), done);
      done += part;
    }
  }

  /** Forgets the whole pages within the range; the parts of a page at its ends are left alone. */
  async discard(offset: number, length: number): Promise<void> {
    const table = this.#checkRange(offset, length);
    const first = Math.ceil(offset / PAGE_BYTES);
    const end = Math.floor((offset + length) / PAGE_BYTES);
    if (end > first) table.discard(first, end - first);
  }

  /** Makes the range read as zeros: whole pages are discarded, partial ones rewritten. */
  async writeZeroes(offset: number, length: number): Promise<void> {
    this.#checkRange(offset, length);
    const end = offset + length;
    const first = Math.min(end, Math.ceil(offset / PAGE_BYTES) * PAGE_BYTES);
    const last = Math.max(first, Math.floor(end / PAGE_BYTES) * PAGE_BYTES);
    await this.#zeroPart(offset, first);
    await this.discard(first, last - first);
    await this.#zeroPart(last, end);
  }

  /** Zeroes a part of one page; one not in use reads as zeros already, and stays so. */
  async #zeroPart(offset: number, end: number): Promise<void> {
    if (offset === end || !this.#export.table.isUsed(Math.floor(offset / PAGE_BYTES))) return;
    await this.write(offset, new Uint8Array(end - offset));
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

  /** Lines as of zram's block_state, one for each slot in use. */
  blockState(): Iterable<string> {
    return blockState(this.#store, this.#open());
  }

  /** Marks the export's slots idle: all, or those not touched for `ageSeconds`: how many are idle now. */
  markIdle(ageSeconds?: number): number {
    return this.#open().markIdle(checkAge(ageSeconds));
  }

  /** Tries the further codecs on what the whole store holds, as `store.recompress`. */
  recompress(options: RecompressOptions = {}): RecompressResult {
    this.#open();
    return this.#store.recompress(options);
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

  /** Closes the export; its pages are gone. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#store.closeExport(this.#export);
    this.#onClose();
  }
}
