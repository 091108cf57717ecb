/** The log over media that do not fail: what goes in comes out, whatever was cleaned meanwhile. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { HEADER_SEGMENTS } from "../../src/overflow/format/layout.ts";
import { NandModel } from "../../src/overflow/media/nand.ts";
import { Gate, HookedMedium } from "../support/hooked-medium.ts";
import { testSeed } from "../support/seed.ts";
import { memoryFor, noise, SEGMENT_BYTES, TestLog } from "../support/test-log.ts";

const seed = testSeed("log");

describe("Log", () => {
  for (const isPlain of [false, true]) {
    it(`reads back records of every length, in any order${isPlain ? ", plain" : ""}`, async () => {
      const random = new SeededRandom(seed);
      const test = new TestLog({ isPlain, segments: 150 });
      const lengths = Array.from({ length: 4096 }, (_, index) => 1 + ((index * 1237) % 4096));
      for (const [index, length] of lengths.entries()) {
        expect(await test.put(index + 1, noise(random, length))).toBe(true);
      }
      await test.log.flush();
      expect(test.placedIds.size).toBe(4096);
      expect(await test.unreadable()).toEqual([]);
    });
  }

  it("places a record when its unit is on the medium, not before", async () => {
    const test = new TestLog();
    const gate = new Gate();
    test.medium.beforeWrite = () => gate.pass();
    await test.put(1, noise(new SeededRandom(seed), 100));
    const flushed = test.log.flush();
    await gate.reached();
    expect(test.placedIds.size).toBe(0);
    gate.open();
    await flushed;
    expect([...test.placedIds]).toEqual([1]);
  });

  it("reads an object by one read of its unit", async () => {
    const test = new TestLog();
    for (let id = 1; id < 30; id++) await test.put(id, noise(new SeededRandom(id), 1200));
    await test.log.flush();
    test.medium.reads.length = 0;
    await test.read(17);
    expect(test.medium.reads).toHaveLength(1);
    expect(test.medium.reads[0]!.length).toBeLessThanOrEqual(8192);
  });

  it("serves the last content of an id appended twice before a flush", async () => {
    const test = new TestLog();
    const random = new SeededRandom(seed);
    await test.put(1, noise(random, 500));
    const last = noise(random, 500);
    await test.put(1, last);
    await test.log.flush();
    expect(await test.read(1)).toEqual(last);
    expect(test.space.liveTotal).toBe(512);
  });

  it("does not place what was dropped and taken by another while it was written", async () => {
    const test = new TestLog();
    const gate = new Gate();
    test.medium.beforeWrite = () => gate.pass();
    await test.put(1, noise(new SeededRandom(seed), 100));
    const flushed = test.log.flush();
    await gate.reached();
    test.drop(1);
    gate.open();
    await flushed;
    expect([test.placedIds.size, test.space.liveTotal]).toEqual([0, 0]);
  });

  it("counts bytes as live exactly while their record is the object's", async () => {
    const random = new SeededRandom(seed);
    const test = new TestLog({ segments: 6 });
    for (let round = 0; round < 1500; round++) {
      const id = 1 + random.below(60);
      if (random.below(3) === 0) test.drop(id);
      else expect(await test.put(id, noise(random, 1 + random.below(2000)))).toBe(true);
      if (random.below(10) > 0) continue;
      await test.log.flush();
      expect(test.space.liveTotal).toBeGreaterThanOrEqual(test.liveBytes);
    }
    await test.settle();
    expect(test.space.liveTotal).toBe(test.liveBytes);
    test.log.clear();
    expect(test.space.liveTotal).toBe(0);
  });

  for (const cleaning of ["fifo", "greedy", "cost-benefit", "d-choices:3"]) {
    it(`keeps every live record through cleaning by ${cleaning}`, async () => {
      const random = new SeededRandom(seed);
      const test = new TestLog({ segments: 10, cleaning, seed });
      for (let round = 0; round < 4000; round++) {
        const isHot = random.below(5) > 0;
        const id = isHot ? 1 + random.below(30) : 31 + random.below(170);
        expect(await test.put(id, noise(random, 1 + random.below(3000)))).toBe(true);
        if (round % 50 === 0) await test.log.flush();
      }
      await test.settle();
      expect(test.log.counts().moved_records).toBeGreaterThan(0);
      expect(test.placedIds.size).toBe(test.contents.size);
      expect(await test.unreadable()).toEqual([]);
    });
  }

  it("neither copies nor reads what died", async () => {
    const random = new SeededRandom(seed);
    const test = new TestLog({ segments: 6 });
    const count = await test.fill(1, 2000, random);
    for (let id = 1; id <= count; id++) test.drop(id);
    test.medium.reads.length = 0;
    expect(await test.fill(1000, 2000, random)).toBe(count);
    expect(test.log.counts().segments_cleaned).toBeGreaterThan(2);
    expect([test.log.counts().moved_records, test.medium.reads.length]).toEqual([0, 0]);
  });

  it("does not erase a segment while it is read", async () => {
    const random = new SeededRandom(seed);
    const test = new TestLog({ segments: 6 });
    const count = await test.fill(1, 2000, random);
    const kept = test.contents.get(1)!;
    const gate = new Gate();
    test.medium.beforeRead = () => gate.pass();
    const read = test.read(1);
    await gate.reached();
    for (let id = 1; id <= count; id++) test.drop(id);
    const refilled = test.fill(1000, 2000, random);
    await new Promise<void>((resume) => setTimeout(resume, 50));
    const first = test.medium.reads[0]!;
    const isErased = test.medium.erases.some(
      ({ offset, length }) => offset <= first.offset && first.offset < offset + length,
    );
    gate.open();
    expect(isErased).toBe(false);
    expect(await read).toEqual(kept);
    expect(await refilled).toBe(count);
  });

  it("refuses when it is full, still reads, and recovers when objects are dropped", async () => {
    const random = new SeededRandom(seed);
    const test = new TestLog({ segments: 6 });
    const count = await test.fill(1, 3000, random);
    expect(await test.log.makeRoom(4096)).toBe(false);
    expect(await test.unreadable()).toEqual([]);
    for (let id = 1; id <= count; id += 2) test.drop(id);
    expect(await test.fill(1000, 3000, random)).toBeGreaterThan(count / 4);
    expect(await test.unreadable()).toEqual([]);
  });

  it("wakes who waits for room when enough is dropped meanwhile", async () => {
    const random = new SeededRandom(seed);
    const test = new TestLog({ segments: 6 });
    const count = await test.fill(1, 3000, random);
    const gate = new Gate();
    test.medium.beforeErase = () => gate.pass();
    for (let id = 1; id <= count; id += 2) test.drop(id);
    const room = test.log.makeRoom(4096);
    await gate.reached();
    gate.open();
    expect(await room).toBe(true);
  });

  it("cleans no more once nothing is to be won, however much padding there is", async () => {
    const random = new SeededRandom(seed);
    for (const segments of [4, 5, 6, 8]) {
      const nand = new NandModel({
        sizeBytes: (segments + HEADER_SEGMENTS) * SEGMENT_BYTES,
        blockBytes: SEGMENT_BYTES,
      });
      const test = new TestLog({ medium: nand, segments });
      let isFull = false;
      for (let id = 1; !isFull; id++) {
        isFull = !(await test.put(id, noise(random, 1 + random.below(3000))));
        if (id % 7 === 0) test.drop(1 + random.below(id));
        if (id % 20 === 0) await test.log.flush();
        expect(test.log.counts().segments_cleaned).toBeLessThan(20 * segments);
      }
      await test.settle();
      const before = test.log.counts().segments_cleaned;
      for (let asked = 0; asked < 10; asked++) await test.log.makeRoom(4096);
      await test.settle();
      expect(test.log.counts().segments_cleaned - before).toBeLessThanOrEqual(2 * segments);
      expect(await test.unreadable()).toEqual([]);
    }
  });

  it("programs NAND pages once and in order, through cleaning", async () => {
    const random = new SeededRandom(seed);
    const segments = 12;
    const nand = new NandModel({
      sizeBytes: (segments + HEADER_SEGMENTS) * SEGMENT_BYTES,
      blockBytes: SEGMENT_BYTES / 2,
      programBytes: 8192,
    });
    const test = new TestLog({ medium: nand, segments });
    for (let round = 0; round < 3000; round++) {
      expect(await test.put(1 + random.below(150), noise(random, 1 + random.below(3000)))).toBe(
        true,
      );
      if (round % 20 === 0) await test.log.flush();
    }
    await test.settle();
    expect(nand.erases).toBeGreaterThan(20);
    expect(await test.unreadable()).toEqual([]);
  });

  for (const isPlain of [false, true]) {
    it(`refuses the bytes of an earlier life${isPlain ? ", plain" : ""}`, async () => {
      const medium = new HookedMedium(memoryFor(4));
      const first = new TestLog({ medium, segments: 4, isPlain, seed: 1 });
      const bytes = noise(new SeededRandom(seed), 1000);
      await first.put(1, bytes);
      await first.log.flush();
      const second = new TestLog({ medium, segments: 4, isPlain, seed: 2 });
      medium.losesWrites = true;
      await second.put(1, bytes);
      await second.log.flush();
      await expect(second.read(1)).rejects.toMatchObject({ code: "CORRUPT" });
      expect(await first.read(1)).toEqual(bytes);
    });
  }

  it("refuses an earlier record of the same object, in its place where a write was lost", async () => {
    const medium = new HookedMedium(memoryFor(4));
    medium.keepsErased = true;
    const test = new TestLog({ medium, segments: 4 });
    const random = new SeededRandom(seed);
    // So many records fill a segment, so that each comes to lie where it did in any other round.
    const count = 63;
    for (let round = 0; round < 20; round++) {
      medium.losesWrites = round >= 16;
      for (let id = 1; id <= count; id++) {
        expect(await test.put(id, noise(random, 1000))).toBe(true);
      }
      await test.log.flush();
      expect(test.log.placement.unitOffset(1) % SEGMENT_BYTES).toBe(0);
    }
    for (let id = 1; id <= count; id++) {
      await expect(test.read(id)).rejects.toMatchObject({ code: "CORRUPT" });
    }
  });
});
