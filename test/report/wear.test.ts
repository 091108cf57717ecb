/** What the tables of `pagefold wear` show where something is wrong; where all is well the command's tests look. */

import { describe, expect, it } from "vitest";
import { renderWear, renderWearCheck } from "../../src/report/wear.ts";
import type { WearCheckRow, WearOptions, WearWay } from "../../src/report/wear-result.ts";

const plain = (text: string) => text;
const emphasis = { strong: plain, faint: plain };

const row: WearCheckRow = {
  section: "uniform writes",
  workload: "uniform",
  plan: "fifo",
  records_per_segment: 64,
  utilisation: 0.8,
  figure: "amplification",
  measured: 3,
  reference: 2.693,
  reference_name: "fifo",
  error: 0.114,
  bound: 0.03,
  ok: false,
  note: "",
};

const way: WearWay = {
  name: "fifo",
  policy: "fifo",
  streams: 1,
  medium_bytes: 2 ** 30,
  utilisation: 0.8,
  write_amplification: 2.7,
  theory: null,
  erases: { min: 10, mean: 10.5, max: 11, variation: 0.1, gini: 0.01, max_to_mean: 1.05 },
  first_bad_day: 2.5,
  worn_out_day: 9.1,
  retired_segments: 12,
  years: 0.1,
  pages_written_out: 1000,
  bytes_programmed: 2_700_000,
  bytes_programmed_per_byte_swapped: 0.66,
  bytes_programmed_to_zram: 0.66,
  busy_seconds: 10,
};

const options: WearOptions = {
  workload: "uniform",
  utilisation: 0.8,
  size: 2 ** 30,
  segment: 2 ** 20,
  record: 1000,
  codec: "lz4",
  policies: ["fifo"],
  streams: 3,
  levelling: true,
  days: 100,
  writes_per_day: 2 ** 30,
  endurance: 10,
  seed: 5,
};

describe("renderWearCheck", () => {
  it("marks what is beyond its bound, and counts it", () => {
    const result = { full: true, segments: 512, seed: 5, rows: [row], failed: 1 };
    const text = renderWearCheck(result, emphasis);
    expect(text).toMatch(/fifo +64 +0\.800 +amplification +3\.000 +2\.693 +\+11\.4 % +± 3 % +FAIL/);
    expect(text).toContain("1 checks on 512 segments, seed 5: 1 beyond their bounds.");
  });
});

describe("renderWear", () => {
  it.each([
    {
      levelling: true,
      theory: { formula: "fifo", write_amplification: 5, error: -0.46 },
      says: true,
    },
    {
      levelling: false,
      theory: { formula: "fifo", write_amplification: 5, error: -0.46 },
      says: false,
    },
    { levelling: true, theory: null, says: false },
  ])(
    "says that theory knows no levelling where both are shown: %j",
    ({ levelling, theory, says }) => {
      const result = {
        model: { segments: 512, records_per_segment: 64, simulated_share: 1, seed: 5 },
        mean_record_bytes: 1024,
        pages: 1000,
        ways: [{ ...way, theory }],
        zram: { ...way, name: "zram" },
        memory: null,
      };
      const text = renderWear(result, { emphasis, options: { ...options, levelling } });
      expect(text.includes("theory: of a log without levelling")).toBe(says);
    },
  );

  it("says on which day a medium was worn out, and that the figures end there", () => {
    const text = renderWear(
      {
        model: { segments: 512, records_per_segment: 64, simulated_share: 0.5, seed: 5 },
        mean_record_bytes: 1024,
        pages: 1000,
        ways: [way],
        zram: { ...way, name: "zram", first_bad_day: null, worn_out_day: null },
        memory: null,
      },
      { emphasis, options },
    );
    expect(text).toContain("fifo had worn the medium out by day 10: its figures are until then.");
    expect(text).toMatch(/fifo .* day 3 /);
    expect(text).toContain("50 % of the time was simulated, erases are told in proportion");
  });
});
