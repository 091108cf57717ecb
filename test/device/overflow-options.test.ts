/** What an overflow log refuses to be made of, and what it takes. */

import { describe, expect, it } from "vitest";
import { checkStoreOptions } from "../../src/device/options.ts";
import {
  type CheckedOverflowOptions,
  checkOverflowOptions,
  type OverflowOptions,
} from "../../src/device/overflow-options.ts";
import { createPageStore, type PageStoreOptions, type StoreOptions } from "../../src/index.ts";
import { MemoryMedium } from "../../src/overflow/media/memory.ts";
import { NandModel } from "../../src/overflow/media/nand.ts";
import { expectRefusal, type Refusal, refusal } from "../support/refusals.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

type Bad = readonly [what: string, options: Record<string, unknown>, refused: Refusal];

/** Options that are fine but for what is given; undefined leaves one out. */
function checkWith(changed: Record<string, unknown>, furtherCodecs = 0): CheckedOverflowOptions {
  const all = Object.entries({ path: "/swap/log", sizeBytes: 64 * MIB, ...changed });
  const given = Object.fromEntries(all.filter(([, value]) => value !== undefined));
  return checkOverflowOptions(given as OverflowOptions, furtherCodecs);
}

const badOptions: readonly Bad[] = [
  ["no path", { path: undefined }, refusal.invalid("neither a path nor a medium", "give the path")],
  ["a path and a medium", { medium: {} }, refusal.invalid("both a path and a medium")],
  ["an empty path", { path: "" }, refusal.invalid('overflow.path is ""', "must name")],
  ["a path that is a number", { path: 5 }, refusal.invalid("overflow.path is 5")],
  ["a path with a zero byte", { path: "a\0b" }, refusal.invalid("overflow.path", "zero bytes")],
  [
    "a medium that is none",
    { path: undefined, medium: {} },
    refusal.invalid("overflow.medium", "give a path"),
  ],
  ["no size", { sizeBytes: undefined }, refusal.invalid("overflow.sizeBytes is missing")],
  ...[0, -1, 0.5, Number.NaN, "64M", 256 * GIB + 1].map(
    (value): Bad => [
      `sizeBytes ${value}`,
      { sizeBytes: value },
      refusal.invalid("overflow.sizeBytes", String(value), 256 * GIB),
    ],
  ),
  [
    "five segments and a bit",
    { sizeBytes: 6 * MIB - 1 },
    refusal.invalid(6 * MIB - 1, "5 whole segments", "needs 6", "at least", 6 * MIB, "smaller"),
  ],
  [
    "more segments than the header area has room for",
    { sizeBytes: 256 * GIB, segmentBytes: 64 * KIB },
    refusal.invalid(256 * GIB, 2 ** 22, "30806 of that size", "give larger segments"),
  ],
  ...[0, -MIB, 32 * KIB, 3 * 64 * KIB, MIB + 1, 128 * MIB, 2 ** 16.5, Number.NaN, "1M"].map(
    (value): Bad => [
      `segmentBytes ${value}`,
      { segmentBytes: value, sizeBytes: GIB },
      refusal.invalid("overflow.segmentBytes", String(value), "power of two", 65_536, 67_108_864),
    ],
  ),
  ["plain 1", { plain: 1 }, refusal.invalid("overflow.plain is 1", "true or false")],
  ['promote "no"', { promote: "no" }, refusal.invalid('overflow.promote is "no"')],
  ["cleaning lru", { cleaning: "lru" }, refusal.invalid('"lru"', "fifo", "greedy", "d-choices")],
  ["cleaning 5", { cleaning: 5 }, refusal.invalid("overflow.cleaning is 5")],
  ["d-choices:0", { cleaning: "d-choices:0" }, refusal.invalid('"d-choices:0"', "from 1")],
  ...[0, 1, 0.995, 90, Number.NaN, "0.9"].map(
    (value): Bad => [
      `highWatermark ${value}`,
      { highWatermark: value },
      refusal.invalid("overflow.highWatermark", String(value), "0.01", "0.99"),
    ],
  ),
  ["lowWatermark 0", { lowWatermark: 0 }, refusal.invalid("overflow.lowWatermark is 0", "0.01")],
  [
    "watermarks the wrong way round",
    { lowWatermark: 0.9, highWatermark: 0.7 },
    refusal.invalid("0.9", "0.7", "below", "exchange"),
  ],
  [
    "equal watermarks",
    { lowWatermark: 0.5, highWatermark: 0.5 },
    refusal.invalid("0.5", "below the high one"),
  ],
  ["a budget of 0", { budgetBytesPerDay: 0 }, refusal.invalid("is 0", "leave it out")],
  ...[-1, 4107, 1e6 + 0.5, "1G", Number.POSITIVE_INFINITY].map(
    (value): Bad => [
      `a budget of ${value}`,
      { budgetBytesPerDay: value },
      refusal.invalid("overflow.budgetBytesPerDay", String(value), 4108),
    ],
  ),
  [
    "recompress in a store with one codec",
    { recompress: true },
    refusal.invalid("overflow.recompress is true", 'recompress: ["zstd"]'),
  ],
  [
    "recompress as a list",
    { recompress: ["zstd"] },
    refusal.invalid("overflow.recompress is zstd"),
  ],
  ...[0, -1, 0.5, 2e9, "3000"].map(
    (value): Bad => [
      `enduranceCycles ${value}`,
      { enduranceCycles: value },
      refusal.invalid("overflow.enduranceCycles", String(value), "from 1"),
    ],
  ),
  ["onEvent that is no function", { onEvent: 5 }, refusal.invalid("overflow.onEvent is 5")],
  ["an unknown option", { size: 5 }, refusal.invalid('"size"', "sizeBytes")],
];

