/**
 * The state of slots: zram's block_state line, `"%12zd %12u.%06d %c%c%c%c%c%c\n"` with the flags s w h i r n, and our
 * d behind them; ages by a clock that stands still, and idle marks.
 */

import { describe, expect, it } from "vitest";
import { ManualClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { createPageStore, openStore, type PageStore } from "../../src/index.ts";
import { numberedPage, prefixPage, randomPage, samePage } from "../support/pages.ts";
import { expectRefusal, refusal } from "../support/refusals.ts";
import { sizedPage } from "../support/sized-codec.ts";
import { openTestDevice, readPage, sizedCodecs, testStore, writePage } from "../support/stores.ts";

/** A line as zram's format string gives it, with seven flags. */
const LINE = /^ *(\d+) +(\d+)\.000000 ([s.])([w.])([h.])([i.])([r.])([n.])([d.])$/;

function clocked(slots = 16): { store: PageStore; clock: ManualClock } {
  const clock = new ManualClock();
  return { store: createPageStore({ sizeBytes: slots * PAGE_BYTES, clock }), clock };
}

const read = (store: PageStore, index: number) => store.read(index, new Uint8Array(PAGE_BYTES));

describe("blockState", () => {
  it("has a line of 44 characters for each slot in use, laid out as zram's", () => {
    const { store, clock } = clocked(400);
    clock.advance(75.033841);
    store.write(300, randomPage(new SeededRandom(1)));
    store.write(7, samePage(1));
    store.write(8, numberedPage(1));
    clock.advance(4_000_000);
    store.write(9, numberedPage(1));
    expect([...store.blockState()]).toEqual([
      "           7           75.000000 s......",
      "           8           75.000000 ......d",
      "           9      4000075.000000 ......d",
      "         300           75.000000 ..h....",
    ]);
  });

  it("skips slots that hold nothing", () => {
    const { store } = clocked();
    store.write(3, samePage(0));
    store.write(4, numberedPage(4));
    store.discard(3, 2);
    expect([...store.blockState()]).toEqual([]);
  });

  it("shows idle, recompressed and incompressible slots", async () => {
    const made = testStore({ codecs: sizedCodecs(2) });
    const device = openTestDevice(made, { slots: 8 });
    await writePage(device, 0, sizedPage({ number: 0, lengths: [3000, 1000] }));
    await writePage(device, 1, sizedPage({ number: 1, lengths: [3000, 3000] }));
    await writePage(device, 2, sizedPage({ number: 2, lengths: [PAGE_BYTES, PAGE_BYTES] }));
    await writePage(device, 3, sizedPage({ number: 0, lengths: [3000, 1000] }));
    made.store.recompress();
    made.store.markIdle();
    await readPage(device, 1);
    const flags = [...device.blockState()].map((line) => line.slice(33));
    expect(flags).toEqual(["...ir.d", ".....n.", "..hi.n.", "...ir.d"]);
  });

  it("parses back to what slotState says, for every kind of slot", () => {
    const { store, clock } = clocked(300);
    const random = new SeededRandom(5);
    for (let index = 0; index < 300; index += 1 + random.below(3)) {
      clock.advance(random.below(100));
      const pages = [
        samePage(index),
        randomPage(random),
        numberedPage(index % 20),
        prefixPage(random, 999),
      ];
      store.write(index, pages[random.below(4)]!);
    }
    clock.advance(50);
    store.markIdle(5000);
    for (let index = 0; index < 300; index += 7) read(store, index);
    const lines = [...store.blockState()];
    expect(lines.length).toBe(store.stats().orig_data_size / PAGE_BYTES);
    for (const line of lines) {
      const [, index, accessed, ...flags] = LINE.exec(line)!;
      const state = store.slotState(Number(index))!;
      expect(state.accessed_seconds).toBe(Number(accessed));
      const expected = [
        state.same_filled,
        state.written_back,
        state.huge,
        state.idle,
        state.recompressed,
        state.incompressible,
        state.shared,
      ];
      expect(flags.map((flag) => flag !== ".")).toEqual(expected);
    }
  });
});

describe("slotState", () => {
  it("is null for a slot that holds nothing", () => {
    const { store } = clocked();
    expect(store.slotState(0)).toBeNull();
  });

  it("tells what a slot holds", () => {
    const { store, clock } = clocked();
    clock.advance(10);
    store.write(0, samePage(3));
    store.write(1, randomPage(new SeededRandom(1)));
    store.write(2, numberedPage(1));
    clock.advance(90);
    const common = {
      accessed_seconds: 10,
      age_seconds: 90,
      written_back: false,
      idle: false,
      recompressed: false,
      incompressible: false,
      shared: false,
    };
    const [same, huge, small] = [0, 1, 2].map((index) => store.slotState(index)!);
    expect(same).toEqual({
      ...common,
      index: 0,
      same_filled: true,
      huge: false,
      length: 0,
      codec: null,
    });
    expect(huge).toEqual({
      ...common,
      index: 1,
      same_filled: false,
      huge: true,
      length: 4096,
      codec: null,
    });
    expect(small).toMatchObject({
      ...common,
      index: 2,
      same_filled: false,
      huge: false,
      codec: "lz4",
    });
    expect(small!.length).toBeGreaterThan(0);
    expect(small!.length).toBeLessThan(100);
  });

  it("says shared as long as another slot holds the object", () => {
    const { store } = clocked();
    for (const index of [0, 1, 2]) store.write(index, numberedPage(1));
    expect([0, 1, 2].map((index) => store.slotState(index)!.shared)).toEqual([true, true, true]);
    store.discard(0);
    expect([1, 2].map((index) => store.slotState(index)!.shared)).toEqual([true, true]);
    store.write(1, numberedPage(2));
    expect([1, 2].map((index) => store.slotState(index)!.shared)).toEqual([false, false]);
  });

  it("counts the age from the last read or write, and not from looking at it", () => {
    const { store, clock } = clocked();
    store.write(0, numberedPage(1));
    store.write(1, samePage(1));
    clock.advance(100);
    read(store, 0);
    read(store, 1);
    clock.advance(30);
    store.slotState(0);
    clock.advance(0.9);
    expect([0, 1].map((index) => store.slotState(index)!.age_seconds)).toEqual([30, 30]);
    store.write(0, numberedPage(1));
    expect(store.slotState(0)).toMatchObject({ age_seconds: 0, accessed_seconds: 130 });
  });
});

describe("ages", () => {
  it.each([2 ** 29 - 50, 2 ** 29 + 5, 1_800_000_000, 2 ** 31 - 50, 2 ** 32 - 50])(
    "are right by a clock that stands at %i seconds to begin with",
    (start) => {
      const { store, clock } = clocked();
      clock.advance(start);
      store.write(0, numberedPage(1));
      expect(store.slotState(0)).toMatchObject({ accessed_seconds: start, age_seconds: 0 });
      expect(store.markIdle(1)).toBe(0);
      clock.advance(100);
      expect(store.slotState(0)).toMatchObject({ accessed_seconds: start, age_seconds: 100 });
      expect(store.markIdle(100)).toBe(1);
      expect(store.markIdle(101)).toBe(0);
    },
  );
});

describe("markIdle", () => {
  it("marks every slot that holds an object and says how many, not same-filled or empty ones", () => {
    const { store } = clocked();
    for (const index of [0, 1, 5]) store.write(index, numberedPage(index));
    store.write(2, samePage(7));
    expect(store.markIdle()).toBe(3);
    const idle = [0, 1, 2, 5].map((index) => store.slotState(index)!.idle);
    expect(idle).toEqual([true, true, false, true]);
  });

  it("with an age marks the slots of that age or more, and unmarks the younger", () => {
    const { store, clock } = clocked();
    for (let index = 0; index < 4; index++) {
      store.write(index, numberedPage(index));
      clock.advance(10);
    }
    store.markIdle();
    expect(store.markIdle(20)).toBe(3);
    expect([0, 1, 2, 3].map((index) => store.slotState(index)!.idle)).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(store.markIdle(40)).toBe(1);
    expect(store.markIdle(41)).toBe(0);
    expect(store.markIdle(0)).toBe(4);
    expect(store.markIdle(0.5)).toBe(4);
    expect(store.markIdle(Number.POSITIVE_INFINITY)).toBe(0);
  });

  it("is undone by a read and by a write, not by a write that fails", () => {
    const { store } = clocked();
    for (const index of [0, 1, 2]) store.write(index, prefixPage(new SeededRandom(index), 2100));
    store.markIdle();
    store.setMemoryLimit(store.stats().mem_used_total);
    read(store, 0);
    store.write(1, prefixPage(new SeededRandom(7), 1500));
    expect(() => store.write(2, randomPage(new SeededRandom(9)))).toThrow("no room");
    expect([0, 1, 2].map((index) => store.slotState(index)!.idle)).toEqual([false, false, true]);
  });

  it("of a store marks the slots of every export", async () => {
    const store = await openStore();
    for (const name of ["a", "b"]) {
      const device = store.openExport({ sizeBytes: 2 ** 20, name });
      await writePage(device, 1, numberedPage(1));
      await writePage(device, 2, numberedPage(2));
    }
    expect(store.markIdle()).toBe(4);
    expect(store.export("b").slotState(2)!.idle).toBe(true);
  });

  it.each([-1, -0.5, Number.NaN, "60", null, {}])("refuses an age of %s", async (age) => {
    const refused = refusal.invalid(String(age), "seconds", 0);
    const { store } = clocked();
    store.write(0, numberedPage(1));
    expectRefusal(() => store.markIdle(age as number), refused);
    expect(store.slotState(0)!.idle).toBe(false);
    const other = await openStore();
    expectRefusal(() => other.markIdle(age as number), refused);
  });
});
