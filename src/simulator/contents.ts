/**
 * Contents as identities: a whole number from 0 to 2^31 - 1 stands for 4096 bytes, and two numbers are equal exactly if
 * the bytes are. They become bytes when a page reaches the swap device, and not before.
 */

import { createHash } from "node:crypto";
import { assert } from "../base/assert.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { fillWord, isFilled } from "../trace/swap/filled-page.ts";

/** The page of zeros. */
export const ZERO_CONTENT = 0;
const MOST_CONTENTS = 2 ** 31 - 1;

/** Makes the bytes of contents that are numbers and nothing else; other numbers must give other bytes. */
export interface PageSource {
  fill(content: number, target: Uint8Array): void;
}

interface Image {
  readonly first: number;
  readonly pages: number;
}

export class Contents {
  readonly #source: PageSource;
  readonly #images = new Map<string, Image>();
  /** Contents that are one 64-bit word throughout, by word and back. */
  readonly #filled = new Map<bigint, number>();
  readonly #words = new Map<number, bigint>();
  /** Contents given as bytes, by digest and back. */
  readonly #digests = new Map<string, number>();
  readonly #given = new Map<number, Uint8Array>();
  #next = 1;

  constructor(source: PageSource) {
    this.#source = source;
    this.#filled.set(0n, ZERO_CONTENT);
    this.#words.set(ZERO_CONTENT, 0n);
  }

  /** A content nobody else has. */
  fresh(): number {
    assert(this.#next < MOST_CONTENTS, "a simulation has at most 2^31 - 1 contents");
    return this.#next++;
  }

  /** The first of `count` contents in a row that nobody else has. */
  reserve(count: number): number {
    assert(this.#next + count < MOST_CONTENTS, "a simulation has at most 2^31 - 1 contents");
    const first = this.#next;
    this.#next += count;
    return first;
  }

  /** The first content of an image or file of `pages` pages; the same name gives the same contents. */
  image(name: string, pages: number): number {
    const known = this.#images.get(name);
    if (known !== undefined) {
      assert(pages <= known.pages, "an image keeps the length it was first asked with");
      return known.first;
    }
    const first = this.reserve(pages);
    this.#images.set(name, { first, pages });
    return first;
  }

  /** How many pages the image of that name has, undefined if nobody asked for it yet. */
  imagePages(name: string): number | undefined {
    return this.#images.get(name)?.pages;
  }

  /** The page whose 8-byte words, little-endian, all equal `word`. */
  filled(word: bigint): number {
    const known = this.#filled.get(word);
    if (known !== undefined) return known;
    const content = this.fresh();
    this.#filled.set(word, content);
    this.#words.set(content, word);
    return content;
  }

  /** These very bytes, copied; equal bytes give the same content. */
  given(bytes: Uint8Array): number {
    assert(bytes.length === PAGE_BYTES, "a content is a page");
    const page = asBuffer(bytes);
    if (isFilled(page)) return this.filled(page.readBigUInt64LE());
    const digest = createHash("sha256").update(bytes).digest("base64");
    const known = this.#digests.get(digest);
    if (known !== undefined) return known;
    const content = this.fresh();
    this.#digests.set(digest, content);
    this.#given.set(content, Uint8Array.from(bytes));
    return content;
  }

  /** Writes the content's bytes into `target`, a page. */
  bytesOf(content: number, target: Uint8Array): void {
    const word = this.#words.get(content);
    const given = this.#given.get(content);
    if (word !== undefined) fillWord(asBuffer(target), word);
    else if (given !== undefined) target.set(given);
    else this.#source.fill(content, target);
  }
}

function asBuffer(page: Uint8Array): Buffer {
  return Buffer.from(page.buffer, page.byteOffset, page.length);
}
