/**
 * Reading a swap trace, block by block, and any of its contents at any time.
 *
 * Holds always: what is handed out was whole in the file by its checks. A file that ends before its end block is read
 * up to its last whole block, and `ending` says so; a damaged block is an error that says how many records come before
 * it. Memory: CACHED_BYTES of contents and the places of all blocks (a few dozen bytes for 64 contents), so a trace may
 * be far larger than memory.
 */

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { assert } from "../../base/assert.ts";
import { PagefoldError } from "../../base/errors.ts";
import { fileError } from "../../base/file-error.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import { ByteReader, MalformedBytes } from "./bytes.ts";
import { fillWord } from "./filled-page.ts";
import {
  BLOCK_HEAD_BYTES,
  type BlockHead,
  isBodyWhole,
  isEndBlock,
  METHOD,
  PREFIX_BYTES,
  parseBlockHead,
  parseFileHead,
  parsePrefix,
  TRACE_VERSION,
  type TraceExport,
} from "./format.ts";
import { RecordDecoder, type TraceRecord, type WriteRecord } from "./records.ts";

const decompress = promisify(brotliDecompress);
/** Contents kept at hand: a page that is written again costs 0.1 us instead of the 500 of unpacking its block. */
const CACHED_BYTES = 2 ** 28;

/** How a trace ended, once it has been read through. */
export interface TraceEnding {
  /** It was closed; else it was cut short after those records. */
  readonly isComplete: boolean;
  readonly records: number;
  readonly contents: number;
  /** Microseconds from the start to the last record. */
  readonly durationUs: number;
}

/** A block of the file, decompressed. */
interface Block {
  readonly head: BlockHead;
  readonly plain: Buffer;
  /** Where the next block begins. */
  readonly end: number;
}

/** Where a block lies, and the number of its first content. */
interface BlockPlace {
  readonly position: number;
  readonly firstContent: number;
}

interface OpenedTrace {
  readonly path: string;
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  readonly exports: readonly TraceExport[];
  readonly firstBlock: number;
}

