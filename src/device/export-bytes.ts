/**
 * An export's bytes: ranges of any offset and length, turned into pages. Pages only partly in a range are read, changed
 * and stored again; whole ones pass through up to 32 staged pages at a time, nothing is allocated for one.
 *
 * What needs nothing but memory is done when a method returns; else it gives a promise: a page must come from the
 * overflow log, or a write must wait for room. Whatever is staged is used before anything is waited for.
 *
 * Ranges are checked by the caller. Should a limit stop one midway, the pages before are done, that page and those
 * after it are as they were.
 */

import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { STAGED_PAGES } from "../engine/engine.ts";
import type { ExportTable } from "./export-table.ts";
import type { StoreCore } from "./store-core.ts";

/** Nothing if it is done, or the promise that it will be. */
export type Done = Promise<void> | undefined;

/** A range of bytes within one page. */
interface Part {
  readonly index: number;
  readonly from: number;
  readonly end: number;
}

/** Pages of one read that are fetched at a time, at most. */
const MOST_FETCHES = 64;
/** With more under way, another round of staged pages could pass the bound. */
const FETCHES_TO_GO_ON = MOST_FETCHES - STAGED_PAGES;

/** What a read waits for, and how many of its bytes are done then. */
interface Fetches {
  readonly waits: readonly Promise<void>[];
  readonly done: number;
}

export class ExportBytes {
  readonly #store: StoreCore;
  readonly #export: ExportTable;

  constructor(store: StoreCore, opened: ExportTable) {
    this.#store = store;
    this.#export = opened;
  }

  write(offset: number, bytes: Uint8Array): Done {
    const done = this.#writeSome(offset, bytes);
    if (done === bytes.length) return undefined;
    return this.#writeRest(offset + done, bytes.subarray(done));
  }

  /** @throws PagefoldError NO_SPACE, or WOULD_WAIT, where `write` would wait. */
  writeNow(offset: number, bytes: Uint8Array): void {
    const done = this.#writeSome(offset, bytes);
    if (done === bytes.length) return;
    this.#refuse(partOf(offset + done, nextPage(offset + done, offset + bytes.length)));
  }

  /** Says why the part cannot be changed without waiting; a whole page need not be read for it. */
  #refuse(part: Part): never {
    if (!isWhole(part) && this.#export.isAway(part.index)) this.#refuseWait(part.index);
    this.#export.refuseRoom(part.index);
  }

