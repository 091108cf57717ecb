/**
 * The one host binding of the WebAssembly core (assembly/core.ts): it owns the views into the core's memory, which a
 * growing memory detaches, and turns numbers into names. It knows objects, not slots; the caller keeps the ids.
 *
 * The page path goes through `pages`: put a page there, `write`; `read`, take it from there. No call allocates per
 * page.
 */

import { assert } from "../base/assert.ts";
import type { RandomSource } from "../base/random.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { compileWasm, instantiateWasm, type WasmMemory, type WasmModule } from "../base/wasm.ts";
import coreWasm from "./core.wasm.ts";

/**
 * Results of `write`, `resume`, `commit` and `read` that are no object id (assembly/layout.ts has the same numbers).
 */
export const SAME_FILLED = 0;
export const NO_ROOM = -1;
export const NEEDS_DECODE = -2;
export const NEEDS_COMPRESS = -3;
export const CORRUPT = -4;
/** The object's bytes are on the log only. */
export const AWAY = -5;

/** Pages that can be staged at once. */
export const STAGED_PAGES = 32;
/** Domains an engine can tell apart. */
export const MOST_DOMAINS = 4096;
/** Size classes of the pool (assembly/classes.ts). */
export const SIZE_CLASSES = 255;
/** Object ids lie below this. */
export const MOST_OBJECTS = 2 ** 24;
/** Codecs of one store: the primary and three for recompression. */
export const MOST_CODECS = 4;

/** The unit in which a core takes memory, and the most it can have. */
const ARENA_BYTES = 4 * 2 ** 20;
export const MOST_ENGINE_BYTES = 1023 * ARENA_BYTES;

/** Bits of an object's info (assembly/objects.ts). */
const LENGTH_MASK = 0x1fff;
const EXHAUSTED = 0x8000;
const IS_AWAY = 1 << 28;
const IS_COPIED = 1 << 29;
const IS_LEAVING = 1 << 30;

/** Words of `reply`. */
const DROPPED = 3;
const AWAY_CANDIDATE = 4;

const MOST_REFERENCES = 2 ** 32 - 1;

interface Core {
  readonly memory: WasmMemory;
  start(dedup: boolean, kernels: number): void;
  write(staged: number, domain: number, old: number): number;
  resume(decoded: boolean): number;
  commit(length: number): number;
  read(id: number, staged: number): number;
  fill(staged: number, low: number, high: number): void;
  release(id: number): void;
  shrinks(id: number, length: number): number;
  recode(id: number, length: number, priority: number): number;
  exhaust(id: number): void;
  shareObject(id: number): void;
  leave(id: number): number;
  evict(id: number, length: number, priority: number): number;
  admit(id: number, length: number): number;
  forgetCopy(id: number): void;
  usedPages(): number;
  encodeDecoded(kernel: number): number;
  inspect(id: number): number;
  compactClass(index: number): number;
  objectInfo(id: number): number;
  objectReferences(id: number): number;
  objectBytes(id: number): number;
  idEnd(): number;
  longestCompressed(): number;
  windowAddress(which: number): number;
  statistic(which: number): number;
  setLimit(bytes: bigint): void;
  resetPeak(): void;
  reserve(arenas: number): number;
  reservePage(old: number): number;
  unreserve(pages: number): void;
  spend(isOn: boolean): void;
  setHashMask(mask: bigint): void;
}

export interface EngineOptions {
  /** Whether equal pages are found and shared. */
  readonly dedup: boolean;
  /** For each codec by priority: the number the core runs it under, or 0 where it runs in the host. */
  readonly kernels: readonly number[];
  /** Where the hash key and the domains' secrets come from. */
  readonly random: RandomSource;
  /** For tests: the bits of each 64-bit hash that are kept, so that collisions can be forced. */
  readonly hashMask?: bigint;
}

