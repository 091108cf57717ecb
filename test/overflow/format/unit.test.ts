/** Units: what was added comes back, and nothing else ever does. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { crc32c, maskCheck } from "../../../src/overflow/format/crc32c.ts";
import type { Seal } from "../../../src/overflow/format/seal.ts";
import {
  firstRecord,
  MOST_UNIT_BYTES,
  openUnit,
  recordGeneration,
  recordLength,
  recordObject,
  recordPriority,
  UnitWriter,
  unitBytesFor,
  unitRecords,
} from "../../../src/overflow/format/unit.ts";
import { guardedCopy } from "../../support/guarded.ts";
import { testSeed } from "../../support/seed.ts";
import { MODES, makeRecords, makeSeal, makeUnit, type TestRecord } from "./units.ts";

const HEAD_BYTES = 12;

/** What an opened unit holds. */
function recordsOf(unit: Uint8Array): TestRecord[] {
  const records: TestRecord[] = [];
  let at = firstRecord;
  for (let left = unitRecords(unit); left > 0; left--) {
    const length = recordLength(unit, at);
    records.push({
      object: recordObject(unit, at),
      priority: recordPriority(unit, at),
      generation: recordGeneration(unit, at),
      bytes: unit.slice(at + HEAD_BYTES, at + HEAD_BYTES + length),
    });
    at += HEAD_BYTES + length;
  }
  return records;
}

/** Makes the check of a unit agree with its bytes, as whoever can write to a plain log can. */
function forgeCheck(seal: Seal, unit: Uint8Array, length = unit.length): void {
  const view = new DataView(unit.buffer, unit.byteOffset, unit.length);
  view.setUint16(0, 0x5550, true);
  unit.set([1, 0], 2);
  view.setUint32(4, length, true);
  unit.set(seal.life, 8);
  const head = crc32c(unit.subarray(0, 28));
  view.setUint32(28, maskCheck(crc32c(unit.subarray(32), head)), true);
}

describe.each(MODES)("UnitWriter, $mode", ({ isPlain }) => {
  it("gives back the records that were added, in their order", () => {
    const random = new SeededRandom(testSeed("UnitWriter"));
    const seal = makeSeal(isPlain);
    for (let round = 0; round < 100; round++) {
      const lengths = Array.from({ length: random.below(6) }, () => 1 + random.below(1300));
      const records = makeRecords(random, lengths);
      const unit = makeUnit(seal, records);
      expect(openUnit(seal, unit)).toBe(true);
      expect(recordsOf(unit)).toEqual(records);
    }
  });

  it("tells the offset of each record in its unit", () => {
    const seal = makeSeal(isPlain);
    const records = makeRecords(new SeededRandom(1), [5, 300, 1]);
    const writer = new UnitWriter(seal, 1024);
    const target = new Uint8Array(4096);
    writer.begin(target, 1984);
    const places = records.map(({ bytes }, index) => writer.add(index, 0, 0, bytes));
    expect(places).toEqual([32, 32 + 12 + 5, 32 + 12 + 5 + 12 + 300]);
    expect(writer.records).toBe(3);
  });

  it("makes units of whole steps of 64 bytes, as long as unitBytesFor says, with zeros behind the records", () => {
    const seal = makeSeal(isPlain);
    for (let length = 1; length < 200; length++) {
      const unit = makeUnit(seal, makeRecords(new SeededRandom(length), [length]));
      expect(unit.length % 64).toBe(0);
      expect(unit.length).toBe(unitBytesFor(HEAD_BYTES + length, !isPlain));
      expect(unit.length - 32 - HEAD_BYTES - length - (isPlain ? 0 : 16)).toBeLessThan(64);
      openUnit(seal, unit);
      const padding = unit.slice(32 + HEAD_BYTES + length, unit.length - (isPlain ? 0 : 16));
      expect(padding.every((byte) => byte === 0)).toBe(true);
    }
  });

  it("has room for exactly what fits, and writes nothing beside its unit", () => {
    const seal = makeSeal(isPlain);
    for (const most of [64, 128, 4224, MOST_UNIT_BYTES]) {
      const { bytes: target, isIntact } = guardedCopy(new Uint8Array(most), 3);
      const largest = most - 32 - HEAD_BYTES - (isPlain ? 0 : 16);
      const writer = new UnitWriter(seal, MOST_UNIT_BYTES);
      writer.begin(target, 0, most);
      expect(writer.room(largest + 1)).toBe(false);
      expect(writer.room(largest)).toBe(true);
      writer.add(1, 2, 3, new Uint8Array(largest).fill(9));
      expect(writer.room(1)).toBe(false);
      expect(writer.end()).toBe(most);
      expect(isIntact()).toBe(true);
      expect(openUnit(seal, target)).toBe(true);
    }
  });

  it("writes one unit behind another", () => {
    const seal = makeSeal(isPlain);
    const random = new SeededRandom(testSeed("units in a row"));
    const writer = new UnitWriter(seal, 1024);
    const target = new Uint8Array(16 * 1024);
    const written: { start: number; end: number; records: TestRecord[] }[] = [];
    for (let start = 0; written.length < 16; ) {
      writer.begin(target, start);
      const records = makeRecords(random, [1 + random.below(400), 1 + random.below(400)]);
      for (const record of records) {
        writer.add(record.object, record.priority, record.generation, record.bytes);
      }
      const end = start + writer.end();
      written.push({ start, end, records });
      start = end;
    }
    for (const { start, end, records } of written) {
      const unit = target.subarray(start, end);
      expect(openUnit(seal, unit)).toBe(true);
      expect(recordsOf(unit)).toEqual(records);
    }
  });
});

