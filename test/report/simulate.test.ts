/** The terminal report of `pagefold simulate`, on results made by hand. */

import { describe, expect, it } from "vitest";
import { renderSimulation } from "../../src/report/simulate.ts";
import type { SimulateOutput } from "../../src/report/simulate-result.ts";
import {
  guest,
  hintBuffer,
  idleDedup,
  ksmFill,
  ksmPlusPlus,
  output,
  sharedSwap,
  sideChannel,
  variant,
} from "../support/simulate-output.ts";

const plain = (text: string) => text;

function rendered(result: SimulateOutput): string {
  return renderSimulation(result, { emphasis: { strong: plain, faint: plain } });
}

/** The first table's heads, which are two columns apart. */
function heads(text: string): string[] {
  return text
    .split("\n")[3]!
    .trim()
    .split(/\s{2,}/);
}

const COUNTERS = Array.from(
  { length: 20 },
  (_, index) => [`counter_${index}`, 10 ** index] as const,
);

/** Sixteen points of a sweep with names nobody would want to type. */
function wide(): SimulateOutput {
  const long = (index: number) =>
    `host.memory=${index}G scanner.hint_share=0.75 guests.0.workload.jobs=${index}`;
  const variants = Array.from({ length: 16 }, (_, index) => ({
    ...sharedSwap().results.variants[index % 2]!,
    name: long(index),
    guests: [
      guest({
        counters: Object.fromEntries(COUNTERS.map(([name, value]) => [name, value + index])),
      }),
    ],
  }));
  const sensitivity = ksmPlusPlus().results.sensitivity!;
  const columns = hintBuffer().series[0]!.columns;
  return output(
    {
      ...{ title: "Wide", variants, headlines: ksmPlusPlus().results.headlines },
      sensitivity: sensitivity.map((one) => ({ ...one, headline: long(1), key: long(2) })),
    },
    variants.map(({ name }) => ({ name, columns })),
  );
}

