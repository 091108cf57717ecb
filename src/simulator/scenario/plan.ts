/**
 * The runs a scenario comes to: its variants, each at every point of the sweeps. Holds always: every run is checked
 * before the first begins, and runs have names of their own, in an order that depends on the scenario alone.
 */

import { PagefoldError } from "../../base/errors.ts";
import type { Setting } from "../../report/simulate-result.ts";
import { checkScenario } from "./check.ts";
import { keyOf, meet, parsePath } from "./paths.ts";
import { parsed, problemAt } from "./problems.ts";
import { scenarioSchema } from "./schema.ts";
import { type Settings, withSettings } from "./settings.ts";

const MOST_RUNS = 1000;

export interface PlannedRun {
  readonly name: string;
  /** The variant it is of, "" where there are none. */
  readonly variant: string;
  /** The sweeps' point it is at, in words; "" without sweeps. */
  readonly point: string;
  /** What variant and point set. */
  readonly settings: Settings;
  /** The scenario with those settings. */
  readonly scenario: unknown;
}

export interface Plan {
  readonly title: string;
  /** The scenario with what `set` says, variants and all. */
  readonly scenario: unknown;
  readonly runs: readonly PlannedRun[];
}

export interface PlanOptions {
  /** What messages call the scenario. */
  readonly source: string;
  readonly set: Settings;
  readonly sweep: Readonly<Record<string, readonly Setting[]>>;
}

interface Variant {
  readonly name: string;
  readonly set: Settings;
}

const invalid = (message: string) => new PagefoldError("INVALID_ARGUMENT", message);

/** Nothing may be set twice over: one of the two would silently not count. */
function checkKeys(variants: readonly Variant[], options: PlanOptions): void {
  const swept = Object.keys(options.sweep);
  for (const [index, key] of swept.entries()) {
    const other = [...Object.keys(options.set), ...swept.slice(0, index)].find((set) =>
      meet(key, set),
    );
    if (other !== undefined) {
      throw invalid(`--sweep ${key} and ${other} set the same key; leave one of both out`);
    }
  }
  for (const { name, set } of variants) {
    for (const own of Object.keys(set)) {
      const given = [...Object.keys(options.set), ...swept].find((key) => meet(key, own));
      if (given === undefined) continue;
      throw invalid(
        `${given} cannot be set: the variants of ${options.source} differ in it ("${name}" sets ${own}); leave them out with --set variants=[]`,
      );
    }
  }
}

function checkVariants(variants: readonly Variant[], source: string): void {
  const names = variants.map(({ name }) => name);
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twice === -1) return;
  throw problemAt(
    ["variants", twice, "name"],
    source,
    `cannot be "${names[twice]}": another variant has that name; give it one of its own`,
  );
}

/** What a key is called in the names of runs: its last part, where that says enough. */
function shortKey(key: string, keys: readonly string[]): string {
  const last = (path: string) => path.replace(/^.*\./, "");
  return keys.some((other) => other !== key && last(other) === last(key)) ? key : last(key);
}

/** All points of the sweeps, the last key moving fastest. */
function pointsOf(sweep: PlanOptions["sweep"]): { words: string; settings: Settings }[] {
  const keys = Object.keys(sweep);
  let points: { words: string[]; settings: Settings }[] = [{ words: [], settings: {} }];
  for (const [key, values] of Object.entries(sweep)) {
    points = points.flatMap(({ words, settings }) =>
      values.map((value) => ({
        words: [...words, `${shortKey(key, keys)}=${wordOf(value)}`],
        settings: { ...settings, [key]: value },
      })),
    );
  }
  return points.map(({ words, settings }) => ({ words: words.join(" "), settings }));
}

const wordOf = (value: Setting) => (typeof value === "string" ? value : JSON.stringify(value));

function checkCount(variants: number, sweep: PlanOptions["sweep"]): void {
  const counts = Object.values(sweep).map((values) => values.length);
  const runs = counts.reduce((product, count) => product * count, variants);
  if (runs <= MOST_RUNS) return;
  const factors = [...(variants > 1 ? [`${variants} variants`] : []), ...counts].join(" x ");
  throw invalid(
    `--sweep makes ${runs} runs (${factors}), and at most ${MOST_RUNS} are possible; give fewer values`,
  );
}

/**
 * The runs, each checked.
 * @throws PagefoldError INVALID_ARGUMENT
 */
export function planRuns(value: unknown, options: PlanOptions): Plan {
  const { source, set, sweep } = options;
  const scenario = withSettings(value, set, source);
  const values = parsed(scenarioSchema, scenario, { source, path: [], what: "a scenario" });
  const variants = values.variants.map(({ name, set: own }): Variant => {
    const entries = Object.entries(own).map(([key, setting]) => [keyOf(parsePath(key)), setting]);
    return { name, set: Object.fromEntries(entries) as Settings };
  });
  checkVariants(variants, source);
  checkKeys(variants, options);
  checkCount(Math.max(1, variants.length), sweep);
  const points = pointsOf(sweep);
  const base: readonly Variant[] = variants.length > 0 ? variants : [{ name: "", set: {} }];
  const runs = base.flatMap((variant) =>
    points.map((point): PlannedRun => {
      const settings = { ...variant.set, ...point.settings };
      const name = [variant.name, point.words].filter((words) => words !== "").join(" ");
      // The variant last: where it sets the scanner's kind, a point may have set parameters of another's.
      const atPoint = withSettings(scenario, point.settings, source);
      const { variants: _, ...rest } = withSettings(atPoint, variant.set, source) as Record<
        string,
        unknown
      >;
      const checked = checkScenario(rest, name === "" ? source : `${source} (${name})`);
      return {
        name: name === "" ? checked.scanner.kind.kind : name,
        variant: variant.name,
        point: point.words,
        settings,
        scenario: rest,
      };
    }),
  );
  return { title: values.title, scenario, runs };
}
