import { describe, expect, it } from "vitest";
import { renderAnalysis } from "../../src/report/analysis.ts";
import type { AnalysisResult } from "../../src/report/result.ts";

const emphasis = { strong: (text: string) => text, faint: (text: string) => text };

const ZRAM = {
  orig_data_size: 4096_000,
  compr_data_size: 1_000_000,
  mem_used_total: 1_048_576,
  same_pages: 100,
  huge_pages: 3,
  checked: true,
  in_kernel: true,
  metadata_size: 23_200,
};

const CODEC = {
  name: "lz4",
  compr_data_size: 1_000_000,
  mem_used_total: 1_048_576,
  huge_pages: 3,
  ratio: 3.6864,
  class_histogram: [
    { size: 32, objects: 800, mem_used: 28_672 },
    { size: 4096, objects: 100, mem_used: 409_600 },
  ],
  compress_us_per_page: 4.25,
  decompress_us_per_page: 1.5,
};

const RESULT: AnalysisResult = {
  schema: 1,
  command: "analyze",
  options: {
    files: ["a.pages"],
    codec: "lz4",
    codecs: ["lz4"],
    dedup: true,
    zsmalloc_chain: 8,
    sample_percent: 100,
  },
  input: { pages: 1000, bytes: 4096_000, sampled: false, sample: null },
  pages: { zero: 40, same_filled: 100, duplicate: 200, unique: 700 },
  codecs: [CODEC],
  zram: { lz4: ZRAM, "lz4-fast": { ...ZRAM, checked: false, in_kernel: false } },
  pagefold: {
    codec: "lz4",
    dedup: true,
    pages: 1000,
    complete: true,
    orig_data_size: 4096_000,
    same_pages: 100,
    dup_pages: 200,
    objects: 700,
    huge_pages: 2,
    saved_by_same_filled: 409_600,
    saved_by_dedup: 819_200,
    dup_data_size: 222_222,
    saved_by_compression: 2_067_200,
    compr_data_size: 800_000,
    bd_data_size: 0,
    pool_loss: 19_200,
    mem_used_total: 819_200,
    metadata_size: 40_960,
    total_size: 860_160,
    memory_reserved: 2 ** 22,
    ratio_compression: 3.584,
    ratio_everything: 4.7619,
  },
};

/** The line that begins with `name`, its columns. */
function line(text: string, name: string): string[] {
  const found = text.split("\n").find((one) => one.trim().startsWith(name)) ?? "";
  return found.trim().split(/ {2,}/);
}

describe("renderAnalysis", () => {
  const text = renderAnalysis(RESULT, { emphasis });

  it("splits the pages into kinds that add up", () => {
    expect(line(text, "zero").slice(1, 3)).toEqual(["40", "4.0 %"]);
    expect(line(text, "same-filled, not zero").slice(1, 3)).toEqual(["60", "6.0 %"]);
    expect(line(text, "duplicate of").slice(1, 3)).toEqual(["200", "20.0 %"]);
    expect(line(text, "unique").slice(1, 3)).toEqual(["700", "70.0 %"]);
  });

  it("shows a codec's figures and the shape of its classes", () => {
    expect(line(text, "lz4")).toEqual([
      "lz4",
      "3.69",
      "976.6 KiB",
      "1.0 MiB",
      "3",
      "4.3",
      "1.5",
      "█··············▁",
    ]);
  });

  it("takes the store's size apart term by term", () => {
    const terms = [
      "written",
      "–  same",
      "–  dupl",
      "–  compr",
      "=  compr",
      "+  round",
      "=  the pool",
    ];
    const sizes = [...terms, "+  tables", "=  in all"].map((name) => line(text, name).at(-3));
    expect(sizes).toEqual([
      "3.9 MiB",
      "400.0 KiB",
      "800.0 KiB",
      "2.0 MiB",
      "781.3 KiB",
      "18.8 KiB",
      "800.0 KiB",
      "40.0 KiB",
      "840.0 KiB",
    ]);
  });

  it("gives the ratio both ways", () => {
    expect(text).toContain("compression alone 3.58 : 1    everything against everything 4.76 : 1");
  });

  it("compares the store with a zram of the same codec, tables included", () => {
    expect(text).toContain(
      "pagefold with lz4 takes 840.0 KiB in all, 19.7 % less than zram with lz4.",
    );
  });

  it("leaves out of zram's section what no kernel has", () => {
    expect(text).not.toContain("lz4-fast");
  });

  it("shows every class only when asked", () => {
    expect(text).not.toContain("Classes of lz4");
    const long = renderAnalysis(RESULT, { emphasis, histogram: true });
    expect(line(long, "4,096 ")).toEqual(["4,096", "100", "400.0 KiB", "███▊"]);
  });

  it("says so where the store did not hold all pages", () => {
    const pagefold = { ...RESULT.pagefold, complete: false, pages: 900 };
    const partial = renderAnalysis({ ...RESULT, pagefold }, { emphasis });
    expect(partial).toContain("this is the accounting of the first 900 pages");
    expect(partial).not.toContain("pagefold with lz4 takes");
  });

  it("names the rule of a sample", () => {
    const sample = { percent: 10, run_pages: 16, pages_in_input: 10_000, rule: "run r is taken" };
    const input = { ...RESULT.input, sampled: true, sample };
    const sampled = renderAnalysis({ ...RESULT, input }, { emphasis });
    expect(sampled).toContain("A sample of 10 % of 10,000 pages: run r is taken.");
  });
});
