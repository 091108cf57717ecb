/**
 * The closed forms of hints' queues against the real buffer and the real scanner, woken when it asks to be: pages get
 * disk requests evenly, and are written again after a time drawn for each.
 */

import { afterEach, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import {
  drainedAges,
  firstInAges,
  type HintLoad,
  meanAgeSeconds,
  newestFirstAges,
  randomMeanAgeSeconds,
  randomStaleShare,
  servedFraction,
  staleShare,
} from "../../src/simulator/hint-formulas.ts";
import { HintBuffer, type HintOrder, NO_HINT } from "../../src/simulator/scanners/hint-buffer.ts";
import { hinted } from "../../src/simulator/scanners/hinted.ts";
import { testSeed } from "../support/seed.ts";
import { openWorld, startScanner, type World } from "./scanners/churn.ts";

const seed = testSeed("hint formulas");
const TOLERANCE = 0.05;
/** Half of a batch. */
const SERVED_AT_ONCE = 50;
/** How finely pages die. */
const TICKS_PER_SECOND = 10_000;

let world: World | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

function expectNear(measured: number, formula: number): void {
  expect(Math.abs(measured - formula)).toBeLessThan(TOLERANCE * formula);
}

interface QueueOptions {
  readonly order: HintOrder;
  readonly capacity: number;
  readonly arrivalsPerSecond: number;
  /** Without, pages stay as they are. */
  readonly meanLifeSeconds?: number;
  /** Before measuring begins, and how long that goes on. */
  readonly warmSeconds: number;
  readonly seconds: number;
}

interface QueueResult {
  readonly load: HintLoad;
  readonly served: number;
  readonly generated: number;
  readonly stale: number;
}

/** The scanner on `pages` pages that are hinted in turn. */
async function runScanner(pages: number, options: QueueOptions): Promise<QueueResult> {
  world = await openWorld({ guests: [{ pages }] });
  const { host, contents } = world;
  const first = contents.reserve(pages);
  for (let page = 0; page < pages; page++) host.write(page, first + page);
  const parameters = { hint_order: options.order, hint_buffer: options.capacity };
  const scanner = startScanner(host, hinted, { parameters, seed });
  const random = new SeededRandom(seed);
  const diesAt = new Float64Array(pages).fill(Number.POSITIVE_INFINITY);
  /** Pages by the tick in which they are written. */
  const dying = new Map<number, number[]>();

  let now = 0;
  let ticks = 0;
  let wakes = 0;
  let arrived = 0;
  let start = { now: 0, wakes: 0, visited: 0, generated: 0, stale: 0 };
  const state = () => {
    const { hintsVisited, hintsGenerated } = scanner.tally;
    const stale = scanner.figures().hints_stale!;
    return { now, wakes, visited: hintsVisited, generated: hintsGenerated, stale };
  };
  const end = options.warmSeconds + options.seconds;
  while (now < end) {
    const isWarm = start.now > 0;
    if (!isWarm && now >= options.warmSeconds) start = state();
    for (; arrived < now * options.arrivalsPerSecond; arrived++) {
      const page = arrived % pages;
      host.diskWrite(page);
      if (options.meanLifeSeconds === undefined) continue;
      const lifeSeconds = -options.meanLifeSeconds * Math.log(1 - random.below(2 ** 32) / 2 ** 32);
      diesAt[page] = arrived / options.arrivalsPerSecond + lifeSeconds;
      const tick = Math.ceil(diesAt[page]! * TICKS_PER_SECOND);
      const others = dying.get(tick);
      if (others === undefined) dying.set(tick, [page]);
      else others.push(page);
    }
    for (; ticks <= now * TICKS_PER_SECOND; ticks++) {
      for (const page of dying.get(ticks) ?? []) {
        // Unless it was hinted anew since, and lives longer.
        if (diesAt[page]! <= now) host.write(page, contents.fresh());
      }
      dying.delete(ticks);
    }
    now = scanner.wake(now);
    wakes += 1;
  }
  const last = state();
  const wakeSeconds = (last.now - start.now) / (last.wakes - start.wakes);
  return {
    load: {
      arrivalsPerSecond: options.arrivalsPerSecond,
      servedPerSecond: SERVED_AT_ONCE / wakeSeconds,
      wakeSeconds,
      capacity: options.capacity,
    },
    served: last.visited - start.visited,
    generated: last.generated - start.generated,
    stale: last.stale - start.stale,
  };
}

/** Ages of hints served, from the real buffer alone: what arrives evenly is noted with its number. */
function runBuffer(order: HintOrder, load: HintLoad, wakes: number): number[] {
  const buffer = new HintBuffer({
    capacity: load.capacity,
    order,
    random: new SeededRandom(seed),
  });
  const ages: number[] = [];
  let arrived = 0;
  const servedAtOnce = load.servedPerSecond * load.wakeSeconds;
  for (let wake = 1; wake <= wakes; wake++) {
    const now = wake * load.wakeSeconds;
    for (; arrived < now * load.arrivalsPerSecond; arrived++) buffer.push(arrived, 0);
    for (let served = 0; served < servedAtOnce; served++) {
      const age = now - buffer.take() / load.arrivalsPerSecond;
      // The buffer is full, and what it served first is long gone.
      if (wake > wakes / 2) ages.push(age);
    }
  }
  return ages;
}

const mean = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

describe("servedFraction", () => {
  it.each([
    { order: "newest-first", arrivalsPerSecond: 6000, capacity: 256 },
    { order: "first-in-first-out", arrivalsPerSecond: 6000, capacity: 4096 },
    { order: "random", arrivalsPerSecond: 12_000, capacity: 1024 },
    { order: "newest-first", arrivalsPerSecond: 1000, capacity: 256 },
  ] as const)("is what the scanner serves of $arrivalsPerSecond a second, $order", async (load) => {
    const run = await runScanner(4096, { ...load, warmSeconds: 2, seconds: 4 });
    expectNear(run.served / run.generated, servedFraction(run.load));
  });
});

describe("hints' ages", () => {
  const load = { servedPerSecond: 2500, wakeSeconds: 0.02, arrivalsPerSecond: 8000 };

  it("newest first are those of the last to come, at most as long as a wake serves for", () => {
    const ages = runBuffer("newest-first", { ...load, capacity: 16_384 }, 2000);
    const formula = newestFirstAges({ ...load, capacity: 16_384 });
    expectNear(mean(ages), meanAgeSeconds(formula));
    expect(Math.max(...ages)).toBeLessThanOrEqual(formula.oldestSeconds + 1e-9);
    // The reference's 1/s for a hint served at a time.
    expect(formula.oldestSeconds).toBeLessThan(SERVED_AT_ONCE / load.servedPerSecond);
  });

  it.each([256, 4096, 16_384])(
    "first in, first out of %d are the buffer's whole length",
    (capacity) => {
      const ages = runBuffer("first-in-first-out", { ...load, capacity }, 500);
      const formula = firstInAges({ ...load, capacity });
      expectNear(mean(ages), meanAgeSeconds(formula));
      expect(Math.max(...ages)).toBeLessThanOrEqual(formula.oldestSeconds + 1e-9);
      expect(Math.min(...ages)).toBeGreaterThanOrEqual(formula.youngestSeconds - 1e-9);
    },
  );

  it("at random are as long on the whole as first in, first out, and spread exponentially", () => {
    const ages = runBuffer("random", { ...load, capacity: 1024 }, 10_000);
    const formula = randomMeanAgeSeconds({ ...load, capacity: 1024 });
    expectNear(mean(ages), formula);
    const average = mean(ages);
    expectNear(Math.sqrt(mean(ages.map((age) => (age - average) ** 2))), formula);
  });

  it("after a burst grow until the buffer is drained, as the reference has it", () => {
    const burst = { ...load, capacity: 16_384 };
    const buffer = new HintBuffer({
      capacity: burst.capacity,
      order: "first-in-first-out",
      random: new SeededRandom(seed),
    });
    for (let page = 0; page < burst.capacity; page++) buffer.push(page, 0);
    const ages: number[] = [];
    for (let wake = 1; buffer.count > 0; wake++) {
      for (let served = 0; served < SERVED_AT_ONCE && buffer.take() !== NO_HINT; served++) {
        ages.push(wake * load.wakeSeconds);
      }
    }
    const formula = drainedAges(burst);
    expectNear(mean(ages), meanAgeSeconds(formula));
    expectNear(Math.max(...ages), formula.oldestSeconds);
    expect(formula.oldestSeconds).toBeCloseTo(6.6, 1);
    expect(drainedAges({ ...burst, servedPerSecond: 500 }).oldestSeconds).toBeCloseTo(32.8, 1);
  });
});

describe("staleShare", () => {
  it("is what the scanner finds stale of 16k hints, first in, first out", async () => {
    const meanLifeSeconds = 3;
    const run = await runScanner(65_536, {
      order: "first-in-first-out",
      capacity: 16_384,
      arrivalsPerSecond: 5000,
      meanLifeSeconds,
      // The buffer takes 6.6 s to fill.
      warmSeconds: 8,
      seconds: 5,
    });
    expectNear(run.stale / run.served, staleShare(firstInAges(run.load), meanLifeSeconds));
  });

  it("is what the scanner finds stale newest first, of a buffer as large", async () => {
    const meanLifeSeconds = 0.01;
    const run = await runScanner(4096, {
      order: "newest-first",
      capacity: 16_384,
      arrivalsPerSecond: 5000,
      meanLifeSeconds,
      warmSeconds: 1,
      seconds: 40,
    });
    expectNear(run.stale / run.served, staleShare(newestFirstAges(run.load), meanLifeSeconds));
  });

  it("is what the scanner finds stale at random", async () => {
    const meanLifeSeconds = 0.5;
    const run = await runScanner(65_536, {
      order: "random",
      capacity: 2048,
      arrivalsPerSecond: 5000,
      meanLifeSeconds,
      warmSeconds: 3,
      seconds: 9,
    });
    expectNear(run.stale / run.served, randomStaleShare(run.load, meanLifeSeconds));
  });
});