/** What an engine holds; bytes and counts, named as in the statistics of a store. */
export interface EngineStats {
  /** In memory and away. */
  readonly objects: number;
  /** Of the objects in memory. */
  readonly compr_data_size: number;
  readonly mem_used_total: number;
  readonly mem_used_max: number;
  readonly mem_limit: number;
  readonly dup_pages: number;
  readonly dup_data_size: number;
  /** Stored raw and in memory. */
  readonly huge_pages: number;
  readonly huge_pages_since: number;
  readonly pages_compacted: number;
  /** What is promised to writes to come. */
  readonly reserved_bytes: number;
  /** Objects whose bytes are on the log only, and those bytes. */
  readonly away_objects: number;
  readonly away_bytes: number;
  /** Of the objects in memory, bytes that are on the log too. */
  readonly copied_bytes: number;
  /** Object, index and zspage tables and the page map. */
  readonly tables: number;
  readonly memory_reserved: number;
}

let compiled: WasmModule<Core> | undefined;

export class Engine {
  readonly #core: Core;
  readonly #random: RandomSource;
  #domains = 0;
  /** The staged pages, one after another. */
  pages!: Uint8Array;
  /** The first staged page. */
  page!: Uint8Array;
  /** Compressed bytes on their way in, as many as still save memory. */
  scratch!: Uint8Array;
  /** A page decoded for comparison or recompression. */
  decoded!: Uint8Array;
  /**
   * Words 0 and 1: the same-filled word, low half first. Word 2: the object to decode. Words 3 and 4 are for
   * `takeDropped` and `takeAwayCandidate`.
   */
  reply!: Uint32Array;

  constructor(options: EngineOptions) {
    assert(options.kernels.length >= 1 && options.kernels.length <= MOST_CODECS, "1 to 4 codecs");
    compiled ??= compileWasm<Core>(coreWasm);
    this.#core = instantiateWasm(compiled);
    this.#random = options.random;
    const kernels = options.kernels.reduce(
      (sum, kernel, priority) => sum | (kernel << (8 * priority)),
      0,
    );
    this.#core.start(options.dedup, kernels);
    if (options.hashMask !== undefined) this.#core.setHashMask(options.hashMask);
    this.#look();
    this.#random(this.#window(4, PAGE_BYTES));
  }

  #window(which: number, bytes: number): Uint8Array {
    return new Uint8Array(this.#core.memory.buffer, this.#core.windowAddress(which), bytes);
  }

  /** Makes the views anew; needed whenever the memory has grown. */
  #look(): void {
    this.pages = this.#window(0, STAGED_PAGES * PAGE_BYTES);
    this.page = this.pages.subarray(0, PAGE_BYTES);
    this.scratch = this.#window(1, this.#core.longestCompressed());
    this.decoded = this.#window(2, PAGE_BYTES);
    this.reply = new Uint32Array(this.#core.memory.buffer, this.#core.windowAddress(3), 5);
  }

  /** A new domain's number; its pages are shared among themselves only. */
  addDomain(): number {
    assert(this.#domains < MOST_DOMAINS, "the caller limits the domains");
    this.#random(
      this.#window(5, MOST_DOMAINS * 8).subarray(this.#domains * 8, this.#domains * 8 + 8),
    );
    return this.#domains++;
  }

  /**
   * Stores the staged page in place of object `old` (0: none), which loses one reference if that succeeds.
   * Returns an object id, SAME_FILLED (the word is in `reply`) or NO_ROOM, after which nothing has changed; or asks the
   * host for its part of the work: NEEDS_DECODE (then `resume`), NEEDS_COMPRESS (then `commit`).
   */
  write(staged: number, domain: number, old: number): number {
    const result = this.#core.write(staged, domain, old);
    if (this.page.length === 0) this.#look();
    return result;
  }

  /** Goes on with a write after NEEDS_DECODE; `isDecoded`: the candidate in `reply[2]` was decoded to `decoded`. */
  resume(isDecoded: boolean): number {
    const result = this.#core.resume(isDecoded);
    if (this.page.length === 0) this.#look();
    return result;
  }

  /** Goes on with a write after NEEDS_COMPRESS; `length` bytes are in `scratch`, 0: they did not fit. */
  commit(length: number): number {
    const result = this.#core.commit(length);
    if (this.page.length === 0) this.#look();
    return result;
  }

