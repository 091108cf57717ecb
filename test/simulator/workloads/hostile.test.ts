import { afterEach, describe, expect, it } from "vitest";
import { COSTS } from "../../../src/simulator/memory/costs.ts";
import { hostile } from "../../../src/simulator/workloads/hostile.ts";
import type { Workload } from "../../../src/simulator/workloads/workload.ts";
import { testSeed } from "../../support/seed.ts";
import { mergeAll, type OpenGuests, openGuests } from "./open-guests.ts";

const seed = testSeed("hostile guest");
const SECRETS = 4000;
const FAST_US = COSTS.accessSeconds * 1e6;
const COPY_US = (COSTS.accessSeconds + COSTS.faultSeconds + COSTS.copySeconds) * 1e6;

let world: OpenGuests | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

/** P(normal <= value): Abramowitz and Stegun 7.1.26, right to 1.5e-7. */
function normalBelow(value: number): number {
  const x = Math.abs(value) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const series =
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - series * Math.exp(-x * x);
  return value < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}

/** P(time > threshold) of a write that costs `costUs`, with log-normal noise. */
function slowShare(costUs: number, options: { thresholdUs: number; noiseUs: number }): number {
  const left = options.thresholdUs - costUs;
  return left <= 0 ? 1 : 1 - normalBelow(Math.log(left / options.noiseUs));
}

interface Attack {
  readonly parameters?: object;
  readonly domains?: readonly [number, number];
  readonly hasFixedTimeWrites?: boolean;
  /** Two thirds of all memory that guests have, a third guest's among it, and swap. */
  readonly isMemoryShort?: boolean;
  readonly scan?: (opened: OpenGuests) => void;
}

/** A victim and an attacker, a scan every second: the attacker's figures. */
async function attack(options: Attack): Promise<Readonly<Record<string, number>>> {
  const { domains = [0, 0], scan = ({ host }) => mergeAll(host) } = options;
  const parameters = { secrets: SECRETS, wait_seconds: 3, ...options.parameters };
  world = await openGuests({
    seed,
    guests: [
      { pages: SECRETS, domain: domains[0] },
      { pages: SECRETS, domain: domains[1] },
      { pages: SECRETS, domain: 2 },
    ],
    hasFixedTimeWrites: options.hasFixedTimeWrites ?? false,
    ...(options.isMemoryShort ? { frames: 2 * SECRETS, swapSlots: 4 * SECRETS } : {}),
  });
  const workloads: Workload[] = [
    await world.start(hostile, 0, { ...parameters, role: "victim" }),
    await world.start(hostile, 1, parameters),
  ];
  for (let second = 0; second < 5; second++) {
    for (const workload of workloads) workload.step(second, 1);
    scan(world);
  }
  return workloads[1]!.figures!();
}

/** That a share of about `trials` is as expected: within 5.5 sigma, and six trials for where hardly any is slow. */
function expectShare(found: number, expected: number, trials = SECRETS / 4): void {
  const deviation = Math.sqrt(expected * (1 - expected) * trials);
  expect(Math.abs(found - expected) * trials).toBeLessThan(5.5 * deviation + 6);
}

