/** The scan-time advisor against its arithmetic done by hand, and against where it settles. */

import { describe, expect, it } from "vitest";
import { Advisor } from "../../../../src/simulator/scanners/ksm/advisor.ts";

const DEFAULTS = { targetScanSeconds: 200, mostCpuPercent: 70, mostPagesToScan: 30_000 };

describe("Advisor", () => {
  it("gives 1000 pages after 400 s at 5 % of a processor with 500", () => {
    // factor 50, change (0 * 70 + 100 * 30) / 100 = 30, 500 * 100 / 50 * 30 % = 300, at least 500 / 5 * 10.
    const pages = new Advisor().pagesAfter(
      { seconds: 400, cpuSeconds: 20, pagesToScan: 500 },
      DEFAULTS,
    );
    expect(pages).toBe(1000);
  });

  it("rounds every division down", () => {
    // cpu 11 s of 333 s: 3 %; factor 20000 / 333 = 60; change 30; 777 * 100 / 60 = 1295, 30 % of it 388; 777 / 3 = 259
    // for a percent, so at least 2590.
    const advisor = new Advisor();
    const first = advisor.pagesAfter({ seconds: 333, cpuSeconds: 11, pagesToScan: 777 }, DEFAULTS);
    expect(first).toBe(2590);
    // cpu 12.5 s of 101 s: 12 %; factor 198; newest change 10100 / 333 = 30, change (30 * 70 + 30 * 30) / 100 = 30;
    // 259000 / 198 = 1308, 30 %: 392; 2590 / 12 = 215: at least 2150.
    const second = advisor.pagesAfter(
      { seconds: 101, cpuSeconds: 23.5, pagesToScan: first },
      DEFAULTS,
    );
    expect(second).toBe(2150);
  });

  it("takes times and shares below one as one", () => {
    // factor 20000, change 30: 500 * 100 / 20000 = 2, 30 % of it 0; 500 for a percent: at least 5000.
    const pages = new Advisor().pagesAfter(
      { seconds: 0, cpuSeconds: 0, pagesToScan: 500 },
      DEFAULTS,
    );
    expect(pages).toBe(5000);
  });

  it("stays below the most processor time and the most pages", () => {
    // change 30, factor 1: 500 * 100 * 30 % = 15000, but 500 / 50 * 70 = 700.
    const slow = { seconds: 20_000, cpuSeconds: 10_000, pagesToScan: 500 };
    expect(new Advisor().pagesAfter(slow, DEFAULTS)).toBe(700);
    expect(new Advisor().pagesAfter(slow, { ...DEFAULTS, mostPagesToScan: 600 })).toBe(600);
  });

  it("forgets earlier passes when it is turned on anew", () => {
    const advisor = new Advisor();
    const pass = { seconds: 400, cpuSeconds: 20, pagesToScan: 500 };
    advisor.pagesAfter({ seconds: 90, cpuSeconds: 7, pagesToScan: 800 }, DEFAULTS);
    advisor.reset();
    expect(advisor.pagesAfter(pass, DEFAULTS)).toBe(1000);
  });
});
