/** Several commands at once on a store whose pages lie partly on the log: each does what it would have done alone. */

import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { Gate } from "../support/hooked-medium.ts";
import {
  fillMemory,
  overflowStore,
  sendAway,
  thirdPage,
  turns,
} from "../support/overflow-store.ts";
import { differenceOf, samePage } from "../support/pages.ts";
import { readPage, writePage } from "../support/stores.ts";

const KIB = 1024;

async function withPageAway(seed: number, promote = true) {
  const test = await overflowStore({ overflow: { promote } });
  const device = test.store.openExport({ name: "a", sizeBytes: 64 * PAGE_BYTES });
  const page = thirdPage(new SeededRandom(seed));
  await writePage(device, 0, page);
  expect(await sendAway(test, "a", 0)).toBe(1);
  return { ...test, device, page };
}

describe("a page on the log", () => {
  it("takes several partial writes whose reads end at the same moment", async () => {
    const { device, page, medium } = await withPageAway(1, false);
    const gate = new Gate();
    medium.beforeRead = () => gate.pass();
    const writes = [1, 2, 3, 4].map((value) =>
      device.write(700 * value, new Uint8Array(50).fill(value)),
    );
    await turns(2);
    gate.open();
    await Promise.all(writes);
    const expected = page.slice();
    for (const value of [1, 2, 3, 4]) expected.fill(value, 700 * value, 700 * value + 50);
    expect(differenceOf(await readPage(device, 0), expected)).toBeNull();
  });

  it("takes a partial write though there is memory for one page only", async () => {
    const { device, page, store } = await withPageAway(1);
    await writePage(device, 1, thirdPage(new SeededRandom(2)));
    await device.read(0, new Uint8Array(PAGE_BYTES));
    await device.discard(PAGE_BYTES, PAGE_BYTES);
    // Room for one zspage, and no more.
    const { mem_used_max } = store.stats();
    store.setMemoryLimit(4 * mem_used_max);
    const slots = Math.floor((4 * mem_used_max) / PAGE_BYTES);
    await device.writeZeroes(PAGE_BYTES, (slots - 1) * PAGE_BYTES, { reserve: true });
    const noise = new Uint8Array(2700);
    new SeededRandom(3).fill(noise);
    await device.write(1300, noise);
    const expected = page.slice();
    expected.set(noise, 1300);
    expect(differenceOf(await readPage(device, 0), expected)).toBeNull();
  });

  it("takes a partial write while another takes it over whole", async () => {
    const { device, medium } = await withPageAway(2);
    const gate = new Gate();
    medium.beforeRead = () => gate.pass();
    const part = device.write(50, new Uint8Array(10).fill(9));
    await gate.reached();
    const whole = thirdPage(new SeededRandom(3));
    await writePage(device, 0, whole);
    gate.open();
    await part;
    const expected = whole.slice().fill(9, 50, 60);
    expect(differenceOf(await readPage(device, 0), expected)).toBeNull();
  });

  it("is read as it was when the reading began, though it is discarded meanwhile", async () => {
    const { device, page, medium } = await withPageAway(4);
    const gate = new Gate();
    medium.beforeRead = () => gate.pass();
    const read = readPage(device, 0);
    await gate.reached();
    await device.discard(0, PAGE_BYTES);
    gate.open();
    expect(differenceOf(await read, page)).toBeNull();
    expect(differenceOf(await readPage(device, 0), new Uint8Array(PAGE_BYTES))).toBeNull();
  });

  it("is zeros and what was written, if it is discarded while part of it is written", async () => {
    const { device, medium } = await withPageAway(5);
    const gate = new Gate();
    medium.beforeRead = () => gate.pass();
    const part = device.write(50, new Uint8Array(10).fill(9));
    await gate.reached();
    await device.discard(0, PAGE_BYTES);
    gate.open();
    await part;
    const expected = new Uint8Array(PAGE_BYTES).fill(9, 50, 60);
    expect(differenceOf(await readPage(device, 0), expected)).toBeNull();
  });

  it("is overwritten whole without being read, though memory is full", async () => {
    const test = await overflowStore({
      memoryLimitBytes: 64 * KIB,
      overflow: { highWatermark: 0.99 },
    });
    const device = test.store.openExport({ name: "a", sizeBytes: 256 * PAGE_BYTES });
    for (let index = 0; index < 2; index++)
      await writePage(device, index, thirdPage(new SeededRandom(index)));
    await sendAway(test, "a", 0, 1);
    fillMemory(device, 2, new SeededRandom(7));
    test.medium.reads.length = 0;
    test.medium.beforeRead = () => {
      throw new PagefoldError("IO", "the test refuses");
    };
    const page = thirdPage(new SeededRandom(8));
    await writePage(device, 0, page);
    await device.writeZeroes(PAGE_BYTES, PAGE_BYTES, { reserve: true });
    expect(test.medium.reads).toEqual([]);
    // Memory is full, so it may have left again.
    test.medium.beforeRead = () => {};
    expect(differenceOf(await readPage(device, 0), page)).toBeNull();
  });

  it("fails a read without telling of the medium or the object, which may be others' too", async () => {
    const { device, medium } = await withPageAway(9);
    medium.beforeRead = () => {
      throw new PagefoldError("IO", "/a/path of the server's refuses");
    };
    const failure = await readPage(device, 0).catch((cause: unknown) => cause);
    expect(failure).toMatchObject({ code: "IO", message: expect.stringMatching(/^page 0: /) });
    expect((failure as Error).message).not.toMatch(/path|object/);
  });

  it("fails a read only when nothing works on the caller's bytes any more", async () => {
    const { device, medium, core } = await withPageAway(6);
    await writePage(device, 1, thirdPage(new SeededRandom(9)));
    core.engine.bytesOf(core.exports.get("a")!.table.objectAt(1)).fill(0xff);
    const gate = new Gate();
    medium.beforeRead = async () => {
      await gate.pass();
      throw new PagefoldError("IO", "the test refuses");
    };
    let isDone = false;
    const read = device.read(0, new Uint8Array(2 * PAGE_BYTES)).catch((cause: unknown) => {
      isDone = true;
      return cause;
    });
    await gate.reached();
    await turns(3);
    expect(isDone).toBe(false);
    gate.open();
    expect(await read).toBeInstanceOf(PagefoldError);
  });

  it("is read to the end when the store is closed meanwhile", async () => {
    const { device, page, medium, store } = await withPageAway(7);
    const gate = new Gate();
    medium.beforeRead = () => gate.pass();
    const read = readPage(device, 0);
    await gate.reached();
    const closed = store.close();
    await turns(3);
    gate.open();
    expect(differenceOf(await read, page)).toBeNull();
    await closed;
  });
});

