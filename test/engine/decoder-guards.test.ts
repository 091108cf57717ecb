/**
 * The LZ4 decoder and encoders at address level: fed with anything, they touch no byte outside what they are given.
 * Writes show as changed bytes anywhere in the memory; reads and writes past its ends trap, so ranges also lie
 * against the end.
 */

import { assert, describe, expect, it } from "vitest";
import { instantiateLz4, type Lz4Module } from "../../codecs/lz4/block-codec.ts";
import lz4Wasm from "../../codecs/lz4/lz4.wasm.ts";
import lz4FastWasm from "../../codecs/lz4-fast/lz4-fast.wasm.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { edgePages } from "../support/edge-pages.ts";
import { fixturePageList } from "../support/fixtures.ts";
import { hostileBlock } from "../support/hostile-blocks.ts";
import { handMadeBlocks, randomBlock } from "../support/lz4-blocks.ts";
import { differenceOf } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";
import { WatchedMemory } from "../support/watched-memory.ts";

const MODULES = [
  { name: "lz4", wasm: lz4Wasm },
  { name: "lz4-fast", wasm: lz4FastWasm },
];
const TARGET_LENGTHS = [
  ...Array.from({ length: 201 }, (_, length) => length),
  255,
  256,
  257,
  1000,
  4095,
  4096,
  4097,
  8192,
];
const HOSTILE_BLOCKS_EACH = 120;
/** What an encoder may write beyond its bound (codecs/lz4/assembly/encode.ts). */
const ENCODER_SCRATCH_BYTES = 31;
/** What an encoder may read beyond its source: literals are copied 16 bytes at a time. */
const ENCODER_AHEAD_BYTES = 15;

/** Where source and target lie: apart, next to each other, and against the end of the memory. */
type Layout = "apart" | "source then target" | "target then source" | "source last" | "target last";
const LAYOUTS: readonly Layout[] = [
  "apart",
  "source then target",
  "target then source",
  "source last",
  "target last",
];

interface Call {
  readonly block: Uint8Array;
  readonly targetBytes: number;
  readonly layout: Layout;
}

class Decoder {
  readonly #module: Lz4Module;
  readonly #memory: WatchedMemory;
  readonly #middle: number;

  constructor(wasm: string) {
    this.#module = instantiateLz4(wasm);
    this.#module.memory.grow(1);
    this.#middle = this.#module.freeStart() + 4099;
    this.#memory = new WatchedMemory(this.#module.memory.buffer, this.#module.freeStart());
  }

  #placeOf({ block, targetBytes, layout }: Call): { source: number; target: number } {
    const middle = this.#middle;
    const last = this.#memory.end;
    if (layout === "source last") return { source: last - block.length, target: middle };
    if (layout === "target last") return { source: middle, target: last - targetBytes };
    if (layout === "target then source") return { source: middle + targetBytes, target: middle };
    const gap = layout === "apart" ? 301 : 0;
    return { source: middle, target: middle + block.length + gap };
  }

  /** Decodes and checks every byte of the memory: the content, or null if the block was refused. */
  decode(call: Call): Uint8Array | null {
    const { block, targetBytes, layout } = call;
    const memory = this.#memory;
    const { source, target } = this.#placeOf(call);
    const range = { start: target, end: target + targetBytes };
    memory.put(source, block);
    const answer = this.#module.decode(source, block.length, target, targetBytes);
    if (answer !== -1 && answer !== targetBytes) assert.fail(`the answer was ${answer}`);
    const changed = memory.changeOutside(range);
    if (changed !== null) {
      const at = changed < target ? `${target - changed} before` : `${changed - range.end} after`;
      assert.fail(`${targetBytes} bytes, ${layout}: wrote ${at} the target`);
    }
    const content = answer === -1 ? null : memory.bytes(range);
    memory.restore(range);
    return content;
  }
}

interface TwoSequences {
  readonly literals: number;
  /** Four less than the match's length, below 15. */
  readonly match: number;
  readonly offset: number;
  /** Literals after the match, 12 or more. */
  readonly tail: number;
}

/** A sequence with a match, and one of literals only; 100 of those keep the first far from the end. */
function blockOf({ literals, match, offset, tail }: TwoSequences): Uint8Array {
  const lengthOf = (count: number) => (count < 15 ? [] : [count - 15]);
  const bytes = (count: number) => Array.from({ length: count }, (_, index) => 100 + index);
  return Uint8Array.of(
    (Math.min(literals, 15) << 4) | match,
    ...lengthOf(literals),
    ...bytes(literals),
    offset & 0xff,
    offset >>> 8,
    Math.min(tail, 15) << 4,
    ...lengthOf(tail),
    ...bytes(tail),
  );
}

