/**
 * Page contents of a run: each different content once, with a number of its own, so that equality is a comparison of
 * numbers; and the source of the contents a run writes: some again and again, some that differ from those in one
 * byte, some new.
 */

import type { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { fixtureNames, fixturePages } from "../support/fixtures.ts";
import { changedAt, numberedPage, prefixPage, samePage } from "../support/pages.ts";

export interface Content {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly isSameFilled: boolean;
}

/** Places where near-duplicates differ: the ends, word and vector edges. */
const CHANGED_POSITIONS = [0, 7, 8, 63, 64, 2048, 4080, 4087, 4088, 4095];
const FAVOURITES = 16;

function isSameFilled(bytes: Uint8Array): boolean {
  for (let index = 8; index < bytes.length; index++) {
    if (bytes[index] !== bytes[index - 8]) return false;
  }
  return true;
}

export class Contents {
  readonly zeros: Content;
  /** By a hash of the bytes: those that have it. */
  readonly #known = new Map<number, Content[]>();
  readonly #hashed = new Uint8Array(PAGE_BYTES);
  readonly #words = new Int32Array(this.#hashed.buffer);
  #count = 0;
  readonly #random: SeededRandom;
  readonly #favourites: Content[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
    this.zeros = this.of(new Uint8Array(PAGE_BYTES));
    for (let count = 0; count < FAVOURITES; count++) this.#favourites.push(this.#fresh());
  }

  /** The content with those bytes, which must not change afterwards. */
  of(bytes: Uint8Array): Content {
    this.#hashed.set(bytes);
    let hash = 0;
    for (const word of this.#words) hash = Math.imul(hash ^ word, 0x9e3779b1) ^ (hash >>> 15);
    const candidates = this.#known.get(hash);
    const known = candidates?.find((candidate) => Buffer.compare(candidate.bytes, bytes) === 0);
    if (known !== undefined) return known;
    const content = { number: this.#count, bytes, isSameFilled: isSameFilled(bytes) };
    this.#count += 1;
    if (candidates === undefined) this.#known.set(hash, [content]);
    else candidates.push(content);
    return content;
  }

  #fresh(): Content {
    const random = this.#random;
    const kind = random.below(8);
    if (kind < 4) {
      const names = fixtureNames();
      const pages = fixturePages(names[random.below(names.length)]!);
      const offset = random.below(pages.length / PAGE_BYTES) * PAGE_BYTES;
      return this.of(pages.subarray(offset, offset + PAGE_BYTES));
    }
    if (kind < 6) return this.of(prefixPage(random, random.below(PAGE_BYTES)));
    return this.of(kind === 6 ? prefixPage(random, PAGE_BYTES) : numberedPage(random.uint32()));
  }

  /** A content to write next. */
  next(): Content {
    const random = this.#random;
    const favourite = this.#favourites[random.below(FAVOURITES)]!;
    const kind = random.below(16);
    if (kind < 8) return favourite;
    if (kind < 11) {
      const position = CHANGED_POSITIONS[random.below(CHANGED_POSITIONS.length)]!;
      return this.of(changedAt(favourite.bytes, position));
    }
    if (kind < 13) return this.of(samePage(random.below(3), random.below(2)));
    const fresh = this.#fresh();
    if (kind === 13) this.#favourites[random.below(FAVOURITES)] = fresh;
    return fresh;
  }
}