/** Reads up to `count` bytes; fewer only at the end of the file. */
async function readAt(handle: FileHandle, position: number, count: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(count);
  let filled = 0;
  while (filled < count) {
    const { bytesRead } = await handle.read(bytes, filled, count - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function damaged(path: string, what: string): PagefoldError {
  return new PagefoldError(
    "CORRUPT",
    `${path} is a damaged trace: ${what}; copy or record it again`,
  );
}

/** Reads the head of the file. */
async function inspect(path: string, handle: FileHandle): Promise<OpenedTrace> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw new PagefoldError("IO", `${path} is no ordinary file; name a trace`);
  const first = await readAt(handle, 0, PREFIX_BYTES);
  try {
    const prefix = parsePrefix(first);
    if (prefix.kind === "other") {
      throw new PagefoldError(
        "IO",
        `${path} is no swap trace: it does not begin as one; record one with pagefold serve --record`,
      );
    }
    if (prefix.kind === "version") {
      throw new PagefoldError(
        "UNSUPPORTED",
        `${path} is a trace of version ${prefix.version} and this pagefold reads version ${TRACE_VERSION}; replay it with the pagefold that recorded it`,
      );
    }
    const rest = await readAt(handle, PREFIX_BYTES, prefix.restBytes);
    if (rest.length < prefix.restBytes) throw new MalformedBytes("its head is cut short");
    const head = Buffer.concat([first, rest]);
    const exports = parseFileHead(head);
    return { path, handle, sizeBytes: stat.size, exports, firstBlock: head.length };
  } catch (cause) {
    throw cause instanceof MalformedBytes ? damaged(path, cause.message) : cause;
  }
}

/** The bytes of a body, which has to give exactly so many. */
async function unpack(body: Buffer, plainBytes: number): Promise<Buffer> {
  try {
    return await decompress(body, { maxOutputLength: plainBytes });
  } catch (cause) {
    throw new MalformedBytes(`it does not decompress into ${plainBytes} bytes`, { cause });
  }
}

export class TraceReader {
  readonly path: string;
  readonly sizeBytes: number;
  readonly exports: readonly TraceExport[];
  readonly #handle: FileHandle;
  readonly #firstBlock: number;
  /** Of the blocks read so far, by number. */
  readonly #places: BlockPlace[] = [];
  /** Contents of blocks by the block's number, the one used last at the end. */
  readonly #cache = new Map<number, Buffer>();
  #cachedBytes = 0;
  readonly #mostCachedBytes: number;
  #bytesRead: number;
  #contents = 0;
  #records = 0;
  #durationUs = 0;
  #isComplete = false;

  private constructor(opened: OpenedTrace, mostCachedBytes: number) {
    this.#mostCachedBytes = mostCachedBytes;
    this.path = opened.path;
    this.sizeBytes = opened.sizeBytes;
    this.exports = opened.exports;
    this.#handle = opened.handle;
    this.#firstBlock = opened.firstBlock;
    this.#bytesRead = opened.firstBlock;
  }

  /**
   * Opens a trace; closing it is the caller's. At most `cachedBytes` of contents, 256 MiB unless told, are kept at
   * hand.
   * @throws PagefoldError NOT_FOUND, NOT_PERMITTED or IO where it cannot be read or is another kind of file,
   * UNSUPPORTED for another version, CORRUPT for a damaged head.
   */
  static async open(path: string, { cachedBytes = CACHED_BYTES } = {}): Promise<TraceReader> {
    const readError = (cause: unknown) => fileError(path, { act: "read", cause });
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause) => {
      throw readError(cause);
    });
    try {
      return new TraceReader(await inspect(path, handle), cachedBytes);
    } catch (cause) {
      await handle.close();
      throw readError(cause);
    }
  }

  /** Of the file, so far. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** What was read so far; after the last batch, what there is. */
  get ending(): TraceEnding {
    return {
      isComplete: this.#isComplete,
      records: this.#records,
      contents: this.#contents,
      durationUs: this.#durationUs,
    };
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /**
   * All records, in batches; to be called once.
   * @throws PagefoldError CORRUPT for a damaged block, IO.
   */
  async *batches(): AsyncGenerator<readonly TraceRecord[], void, undefined> {
    assert(this.#places.length === 0, "a trace is read twice by one reader");
    const decoder = new RecordDecoder(this.exports);
    let coming = this.#load(0, this.#firstBlock);
    try {
      for (;;) {
        const block = await coming;
        if (block === undefined) return;
        const { head, end } = block;
        if (isEndBlock(head)) {
          if (end < this.sizeBytes) throw new MalformedBytes("bytes follow its end");
          this.#isComplete = true;
          return;
        }
        const place = {
          position: end - BLOCK_HEAD_BYTES - head.bodyBytes,
          firstContent: this.#contents,
        };
        this.#places.push(place);
        this.#remember(block);
        this.#contents += head.contents;
        this.#bytesRead = end;
        // The next block is read and decompressed while this one is worked on.
        coming = this.#load(head.number + 1, end);
        coming.catch(() => {});
        const records = this.#decode(decoder, block);
        this.#records += records.length;
        this.#durationUs = records.at(-1)?.timeUs ?? this.#durationUs;
        yield records;
      }
    } catch (cause) {
      if (!(cause instanceof MalformedBytes)) throw fileError(this.path, { act: "read", cause });
      const place = `block ${this.#places.length}, from byte ${this.#bytesRead} on`;
      throw damaged(
        this.path,
        `${place}: ${cause.message}; ${this.#records} records come before it`,
      );
    }
  }

  #decode(decoder: RecordDecoder, { head, plain }: Block): TraceRecord[] {
    const source = new ByteReader(plain.subarray(0, head.recordBytes));
    const records: TraceRecord[] = [];
    for (let left = head.records; left > 0; left--)
      records.push(decoder.next(source, this.#contents));
    if (source.left > 0) throw new MalformedBytes(`${source.left} bytes follow its last record`);
    return records;
  }

  /** The block at `position`, or undefined if the file ends before its end. */
  async #load(number: number, position: number): Promise<Block | undefined> {
    const headBytes = await readAt(this.#handle, position, BLOCK_HEAD_BYTES);
    if (headBytes.length < BLOCK_HEAD_BYTES) return undefined;
    const head = parseBlockHead(headBytes, number);
    const body = await readAt(this.#handle, position + BLOCK_HEAD_BYTES, head.bodyBytes);
    if (body.length < head.bodyBytes) return undefined;
    if (!isBodyWhole(headBytes, body))
      throw new MalformedBytes("the check of its body does not agree");
    const plainBytes = head.recordBytes + head.contents * PAGE_BYTES;
    const plain = head.method === METHOD.brotli ? await unpack(body, plainBytes) : body;
    if (plain.length !== plainBytes) {
      throw new MalformedBytes(`it has ${plain.length} bytes, its head says ${plainBytes}`);
    }
    return { head, plain, end: position + BLOCK_HEAD_BYTES + head.bodyBytes };
  }

  #remember({ head, plain }: Block): Buffer {
    const contents = plain.subarray(head.recordBytes);
    this.#cachedBytes += contents.length - (this.#cache.get(head.number)?.length ?? 0);
    this.#cache.set(head.number, contents);
    for (const [oldest, { length }] of this.#cache) {
      if (this.#cachedBytes <= this.#mostCachedBytes) break;
      this.#cache.delete(oldest);
      this.#cachedBytes -= length;
    }
    return contents;
  }

  /** The number of the block that holds a content: the last one whose first content is not above it. */
  #blockOf(content: number): number {
    let low = 0;
    let high = this.#places.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#places[middle]!.firstContent <= content) low = middle;
      else high = middle;
    }
    return low;
  }

  /**
   * The bytes of a content of the batches handed out so far, to be read only; from the file where they are not at hand.
   * @throws PagefoldError CORRUPT or IO if the file has changed meanwhile.
   */
  content(number: number): Buffer | Promise<Buffer> {
    assert(number < this.#contents, "a content that was not read yet");
    const block = this.#blockOf(number);
    const at = (number - this.#places[block]!.firstContent) * PAGE_BYTES;
    const cached = this.#cache.get(block);
    if (cached === undefined) return this.#contentOnFile(block, at);
    this.#cache.delete(block);
    this.#cache.set(block, cached);
    return cached.subarray(at, at + PAGE_BYTES);
  }

  async #contentOnFile(number: number, at: number): Promise<Buffer> {
    try {
      const block = await this.#load(number, this.#places[number]!.position);
      if (block === undefined) throw new MalformedBytes("it ends now before where it ended");
      return this.#remember(block).subarray(at, at + PAGE_BYTES);
    } catch (cause) {
      if (!(cause instanceof MalformedBytes)) throw fileError(this.path, { act: "read", cause });
      throw damaged(
        this.path,
        `it changed while it was read, in block ${number}: ${cause.message}`,
      );
    }
  }

  /** Puts the bytes of a write into `target`, which is as long as it. */
  async fill(record: WriteRecord, target: Buffer): Promise<void> {
    const { head, pages, tail } = record;
    target.set(head);
    let done = head.length;
    for (const content of pages) {
      const end = done + PAGE_BYTES;
      if (typeof content === "bigint") fillWord(target.subarray(done, end), content);
      else {
        const bytes = this.content(content);
        target.set(bytes instanceof Promise ? await bytes : bytes, done);
      }
      done = end;
    }
    target.set(tail, done);
  }
}
