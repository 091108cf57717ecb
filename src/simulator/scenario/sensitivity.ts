/**
 * How a built-in scenario's headlines move with its parameters: each set to half and to double its value (or to two
 * values of its own), all else as it is, by the same seed.
 */

import { formatSize, PAGE_BYTES, parseSize } from "../../base/units.ts";
import type { Headline, Sensitivity, Setting } from "../../report/simulate-result.ts";
import { scannerKinds } from "../scanners/registry.ts";
import { type Outcome, type SweepOptions, sweep } from "../sweep.ts";
import { workloadKinds } from "../workloads/registry.ts";
import type { BuiltIn, Candidate } from "./built-in/built-in.ts";
import { headlinesOf } from "./headlines.ts";
import { meet, type Path, parsePath, valueAt } from "./paths.ts";
import { type Plan, type PlannedRun, planRuns } from "./plan.ts";
import { scenarioSchema } from "./schema.ts";
import type { Settings } from "./settings.ts";
import { type Shape, shapeAt, shapeOf } from "./shape.ts";

/** As many of a headline's parameters are told. */
const STRONGEST = 3;

/** What a key of a scenario may be, those of the kinds it names among them. */
function shapeIn(scenario: unknown, path: Path): Shape | undefined {
  const [own, rest] = path[0] === "scanner" ? [1, path.slice(1)] : [3, path.slice(3)];
  const name = valueAt(scenario, [...path.slice(0, own), "kind"]);
  const kind = [...scannerKinds, ...workloadKinds].find((candidate) => candidate.kind === name);
  if (kind !== undefined && rest.length > 0) return shapeAt(shapeOf(kind.parameters), rest);
  return shapeAt(shapeOf(scenarioSchema), path);
}

function scaled(value: unknown, options: { factor: number; shape: Shape }): Setting | null {
  const { factor, shape } = options;
  if (typeof value === "number") {
    const product = value * factor;
    return shape.type === "integer" ? Math.max(1, Math.round(product)) : product;
  }
  if (typeof value !== "string") return null;
  const pages = Math.max(1, Math.round((parseSize(value, "size") * factor) / PAGE_BYTES));
  return formatSize(pages * PAGE_BYTES);
}

interface Sides {
  readonly key: string;
  readonly lower: Setting;
  readonly higher: Setting;
}

/** What a candidate is set to in these runs; null where none of them has it. */
function sidesOf({ key, lower, higher }: Candidate, runs: readonly PlannedRun[]): Sides | null {
  if (lower !== undefined && higher !== undefined) return { key, lower, higher };
  const path = parsePath(key);
  for (const { scenario } of runs) {
    const shape = shapeIn(scenario, path);
    if (shape === undefined) continue;
    const value = valueAt(scenario, path) ?? shape.default;
    const half = lower ?? scaled(value, { factor: 0.5, shape });
    const twice = higher ?? scaled(value, { factor: 2, shape });
    return half === null || twice === null ? null : { key, lower: half, higher: twice };
  }
  return null;
}

interface Side {
  readonly candidate: Sides;
  readonly side: "lower" | "higher";
  readonly runs: readonly PlannedRun[];
}

/** The variants that the headlines are made of. */
function variantsAsked(builtIn: BuiltIn): Set<string> {
  const asked = new Set<string>();
  builtIn.headlines((name) => {
    asked.add(name);
    return undefined;
  });
  return asked;
}

/** The runs with one candidate at one of its two values, of those variants that headlines are made of. */
export function sensitivityRuns(
  builtIn: BuiltIn,
  options: { readonly plan: Plan; readonly set: Settings; readonly source: string },
): Side[] {
  const { plan, set, source } = options;
  const given = Object.keys(set);
  const asked = variantsAsked(builtIn);
  return builtIn.candidates
    .filter(({ key }) => !given.some((other) => meet(key, other)))
    .flatMap((candidate) => sidesOf(candidate, plan.runs) ?? [])
    .flatMap((candidate) =>
      (["lower", "higher"] as const).map((side): Side => {
        const { runs } = planRuns(plan.scenario, {
          source,
          set: {},
          sweep: { [candidate.key]: [candidate[side]] },
        });
        const own = runs.filter(({ variant }) => asked.has(variant));
        return { candidate, side, runs: own.map((run) => ({ ...run, point: "" })) };
      }),
    );
}

function strongest(
  base: Headline,
  sides: readonly (Side & { readonly headlines: readonly Headline[] })[],
): Sensitivity[] {
  const valueIn = (headlines: readonly Headline[]) =>
    headlines.find(({ name }) => name === base.name)?.value;
  const rows = sides
    .filter(({ side }) => side === "lower")
    .flatMap(({ candidate, headlines }): Sensitivity[] => {
      const other = sides.find(
        (one) => one.side === "higher" && one.candidate.key === candidate.key,
      )!;
      const lower = valueIn(headlines);
      const higher = valueIn(other.headlines);
      if (lower === undefined || higher === undefined) return [];
      const change = Math.abs(higher - lower);
      return [
        {
          headline: base.name,
          key: candidate.key,
          base: base.value,
          lower: { setting: candidate.lower, value: lower },
          higher: { setting: candidate.higher, value: higher },
          effect: base.value === 0 ? change : change / Math.abs(base.value),
        },
      ];
    });
  return rows.sort((one, other) => other.effect - one.effect).slice(0, STRONGEST);
}

/** Makes the plan's runs, and those with each candidate changed: outcomes of the former, what the latter say. */
export async function sweepWithSensitivity(
  builtIn: BuiltIn,
  options: SweepOptions & { readonly plan: Plan; readonly set: Settings },
): Promise<{ readonly outcomes: Outcome[]; readonly sensitivity: Sensitivity[] }> {
  const { plan } = options;
  const sides = sensitivityRuns(builtIn, options);
  const all = [plan, ...sides].flatMap(({ runs }) => runs);
  const outcomes = await sweep(all, options);
  let taken = plan.runs.length;
  const seen = sides.map((side) => {
    const own = outcomes.slice(taken, taken + side.runs.length);
    taken += side.runs.length;
    return { ...side, headlines: headlinesOf(builtIn, side.runs, own) };
  });
  const own = outcomes.slice(0, plan.runs.length);
  const sensitivity = headlinesOf(builtIn, plan.runs, own).flatMap((base) => strongest(base, seen));
  return { outcomes: own, sensitivity };
}
