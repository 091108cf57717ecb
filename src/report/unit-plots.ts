/**
 * The plots of `pagefold analyze --unit` as SVG: ratio and the time of a random read against the size of the unit, a
 * line for each codec. Knows only the result object.
 */

import { type Chart, colourOf, drawPlots, type Plot, type Point } from "./plots.ts";
import { unitName } from "./units.ts";
import type { UnitResult, UnitsResult } from "./units-result.ts";

function chartOf(
  { sizes, codecs }: UnitsResult,
  { title, y, value }: { title: string; y: string; value: (one: UnitResult) => number | null },
): Chart {
  return {
    title,
    x: "unit",
    y,
    categories: sizes.map(({ unit_bytes }) => unitName(unit_bytes)),
    lines: codecs.map(({ name, units }, index) => ({
      name,
      colour: colourOf(index),
      style: "marked",
      points: units.flatMap((one): Point[] => {
        const known = value(one);
        // An axis of tenfold steps has no place for 0.
        return known === null || known === 0 ? [] : [[unitName(one.unit_bytes), known]];
      }),
    })),
  };
}

/** Both. */
export function drawUnits(result: UnitsResult): Promise<Plot[]> {
  return drawPlots({
    "unit-ratio": chartOf(result, {
      title: "Ratio by size of unit, compression alone",
      y: "bytes of pages / compressed bytes",
      value: (one) => one.ratio,
    }),
    "unit-random-read": {
      ...chartOf(result, {
        title: "A page read at random, its whole unit decoded",
        y: "µs a page",
        value: (one) => one.random_read_us_per_page,
      }),
      isLogarithmic: true,
    },
  });
}
