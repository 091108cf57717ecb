/**
 * Objects whose stored bytes were damaged: reading one answers CORRUPT or some page, and changes no byte of the core's
 * memory but the page it was to fill; neighbours in the pool are as they were.
 */

import { assert, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { CORRUPT } from "../../src/engine/engine.ts";
import { EngineDriver } from "../support/engine-driver.ts";
import { fixturePageList } from "../support/fixtures.ts";
import { hostileBlock } from "../support/hostile-blocks.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";

const DAMAGES = 1500;

interface Stored {
  readonly id: number;
  readonly page: Uint8Array;
}

function filled(): { driver: EngineDriver; stored: Stored[] } {
  const driver = new EngineDriver();
  const pages = [numberedPage(1), numberedPage(2), ...fixturePageList("guest-a-node", 40)];
  const stored = pages.map((page) => ({ id: driver.put(page), page }));
  return { driver, stored: stored.filter(({ id }) => id > 0 && !driver.engine.isHuge(id)) };
}

/** Overwrites some or all of an object's bytes. */
function damage(random: SeededRandom, bytes: Uint8Array): void {
  if (random.below(2) === 0) {
    bytes.set(hostileBlock(random, PAGE_BYTES).subarray(0, bytes.length));
    return;
  }
  for (let flips = 1 + random.below(3); flips > 0; flips--) {
    bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
  }
}

/** The first address outside [start, end) whose byte differs between the two; null if there is none. */
function changedOutside(found: Buffer, known: Buffer, range: { start: number; end: number }) {
  const { start, end } = range;
  const isSame =
    found.compare(known, 0, start, 0, start) === 0 &&
    found.compare(known, end, known.length, end, found.length) === 0;
  if (isSame) return null;
  return found.findIndex((byte, at) => (at < start || at >= end) && byte !== known[at]);
}

describe("Engine.read of a damaged object", () => {
  it("changes nothing but the staged page", () => {
    const random = new SeededRandom(testSeed("damaged objects"));
    const { driver, stored } = filled();
    const { engine } = driver;
    const memory = Buffer.from(engine.page.buffer as ArrayBuffer);
    const known = Buffer.from(memory);
    let refused = 0;
    for (let count = 0; count < DAMAGES; count++) {
      const { id } = stored[count % stored.length]!;
      const bytes = engine.bytesOf(id);
      const before = bytes.slice();
      damage(random, bytes);
      known.set(bytes, bytes.byteOffset);
      const staged = random.below(32);
      const result = engine.read(id, staged);
      if (result !== 0 && result !== CORRUPT) assert.fail(`the answer was ${result}`);
      if (result === CORRUPT) refused += 1;
      const start = engine.pages.byteOffset + staged * PAGE_BYTES;
      const changed = changedOutside(memory, known, { start, end: start + PAGE_BYTES });
      if (changed !== null) assert.fail(`run ${count}: the byte at ${changed} changed`);
      known.set(memory.subarray(start, start + PAGE_BYTES), start);
      bytes.set(before);
      known.set(before, bytes.byteOffset);
    }
    console.log(`${DAMAGES} damaged objects, ${refused} refused`);
    expect(refused).toBeGreaterThan(DAMAGES / 3);
    for (const { id, page } of stored) expect(differenceOf(driver.get(id)!, page)).toBeNull();
  });

  it("keeps them apart from new pages: a damaged duplicate is never shared", () => {
    const random = new SeededRandom(testSeed("damaged duplicates"));
    const { driver, stored } = filled();
    for (const { id, page } of stored) {
      damage(random, driver.engine.bytesOf(id));
      const again = driver.put(page);
      const difference = differenceOf(driver.get(again)!, page);
      if (difference) assert.fail(`object ${id}: ${difference}`);
    }
  });

  it("lets them be released as any other", () => {
    const random = new SeededRandom(testSeed("damaged releases"));
    const { driver, stored } = filled();
    for (const { id } of stored) damage(random, driver.engine.bytesOf(id));
    for (const { id } of stored) driver.engine.release(id);
    const { compr_data_size, huge_pages } = driver.engine.stats();
    expect(compr_data_size).toBe(huge_pages * PAGE_BYTES);
  });
});
