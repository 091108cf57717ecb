/** What leaves memory and what stays, when writes to the log fail, objects change on their way, many ask at once. */

import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../../src/base/errors.ts";
import { SeededRandom } from "../../../src/base/random.ts";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import { Gate, HookedMedium } from "../../support/hooked-medium.ts";
import {
  fillMemory,
  overflowStore,
  sendAway,
  thirdPage,
  turns,
} from "../../support/overflow-store.ts";
import { differenceOf, numberedPage, prefixPage } from "../../support/pages.ts";
import { readPage, writePage } from "../../support/stores.ts";
import { memoryFor } from "../../support/test-log.ts";

const KIB = 1024;
const refusal = new PagefoldError("IO", "the test refuses");

describe("WriteBack", () => {
  it("has an object leave again whose record could not be written", async () => {
    const test = await overflowStore();
    const device = test.store.openExport({ name: "a", sizeBytes: 8 * PAGE_BYTES });
    await writePage(device, 0, thirdPage(new SeededRandom(1)));
    test.medium.beforeWrite = () => {
      throw refusal;
    };
    expect(await sendAway(test, "a", 0)).toBe(0);
    test.medium.beforeWrite = () => {};
    expect(await sendAway(test, "a", 0)).toBe(1);
    expect(test.store.stats().bd_count).toBe(1);
  });

  it("finds an object again that was recompressed on its way", async () => {
    const limit = 64 * KIB;
    const test = await overflowStore({
      memoryLimitBytes: limit,
      codec: "lz4-fast",
      recompress: ["deflate"],
    });
    const device = test.store.openExport({ name: "a", sizeBytes: 64 * PAGE_BYTES });
    const page = prefixPage(new SeededRandom(2), 3000);
    for (let at = 0; at < 3000; at++) page[at]! &= 15;
    await writePage(device, 0, page);
    const gate = new Gate();
    test.medium.beforeWrite = () => gate.pass();
    test.store.setMemoryLimit(test.store.stats().mem_used_total);
    await gate.reached();
    test.store.setMemoryLimit(limit);
    expect(test.store.recompress({}).recompressed).toBe(1);
    gate.open();
    await turns(5);
    expect(test.store.stats()).toMatchObject({ bd_count: 0, objects: 1 });
    // Nothing else is in memory, and nothing fits beside it.
    test.store.setMemoryLimit(test.store.stats().mem_used_total);
    await writePage(device, 1, prefixPage(new SeededRandom(3), PAGE_BYTES));
    expect(test.store.stats().bd_count).toBe(1);
    expect(differenceOf(await readPage(device, 0), page)).toBeNull();
  });

  it("lets a write go on that waits while write-back by hand comes to nothing", async () => {
    const test = await overflowStore({
      memoryLimitBytes: 64 * KIB,
      overflow: { highWatermark: 0.99 },
    });
    const device = test.store.openExport({ name: "a", sizeBytes: 256 * PAGE_BYTES });
    const gate = new Gate();
    test.medium.beforeWrite = async () => {
      await gate.pass();
      test.medium.beforeWrite = () => {};
      throw refusal;
    };
    for (let index = 0; index < 4; index++)
      await writePage(device, index, thirdPage(new SeededRandom(index)));
    const sent = sendAway(test, "a", 0);
    await gate.reached();
    const held = fillMemory(device, 4, new SeededRandom(7));
    const page = thirdPage(new SeededRandom(8));
    const written = writePage(device, 4 + held.length, page);
    await turns(2);
    gate.open();
    await Promise.all([sent, written]);
    expect(differenceOf(await readPage(device, 4 + held.length), page)).toBeNull();
  });

  it("refuses no write for the sake of the budget, however many wait", async () => {
    const random = new SeededRandom(4);
    for (let run = 0; run < 8; run++) {
      const test = await overflowStore({
        memoryLimitBytes: 48 * KIB,
        overflow: { budgetBytesPerDay: 4200, highWatermark: 0.3, lowWatermark: 0.2 },
      });
      const device = test.store.openExport({ sizeBytes: 400 * PAGE_BYTES });
      const waits: Promise<void>[] = [];
      for (let index = 0; index < 300; index++) {
        const written = writePage(device, index, thirdPage(random));
        waits.push(written);
        if (random.below(3) === 0) await written;
        if (random.below(5) === 0) await turns(random.below(3));
        for (let passed = random.below(12); passed > 0; passed--) await Promise.resolve();
      }
      await Promise.all(waits);
      expect(test.store.overflowStats()!.budget.overdrawn_bytes).toBeGreaterThan(0);
      await test.store.close();
    }
  });

  it("lets a write go on that begins to wait when what was given up is taken again", async () => {
    const test = await overflowStore({
      memoryLimitBytes: 128 * KIB,
      overflow: { highWatermark: 0.3, lowWatermark: 0.01 },
    });
    const device = test.store.openExport({ sizeBytes: 256 * PAGE_BYTES });
    const random = new SeededRandom(6);
    const gate = new Gate();
    test.medium.beforeWrite = () => gate.pass();
    for (let index = 0; index < 36; index++) await writePage(device, index, thirdPage(random));
    await gate.reached();
    // Each has a place in a zspage of its own, so that compaction is tried.
    for (let index = 0; index < 6; index++) {
      await writePage(device, 40 + index, prefixPage(random, 300 + 450 * index));
    }
    let written: Promise<void> | undefined;
    const { engine } = test.core;
    engine.compactClass = (index) => {
      if (index !== 240 || written !== undefined) return 0;
      const pages = Array.from({ length: 200 }, () => thirdPage(random));
      written = turns(0);
      setImmediate(() => {
        written = device.write(50 * PAGE_BYTES, Buffer.concat(pages));
        written.catch(() => {});
      });
      return 1;
    };
    gate.open();
    await turns(50);
    expect(written).toBeDefined();
    await written;
    expect(test.store.stats().orig_data_size).toBe(242 * PAGE_BYTES);
  });

  it("keeps what is in memory when the medium has died, copies of records too", async () => {
    const test = await overflowStore({ memoryLimitBytes: 64 * KIB });
    const device = test.store.openExport({ name: "a", sizeBytes: 256 * PAGE_BYTES });
    const page = thirdPage(new SeededRandom(1));
    await writePage(device, 0, page);
    await sendAway(test, "a", 0);
    await readPage(device, 0);
    await readPage(device, 0);
    expect(test.store.overflowStats()!.copied_bytes).toBeGreaterThan(0);
    // Its segment is full, and has nothing to do with what fails.
    for (let index = 100; index < 200; index++) {
      await writePage(device, index, thirdPage(new SeededRandom(index)));
      await sendAway(test, "a", index);
    }
    const die = () => {
      throw refusal;
    };
    Object.assign(test.medium, { beforeWrite: die, beforeRead: die, beforeErase: die });
    const random = new SeededRandom(9);
    let index = 1;
    for (; !test.store.overflowStats()!.is_dead; index++) {
      await writePage(device, index, thirdPage(random));
      await sendAway(test, "a", index);
    }
    const written = async () => {
      for (; ; index++) await writePage(device, index, thirdPage(random));
    };
    await expect(written()).rejects.toMatchObject({
      code: "NO_SPACE",
      message: expect.stringContaining("takes no more pages since its medium failed"),
    });
    expect(test.store.overflowStats()!.is_dead).toBe(true);
    expect(test.events.join()).toContain("takes no more pages (the test refuses)");
    expect(differenceOf(await readPage(device, 0), page)).toBeNull();
    for (let each = 1; each < index; each++) await readPage(device, each);
    expect(await sendAway(test, "a", 0)).toBe(0);
    expect(differenceOf(await readPage(device, 0), page)).toBeNull();
  });

  it("sends the rest on when a write fails, whenever it does", async () => {
    for (let microtasks = 0; microtasks < 24; microtasks++) {
      const medium = new HookedMedium(memoryFor(158));
      const test = await overflowStore({
        medium,
        codec: "raw",
        overflow: { segmentBytes: 2 ** 20 },
      });
      const device = test.store.openExport({ name: "a", sizeBytes: 150 * PAGE_BYTES });
      for (let index = 0; index < 150; index++) {
        await writePage(device, index, numberedPage(index));
      }
      let isFirst = true;
      medium.beforeWrite = async () => {
        if (!isFirst) return;
        isFirst = false;
        for (let passed = 0; passed < microtasks; passed++) await Promise.resolve();
        throw refusal;
      };
      const pages = [{ export: "a", first: 0, last: 149 }];
      const { chosen, written } = await test.store.writeBack({ pages });
      const { engine } = test.core;
      let failed = 0;
      for (let id = 1; id < engine.idEnd(); id++) failed += Number(engine.isLeaving(id));
      expect([chosen, written + failed]).toEqual([150, 150]);
      expect(written).toBeGreaterThan(0);
      await test.store.close();
    }
  });

  it("keeps an object in memory whose copy on the log is lost", async () => {
    const test = await overflowStore();
    const device = test.store.openExport({ name: "a", sizeBytes: 1024 * PAGE_BYTES });
    const page = thirdPage(new SeededRandom(1));
    await writePage(device, 0, page);
    await sendAway(test, "a", 0);
    await readPage(device, 0);
    await readPage(device, 0);
    test.medium.beforeRead = () => {
      throw refusal;
    };
    const random = new SeededRandom(2);
    // Round and round until its segment has been cleaned.
    for (let index = 1; test.core.writeBack!.log.placement.unitOf(1) !== 0; index++) {
      expect(index).toBeLessThan(5000);
      await writePage(device, 1 + (index % 20), thirdPage(random));
      await sendAway(test, "a", 1 + (index % 20));
    }
    expect(test.store.overflowStats()).toMatchObject({ copied_bytes: 0, lost_objects: 0 });
    test.medium.beforeRead = () => {};
    expect(await sendAway(test, "a", 0)).toBe(1);
    expect(differenceOf(await readPage(device, 0), page)).toBeNull();
  });

  it("tells what left by hand, whatever else leaves or goes meanwhile", async () => {
    const test = await overflowStore();
    const device = test.store.openExport({ name: "a", sizeBytes: 64 * PAGE_BYTES });
    for (let index = 0; index < 20; index++)
      await writePage(device, index, thirdPage(new SeededRandom(index)));
    await sendAway(test, "a", 0, 1, 2, 3, 4, 5, 6, 7);
    const gate = new Gate();
    test.medium.beforeWrite = () => gate.pass();
    const sent = sendAway(test, "a", 10);
    await gate.reached();
    await device.discard(0, 8 * PAGE_BYTES);
    gate.open();
    expect(await sent).toBe(1);
  });

  it("starts anew while a record is being written", async () => {
    const test = await overflowStore();
    const device = test.store.openExport({ name: "a", sizeBytes: 4096 * PAGE_BYTES });
    for (let index = 0; index < 3000; index++)
      await writePage(device, index, thirdPage(new SeededRandom(index)));
    const gate = new Gate();
    test.medium.beforeWrite = async () => {
      await gate.pass();
      throw refusal;
    };
    const sent = sendAway(test, "a", 2999);
    await gate.reached();
    await device.close();
    test.store.reset();
    const again = test.store.openExport({
      name: "a",
      sizeBytes: PAGE_BYTES,
      limitBytes: PAGE_BYTES,
    });
    gate.open();
    await sent;
    test.medium.beforeWrite = () => {};
    await writePage(again, 0, thirdPage(new SeededRandom(1)));
    expect(test.store.stats()).toMatchObject({ bd_count: 0, objects: 1 });
    expect(await sendAway(test, "a", 0)).toBe(1);
    expect(test.store.stats()).toMatchObject({ bd_count: 1, objects: 1 });
  });

  it("never gives a page an object of another domain in place of its own", async () => {
    const test = await overflowStore();
    const [a, b] = ["a", "b"].map((name) =>
      test.store.openExport({ name, domain: name, sizeBytes: 8 * PAGE_BYTES }),
    );
    const [first, second] = [thirdPage(new SeededRandom(1)), thirdPage(new SeededRandom(2))];
    await writePage(a!, 0, first);
    await writePage(a!, 1, second);
    await sendAway(test, "a", 0, 1);
    const candidate = test.core.exports.get("a")!.table.objectAt(1);
    const gate = new Gate();
    test.medium.beforeRead = () => gate.pass();
    // The first is being compared; the second waits until it is.
    await writePage(a!, 2, first);
    await writePage(a!, 3, second);
    await a!.discard(PAGE_BYTES, PAGE_BYTES);
    await writePage(b!, 0, second);
    expect(test.core.exports.get("b")!.table.objectAt(0)).toBe(candidate);
    await sendAway(test, "b", 0);
    gate.open();
    await turns(20);
    expect(test.store.overflowStats()!.merged).toBe(1);
    expect(test.core.exports.get("a")!.table.objectAt(3)).not.toBe(candidate);
  });

  it("ends once, however often it is asked to", async () => {
    const test = await overflowStore();
    const device = test.store.openExport({ name: "a", sizeBytes: 8 * PAGE_BYTES });
    await writePage(device, 0, thirdPage(new SeededRandom(1)));
    await sendAway(test, "a", 0);
    await Promise.all([test.store.close(), test.store.close(), device.close()]);
    await test.store.close();
    expect(test.events).toEqual([]);
  });
});
