import { describe, expect, it } from "vitest";
import { parsePercent, SAMPLE_RUN_PAGES, Sampler } from "../../src/lab/sample.ts";

const PAGES = 16_000;

/** The numbers of the pages taken of `PAGES` numbered ones, which come in batches of `batchPages`. */
function taken(percent: number, batchPages: number): number[] {
  const sampler = new Sampler(percent);
  const numbers: number[] = [];
  for (let first = 0; first < PAGES; first += batchPages) {
    const batch = new Uint8Array(Math.min(batchPages, PAGES - first) * 4096);
    const view = new DataView(batch.buffer);
    for (let page = 0; page * 4096 < batch.length; page++)
      view.setUint32(page * 4096, first + page);
    const sample = sampler.take(batch);
    for (let offset = 0; offset < sample.length; offset += 4096)
      numbers.push(view.getUint32(offset));
  }
  return numbers;
}

describe("Sampler", () => {
  it.each([0.5, 1, 7, 10, 33.3, 50, 99])("takes %d %% of the pages, to one run", (percent) => {
    const expected = (PAGES * percent) / 100;
    expect(Math.abs(taken(percent, 256).length - expected)).toBeLessThanOrEqual(SAMPLE_RUN_PAGES);
  });

  it("takes whole runs of neighbours", () => {
    const numbers = taken(10, 256);
    for (let first = 0; first < numbers.length; first += SAMPLE_RUN_PAGES) {
      const run = numbers.slice(first, first + SAMPLE_RUN_PAGES);
      expect(run[0]! % SAMPLE_RUN_PAGES).toBe(0);
      expect(run).toEqual(run.map((_, index) => run[0]! + index));
    }
  });

  it("spreads the runs evenly", () => {
    const runs = taken(10, 256).filter((number) => number % SAMPLE_RUN_PAGES === 0);
    expect(runs).toEqual(runs.map((_, index) => 10 * SAMPLE_RUN_PAGES * index));
  });

  it("takes the same pages however they come", () => {
    expect(taken(7, 100)).toEqual(taken(7, 256));
  });

  it("takes the first run of the smallest sample", () => {
    expect(taken(0.001, 256)).toEqual(Array.from({ length: SAMPLE_RUN_PAGES }, (_, page) => page));
  });

  it("takes every page at 100 %", () => {
    expect(taken(100, 256)).toHaveLength(PAGES);
  });
});

describe("parsePercent", () => {
  it.each([
    ["10%", 10],
    ["0.5", 0.5],
    ["100%", 100],
  ])("reads %s", (text, percent) => {
    expect(parsePercent(text)).toBe(percent);
  });

  it.each(["0", "0%", "-5%", "101%", "ten", "", "%", "5%%", "1e1"])("refuses %j", (text) => {
    expect(() => parsePercent(text)).toThrow(`"${text}" is not a sample`);
  });
});
