/**
 * A recorded swap trace as numbers: which page was read, written or discarded, which object it then held, and how long
 * that object is in the codec it has in memory and in the one it leaves memory in.
 *
 * Holds always: equal contents of one domain are one object, as the store shares them; a page of one word is none.
 * Pages are numbered anew in the order they first appear, over all exports. A page written in part counts as read,
 * changed and written: an object of its own. Only lengths are kept, so any trace of some million requests fits into
 * memory.
 */

import { loadCodec } from "../../../codecs/registry.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import { fillWord, isFilled } from "../../trace/swap/filled-page.ts";
import type { PageContent, TraceRecord, WriteRecord } from "../../trace/swap/records.ts";
import { TraceReader } from "../../trace/swap/trace-reader.ts";
import { StoredLength } from "./stored-length.ts";

/** In place of an object: the page is read; the page holds nothing that is stored (discarded, or of one word). */
export const READ = -1;
export const EMPTY = -2;

export interface TraceEvents {
  readonly pages: number;
  /** Of event i: the page, and the object it then holds, or READ or EMPTY. */
  readonly page: Int32Array;
  readonly object: Int32Array;
  /** Of an object: its bytes in memory, and when it leaves. */
  readonly memoryBytes: Uint16Array;
  readonly logBytes: Uint16Array;
  /** Pages written, those of one word included. */
  readonly writtenPages: number;
}

/** A list of whole numbers that grows. */
class Numbers {
  #values = new Int32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const wider = new Int32Array(2 * this.length);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[this.length++] = value;
  }

  get values(): Int32Array {
    return this.#values.subarray(0, this.length);
  }
}

class EventMaker {
  readonly #trace: TraceReader;
  readonly #inMemory: StoredLength;
  readonly #onLog: StoredLength;
  /** Each export's pages by their index there, and each domain's objects by their content. */
  readonly #pagesOf: readonly Map<number, number>[];
  readonly #objectsOf: readonly Map<number, number>[];
  readonly #page = new Numbers();
  readonly #object = new Numbers();
  readonly #memoryBytes = new Numbers();
  readonly #logBytes = new Numbers();
  /** What a page holds, for those that are written in part. */
  readonly #contents = new Map<number, PageContent | Buffer>();
  readonly #bytes = Buffer.alloc(PAGE_BYTES);
  #pages = 0;
  #writtenPages = 0;

