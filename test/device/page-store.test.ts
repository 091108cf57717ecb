/** The page store: pages by index, what reading and discarding give, what each call refuses, reset and closing. */

import { describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { createPageStore, type PageStore } from "../../src/index.ts";
import { differenceOf, numberedPage, samePage } from "../support/pages.ts";
import { expectRefusal, refusal } from "../support/refusals.ts";

const SLOTS = 16;
const zeros = new Uint8Array(PAGE_BYTES);

function pageStore(): PageStore {
  return createPageStore({ sizeBytes: SLOTS * PAGE_BYTES });
}

function readFrom(store: PageStore, index: number): Uint8Array {
  const target = new Uint8Array(PAGE_BYTES).fill(0xee);
  store.read(index, target);
  return target;
}

const BAD_INDEXES = [-1, SLOTS, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "0", null, undefined];
const BAD_PAGES: readonly (readonly [unknown, string])[] = [
  [new Uint8Array(4095), "4095"],
  [new Uint8Array(4097), "4097"],
  [new Uint8Array(0), "0 bytes"],
  ["x".repeat(4096), "x"],
  [null, "null"],
  [undefined, "undefined"],
  [new Uint16Array(2048), "0,0"],
  [new ArrayBuffer(4096), "ArrayBuffer"],
  [new Array<number>(4096).fill(0), "0,0"],
];

describe("PageStore.read", () => {
  it("gives zeros for pages never written, and takes no memory for them", () => {
    const store = pageStore();
    for (let index = 0; index < SLOTS; index++) {
      expect(differenceOf(readFrom(store, index), zeros)).toBeNull();
    }
    expect(store.stats()).toMatchObject({ orig_data_size: 0, mem_used_total: 0, num_reads: SLOTS });
  });

  it("gives what was written last, at every index", () => {
    const store = pageStore();
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < SLOTS; index++)
        store.write(index, numberedPage(100 * round + index));
    }
    for (let index = 0; index < SLOTS; index++) {
      expect(differenceOf(readFrom(store, index), numberedPage(200 + index))).toBeNull();
    }
  });

  it("gives same-filled pages of any word", () => {
    const store = pageStore();
    for (const [low, high] of [
      [0, 0],
      [0xffff_ffff, 0xffff_ffff],
      [1, 2],
    ] as const) {
      store.write(3, samePage(low, high));
      expect(differenceOf(readFrom(store, 3), samePage(low, high))).toBeNull();
    }
  });

  it("fills a target that lies inside a larger buffer, and no more", () => {
    const store = pageStore();
    store.write(0, numberedPage(1));
    const whole = new Uint8Array(3 * PAGE_BYTES).fill(0xee);
    store.read(0, whole.subarray(100, 100 + PAGE_BYTES));
    const expected = new Uint8Array(3 * PAGE_BYTES).fill(0xee);
    expected.set(numberedPage(1), 100);
    expect(differenceOf(whole, expected)).toBeNull();
  });

  it("takes a Buffer", () => {
    const store = pageStore();
    store.write(0, Buffer.from(numberedPage(1)));
    const target = Buffer.alloc(PAGE_BYTES);
    store.read(0, target);
    expect(differenceOf(target, numberedPage(1))).toBeNull();
  });
});

describe("PageStore.write", () => {
  it("keeps a copy: changing the page afterwards changes nothing stored", () => {
    const store = pageStore();
    const page = numberedPage(1);
    store.write(0, page);
    page.fill(9);
    expect(differenceOf(readFrom(store, 0), numberedPage(1))).toBeNull();
  });

  it.each(BAD_INDEXES)("refuses index %s", (index) => {
    const store = pageStore();
    const refused = refusal.outOfRange(String(index), 0, SLOTS - 1);
    expectRefusal(() => store.write(index as number, zeros), refused);
    expectRefusal(() => store.read(index as number, zeros.slice()), refused);
    expectRefusal(() => store.discard(index as number), refused);
    expectRefusal(() => store.slotState(index as number), refused);
    expect(store.stats()).toMatchObject({ num_reads: 0, num_writes: 0, notify_free: 0 });
  });

  it.each(BAD_PAGES)("refuses %s for a page", (page, shown) => {
    const store = pageStore();
    store.write(0, numberedPage(1));
    const refused = refusal.invalid(shown, PAGE_BYTES);
    expectRefusal(() => store.write(0, page as Uint8Array), refused);
    expectRefusal(() => store.read(0, page as Uint8Array), refused);
    expect(differenceOf(readFrom(store, 0), numberedPage(1))).toBeNull();
  });
});

