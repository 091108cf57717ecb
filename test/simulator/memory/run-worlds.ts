/** Random runs of a host, and what is said when one fails. */

import { expect } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import type { ScannerKind } from "../../../src/simulator/scanners/scanner.ts";
import { drawCommands } from "./commands.ts";
import { MemoryWorld } from "./memory-world.ts";

const STEPS = 300;
const STEPS_PER_DRAW = 30;

async function runWorld(
  seed: number,
  name: string,
  scan?: ScannerKind<unknown>,
): Promise<MemoryWorld> {
  const world = await MemoryWorld.open(seed, scan);
  let step = 0;
  let last = "";
  try {
    let commands = drawCommands(world.random);
    for (; step < STEPS; step++) {
      if (step % STEPS_PER_DRAW === 0) commands = drawCommands(world.random);
      const command = commands[world.random.below(commands.length)]!;
      last = command.name;
      command(world);
      world.check();
    }
    world.checkStores();
    for (let page = 0; page < world.host.pages; page++) {
      last = `reading page ${page}`;
      world.access(page, () => {
        expect(world.host.read(page)).toBe(world.expected[page]);
      });
    }
    world.check();
  } catch (cause) {
    throw new Error(`${name}, step ${step} (${last}), ${JSON.stringify(world.options)}: ${cause}`, {
      cause,
    });
  } finally {
    await world.close();
  }
  return world;
}

/** Runs worlds one after another; how often accesses were refused, and what scanners merged. */
export async function runWorlds(options: {
  readonly seed: number;
  readonly runs: number;
  readonly scan?: ScannerKind<unknown>;
}): Promise<{ readonly refusals: number; readonly merges: number }> {
  const { seed, runs, scan } = options;
  const random = new SeededRandom(seed);
  let refusals = 0;
  let merges = 0;
  for (let run = 0; run < runs; run++) {
    const world = await runWorld(random.uint32(), `seed ${seed}, run ${run}`, scan);
    refusals += world.refusals;
    merges += world.scanner?.tally.merges ?? 0;
  }
  return { refusals, merges };
}