  constructor(trace: TraceReader, codecs: { readonly memory: string; readonly log: string }) {
    this.#trace = trace;
    this.#inMemory = new StoredLength(codecs.memory);
    this.#onLog = new StoredLength(codecs.log);
    this.#pagesOf = trace.exports.map(() => new Map());
    const domains = new Map<string, Map<number, number>>();
    this.#objectsOf = trace.exports.map(({ domain }) => {
      const known = domains.get(domain) ?? new Map<number, number>();
      domains.set(domain, known);
      return known;
    });
  }

  #pageOf(exportIndex: number, index: number): number {
    const pages = this.#pagesOf[exportIndex]!;
    const known = pages.get(index);
    if (known !== undefined) return known;
    pages.set(index, this.#pages);
    return this.#pages++;
  }

  #event(page: number, object: number): void {
    this.#page.push(page);
    this.#object.push(object);
  }

  #newObject(bytes: Uint8Array): number {
    this.#memoryBytes.push(this.#inMemory.of(bytes));
    this.#logBytes.push(this.#onLog.of(bytes));
    return this.#memoryBytes.length - 1;
  }

  async add(record: TraceRecord): Promise<void> {
    const { kind, exportIndex, offset, length } = record;
    const first = Math.floor(offset / PAGE_BYTES);
    const end = Math.ceil((offset + length) / PAGE_BYTES);
    if (record.kind === "write") await this.#write(record);
    else if (kind === "read") {
      for (let index = first; index < end; index++) {
        this.#event(this.#pageOf(exportIndex, index), READ);
      }
    } else if (kind !== "flush") {
      // A part of a page at either end is left alone, as a discard of a pagefold device leaves it.
      const whole = Math.ceil(offset / PAGE_BYTES);
      this.#empty(exportIndex, whole, Math.floor((offset + length) / PAGE_BYTES));
    }
  }

  /** Of a range much larger than what was ever written, only that is looked at. */
  #empty(exportIndex: number, first: number, end: number): void {
    const pages = this.#pagesOf[exportIndex]!;
    const emptied = (page: number) => {
      this.#event(page, EMPTY);
      this.#contents.delete(page);
    };
    if (end - first <= pages.size) {
      for (let index = first; index < end; index++) {
        const page = pages.get(index);
        if (page !== undefined) emptied(page);
      }
      return;
    }
    for (const [index, page] of pages) {
      if (index >= first && index < end) emptied(page);
    }
  }

  async #write(record: WriteRecord): Promise<void> {
    const { exportIndex, offset, head, pages, tail } = record;
    let index = Math.floor(offset / PAGE_BYTES);
    if (head.length > 0) {
      await this.#writePart(this.#pageOf(exportIndex, index), offset % PAGE_BYTES, head);
      index += 1;
    }
    for (const content of pages) {
      const page = this.#pageOf(exportIndex, index++);
      this.#writtenPages += 1;
      this.#contents.set(page, content);
      if (typeof content === "bigint") this.#event(page, EMPTY);
      else this.#event(page, await this.#objectOf(exportIndex, content));
    }
    if (tail.length > 0) await this.#writePart(this.#pageOf(exportIndex, index), 0, tail);
  }

  async #objectOf(exportIndex: number, content: number): Promise<number> {
    const objects = this.#objectsOf[exportIndex]!;
    const known = objects.get(content);
    if (known !== undefined) return known;
    const object = this.#newObject(await this.#trace.content(content));
    objects.set(content, object);
    return object;
  }

  async #writePart(page: number, inPage: number, part: Uint8Array): Promise<void> {
    const before = this.#contents.get(page);
    const bytes = this.#bytes;
    if (before === undefined) bytes.fill(0);
    else if (typeof before === "bigint") fillWord(bytes, before);
    else bytes.set(typeof before === "number" ? await this.#trace.content(before) : before);
    bytes.set(part, inPage);
    this.#writtenPages += 1;
    this.#contents.set(page, Buffer.from(bytes));
    this.#event(page, READ);
    this.#event(page, isFilled(bytes) ? EMPTY : this.#newObject(bytes));
  }

  finish(): TraceEvents {
    return {
      pages: this.#pages,
      page: this.#page.values,
      object: this.#object.values,
      memoryBytes: Uint16Array.from(this.#memoryBytes.values),
      logBytes: Uint16Array.from(this.#logBytes.values),
      writtenPages: this.#writtenPages,
    };
  }
}

export interface ReadTraceOptions {
  /** The codec of what is in memory, and of what leaves it. */
  readonly codecs: { readonly memory: string; readonly log: string };
  readonly signal?: AbortSignal;
  readonly onProgress?: (fraction: number) => void;
}

/**
 * Reads a trace through.
 * @throws PagefoldError as TraceReader and the codecs' registry do.
 */
export async function readTraceEvents(
  path: string,
  options: ReadTraceOptions,
): Promise<TraceEvents> {
  const { codecs, signal, onProgress } = options;
  await loadCodec(codecs.memory);
  await loadCodec(codecs.log);
  const trace = await TraceReader.open(path);
  try {
    const maker = new EventMaker(trace, codecs);
    for await (const records of trace.batches()) {
      signal?.throwIfAborted();
      for (const record of records) await maker.add(record);
      onProgress?.(trace.bytesRead / trace.sizeBytes);
    }
    return maker.finish();
  } finally {
    await trace.close();
  }
}
