/** The CSV of `pagefold simulate`, read back by a reader of RFC 4180 of its own. */

import { describe, expect, it } from "vitest";
import { seriesCsv } from "../../src/report/simulate-csv.ts";
import { hintBuffer, output } from "../support/simulate-output.ts";

/** Records of fields by the RFC's grammar; throws where the text is not of it. */
function readCsv(text: string): string[][] {
  const FIELD = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  const records: string[][] = [[]];
  while (FIELD.lastIndex < text.length) {
    const at = FIELD.lastIndex;
    const match = FIELD.exec(text);
    if (match === null) throw new Error(`no field at ${at}: ${text.slice(at, at + 40)}`);
    records.at(-1)!.push(match[1]?.replaceAll('""', '"') ?? match[2]!);
    if (match[3] === "\r\n") records.push([]);
  }
  records.pop();
  return records;
}

describe("seriesCsv", () => {
  it("has a head and a line for each variant and sample", () => {
    const { series } = hintBuffer();
    const records = readCsv(seriesCsv(hintBuffer()));
    expect(records[0]).toEqual(["variant", ...Object.keys(series[0]!.columns)]);
    const expected = series.flatMap(({ name, columns }) =>
      columns.seconds!.map((_, row) => [
        name,
        ...Object.values(columns).map((column) => String(column[row])),
      ]),
    );
    expect(records.slice(1)).toEqual(expected);
  });

  it("has the columns of all variants, empty where a variant has none", () => {
    const csv = seriesCsv(
      output({}, [
        { name: "a", columns: { seconds: [0], merges: [1] } },
        { name: "b", columns: { full_scans: [2], seconds: [0] } },
      ]),
    );
    expect(csv).toBe("variant,seconds,merges,full_scans\r\na,0,1,\r\nb,0,,2\r\n");
  });

  it.each(['say "x", y', "two\r\nlines", "a,b", '"'])("quotes a name: %j", (name) => {
    const csv = seriesCsv(output({}, [{ name, columns: { seconds: [1.5] } }]));
    expect(readCsv(csv)).toEqual([
      ["variant", "seconds"],
      [name, "1.5"],
    ]);
  });

  it("writes numbers without exponents, and nothing for what is none", () => {
    const seconds = [1e21, 2.5e-7, -3e-9, 0.1 + 0.2, Number.NaN];
    const csv = seriesCsv(output({}, [{ name: "a", columns: { seconds } }]));
    expect(csv.split("\r\n").slice(1, -1)).toEqual([
      "a,1000000000000000000000",
      "a,0.00000025",
      "a,-0.000000003",
      "a,0.30000000000000004",
      "a,",
    ]);
  });
});
