/**
 * The pages a benchmark runs on: a fixture corpus, repeated to the length asked for, every page stamped with a counter
 * so that no two are equal and no round writes what the store already holds (duplicates must not flatter the figure).
 */

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { PAGE_BYTES } from "../src/base/units.ts";
import { pageAlignedBytes } from "../src/base/wasm.ts";
import { REQUEST_BYTES } from "./zram-device.ts";

const FIXTURES = new URL("../fixtures/", import.meta.url);
/** Which 32-bit word of a page carries the stamp: amid the page. */
const STAMP_WORD = 513;
const PAGES_PER_REQUEST = REQUEST_BYTES / PAGE_BYTES;

export const CORPORA = ["guest-a-node", "guest-b-node", "guest-c-python"] as const;

/** The corpus's own pages, one after another. */
export function corpusPages(name: string): Uint8Array {
  return gunzipSync(readFileSync(new URL(`${name}.pages.gz`, FIXTURES)));
}

export class StampedPages {
  readonly count: number;
  readonly bytes: Uint8Array;
  /** A view of each page, and of each 128 KiB. */
  readonly pages: readonly Uint8Array[];
  readonly requests: readonly Uint8Array[];
  readonly #words: Uint32Array;
  #stamp = 0;

  /** `count` pages (a multiple of 32, so that 128 KiB requests come out even) of the corpus. */
  constructor(name: string, count: number) {
    const corpus = corpusPages(name);
    this.count = count;
    this.bytes = pageAlignedBytes(count * PAGE_BYTES);
    for (let done = 0; done < this.bytes.length; done += corpus.length) {
      this.bytes.set(corpus.subarray(0, Math.min(corpus.length, this.bytes.length - done)), done);
    }
    this.#words = new Uint32Array(this.bytes.buffer, 0, this.bytes.length / 4);
    this.pages = Array.from({ length: count }, (_, index) =>
      this.bytes.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES),
    );
    this.requests = Array.from({ length: count / PAGES_PER_REQUEST }, (_, index) =>
      this.bytes.subarray(index * REQUEST_BYTES, (index + 1) * REQUEST_BYTES),
    );
    this.restamp();
  }

  /** Gives every page contents that none had before. */
  restamp(): void {
    for (let index = 0; index < this.count; index++) {
      this.#stamp += 1;
      this.#words[index * (PAGE_BYTES / 4) + STAMP_WORD] = this.#stamp;
    }
  }
}