describe("renderSimulation", () => {
  it.each([
    ["ksm-plus-plus", ksmPlusPlus()],
    ["hint-buffer", hintBuffer()],
    ["idle-dedup", idleDedup()],
    ["shared-swap", sharedSwap()],
    ["side-channel", sideChannel()],
    ["ksm-fill", ksmFill()],
    ["sixteen variants with long names", wide()],
  ])("stays within 120 columns: %s", (_, result) => {
    const tooLong = rendered(result)
      .split("\n")
      .filter((line) => [...line].length > 120);
    expect(tooLong).toEqual([]);
  });

  it("has a line for each variant, with its pages saved over time on one scale", () => {
    const text = rendered(ksmPlusPlus());
    expect(text).toMatch(/^ {2}linear .* 8,000 +11,200 +7,200 /m);
    expect(text).toMatch(/^ {2}hinted .* 27,000 +37,800 +24,300 /m);
    expect(text).toMatch(/^ {2}hinted {2}(?=.*█)[▁-█]{60}$/m);
    expect(text).toMatch(/^ {2}linear {2}[▁-▃]{60}$/m);
  });

  it.each([
    { about: "hints", result: ksmPlusPlus(), has: ["hints", "lost", "useful", "visits/merge"] },
    { about: "guests", result: idleDedup(), has: ["guests", "memory", "zero", "slowdown"] },
    { about: "swap", result: sharedSwap(), has: ["out", "in", "written", "ratio", "killed"] },
    { about: "a hostile guest", result: sideChannel(), has: ["advantage", "±", "copies"] },
  ])("shows the columns of what it is about: $about", ({ result, has }) => {
    expect(heads(rendered(result))).toEqual(expect.arrayContaining(has));
  });

  it("leaves out columns that are zero or nothing in every variant", () => {
    const shown = heads(rendered(output({ variants: [variant("idle"), variant("busy")] })));
    expect(shown).toEqual(["memory"]);
  });

  it("explains the columns it shows, and no others", () => {
    const text = rendered(sideChannel());
    expect(text).toContain("advantage: |P(slow");
    expect(text).not.toContain("hints:");
  });

  it("puts what was published beside each headline, and whether it is met", () => {
    const text = rendered(ksmPlusPlus());
    expect(text).toMatch(/hinted \/ linear: 3\.41 times, met\n +published: 2 to 10 times /);
    expect(text).toMatch(/linear \/ hinted: 2\.5 times, not met\n +published: 3 to 10 times /);
  });

  it("says nothing of publications where there is none", () => {
    const headline = { name: "saved", value: 20, unit: "%", published: null, is_met: null };
    const text = rendered(output({ variants: [variant("one")], headlines: [headline] }));
    expect(text).toContain("saved: 20 %");
    expect(text).not.toContain("published");
  });

  it("shows what moves a headline", () => {
    const text = rendered(ksmPlusPlus());
    expect(text).toMatch(/scanner\.hint_share +0\.25 +2\.1 +3\.41 +4\.2 +0\.75 +61\.5 %/);
  });

  it("shows guests' counters where they are few, those that variants differ in", () => {
    const text = rendered(sideChannel());
    expect(text).toMatch(/^ {2}variant +guest +advantage$/m);
    expect(text).toMatch(/^ {2}domains +hostile +0\.005$/m);
  });

  it("shows all counters of the guests of one variant", () => {
    const guests = [guest({ counters: { jobs: 3, failed: 0 } })];
    const text = rendered(output({ variants: [variant("one", { guests })] }));
    expect(text).toMatch(/^ {2}variant +guest +jobs$/m);
  });

  it("leaves out guests' counters where they are many", () => {
    const guests = Array.from({ length: 17 }, (_, index) =>
      guest({ name: `g${index}`, counters: { jobs: 3 } }),
    );
    const text = rendered(output({ variants: [variant("one", { guests })] }));
    expect(text).not.toContain("jobs");
  });

  it("prints the kernel's counters pass by pass, equal passes in one line", () => {
    const text = rendered(ksmFill());
    // The table of the kernel's own passes.
    expect(text).toMatch(/^ +1 +0 +0 +0 +8,192 +0 +0 +0 +-524,288$/m);
    expect(text).toMatch(/^ +2–4 +508 +3,492 +4,192 +0 +0 +1 +8 +13,778,944$/m);
    expect(text).toMatch(/^ +5 +508 +3,492 +0 +4,192 +4,192 +1 +8 +13,778,944$/m);
    expect(text).toMatch(/^ +33–39 +508 +3,492 +0 +4,192 +4,192 +1 +8 +13,778,944$/m);
  });

  it.each([
    { samples: "of several scans each", full_scans: [1, 3, 4] },
    { samples: "of a scan each, from the start on", full_scans: [0, 1, 2] },
  ])("prints no passes where samples were taken by the clock: $samples", ({ full_scans }) => {
    const columns = { seconds: [0, 5, 10], full_scans, pages_shared: [0, 4, 4] };
    const text = rendered(output({ variants: [variant("one")] }, [{ name: "one", columns }]));
    expect(text).not.toContain("Pass by pass");
  });

  it("prints the first and the last passes where there are more than 45 lines", () => {
    const full_scans = Array.from({ length: 100 }, (_, index) => index + 1);
    const columns = { seconds: full_scans, full_scans, pages_shared: full_scans };
    const text = rendered(output({ variants: [variant("one")] }, [{ name: "one", columns }]));
    const passes = text.split("Pass by pass: one\n")[1]!.split("\n\n")[0]!.split("\n").slice(1);
    expect(passes).toHaveLength(45);
    expect(passes.map((line) => line.trim().split(/ +/)[0])).toEqual([
      ...full_scans.slice(0, 22).map(String),
      "…",
      ...full_scans.slice(-22).map(String),
    ]);
  });

  it("writes control characters of names so that they steer no terminal", () => {
    const result = output({ title: "\u001b[2J", variants: [variant("a\u0007b")] });
    const text = rendered(result);
    expect(text).not.toMatch(/[^\P{Cc}\n]/u);
    expect(text).toContain("a\\x07b");
  });

  it("says what was asked for, and ends with the seed", () => {
    const text = rendered(sharedSwap());
    expect(text).toContain("shared-swap: 2 runs of 540 s; host.memory=512M swap.in_memory=true\n");
    expect(rendered(ksmPlusPlus())).toMatch(/\n {2}Seed 7: [^\n]+\n$/);
  });
});
