/**
 * Object ids in the order of their last use, with a second chance for what was touched since it was put there. A circle
 * of links, by id, through entry 0, which stands for both ends:
 *
 *     younger[id]   the next id towards the young end, 0 at the end; younger[0] is the oldest id
 *     older[id]     the next towards the old end;                     older[0] is the youngest
 *
 * Holds always: following either way from 0 meets each listed id once and ends at 0. Whether an id still names the
 * object it was put here for is the caller's to check when it is taken.
 *
 * It lies on the way of every page: put, touch and remove are a few stores and allocate nothing, but for growth.
 */

import { assert } from "../../base/assert.ts";

const FIRST_CAPACITY = 1024;
/** Ids have 24 bits. */
const MOST_CAPACITY = 2 ** 24;
/**
 * Second chances in a row, after which the next id is taken though it was touched: a round of a million ids took 50 to
 * 200 ms (2026-11-21), in which nothing else could run.
 */
const MOST_CHANCES = 4096;

export class RecencyList {
  #younger = new Uint32Array(FIRST_CAPACITY);
  #older = new Uint32Array(FIRST_CAPACITY);
  #isListed = new Uint8Array(FIRST_CAPACITY);
  #isTouched = new Uint8Array(FIRST_CAPACITY);
  #size = 0;
  /** Times an id was passed over because it was touched. */
  secondChances = 0;

  /** Ids listed. */
  get size(): number {
    return this.#size;
  }

  /** Bytes the links take. */
  get bytes(): number {
    return this.#isListed.length * 10;
  }

  /** Makes `id` (1 to 2^24 - 1) the youngest, listed or not; that it was touched before counts no more. */
  put(id: number): void {
    this.#ready(id);
    this.#linkAfter(id, this.#older[0]!);
  }

  /** Makes `id` the oldest, the next to be taken. */
  putOldest(id: number): void {
    this.#ready(id);
    this.#linkAfter(id, 0);
  }

  /** Gives a listed id a second chance; does nothing to any other. */
  touch(id: number): void {
    // One store whatever the id: beyond the table it is lost, and put clears the mark of one that was not listed.
    this.#isTouched[id] = 1;
  }

  /** Takes `id` out; does nothing if it is not listed. */
  remove(id: number): void {
    if (id < this.#isListed.length && this.#isListed[id] === 1) this.#unlink(id);
  }

  /**
   * Takes the oldest id out, 0 if there is none. Touched ones met on the way lose their mark and go to the young end,
   * up to 4096 of them.
   */
  takeOldest(): number {
    const isTouched = this.#isTouched;
    for (let chances = 0; ; chances++) {
      const id = this.#younger[0]!;
      if (id === 0) return 0;
      this.#unlink(id);
      if (isTouched[id] === 0 || chances === MOST_CHANCES) return id;
      isTouched[id] = 0;
      this.#linkAfter(id, this.#older[0]!);
      this.secondChances += 1;
    }
  }

  /** Forgets all ids and gives the memory back. */
  clear(): void {
    this.#younger = new Uint32Array(FIRST_CAPACITY);
    this.#older = new Uint32Array(FIRST_CAPACITY);
    this.#isListed = new Uint8Array(FIRST_CAPACITY);
    this.#isTouched = new Uint8Array(FIRST_CAPACITY);
    this.#size = 0;
  }

  /** Makes room for `id` and has it neither listed nor touched. */
  #ready(id: number): void {
    if (id >= this.#isListed.length) this.#grow(id);
    else if (this.#isListed[id] === 1) this.#unlink(id);
    this.#isTouched[id] = 0;
  }

  #linkAfter(id: number, older: number): void {
    const younger = this.#younger[older]!;
    this.#older[id] = older;
    this.#younger[id] = younger;
    this.#younger[older] = id;
    this.#older[younger] = id;
    this.#isListed[id] = 1;
    this.#size += 1;
  }

  #unlink(id: number): void {
    const older = this.#older[id]!;
    const younger = this.#younger[id]!;
    this.#younger[older] = younger;
    this.#older[younger] = older;
    this.#isListed[id] = 0;
    this.#size -= 1;
  }

  #grow(id: number): void {
    assert(id < MOST_CAPACITY, `object id ${id} has more than 24 bits`);
    const capacity = 2 ** Math.ceil(Math.log2(id + 1));
    const grown = <Table extends Uint32Array | Uint8Array>(bigger: Table, table: Table): Table => {
      bigger.set(table);
      return bigger;
    };
    this.#younger = grown(new Uint32Array(capacity), this.#younger);
    this.#older = grown(new Uint32Array(capacity), this.#older);
    this.#isListed = grown(new Uint8Array(capacity), this.#isListed);
    this.#isTouched = grown(new Uint8Array(capacity), this.#isTouched);
  }
}
