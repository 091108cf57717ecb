/**
 * Pages whose hashes are equal, forced by keeping few bits of each hash or none: bytes are compared before anything is
 * shared, contents stay right, and what a write costs stays bounded. A codec in the host shows each comparison.
 */

import { assert, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { EngineDriver } from "../support/engine-driver.ts";
import { changedAt, differenceOf, numberedPage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";
import { SizedCodec, sizedPage } from "../support/sized-codec.ts";

/** No bit, bits of the bucket only, of the tag only, of both, and those that choose who is displaced. */
const MASKS = ["0", "0x3", "0x7f", "0x300000000", "0x100000001", "0xff0000000000"] as const;
/** A page is compared with this many candidates at most (src/engine/assembly/core.ts). */
const MOST_COMPARES = 4;
const FLOOD = 5000;

const page = (number: number) => sizedPage({ number, lengths: [20 + (number % 300)] });

describe.each(MASKS)("Engine.write with hashes masked by %s", (mask) => {
  const hashMask = BigInt(mask);

  it("shares equal pages and no others", () => {
    const driver = new EngineDriver({ hashMask });
    const ids = [0, 1, 2, 0, 1, 2].map((number) => driver.put(numberedPage(number)));
    expect(ids.slice(3)).toEqual(ids.slice(0, 3));
    expect(new Set(ids).size).toBe(3);
  });

  it("tells pages apart that differ in one byte", () => {
    const driver = new EngineDriver({ hashMask });
    for (let position = 0; position < 4096; position += 5) {
      const changed = changedAt(numberedPage(1), position);
      const id = driver.put(changed);
      if (differenceOf(driver.get(id)!, changed)) assert.fail(`another page at ${position}`);
    }
  });

  it("never shares between domains", () => {
    const driver = new EngineDriver({ hashMask, domains: 4 });
    const ids = [0, 1, 2, 3].map((domain) => driver.put(numberedPage(1), { domain }));
    expect(new Set(ids).size).toBe(4);
    expect(driver.engine.stats().dup_pages).toBe(0);
  });

  it("keeps every page of a flood readable, and what is released leaves nothing behind", () => {
    const driver = new EngineDriver({ hashMask });
    const ids = Array.from({ length: FLOOD }, (_, number) => driver.put(numberedPage(number)));
    ids.forEach((id, number) => {
      const difference = differenceOf(driver.get(id)!, numberedPage(number));
      if (difference) assert.fail(`page ${number}: ${difference}`);
    });
    for (const id of ids) driver.engine.release(id);
    expect(driver.engine.stats()).toMatchObject({ objects: 0, dup_pages: 0, mem_used_total: 0 });
  });

  it("compares a page with few others in a flood", () => {
    const driver = new EngineDriver({ hashMask, codecs: [new SizedCodec()] });
    for (let number = 0; number < FLOOD; number++) {
      driver.decodings = 0;
      driver.put(page(number));
      if (driver.decodings > MOST_COMPARES) assert.fail(`${driver.decodings} for ${number}`);
    }
    expect(driver.engine.stats().objects).toBe(FLOOD);
  });

  it("holds right contents through random overwrites, duplicates and releases", () => {
    const random = new SeededRandom(testSeed(`collisions under ${mask}`));
    const driver = new EngineDriver({ hashMask, domains: 2, codecs: [new SizedCodec()] });
    const held: { id: number; number: number }[] = Array.from({ length: 200 }, () => ({
      id: 0,
      number: 0,
    }));
    for (let count = 0; count < 4000; count++) {
      const at = random.below(held.length);
      const slot = held[at]!;
      if (random.below(5) === 0) {
        if (slot.id !== 0) driver.engine.release(slot.id);
        slot.id = 0;
      } else {
        slot.number = random.below(150);
        slot.id = driver.put(page(slot.number), { domain: at % 2, old: slot.id });
      }
      const look = held[random.below(held.length)]!;
      if (look.id === 0) continue;
      const difference = differenceOf(driver.get(look.id)!, page(look.number));
      if (difference) assert.fail(`command ${count}: ${difference}`);
    }
    const ids = held.filter(({ id }) => id !== 0);
    const { objects, dup_pages } = driver.engine.stats();
    expect(objects).toBe(new Set(ids.map(({ id }) => id)).size);
    expect(objects + dup_pages).toBe(ids.length);
  });
});

describe("Engine.write when all hashes are equal", () => {
  it("finds few duplicates in a flood, for it looks at few candidates", () => {
    const driver = new EngineDriver({ hashMask: 0n });
    for (let number = 0; number < FLOOD; number++) driver.put(numberedPage(number));
    for (let number = 0; number < FLOOD; number++) driver.put(numberedPage(number));
    const { dup_pages } = driver.engine.stats();
    expect(dup_pages).toBeGreaterThan(0);
    expect(dup_pages).toBeLessThanOrEqual(MOST_COMPARES);
  });

  it("finds a page again once the flood was released", () => {
    const driver = new EngineDriver({ hashMask: 0n });
    const ids = Array.from({ length: FLOOD }, (_, number) => driver.put(numberedPage(number)));
    for (const id of ids) driver.engine.release(id);
    const id = driver.put(numberedPage(1));
    expect(driver.put(numberedPage(1))).toBe(id);
  });

  it("does not share a page with an object whose bytes no longer decode", () => {
    const driver = new EngineDriver({ hashMask: 0n });
    const id = driver.put(numberedPage(1));
    driver.engine.bytesOf(id).fill(0xff);
    const other = driver.put(numberedPage(1));
    expect(other).not.toBe(id);
    expect(driver.get(id)).toBeNull();
    expect(differenceOf(driver.get(other)!, numberedPage(1))).toBeNull();
  });
});
