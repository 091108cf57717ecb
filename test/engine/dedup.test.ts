/**
 * Which pages share an object, and what references, domains and keys do to it; collisions are in collisions.test.ts.
 */

import { assert, describe, expect, it } from "vitest";
import { getCodec } from "../../codecs/registry.ts";
import { SeededRandom, secureRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { MOST_DOMAINS } from "../../src/engine/engine.ts";
import { type DriverOptions, EngineDriver, seededKeys } from "../support/engine-driver.ts";
import { fixturePageList } from "../support/fixtures.ts";
import { changedAt, differenceOf, numberedPage, randomPage } from "../support/pages.ts";
import { SizedCodec, sizedPage } from "../support/sized-codec.ts";

const codecSets: readonly (readonly [string, DriverOptions])[] = [
  ["a codec in the core", {}],
  ["a codec in the host", { codecs: [new SizedCodec()] }],
];

/** A page for either kind of codec. */
const page = (number: number) => sizedPage({ number, lengths: [200 + (number % 3000)] });

describe.each(codecSets)("Engine.write with %s", (_, options) => {
  it("gives equal pages one object", () => {
    const driver = new EngineDriver(options);
    const ids = [driver.put(page(1)), driver.put(page(2)), driver.put(page(1))];
    expect(ids[2]).toBe(ids[0]);
    expect(ids[1]).not.toBe(ids[0]);
    expect(driver.engine.stats()).toMatchObject({ objects: 2, dup_pages: 1 });
  });

  it("gives equal pages stored raw one object", () => {
    const driver = new EngineDriver(options);
    const raw = sizedPage({ number: 1, lengths: [PAGE_BYTES] });
    const noise = options.codecs ? raw : randomPage(new SeededRandom(2));
    const id = driver.put(noise);
    expect(driver.engine.isHuge(id)).toBe(true);
    expect(driver.put(noise)).toBe(id);
  });

  it("counts a reference for each time an object was given out", () => {
    const driver = new EngineDriver(options);
    const id = driver.put(page(1));
    for (let references = 2; references < 100; references++) {
      driver.put(page(1));
      expect(driver.engine.referencesOf(id)).toBe(references);
    }
  });

  it("leaves an object alone that is overwritten by its own contents", () => {
    const driver = new EngineDriver(options);
    const id = driver.put(page(1));
    expect(driver.put(page(1), { old: id })).toBe(id);
    expect(driver.engine.referencesOf(id)).toBe(1);
    expect(driver.engine.stats()).toMatchObject({ objects: 1, dup_pages: 0, dup_data_size: 0 });
  });

  it("takes one reference from the object it replaces", () => {
    const driver = new EngineDriver(options);
    const id = driver.put(page(1));
    driver.put(page(1));
    const other = driver.put(page(2), { old: id });
    expect([id, other].map((each) => driver.engine.referencesOf(each))).toEqual([1, 1]);
    expect(differenceOf(driver.get(id)!, page(1))).toBeNull();
  });

  it("never shares between domains, and shares within each", () => {
    const driver = new EngineDriver({ ...options, domains: 3 });
    const ids = [0, 1, 2].map((domain) => driver.put(page(1), { domain }));
    expect(new Set(ids).size).toBe(3);
    expect([0, 1, 2].map((domain) => driver.put(page(1), { domain }))).toEqual(ids);
    expect(driver.engine.stats()).toMatchObject({ objects: 3, dup_pages: 3 });
  });

  it("shares nothing with dedup off", () => {
    const driver = new EngineDriver({ ...options, dedup: false });
    const ids = new Set(Array.from({ length: 50 }, () => driver.put(page(1))));
    expect(ids.size).toBe(50);
    expect(driver.engine.stats()).toMatchObject({ objects: 50, dup_pages: 0, dup_data_size: 0 });
  });

  it("counts in dup_data_size what the further references would have taken", () => {
    const driver = new EngineDriver(options);
    let saved = 0;
    for (let number = 0; number < 20; number++) {
      const id = driver.put(page(number * 100));
      for (let count = 0; count < number; count++) driver.put(page(number * 100));
      saved += number * driver.engine.lengthOf(id);
    }
    expect(driver.engine.stats()).toMatchObject({ dup_pages: 190, dup_data_size: saved });
  });
});

describe("Engine.write", () => {
  it("tells pages apart that differ in one byte, wherever it is", () => {
    const driver = new EngineDriver();
    const [first] = fixturePageList("guest-a-node", 100);
    const ids = new Set([driver.put(first!)]);
    for (let position = 0; position < PAGE_BYTES; position++) {
      ids.add(driver.put(changedAt(first!, position)));
    }
    expect(ids.size).toBe(PAGE_BYTES + 1);
  });

  it("finds the duplicates of real pages that a map of their bytes finds", () => {
    const driver = new EngineDriver();
    const seen = new Map<string, number>();
    for (const name of ["guest-a-node", "guest-b-node"]) {
      for (const each of fixturePageList(name)) {
        const id = driver.put(each);
        if (id === 0) continue;
        const key = Buffer.from(each.buffer, each.byteOffset, PAGE_BYTES).toString("latin1");
        if ((seen.get(key) ?? id) !== id) assert.fail("an equal page got another object");
        seen.set(key, id);
      }
    }
    expect(driver.engine.stats().objects).toBe(seen.size);
    expect(new Set(seen.values()).size).toBe(seen.size);
  });

  it("finds all but a few in ten thousand duplicates among 150,000 pages, however the index grew", () => {
    const driver = new EngineDriver();
    const count = 150_000;
    const ids = Array.from({ length: count }, (_, number) => driver.put(numberedPage(number)));
    for (let number = 0; number < count; number += 3) driver.engine.release(ids[number]!);
    for (let number = 0; number < count; number += 3) {
      ids[number] = driver.put(numberedPage(count + number));
    }
    let found = 0;
    for (let number = 0; number < count; number++) {
      const again = numberedPage(number % 3 === 0 ? count + number : number);
      if (driver.put(again) === ids[number]) found += 1;
    }
    console.log(`found ${found} of ${count} duplicates`);
    expect(found / count).toBeGreaterThan(0.9995);
  });

  it("keeps the domains it can tell apart apart", () => {
    const driver = new EngineDriver({ domains: MOST_DOMAINS });
    const domains = [0, 1, 255, 256, MOST_DOMAINS - 1];
    const ids = domains.map((domain) => driver.put(numberedPage(1), { domain }));
    expect(new Set(ids).size).toBe(domains.length);
    for (const [index, domain] of domains.entries()) {
      expect(driver.put(numberedPage(1), { domain })).toBe(ids[index]);
    }
  });
});

/** With few bits of hash left, how many candidates each page met tells which pages the key lets collide. */
function collisionsOf(random: DriverOptions["random"] & object, domain = 0): string {
  const codecs = [new SizedCodec()];
  const driver = new EngineDriver({ codecs, domains: 2, hashMask: 0x7n, random });
  return Array.from({ length: 24 }, (_, number) => {
    driver.decodings = 0;
    driver.put(page(number), { domain });
    return driver.decodings;
  }).join("");
}

describe("Engine keys", () => {
  it("decide the hashes, and the same keys give the same hashes", () => {
    const found = Array.from({ length: 8 }, (_, seed) => collisionsOf(seededKeys(seed)));
    expect(new Set(found).size).toBeGreaterThan(6);
    expect(Array.from({ length: 8 }, (_, seed) => collisionsOf(seededKeys(seed)))).toEqual(found);
  });

  it("keep pages apart that the hash would not tell apart without a key", () => {
    const driver = new EngineDriver({ codecs: [getCodec("deflate")] });
    const random = new SeededRandom(1);
    for (let count = 0; count < 400; count++) {
      // NH multiplies pairs of words: one zero in each pair, and nothing is left of the other.
      const crafted = randomPage(random);
      for (let offset = 0; offset < PAGE_BYTES; offset += 32) crafted.fill(0, offset, offset + 16);
      driver.put(crafted);
    }
    expect(driver.engine.stats().objects).toBe(400);
    expect(driver.decodings).toBe(0);
  });

  it("differ from engine to engine where they come from the system", () => {
    const found = new Set(Array.from({ length: 8 }, () => collisionsOf(secureRandom)));
    expect(found.size).toBeGreaterThan(1);
  });

  it("differ from domain to domain of one engine", () => {
    const differing = Array.from({ length: 8 }, (_, seed) => {
      return collisionsOf(seededKeys(seed), 0) !== collisionsOf(seededKeys(seed), 1);
    });
    expect(differing.filter((isOther) => isOther).length).toBeGreaterThan(6);
  });
});
