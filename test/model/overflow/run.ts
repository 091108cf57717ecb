/** Runs of random commands on stores with an overflow log, and what is said when one fails. */

import { loadCodec } from "../../../src/index.ts";
import { recover, step } from "./commands.ts";
import { OverflowWorld } from "./world.ts";

export interface OverflowRunOptions {
  /** The seed of all runs; run n has a seed made from it and n. */
  readonly seed: number;
  readonly runs: number;
  readonly commandsPerRun: number;
  /** The first run, 0 unless told: to repeat one that failed. */
  readonly firstRun?: number;
  readonly onProgress?: (runsDone: number) => void;
}

export interface OverflowRunSummary {
  /** Runs whose medium could be opened, and of them those with faults. */
  readonly opened: number;
  readonly faulty: number;
  readonly refused: number;
  readonly failedReads: number;
  readonly awayReads: number;
  readonly cleaned: number;
  readonly promoted: number;
  readonly merged: number;
  readonly dead: number;
}

async function oneRun(
  seed: number,
  options: OverflowRunOptions,
  name: string,
): Promise<OverflowWorld | null> {
  const world = await OverflowWorld.open(seed);
  if (world === null) return null;
  let done = 0;
  try {
    for (; done < options.commandsPerRun; done++) {
      await step(world);
      world.check();
      for (let looks = 0; looks < 2; looks++) {
        const target = world.anyExport();
        await world.look(target, world.random.below(target.slots));
      }
    }
    await Promise.all(world.later);
    await world.settle();
    world.check(true);
    await world.lookEverywhere();
    await world.settle();
    world.check(true);
    await recover(world);
  } catch (cause) {
    const { overflow, ...plan } = world.plan;
    const { medium, ...log } = overflow;
    const said = JSON.stringify({
      ...plan,
      ...log,
      drawn: undefined,
      hashMask: `${plan.hashMask}`,
    });
    const last = world.log.map((line) => `  ${line}`).join("\n");
    const stack = cause instanceof Error ? cause.stack : cause;
    throw new Error(
      `${name}, command ${done} (${medium!.name} ${said}): ${stack}\nlast commands:\n${last}`,
      { cause },
    );
  }
  return world;
}

/** Does the runs one after another; throws at the first that fails, telling how to repeat it. */
export async function runOverflowModel(options: OverflowRunOptions): Promise<OverflowRunSummary> {
  await loadCodec("deflate");
  const sum = {
    opened: 0,
    faulty: 0,
    refused: 0,
    failedReads: 0,
    awayReads: 0,
    cleaned: 0,
    promoted: 0,
    merged: 0,
    dead: 0,
  };
  const firstRun = options.firstRun ?? 0;
  for (let run = firstRun; run < firstRun + options.runs; run++) {
    const seed = (Math.imul(options.seed ^ run, 0x9e3779b1) ^ (run * 7919)) >>> 0;
    const world = await oneRun(seed, options, `seed ${options.seed}, run ${run}`);
    options.onProgress?.(run - firstRun + 1);
    if (world === null) continue;
    const stats = world.store.overflowStats()!;
    await world.store.close();
    sum.opened += 1;
    sum.faulty += Number(world.plan.hasFaults);
    sum.refused += world.counts.refused;
    sum.failedReads += world.counts.failedReads;
    sum.awayReads += world.counts.awayReads;
    sum.cleaned += stats.segments_cleaned;
    sum.promoted += stats.promoted;
    sum.merged += stats.merged;
    sum.dead += Number(stats.is_dead);
  }
  return sum;
}
