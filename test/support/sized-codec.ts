/**
 * Codecs whose results have exactly the length a test wants: each page carries, for every priority a store can give a
 * codec, the compressed length it is to have there. Every compressed byte depends on the page, and decoding checks
 * each one, so that an object damaged or mixed up anywhere in the pool shows.
 */

import type { Codec } from "../../codecs/codec.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";

/** Number and four lengths. */
const HEADER_BYTES = 20;

export interface SizedPage {
  /** Pages of different numbers differ. */
  readonly number: number;
  /** Compressed bytes by priority, 20 to 4096; the last one also stands for those left out. */
  readonly lengths: readonly number[];
}

export function sizedPage({ number, lengths }: SizedPage): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  const words = new Uint32Array(page.buffer);
  words[0] = number;
  for (let priority = 0; priority < 4; priority++) {
    words[1 + priority] = lengths[priority] ?? lengths.at(-1)!;
  }
  for (let index = HEADER_BYTES / 4; index < words.length; index++) {
    words[index] = Math.imul(number + index, 0x9e3779b1);
  }
  return page;
}

/** The codec of sized pages for one priority. */
export class SizedCodec implements Codec {
  readonly name: string;
  readonly #priority: number;

  constructor(priority = 0) {
    this.#priority = priority;
    this.name = `sized-${priority}`;
  }

  compress(source: Uint8Array, target: Uint8Array): number {
    const view = new DataView(source.buffer, source.byteOffset);
    const length = view.getUint32(4 + 4 * this.#priority, true);
    if (length > target.length) return 0;
    target.set(source.subarray(0, length));
    return length;
  }

  decompress(source: Uint8Array, target: Uint8Array): number {
    if (source.length < HEADER_BYTES) return -1;
    const view = new DataView(source.buffer, source.byteOffset);
    if (view.getUint32(4 + 4 * this.#priority, true) !== source.length) return -1;
    const lengths = [4, 8, 12, 16].map((at) => view.getUint32(at, true));
    const page = sizedPage({ number: view.getUint32(0, true), lengths });
    if (Buffer.compare(page.subarray(0, source.length), source) !== 0) return -1;
    target.set(page);
    return PAGE_BYTES;
  }
}
