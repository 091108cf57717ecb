/**
 * Stores against a model, by random commands: the accounting identity after each, contents throughout. The same at
 * length is test/slow/model.slow.test.ts.
 */

import { expect, it } from "vitest";
import { testSeed } from "../support/seed.ts";
import { runModel } from "./run.ts";

it("a store does what its model does, and accounts for every byte", async () => {
  const seed = testSeed("model");
  const summary = await runModel({ seed, runs: 400, commandsPerRun: 120, hostCodecsEvery: 12 });
  console.log(`${summary.commands} commands, ${summary.failedWrites} writes found no room`);
  expect(summary.failedWrites).toBeGreaterThan(100);
});
