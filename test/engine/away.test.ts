/** Objects between memory and the log: each way from one state to another, what it counts, and what it refuses. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { AWAY } from "../../src/engine/engine.ts";
import { type DriverOptions, EngineDriver } from "../support/engine-driver.ts";
import { EngineLog } from "../support/engine-log.ts";
import { differenceOf, prefixPage } from "../support/pages.ts";
import { SizedCodec, sizedPage } from "../support/sized-codec.ts";

const codecs = [new SizedCodec(0), new SizedCodec(1)];

/** Ordinary and raw pages, for a codec in the core and for one in the host. */
const kinds: readonly (readonly [string, DriverOptions, (number: number) => Uint8Array])[] = [
  ["the core's codec", {}, (number) => prefixPage(new SeededRandom(number), 900)],
  ["a host codec", { codecs }, (number) => sizedPage({ number, lengths: [900] })],
  ["raw pages", {}, (number) => prefixPage(new SeededRandom(number), PAGE_BYTES)],
];

function made(options: DriverOptions = { codecs }) {
  const driver = new EngineDriver(options);
  return { driver, engine: driver.engine, log: new EngineLog(driver.engine) };
}

const small = (number: number) => sizedPage({ number, lengths: [900, 300] });
const raw = (number: number) => sizedPage({ number, lengths: [PAGE_BYTES, 300] });

/** What is told of an object's state. */
function stateOf({ engine }: EngineDriver, id: number): string[] {
  const flags = {
    away: engine.isAway(id),
    copied: engine.isCopied(id),
    leaving: engine.isLeaving(id),
  };
  return Object.entries(flags).flatMap(([name, isSet]) => (isSet ? [name] : []));
}

