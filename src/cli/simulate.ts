/** `pagefold simulate`: guests, a scanner and a swap device on virtual time. The work is src/simulator's. */

import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import { PagefoldError } from "../base/errors.ts";
import { secureRandom } from "../base/random.ts";
import { printable } from "../base/text.ts";
import { renderSimulation } from "../report/simulate.ts";
import type { Sensitivity, Setting, SimulateOutput } from "../report/simulate-result.ts";
import { builtIns } from "../simulator/scenario/built-in/registry.ts";
import { headlinesOf } from "../simulator/scenario/headlines.ts";
import { type Plan, planRuns } from "../simulator/scenario/plan.ts";
import { readScenario, type ScenarioSource } from "../simulator/scenario/read.ts";
import { sweepWithSensitivity } from "../simulator/scenario/sensitivity.ts";
import { parseSetting, parseSweep, type Settings } from "../simulator/scenario/settings.ts";
import { type Outcome, sweep } from "../simulator/sweep.ts";
import { wholeNumberOption } from "./arguments.ts";
import type { CommandContext } from "./run.ts";
import { describeName, listAll, renderDescription, renderLists } from "./simulate-lists.ts";
import { openOutput, writeOutput } from "./simulate-output.ts";

type Sweeps = Readonly<Record<string, readonly Setting[]>>;

interface SimulateArguments {
  readonly set?: Settings;
  readonly sweep?: Sweeps;
  readonly seed?: number;
  readonly jobs: number;
  readonly sensitivity?: boolean;
  readonly out?: string;
  readonly force?: boolean;
  readonly list?: boolean;
  readonly describe?: string;
  readonly printScenario?: boolean;
  readonly json?: boolean;
}

type Options = SimulateArguments & {
  readonly set: Settings;
  readonly sweep: Sweeps;
  readonly context: CommandContext;
};

const MOST_JOBS = 256;

const HELP = `
A scenario is a host, guests on it that do something, a scanner that merges equal pages of theirs, and a swap device, a
real pagefold store, under it; all on virtual time, so that a run of minutes takes seconds and can be repeated. It is
one of those built in, or a file of JSON. Its variants run side by side and are compared.

Keys are set by path, KEY=VALUE with dots between names and indexes: host.memory=2G, guests.0.workload.kind=web-server.
--list shows what scenarios, scanners and workloads there are, --describe NAME all keys of one of them.

Examples:
  $ pagefold simulate ksm-plus-plus
      linear scanning against hints from guests' disk requests, as two guests build a kernel
  $ pagefold simulate ksm-plus-plus --set guests.0.memory=1G --seed 7 --out result
      larger guests; the result as JSON, CSV and a page with plots in the folder result
  $ pagefold simulate idle-dedup --set variants=[] --sweep scanner.kind=linear,random --sweep host.cores=1,2,4
      six runs: each scanner on each number of processors
  $ pagefold simulate hint-buffer --sensitivity
      and how its headlines move with the parameters that move them most
  $ pagefold simulate shared-swap --print-scenario > mine.json && pagefold simulate mine.json
      one's own scenario, begun from another

Exit codes: 0 done; 1 a file cannot be read or written, or memory ran out; 2 the command line or the scenario is wrong;
130 interrupted.`;

const invalid = (message: string) => new PagefoldError("INVALID_ARGUMENT", message);

function drawSeed(): number {
  const seed = new Uint32Array(1);
  secureRandom(new Uint8Array(seed.buffer));
  return seed[0]! >>> 1;
}

function addSetting(text: string, settings: Settings = {}): Settings {
  const { key, value } = parseSetting(text);
  return { ...settings, [key]: value };
}

