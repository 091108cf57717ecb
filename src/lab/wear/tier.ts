/**
 * The memory in front of a log, in numbers: a recorded trace goes through it, what was used least recently leaves it
 * for the log when its limit is reached, and what is read comes back. Twice: as pagefold does it (an object once for
 * all its pages, in its own compressed bytes; read, it is in memory again and its copy on the log stays good) and as
 * zram does it (every page by itself; read, it stays where it is).
 *
 * Holds always: an object is on the log at most once; `gone` is told exactly once for each `out`.
 */

import { EMPTY, READ, type TraceEvents } from "./trace-events.ts";

/** Who is told what happens to the log. */
export interface TierSink {
  /** Written to the log: an object, or for zram a page, by its number. */
  out(item: number, bytes: number): void;
  /** What was written of it is needed no more. */
  gone(item: number): void;
}

export interface TierOptions {
  readonly events: TraceEvents;
  /** Most compressed bytes in memory; Infinity: nothing leaves it. */
  readonly limitBytes: number;
  readonly way: "pagefold" | "zram";
  readonly sink: TierSink;
}

const NONE = -1;
const IN_MEMORY = 1;
const ON_LOG = 2;

export class MemoryTier {
  readonly #events: TraceEvents;
  readonly #limitBytes: number;
  readonly #isShared: boolean;
  readonly #sink: TierSink;
  /** What a page holds. */
  readonly #itemOf: Int32Array;
  readonly #references: Uint32Array;
  readonly #state: Uint8Array;
  readonly #memoryBytes: Uint16Array;
  readonly #logBytes: Uint16Array;
  /** The items in memory, youngest first; the last place is the list's own end. */
  readonly #older: Int32Array;
  readonly #younger: Int32Array;
  readonly #end: number;
  #usedBytes = 0;
  mostUsedBytes = 0;
  /** Of items that left, which were not read or written before they had to be written out: those written. */
  outs = 0;
  outBytes = 0;

  constructor({ events, limitBytes, way, sink }: TierOptions) {
    this.#events = events;
    this.#limitBytes = limitBytes;
    this.#isShared = way === "pagefold";
    this.#sink = sink;
    const items = this.#isShared ? events.memoryBytes.length : events.pages;
    this.#itemOf = new Int32Array(events.pages).fill(NONE);
    this.#references = new Uint32Array(items);
    this.#state = new Uint8Array(items);
    this.#memoryBytes = this.#isShared ? events.memoryBytes : new Uint16Array(items);
    this.#logBytes = this.#isShared ? events.logBytes : new Uint16Array(items).fill(4096);
    this.#older = new Int32Array(items + 1);
    this.#younger = new Int32Array(items + 1);
    this.#end = items;
    this.#older[items] = items;
    this.#younger[items] = items;
  }

  /** The trace once from its beginning to its end; what pages hold then, they hold when it is run again. */
  run(): void {
    const { page, object } = this.#events;
    for (let index = 0; index < page.length; index++) {
      const what = object[index]!;
      if (what === READ) this.#read(page[index]!);
      else this.#write(page[index]!, what);
      this.#shrink();
    }
  }

  #read(page: number): void {
    const item = this.#itemOf[page]!;
    if (item === NONE) return;
    const state = this.#state[item]!;
    if ((state & IN_MEMORY) !== 0) {
      this.#unlink(item);
      this.#link(item);
    } else if (this.#isShared) {
      this.#enter(item);
    }
  }

  #write(page: number, object: number): void {
    const before = this.#itemOf[page]!;
    const item = object === EMPTY ? NONE : this.#isShared ? object : page;
    // The new one first: where it is the old one, nothing is lost in between.
    if (this.#isShared) {
      if (item !== NONE) this.#refer(item);
      if (before !== NONE) this.#release(before);
    } else {
      if (before !== NONE) this.#release(before);
      if (item !== NONE) {
        this.#memoryBytes[item] = this.#events.memoryBytes[object]!;
        this.#refer(item);
      }
    }
    this.#itemOf[page] = item;
  }

  #refer(item: number): void {
    const before = this.#references[item]!;
    this.#references[item] = before + 1;
    if (before === 0) this.#enter(item);
    else if ((this.#state[item]! & IN_MEMORY) !== 0) {
      this.#unlink(item);
      this.#link(item);
    }
  }

  #release(item: number): void {
    const left = this.#references[item]! - 1;
    this.#references[item] = left;
    if (left > 0) return;
    const state = this.#state[item]!;
    if ((state & IN_MEMORY) !== 0) {
      this.#unlink(item);
      this.#usedBytes -= this.#memoryBytes[item]!;
    }
    this.#state[item] = 0;
    if ((state & ON_LOG) !== 0) this.#sink.gone(item);
  }

  #enter(item: number): void {
    this.#state[item] = this.#state[item]! | IN_MEMORY;
    this.#link(item);
    this.#usedBytes += this.#memoryBytes[item]!;
    if (this.#usedBytes > this.mostUsedBytes) this.mostUsedBytes = this.#usedBytes;
  }

  #shrink(): void {
    while (this.#usedBytes > this.#limitBytes) {
      const oldest = this.#younger[this.#end]!;
      this.#unlink(oldest);
      this.#usedBytes -= this.#memoryBytes[oldest]!;
      const isOnLog = (this.#state[oldest]! & ON_LOG) !== 0;
      this.#state[oldest] = ON_LOG;
      if (isOnLog) continue;
      const bytes = this.#logBytes[oldest]!;
      this.outs += 1;
      this.outBytes += bytes;
      this.#sink.out(oldest, bytes);
    }
  }

  #link(item: number): void {
    const youngest = this.#older[this.#end]!;
    this.#older[this.#end] = item;
    this.#older[item] = youngest;
    this.#younger[item] = this.#end;
    this.#younger[youngest] = item;
  }

  #unlink(item: number): void {
    const older = this.#older[item]!;
    const younger = this.#younger[item]!;
    this.#older[younger] = older;
    this.#younger[older] = younger;
  }
}