describe.each(kinds)("Engine with %s", (_, options, page) => {
  it("leave marks an object that is read and shared as before", () => {
    const { driver, engine, log } = made(options);
    const id = driver.put(page(1));
    const before = engine.stats();
    expect(log.leave(id)).toBe(true);
    expect(stateOf(driver, id)).toEqual(["leaving"]);
    expect(engine.stats()).toEqual(before);
    expect(differenceOf(driver.get(id)!, page(1))).toBeNull();
    expect(driver.put(page(1))).toBe(id);
    expect(stateOf(driver, id)).toEqual(["leaving"]);
  });

  it("evict gives all memory back and keeps the objects", () => {
    const { driver, engine, log } = made(options);
    const ids = Array.from({ length: 300 }, (_, number) => driver.put(page(number)));
    for (const id of ids) driver.put(page(ids.indexOf(id)));
    const before = engine.stats();
    for (const id of ids) expect(log.send(id)).toBe(true);
    expect(engine.stats()).toEqual({
      ...before,
      compr_data_size: 0,
      huge_pages: 0,
      mem_used_total: 0,
      away_objects: 300,
      away_bytes: before.compr_data_size,
    });
    expect(ids.map((id) => stateOf(driver, id).join())).toEqual(ids.map(() => "away"));
    expect(ids.map((id) => engine.referencesOf(id))).toEqual(ids.map(() => 2));
  });

  it("read and inspect of an object away say so and touch no page", () => {
    const { driver, engine, log } = made(options);
    const id = driver.put(page(1));
    log.send(id);
    for (const target of [engine.page, engine.decoded]) target.fill(0x5a);
    expect([engine.read(id, 0), engine.inspect(id)]).toEqual([AWAY, AWAY]);
    for (const target of [engine.page, engine.decoded]) {
      expect(target.every((byte) => byte === 0x5a)).toBe(true);
    }
  });

  it("admit brings contents back, with a copy, and every count", () => {
    const { driver, engine, log } = made(options);
    const ids = [1, 2, 3].map((number) => driver.put(page(number)));
    driver.put(page(2));
    const before = engine.stats();
    for (const id of ids) log.send(id);
    for (const id of ids) expect(log.admit(id)).toBe(true);
    expect(engine.stats()).toEqual({ ...before, copied_bytes: before.compr_data_size });
    ids.forEach((id, at) => {
      expect(stateOf(driver, id)).toEqual(["copied"]);
      expect(differenceOf(driver.get(id)!, page(at + 1))).toBeNull();
    });
  });

  it("evict lets a copied object go again without leave", () => {
    const { driver, engine, log } = made(options);
    const id = driver.put(page(1));
    log.copy(id);
    expect(engine.evict(id, engine.lengthOf(id), engine.priorityOf(id))).toBe(true);
    expect(stateOf(driver, id)).toEqual(["away"]);
    expect(engine.stats()).toMatchObject({ copied_bytes: 0, mem_used_total: 0, away_objects: 1 });
    log.admit(id);
    expect(differenceOf(driver.get(id)!, page(1))).toBeNull();
  });

  it("forgetCopy makes a copied object a plain one", () => {
    const { driver, engine, log } = made(options);
    const id = driver.put(page(1));
    const before = engine.stats();
    log.copy(id);
    engine.forgetCopy(id);
    expect(stateOf(driver, id)).toEqual([]);
    expect(engine.stats()).toEqual(before);
    expect(engine.takeDropped()).toBe(0);
    expect(differenceOf(driver.get(id)!, page(1))).toBeNull();
  });

  it("admit changes nothing where the limit has no room", () => {
    const { driver, engine, log } = made(options);
    const id = driver.put(page(1));
    log.send(id);
    driver.put(raw(9));
    engine.setLimit(engine.stats().mem_used_total);
    const before = engine.stats();
    expect(log.admit(id)).toBe(false);
    expect(engine.stats()).toEqual(before);
    expect(stateOf(driver, id)).toEqual(["away"]);
    engine.setLimit(0);
    expect(log.admit(id)).toBe(true);
    expect(differenceOf(driver.get(id)!, page(1))).toBeNull();
  });

  it("release ends an object away with its last reference, no earlier", () => {
    const { driver, engine, log } = made(options);
    const id = driver.put(page(1));
    driver.put(page(1));
    log.send(id);
    engine.release(id);
    expect([engine.referencesOf(id), engine.takeDropped()]).toEqual([1, 0]);
    engine.release(id);
    expect([engine.referencesOf(id), engine.takeDropped()]).toEqual([0, id]);
    expect(stateOf(driver, id)).toEqual([]);
    expect(engine.stats()).toMatchObject({
      objects: 0,
      away_objects: 0,
      away_bytes: 0,
      dup_pages: 0,
    });
  });

  it("usedPages is mem_used_total and what is reserved, in pages", () => {
    const { driver, engine, log } = made(options);
    const pages = () => {
      const { mem_used_total, reserved_bytes } = engine.stats();
      return (mem_used_total + reserved_bytes) / PAGE_BYTES;
    };
    const ids = Array.from({ length: 50 }, (_, number) => driver.put(page(number)));
    expect(engine.usedPages()).toBe(pages());
    for (const id of ids.slice(0, 20)) log.send(id);
    expect(engine.usedPages()).toBe(pages());
    const before = engine.usedPages();
    expect([engine.reservePage(0), engine.usedPages()]).toEqual([true, before + 1]);
  });

  it("share takes a reference in any state", () => {
    const { driver, engine, log } = made(options);
    const id = driver.put(page(1));
    const length = engine.lengthOf(id);
    log.leave(id);
    engine.share(id);
    log.place(id);
    engine.share(id);
    expect(engine.stats()).toMatchObject({ dup_pages: 2, dup_data_size: 2 * length });
    log.admit(id);
    expect([engine.referencesOf(id), engine.stats().dup_data_size]).toEqual([3, 2 * length]);
  });
});

describe("Engine.leave", () => {
  it("refuses what is away, has a copy or is gone", () => {
    const { driver, engine, log } = made();
    const [away, copied, gone] = [1, 2, 3].map((number) => driver.put(small(number)));
    log.send(away!);
    log.copy(copied!);
    engine.release(gone!);
    expect([away, copied, gone].map((id) => engine.leave(id!))).toEqual([false, false, false]);
    expect(stateOf(driver, copied!)).toEqual(["copied"]);
  });
});

