/** What is particular to zstd: frames that claim too much, other frame formats, and the module's fixed memory. */

import { beforeAll, describe, expect, it, vi } from "vitest";
import { getCodec, loadCodec } from "../../codecs/registry.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { compress, decompress, isEqual, ROOM_BYTES, roundTrip } from "../support/checked-codec.ts";
import { edgePages } from "../support/edge-pages.ts";
import { fixturePages } from "../support/fixtures.ts";

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const RAW_LAST_BLOCK_OF_ONE = [0x09, 0x00, 0x00, 0x07];
const LONGEST_BYTES = 128 * 1024;

/** Headers that claim far more than is there; the first byte tells which fields follow. */
const GREEDY_HEADERS = [
  { name: "content of 1 GiB", header: [0xa0, 0x00, 0x00, 0x00, 0x40] },
  { name: "content of 4 GiB less one", header: [0xa0, 0xff, 0xff, 0xff, 0xff] },
  { name: "content of 2^63 bytes", header: [0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80] },
  { name: "a window of 2^41 bytes", header: [0x00, 0xff] },
  { name: "a dictionary", header: [0x23, 1, 0, 0, 0, 1] },
];

describe("zstd", () => {
  beforeAll(() => loadCodec("zstd"));

  it.each(GREEDY_HEADERS)(
    "decompress refuses a frame with $name, and says nothing",
    ({ header }) => {
      const log = vi.spyOn(console, "log");
      const warn = vi.spyOn(console, "warn");
      const frame = Uint8Array.of(...MAGIC, ...header, ...RAW_LAST_BLOCK_OF_ONE);
      const codec = getCodec("zstd");
      for (const targetBytes of [0, 2, PAGE_BYTES]) {
        expect(decompress(codec, frame, { targetBytes })).toBeNull();
      }
      expect(log).not.toHaveBeenCalled();
      expect(warn).not.toHaveBeenCalled();
      for (const { name, page } of edgePages().slice(0, 5)) roundTrip(codec, page, { name });
    },
  );

  it("decompress reads a frame written by hand", () => {
    const frame = Uint8Array.of(...MAGIC, 0x20, 0x01, ...RAW_LAST_BLOCK_OF_ONE);
    expect(decompress(getCodec("zstd"), frame, { targetBytes: 1 })).toEqual(Uint8Array.of(7));
  });

  it("decompress refuses a page in frames that are not zstd's own", () => {
    const codec = getCodec("zstd");
    const page = edgePages()[5]!.page;
    const frame = compress(codec, page, { targetBytes: ROOM_BYTES })!;
    const skippable = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0, ...frame);
    expect(decompress(codec, skippable, { targetBytes: PAGE_BYTES })).toBeNull();
    for (const magic of [0x1e, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27]) {
      const legacy = frame.slice();
      legacy[0] = magic;
      expect(decompress(codec, legacy, { targetBytes: PAGE_BYTES })).toBeNull();
    }
  });

  it("decompress reads one byte repeated over the page and refuses it repeated on past it", () => {
    const repeated = (bytes: number): Uint8Array => {
      const block = (bytes << 3) | 3;
      return Uint8Array.of(...MAGIC, 0x00, 0x58, block & 255, (block >> 8) & 255, block >> 16, 7);
    };
    const codec = getCodec("zstd");
    const page = new Uint8Array(PAGE_BYTES).fill(7);
    expect(decompress(codec, repeated(PAGE_BYTES), { targetBytes: PAGE_BYTES })).toEqual(page);
    for (const bytes of [PAGE_BYTES + 1, LONGEST_BYTES]) {
      expect(decompress(codec, repeated(bytes), { targetBytes: PAGE_BYTES })).toBeNull();
    }
  });

  it.each([1, 3, 19, 22])("compress and decompress work up to 128 KiB at level %d", (level) => {
    const codec = getCodec(`zstd:${level}`);
    const noise = new Uint8Array(LONGEST_BYTES);
    new SeededRandom(level).fill(noise);
    for (const content of [fixturePages("guest-a-node").subarray(0, LONGEST_BYTES), noise]) {
      const frame = compress(codec, content, { targetBytes: 2 * LONGEST_BYTES })!;
      const decoded = decompress(codec, frame, { targetBytes: LONGEST_BYTES })!;
      expect(isEqual(decoded, content)).toBe(true);
    }
  });

  it("compress and decompress refuse more than 128 KiB", () => {
    const codec = getCodec("zstd");
    const content = new Uint8Array(LONGEST_BYTES + 1);
    expect(compress(codec, content, { targetBytes: 2 * LONGEST_BYTES })).toBeNull();
    const frame = compress(codec, content.subarray(1), { targetBytes: ROOM_BYTES })!;
    expect(decompress(codec, frame, { targetBytes: LONGEST_BYTES + 1 })).toBeNull();
    expect(decompress(codec, new Uint8Array(2 * LONGEST_BYTES), { targetBytes: 1 })).toBeNull();
  });

  it("compress gives smaller frames at higher levels", () => {
    const page = fixturePages("guest-c-python").subarray(0, PAGE_BYTES);
    const [fast, dense] = [1, 19].map((level) => {
      return compress(getCodec(`zstd:${level}`), page, { targetBytes: ROOM_BYTES })!.length;
    });
    expect(dense).toBeLessThan(fast!);
  });
});
