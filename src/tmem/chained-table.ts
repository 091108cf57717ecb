/**
 * A hash table of entries of a fixed number of 32-bit words, in typed arrays (with a sign, since larger numbers would
 * be boxed on their way); entries go by number, from 1 on, and keep it. Word 0 chains an entry to the next of its
 * bucket (or of the free ones), word 1 is its hash, the others are the caller's; they are what they were last in an
 * entry given out anew.
 *
 * Buckets grow by linear hashing (Litwin 1980), each insertion splitting one while there are more entries than buckets;
 * buckets and entries lie in segments, so that no insertion waits for a table to be moved.
 */

import { assert } from "../base/assert.ts";

const NEXT = 0;
const HASH = 1;
/** The first word that is the caller's. */
export const FIRST_WORD = 2;

const SEGMENT_BITS = 12;
const SEGMENT_ENTRIES = 2 ** SEGMENT_BITS;
const PLACE_MASK = SEGMENT_ENTRIES - 1;
const FIRST_BUCKETS = SEGMENT_ENTRIES / 4;

export class ChainedTable {
  readonly #words: number;
  readonly #most: number;
  readonly #segments: Int32Array[] = [];
  /** By bucket: its first entry, 0 of an empty one. */
  readonly #heads: Int32Array[] = [new Int32Array(SEGMENT_ENTRIES)];
  /** Buckets before the doubling under way, a power of two; those below `#split` are split. */
  #base = FIRST_BUCKETS;
  #split = 0;
  /** Entries given back, chained, and the first number never given out. */
  #free = 0;
  #end = 1;
  /** Entries in use. */
  count = 0;

  /** Entries of `words` words each, at most `most` of them at a time. */
  constructor(words: number, most: number) {
    assert(words >= FIRST_WORD, "an entry has its chain and its hash");
    this.#words = words;
    this.#most = most;
  }

  get bytes(): number {
    const words = this.#segments.length * this.#words + this.#heads.length;
    return 4 * SEGMENT_ENTRIES * words;
  }

  get(entry: number, word: number): number {
    return this.#segments[entry >>> SEGMENT_BITS]![(entry & PLACE_MASK) * this.#words + word]!;
  }

  set(entry: number, word: number, value: number): void {
    this.#segments[entry >>> SEGMENT_BITS]![(entry & PLACE_MASK) * this.#words + word] = value;
  }

  hashOf(entry: number): number {
    return this.get(entry, HASH);
  }

  /** The first entry that may have that hash, 0 if there is none. */
  first(hash: number): number {
    return this.#head(this.#bucketOf(hash));
  }

  #head(bucket: number): number {
    return this.#heads[bucket >>> SEGMENT_BITS]![bucket & PLACE_MASK]!;
  }

  #setHead(bucket: number, entry: number): void {
    this.#heads[bucket >>> SEGMENT_BITS]![bucket & PLACE_MASK] = entry;
  }

  /** The entry behind another, 0 if there is none; all of the same hash come. */
  next(entry: number): number {
    return this.get(entry, NEXT);
  }

  /** Sees to it that `insert` can be called: false if the table is full or the process gets no memory. */
  prepare(): boolean {
    if (this.count === this.#most) return false;
    if (this.#free !== 0 || this.#end >>> SEGMENT_BITS < this.#segments.length) return true;
    const segment = arrayOf(this.#words * SEGMENT_ENTRIES);
    if (segment === null) return false;
    this.#segments.push(segment);
    return true;
  }

  /** A new entry of that hash; `prepare` was asked since the last. */
  insert(hash: number): number {
    let entry = this.#free;
    if (entry === 0) entry = this.#end++;
    else this.#free = this.get(entry, NEXT);
    const bucket = this.#bucketOf(hash);
    this.set(entry, NEXT, this.#head(bucket));
    this.set(entry, HASH, hash);
    this.#setHead(bucket, entry);
    this.count += 1;
    if (this.count > this.#base + this.#split) this.#splitNext();
    return entry;
  }

  remove(entry: number): void {
    const next = this.get(entry, NEXT);
    const bucket = this.#bucketOf(this.get(entry, HASH));
    let before = this.#head(bucket);
    if (before === entry) {
      this.#setHead(bucket, next);
    } else {
      while (this.get(before, NEXT) !== entry) before = this.get(before, NEXT);
      this.set(before, NEXT, next);
    }
    this.set(entry, NEXT, this.#free);
    this.#free = entry;
    this.count -= 1;
  }

  #bucketOf(hash: number): number {
    const bucket = hash & (this.#base - 1);
    return bucket < this.#split ? hash & (2 * this.#base - 1) : bucket;
  }

  /** Splits the next bucket; without memory for more of them, chains grow instead. */
  #splitNext(): void {
    const twin = this.#base + this.#split;
    if (twin >>> SEGMENT_BITS === this.#heads.length) {
      const segment = arrayOf(SEGMENT_ENTRIES);
      if (segment === null) return;
      this.#heads.push(segment);
    }
    let entry = this.#head(this.#split);
    this.#setHead(this.#split, 0);
    while (entry !== 0) {
      const next = this.get(entry, NEXT);
      const bucket = (this.get(entry, HASH) & this.#base) === 0 ? this.#split : twin;
      this.set(entry, NEXT, this.#head(bucket));
      this.#setHead(bucket, entry);
      entry = next;
    }
    this.#split += 1;
    if (this.#split < this.#base) return;
    this.#base *= 2;
    this.#split = 0;
  }
}

function arrayOf(words: number): Int32Array<ArrayBuffer> | null {
  try {
    return new Int32Array(words);
  } catch (cause) {
    if (cause instanceof RangeError) return null;
    throw cause;
  }
}
