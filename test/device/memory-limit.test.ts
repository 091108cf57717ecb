/**
 * The memory limit: a write that finds no room leaves everything as it was, one that needs none succeeds, and memory
 * given back can be used again. Lengths come from sized pages, so that it is known what fits where.
 */

import { describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { createPageStore, type Device } from "../../src/index.ts";
import { differenceOf, samePage } from "../support/pages.ts";
import { expectRefusal, expectRejection, refusal } from "../support/refusals.ts";
import { roomFor } from "../support/size-classes.ts";
import { sizedPage } from "../support/sized-codec.ts";
import {
  openTestDevice,
  readPage,
  type TestStore,
  testStore,
  writePage,
} from "../support/stores.ts";

const SLOTS = 64;
const MOST_BYTES = 2 ** 40;

/** A page of `length` compressed bytes. */
const sized = (number: number, length: number) => sizedPage({ number, lengths: [length] });

function limited(pages: number): TestStore & { device: Device } {
  const made = testStore({ memoryLimitBytes: pages * PAGE_BYTES });
  return { ...made, device: openTestDevice(made, { slots: SLOTS }) };
}

async function expectPage(device: Device, index: number, page: Uint8Array): Promise<void> {
  expect(differenceOf(await readPage(device, index), page), `page ${index}`).toBeNull();
}

describe("setMemoryLimit", () => {
  it.each([
    -1,
    -4096,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    MOST_BYTES + 1,
    "1M",
    null,
    undefined,
  ])("refuses %s and keeps the limit there was", (bytes) => {
    const made = testStore({ memoryLimitBytes: 8192 });
    const pages = createPageStore({ sizeBytes: 4096, memoryLimitBytes: 8192 });
    const refused = refusal.invalid(String(bytes), 0, MOST_BYTES);
    expectRefusal(() => made.store.setMemoryLimit(bytes as number), refused);
    expectRefusal(() => pages.setMemoryLimit(bytes as number), refused);
    expect(made.store.stats().mem_limit).toBe(8192);
    expect(pages.stats().mem_limit).toBe(8192);
  });

  it("raised or lifted makes room at once", async () => {
    const { store, device } = limited(1);
    await writePage(device, 0, sized(0, 3000));
    await expectRejection(() => writePage(device, 1, sized(1, 3000)), refusal.noSpace());
    store.setMemoryLimit(2 * PAGE_BYTES);
    await writePage(device, 1, sized(1, 3000));
    await expectRejection(() => writePage(device, 2, sized(2, 3000)), refusal.noSpace());
    store.setMemoryLimit(0);
    for (let index = 2; index < SLOTS; index++) await writePage(device, index, sized(index, 3000));
    for (let index = 0; index < SLOTS; index++) await expectPage(device, index, sized(index, 3000));
  });

  it("lowered below what is used keeps every page, and lets writes in again once enough is freed", async () => {
    const { store, device } = limited(32);
    for (let index = 0; index < 32; index++)
      await writePage(device, index, sized(index, PAGE_BYTES));
    store.setMemoryLimit(16 * PAGE_BYTES);
    expect(store.stats()).toMatchObject({
      mem_limit: 16 * PAGE_BYTES,
      mem_used_total: 32 * PAGE_BYTES,
    });
    const refused = refusal.noSpace(32 * PAGE_BYTES, 16 * PAGE_BYTES);
    await expectRejection(() => writePage(device, 40, sized(40, 100)), refused);
    for (let index = 0; index < 32; index++) {
      await expectPage(device, index, sized(index, PAGE_BYTES));
    }
    await writePage(device, 0, sized(500, PAGE_BYTES));
    await expectPage(device, 0, sized(500, PAGE_BYTES));
    await device.discard(0, 16 * PAGE_BYTES);
    await expectRejection(() => writePage(device, 40, sized(40, 100)), refusal.noSpace());
    await device.discard(0, 17 * PAGE_BYTES);
    await writePage(device, 40, sized(40, 100));
  });

  it.each([1, 4095, 4096, 8191])("of %i bytes allows the whole pages in it", async (bytes) => {
    const made = testStore({ memoryLimitBytes: bytes });
    const device = openTestDevice(made, { slots: SLOTS });
    const held = Math.floor(bytes / PAGE_BYTES);
    for (let index = 0; index < held; index++)
      await writePage(device, index, sized(index, PAGE_BYTES));
    const refused = refusal.noSpace(bytes, held * PAGE_BYTES, "discard");
    await expectRejection(() => writePage(device, 9, sized(9, PAGE_BYTES)), refused);
    expect(made.store.stats().mem_used_total).toBe(held * PAGE_BYTES);
  });
});

describe("a write that finds no room", () => {
  it("leaves an empty slot empty, counts as failed and says what is used and allowed", async () => {
    const { device } = limited(1);
    await writePage(device, 0, sized(0, 3000));
    const before = device.stats();
    const refused = refusal.noSpace("page 7", PAGE_BYTES, "memoryLimitBytes", "discard", "compact");
    await expectRejection(() => writePage(device, 7, sized(7, 3000)), refused);
    expect(device.slotState(7)).toBeNull();
    expect(device.stats()).toEqual({ ...before, num_writes: 2, failed_writes: 1 });
  });

  it("leaves what the slot held: an object, a same-filled page, a share of one, a part of a page", async () => {
    const { store, device } = limited(1);
    await writePage(device, 0, sized(0, 1000));
    await writePage(device, 1, sized(0, 1000));
    await writePage(device, 2, samePage(7, 9));
    await writePage(device, 3, sized(3, 1000));
    const before = store.stats();
    for (const index of [0, 1, 2, 3]) {
      const page = sized(50 + index, 3000);
      await expectRejection(() => writePage(device, index, page), refusal.noSpace(`page ${index}`));
    }
    // Its first bytes make the page one of 3,000.
    const part = sized(3, 3000).subarray(0, 8);
    await expectRejection(() => device.write(3 * PAGE_BYTES, part), refusal.noSpace("page 3"));
    expect(store.stats()).toEqual(before);
    for (const index of [0, 1]) await expectPage(device, index, sized(0, 1000));
    await expectPage(device, 2, samePage(7, 9));
    await expectPage(device, 3, sized(3, 1000));
    expect(device.stats().failed_writes).toBe(5);
  });

  it("does not keep the slot from being written later", async () => {
    const { device } = limited(2);
    for (const index of [0, 1]) await writePage(device, index, sized(index, PAGE_BYTES));
    await expectRejection(() => writePage(device, 2, sized(2, 3000)), refusal.noSpace());
    await device.discard(0, PAGE_BYTES);
    await writePage(device, 2, sized(2, 3000));
    await expectPage(device, 1, sized(1, PAGE_BYTES));
    await expectPage(device, 2, sized(2, 3000));
  });
});

describe("at the limit", () => {
  it("an overwrite succeeds that shrinks the page, or still fits its class to the last byte", async () => {
    const { store, device } = limited(1);
    const room = roomFor(2500);
    await writePage(device, 0, sized(0, 2500));
    for (const [number, length] of [
      [1, room],
      [2, 2500],
      [3, 100],
      [4, room],
      [5, 20],
    ] as const) {
      await writePage(device, 0, sized(number, length));
      await expectPage(device, 0, sized(number, length));
      expect(store.stats()).toMatchObject({ objects: 1, compr_data_size: length });
    }
    await expectRejection(() => writePage(device, 0, sized(6, room + 1)), refusal.noSpace());
    await expectPage(device, 0, sized(5, 20));
  });

  it("an overwrite of a raw page always succeeds", async () => {
    const { store, device } = limited(3);
    for (const index of [0, 1, 2]) await writePage(device, index, sized(index, PAGE_BYTES));
    for (const [index, length] of [PAGE_BYTES, 3628, 20].entries()) {
      await writePage(device, index, sized(10 + index, length));
      await expectPage(device, index, sized(10 + index, length));
    }
    expect(store.stats().mem_used_total).toBeLessThanOrEqual(3 * PAGE_BYTES);
  });

  it("an object that other slots share is not overwritten in their sight", async () => {
    const { store, device } = limited(1);
    for (const index of [0, 1, 2]) await writePage(device, index, sized(0, 3000));
    await expectRejection(() => writePage(device, 1, sized(1, 100)), refusal.noSpace());
    for (const index of [0, 1, 2]) await expectPage(device, index, sized(0, 3000));
    await device.discard(0, PAGE_BYTES);
    await expectRejection(() => writePage(device, 1, sized(1, 100)), refusal.noSpace());
    await device.discard(2 * PAGE_BYTES, PAGE_BYTES);
    await writePage(device, 1, sized(1, 100));
    await expectPage(device, 1, sized(1, 100));
    expect(store.stats()).toMatchObject({ objects: 1, dup_pages: 0, dup_data_size: 0 });
  });

  it("an object shared with another export is not overwritten in its sight", async () => {
    const made = testStore({ memoryLimitBytes: PAGE_BYTES });
    const [first, second] = ["a", "b"].map((name) => openTestDevice(made, { slots: 4, name }));
    await writePage(first!, 0, sized(0, 3000));
    await writePage(second!, 3, sized(0, 3000));
    await expectRejection(() => writePage(first!, 0, sized(1, 100)), refusal.noSpace());
    await expectPage(second!, 3, sized(0, 3000));
    expect(first!.stats().failed_writes).toBe(1);
    expect(second!.stats().failed_writes).toBe(0);
  });

  it("duplicates and same-filled pages go in without any room", async () => {
    const { store, device } = limited(1);
    await writePage(device, 0, sized(0, 3000));
    for (let index = 1; index < 10; index++) await writePage(device, index, sized(0, 3000));
    for (let index = 10; index < 20; index++) await writePage(device, index, samePage(index));
    await writePage(device, 0, samePage(3));
    await writePage(device, 10, sized(0, 3000));
    expect(store.stats()).toMatchObject({ same_pages: 10, dup_pages: 9, objects: 1 });
    await expectPage(device, 10, sized(0, 3000));
  });

  it("contents that took another's place are found as duplicates, those they replaced are not", async () => {
    const { store, device } = limited(1);
    await writePage(device, 0, sized(0, 3000));
    await writePage(device, 0, sized(1, 3000));
    await writePage(device, 1, sized(1, 3000));
    expect(store.stats()).toMatchObject({ objects: 1, dup_pages: 1 });
    await expectRejection(() => writePage(device, 2, sized(0, 3000)), refusal.noSpace());
  });

  it("a slot's page may shrink until its memory serves others", async () => {
    const { device } = limited(2);
    for (const index of [0, 1]) await writePage(device, index, sized(index, PAGE_BYTES));
    await writePage(device, 0, samePage(1));
    for (let index = 2; index < 20; index++) await writePage(device, index, sized(index, 180));
    await expectPage(device, 1, sized(1, PAGE_BYTES));
    for (let index = 2; index < 20; index++) await expectPage(device, index, sized(index, 180));
  });

  it("compaction makes room", async () => {
    const { store, device } = limited(12);
    for (let index = 0; index < 48; index++) await writePage(device, index, sized(index, 1000));
    for (let index = 0; index < 48; index += 2)
      await device.discard(index * PAGE_BYTES, PAGE_BYTES);
    await expectRejection(() => writePage(device, 60, sized(60, 3000)), refusal.noSpace());
    expect(store.compact()).toBeGreaterThan(0);
    await writePage(device, 60, sized(60, 3000));
    for (let index = 1; index < 48; index += 2) await expectPage(device, index, sized(index, 1000));
  });
});
