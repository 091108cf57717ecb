/** What a crash may lose: whatever was not flushed, nothing else. */

import { describe, expect, it } from "vitest";
import { MemoryMedium } from "../../src/overflow/media/memory.ts";
import { testSeed } from "../support/seed.ts";
import { runToCrash } from "./durability.ts";

const REQUESTS = 150;
const CRASHES = 25;

describe.each(["write-back", "write-through"] as const)("a cache in %s mode", (mode) => {
  /** Crashes at places all over a run, one run for each. */
  async function crashes(
    name: string,
    rest: Omit<Parameters<typeof runToCrash>[0], "mode" | "seed" | "deathAt" | "requests">,
  ) {
    const seed = testSeed(name);
    const whole = await runToCrash({ mode, seed, deathAt: Infinity, requests: REQUESTS, ...rest });
    expect(whole.wrong).toEqual([]);
    let failedFlushes = 0;
    for (let crash = 0; crash < CRASHES; crash++) {
      const deathAt = 1 + Math.floor((crash * whole.operations) / CRASHES);
      const run = await runToCrash({
        mode,
        seed: seed + crash,
        deathAt,
        requests: REQUESTS,
        ...rest,
      });
      expect(run.wrong, `seed ${seed + crash}, death at ${deathAt}`).toEqual([]);
      failedFlushes += run.failedFlushes;
    }
    return { whole, failedFlushes };
  }

  it("has every flushed write on the disk after a crash at any call", async () => {
    const { whole, failedFlushes } = await crashes(`${mode} crash`, {});
    expect(whole.flushes).toBeGreaterThan(3);
    expect(whole.durableSectors).toBeGreaterThan(100);
    expect(failedFlushes).toBeGreaterThan(0);
  });

  it("has them with cold pages on an overflow log", async () => {
    await crashes(`${mode} overflow crash`, {
      get options() {
        const medium = new MemoryMedium({ sizeBytes: 2 ** 20 });
        return { overflow: { medium, segmentBytes: 2 ** 16 } };
      },
    });
  });

  it("has them where writes and syncs fail now and then, and are tried again", async () => {
    const faults = {
      writeError: { probability: 0.05 },
      tornWrite: { probability: 0.05 },
      flushError: { probability: 0.1 },
      readError: { probability: 0.02 },
    };
    const { failedFlushes } = await crashes(`${mode} faulty crash`, { faults });
    expect(failedFlushes).toBeGreaterThan(0);
  });
});
