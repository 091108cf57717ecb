/** CRC32C against published figures, and against the polynomial divided bit by bit. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { crc32c, maskCheck } from "../../../src/overflow/format/crc32c.ts";
import { testSeed } from "../../support/seed.ts";

/** RFC 3720 B.4, and the check value of the catalogue of CRCs. */
const PUBLISHED: readonly (readonly [string, Uint8Array, number])[] = [
  ["nothing", new Uint8Array(0), 0],
  ["32 zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["0 to 31", Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  ["31 to 0", Uint8Array.from({ length: 32 }, (_, index) => 31 - index), 0x113fdb5c],
  ["123456789", Buffer.from("123456789"), 0xe3069283],
];

function bitByBit(bytes: Uint8Array): number {
  let rest = 0xffff_ffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0x82f6_3b78 : 0);
  }
  return ~rest >>> 0;
}

describe("crc32c", () => {
  it.each(PUBLISHED)("of %s is what is published", (_name, bytes, check) => {
    expect(crc32c(bytes)).toBe(check);
  });

  it("is the remainder of the polynomial, for any length and place in its buffer", () => {
    const random = new SeededRandom(testSeed("crc32c"));
    const buffer = new Uint8Array(400);
    random.fill(buffer);
    for (let length = 0; length < 140; length++) {
      const start = random.below(200);
      const bytes = buffer.subarray(start, start + length);
      expect(crc32c(bytes)).toBe(bitByBit(bytes));
    }
  });

  it("adds up from parts", () => {
    const random = new SeededRandom(testSeed("crc32c in parts"));
    const bytes = new Uint8Array(100);
    random.fill(bytes);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(crc32c(bytes));
    }
  });
});

describe("maskCheck", () => {
  it("is undone as LevelDB undoes it", () => {
    const random = new SeededRandom(testSeed("maskCheck"));
    for (let round = 0; round < 1000; round++) {
      const check = random.uint32();
      const turned = (maskCheck(check) - 0xa282ead8) >>> 0;
      expect(((turned >>> 17) | (turned << 15)) >>> 0).toBe(check);
    }
  });

  it("never gives a check itself where LevelDB's test looks", () => {
    const check = crc32c(Buffer.from("foo"));
    expect(maskCheck(check)).not.toBe(check);
    expect(maskCheck(maskCheck(check))).not.toBe(check);
  });
});
