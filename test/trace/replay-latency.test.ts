import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { Latencies } from "../../src/trace/replay-latency.ts";
import { testSeed } from "../support/seed.ts";

describe("Latencies", () => {
  it("gives quantiles within 1.6 % of those of the sorted list", () => {
    const random = new SeededRandom(testSeed("latencies"));
    const latencies = new Latencies();
    // From 0.1 us to 100 s, evenly over the powers.
    const listUs = Array.from({ length: 20_000 }, () => 10 ** ((random.below(9000) - 1000) / 1000));
    for (const us of listUs) latencies.add(us / 1e6);
    listUs.sort((one, other) => one - other);
    for (const fraction of [0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = listUs[Math.ceil(fraction * listUs.length) - 1]!;
      const found = latencies.quantileUs(fraction)!;
      expect(Math.abs(found / exact - 1), `${fraction}`).toBeLessThan(0.016);
    }
    expect(latencies.mostUs).toBeCloseTo(listUs.at(-1)!, 6);
  });

  it("has none where nothing was added", () => {
    expect(new Latencies().quantileUs(0.5)).toBeNull();
    expect(new Latencies().mostUs).toBeNull();
  });

  it("takes no time and more than it can tell apart", () => {
    const latencies = new Latencies();
    latencies.add(0);
    latencies.add(1e9);
    expect(latencies.quantileUs(0.5)).toBeLessThan(0.002);
    expect(latencies.mostUs).toBe(1e15);
  });
});