describe("PageStore.discard", () => {
  it("makes pages read as zeros and leaves their neighbours", () => {
    const store = pageStore();
    for (let index = 0; index < SLOTS; index++) store.write(index, numberedPage(index));
    store.discard(4, 3);
    store.discard(10);
    for (let index = 0; index < SLOTS; index++) {
      const isGone = (index >= 4 && index < 7) || index === 10;
      const expected = isGone ? zeros : numberedPage(index);
      expect(differenceOf(readFrom(store, index), expected), `page ${index}`).toBeNull();
    }
    expect(store.stats()).toMatchObject({ orig_data_size: 12 * PAGE_BYTES, objects: 12 });
  });

  it("counts every page asked for, in use or not, as zram's notify_free does", () => {
    const store = pageStore();
    store.write(0, numberedPage(1));
    store.discard(0, SLOTS);
    store.discard(0, SLOTS);
    store.discard(3, 0);
    expect(store.stats()).toMatchObject({ notify_free: 2 * SLOTS, orig_data_size: 0 });
  });

  it.each([-1, 0.5, Number.NaN, SLOTS - 2, "1", null])(
    "refuses a count of %s from page 3 on",
    (count) => {
      const store = pageStore();
      store.write(3, numberedPage(1));
      const refused = refusal.outOfRange(String(count), 3, SLOTS - 3);
      expectRefusal(() => store.discard(3, count as number), refused);
      expect(store.stats()).toMatchObject({ notify_free: 0, orig_data_size: PAGE_BYTES });
    },
  );
});

describe("PageStore.reset", () => {
  it("forgets pages and counts, gives the memory back, and keeps the memory limit", () => {
    const store = createPageStore({ sizeBytes: 2 ** 24, memoryLimitBytes: 2 ** 23 });
    const page = new Uint8Array(PAGE_BYTES);
    for (let index = 0; index < 1500; index++) {
      for (let at = 0; at < PAGE_BYTES; at++) page[at] = Math.imul(index + 7, at * at + 11) >>> 13;
      store.write(index, page);
    }
    store.read(0, page);
    store.discard(0);
    const before = store.stats();
    store.reset();
    const after = store.stats();
    expect(after).toEqual({
      ...createPageStore({ sizeBytes: 2 ** 24, memoryLimitBytes: 2 ** 23 }).stats(),
    });
    expect(after.memory_reserved).toBeLessThan(before.memory_reserved);
    expect(differenceOf(readFrom(store, 1), zeros)).toBeNull();
  });

  it("leaves a store that works", () => {
    const store = pageStore();
    store.write(0, numberedPage(1));
    store.reset();
    store.write(1, numberedPage(2));
    store.write(2, numberedPage(2));
    expect(differenceOf(readFrom(store, 2), numberedPage(2))).toBeNull();
    expect(store.stats()).toMatchObject({ objects: 1, dup_pages: 1 });
  });
});

describe("PageStore.close", () => {
  const calls: readonly (readonly [string, (store: PageStore) => unknown])[] = [
    ["read", (store) => store.read(0, new Uint8Array(PAGE_BYTES))],
    ["write", (store) => store.write(0, zeros)],
    ["discard", (store) => store.discard(0)],
    ["stats", (store) => store.stats()],
    ["slotState", (store) => store.slotState(0)],
    ["blockState", (store) => store.blockState()],
    ["markIdle", (store) => store.markIdle()],
    ["recompress", (store) => store.recompress()],
    ["compact", (store) => store.compact()],
    ["setMemoryLimit", (store) => store.setMemoryLimit(0)],
    ["resetMemUsedMax", (store) => store.resetMemUsedMax()],
    ["reset", (store) => store.reset()],
  ];

  it.each(calls)("makes %s refuse", (_, call) => {
    const store = pageStore();
    store.close();
    expectRefusal(() => call(store), refusal.closed("closed", "create another"));
  });

  it("may be called again", () => {
    const store = pageStore();
    store.close();
    expect(() => store.close()).not.toThrow();
  });

  it("goes before what else is wrong with a call", () => {
    const store = pageStore();
    store.close();
    expectRefusal(() => store.read(-1, zeros), refusal.closed());
  });
});
