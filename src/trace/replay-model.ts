/**
 * What every page of every export has to hold by the trace's own writes, and the comparison with what was read.
 *
 * A page written whole is known by the number of its content and compared by its SHA-256 (16 bytes of it, kept for each
 * content); a page written in part is kept byte by byte; zeros and pages of one word need nothing. Memory: 4 bytes for
 * each page of the parts of an export that were written, 16 for each content, 4096 for each page last written in part.
 */

import { createHash } from "node:crypto";
import { PAGE_BYTES } from "../base/units.ts";
import { fillWord, isFilled } from "./swap/filled-page.ts";
import type { PageContent, WriteRecord } from "./swap/records.ts";
import type { TraceReader } from "./swap/trace-reader.ts";

const HASH_BYTES = 16;
const CHUNK_PAGES = 2 ** 14;

/** A page's state: one of these, or FIRST + 2 x the number of its content, or FIRST + 1 + 2 x that of its word. */
const ZEROS = 0;
/** A request to change it failed, so it may hold this or that. */
const UNKNOWN = 1;
/** Its bytes are kept. */
const KEPT = 2;
const FIRST = 3;

const MOST_DIFFERENCES = 10;
const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);

function isContent(state: number): boolean {
  return state >= FIRST && (state - FIRST) % 2 === 0;
}

function hexWord(word: bigint): string {
  return `0x${word.toString(16).padStart(16, "0")}`;
}

function hashOf(page: Uint8Array): Buffer {
  return createHash("sha256").update(page).digest().subarray(0, HASH_BYTES);
}

/** A page, or a part of one, that was read as other bytes than it has to hold. */
export interface Difference {
  /** The record that read it, counted from 0 on. */
  readonly record: number;
  readonly exportIndex: number;
  readonly pageIndex: number;
  readonly expected: string;
  readonly found: string;
}

/** What was read of one page. */
interface Part {
  readonly pageIndex: number;
  readonly inPage: number;
  readonly bytes: Buffer;
}

/** A read, by its number among the trace's records. */
export interface NumberedRead {
  readonly index: number;
  readonly exportIndex: number;
  readonly offset: number;
}

/** The states of one export's pages, in chunks made when they are first written. */
class PageStates {
  readonly #chunks = new Map<number, Uint32Array>();
  readonly kept = new Map<number, Buffer>();

  get(pageIndex: number): number {
    return (
      this.#chunks.get(Math.floor(pageIndex / CHUNK_PAGES))?.[pageIndex % CHUNK_PAGES] ?? ZEROS
    );
  }

  set(pageIndex: number, state: number): void {
    if (this.kept.size > 0 && state !== KEPT) this.kept.delete(pageIndex);
    const number = Math.floor(pageIndex / CHUNK_PAGES);
    let chunk = this.#chunks.get(number);
    if (chunk === undefined) {
      if (state === ZEROS) return;
      chunk = new Uint32Array(CHUNK_PAGES);
      this.#chunks.set(number, chunk);
    }
    chunk[pageIndex % CHUNK_PAGES] = state;
  }

  /** Zeroes pages, without a look at chunks nobody wrote to. */
  zero(first: number, end: number): void {
    for (let page = first; page < end; ) {
      const chunkEnd = (Math.floor(page / CHUNK_PAGES) + 1) * CHUNK_PAGES;
      const stop = Math.min(end, chunkEnd);
      if (this.#chunks.has(Math.floor(page / CHUNK_PAGES))) {
        for (; page < stop; page++) this.set(page, ZEROS);
      }
      page = stop;
    }
  }
}

export class ReplayModel {
  readonly #trace: TraceReader;
  readonly #exports: readonly PageStates[];
  /** HASH_BYTES for each content known. */
  #hashes = Buffer.alloc(1024 * HASH_BYTES);
  #contents = 0;
  readonly #words: bigint[] = [];
  readonly #wordNumbers = new Map<bigint, number>();
  /** Pages and parts of pages compared, and those that could not be. */
  checked = 0;
  unknown = 0;
  different = 0;
  /** The first few that differ. */
  readonly differences: Difference[] = [];

  constructor(trace: TraceReader) {
    this.#trace = trace;
    this.#exports = trace.exports.map(() => new PageStates());
  }

  /** Notes a write, as every write of the trace has to be, in order; `bytes` are all its bytes. */
  async write(record: WriteRecord, bytes: Buffer): Promise<void> {
    const { exportIndex, offset, length, head, pages, tail } = record;
    const states = this.#exports[exportIndex]!;
    let done = head.length;
    for (const content of pages) {
      const page = bytes.subarray(done, done + PAGE_BYTES);
      states.set((offset + done) / PAGE_BYTES, this.#stateOf(content, page));
      done += PAGE_BYTES;
    }
    if (head.length > 0) await this.#merge(states, offset, head);
    if (tail.length > 0) await this.#merge(states, offset + length - tail.length, tail);
  }

  #stateOf(content: PageContent, page: Buffer): number {
    if (typeof content === "bigint") return content === 0n ? ZEROS : this.#wordState(content);
    if (content === this.#contents) {
      const end = (content + 1) * HASH_BYTES;
      if (end > this.#hashes.length) {
        this.#hashes = Buffer.concat([this.#hashes, Buffer.alloc(this.#hashes.length)]);
      }
      this.#hashes.set(hashOf(page), end - HASH_BYTES);
      this.#contents += 1;
    }
    return FIRST + 2 * content;
  }

