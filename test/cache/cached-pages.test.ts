import { describe, expect, it, onTestFinished, vi } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { CachedPages } from "../../src/cache/cached-pages.ts";
import { NONE } from "../../src/cache/page-map.ts";
import { Replacement } from "../../src/cache/replacement.ts";
import { DIRTY } from "../../src/cache/slot-state.ts";
import { checkStoreOptions } from "../../src/device/options.ts";
import { StoreCore } from "../../src/device/store-core.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { PAGE } from "./opened.ts";

function cachedOf(slots: number, memoryLimitBytes = 0) {
  const random = new SeededRandom(1);
  const given = { random: (target: Uint8Array) => random.fill(target), memoryLimitBytes };
  const core = new StoreCore(checkStoreOptions(given));
  const table = core.openExport({ slots, slotLimit: slots, name: "", domain: "" });
  const cached = new CachedPages(core, table);
  const incompressible = new Uint8Array(PAGE);
  return {
    cached,
    core,
    put: (page: number, content = page) => {
      cached.engine.page.set(numberedPage(content));
      return cached.put(page, 0);
    },
    putRandom: (page: number) => {
      random.fill(incompressible);
      cached.engine.page.set(incompressible);
      return cached.put(page, 0);
    },
    guess: (page: number) => {
      cached.engine.page.set(numberedPage(page));
      return cached.putGuess(page, 0);
    },
    bytesOf: (page: number): Uint8Array | null => {
      const slot = cached.find(page);
      return slot !== NONE && cached.load(slot, 0) ? cached.engine.page.slice() : null;
    },
  };
}

const range = (count: number) => Array.from({ length: count }, (_, page) => page);

