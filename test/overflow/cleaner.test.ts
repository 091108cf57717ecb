/** Cleaning that is stopped. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { Gate, HookedMedium } from "../support/hooked-medium.ts";
import { testSeed } from "../support/seed.ts";
import { memoryFor, TestLog } from "../support/test-log.ts";

const seed = testSeed("cleaner");

describe("Cleaner", () => {
  it("gives its victim up when it is stopped, however much of it is left", async () => {
    const segmentBytes = 2 ** 20;
    const medium = new HookedMedium(memoryFor(190));
    const test = new TestLog({ medium, segments: 9, segmentBytes, seed });
    const bytes = new Uint8Array(3000);
    new SeededRandom(seed).fill(bytes);
    let id = 1;
    for (; await test.put(id, bytes); id++) if (id % 40 === 0) await test.log.flush();
    await test.settle();
    const cleaned = test.log.counts().segments_cleaned;
    const gate = new Gate();
    medium.beforeRead = () => gate.pass();
    medium.reads.length = 0;
    for (let dropped = 1; dropped < id; dropped += 3) test.drop(dropped);
    const room = test.log.makeRoom(3000);
    await gate.reached();
    const closed = test.log.close();
    gate.open();
    await closed;
    expect(await room).toBe(false);
    expect([medium.reads.length, test.log.counts().segments_cleaned]).toEqual([1, cleaned]);
    expect(await test.unreadable()).toEqual([]);
  });
});
