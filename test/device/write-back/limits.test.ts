/** Where write-back stops, what it waits for, and what a budget pays for. */

import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../../src/base/errors.ts";
import { SeededRandom } from "../../../src/base/random.ts";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import { Gate, HookedMedium } from "../../support/hooked-medium.ts";
import { overflowStore, sendAway, thirdPage, turns } from "../../support/overflow-store.ts";
import { differenceOf } from "../../support/pages.ts";
import { readPage, writePage } from "../../support/stores.ts";
import { memoryFor, SEGMENT_BYTES } from "../../support/test-log.ts";

const KIB = 1024;

describe("WriteBack", () => {
  it("leaves in memory what is there when the limit is lifted", async () => {
    const test = await overflowStore({ memoryLimitBytes: 512 * KIB });
    const device = test.store.openExport({ sizeBytes: 512 * PAGE_BYTES });
    const random = new SeededRandom(1);
    const gate = new Gate();
    test.medium.beforeWrite = () => gate.pass();
    for (let index = 0; index < 350; index++)
      device.writeNow(index * PAGE_BYTES, thirdPage(random));
    await gate.reached();
    test.store.setMemoryLimit(0);
    gate.open();
    await turns(50);
    const { bd_count, objects } = test.store.stats();
    expect(bd_count).toBeGreaterThan(0);
    expect(bd_count).toBeLessThan(objects);
  });

  it("has clean copies leave where nothing can be written any more", async () => {
    const medium = new HookedMedium(memoryFor(8));
    const test = await overflowStore({ medium, memoryLimitBytes: 1024 * KIB });
    const device = test.store.openExport({ sizeBytes: 4096 * PAGE_BYTES });
    const random = new SeededRandom(2);
    for (let index = 0; index < 200; index++) await writePage(device, index, thirdPage(random));
    await test.store.writeBack({ pages: [{ first: 0, last: 199 }] });
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 100; index++) await readPage(device, index);
    }
    expect(test.store.overflowStats()).toMatchObject({ promoted: 100 });
    let index = 200;
    const fill = async () => {
      for (; ; index++) await writePage(device, index, thirdPage(random));
    };
    await expect(fill()).rejects.toMatchObject({ code: "NO_SPACE" });
    expect(test.store.overflowStats()).toMatchObject({ copied_bytes: 0 });
  });

  it("goes on when the file system was full for a moment", async () => {
    const test = await overflowStore({ memoryLimitBytes: 256 * KIB });
    const device = test.store.openExport({ sizeBytes: 512 * PAGE_BYTES });
    let refusals = 6;
    test.medium.beforeWrite = () => {
      if (refusals-- > 0) throw new PagefoldError("NO_SPACE", "the test's file system is full");
    };
    const random = new SeededRandom(3);
    const pages = Array.from({ length: 300 }, () => thirdPage(random));
    for (const [index, page] of pages.entries()) {
      // A write may find no room while the file system has none.
      for (;;) {
        try {
          await writePage(device, index, page);
          break;
        } catch (cause) {
          expect(cause).toMatchObject({ code: "NO_SPACE" });
        }
      }
    }
    expect(test.store.overflowStats()).toMatchObject({ is_dead: false, segments_retired: 0 });
    expect(test.events.filter((line) => line.includes("cannot grow"))).toHaveLength(1);
    expect(differenceOf(await readPage(device, 0), pages[0]!)).toBeNull();
  });

  it("charges the budget with what cleaning writes too", async () => {
    const budgetBytesPerDay = 2 ** 30;
    const test = await overflowStore({
      medium: new HookedMedium(memoryFor(12)),
      memoryLimitBytes: 128 * KIB,
      overflow: { budgetBytesPerDay, promote: false },
    });
    const slots = Math.floor((8 * SEGMENT_BYTES) / 1400);
    const device = test.store.openExport({ sizeBytes: slots * PAGE_BYTES });
    const random = new SeededRandom(4);
    for (let write = 0; write < 4 * slots; write++) {
      await writePage(device, random.below(slots), thirdPage(random));
    }
    await turns(20);
    const { moved_bytes, programmed_bytes, budget } = test.store.overflowStats()!;
    expect(moved_bytes).toBeGreaterThan(0);
    const spent = budgetBytesPerDay - budget.available_bytes!;
    // What was cleaned since the last batch is charged with the next; an open unit is charged, and not programmed yet.
    expect(spent).toBeGreaterThanOrEqual(programmed_bytes - 2 * SEGMENT_BYTES);
    expect(spent).toBeLessThan(programmed_bytes + 256 * KIB);
  });

  it("chooses what leaves by hand when its turn comes, in the store there is then", async () => {
    const test = await overflowStore({ memoryLimitBytes: 1024 * KIB });
    const device = test.store.openExport({ name: "a", sizeBytes: 64 * PAGE_BYTES });
    const random = new SeededRandom(5);
    for (let index = 0; index < 32; index++) await writePage(device, index, thirdPage(random));
    const gate = new Gate();
    test.medium.beforeWrite = () => gate.pass();
    const first = sendAway(test, "a", 0);
    await gate.reached();
    const second = test.store.writeBack({ pages: [{ export: "a", first: 0, last: 31 }] });
    const refused = expect(second).rejects.toMatchObject({ code: "NOT_FOUND" });
    await device.close();
    test.store.reset();
    gate.open();
    await first;
    await refused;
    expect(test.store.stats()).toMatchObject({ objects: 0, bd_count: 0, mem_used_total: 0 });
  });

  it("takes pages written anew when log and memory are full, wherever the old ones lie", async () => {
    const medium = new HookedMedium(memoryFor(12));
    const test = await overflowStore({ medium, memoryLimitBytes: 512 * KIB });
    const device = test.store.openExport({ sizeBytes: 4096 * PAGE_BYTES });
    const random = new SeededRandom(6);
    let count = 0;
    const fill = async () => {
      for (; ; count++) await writePage(device, count, thirdPage(random));
    };
    await expect(fill()).rejects.toMatchObject({ code: "NO_SPACE" });
    const latest = new Map<number, Uint8Array>();
    for (let write = 0; write < 500; write++) {
      const index = random.below(count);
      const page = thirdPage(random);
      await writePage(device, index, page);
      latest.set(index, page);
    }
    for (const [index, page] of latest)
      expect(differenceOf(await readPage(device, index), page)).toBeNull();
    expect(test.store.stats().mem_used_max).toBeLessThanOrEqual(512 * KIB);
  });
});