describe("hostile", () => {
  it("learns nearly everything where all share and a write tells", async () => {
    const figures = await attack({});
    expect(figures.trials).toBe(SECRETS);
    expect(figures.threshold_us).toBeGreaterThan(FAST_US);
    expect(figures.advantage).toBeGreaterThan(0.95);
    expect(figures.bits_per_trial).toBeGreaterThan(0.8);
  });

  it.each([0.1, 1, 10])("learns as much as noise of %d us allows", async (noiseUs) => {
    const figures = await attack({ parameters: { noise_us: noiseUs } });
    const thresholdUs = figures.threshold_us!;
    const at = { thresholdUs, noiseUs };
    expectShare(figures.slow_if_held!, slowShare(COPY_US, at));
    expectShare(figures.slow_if_not_held!, slowShare(FAST_US, at));
    // No threshold parts better by more than what chance did to the training half.
    const advantages = Array.from({ length: 4000 }, (_, step) => {
      const other = { thresholdUs: FAST_US + (step * noiseUs) / 200, noiseUs };
      return slowShare(COPY_US, other) - slowShare(FAST_US, other);
    });
    const own = slowShare(COPY_US, at) - slowShare(FAST_US, at);
    expect(own).toBeGreaterThan(Math.max(...advantages) - 0.25);
  });

  it.each([
    ["guests of other domains", { domains: [0, 1] }],
    ["writes of fixed time", { hasFixedTimeWrites: true }],
    ["no scanner", { scan: () => {} }],
  ] satisfies [string, Attack][])("learns nothing with %s", async (_, options) => {
    const figures = await attack(options);
    expect(figures.trials).toBe(SECRETS);
    expect(figures.advantage! / Math.max(1e-9, figures.advantage_error!)).toBeLessThan(5);
    expect(figures.advantage).toBeLessThan(0.12);
    const isFixed = "hasFixedTimeWrites" in options;
    const at = { thresholdUs: figures.threshold_us!, noiseUs: 0.1 };
    const expected = slowShare(isFixed ? COPY_US : FAST_US, at);
    expectShare(figures.slow_if_held!, expected);
    expectShare(figures.slow_if_not_held!, expected);
  });

  /** What the victim reads and the third guest writes stays in memory; what only the attacker has goes out. */
  const shortOfMemory: Attack = {
    hasFixedTimeWrites: true,
    isMemoryShort: true,
    scan: ({ host, contents, guests }) => {
      mergeAll(host);
      for (let page = 0; page < SECRETS; page++) {
        host.read(page);
        host.write(guests[2]!.firstPage + page, contents.fresh());
      }
    },
  };

  it("learns from what is swapped out, which writes of fixed time do not hide", async () => {
    const figures = await attack(shortOfMemory);
    expect(figures.trials).toBe(SECRETS);
    expect(figures.advantage).toBeGreaterThan(0.5);
  });

  it("learns nothing from that of guests of other domains", async () => {
    const figures = await attack({ ...shortOfMemory, domains: [0, 1] });
    expect(figures.trials).toBe(SECRETS);
    expect(world!.host.swap.tally.pagesIn).toBeGreaterThan(1000);
    expect(figures.advantage).toBeLessThan(0.12);
  });

  it("learns nothing at all from times without noise that are all equal", async () => {
    const figures = await attack({ hasFixedTimeWrites: true, parameters: { noise_us: 0 } });
    expect(figures).toMatchObject({ trials: SECRETS, advantage: 0, advantage_error: 0 });
  });

  it("times no write before the candidates have waited", async () => {
    const figures = await attack({ parameters: { wait_seconds: 5 } });
    expect(figures).toMatchObject({ trials: 0, advantage: 0 });
  });

  it("has the victim hold about half of the secrets, and as many other pages", async () => {
    await attack({});
    const { host, contents } = world!;
    const first = contents.image("secret", SECRETS);
    let held = 0;
    const known = new Set<number>();
    for (let page = 0; page < SECRETS; page++) {
      const content = host.contentOf[host.frameOf[page]!]!;
      known.add(content);
      if (content === first + page) held += 1;
      else expect(content).toBeGreaterThanOrEqual(first + SECRETS);
    }
    expect(known.size).toBe(SECRETS);
    expectShare(held / SECRETS, 0.5, SECRETS);
  });

  it("takes times apart from all that others do in the same step", async () => {
    const figures = await attack({
      parameters: { noise_us: 0 },
      scan: ({ host }) => {
        mergeAll(host);
        for (let page = 0; page < SECRETS; page++) host.read(page);
      },
    });
    expect(figures).toMatchObject({ advantage: 1, slow_if_held: 1, slow_if_not_held: 0 });
    expect(figures.threshold_us).toBeCloseTo((FAST_US + COPY_US) / 2, 9);
  });

  it("refuses guests that do not agree on the number of secrets, or are too small", async () => {
    world = await openGuests({ seed, guests: [{ pages: 100 }, { pages: 100 }] });
    await expect(world.start(hostile, 0, { role: "victim", secrets: 101 })).rejects.toMatchObject({
      code: "OUT_OF_RANGE",
      message: expect.stringMatching(
        /"guest-0" needs a page for each of 101 "secrets" and has 100; give it at least 404K of memory/,
      ),
    });
    await world.start(hostile, 0, { role: "victim", secrets: 64 });
    await expect(world.start(hostile, 1, { secrets: 65 })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/"guest-1" has "secrets" 65 and another hostile guest 64/),
    });
  });
});