describe("CachedPages", () => {
  it("has a page in one slot, with the bytes stored last", () => {
    const { cached, put, bytesOf } = cachedOf(10);
    const slot = put(1_000_000);
    expect(put(1_000_000, 7)).toBe(slot);
    expect(cached.count).toBe(1);
    expect(cached.pageOf(slot)).toBe(1_000_000);
    expect(differenceOf(bytesOf(1_000_000)!, numberedPage(7))).toBeNull();
    cached.drop(slot);
    expect([cached.find(1_000_000), cached.count]).toEqual([NONE, 0]);
    expect(put(5)).toBe(slot);
  });

  it("has the coldest page leave where all slots are taken", () => {
    const { cached, put, bytesOf } = cachedOf(10);
    for (const page of range(10)) put(page);
    for (const _ of range(3))
      for (const page of range(10)) if (page !== 3) cached.touch(cached.find(page));
    expect(put(50)).not.toBe(NONE);
    expect([cached.find(3), cached.evicted, cached.count]).toEqual([NONE, 1, 10]);
    for (const page of [0, 1, 2, 4, 9, 50])
      expect(differenceOf(bytesOf(page)!, numberedPage(page))).toBeNull();
  });

  it("finds no room where every page owes something, and takes the place of none", () => {
    const { cached, put, bytesOf } = cachedOf(10);
    for (const page of range(10)) cached.state[put(page)] = DIRTY;
    expect(put(50)).toBe(NONE);
    expect([cached.find(50), cached.count, cached.evicted]).toEqual([NONE, 10, 0]);
    expect(put(4, 99)).toBe(cached.find(4));
    expect(differenceOf(bytesOf(4)!, numberedPage(99))).toBeNull();
  });

  it("keeps to its memory, whatever is stored over what", () => {
    const random = new SeededRandom(2);
    const limit = 64 * PAGE;
    const { cached, core, put, putRandom } = cachedOf(500, limit);
    for (const _ of range(5000)) {
      const page = random.below(2000);
      if (random.below(2) === 0) put(page);
      else putRandom(page);
      expect(core.stats().mem_used_total).toBeLessThanOrEqual(limit);
    }
    expect(cached.evicted).toBeGreaterThan(1000);
    expect(cached.count).toBeGreaterThan(60);
  });

  it("has no page leave for its own larger bytes, though it is the coldest", () => {
    const fill = (more: number) => {
      const made = cachedOf(500, 64 * PAGE);
      made.put(7);
      for (const page of range(more)) made.putRandom(1000 + page);
      return made;
    };
    const most = range(100).findIndex((more) => fill(more).cached.evicted > 0) - 1;
    const { cached, putRandom } = fill(most);
    const slot = cached.find(7);
    expect(putRandom(7)).toBe(slot);
    expect([cached.find(7), cached.count]).toEqual([slot, most + 1 - cached.evicted]);
    expect(cached.evicted).toBeGreaterThan(0);
  });

  it("remembers of those that left only what somebody had asked for", () => {
    const remember = vi.spyOn(Replacement.prototype, "remember");
    onTestFinished(() => remember.mockRestore());
    const { cached, put, guess } = cachedOf(20);
    for (const page of range(10)) guess(1000 + page);
    for (const page of range(10)) put(page);
    cached.touch(cached.find(1004));
    for (const page of range(60)) put(100 + page);
    const remembered = remember.mock.calls.map(([page]) => page);
    expect(remembered).toContain(1004);
    expect(remembered.filter((page) => page >= 1000)).toEqual([1004]);
  });

  it("finds room again after dirty pages took all of it", () => {
    const { cached, putRandom } = cachedOf(500, 64 * PAGE);
    let page = 0;
    for (; ; page++) {
      const slot = putRandom(page);
      if (slot === NONE) break;
      cached.state[slot] = DIRTY;
    }
    expect(page).toBeGreaterThan(55);
    cached.state[cached.find(0)] = 0;
    cached.state[cached.find(1)] = 0;
    expect(putRandom(page)).not.toBe(NONE);
    expect(cached.find(0)).toBe(NONE);
  });

  it("has no page that was read again leave for a guess, and few guesses when it is full", () => {
    const { cached, put, guess } = cachedOf(160);
    for (const page of range(160)) put(page);
    for (const _ of range(3)) for (const page of range(160)) cached.touch(cached.find(page));
    for (const page of range(100)) guess(1000 + page);
    for (const page of range(160)) expect(cached.find(page)).not.toBe(NONE);
    expect(cached.guessesUseless).toBe(100);
  });

  it("takes guesses up to a 16th of its pages when it is full, in place of cold ones", () => {
    const { cached, put, guess } = cachedOf(160);
    for (const page of range(160)) put(page);
    const taken = range(100).filter((page) => guess(1000 + page)).length;
    expect(taken).toBe(11);
    expect(cached.count).toBe(160);
    cached.touch(cached.find(1000));
    expect(cached.guessesUseful).toBe(1);
  });

  it("forgets a page that does not decode, unless the origin does not have it", () => {
    const { cached, put } = cachedOf(10);
    const [clean, dirty] = [put(1), put(2)];
    cached.state[dirty] = DIRTY;
    cached.table.loadStaged = () => {
      throw new PagefoldError("CORRUPT", "it does not decode");
    };
    expect(cached.load(clean, 0)).toBe(false);
    expect(cached.find(1)).toBe(NONE);
    expect(() => cached.load(dirty, 0)).toThrow(/4096 bytes at 8192 cannot be read back/);
    expect(() => cached.read(dirty, 0)).toThrow(/4096 bytes at 8192.*write them anew/);
    expect(cached.find(2)).toBe(dirty);
  });

  it("counts tables of the slots in use alone", () => {
    const [small, large] = [cachedOf(1000), cachedOf(1_000_000)];
    for (const { put } of [small, large]) for (const page of range(500)) put(page);
    const beyond = large.cached.metadataBytes - small.cached.metadataBytes;
    // Ghosts alone are there for all slots at once: 2 bytes for every other one.
    expect(beyond).toBeLessThanOrEqual(2 * 2 ** 19);
    for (let page = 500; page < 900; page++) small.put(page);
    expect(small.cached.metadataBytes).toBeGreaterThan(400 * 26);
  });
});
