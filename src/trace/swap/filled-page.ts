/** Pages filled with one 8-byte word, which is read as an unsigned number, its lowest byte first. */

import { PAGE_BYTES } from "../../base/units.ts";

const WORD_BYTES = 8;
const LAST_WORD = PAGE_BYTES - WORD_BYTES;

/** Whether all words of the page are equal. */
export function isFilled(page: Buffer): boolean {
  // Most pages differ at their ends already, and asking that is cheaper than calling the comparison.
  if (page[0] !== page[LAST_WORD] || page[WORD_BYTES - 1] !== page[PAGE_BYTES - 1]) return false;
  return page.compare(page, WORD_BYTES, PAGE_BYTES, 0, LAST_WORD) === 0;
}

export function fillWord(page: Buffer, word: bigint): void {
  page.writeBigUInt64LE(word);
  for (let filled = WORD_BYTES; filled < PAGE_BYTES; filled *= 2)
    page.copyWithin(filled, 0, filled);
}
