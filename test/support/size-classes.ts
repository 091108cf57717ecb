/**
 * The size classes an engine ought to have, from src/lab/zsmalloc.ts, which is checked against the kernel's published
 * figures and shares nothing with the engine's pool. An object has a head of 4 bytes in its place; a raw page has none.
 */

import { PAGE_BYTES } from "../../src/base/units.ts";
import { zsmalloc } from "../../src/lab/zsmalloc.ts";

const HEAD_BYTES = 4;

/** Longest compressed length of each class, ascending; raw pages are in none. */
export const classRooms: readonly number[] = zsmalloc(8)
  .classes.filter(({ objectsPerZspage }) => objectsPerZspage > 1)
  .map(({ sizeBytes }) => sizeBytes - HEAD_BYTES);

/** The longest compressed length that is not stored raw. */
export const longestLength: number = classRooms.at(-1)!;

/** The longest length that goes to the class of `length`; a page for what is stored raw. */
export function roomFor(length: number): number {
  return classRooms.find((room) => room >= length) ?? PAGE_BYTES;
}

/** Bytes of pool that objects of these lengths take where nothing but rounding to classes is lost. */
export function leastPoolBytes(lengths: Iterable<number>): number {
  let bytes = 0;
  for (const length of lengths) {
    const room = roomFor(length);
    bytes += room === PAGE_BYTES ? PAGE_BYTES : room + HEAD_BYTES;
  }
  return bytes;
}