describe("a write that waits for room", () => {
  async function withFullMemory() {
    const test = await overflowStore({
      memoryLimitBytes: 64 * KIB,
      overflow: { highWatermark: 0.99 },
    });
    const device = test.store.openExport({ name: "a", sizeBytes: 256 * PAGE_BYTES });
    const gate = new Gate();
    test.medium.beforeWrite = () => gate.pass();
    const pages = fillMemory(device, 0, new SeededRandom(1));
    const page = thirdPage(new SeededRandom(2));
    const written = writePage(device, 200, page);
    await gate.reached();
    return { ...test, device, gate, pages, page, written };
  }

  it("keeps no read waiting", async () => {
    const { device, gate, pages, written } = await withFullMemory();
    for (const [index, page] of pages.entries()) {
      expect(differenceOf(await readPage(device, index), page)).toBeNull();
    }
    gate.open();
    await written;
  });

  it("is told CLOSED when its export is closed", async () => {
    const { device, gate, store, written } = await withFullMemory();
    const refused = expect(written).rejects.toMatchObject({ code: "CLOSED" });
    await device.close();
    gate.open();
    await refused;
    expect(store.stats()).toMatchObject({ objects: 0, bd_count: 0 });
  });

  it("is told CLOSED when the store is closed", async () => {
    const { gate, store, written } = await withFullMemory();
    const refused = expect(written).rejects.toMatchObject({ code: "CLOSED" });
    const closed = store.close();
    gate.open();
    await refused;
    await closed;
  });

  it("goes on when a discard makes the room that a full log cannot", async () => {
    const { device, gate, medium, page, written } = await withFullMemory();
    medium.beforeWrite = async () => {
      await gate.pass();
      throw new PagefoldError("IO", "the test refuses");
    };
    await device.discard(0, 8 * PAGE_BYTES);
    gate.open();
    await written;
    expect(differenceOf(await readPage(device, 200), page)).toBeNull();
  });

  it("is one of many, and all go on", async () => {
    const { device, gate, written } = await withFullMemory();
    const random = new SeededRandom(3);
    const pages = Array.from({ length: 40 }, () => thirdPage(random));
    const more = pages.map((page, index) => writePage(device, 100 + index, page));
    const same = writePage(device, 99, samePage(5));
    gate.open();
    await Promise.all([written, ...more, same]);
    for (const [index, page] of pages.entries()) {
      expect(differenceOf(await readPage(device, 100 + index), page)).toBeNull();
    }
  });
});
