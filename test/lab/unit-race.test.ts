import { describe, expect, it } from "vitest";
import type { Codec } from "../../codecs/codec.ts";
import { ManualClock } from "../../src/base/clock.ts";
import { type Unit, UnitRace, Workspace } from "../../src/lab/unit-race.ts";
import { zsmalloc } from "../../src/lab/zsmalloc.ts";

const PAGE = 4096;
const UNIT = 4 * PAGE;

interface Fake {
  readonly clock: ManualClock;
  /** Compressed bytes of any unit; 0: it does not fit. */
  readonly length?: number;
  /** Decoding of that call and later ones, the first being 0, gives another byte. */
  readonly wrongFrom?: number;
  /** Calls of each kind before which a call takes ten times as long. */
  readonly slowUntil?: number;
}

/** A codec that takes 4 µs to compress whatever it is given and 2 µs to give it back, by its clock. */
function fakeCodec({ clock, length = 100, wrongFrom = Infinity, slowUntil = 0 }: Fake): Codec {
  const known: Uint8Array[] = [];
  let compressed = 0;
  let decoded = 0;
  return {
    name: "fake",
    compress(source, target) {
      clock.advance(compressed++ < slowUntil ? 4e-5 : 4e-6);
      known.push(source.slice());
      new DataView(target.buffer, target.byteOffset).setUint32(0, known.length - 1);
      return length;
    },
    decompress(source, target) {
      clock.advance(decoded < slowUntil ? 2e-5 : 2e-6);
      target.set(known[new DataView(source.buffer, source.byteOffset).getUint32(0)]!);
      if (decoded++ >= wrongFrom) target.fill(target[0]! ^ 1);
      return target.length;
    },
  };
}

/** Units of different bytes, no page like another. */
function unitsOf(count: number, pages = 4): Unit[] {
  return Array.from({ length: count }, (_, number) => {
    const words = Float64Array.from({ length: (pages * PAGE) / 8 }, (_, at) => number + at / 4096);
    return { bytes: new Uint8Array(words.buffer), isNew: true };
  });
}

function raceOf(codec: Codec, clock: ManualClock): UnitRace {
  const workspace = new Workspace(16 * UNIT);
  return new UnitRace(codec, { unitBytes: UNIT, clock, allocator: zsmalloc(), workspace });
}

describe("UnitRace", () => {
  it("gives times per page: of a whole unit at random, of a share of it in order", () => {
    const clock = new ManualClock();
    const race = raceOf(fakeCodec({ clock }), clock);
    race.run(unitsOf(10));
    race.run(unitsOf(6));
    expect(race.result(64)).toMatchObject({
      unit_bytes: UNIT,
      compress_us_per_page: 1,
      random_read_us_per_page: 2,
      ordered_read_us_per_page: 0.5,
    });
  });

  it("gives the bytes a read takes from the medium and those decoded in vain", () => {
    const clock = new ManualClock();
    const race = raceOf(fakeCodec({ clock }), clock);
    race.run(unitsOf(10));
    expect(race.result(40)).toMatchObject({
      compr_data_size: 1000,
      ratio: (40 * PAGE) / 1000,
      random_read_vain_bytes: 3 * PAGE,
      random_read_stored_bytes: 100,
      ordered_read_stored_bytes: 25,
    });
  });

  it("takes ratios of the pages it is told, whatever else is in the units", () => {
    const clock = new ManualClock();
    const race = raceOf(fakeCodec({ clock }), clock);
    race.run(unitsOf(10));
    expect(race.result(30).ratio).toBe((30 * PAGE) / 1000);
  });

  it("lets the faster of two runs count", () => {
    const clock = new ManualClock();
    // Each run compresses 5 units and decodes 10.
    const race = raceOf(fakeCodec({ clock, slowUntil: 5 }), clock);
    race.run(unitsOf(5));
    expect(race.result(20)).toMatchObject({
      compress_us_per_page: 1,
      ordered_read_us_per_page: 0.5,
    });
  });

  it("reads a page of a unit that is stored raw where it lies, decoding nothing", () => {
    const clock = new ManualClock();
    const race = raceOf(fakeCodec({ clock, length: 0, wrongFrom: 0 }), clock);
    race.run(unitsOf(3));
    expect(race.result(12)).toMatchObject({
      huge_units: 3,
      ratio: 1,
      ratio_placed: 1,
      random_read_us_per_page: 0,
      random_read_vain_bytes: 0,
      random_read_stored_bytes: PAGE,
      ordered_read_stored_bytes: PAGE,
    });
  });

  it("takes a unit that is short as long as it is", () => {
    const clock = new ManualClock();
    const race = raceOf(fakeCodec({ clock }), clock);
    race.run([...unitsOf(1), ...unitsOf(1, 1)]);
    expect(race.result(5)).toMatchObject({
      compress_us_per_page: 8 / 5,
      random_read_us_per_page: 2,
      ordered_read_us_per_page: 4 / 5,
      random_read_vain_bytes: (3 * PAGE) / 2,
      ordered_read_stored_bytes: 200 / 5,
    });
  });

  it("stores equal units once in what is shared alone", () => {
    const clock = new ManualClock();
    const race = raceOf(fakeCodec({ clock, length: PAGE }), clock);
    race.run(unitsOf(3).map((unit, index) => ({ ...unit, isNew: index !== 2 })));
    expect(race.result(12)).toMatchObject({
      placed_data_size: 3 * PAGE,
      shared_data_size: 2 * PAGE,
      ratio_placed: 4,
      ratio_shared: 6,
    });
  });

  it.each([
    // The first group is decoded in order and at random, twice.
    { read: "in order", wrongFrom: 40, unit: "10" },
    { read: "at random", wrongFrom: 50, unit: "1\\d" },
  ])("refuses a codec that gives back other bytes $read, and names the unit", (given) => {
    const { wrongFrom, unit } = given;
    const clock = new ManualClock();
    const race = raceOf(fakeCodec({ clock, wrongFrom }), clock);
    race.run(unitsOf(10));
    expect(() => race.run(unitsOf(10))).toThrow(
      expect.objectContaining({
        code: "CORRUPT",
        message: expect.stringMatching(
          new RegExp(`^codec fake gave back other bytes for unit ${unit} of 16384 bytes of`),
        ),
      }),
    );
  });

  it("refuses a codec that writes nothing, though the race before left the bytes there", () => {
    const clock = new ManualClock();
    const workspace = new Workspace(16 * UNIT);
    const options = { unitBytes: UNIT, clock, allocator: zsmalloc(), workspace };
    const units = unitsOf(4);
    new UnitRace(fakeCodec({ clock }), options).run(units);
    const silent: Codec = { ...fakeCodec({ clock }), decompress: () => -1 };
    expect(() => new UnitRace(silent, options).run(units)).toThrow(/gave back other bytes/);
  });

  it("has no ratios and no times where there was no unit to compress", () => {
    const clock = new ManualClock();
    const race = raceOf(fakeCodec({ clock }), clock);
    race.run([]);
    expect(race.result(0)).toEqual({
      unit_bytes: UNIT,
      compr_data_size: 0,
      placed_data_size: 0,
      shared_data_size: 0,
      mem_used_total: 0,
      huge_units: 0,
      ratio: null,
      ratio_placed: null,
      ratio_shared: null,
      compress_us_per_page: null,
      random_read_us_per_page: null,
      ordered_read_us_per_page: null,
      random_read_vain_bytes: null,
      random_read_stored_bytes: null,
      ordered_read_stored_bytes: null,
    });
  });
});
