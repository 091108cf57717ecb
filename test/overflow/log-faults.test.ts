/** The log over media that fail: what cannot be read is an error, what cannot be written stays, the rest goes on. */

import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { HEADER_SEGMENTS } from "../../src/overflow/format/layout.ts";
import { type FaultPlan, FaultyMedium } from "../../src/overflow/media/faulty.ts";
import { NandModel } from "../../src/overflow/media/nand.ts";
import { Gate, HookedMedium } from "../support/hooked-medium.ts";
import { testSeed } from "../support/seed.ts";
import { memoryFor, noise, SEGMENT_BYTES, TestLog } from "../support/test-log.ts";

const seed = testSeed("log faults");

function faulty(segments: number, plan: Omit<FaultPlan, "random">): FaultyMedium {
  return new FaultyMedium(memoryFor(segments), { random: new SeededRandom(seed), ...plan });
}

const refusal = new PagefoldError("IO", "the test refuses");

/** Has the log clean everything it can: drops every second object and fills up again. */
async function churn(test: TestLog, count: number, random: SeededRandom): Promise<void> {
  for (let id = 1; id <= count; id += 2) test.drop(id);
  await test.fill(10_000, 1000, random);
  await test.settle();
}

describe("Log with a failing medium", () => {
  it("tells of every record of a write that failed and retires its segment", async () => {
    const random = new SeededRandom(seed);
    const test = new TestLog({ medium: faulty(6, { writeError: { calls: [2] } }), segments: 6 });
    for (let id = 1; id <= 10; id++) await test.put(id, noise(random, 1000));
    await test.log.flush();
    for (let id = 11; id <= 20; id++) await test.put(id, noise(random, 1000));
    await test.log.flush();
    await test.settle();
    expect(test.failedIds).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
    expect([...test.placedIds].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect([test.space.retired, test.log.isDead, test.log.counts().failed_writes]).toEqual([
      1,
      false,
      1,
    ]);
    expect(test.space.liveTotal).toBe(test.liveBytes);
    expect(await test.unreadable()).toEqual([]);
    expect(test.events).toHaveLength(1);
  });

  it("goes on in another segment after a write failed while the next chunk was filled", async () => {
    const random = new SeededRandom(seed);
    const segmentBytes = 2 ** 20;
    const medium = new HookedMedium(
      new NandModel({ sizeBytes: 8 * segmentBytes, blockBytes: segmentBytes }),
    );
    const test = new TestLog({ medium, segments: 6, segmentBytes });
    for (let failAfter = 0; failAfter < 12; failAfter++) {
      const gate = new Gate();
      let isFirst = true;
      medium.beforeWrite = async () => {
        if (!isFirst) return;
        isFirst = false;
        await gate.pass();
        throw refusal;
      };
      let id = 1;
      // Until a chunk is being written, and a few records more.
      for (; medium.writes.length === 0; id++) await test.put(id, noise(random, 3000));
      for (let more = 0; more < failAfter; more++) await test.put(id++, noise(random, 3000));
      gate.open();
      for (let more = 0; more < 10; more++) await test.put(id++, noise(random, 3000));
      await test.log.flush();
      await test.settle();
      expect(test.placedIds.size + new Set(test.failedIds).size).toBe(id - 1);
      expect(await test.unreadable()).toEqual([]);
      for (const each of [...test.contents.keys()]) test.drop(each);
      test.failedIds.length = 0;
      medium.writes.length = 0;
      if (test.space.retired >= 3) return;
    }
  });

  it("has room when it says so, though a write fails at that very moment", async () => {
    const random = new SeededRandom(seed);
    const segmentBytes = 2 ** 20;
    for (let microtasks = 0; microtasks < 8; microtasks++) {
      const medium = new HookedMedium(memoryFor(128));
      const test = new TestLog({ medium, segments: 6, segmentBytes });
      const gate = new Gate();
      medium.beforeWrite = async () => {
        await gate.pass();
        throw refusal;
      };
      let id = 1;
      for (; medium.writes.length === 0; id++) await test.put(id, noise(random, 3000));
      while (test.log.fits(3000)) await test.put(id++, noise(random, 3000));
      gate.open();
      for (let passed = 0; passed < microtasks; passed++) await Promise.resolve();
      expect(await test.put(id++, noise(random, 3000))).toBe(true);
      medium.beforeWrite = () => {};
      await test.log.flush();
      expect(await test.unreadable()).toEqual([]);
    }
  });

  it("moves on when a write of survivors fails, whenever it does", async () => {
    const segmentBytes = 2 ** 20;
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      const test = new TestLog({ medium: memoryFor(190), segments: 9, segmentBytes });
      const bytesOf = (id: number) => new Uint8Array(3000).fill(id);
      let id = 1;
      for (; await test.put(id, bytesOf(id)); id++) if (id % 40 === 0) await test.log.flush();
      await test.log.flush();
      let isFirst = true;
      test.medium.beforeWrite = async () => {
        if (!isFirst) return;
        isFirst = false;
        for (let passed = 0; passed < microtasks; passed++) await Promise.resolve();
        throw refusal;
      };
      for (let dropped = 1; dropped < id; dropped += 3) test.drop(dropped);
      expect(await test.log.makeRoom(3000)).toBe(true);
      await test.settle();
      expect([isFirst, test.failedIds.length, test.space.liveTotal]).toEqual([
        false,
        0,
        test.liveBytes,
      ]);
      expect(await test.unreadable()).toEqual([]);
    }
  });

  it("takes no more after four failed writes in a row, says so, and still reads", async () => {
    const random = new SeededRandom(seed);
    const test = new TestLog({ segments: 8 });
    for (let id = 1; id <= 20; id++) await test.put(id, noise(random, 1000));
    await test.log.flush();
    test.medium.beforeWrite = () => {
      throw refusal;
    };
    // Cleaning, which begins at the first, fails as well.
    for (let id = 21; await test.put(id, noise(random, 1000)); id++) await test.log.flush();
    expect([test.log.isDead, test.log.counts().failed_writes]).toEqual([true, 4]);
    expect(test.events.at(-1)).toContain("takes no more pages (the test refuses)");
    expect(test.placedIds.size).toBe(20);
    expect(await test.unreadable()).toEqual([]);
  });

  it("retires a segment that cannot be erased", async () => {
    const random = new SeededRandom(seed);
    const test = new TestLog({ medium: faulty(8, { eraseError: { calls: [1, 3] } }), segments: 8 });
    const count = await test.fill(1, 1000, random);
    await churn(test, count, random);
    expect(test.space.retired).toBe(2);
    expect(test.events.filter((line) => line.includes("is used no more"))).toHaveLength(2);
    expect(await test.unreadable()).toEqual([]);
  });

  it("wears a NAND medium out without losing what can be read", async () => {
    const random = new SeededRandom(seed);
    const segments = 12;
    const nand = new NandModel({
      sizeBytes: (segments + HEADER_SEGMENTS) * SEGMENT_BYTES,
      blockBytes: SEGMENT_BYTES,
      programBytes: 4096,
      endurance: 8,
      random,
    });
    const test = new TestLog({ medium: nand, segments });
    let isFull = false;
    for (let round = 0; round < 20_000 && !isFull; round++) {
      isFull = !(await test.put(1 + random.below(100), noise(random, 1 + random.below(3000))));
      if (round % 20 === 0) await test.log.flush();
    }
    await test.settle();
    expect(isFull).toBe(true);
    expect(test.space.retired).toBeGreaterThan(0);
    expect(await test.unreadable()).toEqual([]);
  });

  it("loses the objects of a unit that cannot be read for cleaning, and those only", async () => {
    const random = new SeededRandom(seed);
    const medium = new HookedMedium(faulty(6, { flipAtRest: { calls: [1] } }));
    const test = new TestLog({ medium, segments: 6 });
    const count = await test.fill(1, 1000, random);
    const flipped = await test.unreadable();
    expect(flipped.length).toBeGreaterThan(0);
    await churn(test, count, random);
    const lost = flipped.filter((id) => test.contents.has(id));
    expect(test.log.placement.lostObjects).toBe(lost.length);
    expect((await test.unreadable()).sort((a, b) => a - b)).toEqual(lost);
    for (const id of lost) {
      await expect(test.read(id)).rejects.toMatchObject({ code: "CORRUPT" });
      test.drop(id);
    }
    expect([test.log.placement.lostObjects, test.log.placement.lostBytes]).toEqual([0, 0]);
    expect(test.space.liveTotal).toBe(test.liveBytes);
  });

  it("asks the owner of a lost record whether the object is in memory too, and forgets it then", async () => {
    const random = new SeededRandom(seed);
    const test = new TestLog({ medium: faulty(6, { flipAtRest: { calls: [1] } }), segments: 6 });
    const count = await test.fill(1, 1000, random);
    const [copied, ...away] = (await test.unreadable()).filter((id) => id % 2 === 0);
    test.copiedIds.add(copied!);
    await churn(test, count, random);
    expect(test.log.placement.lostObjects).toBe(away.length);
    expect(test.copiedIds.size).toBe(0);
    expect(test.log.placement.unitOf(copied!)).toBe(0);
  });

  it("cleans away a segment whose bytes are earlier ones of its own life", async () => {
    const random = new SeededRandom(seed);
    const medium = new HookedMedium(memoryFor(6));
    medium.keepsErased = true;
    const test = new TestLog({ medium, segments: 6 });
    let count = await test.fill(1, 1000, random);
    for (let id = 1; id <= count; id++) test.drop(id);
    medium.losesWrites = true;
    count = await test.fill(1, 1000, random);
    medium.losesWrites = false;
    await churn(test, count, random);
    expect(test.log.counts().segments_cleaned).toBeGreaterThan(6);
    expect(test.log.placement.lostObjects).toBeGreaterThan(count / 4);
    expect(test.space.liveTotal).toBe(test.liveBytes);
  });

  it("loses nothing by a read that fails, or brings a wrong bit, once", async () => {
    const random = new SeededRandom(seed);
    const plans = [{ readError: { calls: [1] } }, { flipOnRead: { calls: [1, 3] } }];
    for (const plan of plans) {
      const test = new TestLog({ medium: faulty(6, plan), segments: 6 });
      const count = await test.fill(1, 1000, random);
      await churn(test, count, random);
      expect(test.log.counts().moved_records).toBeGreaterThan(0);
      expect(test.log.placement.lostObjects).toBe(0);
      expect(await test.unreadable()).toEqual([]);
    }
  });

  it("tells nobody of records written after it was cleared", async () => {
    const test = new TestLog();
    for (const isFailing of [false, true]) {
      const gate = new Gate();
      test.medium.beforeWrite = async () => {
        await gate.pass();
        if (isFailing) throw refusal;
      };
      await test.put(1, noise(new SeededRandom(seed), 100));
      const flushed = test.log.flush();
      await gate.reached();
      test.log.clear();
      gate.open();
      await flushed;
      expect([test.placedIds.size, test.failedIds.length, test.space.liveTotal]).toEqual([0, 0, 0]);
    }
  });

  it("serves right bytes or an error, whatever goes wrong", async () => {
    const random = new SeededRandom(seed);
    for (let run = 0; run < 40; run++) {
      const often = () => ({ probability: [0, 0.01, 0.1][random.below(3)]! });
      const medium = new FaultyMedium(memoryFor(8), {
        random,
        readError: often(),
        writeError: often(),
        eraseError: often(),
        tornWrite: { ...often(), isSilent: random.below(2) === 0 },
        lostWrite: often(),
        flipOnRead: often(),
        flipAtRest: often(),
        isReordering: random.below(2) === 0,
        mostDelayTurns: random.below(3),
        ...(random.below(4) === 0 ? { deathAt: 20 + random.below(200) } : {}),
      });
      const hooked = new HookedMedium(medium);
      hooked.keepsErased = random.below(2) === 0;
      const test = new TestLog({
        medium: hooked,
        segments: 8,
        isPlain: random.below(2) === 0,
        seed: run,
      });
      for (let round = 0; round < 300; round++) {
        const id = 1 + random.below(120);
        if (random.below(4) === 0) test.drop(id);
        else if (!(await test.put(id, noise(random, 1 + random.below(4096))))) test.drop(id);
        if (random.below(10) === 0) await test.log.flush();
      }
      await test.log.flush();
      for (const id of test.placedIds) {
        const found = await test.read(id).catch((cause: unknown) => cause);
        if (found instanceof PagefoldError) expect(["CORRUPT", "IO"]).toContain(found.code);
        else
          expect(
            Buffer.compare(found as Uint8Array, test.contents.get(id)!),
            `run ${run}, object ${id}`,
          ).toBe(0);
      }
      await test.log.close();
      expect(test.space.liveTotal, `run ${run}`).toBe(test.liveBytes);
    }
  });
});
