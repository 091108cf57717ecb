/**
 * LZ4 blocks that lie: lengths that run past either end, offsets before the start, extension bytes without end, and
 * valid blocks cut short, lengthened or with bits flipped. Nothing here is checked for being wrong: some are valid by
 * chance.
 */

import type { SeededRandom } from "../../src/base/random.ts";
import { randomBlock } from "./lz4-blocks.ts";

/** One of every kind of hostile block in turn, meant for a target of `targetBytes`. */
export function hostileBlock(random: SeededRandom, targetBytes: number): Uint8Array {
  const kind = random.below(8);
  if (kind === 0) return noise(random, random.below(random.below(4) ? 64 : 5000));
  if (kind === 1) return lyingSequences(random, targetBytes);
  if (kind === 2) return longRun(random, targetBytes);
  const { block } = randomBlock(random, Math.max(0, targetBytes + nudge(random)));
  if (kind === 3) return block.subarray(0, random.below(block.length + 1));
  if (kind === 4) return Buffer.concat([block, noise(random, random.below(40))]);
  const flipped = block.slice();
  for (let flips = 1 + random.below(3); flips > 0 && flipped.length > 0; flips--) {
    flipped[random.below(flipped.length)]! ^= 1 << random.below(8);
  }
  return flipped;
}

/** Mostly nothing, at times a little more or less. */
function nudge(random: SeededRandom): number {
  return random.below(3) === 0 ? random.below(33) - 16 : 0;
}

function noise(random: SeededRandom, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return bytes;
}

function pushLength(block: number[], length: number): void {
  if (length < 15) return;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) block.push(255);
  block.push(rest);
}

/** Sequences with the right syntax whose lengths and offsets end near, at or past what they may reach. */
function lyingSequences(random: SeededRandom, targetBytes: number): Uint8Array {
  const block: number[] = [];
  let produced = 0;
  for (let sequence = random.below(12); sequence >= 0; sequence--) {
    const left = targetBytes - produced;
    const literals = random.below(3) ? random.below(20) : Math.max(0, left + random.below(40) - 20);
    const match = random.below(3) ? random.below(24) : Math.max(0, left + random.below(40) - 20);
    block.push((Math.min(literals, 15) << 4) | Math.min(match, 15));
    pushLength(block, literals);
    // At times fewer literals follow than were announced.
    const present = random.below(8) === 0 ? random.below(literals + 1) : literals;
    for (let count = 0; count < present; count++) block.push(random.below(256));
    produced += literals;
    const offset = [0, 1, 2, 7, 8, 15, 16, produced, produced + 1, 65_535, random.below(65_536)];
    const chosen = offset[random.below(offset.length)]!;
    block.push(chosen & 0xff, (chosen >>> 8) & 0xff);
    pushLength(block, match);
    produced += match + 4;
  }
  return Uint8Array.from(block);
}

/** A few bytes of output, then a literal or match length of very many extension bytes. */
function longRun(random: SeededRandom, targetBytes: number): Uint8Array {
  const run = new Uint8Array(random.below(40 + Math.ceil(targetBytes / 200))).fill(255);
  const token = random.below(2) === 0 ? [0xf0] : [0x1f, 7, 1, 0];
  return Buffer.concat([Uint8Array.from(token), run, noise(random, random.below(40))]);
}