  /** Decodes an object to the staged page: 0, NEEDS_DECODE, CORRUPT or AWAY. */
  read(id: number, staged: number): number {
    return this.#core.read(id, staged);
  }

  /** Fills the staged page with a word. */
  fill(staged: number, low: number, high: number): void {
    this.#core.fill(staged, low, high);
  }

  /** Takes one more reference of an object. */
  share(id: number): void {
    assert(this.referencesOf(id) < MOST_REFERENCES, "an object has fewer than 2^32 references");
    this.#core.shareObject(id);
  }

  /** Gives one reference of an object back. */
  release(id: number): void {
    this.#core.release(id);
  }

  /** Decodes an object to `decoded`: 0, NEEDS_DECODE, CORRUPT or AWAY. */
  inspect(id: number): number {
    return this.#core.inspect(id);
  }

  /** Compresses `decoded` to `scratch` with one of the core's codecs: the length. */
  encodeDecoded(kernel: number): number {
    return this.#core.encodeDecoded(kernel);
  }

  /**
   * Notes that an object in memory is being written to the log: whether it is; false for one that has a copy there, or
   * is away. The note goes with whatever frees the object or changes its bytes; until then it is used like any other.
   */
  leave(id: number): boolean {
    return this.#core.leave(id) !== 0;
  }

  /**
   * Frees the memory of an object whose bytes are on the log, `length` of them, of the codec of `priority`: whether it
   * did. It does so only for an object that is leaving since it was last changed, or one that has a copy of that very
   * length and priority; the object is away then.
   */
  evict(id: number, length: number, priority: number): boolean {
    assert(
      length > 0 && (length <= this.scratch.length || length === PAGE_BYTES),
      "a length that can be admitted",
    );
    return this.#core.evict(id, length, priority) !== 0;
  }

  /**
   * Brings an object that is away back, with the bytes it was evicted with: `length` of them in `scratch`, or the raw
   * page in `decoded`. Whether it did; false, and nothing changed, if there is no room, or the object is not away, or
   * has another length. It has a copy on the log then.
   */
  admit(id: number, length: number): boolean {
    const isDone = this.#core.admit(id, length) !== 0;
    if (this.page.length === 0) this.#look();
    return isDone;
  }

  /** The log's copy of an object in memory, if it has one, is not to be counted on any more. */
  forgetCopy(id: number): void {
    this.#core.forgetCopy(id);
  }

