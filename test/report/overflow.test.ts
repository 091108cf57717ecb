import { describe, expect, it } from "vitest";
import { besideZram, overflowSection } from "../../src/report/overflow.ts";
import type { OverflowStatus } from "../../src/report/result.ts";
import { emphasisFor } from "../../src/report/terminal.ts";

const STATUS: OverflowStatus = {
  path: "/var/tmp/swap.log",
  size_bytes: 2 ** 30,
  segment_bytes: 2 ** 20,
  segments: 1022,
  segments_free: 500,
  segments_retired: 0,
  cleaning: "cost-benefit",
  is_sealed: true,
  is_dead: false,
  bd_data_size: 300 * 2 ** 20,
  copied_bytes: 2 ** 20,
  lost_objects: 0,
  written_back: 1000,
  written_back_pages: 1100,
  evicted_clean: 20,
  promoted: 30,
  merged: 4,
  stalls: 5,
  reads: 6000,
  failed_reads: 0,
  failed_writes: 1,
  segments_cleaned: 7,
  record_bytes: 10 * 2 ** 20,
  moved_bytes: 2 ** 20,
  programmed_bytes: 12 * 2 ** 20,
  write_amplification: 1.2,
  programmed_per_swapped_byte: 0.345,
  programmed_bytes_ever: 50 * 2 ** 20,
  openings: 3,
  wear: {
    erases_min: 1,
    erases_mean: 2.5,
    erases_max: 1234,
    erases_variation: 0.1,
    erases_gini: 0.1,
    erases_max_to_mean: 1.6,
    live_shares: [0, 0.5, 1],
  },
  budget: {
    bytes_per_day: null,
    available_bytes: null,
    overdrawn_bytes: 0,
    ever_overdrawn_bytes: 0,
  },
  forecast_years: 12.4,
};

const emphasis = emphasisFor({}, {});

function rendered(changes: Partial<OverflowStatus> = {}, hasForecast = true): string {
  return overflowSection({ ...STATUS, ...changes }, { emphasis, hasForecast });
}

describe("overflowSection", () => {
  it("shows every figure with what it is", () => {
    expect(rendered()).toBe(`On the overflow log  /var/tmp/swap.log
  size                         1.0 GiB  1,022 segments of 1.0 MiB, 500 free; sealed, cleaning cost-benefit
  bd_data_size               300.0 MiB  live, on the log alone
  copied_bytes                 1.0 MiB  live, in memory too
  live shares               0 to 100 %  of segments, sorted: ·▄█
  written back           1,000 objects  1,100 pages; 20 left unwritten, 30 came back
  programmed                  12.0 MiB  since it was opened; 50.0 MiB in 3 openings
  write amplification             1.20  programmed, by what left memory
  per byte swapped                0.34  programmed, by 4096 for each page that left memory
  erases               1 / 2.5 / 1,234  least, mean and most of a segment
  budget                          none  bytes a day are not limited
  forecast                    12 years  from new to worn out, at the rate since it was opened
  waited                             5  writes that waited for pages to leave memory
  reads                          6,000  0 of them failed; 1 write failed
`);
  });

  it("says what of the day's budget is left", () => {
    const budget = {
      bytes_per_day: 2 ** 30,
      available_bytes: 2 ** 29,
      overdrawn_bytes: 0,
      ever_overdrawn_bytes: 0,
    };
    expect(rendered({ budget })).toMatch(/ budget +1\.0 GiB +a day, 512\.0 MiB left\n/);
  });

  it("says by how much the budget is overdrawn", () => {
    const budget = {
      bytes_per_day: 2 ** 30,
      available_bytes: 0,
      overdrawn_bytes: 2 ** 20,
      ever_overdrawn_bytes: 2 ** 20,
    };
    expect(rendered({ budget })).toMatch(/ budget +1\.0 GiB +a day, overdrawn by 1\.0 MiB\n/);
  });

  it.each([
    { years: null, shown: "–" },
    { years: 0.001, shown: "< 1 day" },
    { years: 0.5, shown: "183 days" },
    { years: 3.25, shown: "3.3 years" },
    { years: 5000, shown: "> 1,000 years" },
  ])("shows a forecast of $years years as $shown", ({ years, shown }) => {
    expect(rendered({ forecast_years: years })).toContain(`  ${shown}  `);
  });

  it("leaves the forecast out where time says nothing", () => {
    expect(rendered({}, false)).not.toContain("forecast");
  });

  it("says how many segments failed", () => {
    expect(rendered({ segments_retired: 3 })).toContain("; 3 of 1,022 segments failed\n");
  });

  it("says that objects were lost", () => {
    expect(rendered({ lost_objects: 2 })).toContain("\n  2 objects LOST: reading their pages");
  });

  it("says that the medium is dead", () => {
    expect(rendered({ is_dead: true })).toContain("\n  ITS MEDIUM IS DEAD: nothing more is");
  });

  it("makes control characters of a path visible", () => {
    expect(rendered({ path: "a\u001b[2J" })).toContain("On the overflow log  a\\x1b[2J\n");
  });

  it("shows a log on which nothing was written", () => {
    const none = { write_amplification: null, programmed_per_swapped_byte: null };
    expect(rendered({ ...none, forecast_years: null })).toMatch(/ write amplification +– /);
  });
});

describe("besideZram", () => {
  const zram = {
    pages: 1100,
    programmed_bytes: 1100 * 4096,
    blocks: 550,
    block_writes_mean: 2,
    block_writes_max: 40,
  };

  it("compares what was written, and how often the same place", () => {
    const status = { ...STATUS, programmed_bytes: 550 * 4096 };
    const [bytes, places] = besideZram(status, zram, emphasis).split("\n");
    expect(bytes).toBe(
      "  zram would have written these 1,100 pages as blocks of 4096 bytes, 4.3 MiB; the log wrote 50.0 % of that.",
    );
    expect(places).toContain("550 blocks, written 2.0 times each, one 40 times;");
    expect(places).toContain("segments were erased 2.5 times each, one 1,234 times.");
  });

  it("says where nothing left memory", () => {
    expect(besideZram(STATUS, { ...zram, pages: 0 }, emphasis)).toContain("No page left memory");
  });
});
