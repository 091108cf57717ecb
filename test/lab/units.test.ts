/** Units of real pages, beside plain counts and the packages' own functions on the same bytes. */

import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { inflateRawSync } from "node:zlib";
import { deflateSync } from "fflate";
import { beforeAll, describe, expect, it } from "vitest";
import { getCodec, loadCodec } from "../../codecs/registry.ts";
import { stopwatchClock } from "../../src/base/clock.ts";
import { analyzePages } from "../../src/lab/analyze.ts";
import { parseUnits, UnitSurvey } from "../../src/lab/units.ts";
import { zsmalloc } from "../../src/lab/zsmalloc.ts";
import type { AnalysisResult } from "../../src/report/result.ts";
import type { UnitsResult } from "../../src/report/units-result.ts";
import { fixtureNames, fixturePages } from "../support/fixtures.ts";

const PAGE = 4096;
const SIZES = [1, 2, 4, 8, 16].map((pages) => pages * PAGE);
/** At chain size 8 a last page of this length or more is stored as a page. */
const THRESHOLD = 3625;

const lz4: typeof import("lz4-wasm") = createRequire(import.meta.url)("lz4-wasm");

function cut(bytes: Uint8Array, pieceBytes: number): Uint8Array[] {
  const count = Math.ceil(bytes.length / pieceBytes);
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes),
  );
}

/** The bytes as text, for plain comparisons. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

const isSameFilled = (text: string) => text === text.slice(0, 8).repeat(text.length / 8);

/** Real pages with some twice, aligned to units and not, runs of zeros, and an end in the middle of a unit. */
function mixture(): Uint8Array {
  const parts = fixtureNames().map((name) => fixturePages(name).subarray(0, 100 * PAGE));
  return Buffer.concat([
    ...parts,
    new Uint8Array(52 * PAGE),
    parts[0]!.subarray(0, 48 * PAGE),
    parts[1]!.subarray(0, 37 * PAGE),
    new Uint8Array(5 * PAGE),
  ]);
}

function source(bytes: Uint8Array, batchPages = 256) {
  return function* () {
    yield* cut(bytes, batchPages * PAGE).map((batch) => batch.slice());
  };
}

describe("parseUnits", () => {
  it("takes sizes in any order, each once, ascending", () => {
    expect(parseUnits("64K,4096,16KiB,16k")).toEqual([4096, 16_384, 65_536]);
  });

  it.each(["12K", "2K", "128K", "0", "1G", "", "4K,", "4K,,8K", "-4K", "4.5K", "page", "8K 16K"])(
    "refuses %j with the value, the limits and the remedy",
    (text) => {
      expect(() => parseUnits(text)).toThrow(
        expect.objectContaining({
          code: "INVALID_ARGUMENT",
          message: expect.stringMatching(
            /^--unit cannot be "[^"]*": a unit is a power of two from 4K to 64K; give a list such as/,
          ),
        }),
      );
    },
  );
});

