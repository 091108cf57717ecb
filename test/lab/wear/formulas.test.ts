/** The formulas against the numbers computed for them elsewhere, to the digits that were printed. */

import { describe, expect, it } from "vitest";
import {
  agarwalAmplification,
  bestOfTwo,
  choicesAmplification,
  fifoAmplification,
  greedyAmplification,
  randomAmplification,
  separatedAmplification,
  skewedAmplification,
  squareRootSplit,
  trimmedUtilisation,
  zipfClasses,
} from "../../../src/lab/wear/formulas.ts";

/** `value` as printed, to as many digits as `printed` has behind the point: half a unit of the last one. */
function expectPrinted(value: number, printed: string, units = 0.5): void {
  const digits = printed.split(".")[1]?.length ?? 0;
  const most = (units + 1e-7) * 10 ** -digits;
  expect(Math.abs(value - Number(printed))).toBeLessThanOrEqual(most);
}

const RECORDS = [16, 32, 64, 128, 256] as const;

/** u, random, fifo, Agarwal and Marrow, greedy at 16, 32, 64, 128, 256 records a segment. */
const UNIFORM = [
  [0.5, "2.00", "1.255", "1.00", "1.196", "1.223", "1.239", "1.247", "1.251"],
  [0.6, "2.50", "1.480", "1.25", "1.391", "1.432", "1.455", "1.467", "1.474"],
  [0.7, "3.33", "1.876", "1.67", "1.722", "1.793", "1.833", "1.854", "1.865"],
  [0.75, "4.00", "2.201", "2.00", "1.977", "2.084", "2.140", "2.170", "2.185"],
  [0.8, "5.00", "2.693", "2.50", "2.361", "2.514", "2.599", "2.645", "2.668"],
  [0.85, "6.67", "3.519", "3.33", "2.968", "3.202", "3.354", "3.434", "3.476"],
  [0.875, "8.00", "4.182", "4.00", "3.413", "3.750", "3.949", "4.062", "4.120"],
  [0.9, "10.0", "5.179", "5.00", "3.981", "4.508", "4.821", "4.992", "5.083"],
  [0.93, "14.3", "7.318", "7.14", "5.153", "6.057", "6.615", "6.945", "7.124"],
  [0.95, "20.0", "10.17", "10.0", "6.590", "7.823", "8.850", "9.460", "9.798"],
] as const;

describe.each(UNIFORM)("at u = %d", (u, random, fifo, agarwal, ...greedy) => {
  it("randomAmplification gives the number printed", () => {
    expectPrinted(randomAmplification(u), random);
  });

  it("fifoAmplification gives the number printed", () => {
    expectPrinted(fifoAmplification(u), fifo);
  });

  it("agarwalAmplification gives the number printed", () => {
    expectPrinted(agarwalAmplification(u), agarwal);
  });

  it.each(RECORDS.map((records, index) => [records, greedy[index]!] as const))(
    "greedyAmplification gives the number printed for %d records a segment",
    (records, printed) => expectPrinted(greedyAmplification(u, records), printed),
  );
});

describe("fifoAmplification", () => {
  it("gives 2.364 with 30 % of spare, as Xiang and Kurkoski print 2.36", () => {
    expectPrinted(fifoAmplification(1 / 1.3), "2.364");
  });

  it("is what greedyAmplification comes to with ever larger segments", () => {
    expect(greedyAmplification(0.8, 1e5)).toBeCloseTo(fifoAmplification(0.8), 3);
  });

  it.each([0.01, 0.5, 0.99, 0.9999])("solves its equation at u = %d", (u) => {
    const live = 1 - 1 / fifoAmplification(u);
    expect(live).toBeCloseTo(Math.exp(-(1 - live) / u), 9);
  });
});

describe("choicesAmplification", () => {
  const printed = [
    [0.7, ["2.413", "2.151", "1.976", "1.880", "1.841"]],
    [0.8, ["3.533", "3.113", "2.832", "2.675", "2.613"]],
    [0.875, ["5.533", "4.826", "4.352", "4.085", "3.975"]],
    [0.9, ["6.852", "5.949", "5.343", "5.000", "4.857"]],
  ] as const;
  const cases = printed.flatMap(([u, values]) =>
    [2, 3, 5, 10, 30].map((choices, index) => [u, choices, values[index]!] as const),
  );

  it.each(cases)("gives the number printed at u = %d for %d choices", (u, choices, value) => {
    expectPrinted(choicesAmplification(u, { choices, records: 64 }), value);
  });

  it.each([0.5, 0.8, 0.9])("is random's with one choice at u = %d", (u) => {
    const one = choicesAmplification(u, { choices: 1, records: 64 });
    expect(one).toBeCloseTo(randomAmplification(u), 6);
  });
});