describe("checkOverflowOptions", () => {
  it.each(badOptions)("refuses %s", (_, options, refused) => {
    expectRefusal(() => checkWith(options), refused);
  });

  it.each([null, 5, "/swap/log"])("refuses %s for its options", (options) => {
    const refused = refusal.invalid("overflow", String(options));
    expectRefusal(() => checkOverflowOptions(options as never, 0), refused);
  });

  it("completes a path and a size", () => {
    const { onEvent: _, cleaning, ...rest } = checkWith({});
    expect({ ...rest, cleaning: cleaning.name }).toEqual({
      place: { path: "/swap/log" },
      sizeBytes: 64 * MIB,
      segmentBytes: MIB,
      isPlain: false,
      cleaning: "cost-benefit",
      highWatermark: 0.9,
      lowWatermark: 0.8,
      promotes: true,
      recompresses: false,
      budgetBytesPerDay: undefined,
      enduranceCycles: 3000,
    });
  });

  it("takes every option at its limit", () => {
    const given = {
      sizeBytes: 256 * GIB,
      segmentBytes: 64 * MIB,
      plain: true,
      cleaning: "d-choices:3",
      highWatermark: 0.99,
      lowWatermark: 0.01,
      promote: false,
      budgetBytesPerDay: 4108,
      recompress: true,
      enduranceCycles: 1,
    };
    expect(checkWith(given, 1)).toMatchObject({
      sizeBytes: 256 * GIB,
      isPlain: true,
      cleaning: { name: "d-choices:3" },
      promotes: false,
      recompresses: true,
      budgetBytesPerDay: 4108,
    });
  });

  it("takes the least log there is", () => {
    const least = { segmentBytes: 64 * KIB, sizeBytes: 6 * 64 * KIB };
    expect(checkWith(least)).toMatchObject(least);
  });

  it("rounds a size down to whole segments and says so", () => {
    const told: string[] = [];
    const onEvent = (line: string) => told.push(line);
    expect(checkWith({ sizeBytes: 8 * MIB - 1, onEvent }).sizeBytes).toBe(7 * MIB);
    expect(told).toHaveLength(1);
    for (const part of [8 * MIB - 1, 7 * MIB, "7 whole segments", "1.0 MiB"])
      expect(told[0]).toContain(String(part));
  });

  it("says nothing of a size in whole segments", () => {
    const told: string[] = [];
    checkWith({ onEvent: (line: string) => told.push(line) });
    expect(told).toEqual([]);
  });

  it("takes a medium's own size unless told less", () => {
    const medium = new MemoryMedium({ sizeBytes: 16 * MIB });
    const place = { path: undefined, medium };
    expect(checkWith({ ...place, sizeBytes: undefined })).toMatchObject({
      place: { medium },
      sizeBytes: 16 * MIB,
    });
    expect(checkWith({ ...place, sizeBytes: 8 * MIB }).sizeBytes).toBe(8 * MIB);
    const refused = refusal.invalid("overflow.sizeBytes", 17 * MIB, 16 * MIB);
    expectRefusal(() => checkWith({ ...place, sizeBytes: 17 * MIB }), refused);
  });

  it("takes a medium only if a segment is whole program units", () => {
    const place = { path: undefined, sizeBytes: undefined };
    const mediumOf = (programBytes: number) =>
      new NandModel({ sizeBytes: 48 * MIB, blockBytes: 3 * MIB, programBytes });
    const refused = refusal.invalid("programs 12288 bytes", MIB, "give segmentBytes as a multiple");
    expectRefusal(() => checkWith({ ...place, medium: mediumOf(12_288) }), refused);
    const larger = { ...place, medium: mediumOf(128 * KIB), segmentBytes: 64 * KIB };
    expectRefusal(
      () => checkWith(larger),
      refusal.invalid("programs 131072", 65_536, "divides it"),
    );
    expect(checkWith({ ...place, medium: mediumOf(128 * KIB) }).segmentBytes).toBe(MIB);
  });
});

describe("a store's options", () => {
  const overflow = { path: "/swap/log", sizeBytes: 64 * MIB };

  it("hold the checked overflow log, or none", () => {
    const checked = checkStoreOptions({ overflow, recompress: ["deflate"] });
    expect(checked.overflow).toMatchObject({ place: { path: "/swap/log" }, segmentBytes: MIB });
    expect(checkStoreOptions({})).not.toHaveProperty("overflow");
  });

  it("let it recompress if there are further codecs", () => {
    const options = { overflow: { ...overflow, recompress: true } };
    const further: StoreOptions = { ...options, recompress: ["deflate"] };
    expect(checkStoreOptions(further).overflow?.recompresses).toBe(true);
    expectRefusal(() => checkStoreOptions(options), refusal.invalid("overflow.recompress"));
  });

  it("are refused by a page store, which is memory only", () => {
    const options: PageStoreOptions = { sizeBytes: 4096, overflow };
    const refused = refusal.invalid("overflow", "memory only", "openStore");
    expectRefusal(() => createPageStore(options), refused);
  });
});
