import { beforeAll, describe, expect, it } from "vitest";
import { getCodec } from "../../codecs/registry.ts";
import { analyzePages } from "../../src/lab/analyze.ts";
import type { AnalysisResult } from "../../src/report/result.ts";
import { fixtureNames, fixturePages } from "../support/fixtures.ts";

const PAGE = 4096;

function* pagesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += PAGE) {
    yield bytes.subarray(offset, offset + PAGE);
  }
}

/** A source of analyzePages that gives copies, since the analysis may overwrite its batches. */
function source(bytes: Uint8Array, batchPages = 256) {
  return function* () {
    for (let offset = 0; offset < bytes.length; offset += batchPages * PAGE) {
      yield bytes.slice(offset, offset + batchPages * PAGE);
    }
  };
}

/** The kinds of pages counted the plain way: by their bytes as text. */
function naiveCounts(bytes: Uint8Array) {
  const seen = new Set<string>();
  const counts = { zero: 0, same_filled: 0, duplicate: 0, unique: 0 };
  for (const page of pagesOf(bytes)) {
    const text = Buffer.from(page).toString("hex");
    if (text === text.slice(0, 16).repeat(PAGE / 8)) {
      counts.same_filled += 1;
      if (/^0*$/.test(text)) counts.zero += 1;
    } else if (seen.has(text)) counts.duplicate += 1;
    else {
      seen.add(text);
      counts.unique += 1;
    }
  }
  return counts;
}

/** A quarter of each fixture, some of its pages twice, and zeros: every kind of page in numbers worth counting. */
function mixture(): Uint8Array {
  const parts = fixtureNames().map((name) => fixturePages(name).subarray(0, 400 * PAGE));
  return Buffer.concat([...parts, parts[1]!.subarray(0, 50 * PAGE), new Uint8Array(7 * PAGE)]);
}

