/**
 * Zeros with room reserved: what is promised, when it is redeemed and given back, and that nobody else can use it.
 * Lengths come from sized pages, so that it is known what fits where.
 */

import { describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { type Device, openDevice, openStore } from "../../src/index.ts";
import { differenceOf, numberedPage, samePage } from "../support/pages.ts";
import { expectRejection, refusal } from "../support/refusals.ts";
import { classRooms } from "../support/size-classes.ts";
import { SizedCodec, sizedPage } from "../support/sized-codec.ts";
import {
  openTestDevice,
  readPage,
  type TestStore,
  testStore,
  writePage,
} from "../support/stores.ts";

const SLOTS = 64;
const RESERVE = { reserve: true } as const;
const zeros = new Uint8Array(PAGE_BYTES);

/** A page of `length` compressed bytes. */
const sized = (number: number, length: number) => sizedPage({ number, lengths: [length] });
const raw = (number: number) => sized(number, PAGE_BYTES);

interface Made extends TestStore {
  readonly device: Device;
}

/** A store of `pages` pages, 0 for no limit, with one export. */
function limited(pages: number): Made {
  const made = testStore({ memoryLimitBytes: pages * PAGE_BYTES });
  return { ...made, device: openTestDevice(made, { slots: SLOTS }) };
}

async function reserve(device: Device, first: number, count = 1): Promise<void> {
  await device.writeZeroes(first * PAGE_BYTES, count * PAGE_BYTES, RESERVE);
}

async function expectPage(device: Device, index: number, page: Uint8Array): Promise<void> {
  expect(differenceOf(await readPage(device, index), page), `page ${index}`).toBeNull();
}

/** Writes raw pages from slot `first` on until there is no room: how many there were. */
async function fill(device: Device, first: number): Promise<number> {
  for (let index = first; index < SLOTS; index++) {
    try {
      await writePage(device, index, raw(1000 + index));
    } catch {
      return index - first;
    }
  }
  throw new Error("the device holds no more slots");
}

describe("Device.writeZeroes with reserve", () => {
  it("makes every page of the range a slot in use that holds zeros", async () => {
    const { store, device } = limited(0);
    await writePage(device, 1, sized(1, 500));
    await writePage(device, 2, samePage(7));
    await reserve(device, 0, 4);
    for (let index = 0; index < 4; index++) {
      expect(device.slotState(index)).toMatchObject({ same_filled: true });
      await expectPage(device, index, zeros);
    }
    const counts = {
      orig_data_size: 4 * PAGE_BYTES,
      same_pages: 4,
      objects: 0,
      reserved_bytes: 4 * PAGE_BYTES,
      mem_used_total: 0,
    };
    expect(store.stats()).toMatchObject(counts);
    expect(device.stats()).toMatchObject({ ...counts, num_writes: 6 });
  });

  it("clears parts of pages, and reserves for those that are all zeros then", async () => {
    const device = await openDevice({ sizeBytes: 8 * PAGE_BYTES });
    await writePage(device, 0, numberedPage(0));
    const last = zeros.slice();
    last.fill(9, 10, 20);
    await writePage(device, 2, last);
    await device.writeZeroes(100, 2 * PAGE_BYTES - 100 + 20, RESERVE);
    await device.writeZeroes(5 * PAGE_BYTES + 7, 1, RESERVE);
    const first = numberedPage(0);
    first.fill(0, 100);
    await expectPage(device, 0, first);
    for (const index of [1, 2, 5]) await expectPage(device, index, zeros);
    expect(device.slotState(0)).toMatchObject({ same_filled: false });
    expect(device.stats()).toMatchObject({
      orig_data_size: 4 * PAGE_BYTES,
      reserved_bytes: 3 * PAGE_BYTES,
    });
  });

  it("counts a page reserved again once", async () => {
    const { device } = limited(2);
    await reserve(device, 0, 2);
    await reserve(device, 0, 2);
    await device.writeZeroes(10, PAGE_BYTES, RESERVE);
    expect(device.stats().reserved_bytes).toBe(2 * PAGE_BYTES);
  });

  it("does nothing to an empty range", async () => {
    const { device } = limited(2);
    for (const offset of [0, 10]) await device.writeZeroes(offset, 0, RESERVE);
    expect(device.stats()).toMatchObject({ orig_data_size: 0, reserved_bytes: 0, num_writes: 0 });
  });

  it.each([
    [null, ["null"]],
    [5, ["5"]],
    [{ reserve: "yes" }, ["reserve", '"yes"', "true or false"]],
    [{ reserve: 1 }, ["reserve", 1]],
    [{ noHole: true }, ["noHole", "reserve"]],
  ])("refuses %j for options", async (options, says) => {
    const { device } = limited(0);
    await writePage(device, 0, raw(1));
    const act = () => device.writeZeroes(0, PAGE_BYTES, options as unknown as typeof RESERVE);
    await expectRejection(act, refusal.invalid(...says));
    await expectPage(device, 0, raw(1));
  });
});

describe("a reservation", () => {
  const uses: readonly (readonly [string, (made: Made) => Promise<void> | void])[] = [
    ["a write", ({ device }) => writePage(device, 0, sized(0, 500))],
    ["a write of an incompressible page", ({ device }) => writePage(device, 0, raw(0))],
    ["a write of a duplicate", ({ device }) => writePage(device, 0, sized(9, 500))],
    ["a write of a same-filled page", ({ device }) => writePage(device, 0, samePage(7))],
    ["a write of zeros", ({ device }) => writePage(device, 0, zeros)],
    ["a write of one byte", ({ device }) => device.write(5, Uint8Array.of(1))],
    ["a discard", ({ device }) => device.discard(0, PAGE_BYTES)],
    ["zeroing without reserve", ({ device }) => device.writeZeroes(0, PAGE_BYTES)],
    ["zeroing a part without reserve", ({ device }) => device.writeZeroes(5, 10)],
    ["a reset of the export", ({ device }) => device.reset()],
    ["closing the export", ({ device }) => device.close()],
  ];

  it.each(uses)("ends with %s", async (_, use) => {
    const made = limited(0);
    const other = openTestDevice(made, { slots: 1, name: "other" });
    await writePage(other, 0, sized(9, 500));
    await reserve(made.device, 0);
    await use(made);
    expect(made.store.stats().reserved_bytes).toBe(0);
  });

  it("outlasts reads, compaction, idle marks and what other slots do", async () => {
    const { store, device } = limited(0);
    await reserve(device, 3);
    await expectPage(device, 3, zeros);
    for (const index of [2, 4]) await writePage(device, index, sized(index, 500));
    await device.discard(2 * PAGE_BYTES, PAGE_BYTES);
    store.compact();
    store.markIdle();
    await expectPage(device, 3, zeros);
    expect(device.stats().reserved_bytes).toBe(PAGE_BYTES);
  });

  it("outlasts a write that fails in its codec", async () => {
    class FailingCodec extends SizedCodec {
      override compress(): number {
        throw new Error("no codec today");
      }
    }
    const made = testStore({ codecs: [new FailingCodec()], memoryLimitBytes: 2 * PAGE_BYTES });
    const device = openTestDevice(made, { slots: SLOTS });
    await reserve(device, 0, 2);
    await expect(writePage(device, 0, raw(1))).rejects.toThrow("no codec today");
    expect(device.stats().reserved_bytes).toBe(2 * PAGE_BYTES);
    await expectRejection(() => reserve(device, 2), refusal.noSpace());
    await expectPage(device, 0, zeros);
  });

  it("is counted in the export that has it", async () => {
    const made = testStore();
    const [first, second] = ["a", "b"].map((name) => openTestDevice(made, { slots: 8, name }));
    await reserve(first!, 0, 3);
    await reserve(second!, 0, 2);
    expect(first!.stats().reserved_bytes).toBe(3 * PAGE_BYTES);
    expect(second!.stats().reserved_bytes).toBe(2 * PAGE_BYTES);
    expect(made.store.stats().reserved_bytes).toBe(5 * PAGE_BYTES);
  });

  it("is gone after a reset of the store", async () => {
    const store = await openStore({ memoryLimitBytes: PAGE_BYTES });
    const open = () => store.openExport({ sizeBytes: PAGE_BYTES });
    const device = open();
    await reserve(device, 0);
    await device.close();
    store.reset();
    const again = open();
    await writePage(again, 0, raw(1));
    expect(store.stats()).toMatchObject({ reserved_bytes: 0, mem_used_total: PAGE_BYTES });
  });
});

describe("at the memory limit", () => {
  it.each([20, ...classRooms.filter((_, index) => index % 12 === 0), PAGE_BYTES])(
    "a reserved slot takes a page of %i compressed bytes, whatever the others wrote",
    async (length) => {
      const { store, device } = limited(8);
      await reserve(device, 0, 3);
      expect(await fill(device, 10)).toBe(5);
      for (let index = 0; index < 3; index++) {
        await writePage(device, index, sized(index, length));
        await expectPage(device, index, sized(index, length));
      }
      const { mem_used_total, reserved_bytes, mem_limit } = store.stats();
      expect({ reserved_bytes, mem_limit }).toEqual({
        reserved_bytes: 0,
        mem_limit: 8 * PAGE_BYTES,
      });
      expect(mem_used_total).toBeLessThanOrEqual(mem_limit);
    },
  );

  it("reserved pages of as many classes as there are all find room", async () => {
    const { device } = limited(SLOTS);
    await reserve(device, 0, SLOTS);
    for (let index = 0; index < SLOTS; index++) {
      const length = classRooms[(index * 7) % classRooms.length]!;
      await writePage(device, index, sized(index, length));
      await expectPage(device, index, sized(index, length));
    }
  });

  it("nobody else can use what is reserved, and everybody what was given back", async () => {
    const { store, device } = limited(8);
    const other = openTestDevice({ ...limited(8), store }, { slots: SLOTS, name: "other" });
    await reserve(device, 0, 3);
    expect(await fill(other, 0)).toBe(5);
    const refused = refusal.noSpace("page 9", "reserved_bytes 12288", "memoryLimitBytes is 32768");
    await expectRejection(() => writePage(device, 9, sized(9, 100)), refused);
    expect(store.stats().mem_used_total).toBe(5 * PAGE_BYTES);
    await device.discard(0, PAGE_BYTES);
    await writePage(other, 9, raw(9));
  });

  it("what does not fit is refused, and leaves that page and the later ones as they were", async () => {
    const { store, device } = limited(4);
    await writePage(device, 0, raw(0));
    for (const index of [3, 4, 5]) await writePage(device, index, sized(index, 500));
    const refused = refusal.noSpace("page 3", 2 * PAGE_BYTES, "reserved_bytes 8192");
    await expectRejection(() => reserve(device, 1, 5), refused);
    for (const index of [3, 4, 5]) await expectPage(device, index, sized(index, 500));
    expect(store.stats()).toMatchObject({
      orig_data_size: 6 * PAGE_BYTES,
      reserved_bytes: 2 * PAGE_BYTES,
      mem_used_total: 2 * PAGE_BYTES,
    });
    expect(device.stats()).toMatchObject({ num_writes: 7, failed_writes: 1 });
  });

  it("an unaligned byte more than a page is what is refused", async () => {
    const made = testStore({ memoryLimitBytes: 2 * PAGE_BYTES - 1 });
    const device = openTestDevice(made, { slots: SLOTS });
    await reserve(device, 0);
    await expectRejection(() => reserve(device, 1), refusal.noSpace("page 1"));
  });

  it("a page of its own makes room for its reservation, a shared one does not", async () => {
    const { device } = limited(2);
    for (const index of [0, 1, 2]) await writePage(device, index, raw(Math.min(index, 1)));
    await reserve(device, 0);
    await expectRejection(() => reserve(device, 1), refusal.noSpace("page 1"));
    await expectPage(device, 1, raw(1));
    await device.discard(2 * PAGE_BYTES, PAGE_BYTES);
    await reserve(device, 1);
    for (const index of [0, 1]) await writePage(device, index, raw(10 + index));
    for (const index of [0, 1]) await expectPage(device, index, raw(10 + index));
  });

  it("an export's own limit counts reserved pages", async () => {
    const device = openTestDevice(testStore(), { slots: 8, limitBytes: 3 * PAGE_BYTES });
    await writePage(device, 7, raw(7));
    const refused = refusal.noSpace("page 2", "limitBytes", 3 * PAGE_BYTES);
    await expectRejection(() => reserve(device, 0, 4), refused);
    await reserve(device, 7);
    expect(device.stats()).toMatchObject({
      orig_data_size: 3 * PAGE_BYTES,
      reserved_bytes: 3 * PAGE_BYTES,
    });
  });
});

describe("setMemoryLimit below what is reserved", () => {
  it.each([1, PAGE_BYTES, 5 * PAGE_BYTES])("to %i bytes keeps every reservation", async (bytes) => {
    const { store, device } = limited(8);
    await reserve(device, 0, 4);
    expect(await fill(device, 10)).toBe(4);
    store.setMemoryLimit(bytes);
    await expectRejection(() => writePage(device, 9, sized(9, 100)), refusal.noSpace());
    await expectRejection(() => reserve(device, 9), refusal.noSpace());
    for (const [index, length] of [PAGE_BYTES, 20, 2000, 3000].entries()) {
      await writePage(device, index, sized(index, length));
      await expectPage(device, index, sized(index, length));
    }
    expect(store.stats()).toMatchObject({ reserved_bytes: 0, mem_limit: bytes });
    expect(store.stats().mem_used_total).toBeLessThanOrEqual(8 * PAGE_BYTES);
  });

  it("and lifted again goes back to what there was", async () => {
    const { store, device } = limited(2);
    await reserve(device, 0, 2);
    store.setMemoryLimit(1);
    store.setMemoryLimit(3 * PAGE_BYTES);
    await writePage(device, 5, raw(5));
    await expectRejection(() => writePage(device, 6, raw(6)), refusal.noSpace());
    store.setMemoryLimit(0);
    await writePage(device, 6, raw(6));
    expect(store.stats()).toMatchObject({ reserved_bytes: 2 * PAGE_BYTES, mem_limit: 0 });
  });
});
