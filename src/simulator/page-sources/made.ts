/**
 * Pages made to compress as asked: each consists of stretches that begin with noise, its share differing from page to
 * page, and go on with zeros. Over many pages LZ4 makes `compressibility` times less of them; a single one becomes
 * between half and one and a half times the mean length.
 *
 * Holds always: a page depends on its content's number alone, and no two numbers give equal pages, since the first four
 * bytes are the number, scrambled reversibly.
 */

import { PagefoldError } from "../../base/errors.ts";
import { SeededRandom } from "../../base/random.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import type { PageSource } from "../contents.ts";
import { scramble } from "./scramble.ts";

export const MOST_COMPRESSIBILITY = 20;
const PAGE_WORDS = PAGE_BYTES / 4;
const STRETCHES = 8;
const STRETCH_WORDS = PAGE_WORDS / STRETCHES;
/** Measured of LZ4: the noise in a page's length, but for 7 bytes a stretch for a token, an offset and lengths. */
const NOISE_SHARE = 0.975;
const OVERHEAD_BYTES = 7 * STRETCHES;
const NOISE_WORDS = 2 ** 14;

export class MadePages implements PageSource {
  readonly #meanBytes: number;
  /** Lengths are spread evenly up to this far from the mean, on both sides. */
  readonly #spreadBytes: number;
  /** Each page takes a part of it, with a number of its own laid over: three times faster than making noise anew. */
  readonly #noise = new Uint32Array(NOISE_WORDS);
  readonly #words = new Uint32Array(PAGE_WORDS);
  readonly #bytes = Buffer.from(this.#words.buffer);

  /** `compressibility`: bytes in / bytes out, from 1 (noise) to 20. @throws PagefoldError INVALID_ARGUMENT. */
  constructor({ compressibility }: { readonly compressibility: number }) {
    if (!(compressibility >= 1 && compressibility <= MOST_COMPRESSIBILITY)) {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        `compressibility cannot be ${compressibility}: give bytes in / bytes out, from 1 to ${MOST_COMPRESSIBILITY}`,
      );
    }
    this.#meanBytes = PAGE_BYTES / compressibility;
    this.#spreadBytes = Math.min(this.#meanBytes / 2, PAGE_BYTES - this.#meanBytes);
    const random = new SeededRandom(1);
    for (let word = 0; word < NOISE_WORDS; word++) this.#noise[word] = random.uint32();
  }

  fill(content: number, target: Uint8Array): void {
    const words = this.#words;
    const noise = this.#noise;
    const number = scramble(content);
    const noiseWords = this.#noiseWordsOf(number);
    const shift = number % (NOISE_WORDS - PAGE_WORDS);
    words.fill(0);
    for (let stretch = 0; stretch < STRETCHES; stretch++) {
      // Stretches differ by a word where their number does not divide that of the noise's words.
      const own = Math.floor((noiseWords + stretch) / STRETCHES);
      const first = stretch * STRETCH_WORDS;
      for (let word = first; word < first + own; word++)
        words[word] = noise[shift + word]! ^ number;
    }
    words[0] = number;
    target.set(this.#bytes);
  }

  #noiseWordsOf(number: number): number {
    const spread = scramble(number) / 2 ** 31 - 1;
    const lengthBytes = this.#meanBytes + spread * this.#spreadBytes;
    if (lengthBytes === PAGE_BYTES) return PAGE_WORDS;
    return Math.max(STRETCHES, Math.round((NOISE_SHARE * lengthBytes - OVERHEAD_BYTES) / 4));
  }
}
