/** A swap area over a real store: what goes in comes out, and its slots are counted. */

import { describe, expect, it, onTestFinished } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import { openStore } from "../../../src/device/store.ts";
import { ZERO_CONTENT } from "../../../src/simulator/contents.ts";
import { SwapArea } from "../../../src/simulator/memory/swap-area.ts";
import { testSeed } from "../../support/seed.ts";
import { testContents } from "./small-machine.ts";

const SLOTS = 16;

async function openArea(options: { slots?: number; memoryLimitBytes?: number } = {}) {
  const { slots = SLOTS, memoryLimitBytes = 0 } = options;
  const store = await openStore({ memoryLimitBytes });
  onTestFinished(() => store.close());
  const device = store.openExport({ sizeBytes: slots * PAGE_BYTES });
  const budget = { slots, left: slots };
  return new SwapArea({ store, device, contents: testContents(), firstBody: 0, budget });
}

describe("SwapArea", () => {
  it("gives back what was written, and calls bodies equal only if they are, over a random run", async () => {
    const random = new SeededRandom(testSeed("swap area"));
    const area = await openArea();
    const model = new Map<number, number>();
    for (let step = 0; step < 2000; step++) {
      const bodies = [...model.keys()];
      const body = bodies[random.below(Math.max(1, bodies.length))];
      if (random.below(2) === 0) {
        const content = random.below(6);
        const written = area.write(content);
        expect(written === -1).toBe(model.size === SLOTS);
        if (written === -1) continue;
        expect(model.has(written)).toBe(false);
        const isHeld = content !== ZERO_CONTENT && [...model.values()].includes(content);
        const other = area.duplicateOf(written);
        // Once the body it was found by is gone, the store has the object still, but the area knows no body for it.
        if (!isHeld) expect(other).toBe(-1);
        if (other !== -1) expect(model.get(other)).toBe(content);
        model.set(written, content);
      } else if (body !== undefined) {
        expect(area.read(body)).toBe(model.get(body));
        area.release(body);
        model.delete(body);
        expect(area.isStored(body)).toBe(false);
      }
      expect(area.budget.left).toBe(SLOTS - model.size);
      expect(area.unused().length).toBe(SLOTS - model.size);
      expect(area.store.stats().orig_data_size).toBe(model.size * PAGE_BYTES);
    }
    expect(area.duplicates).toBeGreaterThan(0);
  });

  it("takes nothing when the store is full, and loses no slot by that", async () => {
    const area = await openArea({ memoryLimitBytes: 2 * PAGE_BYTES });
    const noise = [1, 3, 5, 7, 9];
    const bodies = noise.map((content) => area.write(content));
    const written = bodies.filter((body) => body !== -1);
    expect(written.length).toBeGreaterThan(0);
    expect(written.length).toBeLessThan(noise.length);
    expect(area.budget.left).toBe(SLOTS - written.length);
    expect(area.read(written[0]!)).toBe(1);
  });

  it("says how many bytes a body takes: none where it is same-filled", async () => {
    const area = await openArea();
    expect(area.storedBytes(area.write(ZERO_CONTENT))).toBe(0);
    expect(area.storedBytes(area.write(1))).toBe(PAGE_BYTES);
    const small = area.storedBytes(area.write(2));
    expect(small).toBeGreaterThan(256);
    expect(small).toBeLessThan(PAGE_BYTES / 2);
  });

  it("is half full from half its slots on", async () => {
    const area = await openArea({ slots: 4 });
    area.write(1);
    expect(area.isHalfFull).toBe(false);
    area.write(2);
    expect(area.isHalfFull).toBe(true);
  });
});
