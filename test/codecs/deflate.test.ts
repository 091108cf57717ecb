/** The streams of `deflate` against zlib's, both ways, and streams that give more than a page. */

import { deflateRawSync, inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { getCodec } from "../../codecs/registry.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { compress, decompress, ROOM_BYTES } from "../support/checked-codec.ts";
import { edgePages } from "../support/edge-pages.ts";
import { fixturePageList } from "../support/fixtures.ts";

function somePages(): Uint8Array[] {
  return [...edgePages().map(({ page }) => page), ...fixturePageList("guest-b-node", 100)];
}

describe("deflate", () => {
  it("compress makes streams that zlib reads, at every level", () => {
    const pages = somePages();
    for (let level = 1; level <= 9; level++) {
      const codec = getCodec(`deflate:${level}`);
      for (const page of pages) {
        const stream = compress(codec, page, { targetBytes: ROOM_BYTES })!;
        expect(inflateRawSync(stream).compare(page)).toBe(0);
      }
    }
  });

  it("decompress reads zlib's streams: stored, fixed and dynamic", () => {
    const codec = getCodec("deflate");
    for (const page of somePages()) {
      for (const options of [{ level: 0 }, { level: 9 }, { strategy: 4 }]) {
        const stream = deflateRawSync(page, options);
        const decoded = decompress(codec, stream, { targetBytes: PAGE_BYTES })!;
        expect(Buffer.compare(decoded, page)).toBe(0);
      }
    }
  });

  it("decompress refuses a stream of one byte more, and one of ten million", () => {
    const codec = getCodec("deflate");
    for (const bytes of [PAGE_BYTES + 1, 10_000_000]) {
      for (const level of [0, 9]) {
        const stream = deflateRawSync(new Uint8Array(bytes), { level });
        expect(decompress(codec, stream, { targetBytes: PAGE_BYTES })).toBeNull();
      }
    }
  });
});
