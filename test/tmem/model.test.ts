/** Tmem against a model, by random commands: the accounting identity after each, contents throughout. */

import { expect, it } from "vitest";
import { loadCodec } from "../../src/index.ts";
import { testSeed } from "../support/seed.ts";
import { TmemWorld, type WorldTally } from "./tmem-world.ts";

it("tmem does what its model does, and accounts for every byte", async () => {
  const seed = testSeed("tmem model");
  await loadCodec("lz4-wasm");
  const tally: WorldTally = { commands: 0, refused: 0, dropped: 0, shared: 0 };
  for (let run = 0; run < 30; run++) {
    const world = await TmemWorld.open(seed + run, tally);
    world.run(250);
  }
  console.log(tally);
  expect(tally.refused).toBeGreaterThan(100);
  expect(tally.dropped).toBeGreaterThan(100);
  expect(tally.shared).toBeGreaterThan(1000);
});
