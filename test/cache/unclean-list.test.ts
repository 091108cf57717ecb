import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { CLEAN, DIRTY, HELD, SYNCING, WRITTEN } from "../../src/cache/slot-state.ts";
import { UncleanList } from "../../src/cache/unclean-list.ts";
import { testSeed } from "../support/seed.ts";

const sorted = (slots: Iterable<number>): number[] =>
  [...slots].sort((left, right) => left - right);

function listOf(slots: number): { readonly state: Uint8Array; readonly list: UncleanList } {
  const state = new Uint8Array(slots);
  return { state, list: new UncleanList(state) };
}

describe("UncleanList", () => {
  it("is what sets of slots say, through random writes, syncs and failures", () => {
    const random = new SeededRandom(testSeed("unclean list"));
    const { list } = listOf(300);
    const [dirty, written, syncing] = [new Set<number>(), new Set<number>(), new Set<number>()];
    let isSyncing = false;
    for (let step = 0; step < 20_000; step++) {
      const slot = random.below(300);
      const before = new Set([...dirty, ...written, ...syncing]).size;
      switch (random.below(40)) {
        case 0:
          if (isSyncing) break;
          expect(list.beginSync()).toBe(written.size > 0);
          for (const each of written) syncing.add(each);
          written.clear();
          isSyncing = true;
          break;
        case 1: {
          if (!isSyncing) break;
          const isDone = random.below(2) === 0;
          if (!isDone) {
            for (const each of [...syncing, ...written]) dirty.add(each);
            written.clear();
          }
          syncing.clear();
          isSyncing = false;
          const after = new Set([...dirty, ...written]).size;
          expect(list.endSync(isDone)).toBe(before - after);
          break;
        }
        default:
          if (random.below(3) === 0) {
            dirty.delete(slot);
            written.add(slot);
            list.markWritten(slot);
          } else {
            dirty.add(slot);
            list.markDirty(slot);
          }
      }
      expect(list.dirty).toBe(dirty.size);
      expect(list.count).toBe(new Set([...dirty, ...written, ...syncing]).size);
    }
    expect(sorted(list.slots())).toEqual(sorted(new Set([...dirty, ...written, ...syncing])));
  });

  it("needs no sync where nothing was written since the last one", () => {
    const { list } = listOf(4);
    list.markDirty(1);
    expect(list.beginSync()).toBe(false);
  });

  it("keeps what was written after a sync began for the next one", () => {
    const { list, state } = listOf(4);
    list.markWritten(1);
    list.beginSync();
    list.markWritten(2);
    expect(list.endSync(true)).toBe(1);
    expect([state[1], state[2]]).toEqual([CLEAN, WRITTEN]);
  });

  it("has what was written while a sync failed written again, since that one may have lost it", () => {
    const { list, state } = listOf(4);
    list.markWritten(1);
    list.beginSync();
    list.markWritten(2);
    expect(list.endSync(false)).toBe(0);
    expect([state[1], state[2]]).toEqual([DIRTY, DIRTY]);
    expect(list.dirty).toBe(2);
  });

  it("keeps a slot dirty that was written during a sync, however that ends", () => {
    for (const isDone of [true, false]) {
      const { list, state } = listOf(4);
      list.markWritten(1);
      list.beginSync();
      list.markDirty(1);
      expect(state[1]).toBe(DIRTY | SYNCING);
      expect(list.endSync(isDone)).toBe(0);
      expect([state[1], list.dirty, list.count]).toEqual([DIRTY, 1, 1]);
    }
  });

  it("leaves other bits of a slot as they are", () => {
    const { list, state } = listOf(4);
    state[1] = HELD;
    list.markDirty(1);
    list.markWritten(1);
    list.beginSync();
    list.endSync(true);
    expect(state[1]).toBe(HELD);
  });

  it("owes nothing once it is abandoned", () => {
    const { list, state } = listOf(200);
    for (let slot = 0; slot < 200; slot++) list.markDirty(slot);
    list.abandon();
    expect([list.count, list.dirty, list.slots().length]).toEqual([0, 0, 0]);
    expect(state.every((each) => each === CLEAN)).toBe(true);
  });
});
