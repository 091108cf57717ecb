/**
 * Pages written whose contents may be away: such an object is never shared and never unread, costs no comparison, and
 * is told of, so that whoever can read it may give the slot to it.
 */

import { assert, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { NO_ROOM } from "../../src/engine/engine.ts";
import { type DriverOptions, EngineDriver } from "../support/engine-driver.ts";
import { EngineLog } from "../support/engine-log.ts";
import { differenceOf, numberedPage, samePage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";
import { SizedCodec, sizedPage } from "../support/sized-codec.ts";

const page = (number: number) => sizedPage({ number, lengths: [200 + (number % 3000)] });

function made(options: DriverOptions = {}) {
  const driver = new EngineDriver({ codecs: [new SizedCodec()], domains: 2, ...options });
  return { driver, engine: driver.engine, log: new EngineLog(driver.engine) };
}

describe("Engine.takeAwayCandidate", () => {
  it("tells of the object away with the page's contents, once", () => {
    const { driver, engine, log } = made();
    const id = driver.put(page(1));
    log.send(id);
    const other = driver.put(page(1));
    expect(other).not.toBe(id);
    expect([engine.takeAwayCandidate(), engine.takeAwayCandidate()]).toEqual([id, 0]);
    expect(driver.decodings).toBe(0);
    expect(engine.stats()).toMatchObject({ objects: 2, dup_pages: 0, away_objects: 1 });
  });

  it("tells nothing after a page of other contents, of another domain or of one word", () => {
    const { driver, engine, log } = made();
    log.send(driver.put(page(1)));
    driver.put(page(2));
    expect(engine.takeAwayCandidate()).toBe(0);
    driver.put(page(1), { domain: 1 });
    expect(engine.takeAwayCandidate()).toBe(0);
    driver.put(samePage(1));
    expect(engine.takeAwayCandidate()).toBe(0);
  });

  it("tells nothing of the write before the last", () => {
    const { driver, engine, log } = made();
    log.send(driver.put(page(1)));
    driver.put(page(1));
    driver.put(page(2));
    expect(engine.takeAwayCandidate()).toBe(0);
  });

  it("tells nothing once the object is back: it is shared", () => {
    const { driver, engine, log } = made();
    const id = driver.put(page(1));
    log.copy(id);
    expect(driver.put(page(1))).toBe(id);
    expect(engine.takeAwayCandidate()).toBe(0);
  });

  it("tells nothing where the page found an object in memory, whichever was met first", () => {
    const { driver, engine, log } = made();
    const first = driver.put(page(1));
    log.send(first);
    const second = driver.put(page(1));
    engine.takeAwayCandidate();
    expect(driver.put(page(1))).toBe(second);
    expect(engine.takeAwayCandidate()).toBe(0);
    log.admit(first);
    log.send(second);
    expect(driver.put(page(1))).toBe(first);
    expect(engine.takeAwayCandidate()).toBe(0);
  });

  it("tells nothing where the page found no room", () => {
    const { driver, engine, log } = made();
    log.send(driver.put(page(1)));
    driver.put(sizedPage({ number: 2, lengths: [4096] }));
    engine.setLimit(engine.stats().mem_used_total);
    expect(driver.put(page(1))).toBe(NO_ROOM);
    expect(engine.takeAwayCandidate()).toBe(0);
  });

  it("tells of it where the page took another object's place at the limit", () => {
    const { driver, engine, log } = made();
    const id = driver.put(page(1));
    log.send(id);
    const old = driver.put(sizedPage({ number: 2, lengths: [4096] }));
    engine.setLimit(engine.stats().mem_used_total);
    expect(driver.put(page(1), { old })).toBe(old);
    expect(engine.takeAwayCandidate()).toBe(id);
  });

  it("tells nothing of an object that the write itself ended", () => {
    const { driver, engine, log } = made();
    const id = driver.put(page(1));
    log.send(id);
    const next = driver.put(page(1), { old: id });
    expect(next).not.toBe(id);
    expect([engine.takeAwayCandidate(), engine.takeDropped()]).toEqual([0, id]);
  });

  it("tells of the old object where others hold it still", () => {
    const { driver, engine, log } = made();
    const id = driver.put(page(1));
    engine.share(id);
    log.send(id);
    driver.put(page(1), { old: id });
    expect([engine.takeAwayCandidate(), engine.takeDropped()]).toEqual([id, 0]);
  });

  it("tells nothing of an object released before anybody asked", () => {
    const { driver, engine, log } = made();
    const id = driver.put(page(1));
    log.send(id);
    driver.put(page(1));
    engine.release(id);
    expect(engine.takeAwayCandidate()).toBe(0);
  });

  it("tells of each of many, the index having grown since they left", () => {
    const { driver, engine, log } = made({ codecs: [] });
    const ids = Array.from({ length: 2000 }, (_, number) => driver.put(numberedPage(number)));
    for (const id of ids) log.send(id);
    for (let number = 2000; number < 40_000; number++) driver.put(numberedPage(number));
    let told = 0;
    ids.forEach((id, number) => {
      driver.put(numberedPage(number));
      told += Number(engine.takeAwayCandidate() === id);
    });
    // A full bucket may have lost one.
    expect(told).toBeGreaterThan(1990);
  });
});

describe("Engine.write when all hashes are equal", () => {
  it("passes any number of objects away, and finds the one in memory behind them", () => {
    const { driver, engine, log } = made({ hashMask: 0n });
    const ids = Array.from({ length: 30 }, (_, number) => driver.put(page(number)));
    for (const id of ids.slice(0, 29)) log.send(id);
    driver.decodings = 0;
    expect(driver.put(page(29))).toBe(ids[29]);
    expect([driver.decodings, engine.takeAwayCandidate()]).toEqual([1, 0]);
  });

  it("tells of the first object away of its domain", () => {
    const { driver, engine, log } = made({ hashMask: 0n });
    const other = driver.put(page(1), { domain: 1 });
    const ids = [2, 3, 4].map((number) => driver.put(page(number)));
    for (const id of [other, ...ids]) log.send(id);
    driver.put(page(5));
    expect(engine.takeAwayCandidate()).toBe(ids[0]);
  });

  it("leaves nothing behind of a flood that was away when it was released", () => {
    const { driver, engine, log } = made({ hashMask: 0n, codecs: [] });
    const ids = Array.from({ length: 3000 }, (_, number) => driver.put(numberedPage(number)));
    for (const id of ids) log.send(id);
    for (const id of ids) engine.release(id);
    expect(engine.stats()).toMatchObject({ objects: 0, away_objects: 0, mem_used_total: 0 });
    const id = driver.put(numberedPage(1));
    expect(engine.takeAwayCandidate()).toBe(0);
    expect(driver.put(numberedPage(1))).toBe(id);
  });
});

describe.each(["0", "0x3", "0x300000000", "0xff0000000000"])(
  "Engine with hashes masked by %s",
  (mask) => {
    it("holds right contents while objects go and come back", () => {
      const random = new SeededRandom(testSeed(`collisions with objects away under ${mask}`));
      const { driver, engine, log } = made({ hashMask: BigInt(mask) });
      const held = Array.from({ length: 150 }, () => ({ id: 0, number: 0 }));
      for (let count = 0; count < 4000; count++) {
        const at = random.below(held.length);
        const slot = held[at]!;
        const kind = random.below(8);
        if (kind < 4) {
          slot.number = random.below(100);
          slot.id = driver.put(page(slot.number), { domain: at % 2, old: slot.id });
          const candidate = engine.takeAwayCandidate();
          if (candidate !== 0) expect(engine.isAway(candidate)).toBe(true);
        } else if (slot.id !== 0 && engine.isAway(slot.id)) {
          log.admit(slot.id);
        } else if (slot.id !== 0 && kind < 7) {
          engine.forgetCopy(slot.id);
          log.send(slot.id);
        } else if (slot.id !== 0) {
          engine.release(slot.id);
          slot.id = 0;
        }
        const look = held[random.below(held.length)]!;
        if (look.id === 0 || engine.isAway(look.id)) continue;
        const difference = differenceOf(driver.get(look.id)!, page(look.number));
        if (difference) assert.fail(`command ${count}: ${difference}`);
      }
    });
  },
);
