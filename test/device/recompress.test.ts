/**
 * Recompression: which objects a pass tries, what it makes of them, what it leaves. Lengths under each codec come from
 * sized pages; recompress-codecs.test.ts has the real codecs.
 */

import { describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import type { Device } from "../../src/index.ts";
import { differenceOf, samePage } from "../support/pages.ts";
import { roomFor } from "../support/size-classes.ts";
import { sizedPage } from "../support/sized-codec.ts";
import {
  openTestDevice,
  readPage,
  sizedCodecs,
  type TestStore,
  testStore,
  writePage,
} from "../support/stores.ts";

const SLOTS = 64;

interface Prepared extends TestStore {
  readonly device: Device;
}

/** A store with `further` codecs and an export whose slot n holds the page with lengths `pages[n]`. */
async function prepared(further: number, pages: readonly (readonly number[])[]): Promise<Prepared> {
  const made = testStore({ codecs: sizedCodecs(1 + further) });
  const device = openTestDevice(made, { slots: SLOTS });
  for (const [index, lengths] of pages.entries()) {
    await writePage(device, index, sizedPage({ number: index, lengths }));
  }
  return { ...made, device };
}

function lengthsOf(device: Device, count: number): (number | undefined)[] {
  return Array.from({ length: count }, (_, index) => device.slotState(index)?.length);
}

async function expectPages(device: Device, pages: readonly (readonly number[])[]): Promise<void> {
  for (const [index, lengths] of pages.entries()) {
    const difference = differenceOf(
      await readPage(device, index),
      sizedPage({ number: index, lengths }),
    );
    expect(difference, `page ${index}`).toBeNull();
  }
}

describe("recompress", () => {
  it("changes an object only if it comes to lie in a smaller class", async () => {
    const room = roomFor(2000);
    const below = roomFor(1800);
    const pages = [
      [room, below],
      [room, room - 1],
      [room, 20],
      [room, 3000],
      [room, PAGE_BYTES],
    ];
    const { store, device } = await prepared(1, pages);
    const before = store.stats().compr_data_size;
    const result = store.recompress();
    expect(lengthsOf(device, 5)).toEqual([below, room, 20, room, room]);
    const saved = before - store.stats().compr_data_size;
    expect(result).toEqual({ tried: 5, recompressed: 2, exhausted: 3, saved_bytes: saved });
    expect(saved).toBe(2 * room - below - 20);
    await expectPages(device, pages);
  });

  it("leaves same-filled and empty slots alone", async () => {
    const { store, device } = await prepared(1, []);
    await writePage(device, 3, samePage(5));
    expect(store.recompress()).toEqual({ tried: 0, recompressed: 0, exhausted: 0, saved_bytes: 0 });
    expect(device.slotState(3)).toMatchObject({ same_filled: true, recompressed: false });
  });

  it("takes the first codec that helps, and goes on from there in the next pass", async () => {
    const pages = [
      [3500, 3000, 2000, 100],
      [3500, 3500, 2000, 1900],
      [3500, 3500, 3500, 100],
    ];
    const { store, device } = await prepared(3, pages);
    expect(store.recompress()).toMatchObject({ tried: 3, recompressed: 3 });
    expect(lengthsOf(device, 3)).toEqual([3000, 2000, 100]);
    expect([0, 1, 2].map((index) => device.slotState(index)?.codec)).toEqual([
      "sized-1",
      "sized-2",
      "sized-3",
    ]);
    expect(store.recompress()).toMatchObject({ tried: 2, recompressed: 2 });
    expect(lengthsOf(device, 3)).toEqual([2000, 1900, 100]);
    await expectPages(device, pages);
  });

  it("with a priority tries that codec alone", async () => {
    const pages = [
      [3500, 3000, 2000, 100],
      [3500, 100, 3500, 100],
    ];
    const { store, device } = await prepared(3, pages);
    expect(store.recompress({ priority: 2 })).toMatchObject({
      tried: 2,
      recompressed: 1,
      exhausted: 0,
    });
    expect(lengthsOf(device, 2)).toEqual([2000, 3500]);
    expect(store.recompress({ priority: 1 })).toMatchObject({ tried: 1, recompressed: 1 });
    expect(lengthsOf(device, 2)).toEqual([2000, 100]);
    await expectPages(device, pages);
  });

  it("does not try again what no codec could shrink, and marks it", async () => {
    const { store, device } = await prepared(2, [
      [2000, 2000, 3000],
      [2000, 2000, 100],
    ]);
    expect(store.recompress()).toMatchObject({ tried: 2, recompressed: 1, exhausted: 1 });
    expect(device.slotState(0)).toMatchObject({ incompressible: true, recompressed: false });
    expect(device.slotState(1)).toMatchObject({ incompressible: false, recompressed: true });
    expect(store.recompress()).toMatchObject({ tried: 0 });
  });

  it("tries a slot again once it holds something else", async () => {
    const { store, device } = await prepared(1, [[2000, 2000]]);
    store.recompress();
    await writePage(device, 0, sizedPage({ number: 9, lengths: [2000, 100] }));
    expect(store.recompress()).toMatchObject({ tried: 1, recompressed: 1 });
  });

  it("does not mark what one codec of several was not asked about", async () => {
    const { store, device } = await prepared(2, [[2000, 2000, 100]]);
    expect(store.recompress({ priority: 1 })).toMatchObject({ tried: 1, exhausted: 0 });
    expect(device.slotState(0)?.incompressible).toBe(false);
    expect(store.recompress()).toMatchObject({ recompressed: 1 });
  });

  it("does not mark what found no room at the memory limit: it shrinks once there is some", async () => {
    const { store, device } = await prepared(1, [[3000, 500]]);
    store.setMemoryLimit(store.stats().mem_used_total);
    expect(store.recompress()).toMatchObject({ recompressed: 0 });
    expect(lengthsOf(device, 1)).toEqual([3000]);
    store.setMemoryLimit(0);
    expect(store.recompress()).toMatchObject({ recompressed: 1 });
    expect(lengthsOf(device, 1)).toEqual([500]);
  });
});

describe("recompress with thresholdBytes", () => {
  it("tries objects of at least so many bytes, and takes only results below", async () => {
    const pages = [
      [1499, 100],
      [1500, 100],
      [3000, 1500],
      [3000, 1499],
      [PAGE_BYTES, 1500],
    ];
    const { store, device } = await prepared(1, pages);
    expect(store.recompress({ thresholdBytes: 1500 })).toMatchObject({ tried: 4, recompressed: 2 });
    expect(lengthsOf(device, 5)).toEqual([1499, 100, 3000, 1499, PAGE_BYTES]);
    await expectPages(device, pages);
  });

  it("does not mark what a codec could shrink, only not so far", async () => {
    const { store, device } = await prepared(1, [[3000, 1500]]);
    store.recompress({ thresholdBytes: 1500 });
    expect(device.slotState(0)?.incompressible).toBe(false);
    expect(store.recompress()).toMatchObject({ tried: 1, recompressed: 1 });
  });
});

describe("recompress with maxPages", () => {
  it("tries so many objects, and further ones in each pass", async () => {
    const pages = Array.from({ length: 10 }, (_, index) => [3000, index % 2 === 0 ? 1000 : 3000]);
    const { store, device } = await prepared(1, pages);
    const tried = [4, 4, 4, 4].map((maxPages) => store.recompress({ maxPages }).tried);
    expect(tried).toEqual([4, 4, 2, 0]);
    expect(lengthsOf(device, 10)).toEqual(pages.map(([, length]) => length));
  });
});

describe("recompress by type and age", () => {
  const pages = [
    [3000, 100],
    [PAGE_BYTES, 100],
    [3000, 100],
    [PAGE_BYTES, 100],
  ];

  it("huge tries what is stored raw", async () => {
    const { store, device } = await prepared(1, pages);
    expect(store.recompress({ type: "huge" })).toMatchObject({ tried: 2, recompressed: 2 });
    expect(lengthsOf(device, 4)).toEqual([3000, 100, 3000, 100]);
    expect(store.stats()).toMatchObject({ huge_pages: 0, huge_pages_since: 2 });
  });

  it("idle tries what is marked, and huge_idle what is both", async () => {
    const { store, device } = await prepared(1, pages);
    store.markIdle();
    await readPage(device, 0);
    await readPage(device, 1);
    expect(store.recompress({ type: "huge_idle" })).toMatchObject({ tried: 1 });
    expect(lengthsOf(device, 4)).toEqual([3000, PAGE_BYTES, 3000, 100]);
    expect(store.recompress({ type: "idle" })).toMatchObject({ tried: 1 });
    expect(lengthsOf(device, 4)).toEqual([3000, PAGE_BYTES, 100, 100]);
  });

  it("idleSeconds tries what nobody read or wrote for so long", async () => {
    const { store, device, clock } = await prepared(1, pages);
    clock.advance(100);
    await readPage(device, 0);
    await writePage(device, 4, sizedPage({ number: 4, lengths: [3000, 100] }));
    clock.advance(59);
    expect(store.recompress({ idleSeconds: 160 })).toMatchObject({ tried: 0 });
    expect(store.recompress({ idleSeconds: 159 })).toMatchObject({ tried: 3 });
    expect(lengthsOf(device, 5)).toEqual([3000, 100, 100, 100, 3000]);
    expect(store.recompress({ idleSeconds: 59 })).toMatchObject({ tried: 2 });
  });

  it.each([0, 1])(
    "an object is as young as its youngest slot, be it in export %i",
    async (which) => {
      const made = testStore({ codecs: sizedCodecs(2) });
      const { store, clock } = made;
      const devices = ["a", "b"].map((name) => openTestDevice(made, { slots: 4, name }));
      const page = sizedPage({ number: 1, lengths: [3000, 100] });
      for (const device of devices) await writePage(device, 2, page);
      clock.advance(100);
      store.markIdle();
      await readPage(devices[which]!, 2);
      expect(store.recompress({ type: "idle" })).toMatchObject({ tried: 0 });
      expect(store.recompress({ idleSeconds: 50 })).toMatchObject({ tried: 0 });
      await devices[which]!.discard(2 * PAGE_BYTES, PAGE_BYTES);
      expect(store.recompress({ type: "idle" })).toMatchObject({ tried: 1 });
      expect(devices[1 - which]!.slotState(2)?.length).toBe(100);
    },
  );
});

describe("recompress of shared objects", () => {
  it("is done once and serves every slot", async () => {
    const { store, device } = await prepared(1, []);
    const page = sizedPage({ number: 1, lengths: [3000, 1000] });
    for (let index = 0; index < 20; index++) await writePage(device, index, page);
    expect(store.recompress()).toMatchObject({ tried: 1, recompressed: 1, saved_bytes: 2000 });
    for (let index = 0; index < 20; index++) {
      expect(differenceOf(await readPage(device, index), page)).toBeNull();
      expect(device.slotState(index)).toMatchObject({
        recompressed: true,
        shared: true,
        length: 1000,
      });
    }
    expect(store.stats()).toMatchObject({ compr_data_size: 1000, dup_data_size: 19_000 });
  });

  it("does not keep later duplicates from being shared", async () => {
    const { store, device } = await prepared(2, [
      [3000, 1000, 500],
      [PAGE_BYTES, 1000, 500],
    ]);
    store.recompress();
    for (const number of [0, 1]) {
      const first = number === 0 ? 3000 : PAGE_BYTES;
      const page = sizedPage({ number, lengths: [first, 1000, 500] });
      await writePage(device, 10 + number, page);
      store.recompress();
      await writePage(device, 20 + number, page);
    }
    expect(store.stats()).toMatchObject({ objects: 2, dup_pages: 4, dup_data_size: 2000 });
  });
});
