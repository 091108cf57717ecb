/** The page of `pagefold simulate`: well formed, alone, and safe whatever a scenario's texts are. */

import { describe, expect, it } from "vitest";
import { colourOf } from "../../src/report/plots.ts";
import { reportHtml } from "../../src/report/simulate-html.ts";
import type { SimulateOutput } from "../../src/report/simulate-result.ts";
import {
  hintBuffer,
  idleDedup,
  ksmFill,
  ksmPlusPlus,
  output,
  sharedSwap,
  sideChannel,
} from "../support/simulate-output.ts";
import { readHtml } from "../support/strict-html.ts";

const SAMPLES = [
  ["ksm-plus-plus", ksmPlusPlus()],
  ["hint-buffer", hintBuffer()],
  ["idle-dedup", idleDedup()],
  ["shared-swap", sharedSwap()],
  ["side-channel", sideChannel()],
  ["ksm-fill", ksmFill()],
] as const;

/** The same, with every text of the scenario's writer replaced. */
function withTexts(result: SimulateOutput, text: string): SimulateOutput {
  const { results, series, options } = result;
  const name = (index: number) => `${text}${index}`;
  return {
    ...result,
    options: { ...options, scenario: text, set: { [text]: text }, sweep: { [text]: [text] } },
    results: {
      title: text,
      headlines: results.headlines.map((one) => ({ ...one, name: text, published: text })),
      variants: results.variants.map((one, index) => ({
        ...one,
        name: name(index),
        settings: { [text]: index, other: text },
        guests: one.guests.map((guest) => ({
          ...guest,
          ...{ name: text, workload: text, counters: { [text]: 1 } },
        })),
      })),
      sensitivity:
        results.sensitivity?.map((one) => ({ ...one, headline: text, key: text })) ?? null,
    },
    series: series.map((one, index) => ({ ...one, name: name(index) })),
  };
}

const titles = (page: string) =>
  readHtml(page)
    .filter(({ name }) => name === "svg")
    .map(({ attributes }) => attributes["aria-label"]);

