/** Seals against a published vector, and against AES-256-GCM put together by hand. */

import { createCipheriv } from "node:crypto";
import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { Seal } from "../../../src/overflow/format/seal.ts";
import { openUnit } from "../../../src/overflow/format/unit.ts";
import { testSeed } from "../../support/seed.ts";
import { MODES, makeRecords, makeSeal, makeUnit, randomFrom } from "./units.ts";

interface GcmInput {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly head: Uint8Array;
  readonly plain: Uint8Array;
}

/** Ciphertext and tag. */
function gcm({ key, nonce, head, plain }: GcmInput): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  cipher.setAAD(head);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

/** A seal whose key is known. */
function withKey(seed: number) {
  let key = new Uint8Array(0);
  const random = randomFrom(seed);
  const seal = new Seal({
    isPlain: false,
    random: (target) => {
      random(target);
      if (target.length === 32) key = target.slice();
    },
  });
  return { seal, key };
}

describe("Seal", () => {
  it("uses a cipher that gives what test case 16 of McGrew and Viega's GCM paper has", () => {
    const sealed = gcm({
      key: hex("feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308"),
      nonce: hex("cafebabefacedbaddecaf888"),
      head: hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
      plain: hex(`d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72
        1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b39`),
    });
    expect(sealed).toEqual(
      hex(`522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa
        8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662 76fc6ece0f4e1768cddf8853bb2d551b`),
    );
  });

  it("gives what AES-256-GCM gives for its head, its counter and the payload", () => {
    const { seal, key } = withKey(testSeed("seal"));
    const unit = new Uint8Array(256);
    for (let count = 1; count <= 100; count++) {
      unit.fill(count);
      const plain = unit.slice(32, 240);
      seal.seal(unit, 1);
      const nonce = Buffer.alloc(12);
      nonce.writeBigUInt64LE(BigInt(count), 4);
      const head = unit.subarray(0, 32);
      expect(Buffer.from(unit.subarray(32))).toEqual(gcm({ key, nonce, head, plain }));
    }
  });

  it("never counts one number twice, and stops where it would", () => {
    const last = Number.MAX_SAFE_INTEGER;
    const random = randomFrom(1);
    const seal = new Seal({ isPlain: false, random, firstCounter: last - 1 });
    const units = [new Uint8Array(64), new Uint8Array(64)];
    for (const unit of units) seal.seal(unit, 0);
    const counters = units.map((unit) => Buffer.from(unit).readBigUInt64LE(16));
    expect(counters).toEqual([BigInt(last - 1), BigInt(last)]);
    expect(() => seal.seal(new Uint8Array(64), 0)).toThrow("no counter comes twice");
  });

  it.each(MODES)("$mode opens what it sealed, in place", ({ isPlain }) => {
    const seal = makeSeal(isPlain);
    const records = makeRecords(new SeededRandom(testSeed("seal, in place")), [700, 1, 4096]);
    const unit = makeUnit(seal, records);
    expect(openUnit(seal, unit)).toBe(true);
    const first = 32 + 12;
    expect(unit.slice(first, first + 700)).toEqual(records[0]!.bytes);
  });

  it.each(MODES)("$mode refuses a unit of another life", ({ isPlain }) => {
    const records = makeRecords(new SeededRandom(1), [100]);
    const unit = makeUnit(makeSeal(isPlain, 1), records);
    expect(openUnit(makeSeal(isPlain, 2), unit)).toBe(false);
  });

  it("refuses a unit of another key that claims its life", () => {
    const { seal } = withKey(1);
    const other = new Seal({
      isPlain: false,
      random: (target) => (target.length === 8 ? target.set(seal.life) : target.fill(7)),
    });
    const unit = makeUnit(other, makeRecords(new SeededRandom(1), [100]));
    expect(openUnit(other, unit.slice())).toBe(true);
    expect(openUnit(seal, unit)).toBe(false);
  });

  it("refuses plain units when it seals, and sealed ones when it is plain", () => {
    const records = makeRecords(new SeededRandom(1), [100]);
    const seals = [makeSeal(false), makeSeal(true)] as const;
    expect(openUnit(seals[0], makeUnit(seals[1], records))).toBe(false);
    expect(openUnit(seals[1], makeUnit(seals[0], records))).toBe(false);
  });

  it("leaves the bytes of a unit that does not open as they are", () => {
    const seal = makeSeal(false);
    const unit = makeUnit(seal, makeRecords(new SeededRandom(1), [100]));
    unit[50]! ^= 1;
    const before = unit.slice();
    expect(openUnit(seal, unit)).toBe(false);
    expect(unit).toEqual(before);
  });

  it.each(MODES)(
    "$mode opens nothing, and overwrites its key, once it is closed",
    ({ isPlain }) => {
      let key: Uint8Array = new Uint8Array(0);
      const random = randomFrom(1);
      const seal = new Seal({
        isPlain,
        random: (target) => {
          random(target);
          if (target.length === 32) key = target;
        },
      });
      const unit = makeUnit(seal, makeRecords(new SeededRandom(1), [100]));
      expect(key.some((byte) => byte !== 0)).toBe(!isPlain);
      seal.close();
      expect(openUnit(seal, unit)).toBe(false);
      expect(key.every((byte) => byte === 0)).toBe(true);
      expect(() => seal.seal(new Uint8Array(64), 0)).toThrow("closed");
    },
  );

  it("draws a key and a life anew for each opening", () => {
    const random = randomFrom(testSeed("lives"));
    const drawn: string[] = [];
    const noting = (target: Uint8Array) => {
      random(target);
      drawn.push(Buffer.from(target).toString("hex"));
    };
    for (let opening = 0; opening < 10; opening++) new Seal({ isPlain: false, random: noting });
    expect(new Set(drawn).size).toBe(20);
    expect(drawn.map((text) => text.length / 2).sort()).toEqual([
      ...Array(10).fill(32),
      ...Array(10).fill(8),
    ]);
  });
});
