/**
 * The three LZ4 codecs against the reference library (fixtures/golden/lz4.tsv, made by test/golden/make-lz4-golden.sh),
 * against each other, and against blocks that none of them would make.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { assert, describe, expect, it } from "vitest";
import { getCodec } from "../../codecs/registry.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { compress, decompress, isEqual, ROOM_BYTES } from "../support/checked-codec.ts";
import { edgePages } from "../support/edge-pages.ts";
import { fixtureNames, fixturePageList } from "../support/fixtures.ts";
import { handMadeBlocks, type Lz4Block, randomBlock } from "../support/lz4-blocks.ts";
import { testSeed } from "../support/seed.ts";

const LZ4_CODECS = ["lz4", "lz4-fast", "lz4-wasm"] as const;

interface Golden {
  readonly header: string;
  /** Of each fixture, `bytes TAB hash` of each page's block. */
  readonly fixtures: ReadonlyMap<string, readonly string[]>;
}

function golden(): Golden {
  const text = readFileSync(new URL("../../fixtures/golden/lz4.tsv", import.meta.url), "utf8");
  const [header = "", ...lines] = text.trimEnd().split("\n");
  const files = [...header.matchAll(/\d+=(\S+)/g)].map(([, name]) => name!);
  const fixtures = new Map(files.map((name): [string, string[]] => [name, []]));
  for (const line of lines) {
    const [file, page, bytes, hash] = line.split("\t");
    const blocks = fixtures.get(files[Number(file)]!)!;
    expect(blocks.length).toBe(Number(page));
    blocks.push(`${bytes}\t${hash}`);
  }
  return { header, fixtures };
}

describe("lz4", () => {
  it("the golden blocks cover every fixture", () => {
    const { header, fixtures } = golden();
    expect(header).toMatch(/^# liblz4 1\.\d+\.\d+, LZ4_compress_default/);
    expect([...fixtures.keys()]).toEqual(fixtureNames());
  });

  it.each(fixtureNames())("lz4 makes the reference library's bytes of %s", (fixture) => {
    const lz4 = getCodec("lz4");
    const made: string[] = [];
    for (const page of fixturePageList(fixture)) {
      const block = compress(lz4, page, { targetBytes: ROOM_BYTES })!;
      const hash = createHash("sha256").update(block).digest("hex").slice(0, 16);
      made.push(`${block.length}\t${hash}`);
    }
    expect(made).toEqual(golden().fixtures.get(fixture));
  });
});

describe.each(LZ4_CODECS)("blocks of %s", (encoder) => {
  it.each(LZ4_CODECS)(`${encoder} makes blocks that %s decodes`, (decoder) => {
    const [from, to] = [getCodec(encoder), getCodec(decoder)];
    let pages = 0;
    const check = (page: Uint8Array): void => {
      const block = compress(from, page, { targetBytes: ROOM_BYTES })!;
      const decoded = decompress(to, block, { targetBytes: PAGE_BYTES });
      if (!decoded || !isEqual(decoded, page)) assert.fail(`page ${pages} came back changed`);
      pages += 1;
    };
    for (const { page } of edgePages()) check(page);
    for (const fixture of fixtureNames()) for (const page of fixturePageList(fixture)) check(page);
    console.log(`${encoder} to ${decoder}: ${pages} pages`);
    expect(pages).toBeGreaterThan(12_000);
  });
});

describe.each(LZ4_CODECS)("decoder of %s", (name) => {
  const codec = getCodec(name);
  const random = new SeededRandom(testSeed(`${name} decoder`));

  const checkBlock = ({ name: what, block, content }: Lz4Block, misalignment: number): void => {
    const decoded = decompress(codec, block, { targetBytes: content.length, misalignment });
    if (!decoded || !isEqual(decoded, content)) assert.fail(`${name} did not decode ${what}`);
    for (const targetBytes of [content.length - 1, content.length + 1]) {
      if (targetBytes < 0) continue;
      const other = decompress(codec, block, { targetBytes, misalignment });
      expect(other, `${what} as ${targetBytes} bytes`).toBeNull();
    }
  };

  it("decompress takes every shape of sequence the format allows", () => {
    const blocks = handMadeBlocks(random);
    blocks.forEach((block, index) => {
      checkBlock(block, index % 16);
    });
    console.log(`${name}: ${blocks.length} blocks made by hand`);
    expect(blocks.length).toBeGreaterThan(2000);
  });

  it.each([13, 64, 100, 1000, 4095, 4096, 4097, 10_000, 65_536])(
    "decompress takes random sequences that give %d bytes",
    (bytes) => {
      const count = bytes < 5000 ? 150 : 20;
      for (let index = 0; index < count; index++)
        checkBlock(randomBlock(random, bytes), index % 16);
    },
  );

  it("decompress refuses an offset of zero and one before the start", () => {
    for (const offset of [0, 5, 6, 65_535]) {
      const tail = [0xc0, ...new Uint8Array(12)];
      const block = Uint8Array.of(0x40, 1, 2, 3, 4, offset & 255, offset >> 8, ...tail);
      expect(decompress(codec, block, { targetBytes: 20 }), `offset ${offset}`).toBeNull();
    }
  });

  it("decompress refuses a length that runs on past the block", () => {
    for (const token of [0xf0, 0x1f, 0xff]) {
      const block = new Uint8Array(3000).fill(255);
      block[0] = token;
      expect(decompress(codec, block, { targetBytes: PAGE_BYTES })).toBeNull();
    }
  });

  it("decompress refuses a block that ends with a match", () => {
    const block = Uint8Array.of(0x1f, 7, 1, 0, 255, 255, 255, 0);
    expect(decompress(codec, block, { targetBytes: 1 + 19 + 765 })).toBeNull();
  });
});
