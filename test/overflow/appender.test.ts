/** Appenders over media of every program unit: what is written is whole units, and reads back. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { HEADER_SEGMENTS } from "../../src/overflow/format/layout.ts";
import { NandModel } from "../../src/overflow/media/nand.ts";
import { testSeed } from "../support/seed.ts";
import { noise, TestLog } from "../support/test-log.ts";

const seed = testSeed("appender");

describe("Appender", () => {
  const segmentBytes = 2 ** 23;

  for (const programBytes of [4096, 2 ** 14, 2 ** 18, 2 ** 19, 2 ** 20]) {
    it(`writes units of ${programBytes} bytes whole, wherever a flush comes`, async () => {
      const random = new SeededRandom(seed);
      const segments = 8;
      const sizeBytes = (segments + HEADER_SEGMENTS) * segmentBytes;
      const nand = new NandModel({ sizeBytes, blockBytes: segmentBytes, programBytes });
      const test = new TestLog({ medium: nand, segments, segmentBytes });
      // About 65 such records fill a chunk: some flush finds a unit that began in it and ends behind its bounds.
      let id = 1;
      for (let count = 56; count <= 70; count++) {
        for (const end = id + count; id < end; id++) {
          expect(await test.put(id, noise(random, 4000 + random.below(97)))).toBe(true);
        }
        await test.log.flush();
      }
      const odd = test.medium.writes.filter(
        ({ length }) => length === 0 || length % programBytes !== 0,
      );
      expect([odd, test.failedIds]).toEqual([[], []]);
      expect(await test.unreadable()).toEqual([]);
    });
  }
});
