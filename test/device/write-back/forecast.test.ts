import { describe, expect, it } from "vitest";
import { forecast } from "../../../src/device/write-back/forecast.ts";

const GB = 1e9;
const DAY_SECONDS = 86_400;

describe("forecast", () => {
  it("agrees with JEDEC's arithmetic for a drive of 480 GB and 3000 cycles", () => {
    // 0.60 drive writes a day at an amplification of 2.6 and a wear ratio of 1.05 last 5 years (TBW = 527 TB); the two
    // factors stand in what is programmed.
    const hours = 7;
    const dayBytes = (527_000 * GB * 2.6 * 1.05) / (5 * 365);
    const { years, perDayBytes } = forecast({
      programmedBytes: (dayBytes * hours) / 24,
      seconds: hours * 3600,
      capacityBytes: 480 * GB,
      enduranceCycles: 3000,
    });
    expect(perDayBytes).toBeCloseTo(dayBytes, -3);
    expect(years! / 5).toBeCloseTo(1, 2);
  });

  it("halves the years when twice as much is written", () => {
    const soFar = { seconds: DAY_SECONDS, capacityBytes: 64 * GB, enduranceCycles: 1000 };
    const once = forecast({ ...soFar, programmedBytes: GB }).years!;
    expect(forecast({ ...soFar, programmedBytes: 2 * GB }).years).toBeCloseTo(once / 2, 6);
  });

  it.each([
    { what: "anything was programmed", programmedBytes: 0, seconds: 5 },
    { what: "any time has passed", programmedBytes: 4096, seconds: 0 },
  ])("says null before $what", ({ programmedBytes, seconds }) => {
    const soFar = { programmedBytes, seconds, capacityBytes: GB, enduranceCycles: 1 };
    expect(forecast(soFar)).toEqual({ perDayBytes: null, years: null });
  });
});
