/**
 * Recording a swap trace: what clients ask of a store, as it happens.
 *
 * Holds always: the methods that record do not wait and never throw for what the file does; bytes are copied or hashed
 * before they return. Blocks are compressed and written in the background, one after another (on two cores a second
 * compression would only take time from the thread that records), so the file is whole up to some block at any time. A
 * block is written when it is full, or a second after its first record. Memory is bounded for who waits on `drained()`:
 * MOST_BACKLOG_BYTES, a request's bytes and the table of contents. When the file fails, `onError` hears of it once,
 * recording stops, and whatever is recorded afterwards is dropped.
 */

import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import { assert } from "../../base/assert.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import { PagefoldError, reasonOf } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import { ByteWriter } from "./bytes.ts";
import { ContentTable } from "./content-table.ts";
import { isFilled } from "./filled-page.ts";
import {
  encodeBlockHead,
  encodeFileHead,
  METHOD,
  MOST_REQUEST_BYTES,
  type TraceExport,
} from "./format.ts";
import { type PageContent, type PlainRecord, RecordEncoder } from "./records.ts";
import { openTraceFile, type TraceFile } from "./trace-file.ts";

const compress = promisify(brotliCompress);

/** A block is sealed with that many contents, 256 KiB; larger ones compress no better (docs/traces.md has figures). */
const BLOCK_CONTENTS = 64;
const BLOCK_RECORD_BYTES = 2 ** 16;
const SEAL_AFTER_MS = 1000;
/** Brotli's window, 2^18 bytes: a block's contents. */
const WINDOW_BITS = 18;
/** Brotli's quality while there is time, and when blocks wait: about 15 and 10 us a page, in a thread of its own. */
const QUALITY = { usual: 2, hurried: 1 } as const;
const HURRY_BYTES = 2 ** 22;
/** `drained()` waits from so many bytes on until half of them are written. */
const MOST_BACKLOG_BYTES = 2 ** 24;

export interface TraceWriterOptions {
  /** Every export a request may go to; records name them by their index here. */
  readonly exports: readonly TraceExport[];
  /** Replace an ordinary file of that name. */
  readonly overwrite?: boolean;
  readonly clock?: Clock;
  /** Hears, once, that recording has ended since the file cannot be written. */
  readonly onError?: (error: PagefoldError) => void;
}

interface Range {
  readonly exportIndex: number;
  readonly offset: number;
  readonly length: number;
}

/** A block's bytes before compression, and what they are. */
interface Sealed {
  readonly plain: Buffer;
  readonly recordBytes: number;
  readonly records: number;
  readonly contents: number;
}

const NOTHING: Sealed = { plain: Buffer.alloc(0), recordBytes: 0, records: 0, contents: 0 };

export class TraceWriter {
  readonly #file: TraceFile;
  readonly #clock: Clock;
  readonly #startSeconds: number;
  readonly #onError: (error: PagefoldError) => void;
  readonly #encoder: RecordEncoder;
  readonly #table = new ContentTable();
  readonly #contentOf = (page: Buffer): PageContent => this.#place(page);
  /** The block being filled: records, of which the last may be under way, and contents. */
  readonly #records = new ByteWriter(BLOCK_RECORD_BYTES);
  readonly #contents = Buffer.allocUnsafe(BLOCK_CONTENTS * PAGE_BYTES);
  #wholeRecordBytes = 0;
  #recordCount = 0;
  #contentCount = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Contents of the trace so far, those of the block being filled included: the next one's number. */
  #contentsSoFar = 0;
  #blocks = 0;
  /** Bytes of sealed blocks, before compression, that are not written yet. */
  #queuedBytes = 0;
  /** Fulfilled when all that was sealed so far is written or given up; never rejected. */
  #written: Promise<void> = Promise.resolve();
  #room: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #isOpen = true;
  #hasFailed = false;
  #closed: Promise<void> | undefined;

  /** @internal use `TraceWriter.create` */
  constructor(file: TraceFile, options: TraceWriterOptions) {
    this.#file = file;
    this.#clock = options.clock ?? systemClock;
    this.#onError = options.onError ?? (() => {});
    this.#encoder = new RecordEncoder(options.exports, this.#records);
    this.#startSeconds = this.#clock.seconds();
  }

  /**
   * Starts a trace, readable by its owner only, in a file of that name.
   * @throws PagefoldError BUSY where there is one and `overwrite` is not set, NOT_FOUND, NOT_PERMITTED, NO_SPACE or IO
   * where it cannot be written.
   */
  static async create(path: string, options: TraceWriterOptions): Promise<TraceWriter> {
    const file = await openTraceFile(path, { overwrite: options.overwrite ?? false });
    try {
      await file.append(encodeFileHead(options.exports));
    } catch (cause) {
      await file.close().catch(() => {});
      throw cause;
    }
    return new TraceWriter(file, options);
  }

  read(exportIndex: number, offset: number, length: number): void {
    this.#plain("read", { exportIndex, offset, length });
  }

