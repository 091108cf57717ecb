/** The same-filled test of the core: every 8-byte word equal, wherever a difference may hide. */

import { assert, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { SAME_FILLED, STAGED_PAGES } from "../../src/engine/engine.ts";
import { EngineDriver } from "../support/engine-driver.ts";
import { differenceOf, randomPage, samePage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";

const WORDS: readonly (readonly [number, number])[] = [
  [0, 0],
  [0xffff_ffff, 0xffff_ffff],
  [1, 0],
  [0, 1],
  [0x8000_0000, 0],
  [0, 0x8000_0000],
  [0xdead_beef, 0x0123_4567],
];

describe("Engine.write", () => {
  it.each(WORDS)(
    "takes a page of the word %i, %i as same-filled and replies the word",
    (...word) => {
      const driver = new EngineDriver();
      expect(driver.put(samePage(...word))).toBe(SAME_FILLED);
      expect([...driver.engine.reply.subarray(0, 2)]).toEqual(word);
    },
  );

  it("takes no memory for a same-filled page", () => {
    const driver = new EngineDriver();
    for (const word of WORDS) driver.put(samePage(...word));
    expect(driver.engine.stats()).toMatchObject({ objects: 0, mem_used_total: 0 });
  });

  it.each([0x00, 0xff, 0x5a])("sees one other byte at any position of a page of %i", (filler) => {
    const driver = new EngineDriver({ dedup: false });
    const page = new Uint8Array(PAGE_BYTES).fill(filler);
    for (let position = 0; position < PAGE_BYTES; position++) {
      page[position]! ^= 1 << (position % 8);
      const id = driver.put(page);
      page[position]! ^= 1 << (position % 8);
      if (id <= 0) assert.fail(`the byte at ${position} was not seen`);
      driver.engine.release(id);
    }
    expect(driver.put(page)).toBe(SAME_FILLED);
  });

  it("sees a word that differs from the others, and a page of two words in turn", () => {
    const driver = new EngineDriver({ dedup: false });
    for (let word = 0; word < PAGE_BYTES / 8; word++) {
      const page = samePage(0x1234_5678, 0x9abc_def0);
      page.subarray(word * 8, word * 8 + 8).reverse();
      expect(driver.put(page), `word ${word}`).toBeGreaterThan(0);
    }
    const inTurn = samePage(7);
    for (let offset = 0; offset < PAGE_BYTES; offset += 16) inTurn[offset] = 9;
    expect(driver.put(inTurn)).toBeGreaterThan(0);
  });

  it("takes random pages as same-filled exactly when all their words are equal", () => {
    const random = new SeededRandom(testSeed("same-filled"));
    const driver = new EngineDriver({ dedup: false });
    for (let count = 0; count < 2000; count++) {
      const page = samePage(random.uint32(), random.uint32());
      for (let changes = random.below(3); changes > 0; changes--) {
        page[random.below(PAGE_BYTES)] = random.below(2) ? page[0]! : random.below(256);
      }
      const words = new Set(new BigUint64Array(page.buffer));
      const isSame = driver.put(page) === SAME_FILLED;
      if (isSame !== (words.size === 1)) assert.fail(`run ${count}: ${words.size} words`);
    }
  });

  it("releases the object it replaces by a same-filled page", () => {
    const driver = new EngineDriver();
    const id = driver.put(randomPage(new SeededRandom(1)));
    expect(driver.put(samePage(3), { old: id })).toBe(SAME_FILLED);
    expect(driver.engine.stats()).toMatchObject({ objects: 0, mem_used_total: 0 });
  });
});

describe("Engine.fill", () => {
  it("gives back a page of the word, in the staged page asked for and nowhere else", () => {
    const { engine } = new EngineDriver();
    const noise = new Uint8Array(STAGED_PAGES * PAGE_BYTES).fill(0xa5);
    for (const staged of [0, 1, STAGED_PAGES - 1]) {
      for (const word of WORDS) {
        engine.pages.set(noise);
        engine.fill(staged, ...word);
        const expected = noise.slice();
        expected.set(samePage(...word), staged * PAGE_BYTES);
        expect(differenceOf(engine.pages, expected)).toBeNull();
      }
    }
  });
});
