/**
 * The model of test/model/overflow, five thousand seeds long. PAGEFOLD_SLOW_PART=100 does a hundredth of it;
 * PAGEFOLD_SEED repeats a run, and with PAGEFOLD_RUN it starts at the run named in a failure.
 */

import { expect, it } from "vitest";
import { runOverflowModel } from "../model/overflow/run.ts";
import { testSeed } from "../support/seed.ts";

const RUNS = 5000;
const COMMANDS_PER_RUN = 400;
const part = Number(process.env.PAGEFOLD_SLOW_PART ?? 1);
const firstRun = Number(process.env.PAGEFOLD_RUN ?? 0);

it("a store with a log does what its model does, five thousand times", { timeout: 0 }, async () => {
  const seed = testSeed("slow overflow model");
  const runs = Math.ceil(RUNS / part);
  const every = Math.max(1, Math.floor(runs / 50));
  const { opened, ...summary } = await runOverflowModel({
    seed,
    runs,
    firstRun,
    commandsPerRun: COMMANDS_PER_RUN,
    onProgress(runsDone) {
      if (runsDone % every === 0) console.log(`${runsDone} of ${runs} runs`);
    },
  });
  console.log(`${opened} runs: ${JSON.stringify(summary)}`);
  expect(opened).toBeGreaterThan(runs / 2);
});
