/**
 * Which contents a trace holds already: the first 16 bytes of a content's SHA-256, and its number. Pages of different
 * bytes with equal 16 bytes are not to be had by chance nor, at 2^64 trials, by intent.
 *
 * Holds always: at most MOST_CONTENTS contents are known (48 MiB of tables); with the next one all are forgotten and
 * the table starts anew, so that a long recording stays within its memory and only writes some contents once more.
 */

const HASH_WORDS = 4;
const START_SLOTS = 2 ** 12;
/** 4 GiB of page contents. */
const MOST_CONTENTS = 2 ** 20;

/** Open addressing, linear probing, half full at most. */
export class ContentTable {
  readonly #mostContents: number;
  #slots = START_SLOTS;
  #count = 0;
  /** HASH_WORDS for each slot. */
  #hashes = new Uint32Array(START_SLOTS * HASH_WORDS);
  /** Number + 1 of the content in a slot, 0 where there is none. */
  #numbers = new Float64Array(START_SLOTS);
  readonly #sought = new Uint32Array(HASH_WORDS);

  constructor(mostContents = MOST_CONTENTS) {
    this.#mostContents = mostContents;
  }

  /** The number of the content with that digest (16 bytes or more); `number`, from now on, if it was not known. */
  findOrAdd(digest: Buffer, number: number): number {
    for (let word = 0; word < HASH_WORDS; word++) {
      this.#sought[word] = digest.readUInt32LE(4 * word);
    }
    const slot = this.#slotOf(this.#sought, 0);
    const known = this.#numbers[slot]!;
    if (known > 0) return known - 1;
    if (this.#count === this.#mostContents) this.#restart(START_SLOTS);
    else if (2 * (this.#count + 1) > this.#slots) this.#grow();
    this.#put(this.#slotOf(this.#sought, 0), this.#sought, 0, number + 1);
    this.#count += 1;
    return number;
  }

  /** The slot that holds the hash at `at` of `hashes`, or the empty one where it belongs. */
  #slotOf(hashes: Uint32Array, at: number): number {
    let slot = hashes[at]! & (this.#slots - 1);
    while (this.#numbers[slot]! > 0) {
      let word = 0;
      while (word < HASH_WORDS && this.#hashes[slot * HASH_WORDS + word] === hashes[at + word]) {
        word += 1;
      }
      if (word === HASH_WORDS) return slot;
      slot = (slot + 1) & (this.#slots - 1);
    }
    return slot;
  }

  #put(slot: number, hashes: Uint32Array, at: number, value: number): void {
    for (let word = 0; word < HASH_WORDS; word++) {
      this.#hashes[slot * HASH_WORDS + word] = hashes[at + word]!;
    }
    this.#numbers[slot] = value;
  }

  #restart(slots: number): void {
    this.#slots = slots;
    this.#count = 0;
    this.#hashes = new Uint32Array(slots * HASH_WORDS);
    this.#numbers = new Float64Array(slots);
  }

  #grow(): void {
    const hashes = this.#hashes;
    const numbers = this.#numbers;
    const count = this.#count;
    this.#restart(2 * this.#slots);
    this.#count = count;
    numbers.forEach((value, slot) => {
      const at = slot * HASH_WORDS;
      if (value > 0) this.#put(this.#slotOf(hashes, at), hashes, at, value);
    });
  }
}
