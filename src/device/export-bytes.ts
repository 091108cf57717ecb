/**
 * An export's bytes: ranges of any offset and length, turned into pages. Pages only partly in a range are read, changed
 * and stored again; whole ones pass through up to 32 staged pages at a time, nothing is allocated for one.
 *
 * Ranges are checked by the caller. Should a limit stop one midway, the pages before are done, that page and those
 * after it are as they were.
 */

import { PAGE_BYTES } from "../base/units.ts";
import { STAGED_PAGES } from "../engine/engine.ts";
import type { ExportTable } from "./export-table.ts";
import type { StoreCore } from "./store-core.ts";

export class ExportBytes {
  readonly #store: StoreCore;
  readonly #export: ExportTable;

  constructor(store: StoreCore, opened: ExportTable) {
    this.#store = store;
    this.#export = opened;
  }

  write(offset: number, bytes: Uint8Array): void {
    const opened = this.#export;
    const { engine } = this.#store;
    let done = 0;
    while (done < bytes.length) {
      const index = Math.floor((offset + done) / PAGE_BYTES);
      const inPage = (offset + done) % PAGE_BYTES;
      const left = bytes.length - done;
      if (inPage > 0 || left < PAGE_BYTES) {
        const part = Math.min(PAGE_BYTES - inPage, left);
        opened.loadStaged(index, 0);
        engine.page.set(bytes.subarray(done, done + part), inPage);
        opened.writeStaged(index, 0);
        done += part;
      } else {
        const count = Math.min(STAGED_PAGES, Math.floor(left / PAGE_BYTES));
        engine.pages.set(bytes.subarray(done, done + count * PAGE_BYTES));
        for (let staged = 0; staged < count; staged++) opened.writeStaged(index + staged, staged);
        done += count * PAGE_BYTES;
      }
    }
  }

  read(offset: number, target: Uint8Array): void {
    const opened = this.#export;
    const { engine } = this.#store;
    let done = 0;
    while (done < target.length) {
      const index = Math.floor((offset + done) / PAGE_BYTES);
      const inPage = (offset + done) % PAGE_BYTES;
      const left = target.length - done;
      const count = Math.min(STAGED_PAGES, Math.ceil((inPage + left) / PAGE_BYTES));
      for (let staged = 0; staged < count; staged++) opened.readStaged(index + staged, staged);
      const part = Math.min(count * PAGE_BYTES - inPage, left);
      target.set(engine.pages.subarray(inPage, inPage + part), done);
      done += part;
    }
  }

  /** Forgets the whole pages within the range. */
  discard(offset: number, length: number): void {
    const first = Math.ceil(offset / PAGE_BYTES);
    const end = Math.floor((offset + length) / PAGE_BYTES);
    if (end > first) this.#export.discard(first, end - first);
  }

  /** Bytes from `offset` on, at most `length`, that are known to be zeros. */
  zeroRun(offset: number, length: number): number {
    const first = Math.floor(offset / PAGE_BYTES);
    const end = Math.ceil((offset + length) / PAGE_BYTES);
    const zeros = this.#export.table.zeroSlots(first, end);
    return zeros === 0 ? 0 : Math.min(length, (first + zeros) * PAGE_BYTES - offset);
  }

  /** Makes the range zeros: whole pages are forgotten, parts rewritten where the page is in use. */
  clear(offset: number, length: number): void {
    const end = offset + length;
    const first = Math.min(end, Math.ceil(offset / PAGE_BYTES) * PAGE_BYTES);
    const last = Math.max(first, Math.floor(end / PAGE_BYTES) * PAGE_BYTES);
    this.#clearPart(offset, first);
    this.discard(first, last - first);
    this.#clearPart(last, end);
  }

  #clearPart(offset: number, end: number): void {
    const index = Math.floor(offset / PAGE_BYTES);
    if (offset === end || !this.#export.table.isUsed(index)) return;
    this.#stageCleared(index, offset, end);
    this.#export.writeStaged(index, 0);
  }

  /** Makes the range zeros that stay in use; pages then all zeros have room reserved for the next write to them. */
  clearReserved(offset: number, length: number): void {
    const opened = this.#export;
    const end = offset + length;
    for (let at = offset; at < end; ) {
      const index = Math.floor(at / PAGE_BYTES);
      const next = Math.min(end, (index + 1) * PAGE_BYTES);
      if (next - at === PAGE_BYTES || this.#isZeroCleared(index, at, next)) {
        opened.writeReservedZeros(index);
      } else {
        opened.writeStaged(index, 0);
      }
      at = next;
    }
  }

  /** Stages the page as it is but for zeros in the part: whether it is all zeros then. */
  #isZeroCleared(index: number, offset: number, end: number): boolean {
    this.#stageCleared(index, offset, end);
    return this.#store.engine.page.every((byte) => byte === 0);
  }

  /** Stages the page as it is but for zeros in the part, given as bytes of the export. */
  #stageCleared(index: number, offset: number, end: number): void {
    this.#export.loadStaged(index, 0);
    this.#store.engine.page.fill(0, offset - index * PAGE_BYTES, end - index * PAGE_BYTES);
  }
}
