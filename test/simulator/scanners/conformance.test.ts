/** What every scanner keeps to, whatever its way: one suite for all that the registry names. */

import { describe, expect, it } from "vitest";
import { scannerKinds } from "../../../src/simulator/scanners/registry.ts";
import { testSeed } from "../../support/seed.ts";
import { runWorlds } from "../memory/run-worlds.ts";

describe.each(scannerKinds)("scanner $kind", (kind) => {
  it("changes no page's contents and breaks no invariant of the host, whatever happens", async () => {
    const { merges } = await runWorlds({ seed: testSeed(kind.kind), runs: 12, scan: kind });
    if (kind.kind === "none") expect(merges).toBe(0);
    else expect(merges).toBeGreaterThan(0);
  });
});