describe("Engine.evict", () => {
  it("refuses an object that is not leaving", () => {
    const { driver, engine, log } = made();
    const [plain, away, forgotten] = [1, 2, 3].map((number) => driver.put(small(number)));
    log.send(away!);
    log.copy(forgotten!);
    engine.forgetCopy(forgotten!);
    const before = engine.stats();
    for (const id of [plain, away, forgotten]) expect(engine.evict(id!, 900, 0)).toBe(false);
    expect(engine.stats()).toEqual(before);
  });

  it("refuses an object that went while it was leaving, and the next one with its id", () => {
    const { driver, engine, log } = made();
    const id = driver.put(small(1));
    log.leave(id);
    engine.release(id);
    expect(log.place(id)).toBe(false);
    expect(driver.put(small(2))).toBe(id);
    expect(log.place(id)).toBe(false);
    expect(engine.takeDropped()).toBe(0);
  });

  it("refuses an object recoded while it was leaving", () => {
    const { driver, log } = made();
    const id = driver.put(small(1));
    log.leave(id);
    expect(driver.recode(id, 1)).toBe(true);
    expect(stateOf(driver, id)).toEqual([]);
    expect(log.place(id)).toBe(false);
  });

  it("takes an object of which no smaller class could be had while it was leaving", () => {
    const { driver, engine, log } = made();
    const id = driver.put(sizedPage({ number: 1, lengths: [900, 899] }));
    log.leave(id);
    expect(driver.recode(id, 1)).toBe(false);
    engine.exhaust(id);
    expect(log.place(id)).toBe(true);
  });

  it("refuses an object overwritten in its place while it was leaving", () => {
    const { driver, engine, log } = made();
    const id = driver.put(raw(1));
    log.leave(id);
    engine.setLimit(engine.stats().mem_used_total);
    expect(driver.put(raw(2), { old: id })).toBe(id);
    expect(stateOf(driver, id)).toEqual([]);
    expect([log.place(id), engine.takeDropped()]).toEqual([false, 0]);
  });

  it("refuses a copied object where length or priority are not its own", () => {
    const { driver, engine, log } = made();
    const id = driver.put(small(1));
    log.copy(id);
    expect([engine.evict(id, 899, 0), engine.evict(id, 900, 1)]).toEqual([false, false]);
    expect(stateOf(driver, id)).toEqual(["copied"]);
  });

  it("takes the record's length and priority, and what is admitted has them", () => {
    const { driver, engine, log } = made();
    const page = small(1);
    const id = driver.put(page);
    for (let count = 0; count < 4; count++) driver.put(page);
    log.send(id, { bytes: page.slice(0, 300), priority: 1 });
    expect([engine.lengthOf(id), engine.priorityOf(id)]).toEqual([300, 1]);
    expect(engine.stats()).toMatchObject({ away_bytes: 300, dup_data_size: 4 * 300 });
    log.admit(id);
    expect([engine.lengthOf(id), engine.priorityOf(id)]).toEqual([300, 1]);
    expect(engine.stats()).toMatchObject({ compr_data_size: 300, dup_data_size: 4 * 300 });
    expect(differenceOf(driver.get(id)!, page)).toBeNull();
  });

  it("takes a raw page's record that is not raw", () => {
    const { driver, engine, log } = made();
    const id = driver.put(raw(1));
    log.send(id, { bytes: raw(1).slice(0, 300), priority: 1 });
    expect(log.admit(id)).toBe(true);
    expect(engine.isHuge(id)).toBe(false);
    expect(engine.stats()).toMatchObject({ huge_pages: 0, huge_pages_since: 1 });
    expect(differenceOf(driver.get(id)!, raw(1))).toBeNull();
  });

  it("keeps the mark of an object no codec can shrink", () => {
    const { driver, engine, log } = made();
    const id = driver.put(small(1));
    engine.exhaust(id);
    log.copy(id);
    expect(engine.isExhausted(id)).toBe(true);
  });
});

describe("Engine.admit", () => {
  it("refuses what is not away, and other lengths than the record's", () => {
    const { driver, engine, log } = made();
    const [plain, leaving, copied, away, gone] = [1, 2, 3, 4, 5].map((n) => driver.put(small(n)));
    log.leave(leaving!);
    log.copy(copied!);
    log.send(away!);
    log.send(gone!);
    engine.release(gone!);
    const before = engine.stats();
    for (const id of [plain, leaving, copied, gone]) expect(engine.admit(id!, 900)).toBe(false);
    for (const length of [0, 899, 901, PAGE_BYTES]) expect(engine.admit(away!, length)).toBe(false);
    expect(engine.stats()).toEqual(before);
  });

  it("leaves reserved pages to the writes they are reserved for", () => {
    const { driver, engine, log } = made();
    const id = driver.put(raw(1));
    log.send(id);
    engine.setLimit(PAGE_BYTES);
    expect(engine.reservePage(0)).toBe(true);
    expect(log.admit(id)).toBe(false);
    engine.unreserve(1);
    expect(log.admit(id)).toBe(true);
  });

  it("counts no raw page stored anew", () => {
    const { driver, engine, log } = made();
    log.copy(driver.put(raw(1)));
    expect(engine.stats()).toMatchObject({ huge_pages: 1, huge_pages_since: 1 });
  });
});
