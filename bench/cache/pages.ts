/**
 * Files of a corpus's pages, the corpus repeated, in two ways: every page stamped as elsewhere, so that compression
 * alone makes them smaller; or every copy of the corpus stamped as a whole, so that in each copy those pages are equal
 * or of one word that were in the guest, and none is equal to one of another copy.
 */

import { PAGE_BYTES } from "../../src/base/units.ts";
import { corpusPages, StampedPages } from "../corpus.ts";

export const STAMPINGS = ["pages", "copies"] as const;
export type Stamping = (typeof STAMPINGS)[number];

const WORDS = PAGE_BYTES / 4;
const STAMP_WORD = 513;

export function filePages(corpus: string, pages: number, stamping: Stamping): Uint8Array {
  if (stamping === "pages") return new StampedPages(corpus, pages).bytes;
  const once = corpusPages(corpus);
  const words = new Uint32Array(pages * WORDS);
  const bytes = new Uint8Array(words.buffer);
  for (let page = 0; page < pages; page++) {
    const from = (page * PAGE_BYTES) % once.length;
    bytes.set(once.subarray(from, from + PAGE_BYTES), page * PAGE_BYTES);
    if (isOfOneWord(words.subarray(page * WORDS, (page + 1) * WORDS))) continue;
    words[page * WORDS + STAMP_WORD]! ^= Math.floor((page * PAGE_BYTES) / once.length);
  }
  return bytes;
}

function isOfOneWord(page: Uint32Array): boolean {
  return page.every((word) => word === page[0]);
}
