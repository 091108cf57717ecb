/**
 * The simulated KSM against what Linux 6.18's showed for the same fillings: every counter after every wake-up, equal.
 * `npm run check:ksm` asks the kernel itself, where there is one, and with --record keeps what it showed.
 */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { COUNTERS } from "../../bench/ksm/counters.ts";
import { FILLINGS } from "../../bench/ksm/fillings.ts";
import { simulatedReadings } from "../../bench/ksm/simulated.ts";

interface Golden {
  readonly counters: readonly string[];
  readonly fillings: readonly {
    readonly name: string;
    readonly readings: readonly (readonly number[])[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL("../../fixtures/golden/ksm-fill.json", import.meta.url), "utf8"),
) as Golden;

describe("linear", () => {
  it("is compared by what was recorded of these fillings and counters", () => {
    expect(golden.counters).toEqual(COUNTERS);
    expect(golden.fillings.map(({ readings: _, ...one }) => one)).toEqual(FILLINGS);
  });

  it.each(
    FILLINGS.map((one, index) => ({
      one,
      words: `${one.name}, smart_scan ${one.knobs.smart_scan}`,
      readings: golden.fillings[index]!.readings,
    })),
  )("counts as the kernel does: $words", ({ one, readings }) => {
    const rows = simulatedReadings(one).map((reading) => COUNTERS.map((name) => reading[name]));
    expect(rows).toEqual(readings);
  });

  it("counts the mixed filling as the published table of Linux 6.18 has it, in 39 passes", () => {
    const one = FILLINGS.find(({ name, knobs }) => name === "mixed" && knobs.smart_scan === 1)!;
    const looked = [2, 3, 4, 6, 9, 14, 23, 32];
    const merged = { shared: 508, sharing: 3492, chains: 1, dups: 8, profit: 13_778_944 };
    const expected = Array.from({ length: 39 }, (_, index) => {
      const pass = index + 1;
      if (pass === 1) {
        const none = { shared: 0, sharing: 0, chains: 0, dups: 0, profit: -524_288 };
        return { pass, ...none, unshared: 0, volatile: 8192, skipped: 0 };
      }
      return looked.includes(pass)
        ? { pass, ...merged, unshared: 4192, volatile: 0, skipped: 0 }
        : { pass, ...merged, unshared: 0, volatile: 4192, skipped: 4192 };
    });
    const seen = simulatedReadings(one).map((reading) => ({
      pass: reading.full_scans,
      shared: reading.pages_shared,
      sharing: reading.pages_sharing,
      chains: reading.stable_node_chains,
      dups: reading.stable_node_dups,
      profit: reading.general_profit,
      unshared: reading.pages_unshared,
      volatile: reading.pages_volatile,
      skipped: reading.pages_skipped,
    }));
    expect(seen).toEqual(expected);
  });
});