  /** Writes as many bytes as can be without waiting: how many. */
  #writeSome(offset: number, bytes: Uint8Array): number {
    const opened = this.#export;
    const { engine } = this.#store;
    let done = 0;
    while (done < bytes.length) {
      const index = Math.floor((offset + done) / PAGE_BYTES);
      const inPage = (offset + done) % PAGE_BYTES;
      const left = bytes.length - done;
      if (inPage > 0 || left < PAGE_BYTES) {
        const part = Math.min(PAGE_BYTES - inPage, left);
        if (!opened.loadStaged(index, 0)) return done;
        engine.page.set(bytes.subarray(done, done + part), inPage);
        if (!opened.writeStaged(index, 0)) return done;
        done += part;
      } else {
        const count = Math.min(STAGED_PAGES, Math.floor(left / PAGE_BYTES));
        engine.pages.set(bytes.subarray(done, done + count * PAGE_BYTES));
        for (let staged = 0; staged < count; staged++) {
          if (!opened.writeStaged(index + staged, staged)) return done;
          done += PAGE_BYTES;
        }
      }
    }
    return done;
  }

  async #writeRest(offset: number, bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const index = Math.floor((offset + done) / PAGE_BYTES);
      const inPage = (offset + done) % PAGE_BYTES;
      const part = bytes.subarray(done, done + PAGE_BYTES - inPage);
      await this.#change({ index, from: inPage, end: inPage + part.length }, () => {
        this.#store.engine.page.set(part, inPage);
        return this.#export.writeStaged(index, 0);
      });
      this.#export.checkOpen();
      done += part.length;
      done += this.#writeSome(offset + done, bytes.subarray(done));
    }
  }

  /**
   * Stages the page, wherever it is, unless all of it is to be changed, and lets `store` change and store it; again
   * when there was no room and some was made.
   */
  async #change(part: Part, store: () => boolean): Promise<void> {
    const opened = this.#export;
    const { index } = part;
    for (let mayWait = true; ; ) {
      opened.checkOpen();
      if (!isWhole(part) && !opened.loadStaged(index, 0)) {
        const page = new Uint8Array(PAGE_BYTES);
        const isUnchanged = opened.watch(index);
        await opened.fetchToChange(index, page);
        if (!isUnchanged()) continue;
        this.#store.engine.page.set(page);
      }
      if (store()) return;
      if (!mayWait) opened.refuseRoom(index);
      // Where nothing more can leave, others may have freed something meanwhile.
      mayWait = await opened.waitForRoom();
    }
  }

  #refuseWait(index: number): never {
    throw new PagefoldError(
      "WOULD_WAIT",
      `page ${index} lies on the overflow log and must be read from there; use the methods that return a promise`,
    );
  }

  read(offset: number, target: Uint8Array): Done {
    const fetches = this.#readSome(offset, target);
    if (fetches === undefined) return undefined;
    // A single page, as swap has it, needs nobody to wait for several.
    const isOne = fetches.waits.length === 1 && fetches.done === target.length;
    return isOne ? fetches.waits[0] : this.#readRest(offset, target, fetches);
  }

  /** Reads what is in memory and begins to fetch what is not, up to a bound; nothing if all of it is done. */
  #readSome(offset: number, target: Uint8Array): Fetches | undefined {
    const opened = this.#export;
    const { engine } = this.#store;
    let waits: Promise<void>[] | null = null;
    let done = 0;
    while (done < target.length && (waits === null || waits.length <= FETCHES_TO_GO_ON)) {
      const index = Math.floor((offset + done) / PAGE_BYTES);
      const inPage = (offset + done) % PAGE_BYTES;
      const left = target.length - done;
      const count = Math.min(STAGED_PAGES, Math.ceil((inPage + left) / PAGE_BYTES));
      const part = Math.min(count * PAGE_BYTES - inPage, left);
      for (let staged = 0; staged < count; staged++) {
        try {
          if (opened.readStaged(index + staged, staged)) continue;
        } catch (cause) {
          if (waits === null) throw cause;
          // Those begun still work on the caller's bytes.
          waits.push(Promise.reject(cause));
          return { waits, done };
        }
        // Nobody else's bytes are to be seen should it fail.
        engine.fill(staged, 0, 0);
        waits ??= [];
        const from = staged === 0 ? inPage : 0;
        const end = Math.min(PAGE_BYTES, inPage + part - staged * PAGE_BYTES);
        const start = done + staged * PAGE_BYTES + from - inPage;
        const place = target.subarray(start, start + end - from);
        waits.push(this.#fetch({ index: index + staged, from, end }, place));
      }
      target.set(engine.pages.subarray(inPage, inPage + part), done);
      done += part;
    }
    return waits === null ? undefined : { waits, done };
  }

  async #readRest(offset: number, target: Uint8Array, first: Fetches): Promise<void> {
    let done = 0;
    for (let fetches: Fetches | undefined = first; fetches !== undefined; ) {
      await allDone(fetches.waits);
      done += fetches.done;
      if (done === target.length) return;
      this.#export.checkOpen();
      fetches = this.#readSome(offset + done, target.subarray(done));
    }
  }

  /** @throws PagefoldError WOULD_WAIT where `read` would wait. */
  readNow(offset: number, target: Uint8Array): void {
    const end = Math.ceil((offset + target.length) / PAGE_BYTES);
    for (let index = Math.floor(offset / PAGE_BYTES); index < end; index++) {
      if (this.#export.isAway(index)) this.#refuseWait(index);
    }
    this.read(offset, target);
  }

  /** Reads a part of a page that is away; begun at once, nothing is written to `target` before the caller goes on. */
  async #fetch({ index, from, end }: Part, target: Uint8Array): Promise<void> {
    if (end - from === PAGE_BYTES) {
      await this.#export.fetch(index, target);
    } else {
      const page = new Uint8Array(PAGE_BYTES);
      await this.#export.fetch(index, page);
      target.set(page.subarray(from, end));
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
  clear(offset: number, length: number, mayWait: boolean): Done {
    const end = offset + length;
    const first = Math.min(end, Math.ceil(offset / PAGE_BYTES) * PAGE_BYTES);
    const last = Math.max(first, Math.floor(end / PAGE_BYTES) * PAGE_BYTES);
    const head = this.#clearPart(offset, first, mayWait);
    this.discard(first, last - first);
    let tail: Done;
    try {
      tail = this.#clearPart(last, end, mayWait);
    } catch (cause) {
      if (head === undefined) throw cause;
      tail = Promise.reject(cause);
    }
    const waits = [head, tail].filter((wait) => wait !== undefined);
    return waits.length === 0 ? undefined : allDone(waits);
  }

  #clearPart(offset: number, end: number, mayWait: boolean): Done {
    const index = Math.floor(offset / PAGE_BYTES);
    if (offset === end || !this.#export.table.isUsed(index)) return undefined;
    const part = { index, from: offset - index * PAGE_BYTES, end: end - index * PAGE_BYTES };
    const store = () => {
      this.#store.engine.page.fill(0, part.from, part.end);
      return this.#export.writeStaged(index, 0);
    };
    if (this.#export.loadStaged(index, 0) && store()) return undefined;
    return mayWait ? this.#change(part, store) : this.#refuse(part);
  }

  /** Makes the range zeros that stay in use; pages then all zeros have room reserved for the next write to them. */
  clearReserved(offset: number, length: number, mayWait: boolean): Done {
    const end = offset + length;
    for (let at = offset; at < end; at = nextPage(at, end)) {
      const part = partOf(at, nextPage(at, end));
      const isStaged = isWhole(part) || this.#export.loadStaged(part.index, 0);
      if (isStaged && this.#storeCleared(part)) continue;
      return mayWait ? this.#clearReservedRest(at, end) : this.#refuse(part);
    }
    return undefined;
  }

  async #clearReservedRest(offset: number, end: number): Promise<void> {
    for (let at = offset; at < end; at = nextPage(at, end)) {
      const part = partOf(at, nextPage(at, end));
      await this.#change(part, () => this.#storeCleared(part));
    }
  }

  /** Stores the staged page with zeros in the part, reserved if it is all zeros then: whether there was room. */
  #storeCleared({ index, from, end }: Part): boolean {
    const { page } = this.#store.engine;
    page.fill(0, from, end);
    const isZero = end - from === PAGE_BYTES || page.every((byte) => byte === 0);
    return isZero ? this.#export.writeReservedZeros(index) : this.#export.writeStaged(index, 0);
  }
}

const nextPage = (offset: number, end: number): number =>
  Math.min(end, (Math.floor(offset / PAGE_BYTES) + 1) * PAGE_BYTES);

function partOf(offset: number, end: number): Part {
  const index = Math.floor(offset / PAGE_BYTES);
  return { index, from: offset - index * PAGE_BYTES, end: end - index * PAGE_BYTES };
}

const isWhole = ({ from, end }: Part): boolean => end - from === PAGE_BYTES;

/** Waits for all of them, so that none still works on the caller's bytes, then fails as the first that failed. */
async function allDone(waits: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(waits)) {
    if (result.status === "rejected") throw result.reason;
  }
}
