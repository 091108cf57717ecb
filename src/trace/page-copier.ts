/**
 * The inner loop of a capture: walks one mapping after another, sorts its pages by what backs them, and copies the
 * anonymous ones, in batches, to a writer.
 *
 * Holds always: every page walked over is in the writer, in the batch, or in one of the counts. Pages are read in runs,
 * and singly from where a run fails. Opening and reading the process is process-memory.ts.
 */

import { closeSync, openSync, readSync } from "node:fs";
import { assert } from "../base/assert.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { LeftOut, Unreadable } from "../report/result.ts";
import type { PageFileWriter } from "./page-file-writer.ts";
import {
  isDeviceMapping,
  isFileMapping,
  isKernelMapping,
  type Mapping,
  pageFrame,
  pageState,
} from "./proc.ts";
import type { ProcessMemory } from "./process-memory.ts";

const BATCH_PAGES = 256;
/** Pages whose pagemap entries are read at once: 512 KiB of entries. */
const WINDOW_PAGES = 1 << 16;
/** Bit 24 of /proc/kpageflags, ZERO_PAGE, as a bit of its 32 low ones. */
const KPAGEFLAGS_ZERO_PAGE = 1 << 24;

const ZERO_PAGE = new Uint8Array(PAGE_BYTES);
const ZERO_ENTRIES = new Uint8Array(WINDOW_PAGES * 8);

/** Whether the kernel says that frame `frame` is its page of zeros; undefined where it does not tell us. */
function isZeroFrame(frame: number): boolean | undefined {
  if (frame === 0) return undefined;
  try {
    const fd = openSync("/proc/kpageflags", "r");
    try {
      const flags = new Uint32Array(2);
      const bytes = readSync(fd, flags, { position: frame * 8 });
      return bytes === 8 ? (flags[0]! & KPAGEFLAGS_ZERO_PAGE) !== 0 : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] };

/** Copies pages of `memory` to a writer and counts the others. */
export class PageCopier {
  readonly unreadable: Record<Unreadable, number> = {
    gone: 0,
    permission: 0,
    device_memory: 0,
    guard: 0,
    other: 0,
  };
  readonly leftOut: Mutable<LeftOut> = { never_touched: 0, file_backed: 0, shared_zero_page: 0 };
  swappedPages = 0;
  isLimitReached = false;
  isEnded = false;

  readonly #memory: ProcessMemory;
  readonly #writer: PageFileWriter;
  readonly #limitPages: number;
  readonly #entries = new Uint32Array(2 * WINDOW_PAGES);
  readonly #batch = new Uint8Array(BATCH_PAGES * PAGE_BYTES);
  readonly #zeroFrames = new Map<number, boolean>();
  #batchPages = 0;

  constructor(memory: ProcessMemory, options: { writer: PageFileWriter; limitPages: number }) {
    this.#memory = memory;
    this.#writer = options.writer;
    this.#limitPages = options.limitPages;
  }

  /** Copies what `mapping` has; yields how many pages it went over, now and then. */
  async *copy(mapping: Mapping): AsyncGenerator<number, void, undefined> {
    if (isKernelMapping(mapping.name)) return;
    let page = mapping.firstPage;
    while (page < mapping.endPage && !this.isLimitReached && !this.isEnded) {
      const asked = Math.min(WINDOW_PAGES, mapping.endPage - page);
      const count = this.#memory.entries(page, this.#entries.subarray(0, 2 * asked));
      this.isEnded = count < asked;
      await this.#copyWindow(mapping, { firstPage: page, count });
      page += count;
      yield count;
    }
  }

  /** Writes out what the batch holds. */
  async flush(): Promise<void> {
    if (this.#batchPages === 0) return;
    await this.#writer.write(this.#batch.subarray(0, this.#batchPages * PAGE_BYTES));
    this.#batchPages = 0;
  }

  async #copyWindow(mapping: Mapping, window: { firstPage: number; count: number }): Promise<void> {
    const { firstPage, count } = window;
    const absent = isFileMapping(mapping.name) ? "file_backed" : "never_touched";
    if (
      Buffer.from(this.#entries.buffer, 0, count * 8).equals(ZERO_ENTRIES.subarray(0, count * 8))
    ) {
      this.leftOut[absent] += count;
      return;
    }
    const isDevice = isDeviceMapping(mapping);
    for (let index = 0; index < count && !this.isLimitReached; ) {
      const { backing } = pageState(this.#entries, index);
      if (backing === "anonymous" && !isDevice) {
        index += this.#copyRun(firstPage, { index, count });
        if (this.#batchPages === BATCH_PAGES) await this.flush();
        this.isLimitReached = this.#writer.pages + this.#batchPages >= this.#limitPages;
        continue;
      }
      if (backing === "anonymous") this.unreadable.device_memory += 1;
      else if (backing === "guard") this.unreadable.guard += 1;
      else this.leftOut[backing === "file" ? "file_backed" : absent] += 1;
      index += 1;
    }
  }

  /** Copies anonymous pages from `index` of the window on, as far as they go on and fit: the pages done with. */
  #copyRun(firstPage: number, window: { index: number; count: number }): number {
    const { index, count } = window;
    const room = Math.min(
      BATCH_PAGES - this.#batchPages,
      this.#limitPages - this.#writer.pages - this.#batchPages,
      count - index,
    );
    let run = 1;
    while (run < room && pageState(this.#entries, index + run).backing === "anonymous") run += 1;
    const offset = this.#batchPages * PAGE_BYTES;
    const target = this.#batch.subarray(offset, offset + run * PAGE_BYTES);
    const result = this.#memory.read(firstPage + index, target);
    if (typeof result === "string") {
      this.unreadable[this.#whyUnread(firstPage + index, result)] += 1;
      return 1;
    }
    const pagesRead = Math.floor(result / PAGE_BYTES);
    assert(pagesRead > 0, `${result} bytes of memory were read, less than a page`);
    for (let page = 0; page < pagesRead; page++) this.#keep(target, { page, index: index + page });
    return pagesRead;
  }

  /** Moves page `page` of a run just read to the end of the batch, unless it is the kernel's page of zeros. */
  #keep(run: Uint8Array, at: { page: number; index: number }): void {
    const from = at.page * PAGE_BYTES;
    const bytes = run.subarray(from, from + PAGE_BYTES);
    const { isShared, isSwapped } = pageState(this.#entries, at.index);
    if (isShared && this.#isZeroPage(bytes, pageFrame(this.#entries, at.index))) {
      this.leftOut.shared_zero_page += 1;
      return;
    }
    if (isSwapped) this.swappedPages += 1;
    this.#batch.set(bytes, this.#batchPages * PAGE_BYTES);
    this.#batchPages += 1;
  }

  #isZeroPage(bytes: Uint8Array, frame: number): boolean {
    if (Buffer.compare(bytes, ZERO_PAGE) !== 0) return false;
    const known = this.#zeroFrames.get(frame) ?? isZeroFrame(frame) ?? true;
    this.#zeroFrames.set(frame, known);
    return known;
  }

  #whyUnread(page: number, reason: Unreadable): Unreadable {
    if (reason !== "other") return reason;
    const entry = new Uint32Array(2);
    if (this.#memory.entries(page, entry) === 0) return "gone";
    const { backing } = pageState(entry, 0);
    if (backing === "guard") return "guard";
    return backing === "anonymous" ? "other" : "gone";
  }
}
