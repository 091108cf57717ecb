/**
 * What every codec has to hold to; test/codecs/codecs.test.ts runs it for each one in the registry. Every call is made
 * inside guards and its answer checked (test/support/checked-codec.ts), so a test below says only what is particular.
 *
 * Random cases come from one seed, which each run prints (test/support/seed.ts).
 */

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Codec } from "../../codecs/codec.ts";
import { getCodec, loadCodec, parseCodec } from "../../codecs/registry.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { compress, decompress, ROOM_BYTES, roundTrip } from "../support/checked-codec.ts";
import { edgePages } from "../support/edge-pages.ts";
import { fixtureNames, fixturePageList } from "../support/fixtures.ts";
import { testSeed } from "../support/seed.ts";

export interface CodecSuite {
  readonly spec: string;
  /** Only every n-th fixture page is tried; for slow codecs. */
  readonly pageStride?: number;
  /** The reason why this codec cannot be tested here. */
  readonly skip?: string;
}

const PROPERTY_RUNS = 150;
const DAMAGED_BLOCKS = 1500;
const TARGET_LENGTHS = [0, 1, 5, 100, PAGE_BYTES - 1, PAGE_BYTES, PAGE_BYTES + 1, 3 * PAGE_BYTES];

/** Registers the whole suite for one codec. */
export function describeCodec({ spec, pageStride = 1, skip }: CodecSuite): void {
  const { name, definition } = parseCodec(spec);
  describe.skipIf(skip !== undefined)(skip ? `${name} (${skip})` : name, () => {
    const seed = testSeed(name);
    let codec: Codec;
    /** A few blocks of all kinds, to be damaged. */
    let blocks: readonly Uint8Array[];

    beforeAll(async () => {
      await loadCodec(spec);
      codec = getCodec(spec);
      const pages = edgePages().filter((_, index) => index % 9 === 0);
      for (const page of fixturePageList("guest-a-node", 1500)) pages.push({ name: "", page });
      blocks = pages.map(({ page }) => compress(codec, page, { targetBytes: ROOM_BYTES })!);
    });

    const tryDamaged = (encoded: Uint8Array, index: number): void => {
      const targetBytes = index % 4 ? PAGE_BYTES : TARGET_LENGTHS[(index / 4) % 8]!;
      decompress(codec, encoded, { targetBytes, misalignment: index % 16 });
    };

    it("name is the canonical one", () => {
      expect(codec.name).toBe(name);
    });

    it.each(fixtureNames())("compress and decompress give back the pages of %s", (fixture) => {
      let pages = 0;
      for (const page of fixturePageList(fixture, pageStride)) {
        roundTrip(codec, page, { name: `page ${pages * pageStride}`, misalignment: pages % 16 });
        pages += 1;
      }
      console.log(`${name}: ${pages} pages of ${fixture}`);
      expect(pages).toBeGreaterThan(0);
    });

    it("compress and decompress give back edge pages at any alignment", () => {
      for (const { name, page } of edgePages()) {
        for (const misalignment of [0, 1, 3, 8, 15]) roundTrip(codec, page, { name, misalignment });
      }
    });

    it("compress and decompress give back inputs of other lengths", () => {
      const page = edgePages().find((edge) => edge.name === "text")!.page;
      for (let length = 1; length <= 300; length++) {
        roundTrip(codec, page.subarray(0, length), { name: `${length} bytes` });
      }
    });

    it("compress fills a target of exactly its length and answers 0 below it", () => {
      for (const { name, page } of edgePages()) {
        const encoded = roundTrip(codec, page, { name });
        expect(compress(codec, page, { targetBytes: encoded.length }), name).toEqual(encoded);
        for (const targetBytes of [encoded.length - 1, encoded.length >> 1, 1, 0]) {
          if (targetBytes >= encoded.length) continue;
          expect(compress(codec, page, { targetBytes }), name).toBeNull();
        }
      }
    });

    it("compress makes the same bytes every time, and so does another codec of that name", () => {
      const other = getCodec(name);
      for (const { name, page } of edgePages()) {
        const first = compress(codec, page, { targetBytes: ROOM_BYTES });
        const options = { targetBytes: ROOM_BYTES, misalignment: 5 };
        expect(compress(codec, page, options), name).toEqual(first);
        expect(compress(other, page, options), name).toEqual(first);
      }
    });

    it("decompress refuses a target that is longer or shorter than the page", () => {
      for (const block of blocks) {
        for (const targetBytes of TARGET_LENGTHS) {
          if (targetBytes === PAGE_BYTES) continue;
          expect(decompress(codec, block, { targetBytes })).toBeNull();
        }
      }
    });

    it("decompress refuses every prefix of a block", () => {
      for (const block of blocks) {
        for (let length = 0; length < block.length; length++) {
          const prefix = block.subarray(0, length);
          expect(decompress(codec, prefix, { targetBytes: PAGE_BYTES }), `${length}`).toBeNull();
        }
      }
    });

    it("decompress answers for flipped bits, random bytes and bytes too many", () => {
      const random = new SeededRandom(seed);
      for (let index = 0; index < DAMAGED_BLOCKS; index++) {
        const flipped = blocks[index % blocks.length]!.slice();
        for (let flips = 1 + random.below(4); flips > 0; flips--) {
          flipped[random.below(flipped.length)]! ^= 1 << random.below(8);
        }
        tryDamaged(flipped, index);
        const noise = new Uint8Array(random.below(random.below(8) ? 200 : 2 * PAGE_BYTES));
        random.fill(noise);
        tryDamaged(noise, index);
        tryDamaged(Buffer.concat([blocks[index % blocks.length]!, noise]), index);
      }
    });

    it("compress and decompress still work after damaged input", () => {
      for (const { name, page } of edgePages()) roundTrip(codec, page, { name });
    });

    it("compress and decompress give back what properties generate", () => {
      const piece = fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc
          .uint8Array({ minLength: 1, maxLength: 9 })
          .chain((unit) => fc.nat({ max: 120 }).map((times) => repeat(unit, times))),
      );
      const content = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.concat(pieces));
      const property = fc.property(content, fc.nat({ max: 15 }), (bytes, misalignment) => {
        const page = repeat(bytes.length > 0 ? bytes : Uint8Array.of(0), PAGE_BYTES).subarray(
          0,
          PAGE_BYTES,
        );
        roundTrip(codec, page, { name: "a generated page", misalignment });
      });
      fc.assert(property, { seed, numRuns: PROPERTY_RUNS });
    });

    it("decompress answers for what properties generate", () => {
      const property = fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat({ max: 2 * PAGE_BYTES }),
        (bytes, targetBytes) => void decompress(codec, bytes, { targetBytes }),
      );
      fc.assert(property, { seed, numRuns: PROPERTY_RUNS });
    });

    const { levels } = definition;
    if (!levels) return;
    it("create takes both ends of the levels", () => {
      const { min, max } = levels;
      for (const level of [min, max]) {
        const extreme = getCodec(`${definition.name}:${level}`);
        expect(extreme.name).toBe(`${definition.name}:${level}`);
        for (const { name, page } of edgePages()) roundTrip(extreme, page, { name });
        for (const page of fixturePageList("guest-c-python", 100)) {
          const encoded = roundTrip(extreme, page, { name: "a fixture page" });
          expect(decompress(codec, encoded, { targetBytes: PAGE_BYTES })).toEqual(page);
        }
      }
    });
  });
}

function repeat(unit: Uint8Array, atLeastBytes: number): Uint8Array {
  const times = Math.ceil(atLeastBytes / unit.length);
  return Buffer.concat(Array.from({ length: times }, () => unit));
}
