/**
 * Runs side by side: each core a child process that takes one run after another. Holds always: results come in the
 * order of the runs, whichever ends first, and are the same as of runs made one by one; no child outlives the call.
 */

import { type ChildProcess, fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { type ErrorCode, PagefoldError } from "../base/errors.ts";
import type { VariantResult, VariantSeries } from "../report/simulate-result.ts";
import { checkScenario } from "./scenario/check.ts";
import type { PlannedRun } from "./scenario/plan.ts";
import { runSimulation } from "./simulation.ts";

export interface Outcome {
  readonly result: VariantResult;
  readonly series: VariantSeries;
}

export interface SweepOptions {
  /** What messages call the scenario. */
  readonly source: string;
  /** The same for all runs, so that they see the same guests. */
  readonly seed: number;
  /** How many at a time; one: in this process. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  /** How much of all runs is done, from 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** What a child is told to run. */
export interface ChildTask {
  readonly index: number;
  readonly run: Pick<PlannedRun, "name" | "settings" | "scenario">;
  readonly source: string;
  readonly seed: number;
}

/** What it says of it. */
export type ChildMessage =
  | { readonly kind: "progress"; readonly index: number; readonly fraction: number }
  | { readonly kind: "done"; readonly index: number; readonly outcome: Outcome }
  | {
      readonly kind: "failed";
      readonly index: number;
      /** Of a PagefoldError; null for a mistake of ours, whose stack the message is. */
      readonly code: ErrorCode | null;
      readonly message: string;
    };

/** Does one run in this process. */
export function performRun(
  task: ChildTask,
  options: { readonly signal?: AbortSignal; readonly onProgress?: (fraction: number) => void },
): Promise<Outcome> {
  const { run, source, seed } = task;
  const { name, settings } = run;
  return runSimulation(checkScenario(run.scenario, source), { name, settings, seed, ...options });
}

function childFile(): string {
  const extension = extname(fileURLToPath(import.meta.url));
  return fileURLToPath(new URL(`./sweep-child${extension}`, import.meta.url));
}

function failureOf(message: Extract<ChildMessage, { kind: "failed" }>): Error {
  const { code, message: text } = message;
  if (code !== null) return new PagefoldError(code, text);
  const error = new Error("a run failed");
  error.stack = text;
  return error;
}

/** Ended without a word: by a signal, most often for want of memory. */
function endedError(name: string, how: { code: number | null; signal: string | null }) {
  const what = how.signal === null ? `with exit code ${how.code}` : `by ${how.signal}`;
  return new PagefoldError(
    "NO_MEMORY",
    `the process that ran "${name}" was ended ${what}, most often since memory ran out; try fewer --jobs or smaller guests`,
  );
}

/** Why a child ended that was stopped since another failed. */
const ENDED_WITH_ANOTHER = new Error("another run failed");

class Pool {
  readonly #tasks: readonly ChildTask[];
  readonly #outcomes: (Outcome | undefined)[];
  readonly #fractions: Float64Array;
  readonly #options: SweepOptions;
  readonly #children = new Set<ChildProcess>();
  #next = 0;
  #isEnding = false;

  constructor(tasks: readonly ChildTask[], options: SweepOptions) {
    this.#tasks = tasks;
    this.#outcomes = tasks.map(() => undefined);
    this.#fractions = new Float64Array(tasks.length);
    this.#options = options;
  }

  async run(): Promise<Outcome[]> {
    const jobs = Math.min(this.#options.jobs, this.#tasks.length);
    const ends = await Promise.allSettled(Array.from({ length: jobs }, () => this.#work()));
    for (const end of ends) {
      if (end.status === "rejected" && end.reason !== ENDED_WITH_ANOTHER) throw end.reason;
    }
    return this.#outcomes.map((outcome) => outcome!);
  }

  /** One child, from its start to its end. Where it fails, or is to stop, all end. */
  #work(): Promise<void> {
    const { signal } = this.#options;
    const child = fork(childFile(), {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#children.add(child);
    let current: ChildTask | undefined;
    return new Promise<void>((resolve, reject) => {
      let failure: unknown;
      const fail = (cause: unknown) => {
        failure ??= cause;
        this.#endAll();
      };
      const give = () => {
        current = this.#tasks[this.#next++];
        if (current === undefined) child.disconnect();
        else child.send(current);
      };
      const abort = () => fail(signal.reason);
      signal.addEventListener("abort", abort);
      child.on("message", (message: ChildMessage) => {
        if (message.kind === "failed") {
          fail(failureOf(message));
          return;
        }
        this.#progress(message.index, message.kind === "done" ? 1 : message.fraction);
        if (message.kind === "progress") return;
        this.#outcomes[message.index] = message.outcome;
        give();
      });
      child.on("error", fail);
      child.on("exit", (code, how) => {
        signal.removeEventListener("abort", abort);
        this.#children.delete(child);
        if (failure === undefined && this.#isEnding) failure = ENDED_WITH_ANOTHER;
        if (failure === undefined && current !== undefined) {
          fail(endedError(current.run.name, { code, signal: how }));
        }
        if (failure === undefined) resolve();
        else reject(failure);
      });
      if (signal.aborted) abort();
      else give();
    });
  }

  #endAll(): void {
    this.#isEnding = true;
    for (const child of this.#children) child.kill("SIGKILL");
  }

  #progress(index: number, fraction: number): void {
    this.#fractions[index] = fraction;
    const done = this.#fractions.reduce((sum, value) => sum + value, 0);
    this.#options.onProgress?.(done / this.#tasks.length);
  }
}

async function oneByOne(tasks: readonly ChildTask[], options: SweepOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const task of tasks) {
    options.signal.throwIfAborted();
    const onProgress = (fraction: number) =>
      options.onProgress?.((task.index + fraction) / tasks.length);
    outcomes.push(await performRun(task, { signal: options.signal, onProgress }));
  }
  return outcomes;
}

/**
 * The outcome of every run, in their order. Runs of equal scenarios are made once.
 * @throws what a run throws, and the signal's reason.
 */
export async function sweep(
  runs: readonly PlannedRun[],
  options: SweepOptions,
): Promise<Outcome[]> {
  const { source, seed, jobs } = options;
  const taskOf = new Map<string, ChildTask>();
  for (const { name, settings, scenario } of runs) {
    const key = JSON.stringify(scenario);
    if (taskOf.has(key)) continue;
    const run = { name, settings, scenario };
    taskOf.set(key, { index: taskOf.size, run, source, seed });
  }
  const tasks = [...taskOf.values()];
  const isAlone = jobs === 1 || tasks.length === 1;
  const outcomes = isAlone ? await oneByOne(tasks, options) : await new Pool(tasks, options).run();
  return runs.map(({ name, settings, scenario }) => {
    const { result, series } = outcomes[taskOf.get(JSON.stringify(scenario))!.index]!;
    return { result: { ...result, name, settings }, series: { ...series, name } };
  });
}
