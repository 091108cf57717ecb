import { describe, expect, it } from "vitest";
import { ManualClock } from "../../../src/base/clock.ts";
import { SeededRandom } from "../../../src/base/random.ts";
import { NandModel, TLC_TIMES } from "../../../src/overflow/media/nand.ts";
import { expectRefusal, expectRejection, refusal } from "../../support/refusals.ts";
import { testSeed } from "../../support/seed.ts";

const PAGE = 4096;
const BLOCK = 8 * PAGE;
const BLOCKS = 4;
const SMALL = { sizeBytes: BLOCKS * BLOCK, blockBytes: BLOCK, programBytes: PAGE };

const pages = (count: number, value = 1): Uint8Array => new Uint8Array(count * PAGE).fill(value);

describe("NandModel", () => {
  it("refuses a size that is not whole blocks, and a block that is not whole pages", () => {
    expectRefusal(
      () => new NandModel({ ...SMALL, sizeBytes: BLOCK + PAGE }),
      refusal.invalid(BLOCK + PAGE),
    );
    expectRefusal(
      () => new NandModel({ ...SMALL, blockBytes: PAGE + 1 }),
      refusal.invalid(PAGE + 1),
    );
    expectRefusal(() => new NandModel({ ...SMALL, programBytes: 0 }), refusal.invalid(0));
    expectRefusal(() => new NandModel({ ...SMALL, endurance: 0.5 }), refusal.invalid(0.5));
  });

  it("asserts that no page is programmed twice without an erase", async () => {
    const nand = new NandModel(SMALL);
    await nand.write(0, pages(2));
    await expect(nand.write(PAGE, pages(1))).rejects.toThrow("broken assumption");
    await nand.erase(0, BLOCK);
    await nand.write(PAGE, pages(1));
  });

  it("asserts that pages are programmed in ascending order", async () => {
    const nand = new NandModel(SMALL);
    await nand.write(3 * PAGE, pages(1));
    await expect(nand.write(2 * PAGE, pages(1))).rejects.toThrow("broken assumption");
    await nand.write(5 * PAGE, pages(1));
  });

  it("asserts that whole blocks are erased", async () => {
    const nand = new NandModel(SMALL);
    await expect(nand.erase(0, 2 * PAGE)).rejects.toThrow("broken assumption");
    await expect(nand.erase(PAGE, BLOCK)).rejects.toThrow("broken assumption");
  });

  it("asserts, counting alone, that a block has no more pages than it has", () => {
    const nand = new NandModel(SMALL);
    expect(nand.programPages(1, 7)).toBe(true);
    expect(() => nand.programPages(1, 2)).toThrow("broken assumption");
    expect(() => nand.programPages(BLOCKS, 1)).toThrow("broken assumption");
    expect(() => nand.eraseBlock(-1)).toThrow("broken assumption");
  });

  it("reads pages that were not programmed since their erase as ones", async () => {
    const nand = new NandModel(SMALL);
    await nand.write(0, pages(2, 5));
    const target = new Uint8Array(2 * PAGE);
    await nand.read(PAGE, target);
    expect([...new Set(target.subarray(0, PAGE))]).toEqual([5]);
    expect([...new Set(target.subarray(PAGE))]).toEqual([0xff]);
    await nand.erase(0, BLOCK);
    await nand.read(0, target);
    expect([...new Set(target)]).toEqual([0xff]);
  });

  it("goes on over the end of a block", async () => {
    const nand = new NandModel(SMALL);
    await nand.write(6 * PAGE, pages(4, 9));
    const target = new Uint8Array(4 * PAGE);
    await nand.read(6 * PAGE, target);
    expect([...new Set(target)]).toEqual([9]);
    expect(nand.programs).toBe(4);
  });

  it("counts operations, bytes and time, and moves the clock", async () => {
    const clock = new ManualClock();
    const times = { readSeconds: 1, programSeconds: 10, eraseSeconds: 100 };
    const nand = new NandModel({ ...SMALL, clock, times });
    await nand.write(0, pages(3));
    await nand.read(PAGE - 1, new Uint8Array(2));
    await nand.erase(0, 2 * BLOCK);
    expect(nand.eraseBlock(1)).toBe(true);
    expect(nand.programPages(1, 2)).toBe(true);
    expect([...nand.eraseCounts]).toEqual([1, 2, 0, 0]);
    const { programs, reads, erases, bytesProgrammed, busySeconds, badBlocks } = nand;
    expect({ programs, reads, erases, bytesProgrammed, busySeconds, badBlocks }).toEqual({
      programs: 5,
      reads: 2,
      erases: 3,
      bytesProgrammed: 5 * PAGE,
      busySeconds: 2 * 1 + 5 * 10 + 3 * 100,
      badBlocks: 0,
    });
    expect(clock.seconds()).toBe(352);
  });

  it("takes TLC's times where none are given", () => {
    const nand = new NandModel({ sizeBytes: 2 ** 24, blockBytes: 2 ** 22 });
    expect(nand.pagesPerBlock).toBe(256);
    nand.eraseBlock(0);
    nand.programPages(0, 256);
    expect(nand.busySeconds).toBeCloseTo(
      TLC_TIMES.eraseSeconds + 256 * TLC_TIMES.programSeconds,
      9,
    );
  });

  it("fails a block for good once it has had its erases, and only that", async () => {
    const nand = new NandModel({ ...SMALL, endurance: 3 });
    for (let round = 0; round < 3; round++) await nand.erase(BLOCK, BLOCK);
    await nand.write(BLOCK, pages(2, 7));
    const worn = { code: "IO", errno: "EIO", says: ["block 1 of 4", "after 3 erases"] };
    await expectRejection(() => nand.erase(BLOCK, BLOCK), worn);
    await expectRejection(() => nand.erase(BLOCK, BLOCK), worn);
    await expectRejection(() => nand.write(BLOCK + 2 * PAGE, pages(1)), worn);
    expect([nand.isBad(1), nand.isBad(0), nand.badBlocks]).toEqual([true, false, 1]);
    const target = new Uint8Array(2 * PAGE);
    await nand.read(BLOCK, target);
    expect([...new Set(target)]).toEqual([7]);
    await nand.erase(0, BLOCK);
    await nand.write(0, pages(8));
  });

  it("erases the sound blocks of a range that holds a worn one", async () => {
    const nand = new NandModel({ ...SMALL, endurance: 1 });
    await nand.erase(BLOCK, BLOCK);
    await expectRejection(() => nand.erase(0, 3 * BLOCK), {
      code: "IO",
      errno: "EIO",
      says: ["block 1"],
    });
    expect([...nand.eraseCounts]).toEqual([1, 1, 1, 0]);
  });

  it("draws each block's endurance around the mean, and fails erases and programs alike", () => {
    const random = new SeededRandom(testSeed("endurance"));
    const blocks = 4000;
    const nand = new NandModel({
      sizeBytes: blocks * PAGE,
      blockBytes: PAGE,
      programBytes: PAGE,
      endurance: 200,
      random,
      keepsBytes: false,
    });
    let failedPrograms = 0;
    for (let block = 0; block < blocks; block++) {
      while (nand.eraseBlock(block)) {
        if (nand.programPages(block, 1)) continue;
        failedPrograms += 1;
        break;
      }
      expect(nand.isBad(block)).toBe(true);
      expect(nand.eraseBlock(block)).toBe(false);
    }
    expect(nand.badBlocks).toBe(blocks);
    const mean = nand.erases / blocks;
    const variance = nand.eraseCounts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / blocks;
    // Six standard errors: 0.32 of the mean, 0.22 of the deviation, 32 of the failed programs.
    expect(Math.abs(mean - 200)).toBeLessThan(6 * 0.32);
    expect(Math.abs(Math.sqrt(variance) - 20)).toBeLessThan(6 * 0.23);
    expect(Math.abs(failedPrograms - blocks / 2)).toBeLessThan(6 * 32);
  });

  it("repeats from its seed", () => {
    const wear = (): number[] => {
      const nand = new NandModel({ ...SMALL, endurance: 50, random: new SeededRandom(7) });
      for (let block = 0; block < BLOCKS; block++) while (nand.eraseBlock(block));
      return [...nand.eraseCounts];
    };
    expect(wear()).toEqual(wear());
  });

  it("keeps no bytes where only counts are wanted", async () => {
    const nand = new NandModel({ ...SMALL, keepsBytes: false });
    await nand.write(0, pages(2));
    const target = pages(2);
    await nand.read(0, target);
    expect([...new Set(target)]).toEqual([0]);
    await expect(nand.write(0, pages(1))).rejects.toThrow("broken assumption");
  });
});