describe("UnitWriter", () => {
  it("asserts what a record's head can say", () => {
    const writer = new UnitWriter(makeSeal(true), 1024);
    const bytes = new Uint8Array(10);
    writer.begin(new Uint8Array(1024), 0);
    expect(() => writer.add(2 ** 24, 0, 0, bytes)).toThrow("24 bits");
    expect(() => writer.add(1, 4, 0, bytes)).toThrow("0 to 3");
    expect(() => writer.add(1, 0, 0, new Uint8Array(0))).toThrow("1 to 65535");
    expect(() => writer.add(1, 0, 0, new Uint8Array(1024))).toThrow("fits");
  });

  it("adds nothing before a unit is begun or after it has ended", () => {
    const writer = new UnitWriter(makeSeal(true), 1024);
    expect(writer.room(1)).toBe(false);
    writer.begin(new Uint8Array(1024), 0);
    writer.end();
    expect(writer.room(1)).toBe(false);
  });
});

describe.each(MODES)("openUnit, $mode", ({ isPlain }) => {
  const seal = makeSeal(isPlain);
  const whole = makeUnit(seal, makeRecords(new SeededRandom(2), [60, 40]));

  it("finds every flip of one bit", () => {
    const missed: number[] = [];
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const unit = whole.slice();
      unit[bit >>> 3]! ^= 1 << (bit & 7);
      if (openUnit(seal, unit)) missed.push(bit);
    }
    expect(missed).toEqual([]);
  });

  it("finds every unit cut short or with bytes behind it", () => {
    const longer = new Uint8Array(whole.length + 128);
    longer.set(whole);
    const opened: number[] = [];
    for (let length = 0; length <= longer.length; length++) {
      if (openUnit(seal, longer.slice(0, length))) opened.push(length);
    }
    expect(opened).toEqual([whole.length]);
  });

  it("finds a unit of which only a beginning was written, over zeros or over an older one", () => {
    const older = makeUnit(seal, makeRecords(new SeededRandom(3), [60, 40]));
    const missed: number[] = [];
    for (const before of [new Uint8Array(whole.length), older]) {
      for (let cut = 1; cut < whole.length; cut++) {
        const unit = before.slice();
        unit.set(whole.subarray(0, cut));
        // Both begin and may end with the same bytes.
        const isOne = [before, whole].some((one) => Buffer.compare(unit, one) === 0);
        if (!isOne && openUnit(seal, unit)) missed.push(cut);
      }
    }
    expect(missed).toEqual([]);
  });

  it("finds every unit some of whose sectors are those of an older one", () => {
    const lengths = [1000, 1000, 1000, 920];
    const [older, newer] = [4, 5].map((number) =>
      makeUnit(seal, makeRecords(new SeededRandom(number), lengths)),
    ) as [Uint8Array, Uint8Array];
    const sectors = Math.ceil(newer.length / 512);
    const opened: number[] = [];
    for (let landed = 0; landed < 2 ** sectors; landed++) {
      const unit = older.slice();
      for (let sector = 0; sector < sectors; sector++) {
        if ((landed >>> sector) & 1) {
          unit.set(newer.subarray(512 * sector, 512 * (sector + 1)), 512 * sector);
        }
      }
      if (openUnit(seal, unit)) opened.push(landed);
    }
    expect(opened).toEqual([0, 2 ** sectors - 1]);
  });

  it("takes any bytes without throwing, and reads and writes nothing beside them", () => {
    const random = new SeededRandom(testSeed("openUnit, any bytes"));
    for (let round = 0; round < 3000; round++) {
      const bytes = new Uint8Array(
        random.below(20) * 64 + (random.below(8) === 0 ? random.below(64) : 0),
      );
      random.fill(bytes);
      // Half of them begin as a unit does.
      if (bytes.length >= 32 && round % 2 === 0) {
        bytes.set(whole.subarray(0, 32));
        new DataView(bytes.buffer).setUint32(4, bytes.length, true);
      }
      const { bytes: unit, isIntact } = guardedCopy(bytes, random.below(16));
      expect(openUnit(seal, unit)).toBe(false);
      expect(isIntact()).toBe(true);
    }
  });
});

