/** Ranges over pages in memory and on the log: how much is under way at once, and how methods fail. */

import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { Gate, HookedMedium } from "../support/hooked-medium.ts";
import {
  fillMemory,
  type OverflowStore,
  overflowStore,
  sendAway,
  thirdPage,
  turns,
} from "../support/overflow-store.ts";
import { writePage } from "../support/stores.ts";
import { memoryFor } from "../support/test-log.ts";

const KIB = 1024;

/** A store with `count` pages that are away, but for every `inMemory`th. */
async function withPagesAway(count: number, inMemory = 0) {
  const test = await overflowStore({
    medium: new HookedMedium(memoryFor(64)),
    overflow: { promote: false },
  });
  const device = test.store.openExport({ name: "a", sizeBytes: (count + 1) * PAGE_BYTES });
  const random = new SeededRandom(count);
  const bytes = new Uint8Array(count * PAGE_BYTES);
  const isHere = (index: number) => inMemory > 0 && index % inMemory === 0;
  for (let index = 0; index < count; index++) {
    const page = thirdPage(random);
    bytes.set(page, index * PAGE_BYTES);
    await writePage(device, index, page);
  }
  const away = Array.from({ length: count }, (_, index) => index).filter((page) => !isHere(page));
  expect(await sendAway(test, "a", ...away)).toBe(away.length);
  return { ...test, device, bytes, away };
}

/** Counts the reads of the medium that are under way. */
function countReads({ medium }: OverflowStore) {
  const counted = { now: 0, most: 0 };
  medium.beforeRead = async () => {
    counted.now += 1;
    counted.most = Math.max(counted.most, counted.now);
    await turns(1);
    counted.now -= 1;
  };
  return counted;
}

describe("a long read", () => {
  for (const inMemory of [0, 2, 5]) {
    it(`has at most 64 pages fetched at a time, every ${inMemory}th in memory`, async () => {
      const test = await withPagesAway(500, inMemory);
      const counted = countReads(test);
      const target = new Uint8Array(499 * PAGE_BYTES + 10);
      await test.device.read(100, target);
      expect(Buffer.compare(target, test.bytes.subarray(100, 100 + target.length))).toBe(0);
      expect(counted.most).toBeGreaterThan(32);
      expect(counted.most).toBeLessThanOrEqual(64);
    });
  }

  it("does what needs no waiting before it gives its promise", async () => {
    const test = await withPagesAway(60, 5);
    const target = new Uint8Array(60 * PAGE_BYTES);
    const done = test.device.beginRead(0, target);
    for (let index = 0; index < 60; index += 5) {
      const [at, end] = [index * PAGE_BYTES, (index + 1) * PAGE_BYTES];
      expect(Buffer.compare(target.subarray(at, end), test.bytes.subarray(at, end))).toBe(0);
    }
    await done;
  });

  it("touches nothing more once it has failed", async () => {
    const test = await withPagesAway(300);
    const { device, medium } = test;
    let calls = 0;
    let ended = 0;
    medium.beforeRead = async () => {
      calls += 1;
      const call = calls;
      await turns(call % 3);
      ended += 1;
      if (call === 70) throw new PagefoldError("IO", "the test refuses");
    };
    const target = new Uint8Array(300 * PAGE_BYTES);
    await expect(device.read(0, target)).rejects.toMatchObject({ code: "IO" });
    expect(ended).toBe(calls);
    target.fill(7);
    await turns(5);
    expect([calls, target.every((byte) => byte === 7)]).toEqual([128, true]);
  });

  it("fails after what is under way, where a later page in memory does not decode", async () => {
    const test = await withPagesAway(200, 100);
    const { core, device } = test;
    core.engine.bytesOf(core.exports.get("a")!.table.objectAt(100)).fill(0xff);
    const counted = countReads(test);
    const target = new Uint8Array(200 * PAGE_BYTES);
    await expect(device.read(0, target)).rejects.toMatchObject({ code: "CORRUPT" });
    expect([counted.now, counted.most]).toEqual([0, 63]);
  });

  it("is told CLOSED when its export is closed", async () => {
    const { device, medium } = await withPagesAway(200);
    const gate = new Gate();
    medium.beforeRead = () => gate.pass();
    const read = device.read(0, new Uint8Array(200 * PAGE_BYTES));
    const refused = expect(read).rejects.toMatchObject({ code: "CLOSED" });
    await gate.reached();
    await device.close();
    gate.open();
    await refused;
  });
});

describe("clear", () => {
  it("fails once, and when its head has ended, where its tail fails at once", async () => {
    const test = await withPagesAway(3, 2);
    const { core, device, medium } = test;
    // Page 1 is away; page 2 is in memory and does not decode.
    core.engine.bytesOf(core.exports.get("a")!.table.objectAt(2)).fill(0xff);
    const gate = new Gate();
    medium.beforeRead = async () => {
      await gate.pass();
      throw new PagefoldError("IO", "the test refuses");
    };
    const unhandled: unknown[] = [];
    const note = (cause: unknown) => unhandled.push(cause);
    process.on("unhandledRejection", note);
    try {
      let failure: unknown = null;
      const cleared = device.writeZeroes(PAGE_BYTES + 10, PAGE_BYTES).catch((cause: unknown) => {
        failure = cause;
      });
      await gate.reached();
      await turns(3);
      expect(failure).toBeNull();
      gate.open();
      await cleared;
      await turns(3);
      expect(failure).toMatchObject({ code: "IO" });
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", note);
    }
  });
});

describe("methods that do not wait", () => {
  /** Memory is full; page 0 is away. */
  async function withFullMemory() {
    const test = await overflowStore({
      memoryLimitBytes: 64 * KIB,
      overflow: { highWatermark: 0.99 },
    });
    const device = test.store.openExport({ name: "a", sizeBytes: 256 * PAGE_BYTES });
    await writePage(device, 0, thirdPage(new SeededRandom(1)));
    await sendAway(test, "a", 0);
    fillMemory(device, 1, new SeededRandom(2));
    // What is kept for pages written anew is taken too.
    device.setMemoryLimit(device.stats().mem_used_total);
    return device;
  }

  const page = thirdPage(new SeededRandom(3));

  it("refuse a whole page over one that is away for want of room", async () => {
    const device = await withFullMemory();
    const noSpace = expect.objectContaining({ code: "NO_SPACE" });
    expect(() => device.writeNow(0, page)).toThrow(noSpace);
    expect(() => device.writeZeroesNow(0, PAGE_BYTES, { reserve: true })).toThrow(noSpace);
  });

  it("refuse a part of a page that is away because it must be read", async () => {
    const device = await withFullMemory();
    const wouldWait = expect.objectContaining({ code: "WOULD_WAIT" });
    expect(() => device.writeNow(10, page.subarray(10))).toThrow(wouldWait);
    expect(() => device.writeNow(0, page.subarray(10))).toThrow(wouldWait);
    expect(() => device.writeZeroesNow(0, 10)).toThrow(wouldWait);
    expect(() => device.writeZeroesNow(0, 10, { reserve: true })).toThrow(wouldWait);
  });
});
