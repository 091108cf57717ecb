import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PageRanges } from "../../src/cache/page-ranges.ts";
import { testSeed } from "../support/seed.ts";

const turn = () => new Promise<void>((resume) => setImmediate(resume));

describe("PageRanges", () => {
  it("takes at once what is free, and nothing of what is not", () => {
    const ranges = new PageRanges();
    const release = ranges.takeNow(10, 20);
    expect(release).toBeDefined();
    for (const [first, end] of [
      [10, 20],
      [0, 11],
      [19, 30],
      [12, 13],
      [0, 100],
    ] as const) {
      expect(ranges.takeNow(first, end)).toBeUndefined();
      expect(ranges.isTaken(first, end)).toBe(true);
    }
    expect(ranges.takeNow(0, 10)).toBeDefined();
    expect(ranges.takeNow(20, 30)).toBeDefined();
    release?.();
    expect(ranges.isTaken(10, 20)).toBe(false);
    expect(ranges.takeNow(10, 20)).toBeDefined();
  });

  it("never has two that overlap, of many that are waited for at once", async () => {
    const random = new SeededRandom(testSeed("page ranges"));
    const ranges = new PageRanges();
    const holders = new Uint8Array(64);
    let most = 0;
    const work = Array.from({ length: 200 }, async () => {
      const first = random.below(60);
      const end = first + 1 + random.below(4);
      const release = await ranges.take(first, end);
      for (let page = first; page < end; page++) most = Math.max(most, ++holders[page]!);
      for (let turns = random.below(3); turns > 0; turns--) await turn();
      for (let page = first; page < end; page++) holders[page]! -= 1;
      release();
    });
    await Promise.all(work);
    expect(most).toBe(1);
    expect(ranges.isTaken(0, 64)).toBe(false);
  });

  it("waits until all of a range is free", async () => {
    const ranges = new PageRanges();
    const [first, second] = [ranges.takeNow(0, 1), ranges.takeNow(5, 6)];
    let isFree = false;
    const free = ranges.free(0, 10).then(() => {
      isFree = true;
    });
    first?.();
    await turn();
    expect(isFree).toBe(false);
    second?.();
    await free;
    expect(isFree).toBe(true);
  });

  it("lets a wide range be taken that many narrow ones come after", async () => {
    const ranges = new PageRanges();
    const release = ranges.takeNow(3, 4);
    const order: string[] = [];
    const take = async (name: string, first: number, end: number) => {
      const done = await ranges.take(first, end);
      order.push(name);
      await turn();
      done();
    };
    const all = [take("wide", 0, 10), take("narrow", 5, 6), take("elsewhere", 20, 21)];
    await turn();
    expect(order).toEqual(["elsewhere"]);
    release?.();
    await Promise.all(all);
    expect(order).toEqual(["elsewhere", "wide", "narrow"]);
  });

  it("lets who cannot wait go before those who do", async () => {
    const ranges = new PageRanges();
    const first = ranges.takeNow(0, 2);
    const waiting = ranges.take(0, 10);
    const second = ranges.takeNow(5, 6);
    expect(second).toBeDefined();
    first?.();
    await turn();
    expect(ranges.isTaken(8, 9)).toBe(false);
    second?.();
    (await waiting)();
    expect(ranges.isTaken(0, 10)).toBe(false);
  });

  it("is not taken by those who wait until it is free, and lets those behind them have it", async () => {
    const ranges = new PageRanges();
    const release = ranges.takeNow(0, 4);
    const seen: boolean[] = [];
    const looks = Array.from({ length: 3 }, async () => {
      await ranges.free(1, 2);
      seen.push(ranges.isTaken(1, 2));
    });
    const behind = ranges.take(1, 3);
    release?.();
    (await behind)();
    await Promise.all(looks);
    expect(seen.length).toBe(3);
    const again = ranges.free(0, 10);
    expect(ranges.isTaken(0, 10)).toBe(false);
    await again;
  });
});