describe("openUnit", () => {
  const seal = makeSeal(true);

  it("refuses forged units whose records do not lie in them, and walks the others within bounds", () => {
    const random = new SeededRandom(testSeed("openUnit, forged"));
    let opened = 0;
    for (let round = 0; round < 5000; round++) {
      const bytes = new Uint8Array(64 * (1 + random.below(8)));
      const view = new DataView(bytes.buffer);
      for (let at = firstRecord; at + HEAD_BYTES <= bytes.length; ) {
        const length = random.below(random.below(4) === 0 ? 65_536 : 100);
        view.setUint16(at + 8, length, true);
        at += HEAD_BYTES + length;
      }
      view.setUint16(24, random.below(random.below(4) === 0 ? 65_536 : 5), true);
      forgeCheck(seal, bytes);
      const { bytes: unit } = guardedCopy(bytes, random.below(16));
      if (!openUnit(seal, unit)) continue;
      opened += 1;
      const taken = recordsOf(unit).reduce(
        (sum, record) => sum + HEAD_BYTES + record.bytes.length,
        0,
      );
      expect(firstRecord + taken).toBeLessThanOrEqual(unit.length);
    }
    expect(opened).toBeGreaterThan(100);
  });

  it("refuses a forged record of no bytes", () => {
    const unit = new Uint8Array(64);
    unit[24] = 1;
    forgeCheck(seal, unit);
    expect(openUnit(seal, unit)).toBe(false);
  });

  it("refuses a forged unit that tells another length", () => {
    for (const length of [0, 32, 63, 128, 0xffff_ffff]) {
      const unit = new Uint8Array(64);
      forgeCheck(seal, unit, length);
      expect(openUnit(seal, unit)).toBe(false);
    }
  });

  it("opens a forged unit that is right, or the tests above show nothing", () => {
    const unit = new Uint8Array(64);
    unit[24] = 1;
    unit[40] = 20;
    forgeCheck(seal, unit);
    expect(openUnit(seal, unit)).toBe(true);
  });
});

describe("recordLength", () => {
  it("is -1 for a record that does not lie in its unit, at whatever offset", () => {
    const random = new SeededRandom(testSeed("recordLength"));
    for (const { isPlain } of MODES) {
      const seal = makeSeal(isPlain);
      const unit = makeUnit(seal, makeRecords(random, [500]));
      openUnit(seal, unit);
      const end = unit.length - (isPlain ? 0 : 16);
      for (let at = 0; at < unit.length + 100; at++) {
        const length = recordLength(unit, at);
        if (length >= 0) expect(at + HEAD_BYTES + length).toBeLessThanOrEqual(end);
        else expect(length).toBe(-1);
        if (at < firstRecord || at + HEAD_BYTES > end) expect(length).toBe(-1);
      }
    }
  });
});