function addSweep(text: string, sweeps: Sweeps = {}): Sweeps {
  const { key, values } = parseSweep(text);
  if (Object.hasOwn(sweeps, key)) {
    throw invalid(`--sweep ${key} is given twice; give all its values in one`);
  }
  return { ...sweeps, [key]: values };
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** All runs done: their outcomes, and how headlines move, where that was asked for. */
async function perform(
  { source, builtIn }: ScenarioSource,
  options: Options & { readonly plan: Plan; readonly seed: number },
): Promise<{ readonly outcomes: Outcome[]; readonly sensitivity: Sensitivity[] | null }> {
  const { plan, seed, jobs, set, context } = options;
  const { signal, progress } = context;
  const onProgress = (fraction: number) => progress.update("simulating ", fraction);
  const sweepOptions = { source, seed, jobs, signal, onProgress };
  if (!options.sensitivity || builtIn === null) {
    return { outcomes: await sweep(plan.runs, sweepOptions), sensitivity: null };
  }
  return sweepWithSensitivity(builtIn, { ...sweepOptions, plan, set });
}

function checkSensitivity({ source, builtIn }: ScenarioSource): void {
  if (builtIn !== null && builtIn.candidates.length > 0) return;
  const reason =
    builtIn === null
      ? "only built-in scenarios have headlines"
      : "no parameter of it is to be changed";
  const told = builtIns.filter(({ candidates }) => candidates.length > 0);
  const names = told.map(({ name }) => name).join(", ");
  throw invalid(
    `--sensitivity cannot be told of ${printable(source)}: ${reason}; name one of ${names}`,
  );
}

async function simulate(nameOrFile: string, options: Options): Promise<void> {
  const { context, set, out, force = false } = options;
  const scenario = await readScenario(nameOrFile);
  const { source, builtIn } = scenario;
  if (options.sensitivity) checkSensitivity(scenario);
  const plan = planRuns(scenario.value, { source, set, sweep: options.sweep });
  if (options.printScenario) {
    context.print(json(plan.scenario));
    return;
  }
  if (out !== undefined) await openOutput(out, { force });
  const seed = options.seed ?? drawSeed();
  const { outcomes, sensitivity } = await perform(scenario, { ...options, plan, seed });
  const output: SimulateOutput = {
    schema: 1,
    command: "simulate",
    options: { scenario: nameOrFile, seed, set, sweep: options.sweep },
    results: {
      title: plan.title,
      headlines: builtIn === null ? [] : headlinesOf(builtIn, plan.runs, outcomes),
      variants: outcomes.map(({ result }) => result),
      sensitivity,
    },
    series: outcomes.map(({ series }) => series),
  };
  const writing = out === undefined ? [] : writeOutput(out, output, { force });
  // Where the files cannot be written, a long run shall still have told its result.
  await Promise.allSettled([writing]);
  context.progress.stop();
  const { emphasis } = context;
  context.print(options.json ? json(output) : renderSimulation(output, { emphasis }));
  for (const file of await writing) context.note(`pagefold: wrote ${printable(file)}`);
}

function list({ context, json: isJson }: Options): void {
  const lists = listAll();
  context.print(isJson ? json(lists) : renderLists(lists, context.emphasis));
}

function describe(name: string, { context, json: isJson }: Options): void {
  const description = describeName(name);
  context.print(isJson ? json(description) : renderDescription(description, context.emphasis));
}

/** Refuses what does not go together. */
function checkOptions(scenario: string | undefined, options: SimulateArguments): void {
  const isAsking = options.list || options.describe !== undefined;
  if (scenario !== undefined && isAsking) {
    const flag = options.list ? "--list" : "--describe";
    throw invalid(
      `${flag} runs nothing, and takes no scenario ${printable(scenario)}; leave one out`,
    );
  }
  if (options.list && options.describe !== undefined) {
    throw invalid("--list and --describe are two questions; leave one out");
  }
  if (scenario === undefined && !isAsking) {
    const names = builtIns.map(({ name }) => name).join(", ");
    throw invalid(
      `no scenario is named: give a file, or one of ${names}; see pagefold simulate --help`,
    );
  }
  if (options.out === "") throw invalid('--out cannot be "": name a folder');
  if (options.force && options.out === undefined) {
    throw invalid("--force is for --out alone; add --out FOLDER, or leave it out");
  }
  if (options.sensitivity && options.sweep !== undefined) {
    throw invalid(
      "--sensitivity has sweeps of its own, and takes no --sweep; leave one of both out",
    );
  }
}

/** Adds the command to the program. */
export function registerSimulate(program: Command, context: CommandContext): void {
  program
    .command("simulate")
    .summary("guests, scanners that merge their pages, and shared swap, on virtual time")
    .description(
      "Simulates guests on a host, a scanner that merges their equal pages, and a pagefold store as their swap.",
    )
    .argument("[scenario]", "a built-in scenario, or a file of JSON")
    .option("--set <key=value>", "set a key of the scenario; may be given again", addSetting)
    .option(
      "--sweep <key=a,b,…>",
      "run with each of these values; several sweeps: with each combination",
      addSweep,
    )
    .option(
      "--seed <seed>",
      "repeats a run; one for all variants (default: drawn, and printed)",
      wholeNumberOption("--seed", { min: 0, max: 2 ** 31 - 1, what: "the seed of a run" }),
    )
    .addOption(
      new Option("--jobs <count>", "runs at a time")
        .argParser(wholeNumberOption("--jobs", { min: 1, max: MOST_JOBS, what: "a count of runs" }))
        .default(Math.min(MOST_JOBS, availableParallelism()), "one on each processor"),
    )
    .option("--sensitivity", "tell how headlines move with their three strongest parameters")
    .option("--out <folder>", "write result.json, series.csv and report.html into a folder")
    .option("--force", "with --out: replace these files")
    .option("--list", "list scenarios, scanners and workloads")
    .option("--describe <name>", "explain one of them, with all its keys")
    .option("--print-scenario", "print the scenario, with --set applied, instead of running it")
    .option("--json", "print one JSON object instead of tables")
    .addHelpText("after", HELP)
    .action(async (scenario: string | undefined, given: SimulateArguments) => {
      checkOptions(scenario, given);
      const options = { set: {}, sweep: {}, ...given, context };
      if (given.list) list(options);
      else if (given.describe !== undefined) describe(given.describe, options);
      else await simulate(scenario!, options);
    });
}
