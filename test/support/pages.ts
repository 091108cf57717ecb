/** Pages made to order. Every call gives a page of its own; the same arguments give the same bytes. */

import type { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";

/** Noise: no codec makes it smaller. */
export function randomPage(random: SeededRandom): Uint8Array {
  return prefixPage(random, PAGE_BYTES);
}

/** `noiseBytes` of noise, then zeros: an LZ4 encoder makes about `noiseBytes` + 30 of it. */
export function prefixPage(random: SeededRandom, noiseBytes: number): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  random.fill(page.subarray(0, noiseBytes));
  return page;
}

/** A page of one 8-byte word, given in halves. */
export function samePage(low: number, high: number = low): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  new Uint32Array(page.buffer).forEach((_, index, words) => {
    words[index] = index % 2 === 0 ? low : high;
  });
  return page;
}

/** The page with that number: different for each, small when compressed, never same-filled. */
export function numberedPage(number: number): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES).fill(0x2e);
  const view = new DataView(page.buffer);
  view.setUint32(0, number, true);
  view.setUint32(8, ~number, true);
  return page;
}

/** A copy of the page with the byte at `position` changed. */
export function changedAt(page: Uint8Array, position: number): Uint8Array {
  const copy = page.slice();
  copy[position]! ^= 0x80;
  return copy;
}

/** Far faster than `toEqual`, and it says where the pages part. */
export function differenceOf(found: Uint8Array, expected: Uint8Array): string | null {
  if (Buffer.compare(found, expected) === 0) return null;
  if (found.length !== expected.length) return `${found.length} bytes, not ${expected.length}`;
  const at = found.findIndex((byte, index) => byte !== expected[index]);
  return `byte ${at} is ${found[at]}, not ${expected[at]}`;
}