describe.each(MODULES)("decode of the module of $name", ({ name, wasm }) => {
  const decoder = new Decoder(wasm);
  const random = new SeededRandom(testSeed(`${name} decoder guards`));

  it.each(LAYOUTS)("writes its target alone, given hostile blocks, with %s", (layout) => {
    let refused = 0;
    let blocks = 0;
    for (const targetBytes of TARGET_LENGTHS) {
      for (let count = 0; count < HOSTILE_BLOCKS_EACH; count++) {
        const block = hostileBlock(random, targetBytes);
        if (decoder.decode({ block, targetBytes, layout }) === null) refused += 1;
        blocks += 1;
      }
    }
    console.log(`${name}, ${layout}: ${blocks} hostile blocks, ${refused} refused`);
    expect(refused).toBeGreaterThan(blocks / 2);
    expect(refused).toBeLessThan(blocks);
  });

  it.each(LAYOUTS)("writes its target alone, given every prefix of a block, with %s", (layout) => {
    for (const targetBytes of [1, 13, 40, 64, 65, 100, 200, 300, 1000]) {
      const { block } = randomBlock(random, targetBytes);
      for (let length = 0; length < block.length; length++) {
        const prefix = block.subarray(0, length);
        expect(decoder.decode({ block: prefix, targetBytes, layout })).toBeNull();
      }
    }
  });

  it("refuses an offset of zero and those before the start, far from and near the end", () => {
    for (const literals of [0, 1, 4, 7, 8, 14, 15, 16, 40]) {
      for (const match of [0, 4, 8, 9, 12, 13, 14]) {
        for (const tail of [12, 14, 100]) {
          for (const offset of [0, literals + 1, literals + 2, literals + 16, 65_535]) {
            const block = blockOf({ literals, match, offset, tail });
            const targetBytes = literals + match + 4 + tail;
            const found = decoder.decode({ block, targetBytes, layout: "apart" });
            expect(found, `${literals} literals, offset ${offset}`).toBeNull();
          }
          if (literals === 0) continue;
          const block = blockOf({ literals, match, offset: literals, tail });
          const targetBytes = literals + match + 4 + tail;
          expect(decoder.decode({ block, targetBytes, layout: "apart" })).not.toBeNull();
        }
      }
    }
  });

  it.each(LAYOUTS)("decodes valid blocks within their bytes, with %s", (layout) => {
    const blocks = handMadeBlocks(random).filter((_, index) => index % 3 === 0);
    for (const targetBytes of TARGET_LENGTHS) {
      if (targetBytes > 0) blocks.push(randomBlock(random, targetBytes));
    }
    for (const { name: what, block, content } of blocks) {
      const found = decoder.decode({ block, targetBytes: content.length, layout });
      const difference = found === null ? "refused" : differenceOf(found, content);
      if (difference) assert.fail(`${what}: ${difference}`);
      for (const targetBytes of [content.length - 1, content.length + 1]) {
        if (targetBytes < 0) continue;
        expect(decoder.decode({ block, targetBytes, layout }), what).toBeNull();
      }
    }
  });
});

/** As lz4Bound has it. */
function boundOf(length: number): number {
  return length + Math.floor(length / 255) + 16;
}

describe.each(MODULES)("encode of the module of $name", ({ name, wasm }) => {
  const random = new SeededRandom(testSeed(`${name} encoder guards`));
  const noise = new Uint8Array(20_000);
  random.fill(noise);
  const sources = edgePages().map(({ page }) => page);
  for (const page of fixturePageList("guest-c-python", 97)) sources.push(page);
  for (let length = 0; length <= 300; length++) {
    const text = sources[11]!.subarray(0, length);
    sources.push(noise.subarray(length, 2 * length), text, new Uint8Array(length));
  }
  for (const length of [4095, 4097, 10_000, 20_000]) sources.push(noise.subarray(0, length));
  // Nothing to gain but a match as near the end as the format allows it.
  for (const length of [...Array(60).keys()].map((index) => 30 + index).concat(4096, 4351)) {
    for (const fromEnd of [12, 13, 16, 20]) {
      const source = noise.slice(0, length);
      source.copyWithin(length - fromEnd, 3, 11);
      sources.push(source);
    }
  }

  it.each(["apart", "target last"])("writes its bound and scratch alone, with %s", (layout) => {
    const module = instantiateLz4(wasm);
    module.memory.grow(2);
    const memory = new WatchedMemory(module.memory.buffer, module.freeStart());
    const table = { start: 0, end: module.freeStart() };
    for (const source of sources) {
      const from = table.end + 64;
      const room = boundOf(source.length) + ENCODER_SCRATCH_BYTES;
      const start = layout === "apart" ? from + source.length + 101 : memory.end - room;
      memory.put(from, source);
      const length = module.encode(from, source.length, start);
      expect(length).toBeLessThanOrEqual(boundOf(source.length));
      const range = { start, end: start + room };
      const changed = memory.changeOutside(table, range);
      if (changed !== null) assert.fail(`${source.length} bytes: wrote at ${changed - start}`);
      memory.restore(range);
    }
  });

  it("reads its source and at most 15 bytes more", () => {
    const module = instantiateLz4(wasm);
    module.memory.grow(2);
    const memory = new WatchedMemory(module.memory.buffer, module.freeStart());
    const target = module.freeStart() + 64;
    for (const source of sources) {
      const from = memory.end - source.length - ENCODER_AHEAD_BYTES;
      memory.put(from, source);
      const length = module.encode(from, source.length, target);
      const block = memory.bytes({ start: target, end: target + length });
      memory.put(from + source.length, new Uint8Array(ENCODER_AHEAD_BYTES).fill(0x77));
      module.encode(from, source.length, target);
      const again = memory.bytes({ start: target, end: target + length });
      expect(differenceOf(again, block), `${source.length} bytes`).toBeNull();
    }
  });

  it("does not depend on what lay in the memory before", () => {
    const module = instantiateLz4(wasm);
    module.memory.grow(2);
    const memory = new WatchedMemory(module.memory.buffer, module.freeStart());
    const from = module.freeStart() + 64;
    const target = memory.end - boundOf(PAGE_BYTES) - ENCODER_SCRATCH_BYTES;
    const encode = (page: Uint8Array): Uint8Array => {
      memory.put(from, page);
      const length = module.encode(from, page.length, target);
      return memory.bytes({ start: target, end: target + length });
    };
    const pages = edgePages().map(({ page }) => page);
    const blocks = pages.map(encode);
    pages.toReversed().forEach((page, index) => {
      expect(differenceOf(encode(page), blocks.at(-1 - index)!)).toBeNull();
    });
  });
});
