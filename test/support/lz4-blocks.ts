/**
 * Valid LZ4 blocks that no encoder of ours would make, with what they decode to.
 *
 * Always holds: blocks keep the format's rules for its end (the last five bytes are literals, the last match starts
 * twelve bytes before the end or earlier), so every decoder has to take them; `content` comes from `decodePlain`, which
 * moves one byte at a time and shares nothing with the decoders under test.
 */

import type { SeededRandom } from "../../src/base/random.ts";

/** A block and the bytes it decodes to. */
export interface Lz4Block {
  readonly name: string;
  readonly block: Uint8Array;
  readonly content: Uint8Array;
}

/** Literals, then a match of `match` bytes (4 or more) that starts `offset` bytes back. */
interface Lz4Sequence {
  readonly literals: Uint8Array;
  readonly offset: number;
  readonly match: number;
}

const LAST_LITERALS = 5;
const MATCH_START_TO_END = 12;
const LONGEST_OFFSET = 65_535;

/** Writes a block as told: nothing is searched and nothing checked. */
function encodeSequences(sequences: readonly Lz4Sequence[], last: Uint8Array): Uint8Array {
  const block: number[] = [];
  const put = (literals: Uint8Array, match: number): void => {
    block.push((Math.min(literals.length, 15) << 4) | Math.min(match, 15));
    putMore(block, literals.length);
    for (const byte of literals) block.push(byte);
  };
  for (const { literals, offset, match } of sequences) {
    put(literals, match - 4);
    block.push(offset & 0xff, offset >>> 8);
    putMore(block, match - 4);
  }
  put(last, 0);
  return Uint8Array.from(block);
}

function putMore(block: number[], length: number): void {
  if (length < 15) return;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) block.push(255);
  block.push(rest);
}

/** Decodes a valid block, one byte at a time. */
function decodePlain(block: Uint8Array): Uint8Array {
  const content: number[] = [];
  let position = 0;
  const next = (): number => {
    const byte = block[position++];
    if (byte === undefined) throw new Error(`the block ends at ${block.length}, inside a sequence`);
    return byte;
  };
  const lengthFrom = (nibble: number): number => {
    if (nibble < 15) return nibble;
    const more = next();
    return more < 255 ? 15 + more : 255 + lengthFrom(15);
  };
  while (true) {
    const token = next();
    for (let left = lengthFrom(token >>> 4); left > 0; left--) content.push(next());
    if (position === block.length) return Uint8Array.from(content);
    const offset = next() + 256 * next();
    for (let left = lengthFrom(token & 15) + 4; left > 0; left--) {
      const byte = content[content.length - offset];
      if (byte === undefined) throw new Error(`offset ${offset} at ${content.length} bytes`);
      content.push(byte);
    }
  }
}

/** A block of random sequences that decodes to exactly `contentBytes` bytes. */
export function randomBlock(random: SeededRandom, contentBytes: number): Lz4Block {
  const sequences: Lz4Sequence[] = [];
  let produced = 0;
  while (true) {
    const room = contentBytes - produced - MATCH_START_TO_END;
    const wanted = produced === 0 ? 1 + randomLength(random) : randomLength(random);
    if (wanted > room) break;
    const literals = randomBytes(random, wanted);
    produced += wanted;
    const reach = Math.min(produced, LONGEST_OFFSET);
    const offset = 1 + random.below(random.below(2) ? reach : Math.min(reach, 20));
    const match = Math.min(4 + randomLength(random), contentBytes - produced - LAST_LITERALS);
    sequences.push({ literals, offset, match });
    produced += match;
  }
  const block = encodeSequences(sequences, randomBytes(random, contentBytes - produced));
  return { name: `random of ${contentBytes}`, block, content: decodePlain(block) };
}

/** Often nothing, mostly little, at times around where another length byte begins, rarely much. */
function randomLength(random: SeededRandom): number {
  const kind = random.below(16);
  if (kind < 4) return 0;
  if (kind < 12) return random.below(15);
  if (kind < 14) return 13 + random.below(8);
  if (kind < 15) return 265 + random.below(10) + 255 * random.below(3);
  return random.below(3000);
}

function randomBytes(random: SeededRandom, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return bytes;
}

const LENGTHS_AT_EDGES = [
  0, 1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 31, 32, 33, 64, 65, 268, 269, 270, 271, 272,
  524, 525, 526, 3000,
];
const LONGEST_CLOSE_OFFSET = 40;

/** Each unusual shape by itself: every length at its edges, every close offset, long reaches, short tails. */
export function handMadeBlocks(random: SeededRandom): Lz4Block[] {
  const blocks: Lz4Block[] = [];
  const add = (name: string, sequences: readonly Lz4Sequence[], lastBytes: number): void => {
    const block = encodeSequences(sequences, randomBytes(random, lastBytes));
    blocks.push({ name, block, content: decodePlain(block) });
  };
  const sequence = (literalBytes: number, offset: number, match: number): Lz4Sequence => ({
    literals: randomBytes(random, literalBytes),
    offset,
    match,
  });
  for (const length of LENGTHS_AT_EDGES) {
    add(`${length} literals only`, [], length);
    add(`${length + 1} literals before a match`, [sequence(length + 1, 1, 7)], 12);
    add(`a match of ${length + 4}`, [sequence(50, 23, length + 4)], 12);
    add(`${length + 5} literals after a match`, [sequence(5, 4, 8)], length + 5);
    for (const lastBytes of [12, 80]) {
      for (let offset = 1; offset <= LONGEST_CLOSE_OFFSET; offset++) {
        const name = `offset ${offset}, match ${length + 4}, then ${lastBytes} literals`;
        add(name, [sequence(offset, offset, length + 4)], lastBytes);
      }
    }
  }
  for (let offset = 1; offset <= LONGEST_CLOSE_OFFSET; offset++) {
    const chain = Array.from({ length: 30 }, (_, index) => sequence(0, offset, 4 + index));
    add(
      `30 matches without literals, offset ${offset}`,
      [sequence(offset, offset, 4), ...chain],
      5 + 7,
    );
  }
  for (const reach of [255, 256, 257, 4000, 32_767, 32_768, 65_000]) {
    add(`offset ${reach}, all there is`, [sequence(reach, reach, 64)], 12);
  }
  add("255 more, again and again", [sequence(15 + 255 * 40, 9000, 19 + 255 * 40)], 15 + 255 * 20);
  add("the last five", [sequence(20, 10, 30)], 5);
  return blocks;
}
