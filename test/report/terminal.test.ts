import { describe, expect, it } from "vitest";
import {
  bar,
  columns,
  decimal,
  emphasisFor,
  share,
  sparkline,
  wholeNumber,
} from "../../src/report/terminal.ts";

describe("emphasisFor", () => {
  it("marks text on a terminal", () => {
    expect(emphasisFor({ isTTY: true }, {}).strong("a")).toBe("\u001b[1ma\u001b[22m");
  });

  it.each([
    { why: "a pipe", stream: {}, environment: {} },
    { why: "NO_COLOR", stream: { isTTY: true }, environment: { NO_COLOR: "1" } },
    { why: "a dumb terminal", stream: { isTTY: true }, environment: { TERM: "dumb" } },
  ])("leaves text alone for $why", ({ stream, environment }) => {
    const { strong, faint } = emphasisFor(stream, environment);
    expect(strong("a") + faint("b")).toBe("ab");
  });

  it("takes an empty NO_COLOR for none, as no-color.org says", () => {
    expect(emphasisFor({ isTTY: true }, { NO_COLOR: "" }).faint("a")).not.toBe("a");
  });
});

describe("columns", () => {
  it("aligns columns with two spaces between and none at the ends of lines", () => {
    const table = columns(
      [
        ["name", "pages", ""],
        ["a", "5", ""],
        ["longer", "12,345", "x"],
      ],
      { align: ["left", "right", "left"] },
    );
    expect(table).toBe("  name     pages\n  a            5\n  longer  12,345  x");
  });
});

describe("bar", () => {
  it.each([
    [0, ""],
    [0.0001, "▏"],
    [0.5, "█████"],
    [0.55, "█████▌"],
    [1, "██████████"],
  ])("draws %d of ten characters", (fraction, drawn) => {
    expect(bar(fraction, 10)).toBe(drawn);
  });
});

describe("sparkline", () => {
  it("scales to the largest and marks zero", () => {
    expect(sparkline([0, 1, 50, 100])).toBe("·▁▄█");
  });

  it("draws nothing but dots for nothing", () => {
    expect(sparkline([0, 0])).toBe("··");
  });
});

describe("numbers", () => {
  it("wholeNumber separates thousands", () => {
    expect(wholeNumber(1_234_567)).toBe("1,234,567");
  });

  it("share and decimal give a dash for what is not there", () => {
    expect([share(1, 0), decimal(null), share(1, 8), decimal(2.345678)]).toEqual([
      "–",
      "–",
      "12.5 %",
      "2.35",
    ]);
  });
});
