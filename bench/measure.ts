/** Timing, medians and the machine's description. */

import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { stopwatchClock } from "../src/base/clock.ts";

/**
 * Frees what earlier rounds left, and waits until it is back with the system: a thread of the engine's does that, and
 * page faults would wait for it. Otherwise one side's end falls into another's time.
 */
export async function settle(): Promise<void> {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  await setTimeout(100);
}

/** Microseconds per item of `work` over `count` items. */
export async function microsecondsEach(
  count: number,
  work: () => void | Promise<void>,
): Promise<number> {
  const start = stopwatchClock.seconds();
  await work();
  return ((stopwatchClock.seconds() - start) * 1e6) / count;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Where and with what a figure was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_bytes: number;
  readonly system: string;
  readonly node: string;
  readonly date: string;
  readonly commit: string;
}

export function describeMachine(): Machine {
  let commit = "unknown";
  try {
    commit = execFileSync("git", ["describe", "--always", "--dirty"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    // Not a checkout, or no git: the figures stand without it.
  }
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memory_bytes: totalmem(),
    system: `${process.platform} ${release()}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    commit,
  };
}