describe("analyzePages", () => {
  const bytes = mixture();
  const pages = bytes.length / PAGE;
  let result: AnalysisResult;

  beforeAll(async () => {
    result = await analyzePages(source(bytes), {
      codec: "lz4",
      codecs: ["lz4", "zstd:1", "raw"],
      files: ["a", "b"],
    });
  });

  it("says what it was asked and what it looked at", () => {
    expect(result.options).toEqual({
      files: ["a", "b"],
      codec: "lz4",
      codecs: ["lz4", "zstd:1", "raw"],
      dedup: true,
      zsmalloc_chain: 8,
      sample_percent: 100,
    });
    expect(result.input).toEqual({ pages, bytes: bytes.length, sampled: false, sample: null });
  });

  it("counts pages as a plain count does", () => {
    expect(result.pages).toEqual(naiveCounts(bytes));
  });

  it("sums each codec's sizes as calling it page by page does", () => {
    for (const { name, ...found } of result.codecs) {
      const codec = getCodec(name);
      const target = new Uint8Array(2 * PAGE);
      let huge = 0;
      let size = 0;
      let compressed = 0;
      for (const page of pagesOf(bytes)) {
        if (naiveCounts(page).same_filled === 1) continue;
        const length = codec.compress(page, target);
        const isHuge = length === 0 || length >= 3625;
        huge += isHuge ? 1 : 0;
        size += isHuge ? PAGE : length;
        compressed += 1;
      }
      expect(found).toMatchObject({ compr_data_size: size, huge_pages: huge });
      expect(found.ratio).toBeCloseTo((compressed * PAGE) / size, 10);
      expect(found.class_histogram.reduce((sum, { objects }) => sum + objects, 0)).toBe(compressed);
      expect(found.compress_us_per_page).toBeGreaterThan(0);
      expect(found.decompress_us_per_page).toBeGreaterThan(0);
    }
  });

  it("predicts a zram for every codec, from the same pages", () => {
    expect(Object.keys(result.zram)).toEqual(["lz4", "zstd:1", "raw"]);
    for (const { name, compr_data_size, mem_used_total, huge_pages } of result.codecs) {
      expect(result.zram[name]).toMatchObject({
        orig_data_size: bytes.length,
        same_pages: result.pages.same_filled,
        compr_data_size,
        mem_used_total,
        huge_pages,
      });
    }
  });

  it("accounts for every byte in the store", () => {
    const store = result.pagefold;
    expect(store.complete).toBe(true);
    expect(store.orig_data_size).toBe(bytes.length);
    expect(store.orig_data_size).toBe(
      PAGE * store.same_pages +
        PAGE * store.dup_pages +
        store.saved_by_compression +
        store.compr_data_size +
        store.bd_data_size,
    );
    expect(store.mem_used_total).toBe(store.compr_data_size + store.pool_loss);
    expect(store.total_size).toBe(store.mem_used_total + store.metadata_size);
    expect(store.pool_loss).toBeGreaterThanOrEqual(0);
    expect(store.memory_reserved).toBeGreaterThanOrEqual(store.total_size);
  });

  it("finds the pages' kinds again in the store's statistics", () => {
    const { pagefold: store, pages: counts } = result;
    expect(store.same_pages).toBe(counts.same_filled);
    expect(store.dup_pages + store.objects).toBe(counts.duplicate + counts.unique);
    // The index of a store is bounded, so it may overlook a few.
    expect(store.dup_pages).toBeLessThanOrEqual(counts.duplicate);
    expect(store.dup_pages).toBeGreaterThan(0.9 * counts.duplicate);
  });

  it("shares nothing with deduplication off", async () => {
    const { pagefold } = await analyzePages(source(bytes), {
      codec: "lz4",
      codecs: [],
      dedup: false,
    });
    expect(pagefold).toMatchObject({ dedup: false, dup_pages: 0, dup_data_size: 0 });
    expect(pagefold.compr_data_size).toBe(result.codecs[0]!.compr_data_size);
  });

  it("gives the same counts and sizes however the pages come", async () => {
    const options = { codec: "lz4", codecs: ["lz4"] };
    const sizes = async (batchPages: number) => {
      const { pages: counts, zram } = await analyzePages(source(bytes, batchPages), options);
      return { counts, zram };
    };
    expect(await sizes(7)).toEqual(await sizes(256));
  });

  it("looks at the sampled pages only, in all its parts", async () => {
    const {
      input,
      pages: counts,
      zram,
      pagefold,
    } = await analyzePages(source(bytes), {
      codec: "lz4",
      codecs: ["lz4"],
      samplePercent: 25,
    });
    const runs = Math.ceil(pages / 16 / 4);
    expect(input).toMatchObject({ sampled: true, sample: { percent: 25, pages_in_input: pages } });
    expect(Math.abs(input.pages - 16 * runs)).toBeLessThan(16);
    expect(counts.same_filled + counts.duplicate + counts.unique).toBe(input.pages);
    expect(zram.lz4!.orig_data_size).toBe(input.bytes);
    expect(pagefold.orig_data_size).toBe(input.bytes);
  });

  it("analyzes pages that are all zero", async () => {
    const zeros = await analyzePages(source(new Uint8Array(3 * PAGE)), {
      codec: "lz4",
      codecs: ["lz4"],
    });
    expect(zeros.pages).toEqual({ zero: 3, same_filled: 3, duplicate: 0, unique: 0 });
    expect(zeros.codecs[0]).toMatchObject({ ratio: null, mem_used_total: 0 });
    expect(zeros.pagefold).toMatchObject({ objects: 0, ratio_compression: null });
  });

  it("refuses pages that are fewer the second time", async () => {
    let lengths = [5, 4];
    const shrinking = function* () {
      const [count] = lengths;
      lengths = lengths.slice(1);
      yield new Uint8Array(count! * PAGE).fill(1);
    };
    await expect(analyzePages(shrinking, { codec: "lz4", codecs: [] })).rejects.toMatchObject({
      code: "IO",
      message: expect.stringContaining("changed while they were read"),
    });
  });

  it("refuses an unknown codec", async () => {
    const refused = analyzePages(source(bytes), { codec: "lz4", codecs: ["lz5"] });
    await expect(refused).rejects.toMatchObject({ code: "UNKNOWN_CODEC" });
  });
});
