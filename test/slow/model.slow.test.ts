/**
 * The model of test/model, ten million commands long. PAGEFOLD_SLOW_PART=100 does a hundredth of it; PAGEFOLD_SEED
 * repeats a run, and with PAGEFOLD_RUN it starts at the run named in a failure.
 */

import { expect, it } from "vitest";
import { runModel } from "../model/run.ts";
import { testSeed } from "../support/seed.ts";

const COMMANDS = 10_000_000;
const COMMANDS_PER_RUN = 2000;
const part = Number(process.env.PAGEFOLD_SLOW_PART ?? 1);
const firstRun = Number(process.env.PAGEFOLD_RUN ?? 0);

it("a store does what its model does, ten million times", { timeout: 0 }, async () => {
  const seed = testSeed("slow model");
  const runs = Math.ceil(COMMANDS / COMMANDS_PER_RUN / part);
  const every = Math.max(1, Math.floor(runs / 50));
  const summary = await runModel({
    seed,
    runs,
    firstRun,
    commandsPerRun: COMMANDS_PER_RUN,
    hostCodecsEvery: 20,
    onProgress(commandsDone) {
      const runsDone = commandsDone / COMMANDS_PER_RUN;
      if (runsDone % every !== 0) return;
      console.log(`${runsDone} of ${runs} runs, ${commandsDone} commands`);
    },
  });
  console.log(`${summary.commands} commands, ${summary.failedWrites} writes found no room`);
  expect(summary.commands).toBe(runs * COMMANDS_PER_RUN);
});
