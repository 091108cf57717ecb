/**
 * Stores with an overflow log against a model, by random commands and with every fault a medium can have. The same at
 * length is test/slow/overflow-model.slow.test.ts.
 */

import { expect, it } from "vitest";
import { testSeed } from "../support/seed.ts";
import { runOverflowModel } from "./overflow/run.ts";

it("a store with a log does what its model does, or says that it cannot", async () => {
  const seed = testSeed("overflow model");
  const { opened, ...summary } = await runOverflowModel({ seed, runs: 250, commandsPerRun: 100 });
  console.log(`${opened} runs: ${JSON.stringify(summary)}`);
  for (const [what, count] of Object.entries(summary)) expect(count, what).toBeGreaterThan(0);
});