  #wordState(word: bigint): number {
    let number = this.#wordNumbers.get(word);
    if (number === undefined) {
      number = this.#words.push(word) - 1;
      this.#wordNumbers.set(word, number);
    }
    return FIRST + 1 + 2 * number;
  }

  /** Puts bytes into a part of one page. */
  async #merge(states: PageStates, offset: number, bytes: Uint8Array): Promise<void> {
    const pageIndex = Math.floor(offset / PAGE_BYTES);
    const state = states.get(pageIndex);
    if (state === UNKNOWN) return;
    const base = await this.#bytesOf(states, pageIndex);
    const page = state === KEPT ? base : Buffer.from(base);
    page.set(bytes, offset % PAGE_BYTES);
    states.set(pageIndex, KEPT);
    states.kept.set(pageIndex, page);
  }

  /** Notes that a range reads as zeros now. */
  async zero(exportIndex: number, offset: number, length: number): Promise<void> {
    const states = this.#exports[exportIndex]!;
    const end = offset + length;
    const first = Math.min(end, Math.ceil(offset / PAGE_BYTES) * PAGE_BYTES);
    const last = Math.max(first, Math.floor(end / PAGE_BYTES) * PAGE_BYTES);
    states.zero(first / PAGE_BYTES, last / PAGE_BYTES);
    if (first > offset) await this.#merge(states, offset, ZERO_PAGE.subarray(0, first - offset));
    if (end > last) await this.#merge(states, last, ZERO_PAGE.subarray(0, end - last));
  }

  /** Notes that a request to change a range failed: nobody knows what its pages hold. */
  forget(exportIndex: number, offset: number, length: number): void {
    const states = this.#exports[exportIndex]!;
    const end = Math.ceil((offset + length) / PAGE_BYTES);
    for (let page = Math.floor(offset / PAGE_BYTES); page < end; page++) states.set(page, UNKNOWN);
  }

  /** Compares what a record read, page by page. */
  async check(record: NumberedRead, bytes: Buffer): Promise<void> {
    const { index, exportIndex, offset } = record;
    for (let done = 0; done < bytes.length; ) {
      const pageIndex = Math.floor((offset + done) / PAGE_BYTES);
      const inPage = (offset + done) % PAGE_BYTES;
      const end = Math.min(bytes.length, done + PAGE_BYTES - inPage);
      const part = { pageIndex, inPage, bytes: bytes.subarray(done, end) };
      done = end;
      const states = this.#exports[exportIndex]!;
      if (states.get(pageIndex) === UNKNOWN) {
        this.unknown += 1;
        continue;
      }
      this.checked += 1;
      if (await this.#isAsExpected(states, part)) continue;
      this.different += 1;
      if (this.differences.length === MOST_DIFFERENCES) continue;
      const expected = this.#describe(states.get(pageIndex));
      this.differences.push({
        record: index,
        exportIndex,
        pageIndex,
        expected,
        found: this.#found(part),
      });
    }
  }

  async #isAsExpected(states: PageStates, part: Part): Promise<boolean> {
    const { pageIndex, inPage, bytes } = part;
    const state = states.get(pageIndex);
    if (isContent(state) && bytes.length === PAGE_BYTES) {
      const at = ((state - FIRST) / 2) * HASH_BYTES;
      return hashOf(bytes).compare(this.#hashes, at, at + HASH_BYTES) === 0;
    }
    const expected = await this.#bytesOf(states, pageIndex);
    return bytes.compare(expected, inPage, inPage + bytes.length) === 0;
  }

  /** What a page has to hold, until the next call. */
  #bytesOf(states: PageStates, pageIndex: number): Buffer | Promise<Buffer> {
    const state = states.get(pageIndex);
    if (state === ZEROS) return ZERO_PAGE;
    if (state === KEPT) return states.kept.get(pageIndex)!;
    if (isContent(state)) return this.#trace.content((state - FIRST) / 2);
    const page = Buffer.allocUnsafe(PAGE_BYTES);
    fillWord(page, this.#words[(state - FIRST - 1) / 2]!);
    return page;
  }

  #describe(state: number): string {
    if (state === ZEROS) return "zeros";
    if (state === KEPT) return "bytes written in parts";
    if (isContent(state)) return `content ${(state - FIRST) / 2} of the trace`;
    return `the word ${hexWord(this.#words[(state - FIRST - 1) / 2]!)}`;
  }

  #found({ bytes }: Part): string {
    if (bytes.equals(ZERO_PAGE.subarray(0, bytes.length))) return "zeros";
    if (bytes.length < PAGE_BYTES) return "other bytes";
    if (isFilled(bytes)) return `the word ${hexWord(bytes.readBigUInt64LE())}`;
    const hash = hashOf(bytes);
    for (let content = 0; content < this.#contents; content++) {
      const at = content * HASH_BYTES;
      if (hash.compare(this.#hashes, at, at + HASH_BYTES) === 0)
        return `content ${content} of the trace`;
    }
    return "bytes that no page of the trace has";
  }
}
