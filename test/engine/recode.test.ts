/**
 * Recoding at the boundary of every size class, with objects whose lengths a test chooses; taking over an old
 * object's place at the limit likewise. The classes come from the kernel's formulas (test/support/size-classes.ts).
 */

import { assert, describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { NO_ROOM } from "../../src/engine/engine.ts";
import { EngineDriver } from "../support/engine-driver.ts";
import { differenceOf } from "../support/pages.ts";
import { classRooms, longestLength, roomFor } from "../support/size-classes.ts";
import { SizedCodec, sizedPage } from "../support/sized-codec.ts";

const codecs = [0, 1, 2, 3].map((priority) => new SizedCodec(priority));
/** Rooms a sized page can fill: its header takes 20 bytes. */
const rooms = classRooms.filter((room) => room >= 28);

interface Recoded {
  readonly isDone: boolean;
  readonly length: number;
  readonly priority: number;
}

/** An object of length `from` offered a codec that makes `to` of it; its page is compared afterwards. */
function recoded(from: number, to: number): Recoded {
  const driver = new EngineDriver({ codecs });
  const page = sizedPage({ number: from, lengths: [from, to] });
  const id = driver.put(page);
  const isDone = driver.recode(id, 1);
  expect(differenceOf(driver.get(id)!, page), `${from} to ${to}`).toBeNull();
  return { isDone, length: driver.engine.lengthOf(id), priority: driver.engine.priorityOf(id) };
}

describe("Engine.longestCompressed", () => {
  it("is what the largest class but a page can hold", () => {
    expect(new EngineDriver().engine.longestCompressed()).toBe(longestLength);
  });
});

describe("Engine.recode", () => {
  it("moves an object of any class to the class below", () => {
    for (let index = 1; index < rooms.length; index++) {
      const [to, from] = [rooms[index - 1]!, rooms[index]!];
      expect(recoded(from, to)).toEqual({ isDone: true, length: to, priority: 1 });
      expect(recoded(to + 1, to)).toEqual({ isDone: true, length: to, priority: 1 });
    }
  });

  it("leaves an object that would stay in its class, however much shorter it were", () => {
    for (let index = 1; index < rooms.length; index++) {
      const [below, room] = [rooms[index - 1]!, rooms[index]!];
      const unchanged = { isDone: false, length: room, priority: 0 };
      expect(recoded(room, below + 1)).toEqual(unchanged);
      expect(recoded(room, room)).toEqual(unchanged);
    }
  });

  it("leaves an object that would grow", () => {
    for (const room of rooms.slice(0, -1)) {
      expect(recoded(room, room + 1)).toEqual({ isDone: false, length: room, priority: 0 });
    }
    expect(recoded(100, PAGE_BYTES)).toEqual({ isDone: false, length: 100, priority: 0 });
  });

  it("takes a raw page to any class, and leaves it raw when nothing fits", () => {
    for (const room of rooms) {
      expect(recoded(PAGE_BYTES, room)).toEqual({ isDone: true, length: room, priority: 1 });
    }
    const unchanged = { isDone: false, length: PAGE_BYTES, priority: 0 };
    expect(recoded(PAGE_BYTES, longestLength + 1)).toEqual(unchanged);
  });

  it("keeps references, shares further, and counts bytes anew", () => {
    const driver = new EngineDriver({ codecs });
    const page = sizedPage({ number: 1, lengths: [3000, 500] });
    const id = [1, 2, 3].map(() => driver.put(page))[0]!;
    driver.recode(id, 1);
    expect(driver.put(page)).toBe(id);
    expect(driver.engine.stats()).toMatchObject({
      objects: 1,
      compr_data_size: 500,
      dup_pages: 3,
      dup_data_size: 1500,
    });
  });

  it("goes on from one codec to the next", () => {
    const driver = new EngineDriver({ codecs });
    const page = sizedPage({ number: 1, lengths: [PAGE_BYTES, 2000, 1000, 100] });
    const id = driver.put(page);
    for (const [priority, length] of [2000, 1000, 100].entries()) {
      expect(driver.recode(id, priority + 1)).toBe(true);
      expect(driver.engine.lengthOf(id)).toBe(length);
      expect(differenceOf(driver.get(id)!, page)).toBeNull();
    }
    expect(driver.engine.stats()).toMatchObject({ huge_pages: 0, huge_pages_since: 1 });
  });

  it("changes nothing where the limit leaves no room for the new place", () => {
    const driver = new EngineDriver({ codecs });
    const page = sizedPage({ number: 1, lengths: [3000, 500] });
    const id = driver.put(page);
    const before = driver.engine.stats();
    driver.engine.setLimit(before.mem_used_total);
    expect(driver.recode(id, 1)).toBe(false);
    expect(driver.engine.stats()).toEqual({ ...before, mem_limit: before.mem_used_total });
    expect(differenceOf(driver.get(id)!, page)).toBeNull();
  });
});

describe("Engine.exhaust", () => {
  it("marks an object, and contents written over it at the limit are not marked", () => {
    const driver = new EngineDriver({ codecs });
    const { engine } = driver;
    const id = driver.put(sizedPage({ number: 1, lengths: [3000] }));
    engine.exhaust(id);
    expect(engine.isExhausted(id)).toBe(true);
    expect(engine.lengthOf(id)).toBe(3000);
    engine.setLimit(engine.stats().mem_used_total);
    const next = driver.put(sizedPage({ number: 2, lengths: [1000] }), { old: id });
    expect(engine.isExhausted(next)).toBe(false);
  });
});

describe("Engine.write at the limit", () => {
  /** A lone object of length `from`, with no page of pool left, overwritten by one of `to`. */
  function overwritten(from: number, to: number): boolean {
    const driver = new EngineDriver({ codecs });
    const old = sizedPage({ number: 1, lengths: [from] });
    const page = sizedPage({ number: 2, lengths: [to] });
    const id = driver.put(old);
    driver.engine.setLimit(driver.engine.stats().mem_used_total);
    const result = driver.put(page, { old: id });
    const kept = result === NO_ROOM ? old : page;
    const difference = differenceOf(driver.get(result === NO_ROOM ? id : result)!, kept);
    expect(difference, `${from} by ${to}`).toBeNull();
    return result !== NO_ROOM;
  }

  it("puts a new page in the old one's place exactly where its class has the room", () => {
    for (const [index, from] of rooms.entries()) {
      const shorter = rooms.slice(0, index + 1).filter((_, at) => (index - at) % 12 === 0);
      for (const to of [20, ...shorter, from]) {
        expect(overwritten(from, to), `${from} by ${to}`).toBe(true);
      }
      if (from < longestLength) expect(overwritten(from, from + 1)).toBe(false);
      expect(overwritten(from, PAGE_BYTES)).toBe(false);
    }
  });

  it("puts any page in place of a raw one", () => {
    for (const to of [20, 1000, longestLength, PAGE_BYTES]) {
      expect(overwritten(PAGE_BYTES, to)).toBe(true);
    }
  });

  it("can use the whole of a place again after a shorter page was there", () => {
    const driver = new EngineDriver({ codecs });
    const room = roomFor(3000);
    let id = driver.put(sizedPage({ number: 1, lengths: [room] }));
    driver.engine.setLimit(driver.engine.stats().mem_used_total);
    for (const [index, length] of [20, room, 700, room].entries()) {
      const page = sizedPage({ number: 2 + index, lengths: [length] });
      id = driver.put(page, { old: id });
      expect(id).toBeGreaterThan(0);
      expect(differenceOf(driver.get(id)!, page)).toBeNull();
    }
    expect(driver.engine.stats()).toMatchObject({ objects: 1, compr_data_size: room });
  });

  it("does not put a page in place of an object that is shared", () => {
    const driver = new EngineDriver({ codecs });
    const shared = sizedPage({ number: 1, lengths: [3000] });
    const id = driver.put(shared);
    driver.put(shared);
    driver.engine.setLimit(driver.engine.stats().mem_used_total);
    expect(driver.put(sizedPage({ number: 2, lengths: [100] }), { old: id })).toBe(NO_ROOM);
    expect(differenceOf(driver.get(id)!, shared)).toBeNull();
    expect(driver.engine.referencesOf(id)).toBe(2);
  });

  it("finds contents that took another's place, and no longer those they replaced", () => {
    const driver = new EngineDriver({ codecs });
    const [first, second] = [1, 2].map((number) => sizedPage({ number, lengths: [3000] }));
    const id = driver.put(first!);
    driver.engine.setLimit(driver.engine.stats().mem_used_total);
    const taken = driver.put(second!, { old: id });
    expect(driver.put(second!)).toBe(taken);
    expect(driver.put(first!)).toBe(NO_ROOM);
  });

  it("leaves nothing behind in the tables, however often it takes a place or finds no room", () => {
    const driver = new EngineDriver({ codecs });
    let id = driver.put(sizedPage({ number: 0, lengths: [3000] }));
    driver.engine.setLimit(driver.engine.stats().mem_used_total);
    const before = driver.engine.stats();
    for (let number = 1; number < 20_000; number++) {
      id = driver.put(sizedPage({ number, lengths: [3000] }), { old: id });
      const refused = driver.put(sizedPage({ number: -number, lengths: [3000] }));
      if (id <= 0 || refused !== NO_ROOM) assert.fail(`write ${number}: ${id}, ${refused}`);
    }
    expect(driver.engine.stats()).toEqual(before);
    expect(driver.engine.idEnd()).toBeLessThanOrEqual(3);
  });

  it("counts raw pages that take a raw page's place", () => {
    const driver = new EngineDriver({ codecs });
    let id = driver.put(sizedPage({ number: 0, lengths: [PAGE_BYTES] }));
    driver.engine.setLimit(PAGE_BYTES);
    for (let number = 1; number < 5; number++) {
      id = driver.put(sizedPage({ number, lengths: [PAGE_BYTES] }), { old: id });
    }
    expect(driver.engine.stats()).toMatchObject({ huge_pages: 1, huge_pages_since: 5 });
  });
});