/**
 * Writes and data of the hot class in percent, u, one log, two logs, the hot one's share of the spare, A of hot and
 * cold.
 */
const HOT_COLD = [
  [80, 20, 0.8, "3.034", "1.998", ".492", "1.54", "3.84"],
  [80, 20, 0.9, "5.538", "3.571", ".498", "2.50", "7.85"],
  [90, 10, 0.8, "3.533", "1.481", ".475", "1.19", "4.11"],
  [90, 10, 0.875, "5.131", "1.987", ".490", "1.45", "6.85"],
  [90, 10, 0.9, "6.168", "2.336", ".493", "1.63", "8.67"],
  [95, 5, 0.9, "7.073", "1.612", ".479", "1.23", "8.88"],
  [99, 1, 0.9, "9.129", "1.073", ".340", "1.01", "7.42"],
] as const;

describe.each(HOT_COLD)("%d % of the writes to %d % of the data at u = %d", (r, f, u, ...row) => {
  const [oneLog, two, spare, hotAmplification, coldAmplification] = row;
  const hot = { writes: r / 100, data: f / 100 };
  const cold = { writes: 1 - r / 100, data: 1 - f / 100 };

  it("skewedAmplification gives the number printed for one log", () => {
    expectPrinted(skewedAmplification(u, [hot, cold]), oneLog);
  });

  it("bestOfTwo gives the numbers printed for two", () => {
    const best = bestOfTwo(u, [hot, cold]);
    expectPrinted(best.amplification, two);
    // The lowest place of a flat valley: A does not tell two neighbouring thousandths apart.
    expectPrinted(best.firstSpare, spare, 1);
  });

  it("separatedAmplification of one class alone gives the number printed for each", () => {
    const { firstSpare } = bestOfTwo(u, [hot, cold]);
    const spares = [firstSpare, 1 - firstSpare];
    const of = (index: number) => {
      const only = [hot, cold].map((one, other) => ({ ...one, writes: Number(other === index) }));
      return separatedAmplification(u, only, spares);
    };
    expectPrinted(of(0), hotAmplification);
    expectPrinted(of(1), coldAmplification);
  });

  it("squareRootSplit comes within 1.3 % of the best", () => {
    const split = squareRootSplit([hot, cold]);
    const ratio =
      separatedAmplification(u, [hot, cold], split) / bestOfTwo(u, [hot, cold]).amplification;
    expect(ratio).toBeGreaterThanOrEqual(1);
    expect(ratio).toBeLessThan(1.0135);
  });
});

describe("skewedAmplification", () => {
  it.each([0.5, 0.8, 0.95])("is fifo's where all are written alike, at u = %d", (u) => {
    const halves = [
      { writes: 0.25, data: 0.25 },
      { writes: 0.75, data: 0.75 },
    ];
    expect(skewedAmplification(u, halves)).toBeCloseTo(fifoAmplification(u), 9);
  });

  it.each([
    [0.8, 0.8, "3.240"],
    [0.8, 0.9, "6.045"],
    [0.99, 0.8, "3.625"],
    [0.99, 0.9, "6.803"],
  ])(
    "gives the number printed for 2000 records by Zipf's law, theta %d at u = %d",
    (theta, u, printed) => {
      expectPrinted(skewedAmplification(u, zipfClasses(2000, theta)), printed);
    },
  );
});

describe("trimmedUtilisation", () => {
  it.each([
    [0.05, ".853", "3.58", "3.41"],
    [0.1, ".800", "2.69", "2.60"],
    [0.2, ".675", "1.75", "1.72"],
    [0.3, ".514", "1.28", "1.26"],
    [0.4, ".300", "1.04", ""],
  ])("gives the numbers printed for a share of %d of trims at u = .9", (q, u, fifo, greedy) => {
    const trimmed = trimmedUtilisation(0.9, q);
    expectPrinted(trimmed, u);
    expectPrinted(fifoAmplification(trimmed), fifo);
    if (greedy !== "") expectPrinted(greedyAmplification(trimmed, 64), greedy);
  });
});