describe("analyzePages with units", () => {
  const bytes = mixture();
  const codecs = ["lz4", "lz4-fast", "lz4-wasm", "deflate", "zstd:1", "raw"];
  let result: AnalysisResult;
  let units: UnitsResult;

  beforeAll(async () => {
    result = await analyzePages(source(bytes, 7), { codec: "lz4", codecs, unitBytes: SIZES });
    units = result.units!;
  });

  /** The figures of one codec at one size of unit. */
  function found(codec: string, unitBytes: number) {
    const { units: all } = units.codecs.find(({ name }) => name === codec)!;
    return all.find(({ unit_bytes }) => unit_bytes === unitBytes)!;
  }

  /** What a codec's compressed bytes of every unit sum up to, and what is to be read of them. */
  function naiveSums(unitBytes: number, compressedBytes: (unit: Uint8Array) => number) {
    const all = cut(bytes, unitBytes).filter((unit) => !isSameFilled(textOf(unit)));
    const sums = { huge_units: 0, compr_data_size: 0, vain: 0, stored: 0 };
    for (const unit of all) {
      const length = compressedBytes(unit);
      if (length >= unit.length - PAGE + THRESHOLD) {
        sums.huge_units += 1;
        sums.compr_data_size += unit.length;
        sums.stored += PAGE;
      } else {
        sums.compr_data_size += length;
        sums.vain += unit.length - PAGE;
        sums.stored += length;
      }
    }
    return { sums, count: all.length, bytes: all.reduce((sum, { length }) => sum + length, 0) };
  }

  it("says which units were asked for, and leaves the rest of the result as it is without", async () => {
    expect(result.options.units).toEqual(SIZES);
    const plain = await analyzePages(source(bytes), { codec: "lz4", codecs: ["lz4"] });
    expect("units" in plain || "units" in plain.options).toBe(false);
    expect(result.pages).toEqual(plain.pages);
    expect(result.pagefold).toEqual(plain.pagefold);
  });

  it("takes ratios of all pages that are not same-filled, at every size", () => {
    expect(units.pages_compressed).toBe(result.input.pages - result.pages.same_filled);
    for (const { units: all } of units.codecs) {
      for (const { ratio, compr_data_size } of all) {
        expect(ratio).toBe((units.pages_compressed * PAGE) / compr_data_size);
      }
    }
  });

  it("says of units of one page what the analysis says of pages", () => {
    expect(units.codecs.map(({ name }) => name)).toEqual(result.codecs.map(({ name }) => name));
    for (const { name, compr_data_size, mem_used_total, huge_pages, ratio } of result.codecs) {
      expect(found(name, PAGE)).toMatchObject({
        compr_data_size,
        mem_used_total,
        huge_units: huge_pages,
        ratio,
      });
    }
    const { same_filled, duplicate, unique } = result.pages;
    expect(units.sizes[0]).toMatchObject({ same_filled, duplicate, unique, short_pages: 0 });
  });

  it.each(SIZES)("counts units of %i bytes as a plain count does", (unitBytes) => {
    const texts = cut(bytes, unitBytes).map(textOf);
    const others = texts.filter((text) => !isSameFilled(text));
    const unique = new Set(others).size;
    expect(units.sizes.find(({ unit_bytes }) => unit_bytes === unitBytes)).toEqual({
      unit_bytes: unitBytes,
      units: texts.length,
      same_filled: texts.length - others.length,
      duplicate: others.length - unique,
      unique,
      short_pages: (bytes.length % unitBytes) / PAGE,
    });
  });

  it("has units of every kind in this input, and a short one, so that the counts mean something", () => {
    expect(units.sizes.at(-1)).toMatchObject({
      same_filled: expect.toSatisfy((count) => count > 0),
      duplicate: expect.toSatisfy((count) => count > 0),
      short_pages: expect.toSatisfy((count) => count > 0),
    });
  });

  it.each(SIZES)("sums up lz4-wasm's bytes at %i as the package itself does", (unitBytes) => {
    const { sums, count } = naiveSums(unitBytes, (unit) => lz4.compress(unit).length - 4);
    const one = found("lz4-wasm", unitBytes);
    expect(one).toMatchObject({
      compr_data_size: sums.compr_data_size,
      huge_units: sums.huge_units,
    });
    expect(one.random_read_vain_bytes).toBeCloseTo(sums.vain / count, 2);
    expect(one.random_read_stored_bytes).toBeCloseTo(sums.stored / count, 2);
  });

  it.each(SIZES)("sums up deflate's bytes at %i, which zlib reads", (unitBytes) => {
    const { sums } = naiveSums(unitBytes, (unit) => {
      const block = deflateSync(unit, { level: 1 });
      expect(inflateRawSync(block).equals(unit)).toBe(true);
      return block.length;
    });
    expect(found("deflate:1", unitBytes).compr_data_size).toBe(sums.compr_data_size);
  });

  it.each(["lz4", "lz4-fast"])("sums up %s's blocks of 64 KiB, which lz4-wasm reads", (name) => {
    const target = new Uint8Array(2 ** 17);
    const { sums, bytes: sumBytes } = naiveSums(2 ** 16, (unit) => {
      const length = getCodec(name).compress(unit, target);
      const prefixed = new Uint8Array(4 + length);
      new DataView(prefixed.buffer).setUint32(0, unit.length, true);
      prefixed.set(target.subarray(0, length), 4);
      expect(Buffer.compare(lz4.decompress(prefixed), unit)).toBe(0);
      return length;
    });
    const one = found(name, 2 ** 16);
    expect(one.compr_data_size).toBe(sums.compr_data_size);
    const meanBytes = sums.compr_data_size / (sumBytes / PAGE);
    expect(one.ordered_read_stored_bytes).toBeCloseTo(meanBytes, 2);
  });

  it("gives no codec credit for memory it does not save", () => {
    for (const { ratio, ratio_placed, ratio_shared } of units.codecs.at(-1)!.units) {
      expect(ratio!).toBeLessThanOrEqual(1);
      expect(ratio_placed).toBe(ratio);
      expect(ratio_shared!).toBeGreaterThan(ratio!);
    }
  });

  it("orders what a codec's bytes take: compressed, placed in classes, in zspages", () => {
    for (const { units: all } of units.codecs) {
      for (const one of all) {
        expect(one.placed_data_size).toBeGreaterThanOrEqual(one.compr_data_size);
        expect(one.mem_used_total).toBeGreaterThanOrEqual(one.placed_data_size);
        expect(one.shared_data_size).toBeLessThan(one.placed_data_size);
      }
    }
  });

  it("looks at the sampled pages only, which keep whole units", async () => {
    const sampled = await analyzePages(source(bytes), {
      codec: "lz4",
      codecs: [],
      samplePercent: 25,
      unitBytes: [2 ** 16],
    });
    const [size] = sampled.units!.sizes;
    expect(size!.units).toBe(sampled.input.pages / 16);
    expect(sampled.units!.pages_compressed).toBe(sampled.input.pages - sampled.pages.same_filled);
  });

  it("refuses pages that are fewer the second time", async () => {
    let count = 6;
    const shrinking = () => [new Uint8Array(count-- * PAGE).fill(1)];
    const options = { codec: "lz4", codecs: [], unitBytes: [PAGE] };
    await expect(analyzePages(shrinking, options)).rejects.toMatchObject({
      code: "IO",
      message: expect.stringContaining("changed while they were read: at first there were 6"),
    });
  });
});

