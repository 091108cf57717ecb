/** A built-in scenario's headlines, from the outcomes of its runs: once, or at every point of a sweep. */

import type { Headline } from "../../report/simulate-result.ts";
import type { Outcome } from "../sweep.ts";
import type { BuiltIn } from "./built-in/built-in.ts";
import type { PlannedRun } from "./plan.ts";

/** What the runs of one point say; `outcomes` in the order of `runs`. */
export function headlinesOf(
  builtIn: BuiltIn,
  runs: readonly PlannedRun[],
  outcomes: readonly Outcome[],
): Headline[] {
  const points = [...new Set(runs.map(({ point }) => point))];
  return points.flatMap((point) => {
    const find = (name: string) => {
      const index = runs.findIndex((run) => run.point === point && run.variant === name);
      return outcomes[index]?.result;
    };
    const headlines = builtIn.headlines(find);
    if (point === "") return headlines;
    return headlines.map((headline) => ({ ...headline, name: `${headline.name} (${point})` }));
  });
}
