/** Write amplification against utilisation: what theory says, and what short runs measure. */

import type { WriteClass } from "./formulas.ts";
import { type Plan, theoryOf, toldPlan } from "./plans.ts";
import { type Geometry, hasRoomFor, recordsFor, runLog, WARM_OVERWRITES } from "./run.ts";
import type { WorkloadLaw } from "./workloads.ts";

export interface Curve {
  readonly name: string;
  readonly kind: "measured" | "formula";
  readonly utilisation: number[];
  readonly write_amplification: number[];
}

const MEASURED_AT = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.875, 0.9, 0.925];
const FORMULA_STEP = 0.01;
const [FORMULA_FROM, FORMULA_TO] = [0.5, 0.93];

/** The formulas there are for these plans, each once; with two classes also the best that two logs reach. */
export function formulaCurves(
  plans: readonly Plan[],
  options: { readonly classes: readonly WriteClass[]; readonly records: number },
): Curve[] {
  const { classes } = options;
  const curves = new Map<string, Curve>();
  const asked = classes.length === 2 ? [...plans, toldPlan("fifo")] : plans;
  for (const plan of asked) {
    const formula = theoryOf(plan, { ...options, utilisation: FORMULA_FROM })?.formula;
    if (formula === undefined) continue;
    const name = formula === "d-choices" ? plan.name : formula;
    if (curves.has(name)) continue;
    const curve: Curve = { name, kind: "formula", utilisation: [], write_amplification: [] };
    const steps = Math.round((FORMULA_TO - FORMULA_FROM) / FORMULA_STEP);
    for (let step = 0; step <= steps; step++) {
      const utilisation = FORMULA_FROM + step * FORMULA_STEP;
      const theory = theoryOf(plan, { ...options, utilisation });
      if (theory === null) continue;
      curve.utilisation.push(utilisation);
      curve.write_amplification.push(theory.amplification);
    }
    curves.set(name, curve);
  }
  return [...curves.values()];
}

/** Each plan at several utilisations, levelled or not, over a law with records of one length. */
export async function measuredCurves(
  plans: readonly Plan[],
  options: {
    readonly law: WorkloadLaw;
    readonly geometry: Geometry;
    readonly levelling: boolean;
    readonly seed: number;
    readonly signal?: AbortSignal;
    readonly onProgress?: (fraction: number) => void;
  },
): Promise<Curve[]> {
  const { geometry, onProgress } = options;
  const curves: Curve[] = [];
  for (const plan of plans) {
    const curve: Curve = {
      name: plan.name,
      kind: "measured",
      utilisation: [],
      write_amplification: [],
    };
    for (const [index, utilisation] of MEASURED_AT.entries()) {
      if (!hasRoomFor([plan], { geometry, utilisation })) continue;
      const part = (curves.length + index / MEASURED_AT.length) / plans.length;
      const outcome = await runLog({
        ...options,
        plan,
        utilisation,
        writes: 2 * WARM_OVERWRITES * recordsFor(geometry, utilisation),
        onProgress: () => onProgress?.(part),
      });
      curve.utilisation.push(outcome.utilisation);
      curve.write_amplification.push(outcome.amplification);
    }
    curves.push(curve);
  }
  return curves;
}
