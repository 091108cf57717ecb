/** The simulator's side of a comparison: the same filling in a host of one guest, scanned by the linear scanner. */

import { SeededRandom } from "../../src/base/random.ts";
import { Contents } from "../../src/simulator/contents.ts";
import { Host } from "../../src/simulator/memory/host.ts";
import { linear } from "../../src/simulator/scanners/linear.ts";
import { Filling, fillSchema } from "../../src/simulator/workloads/fill.ts";
import { type Reading, readingsOf } from "./counters.ts";
import type { KsmFilling } from "./fillings.ts";

/** What is changed where `share` draws it: the same on both sides, and in what was recorded. */
const SEED = 5;

/** The filling; its contents are numbers that both sides order alike. */
export function fillingOf(one: KsmFilling): Filling {
  // No page goes out to a swap device: bytes are never asked for.
  const contents = new Contents({
    fill: () => {
      throw new Error("a filling's contents are numbers");
    },
  });
  return new Filling(fillSchema.parse(one.filling), {
    contents,
    random: new SeededRandom(SEED),
  });
}

const WAKE_SECONDS = 0.01;

/** What the simulated KSM shows after each wake-up, one batch of pages. */
export function simulatedReadings(one: KsmFilling): Reading[] {
  const filling = fillingOf(one);
  const { pages } = filling;
  const host = new Host({
    // A frame to copy into, where every page has its own.
    frames: pages + 1,
    cores: 1,
    hasFixedTimeWrites: false,
    guests: [{ name: "filled", domain: 0, pages }],
    areas: [],
    areaOfGuest: [-1],
    keepsSharing: false,
    storesInMemory: [],
  });
  filling.start(host);
  const scanner = linear.create({
    host,
    random: new SeededRandom(SEED),
    parameters: linear.parameters.parse(one.knobs),
  });
  const figures = [];
  for (let wake = 1; wake <= one.wakes; wake++) {
    host.nowSeconds = wake * WAKE_SECONDS;
    scanner.wake(host.nowSeconds);
    figures.push({ ...scanner.figures() });
    filling.afterPass(wake, host);
  }
  return readingsOf(figures);
}
