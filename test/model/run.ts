/** Runs of random commands, and what is said when one fails. */

import { loadCodec } from "../../src/index.ts";
import { commands } from "./commands.ts";
import { World } from "./world.ts";

export interface RunOptions {
  /** The seed of all runs; run n has a seed made from it and n. */
  readonly seed: number;
  readonly runs: number;
  readonly commandsPerRun: number;
  /** One in so many runs uses codecs that run in JavaScript. */
  readonly hostCodecsEvery: number;
  /** The first run, 0 unless told: to repeat one that failed. */
  readonly firstRun?: number;
  /** Called after each run with the commands done so far. */
  readonly onProgress?: (commandsDone: number) => void;
}

export interface RunSummary {
  readonly commands: number;
  readonly failedWrites: number;
}

async function oneRun(seed: number, options: RunOptions, name: string): Promise<World> {
  const world = new World(seed, options.hostCodecsEvery);
  const { drawn } = world.plan;
  let done = 0;
  try {
    for (; done < options.commandsPerRun; done++) {
      await commands[world.anyOf(drawn)](world);
      world.check();
      for (let looks = 0; looks < 2; looks++) {
        const target = world.anyExport();
        world.checkSlot(target, world.random.below(target.plan.slots));
      }
    }
    world.checkAllSlots();
    await world.store.close();
  } catch (cause) {
    const { codecs, dedup, hashMask } = world.plan;
    const plan = `codecs ${codecs}, dedup ${dedup}, hashMask ${hashMask ?? "none"}`;
    const last = world.log.map((line) => `  ${line}`).join("\n");
    throw new Error(`${name}, command ${done} (${plan}): ${cause}\nlast commands:\n${last}`, {
      cause,
    });
  }
  return world;
}

/** Does the runs one after another; throws at the first that fails, telling how to repeat it. */
export async function runModel(options: RunOptions): Promise<RunSummary> {
  for (const codec of ["zstd", "zstd:1"]) await loadCodec(codec);
  let failedWrites = 0;
  let done = 0;
  const firstRun = options.firstRun ?? 0;
  for (let run = firstRun; run < firstRun + options.runs; run++) {
    const seed = (Math.imul(options.seed ^ run, 0x9e3779b1) ^ (run * 7919)) >>> 0;
    const world = await oneRun(seed, options, `seed ${options.seed}, run ${run}`);
    failedWrites += world.failedWrites;
    done += options.commandsPerRun;
    options.onProgress?.(done);
  }
  return { commands: done, failedWrites };
}
