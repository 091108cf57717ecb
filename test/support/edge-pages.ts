/**
 * Pages made by hand where codecs tend to go wrong: nothing to encode, nothing to gain, matches that overlap
 * themselves, a difference at either end. Always the same pages.
 */

import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";

export interface NamedPage {
  readonly name: string;
  readonly page: Uint8Array;
}

/** Positions around the ends, the word and vector sizes and the middle. */
const SINGLE_POSITIONS = [
  0, 1, 3, 4, 7, 8, 15, 16, 255, 2047, 2048, 4079, 4083, 4084, 4088, 4090, 4091, 4094, 4095,
];
const LONGEST_PERIOD = 20;
const TEXT = "A page holds 4096 bytes; a slot holds a page. What was acknowledged is read back. ";
const LINES = Array.from({ length: 600 }, (_, index) => `line ${index}\n`).join("");

function pageOf(byteAt: (index: number) => number): Uint8Array {
  return Uint8Array.from({ length: PAGE_BYTES }, (_, index) => byteAt(index));
}

/** All of them, each with a name for messages. */
export function edgePages(): NamedPage[] {
  const random = new SeededRandom(1);
  const noise = new Uint8Array(PAGE_BYTES);
  random.fill(noise);
  const word = noise.subarray(0, 8);
  return [
    { name: "zero", page: new Uint8Array(PAGE_BYTES) },
    { name: "0x00 to 0xff, again and again", page: pageOf((index) => index & 0xff) },
    { name: "one repeated byte", page: pageOf(() => 0x5a) },
    { name: "all bits set", page: pageOf(() => 0xff) },
    { name: "a repeated 8-byte word", page: pageOf((index) => word[index % 8]!) },
    { name: "random", page: noise },
    { name: "half random, half zero", page: pageOf((index) => (index < 2048 ? noise[index]! : 0)) },
    { name: "half zero, half random", page: pageOf((index) => (index < 2048 ? 0 : noise[index]!)) },
    { name: "random, its first half again", page: pageOf((index) => noise[index % 2048]!) },
    { name: "random of 16 values", page: pageOf((index) => noise[index]! & 15) },
    { name: "text", page: pageOf((index) => TEXT.charCodeAt(index % TEXT.length)) },
    { name: "text with numbers", page: pageOf((index) => LINES.charCodeAt(index)) },
    ...SINGLE_POSITIONS.map((position) => ({
      name: `zero but for byte ${position}`,
      page: pageOf((index) => (index === position ? 1 : 0)),
    })),
    ...Array.from({ length: LONGEST_PERIOD }, (_, index) => ({
      name: `period ${index + 1}`,
      page: pageOf((position) => noise[100 + (position % (index + 1))]!),
    })),
    ...Array.from({ length: LONGEST_PERIOD }, (_, index) => ({
      name: `period ${index + 1} broken at the end`,
      page: pageOf((position) => noise[100 + (position % (index + 1))]! ^ Number(position > 4085)),
    })),
  ];
}
