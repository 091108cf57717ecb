/**
 * A disk of bytes beside a cache: every read through the cache is compared with it. Requests run side by side; no two
 * writes under way touch the same byte, so each byte read is the one there when the read began, or one that was written
 * while it ran.
 */

import { assert } from "vitest";
import type { SeededRandom } from "../../src/base/random.ts";
import type { Cache } from "../../src/cache/cache.ts";

const PAGE = 4096;

interface Span {
  readonly offset: number;
  readonly end: number;
}

interface Write extends Span {
  readonly bytes: Uint8Array;
}

interface Read extends Span {
  /** What was there when it began. */
  readonly before: Uint8Array;
  /** What was under way then or began while it ran. */
  readonly during: Write[];
}

const overlap = (left: Span, right: Span): boolean =>
  left.offset < right.end && right.offset < left.end;

export class ByteModel {
  readonly bytes: Uint8Array;
  readonly #cache: Cache;
  readonly #random: SeededRandom;
  readonly #writes = new Set<Write>();
  readonly #reads = new Set<Read>();
  readonly #all = new Set<Promise<void>>();
  /** Requests that were done when the call returned, and those that were waited for. */
  atOnce = 0;
  later = 0;

  constructor(cache: Cache, bytes: Uint8Array, random: SeededRandom) {
    this.#cache = cache;
    this.bytes = bytes;
    this.#random = random;
  }

  /** Bytes at a place of any alignment, whole pages mostly, neighbours and the end now and then. */
  #span(mostPages: number): Span {
    const random = this.#random;
    const size = this.bytes.length;
    const kind = random.below(8);
    const hot = random.below(3) === 0 ? size : Math.floor(size / 8);
    let offset = random.below(hot);
    let length = 1 + random.below(mostPages * PAGE);
    if (kind > 1) {
      offset -= offset % PAGE;
      length = PAGE * (1 + random.below(mostPages));
    }
    if (kind === 7) offset = Math.max(0, size - length);
    return { offset, end: Math.min(size, offset + length) };
  }

  #content(length: number): Uint8Array {
    const random = this.#random;
    const bytes = new Uint8Array(length);
    const kind = random.below(5);
    if (kind === 0) return bytes;
    if (kind === 1) random.fill(bytes);
    else bytes.fill(random.below(6) * 40);
    // Each page its own, but for those that are to be equal to others.
    if (kind > 2)
      for (let at = 0; at < length; at += PAGE) random.fill(bytes.subarray(at, at + 40));
    return bytes;
  }

  #note(work: Promise<void> | undefined, done: () => void): void {
    if (work === undefined) {
      this.atOnce += 1;
      done();
      return;
    }
    this.later += 1;
    const minded = work.then(done).finally(() => this.#all.delete(minded));
    this.#all.add(minded);
  }

  /** Writes somewhere, unless a write there is under way. */
  write(mostPages: number): void {
    const span = this.#span(mostPages);
    const bytes = this.#content(span.end - span.offset);
    this.#begin({ ...span, bytes }, () => this.#cache.beginWrite(span.offset, bytes));
  }

  writeZeroes(mostPages: number): void {
    const span = this.#span(mostPages);
    const length = span.end - span.offset;
    const write = { ...span, bytes: new Uint8Array(length) };
    this.#begin(write, () => this.#cache.beginWriteZeroes(span.offset, length));
  }

  #begin(write: Write, work: () => Promise<void> | undefined): void {
    for (const other of this.#writes) if (overlap(other, write)) return;
    this.#writes.add(write);
    for (const read of this.#reads) if (overlap(read, write)) read.during.push(write);
    this.#note(work(), () => {
      this.#writes.delete(write);
      this.bytes.set(write.bytes, write.offset);
    });
  }

  read(mostPages: number): void {
    const span = this.#span(mostPages);
    const before = this.bytes.slice(span.offset, span.end);
    const during = [...this.#writes].filter((write) => overlap(write, span));
    const read = { ...span, before, during };
    this.#reads.add(read);
    const found = new Uint8Array(before.length).fill(0xee);
    this.#note(this.#cache.beginRead(span.offset, found), () => {
      this.#reads.delete(read);
      check(read, found);
    });
  }

  flush(): void {
    this.#note(this.#cache.beginFlush(), () => {});
  }

  /** Requests under way. */
  get waiting(): number {
    return this.#all.size;
  }

  /** Done when at most `most` requests are under way. */
  async settle(most = 0): Promise<void> {
    while (this.#all.size > most) await Promise.race(this.#all);
  }

  /** Reads all of it and compares. */
  async checkAll(): Promise<void> {
    await this.settle();
    const found = new Uint8Array(this.bytes.length);
    await this.#cache.read(0, found);
    check({ offset: 0, end: found.length, before: this.bytes, during: [] }, found);
  }
}

function check({ offset, before, during }: Read, found: Uint8Array): void {
  if (Buffer.compare(found, before) === 0) return;
  for (let at = 0; at < found.length; at++) {
    if (found[at] === before[at]) continue;
    const place = offset + at;
    const isNew = during.some(
      (write) =>
        place >= write.offset &&
        place < write.end &&
        write.bytes[place - write.offset] === found[at],
    );
    if (!isNew) assert.fail(`byte ${place} is ${found[at]}, not ${before[at]}`);
  }
}