describe("reportHtml", () => {
  it.each(SAMPLES)("is well formed: %s", async (_, result) => {
    const elements = readHtml(await reportHtml(result));
    expect(elements.filter(({ name }) => name === "h1")).toHaveLength(1);
    const ids = elements.flatMap(({ attributes }) => attributes.id ?? []);
    expect(ids).toEqual([...new Set(ids)]);
  });

  it.each(SAMPLES)("needs nothing but itself: %s", async (_, result) => {
    const page = await reportHtml(result);
    const elements = readHtml(page);
    const names = new Set(elements.map(({ name }) => name));
    for (const name of ["script", "link", "img", "iframe", "object", "a", "image", "use"]) {
      expect(names).not.toContain(name);
    }
    const values = elements.flatMap(({ attributes }) => Object.entries(attributes));
    const others = values.filter(([name]) => !name.startsWith("xmlns"));
    expect(others.filter(([, value]) => /\w:\/\/|url\((?!#)/.test(value))).toEqual([]);
    expect(page).not.toMatch(/@import|javascript:/);
  });

  it.each(SAMPLES)("runs nothing that comes in a name: %s", async (_, result) => {
    const attack = `</title></style></svg><script>alert("1")</script><img src=x onerror='2'>&amp;`;
    const page = await reportHtml(withTexts(result, attack));
    const elements = readHtml(page);
    expect(elements.filter(({ name }) => ["script", "img"].includes(name))).toEqual([]);
    const shown = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;";
    expect(elements.find(({ name }) => name === "h1")?.text).toContain(shown);
    const handlers = elements.flatMap(({ attributes }) => Object.keys(attributes));
    expect(handlers.filter((name) => name.startsWith("on"))).toEqual([]);
  });

  it("shows what was published, the options and the seed", async () => {
    const page = await reportHtml(ksmPlusPlus());
    expect(page).toContain("published: 2 to 10 times during the build");
    expect(page).toContain(">not met<");
    expect(page).toContain("seed 7");
    const swap = await reportHtml(sharedSwap());
    expect(swap).toContain("<td>--set host.memory</td><td>512M</td>");
    expect(swap).toContain("<td>per-guest</td><td>swap.area</td><td>per-guest</td>");
  });

  it.each([
    {
      sample: "ksm-plus-plus",
      result: ksmPlusPlus(),
      plots: ["Merged pages and opportunities", "Memory used"],
    },
    {
      sample: "shared-swap",
      result: sharedSwap(),
      plots: [
        ...["Merged pages and opportunities", "Memory used"],
        ...["Pages swapped", "What swap takes"],
      ],
    },
    {
      sample: "hint-buffer",
      result: hintBuffer(),
      plots: [
        ...["Merged pages and opportunities", "Memory used"],
        ...["Merged pages", "What it costs"],
      ],
    },
    {
      sample: "idle-dedup",
      result: idleDedup(),
      plots: [
        ...["Merged pages and opportunities", "Memory used"],
        ...["Memory used as guests are added", "Merged pages", "What it costs"],
      ],
    },
    { sample: "side-channel", result: sideChannel(), plots: [] },
  ])("draws what there is something of: $sample", async ({ result, plots }) => {
    expect(titles(await reportHtml(result))).toEqual(plots);
  });

  it("draws a sweep's groups against its values, variants apart from it beside them", async () => {
    const page = await reportHtml(hintBuffer());
    const plot = page.slice(page.indexOf('aria-label="Merged pages"'));
    const texts = [...plot.slice(0, plot.indexOf("</svg>")).matchAll(/<text[^>]*>([^<]*)</g)];
    const shown = texts.map(([, text]) => text);
    expect(shown).toEqual(expect.arrayContaining(["64", "256", "1024", "4096", "16384"]));
    expect(shown).toEqual(expect.arrayContaining(["lifo: saved", "fifo: saved", "linear: saved"]));
    expect(shown).toContain("scanner.buffer");
  });

  it.each([
    { of: "each variant", factor: 2, colours: [colourOf(0), colourOf(1)] },
    { of: "all, where they have the same", factor: 1, colours: ["currentColor"] },
  ])("draws opportunities dashed: of $of", async ({ factor, colours }) => {
    const [one, other] = ["one", "other"].map((name, index) => ({
      name,
      columns: { seconds: [0, 5], opportunities: [10, 10 * factor ** index], pages_saved: [0, 1] },
    }));
    const elements = readHtml(await reportHtml(output({}, [one!, other!])));
    const dashed = elements.filter(({ attributes }) => "stroke-dasharray" in attributes);
    expect(dashed.map(({ attributes }) => attributes.stroke)).toEqual(colours);
  });

  it("puts texts and axes of plots in the page's own colour", async () => {
    const elements = readHtml(await reportHtml(hintBuffer()));
    const texts = elements.filter(({ name }) => name === "text");
    expect(texts.length).toBeGreaterThan(20);
    expect(new Set(texts.map(({ attributes }) => attributes.fill))).toEqual(
      new Set(["currentColor"]),
    );
  });

  it("draws no more points than a screen shows", async () => {
    const seconds = Array.from({ length: 50_000 }, (_, index) => index);
    const pages_saved = seconds.map((second) => (second * 7919) % 1000);
    const columns = { seconds, pages_saved };
    const page = await reportHtml(output({}, [{ name: "one", columns }]));
    expect(page.length).toBeLessThan(100_000);
  });

  it("is the same for the same result", async () => {
    expect(await reportHtml(idleDedup())).toBe(await reportHtml(idleDedup()));
  });
});

describe("colourOf", () => {
  /** WCAG's relative luminance. */
  function luminance(colour: string): number {
    const [red, green, blue] = [1, 3, 5].map((at) => {
      const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  }

  it("gives sixteen colours with three times the contrast to a light and to a dark page", () => {
    const colours = Array.from({ length: 16 }, (_, index) => colourOf(index));
    expect(new Set(colours).size).toBe(16);
    const contrasts = colours.flatMap((colour) => [
      1.05 / (luminance(colour) + 0.05),
      (luminance(colour) + 0.05) / (luminance("#14161a") + 0.05),
    ]);
    expect(Math.min(...contrasts)).toBeGreaterThan(3);
  });
});