describe("UnitSurvey", () => {
  const survey = (unitBytes: readonly number[]) =>
    new UnitSurvey([getCodec("lz4")], { unitBytes, clock: stopwatchClock, allocator: zsmalloc() });

  it("has sizes and no ratios where all pages are same-filled", () => {
    const one = survey([PAGE, 2 * PAGE]);
    one.add(new Uint8Array(3 * PAGE));
    expect(one.finish()).toMatchObject({
      pages_compressed: 0,
      sizes: [
        { units: 3, same_filled: 3, duplicate: 0, unique: 0, short_pages: 0 },
        { units: 2, same_filled: 2, duplicate: 0, unique: 0, short_pages: 1 },
      ],
      codecs: [{ units: [{ ratio: null }, { ratio: null, random_read_us_per_page: null }] }],
    });
  });

  it("compresses a unit of same-filled pages that differ, and has no ratio for it", () => {
    const one = survey([2 * PAGE]);
    one.add(new Uint8Array(2 * PAGE).fill(1, PAGE));
    const { pages_compressed, sizes, codecs } = one.finish();
    expect({ pages_compressed, sizes }).toMatchObject({
      pages_compressed: 0,
      sizes: [{ unique: 1 }],
    });
    expect(codecs[0]!.units[0]).toMatchObject({ ratio: 0 });
    expect(codecs[0]!.units[0]!.compr_data_size).toBeGreaterThan(0);
  });
});

/** LZ4_compress_default of liblz4 1.9.4 over a fixture cut into units: the sum of lengths, and all bytes' digest. */
const LIBLZ4 = [
  { name: "guest-a-node", unitBytes: 8_192, bytes: 5_916_711, sha256: "56cf76ba93a42527" },
  { name: "guest-a-node", unitBytes: 16_384, bytes: 5_862_714, sha256: "a9eb6e15a554c4f2" },
  { name: "guest-a-node", unitBytes: 32_768, bytes: 5_813_406, sha256: "3cd5c247b5871b08" },
  { name: "guest-a-node", unitBytes: 65_536, bytes: 5_769_479, sha256: "e978d55e0d614ad9" },
  { name: "guest-b-node", unitBytes: 8_192, bytes: 6_791_317, sha256: "be6ce8cf9f4c95c6" },
  { name: "guest-b-node", unitBytes: 16_384, bytes: 6_686_486, sha256: "607d89154a2b8a1a" },
  { name: "guest-b-node", unitBytes: 32_768, bytes: 6_608_690, sha256: "91f2abb058da3b37" },
  { name: "guest-b-node", unitBytes: 65_536, bytes: 6_534_590, sha256: "2c1a01814fe54a2e" },
  { name: "guest-c-python", unitBytes: 8_192, bytes: 4_372_384, sha256: "ddce023755283eeb" },
  { name: "guest-c-python", unitBytes: 16_384, bytes: 4_291_632, sha256: "03c588fbb01de203" },
  { name: "guest-c-python", unitBytes: 32_768, bytes: 4_223_313, sha256: "03edd0ce76e5f459" },
  { name: "guest-c-python", unitBytes: 65_536, bytes: 4_174_459, sha256: "c129bd55a0e7902f" },
];

describe("lz4", () => {
  it.each(LIBLZ4)("makes liblz4's bytes of $name in units of $unitBytes", (expected) => {
    const { name, unitBytes, bytes, sha256 } = expected;
    const digest = createHash("sha256");
    const target = new Uint8Array(2 * unitBytes);
    let sum = 0;
    for (const unit of cut(fixturePages(name), unitBytes)) {
      const length = getCodec("lz4").compress(unit, target);
      digest.update(target.subarray(0, length));
      sum += length;
    }
    const found = { bytes: sum, sha256: digest.digest("hex").slice(0, 16) };
    expect(found).toEqual({ bytes, sha256 });
  });
});

describe("every codec", () => {
  it.each(["lz4", "lz4-fast", "lz4-wasm", "deflate:9", "zstd:19", "raw"])(
    "%s gives back 64 KiB whose end repeats their start",
    async (name) => {
      await loadCodec(name);
      const codec = getCodec(name);
      const unit = fixturePages("guest-b-node").slice(0, 2 ** 16);
      unit.copyWithin(2 ** 16 - 64, 0, 64);
      const target = new Uint8Array(2 ** 17);
      const length = codec.compress(unit, target);
      const back = new Uint8Array(2 ** 16);
      expect(length).toBeGreaterThan(0);
      expect(codec.decompress(target.subarray(0, length), back)).toBe(2 ** 16);
      expect(Buffer.compare(back, unit)).toBe(0);
    },
  );
});