  /** The bytes may change once this has returned. */
  write(exportIndex: number, offset: number, bytes: Uint8Array): void {
    if (!this.#isRecording) return;
    const { length } = bytes;
    assert(length <= MOST_REQUEST_BYTES, "a write is longer than a trace takes");
    const source = Buffer.from(bytes.buffer, bytes.byteOffset, length);
    const at = { timeUs: this.#nowUs(), exportIndex, offset, length };
    this.#encoder.write(at, source, this.#contentOf);
    this.#recorded();
  }

  discard(exportIndex: number, offset: number, length: number): void {
    this.#plain("discard", { exportIndex, offset, length });
  }

  /** `reserve`: the zeros keep their place, a later write there finds room. */
  writeZeroes(
    exportIndex: number,
    offset: number,
    length: number,
    options: { readonly reserve: boolean },
  ): void {
    const kind = options.reserve ? "reserve_zeroes" : "write_zeroes";
    this.#plain(kind, { exportIndex, offset, length });
  }

  flush(exportIndex: number): void {
    this.#plain("flush", { exportIndex, offset: 0, length: 0 });
  }

  /** Bytes recorded that are not in the file yet, before compression. */
  get backlogBytes(): number {
    return this.#queuedBytes + this.#records.length + this.#contentCount * PAGE_BYTES;
  }

  /** Nothing while there is room for more; else a promise, never rejected, that there is again. */
  drained(): undefined | Promise<void> {
    if (this.#queuedBytes < MOST_BACKLOG_BYTES) return undefined;
    if (this.#room === undefined) {
      let resolve = () => {};
      const promise = new Promise<void>((fulfilled) => {
        resolve = fulfilled;
      });
      this.#room = { promise, resolve };
    }
    return this.#room.promise;
  }

  /** Writes what is left and ends the trace; what fails is `onError`'s to hear. */
  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    this.#seal();
    this.#enqueue(NOTHING);
    this.#isOpen = false;
    await this.#written;
    await this.#file.close().catch((cause) => this.#fail(cause));
  }

  #plain(kind: PlainRecord["kind"], range: Range): void {
    if (!this.#isRecording) return;
    this.#encoder.plain({ kind, timeUs: this.#nowUs(), ...range });
    this.#recorded();
  }

  get #isRecording(): boolean {
    return this.#isOpen && !this.#hasFailed;
  }

  #nowUs(): number {
    return Math.round((this.#clock.seconds() - this.#startSeconds) * 1e6);
  }

  #recorded(): void {
    this.#recordCount += 1;
    this.#wholeRecordBytes = this.#records.length;
    const isFull =
      this.#contentCount === BLOCK_CONTENTS || this.#wholeRecordBytes >= BLOCK_RECORD_BYTES;
    if (isFull) this.#seal();
    else this.#timer ??= setTimeout(() => this.#seal(), SEAL_AFTER_MS).unref();
  }

  /** The content of a page, which is put into the block if the trace does not hold it yet. */
  #place(page: Buffer): PageContent {
    if (isFilled(page)) return page.readBigUInt64LE(0);
    const digest = createHash("sha256").update(page).digest();
    const number = this.#table.findOrAdd(digest, this.#contentsSoFar);
    if (number < this.#contentsSoFar) return number;
    if (this.#contentCount === BLOCK_CONTENTS) this.#seal();
    this.#contents.set(page, this.#contentCount * PAGE_BYTES);
    this.#contentCount += 1;
    this.#contentsSoFar += 1;
    return number;
  }

  /** Hands the block being filled over to be written, but for a record that is under way. */
  #seal(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#recordCount === 0 && this.#contentCount === 0) return;
    this.#enqueue({
      plain: Buffer.concat([
        this.#records.written.subarray(0, this.#wholeRecordBytes),
        this.#contents.subarray(0, this.#contentCount * PAGE_BYTES),
      ]),
      recordBytes: this.#wholeRecordBytes,
      records: this.#recordCount,
      contents: this.#contentCount,
    });
    this.#records.drop(this.#wholeRecordBytes);
    this.#wholeRecordBytes = 0;
    this.#recordCount = 0;
    this.#contentCount = 0;
  }

  #enqueue(block: Sealed): void {
    const number = this.#blocks++;
    this.#queuedBytes += block.plain.length;
    this.#written = this.#written.then(async () => {
      await this.#put(number, block).catch((cause) => this.#fail(cause));
      this.#queuedBytes -= block.plain.length;
      if (this.#room === undefined || this.#queuedBytes > MOST_BACKLOG_BYTES / 2) return;
      this.#room.resolve();
      this.#room = undefined;
    });
  }

  async #put(number: number, block: Sealed): Promise<void> {
    if (this.#hasFailed) return;
    const { plain, recordBytes, records, contents } = block;
    const packed = await this.#pack(plain);
    const isSmaller = packed.length < plain.length;
    const body = isSmaller ? packed : plain;
    const method = isSmaller ? METHOD.brotli : METHOD.stored;
    const head = { number, bodyBytes: body.length, recordBytes, records, contents, method };
    await this.#file.append(Buffer.concat([encodeBlockHead(head, body), body]));
  }

  #pack(plain: Buffer): Promise<Buffer> {
    const quality = this.#queuedBytes > HURRY_BYTES ? QUALITY.hurried : QUALITY.usual;
    return compress(plain, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: quality,
        [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
        [constants.BROTLI_PARAM_SIZE_HINT]: plain.length,
      },
    });
  }

  #fail(cause: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    clearTimeout(this.#timer);
    const reason = reasonOf(cause);
    const error = new PagefoldError("IO", `the trace cannot be packed: ${reason}; free memory`, {
      cause,
    });
    this.#onError(cause instanceof PagefoldError ? cause : error);
  }
}
