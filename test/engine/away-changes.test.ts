/**
 * What else the engine does, with objects away, copied or leaving among those it does it to: recoding, overwriting in
 * place, reserving, compacting; and which of it makes bytes on the log dead.
 */

import { describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { MOST_DOMAINS, NO_ROOM } from "../../src/engine/engine.ts";
import { EngineDriver } from "../support/engine-driver.ts";
import { EngineLog } from "../support/engine-log.ts";
import { differenceOf, samePage } from "../support/pages.ts";
import { SizedCodec, sizedPage } from "../support/sized-codec.ts";

interface Used {
  readonly driver: EngineDriver;
  readonly engine: EngineDriver["engine"];
  readonly log: EngineLog;
}

function made(domains = 1): Used {
  const driver = new EngineDriver({ codecs: [new SizedCodec(0), new SizedCodec(1)], domains });
  return { driver, engine: driver.engine, log: new EngineLog(driver.engine) };
}

const small = (number: number) => sizedPage({ number, lengths: [900, 300] });
const raw = (number: number) => sizedPage({ number, lengths: [PAGE_BYTES, 300] });

/** Leaves the pool as it is: nothing more fits. */
function close({ engine }: Used): void {
  engine.setLimit(engine.stats().mem_used_total);
}

const WAYS: Record<string, (used: Used, id: number) => void> = {
  plain: () => {},
  leaving: ({ log }, id) => log.leave(id),
  copied: ({ log }, id) => log.copy(id),
  away: ({ log }, id) => log.send(id),
};

const ENDS: Record<string, (used: Used, id: number) => void> = {
  "released for good": ({ engine }, id) => engine.release(id),
  "overwritten by a new page": ({ driver }, id) => driver.put(small(2), { old: id }),
  "overwritten by a page that is there": ({ driver }, id) => {
    driver.put(small(3));
    driver.put(small(3), { old: id });
  },
  "overwritten by one word": ({ driver }, id) => driver.put(samePage(7), { old: id }),
  "given up for a reserved page": ({ engine }, id) => engine.reservePage(id),
};

describe("Engine.takeDropped", () => {
  for (const [end, act] of Object.entries(ENDS)) {
    it(`tells of an object ${end} exactly if it was on the log, once`, () => {
      for (const [way, bring] of Object.entries(WAYS)) {
        const used = made();
        const id = used.driver.put(small(1));
        bring(used, id);
        act(used, id);
        const isOnLog = way === "copied" || way === "away";
        const told = [used.engine.takeDropped(), used.engine.takeDropped()];
        expect(told, way).toEqual([isOnLog ? id : 0, 0]);
        expect(used.engine.stats(), way).toMatchObject({ away_objects: 0, copied_bytes: 0 });
      }
    });

    it(`tells nothing of an object ${end} that somebody else holds`, () => {
      for (const [way, bring] of Object.entries(WAYS)) {
        const used = made();
        const id = used.driver.put(small(1));
        used.engine.share(id);
        bring(used, id);
        act(used, id);
        expect([used.engine.referencesOf(id), used.engine.takeDropped()], way).toEqual([1, 0]);
      }
    });
  }

  it("tells of a copied object that is recoded, shared or not", () => {
    const used = made();
    const id = used.driver.put(small(1));
    used.driver.put(small(1));
    used.log.copy(id);
    expect(used.driver.recode(id, 1)).toBe(true);
    expect([used.engine.takeDropped(), used.engine.takeDropped()]).toEqual([id, 0]);
    expect(used.engine.isCopied(id)).toBe(false);
    expect(used.engine.stats()).toMatchObject({ copied_bytes: 0, compr_data_size: 300 });
  });

  it("tells nothing of a copied object that recoding could not shrink", () => {
    const used = made();
    const id = used.driver.put(sizedPage({ number: 1, lengths: [900, 899] }));
    used.log.copy(id);
    expect(used.driver.recode(id, 1)).toBe(false);
    expect(used.engine.takeDropped()).toBe(0);
    expect(used.engine.isCopied(id)).toBe(true);
  });

  it("tells nothing where the limit left no room to recode", () => {
    const used = made();
    const id = used.driver.put(small(1));
    used.log.copy(id);
    close(used);
    expect(used.driver.recode(id, 1)).toBe(false);
    expect(used.engine.takeDropped()).toBe(0);
    expect(used.engine.stats()).toMatchObject({ copied_bytes: 900 });
  });

  it("tells of a copied object overwritten in its place, whatever is put there", () => {
    for (const next of [raw(2), small(2)]) {
      const used = made();
      const id = used.driver.put(raw(1));
      used.log.copy(id);
      close(used);
      expect(used.driver.put(next, { old: id })).toBe(id);
      expect([used.engine.takeDropped(), used.engine.takeDropped()]).toEqual([id, 0]);
      expect(used.engine.isCopied(id)).toBe(false);
      expect(used.engine.stats()).toMatchObject({ copied_bytes: 0, objects: 1 });
      expect(differenceOf(used.driver.get(id)!, next)).toBeNull();
    }
  });
});

describe("Engine.write at the limit", () => {
  it("finds no place in an old object that is away, and changes nothing", () => {
    const used = made();
    const id = used.driver.put(raw(1));
    used.log.send(id);
    used.driver.put(sizedPage({ number: 2, lengths: [3000] }));
    close(used);
    const before = used.engine.stats();
    for (const page of [raw(3), small(3)]) {
      expect(used.driver.put(page, { old: id })).toBe(NO_ROOM);
    }
    expect(used.engine.stats()).toEqual(before);
    expect([used.engine.isAway(id), used.engine.takeDropped()]).toEqual([true, 0]);
  });

  it("changes nothing about a copied or leaving object whose place is too small", () => {
    for (const way of ["copied", "leaving"]) {
      const used = made();
      const id = used.driver.put(small(1));
      WAYS[way]!(used, id);
      close(used);
      const before = used.engine.stats();
      expect(used.driver.put(raw(2), { old: id })).toBe(NO_ROOM);
      expect(used.engine.stats()).toEqual(before);
      expect(used.engine.isCopied(id)).toBe(way === "copied");
      expect(used.engine.isLeaving(id)).toBe(way === "leaving");
      expect(used.engine.takeDropped()).toBe(0);
    }
  });
});

describe("Engine.reservePage", () => {
  it("counts on no page of an object that is away", () => {
    for (const [way, isRoom] of [
      ["plain", true],
      ["copied", true],
      ["away", false],
    ] as const) {
      const used = made();
      const id = used.driver.put(raw(1));
      WAYS[way]!(used, id);
      if (way === "away") used.driver.put(raw(2));
      close(used);
      expect(used.engine.reservePage(id), way).toBe(isRoom);
      expect(used.engine.referencesOf(id), way).toBe(isRoom ? 0 : 1);
    }
  });
});

describe("Engine with an object away", () => {
  it("shrinks, recode and exhaust leave it alone", () => {
    for (const page of [small(1), raw(1)]) {
      const { driver, engine, log } = made();
      const id = driver.put(page);
      const { length } = engine.bytesOf(id);
      log.send(id);
      const before = engine.stats();
      engine.scratch.set(page.subarray(0, 300));
      engine.exhaust(id);
      expect([engine.shrinks(id, 300), engine.recode(id, 300, 1)]).toEqual([false, false]);
      expect([engine.lengthOf(id), engine.priorityOf(id)]).toEqual([length, 0]);
      expect([engine.isExhausted(id), engine.isAway(id)]).toEqual([false, true]);
      expect(engine.stats()).toEqual(before);
    }
  });

  it("bytesOf fails instead of giving other bytes", () => {
    const { driver, engine, log } = made();
    const id = driver.put(small(1));
    log.send(id);
    expect(() => engine.bytesOf(id)).toThrow("an object in memory");
  });

  it("keeps its domain apart, the last one too, in every state", () => {
    const { driver, log } = made(MOST_DOMAINS);
    const domains = [0, 1, MOST_DOMAINS / 2, MOST_DOMAINS - 1];
    for (const way of Object.keys(WAYS).filter((each) => each !== "away")) {
      const number = 10 + way.length;
      const ids = domains.map((domain) => driver.put(small(number), { domain }));
      for (const id of ids) WAYS[way]!({ driver, engine: driver.engine, log }, id);
      expect(new Set(ids).size).toBe(domains.length);
      expect(
        domains.map((domain) => driver.put(small(number), { domain })),
        way,
      ).toEqual(ids);
    }
  });
});

describe("Engine.compact", () => {
  it("moves copied and leaving objects and leaves their state and bytes", () => {
    const used = made();
    const { driver, engine, log } = used;
    const ways = Object.keys(WAYS);
    const ids = Array.from({ length: 4000 }, (_, number) => driver.put(small(number)));
    for (const [at, id] of ids.entries()) WAYS[ways[at % 4]!]!(used, id);
    const kept = ids.map((id, at) => ({ id, at })).filter(({ at }) => at % 20 < 4);
    for (const [at, id] of ids.entries()) if (at % 20 >= 4) engine.release(id);
    const before = engine.stats();
    expect(engine.compact()).toBeGreaterThan(0);
    const { mem_used_total, pages_compacted } = engine.stats();
    expect(engine.stats()).toEqual({ ...before, mem_used_total, pages_compacted });
    for (const { id, at } of kept) {
      const states = [engine.isLeaving(id), engine.isCopied(id), engine.isAway(id)];
      expect(states).toEqual(["leaving", "copied", "away"].map((way) => way === ways[at % 4]));
      if (engine.isAway(id)) log.admit(id);
      expect(differenceOf(driver.get(id)!, small(at))).toBeNull();
    }
  });

  it("gives back what eviction left half empty", () => {
    const { driver, engine, log } = made();
    const ids = Array.from({ length: 2000 }, (_, number) => driver.put(small(number)));
    for (const id of ids) if (id % 10 !== 0) log.send(id);
    engine.compact();
    const { mem_used_total, compr_data_size } = engine.stats();
    expect(mem_used_total / compr_data_size).toBeLessThan(1.2);
    for (const id of ids) if (id % 10 !== 0) log.admit(id);
    for (const [at, id] of ids.entries()) {
      expect(differenceOf(driver.get(id)!, small(at))).toBeNull();
    }
  });
});
