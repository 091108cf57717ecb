/** How long the server's event loop stays awake for a client's next request. */

import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../src/base/clock.ts";
import { Wakefulness } from "../../../src/nbd/server/wakefulness.ts";

const MOMENT_SECONDS = 50e-6;

/** An event loop that turns when it is told to. */
function loop() {
  const clock = new ManualClock();
  const scheduled: (() => void)[] = [];
  const wakefulness = new Wakefulness(clock, (look) => scheduled.push(look));
  const turn = (seconds: number) => {
    clock.advance(seconds);
    for (const look of scheduled.splice(0)) look();
  };
  /** Bytes come, and nothing after them: whether it stayed awake. */
  const inVain = () => {
    wakefulness.arrived();
    const isAwake = scheduled.length > 0;
    turn(2 * MOMENT_SECONDS);
    return isAwake;
  };
  return { wakefulness, turn, inVain, isAwake: () => scheduled.length > 0 };
}

describe("Wakefulness", () => {
  it("keeps the loop turning for a moment after bytes came, and no longer", () => {
    const { wakefulness, turn, isAwake } = loop();
    wakefulness.arrived();
    turn(MOMENT_SECONDS * 0.9);
    expect(isAwake()).toBe(true);
    turn(MOMENT_SECONDS * 0.2);
    expect(isAwake()).toBe(false);
  });

  it("counts the moment from the last bytes", () => {
    const { wakefulness, turn, isAwake } = loop();
    wakefulness.arrived();
    turn(MOMENT_SECONDS * 0.9);
    wakefulness.arrived();
    turn(MOMENT_SECONDS * 0.9);
    expect(isAwake()).toBe(true);
    turn(MOMENT_SECONDS * 0.2);
    expect(isAwake()).toBe(false);
  });

  it("has one look scheduled at a time, however much comes", () => {
    let looks = 0;
    const counted = new Wakefulness(new ManualClock(), () => {
      looks += 1;
    });
    for (let count = 0; count < 10; count++) counted.arrived();
    expect(looks).toBe(1);
  });

  it("is tried but once in 32 arrivals where it was in vain 32 times, until it is not", () => {
    const { wakefulness, turn, inVain, isAwake } = loop();
    const first = Array.from({ length: 32 }, inVain);
    expect(first).toEqual(first.map(() => true));
    const later = Array.from({ length: 64 }, inVain);
    expect(later.filter(Boolean).length).toBe(2);
    while (!isAwake()) wakefulness.arrived();
    wakefulness.arrived();
    turn(2 * MOMENT_SECONDS);
    expect(inVain()).toBe(true);
  });
});
