/** What the section on larger units shows of a result, and what its plots leave out. */

import { describe, expect, it } from "vitest";
import { drawUnits } from "../../src/report/unit-plots.ts";
import { unitsBody } from "../../src/report/units.ts";
import type { UnitResult, UnitsResult } from "../../src/report/units-result.ts";

const plain = (text: string) => text;
const emphasis = { strong: plain, faint: plain };

const PAGES: UnitResult = {
  unit_bytes: 4096,
  compr_data_size: 1_000_000,
  placed_data_size: 1_050_000,
  shared_data_size: 900_000,
  mem_used_total: 1_056_768,
  huge_units: 3,
  ratio: 4.096,
  ratio_placed: 3.901,
  ratio_shared: 4.551,
  compress_us_per_page: 4.25,
  random_read_us_per_page: 1.52,
  ordered_read_us_per_page: 1.49,
  random_read_vain_bytes: 0,
  random_read_stored_bytes: 1000.4,
  ordered_read_stored_bytes: 1000.4,
};

const NOTHING: UnitResult = {
  ...PAGES,
  unit_bytes: 65_536,
  ratio: null,
  random_read_us_per_page: null,
  random_read_vain_bytes: null,
};

const RESULT: UnitsResult = {
  pages_compressed: 1000,
  sizes: [
    {
      unit_bytes: 4096,
      units: 1010,
      same_filled: 10,
      duplicate: 200,
      unique: 800,
      short_pages: 0,
    },
    { unit_bytes: 65_536, units: 64, same_filled: 0, duplicate: 1, unique: 63, short_pages: 2 },
  ],
  codecs: [{ name: "lz4", units: [PAGES, NOTHING] }],
};

/** The columns of the line that begins with `start`. */
function line(text: string, start: string): string[] {
  const found = text.split("\n").find((one) => one.trim().startsWith(start)) ?? "";
  return found.trim().split(/ {2,}/);
}

describe("unitsBody", () => {
  const text = unitsBody(RESULT, emphasis);

  it("counts the units of each size, and says how many pages a short one has", () => {
    expect(line(text, "4K")).toEqual(["4K", "1,010", "10", "200", "800"]);
    expect(line(text, "64K")).toEqual(["64K", "64", "0", "1", "63", "pages in the last: 2"]);
  });

  it("shows a codec's figures under their heads", () => {
    const heads = [
      ...["codec", "unit", "ratio", "placed", "shared", "random µs", "in order µs", "compress µs"],
      ...["in vain", "random bytes", "in order bytes"],
    ];
    expect(line(text, "codec")).toEqual(heads);
    expect(line(text, "lz4")).toEqual([
      ...["lz4", "4K", "4.10", "3.90", "4.55", "1.5", "1.5", "4.3", "0", "1,000", "1,000"],
    ]);
  });

  it("has a dash for what could not be had", () => {
    expect(text).toMatch(/^ +64K +– +3\.90 +4\.55 +– +1\.5 +4\.3 +– /m);
  });

  it("keeps to 120 columns", () => {
    expect(text.split("\n").filter((one) => one.length > 120)).toEqual([]);
  });
});

describe("drawUnits", () => {
  it("draws what is known, and nothing that an axis of tenfold steps has no place for", async () => {
    const none = { ...PAGES, ratio: 0, random_read_us_per_page: 0 };
    const result = { ...RESULT, codecs: [...RESULT.codecs, { name: "zero", units: [none] }] };
    const plots = await drawUnits(result);
    expect(plots.map(({ name }) => name)).toEqual(["unit-ratio.svg", "unit-random-read.svg"]);
    for (const { svg } of plots) expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
});