  /** Whether the object's bytes are on the log only. */
  isAway(id: number): boolean {
    return (this.#core.objectInfo(id) & IS_AWAY) !== 0;
  }

  /** Whether the bytes of an object in memory are on the log too. */
  isCopied(id: number): boolean {
    return (this.#core.objectInfo(id) & IS_COPIED) !== 0;
  }

  /** Whether the object is on its way to the log, unchanged since `leave`. */
  isLeaving(id: number): boolean {
    return (this.#core.objectInfo(id) & IS_LEAVING) !== 0;
  }

  /**
   * The object whose bytes on the log became dead by the last call, which freed it, overwrote it in its place or
   * recoded it; 0 if there is none. It is told once, and no call makes more than one, so ask after each.
   */
  takeDropped(): number {
    const id = this.reply[DROPPED]!;
    if (id !== 0) this.reply[DROPPED] = 0;
    return id;
  }

  /**
   * The object away whose hash, 40 bits of it, is that of the page the last write stored as an object of its own; 0 if
   * there is none. It is told once.
   */
  takeAwayCandidate(): number {
    const id = this.reply[AWAY_CANDIDATE]!;
    if (id !== 0) this.reply[AWAY_CANDIDATE] = 0;
    return id;
  }

  /** Pages of the pool, reserved ones included: what counts against the limit, cheap to ask for. */
  usedPages(): number {
    return this.#core.usedPages();
  }

  /** Whether `length` bytes (0: none that fit) would take object `id`, which is in memory, to a smaller class. */
  shrinks(id: number, length: number): boolean {
    return this.#core.shrinks(id, length) !== 0;
  }

  /**
   * Gives an object the `length` bytes in `scratch`, of the codec of `priority`, if its class drops: whether it did.
   */
  recode(id: number, length: number, priority: number): boolean {
    const isDone = this.#core.recode(id, length, priority) !== 0;
    if (this.page.length === 0) this.#look();
    return isDone;
  }

  /** Marks an object in memory no codec of the store can shrink further. */
  exhaust(id: number): void {
    this.#core.exhaust(id);
  }

  /** Moves the objects of a size class together until it can save no zspage: the pages given back. */
  compactClass(index: number): number {
    return this.#core.compactClass(index);
  }

  /** Compacts every class, the largest first: the pages given back. */
  compact(): number {
    let pages = 0;
    for (let index = SIZE_CLASSES - 1; index >= 0; index--) pages += this.compactClass(index);
    return pages;
  }

  setLimit(bytes: number): void {
    this.#core.setLimit(BigInt(bytes));
  }

  /** Has the system give `bytes` (rounded up to arenas of 4 MiB) of real memory now: whether it did. */
  reserve(bytes: number): boolean {
    const isDone = this.#core.reserve(Math.ceil(bytes / ARENA_BYTES)) !== 0;
    this.#look();
    return isDone;
  }

  /**
   * Promises a page of the pool to a write to come, in place of object `old` (0: none), which loses one reference if
   * that succeeds: whether there is room, within the limit and in memory.
   */
  reservePage(old: number): boolean {
    const isDone = this.#core.reservePage(old) !== 0;
    if (this.page.length === 0) this.#look();
    return isDone;
  }

  /** Takes the promise of `pages` back: kept, or not needed any more. */
  unreserve(pages: number): void {
    this.#core.unreserve(pages);
  }

  /** Lets writes, until it is called again, use one reserved page; such a write finds room whatever it stores. */
  spend(isOn: boolean): void {
    this.#core.spend(isOn);
  }

  resetPeak(): void {
    this.#core.resetPeak();
  }

  /** All ids lie below this. */
  idEnd(): number {
    return this.#core.idEnd();
  }

  /** Compressed bytes of an object, 1 to 4096; in its record if it is away. */
  lengthOf(id: number): number {
    return this.#core.objectInfo(id) & LENGTH_MASK;
  }

  isHuge(id: number): boolean {
    return this.lengthOf(id) === PAGE_BYTES;
  }

  /** Which of the store's codecs wrote the object: 0 the primary one. */
  priorityOf(id: number): number {
    return (this.#core.objectInfo(id) >>> 13) & 3;
  }

  isExhausted(id: number): boolean {
    return (this.#core.objectInfo(id) & EXHAUSTED) !== 0;
  }

  /** References of an object; 0 for an id that is not in use. */
  referencesOf(id: number): number {
    return this.#core.objectReferences(id) >>> 0;
  }

  /** A view of the compressed bytes of an object in memory, good until the next call that stores. */
  bytesOf(id: number): Uint8Array {
    const info = this.#core.objectInfo(id);
    assert((info & IS_AWAY) === 0, "an object in memory");
    const address = this.#core.objectBytes(id) >>> 0;
    return new Uint8Array(this.#core.memory.buffer, address, info & LENGTH_MASK);
  }

  /** The longest compressed page that is not stored raw. */
  longestCompressed(): number {
    return this.#core.longestCompressed();
  }

  stats(): EngineStats {
    const statistic = this.#core.statistic;
    return {
      objects: statistic(0),
      compr_data_size: statistic(1),
      mem_used_total: statistic(2),
      mem_used_max: statistic(3),
      mem_limit: statistic(4),
      dup_pages: statistic(5),
      dup_data_size: statistic(6),
      huge_pages: statistic(7),
      huge_pages_since: statistic(8),
      pages_compacted: statistic(9),
      memory_reserved: statistic(10),
      reserved_bytes: statistic(11),
      away_objects: statistic(12),
      away_bytes: statistic(13),
      copied_bytes: statistic(14),
      tables: statistic(15),
    };
  }
}
