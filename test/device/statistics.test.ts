/** What each count means, one by one; that they add up after every command is checked in test/model. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { createPageStore, openStore, type PageStore } from "../../src/index.ts";
import { numberedPage, prefixPage, randomPage, samePage } from "../support/pages.ts";
import { sizedPage } from "../support/sized-codec.ts";
import { openTestDevice, testStore, writePage } from "../support/stores.ts";

const SLOTS = 1000;
/** What an entry of zram's table takes. */
const ZRAM_SLOT_BYTES = 16;

function pageStore(dedup = true): PageStore {
  return createPageStore({ sizeBytes: SLOTS * PAGE_BYTES, dedup });
}

describe("stats", () => {
  it("of a new store are all zero but its tables and what it reserves", () => {
    const stats = pageStore().stats();
    const zero = Object.entries(stats).filter(([, value]) => value === 0);
    expect(zero.map(([name]) => name).sort()).toEqual(
      [
        "orig_data_size",
        "compr_data_size",
        "mem_used_total",
        "mem_limit",
        "mem_used_max",
        "same_pages",
        "pages_compacted",
        "huge_pages",
        "huge_pages_since",
        "bd_count",
        "bd_reads",
        "bd_writes",
        "reserved_bytes",
        "dup_pages",
        "dup_data_size",
        "bd_data_size",
        "objects",
        "num_reads",
        "num_writes",
        "failed_reads",
        "failed_writes",
        "notify_free",
      ].sort(),
    );
    expect(stats).toMatchObject({
      name: "",
      domain: "",
      size_bytes: SLOTS * PAGE_BYTES,
      limit_bytes: SLOTS * PAGE_BYTES,
    });
  });

  it("have every term of the accounting identity", async () => {
    const made = testStore();
    const device = openTestDevice(made, { slots: 20 });
    const write = (index: number, number: number, length: number) =>
      writePage(device, index, sizedPage({ number, lengths: [length] }));
    for (const index of [0, 1]) await writePage(device, index, samePage(index));
    await write(2, 2, 1000);
    for (const index of [3, 4, 5]) await write(index, 3, 500);
    for (const index of [6, 7]) await write(index, 6, PAGE_BYTES);
    const terms = {
      orig_data_size: 8 * PAGE_BYTES,
      compr_data_size: 1000 + 500 + PAGE_BYTES,
      same_pages: 2,
      dup_pages: 3,
      dup_data_size: 2 * 500 + PAGE_BYTES,
      huge_pages: 1,
      huge_pages_since: 1,
      objects: 3,
    };
    expect(made.store.stats()).toMatchObject(terms);
    expect(device.stats()).toMatchObject(terms);
  });

  it("count huge_pages now, and huge_pages_since for ever", () => {
    const store = pageStore();
    const random = new SeededRandom(1);
    for (let index = 0; index < 10; index++) store.write(index, randomPage(random));
    store.discard(0, 5);
    for (let index = 5; index < 8; index++) store.write(index, numberedPage(index));
    store.write(8, randomPage(random));
    expect(store.stats()).toMatchObject({ huge_pages: 2, huge_pages_since: 11 });
  });

  it("hold in mem_used_max the most there was, until it is reset to what there is", () => {
    const store = pageStore();
    const random = new SeededRandom(1);
    for (let index = 0; index < 50; index++) store.write(index, randomPage(random));
    store.discard(0, 40);
    expect(store.stats()).toMatchObject({
      mem_used_total: 10 * PAGE_BYTES,
      mem_used_max: 50 * PAGE_BYTES,
    });
    store.resetMemUsedMax();
    expect(store.stats().mem_used_max).toBe(10 * PAGE_BYTES);
    store.write(0, randomPage(random));
    expect(store.stats().mem_used_max).toBe(11 * PAGE_BYTES);
  });

  it("count in pages_compacted what compaction gave back, over all its runs", () => {
    const store = pageStore();
    let compacted = 0;
    for (let round = 0; round < 3; round++) {
      const random = new SeededRandom(round);
      for (let index = 0; index < SLOTS; index++) store.write(index, prefixPage(random, 600));
      for (let index = 0; index < SLOTS; index += 2) store.discard(index);
      const before = store.stats().mem_used_total;
      const pages = store.compact();
      expect(pages).toBeGreaterThan(0);
      expect(store.stats().mem_used_total).toBe(before - pages * PAGE_BYTES);
      compacted += pages;
    }
    expect(store.stats().pages_compacted).toBe(compacted);
  });

  it("count failed reads and writes with the others, of one export only", async () => {
    const store = await openStore();
    const first = store.openExport({ sizeBytes: 2 ** 20, name: "a", limitBytes: 4096 });
    const second = store.openExport({ sizeBytes: 2 ** 20, name: "b" });
    await writePage(first, 0, numberedPage(1));
    await expect(writePage(first, 1, numberedPage(2))).rejects.toThrow("limit");
    await first.read(0, new Uint8Array(3 * PAGE_BYTES));
    await first.discard(0, 2 * PAGE_BYTES);
    await writePage(second, 0, numberedPage(1));
    expect(first.stats()).toMatchObject({
      name: "a",
      num_reads: 3,
      num_writes: 2,
      failed_reads: 0,
      failed_writes: 1,
      notify_free: 2,
    });
    expect(second.stats()).toMatchObject({
      name: "b",
      num_reads: 0,
      num_writes: 1,
      failed_reads: 0,
      failed_writes: 0,
      notify_free: 0,
    });
  });

  it("of an export count its own pages and objects, beside the store's memory", async () => {
    const store = await openStore();
    const first = store.openExport({ sizeBytes: 2 ** 20, name: "a" });
    const second = store.openExport({ sizeBytes: 2 ** 20, name: "b" });
    for (const index of [0, 1, 2]) await writePage(first, index, samePage(index));
    for (const index of [3, 4]) await writePage(first, index, numberedPage(index));
    await writePage(second, 0, numberedPage(3));
    const whole = store.stats();
    expect(whole).toMatchObject({ orig_data_size: 6 * PAGE_BYTES, same_pages: 3, objects: 2 });
    const length = (device: typeof first, index: number) => device.slotState(index)!.length;
    const { mem_used_total, metadata_size } = whole;
    expect(first.stats()).toMatchObject({
      orig_data_size: 5 * PAGE_BYTES,
      same_pages: 3,
      objects: 2,
      dup_pages: 0,
      compr_data_size: length(first, 3) + length(first, 4),
      mem_used_total,
      metadata_size,
    });
    expect(second.stats()).toMatchObject({
      orig_data_size: PAGE_BYTES,
      same_pages: 0,
      objects: 1,
      dup_pages: 0,
      compr_data_size: length(second, 0),
      mem_used_total,
      metadata_size,
    });
  });

  it("count every export's slots in metadata_size, and give them back when it closes", async () => {
    const store = await openStore();
    const before = store.stats().metadata_size;
    const first = store.openExport({ sizeBytes: 2 ** 24, name: "a" });
    const perSlot = (store.stats().metadata_size - before) / 2 ** 12;
    expect(perSlot).toBeLessThanOrEqual(ZRAM_SLOT_BYTES);
    store.openExport({ sizeBytes: 2 ** 26, name: "b" });
    expect(store.stats().metadata_size - before).toBe(perSlot * (2 ** 12 + 2 ** 14));
    await first.close();
    expect(store.stats().metadata_size - before).toBe(perSlot * 2 ** 14);
  });

  it("have in memory_reserved more than everything they count", () => {
    const store = pageStore();
    const random = new SeededRandom(1);
    for (let index = 0; index < SLOTS; index++) store.write(index, randomPage(random));
    const { memory_reserved, mem_used_total, metadata_size } = store.stats();
    expect(memory_reserved).toBeGreaterThanOrEqual(mem_used_total + metadata_size);
    expect(memory_reserved).toBeLessThan(mem_used_total + metadata_size + 12 * 2 ** 20);
  });
});
