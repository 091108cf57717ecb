/** Whole runs: that they repeat, what ends a guest, and that what is reported adds up. */

import { describe, expect, it } from "vitest";
import { scannerKinds } from "../../src/simulator/scanners/registry.ts";
import { checkScenario } from "../../src/simulator/scenario/check.ts";
import { runSimulation } from "../../src/simulator/simulation.ts";
import { testSeed } from "../support/seed.ts";

const seed = testSeed("simulation");
const PAGE_BYTES = 4096;

function run(scenario: object) {
  return runSimulation(checkScenario(scenario, "test"), { name: "run", settings: {}, seed });
}

/** Guests of two domains with too little memory, swap and compressed memory among it. */
const crowded = (kind: string) => ({
  seconds: 10,
  sample_seconds: 1,
  host: { memory: 1000 * PAGE_BYTES },
  swap: { area: "shared", size: 2000 * PAGE_BYTES },
  compressed_memory: 300 * PAGE_BYTES,
  guests: [
    { name: "build", count: 2, memory: "2M", workload: { kind: "kernel-build" } },
    { name: "desk", count: 2, memory: "2M", domain: "other", workload: { kind: "idle-desktop" } },
  ],
  scanner: { kind },
});

describe("runSimulation", () => {
  it.each(scannerKinds)("gives the same again with scanner $kind", async ({ kind }) => {
    const first = await run(crowded(kind));
    expect(JSON.stringify(await run(crowded(kind)))).toBe(JSON.stringify(first));
    expect(first.result.swap!.pages_out).toBeGreaterThan(0);
  });

  it("gives the same again with tmem, whose memory is the host's", async () => {
    const swap = 500 * PAGE_BYTES;
    const hog = { kind: "memory-hog", working_set_share: 1.3, fill_share_per_second: 0.5 };
    const scenario = {
      ...crowded("linear"),
      tmem: { memory: 200 * PAGE_BYTES },
      guests: [
        { name: "build", memory: "2M", swap, workload: { kind: "kernel-build", header_share: 1 } },
        { name: "hog", memory: "2M", swap, workload: hog },
      ],
    };
    const first = await run(scenario);
    expect(JSON.stringify(await run(scenario))).toBe(JSON.stringify(first));
    const { tmem, guests, host } = first.result;
    const sum = (name: string) => guests.reduce((all, one) => all + one.counters[name]!, 0);
    expect(tmem!.ephemeral_pages + tmem!.persistent_pages).toBe(tmem!.orig_data_size / PAGE_BYTES);
    expect(tmem!.hits).toBeGreaterThanOrEqual(sum("tmem_hits"));
    expect(sum("tmem_hits")).toBeGreaterThan(0);
    expect(sum("swap_pages_out")).toBeGreaterThan(0);
    expect(tmem!.mem_used_total).toBeLessThanOrEqual(200 * PAGE_BYTES);
    // Compressed memory is in the host, too.
    expect(host.store_frames).toBeGreaterThanOrEqual(tmem!.mem_used_total / PAGE_BYTES);
  });

  it("ends a guest for which there is no memory, in a step or after a pass, and no other", async () => {
    const fill = (pages: number, content: string, changes: object[] = []) => {
      return { kind: "fill", fill: [{ pages, content }], changes };
    };
    const grows = [{ after_pass: 100, to: "unique" }];
    const { result } = await run({
      seconds: 5,
      host: { memory: 600 * PAGE_BYTES },
      scanner: { kind: "linear", pages_to_scan: 2000 },
      guests: [
        { name: "after-pass", memory: 400 * PAGE_BYTES, workload: fill(400, "same", grows) },
        {
          name: "in-step",
          memory: 600 * PAGE_BYTES,
          workload: fill(600, "same"),
          start_seconds: 1,
        },
        {
          name: "stays",
          memory: 300 * PAGE_BYTES,
          workload: fill(300, "unique"),
          start_seconds: 1.5,
        },
      ],
    });
    expect(result.guests.map(({ is_killed }) => is_killed)).toEqual([true, true, false]);
    expect(result.host.pages_present).toBe(300);
  });
});
