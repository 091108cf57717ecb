import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { type FaultPlan, FaultyMedium } from "../../../src/overflow/media/faulty.ts";
import { MemoryMedium } from "../../../src/overflow/media/memory.ts";
import { NandModel } from "../../../src/overflow/media/nand.ts";
import { isEqual } from "../../support/checked-codec.ts";
import { expectRejection } from "../../support/refusals.ts";
import { testSeed } from "../../support/seed.ts";

const UNIT = 4096;
const SECTOR = 512;
const UNITS = 64;
const seed = testSeed("FaultyMedium");

function make(plan: Omit<FaultPlan, "random">, planSeed = seed) {
  const inner = new MemoryMedium({ sizeBytes: UNITS * UNIT });
  return {
    inner,
    medium: new FaultyMedium(inner, { ...plan, random: new SeededRandom(planSeed) }),
  };
}

const filled = (value: number, units = 1): Uint8Array => new Uint8Array(units * UNIT).fill(value);

async function readOf(medium: MemoryMedium | FaultyMedium, offset: number, length = UNIT) {
  const target = new Uint8Array(length);
  await medium.read(offset, target);
  return target;
}

const failed = (...says: (string | number)[]) => ({ code: "IO", errno: "EIO", says });

/** Bits in which the two differ. */
function differingBits(left: Uint8Array, right: Uint8Array): number {
  let bits = 0;
  for (const [index, byte] of left.entries()) {
    for (let rest = byte ^ right[index]!; rest > 0; rest >>= 1) bits += rest & 1;
  }
  return bits;
}

/** Which sectors hold new bytes (1), which old ones (0). */
function sectorsOf(bytes: Uint8Array, { old, now }: { old: number; now: number }): number[] {
  return Array.from({ length: bytes.length / SECTOR }, (_, index) => {
    const values = [...new Set(bytes.subarray(index * SECTOR, (index + 1) * SECTOR))];
    expect(values).toHaveLength(1);
    expect([old, now]).toContain(values[0]);
    return values[0] === now ? 1 : 0;
  });
}

describe("FaultyMedium", () => {
  it("fails the calls asked for, of the operations asked for, which then do nothing", async () => {
    const { inner, medium } = make({
      readError: { calls: [2] },
      writeError: { calls: [1, 3] },
      eraseError: { calls: [1] },
      flushError: { calls: [2] },
    });
    await expectRejection(
      () => medium.write(0, filled(1)),
      failed("writing 4096 bytes at 0", "writeError"),
    );
    expect(await readOf(inner, 0)).toEqual(filled(0));
    await medium.write(0, filled(2));
    await expectRejection(() => medium.write(0, filled(3)), failed("writeError"));
    expect(await readOf(medium, 0)).toEqual(filled(2));
    await expectRejection(() => readOf(medium, 0), failed("readError"));
    await expectRejection(() => medium.erase(0, UNIT), failed("eraseError"));
    expect(await readOf(medium, 0)).toEqual(filled(2));
    await medium.erase(0, UNIT);
    await medium.flush();
    await expectRejection(() => medium.flush(), failed("flushError"));
    await medium.flush();
    const { readError, writeError, eraseError, flushError, ...others } = medium.counts;
    expect({ readError, writeError, eraseError, flushError }).toEqual({
      readError: 1,
      writeError: 2,
      eraseError: 1,
      flushError: 1,
    });
    expect(Object.values(others).every((count) => count === 0)).toBe(true);
  });

  it("fails as often as the probability says", async () => {
    const { medium } = make({ readError: { probability: 0.25 }, writeError: { probability: 0 } });
    const target = new Uint8Array(1);
    for (let call = 0; call < 4000; call++) await medium.read(0, target).catch(() => undefined);
    await medium.write(0, filled(1));
    // Six standard deviations of 27.4.
    expect(Math.abs(medium.counts.readError - 1000)).toBeLessThan(165);
    expect(medium.counts.writeError).toBe(0);
  });

  it("repeats from its seed", async () => {
    const run = async (): Promise<string> => {
      const { inner, medium } = make(
        { tornWrite: { probability: 0.3 }, lostWrite: { probability: 0.3 } },
        5,
      );
      for (let unit = 0; unit < UNITS; unit++) {
        await medium.write(unit * UNIT, filled(unit + 1)).catch(() => undefined);
      }
      return Buffer.from(await readOf(inner, 0, UNITS * UNIT)).toString("base64");
    };
    expect(await run()).toBe(await run());
  });

  it.each([true, false])("tears a write by sectors, silently: %s", async (isSilent) => {
    const patterns = new Set<string>();
    for (let run = 0; run < 60; run++) {
      const { inner, medium } = make({ tornWrite: { calls: [2], isSilent } }, seed + run);
      await medium.write(0, filled(1, 2));
      const torn = medium.write(0, filled(2, 2));
      if (isSilent) await torn;
      else await expectRejection(() => torn, failed("tornWrite"));
      const sectors = sectorsOf(await readOf(inner, 0, 2 * UNIT), { old: 1, now: 2 });
      expect(sectors).toContain(0);
      expect(medium.counts.tornWrite).toBe(1);
      patterns.add(/^1*0*$/.test(sectors.join("")) ? "prefix" : "subset");
    }
    expect([...patterns].sort()).toEqual(["prefix", "subset"]);
  });

  it("loses a write it acknowledged", async () => {
    const { inner, medium } = make({ lostWrite: { calls: [2] } });
    await medium.write(0, filled(1));
    await medium.write(0, filled(2));
    await medium.flush();
    expect(await readOf(inner, 0)).toEqual(filled(1));
    expect(medium.counts.lostWrite).toBe(1);
  });

  it("flips one bit of what is read, and of nothing that lies there", async () => {
    const { inner, medium } = make({ flipOnRead: { calls: [1, 3] } });
    await medium.write(0, filled(0x5a));
    const differing: number[] = [];
    for (let read = 0; read < 3; read++)
      differing.push(differingBits(await readOf(medium, 0), filled(0x5a)));
    expect(differing).toEqual([1, 0, 1]);
    expect(await readOf(inner, 0)).toEqual(filled(0x5a));
  });

  it("flips one bit of what lands, and not of the source", async () => {
    const { inner, medium } = make({ flipAtRest: { calls: [2] } });
    const source = filled(0x5a);
    await medium.write(0, source);
    await medium.write(UNIT, source);
    expect(source).toEqual(filled(0x5a));
    const landed = await readOf(inner, 0, 2 * UNIT);
    expect(differingBits(landed, filled(0x5a, 2))).toBe(1);
    expect(differingBits(landed.subarray(UNIT), source)).toBe(1);
  });

  it("holds reordered writes back until a flush, and reads them meanwhile", async () => {
    const { inner, medium } = make({ isReordering: true });
    const source = filled(1, 3);
    await medium.write(UNIT, source);
    source.fill(0);
    await medium.write(5 * UNIT, filled(2));
    expect(isEqual(await readOf(inner, 0, UNITS * UNIT), new Uint8Array(UNITS * UNIT))).toBe(true);
    expect(await readOf(medium, 2 * UNIT - 100, 200)).toEqual(filled(1).subarray(0, 200));
    const expected = await readOf(medium, 0, UNITS * UNIT);
    await medium.flush();
    expect(isEqual(await readOf(inner, 0, UNITS * UNIT), expected)).toBe(true);
    expect(medium.counts.reordered).toBe(2);
  });

  it("keeps the order of reordered writes to one place, and before an erase of it", async () => {
    const { inner, medium } = make({ isReordering: true });
    await medium.write(0, filled(1, 2));
    await medium.write(UNIT, filled(2, 2));
    expect(await readOf(medium, UNIT)).toEqual(filled(2));
    await medium.erase(2 * UNIT, UNIT);
    await medium.flush();
    const landed = await readOf(inner, 0, 3 * UNIT);
    expect([0, 1, 2].map((unit) => landed[unit * UNIT])).toEqual([1, 2, 0]);
  });

  it("lands some whole reordered writes when it dies, in no order", async () => {
    const kept = new Set<string>();
    for (let run = 0; run < 40; run++) {
      const { inner, medium } = make({ isReordering: true }, seed + run);
      for (let unit = 0; unit < 4; unit++) await medium.write(unit * 2 * UNIT, filled(unit + 1, 2));
      await medium.die();
      const landed = await readOf(inner, 0, 8 * UNIT);
      const pattern = [0, 1, 2, 3].map((unit) => {
        const bytes = landed.subarray(unit * 2 * UNIT, (unit + 1) * 2 * UNIT);
        const isLanded = bytes[0] !== 0;
        expect(isEqual(bytes, filled(isLanded ? unit + 1 : 0, 2))).toBe(true);
        return isLanded ? 1 : 0;
      });
      kept.add(pattern.join(""));
    }
    // Sixteen ways; 40 runs miss more than nine of them less than once in 10^9.
    expect(kept.size).toBeGreaterThan(6);
  });

  it("dies at the operation asked for, whichever it is, and answers nothing from then on", async () => {
    const steps = [
      (medium: FaultyMedium) => medium.write(0, filled(1)),
      (medium: FaultyMedium) => readOf(medium, 0),
      (medium: FaultyMedium) => medium.flush(),
      (medium: FaultyMedium) => medium.erase(0, UNIT),
      (medium: FaultyMedium) => medium.write(0, filled(2)),
    ];
    for (let deathAt = 1; deathAt <= steps.length; deathAt++) {
      const { medium } = make({ deathAt });
      for (const [index, step] of steps.entries()) {
        if (index + 1 < deathAt) await step(medium);
        else await expectRejection(() => step(medium), failed("died"));
        expect(medium.isDead).toBe(index + 1 >= deathAt);
      }
      expect(medium.operations).toBe(steps.length);
      await medium.close();
    }
  });

  it("leaves a torn write behind, or a finished or unfinished erase, when it dies", async () => {
    const torn = new Set<number>();
    const erased = new Set<number>();
    for (let run = 0; run < 40; run++) {
      const writing = make({ deathAt: 2 }, seed + run);
      await writing.medium.write(0, filled(1));
      await expectRejection(() => writing.medium.write(0, filled(2)), failed("died"));
      const sectors = sectorsOf(await readOf(writing.inner, 0), { old: 1, now: 2 });
      torn.add(sectors.filter((isNew) => isNew === 1).length);
      const erasing = make({ deathAt: 2 }, seed + run);
      await erasing.medium.write(0, filled(1));
      await expectRejection(() => erasing.medium.erase(0, UNIT), failed("died"));
      erased.add((await readOf(erasing.inner, 0))[0]!);
    }
    expect(torn.size).toBeGreaterThan(2);
    expect(torn).not.toContain(UNIT / SECTOR);
    expect([...erased].sort()).toEqual([0, 1]);
  });

  it("fails what is under way when it dies", async () => {
    const { medium } = make({ deathAt: 3, mostDelayTurns: 20 });
    const target = new Uint8Array(8);
    const calls = Array.from({ length: 3 }, () => medium.read(0, target));
    const ends = await Promise.allSettled(calls);
    expect(ends[2]!.status).toBe("rejected");
    await expectRejection(() => medium.read(0, target), failed("died"));
  });

  it("lets calls overtake each other where it delays", async () => {
    const { medium } = make({ mostDelayTurns: 4 });
    const ended: number[] = [];
    const calls = Array.from({ length: 60 }, async (_, index) => {
      await medium.read(0, new Uint8Array(1));
      ended.push(index);
    });
    await Promise.all(calls);
    expect(ended).not.toEqual([...ended].sort((left, right) => left - right));
    expect(medium.counts.delayed).toBeGreaterThan(0);
    expect(medium.counts.delayed).toBeLessThan(60);
  });

  it("keeps to a NAND model's order with writes torn, lost and failed", async () => {
    const inner = new NandModel({ sizeBytes: 2 ** 20, blockBytes: 2 ** 16, programBytes: UNIT });
    const fault = { probability: 0.2 };
    const medium = new FaultyMedium(inner, {
      random: new SeededRandom(seed),
      writeError: fault,
      tornWrite: { ...fault, isSilent: true },
      lostWrite: fault,
      flipAtRest: fault,
    });
    for (let round = 0; round < 20; round++) {
      for (let offset = 0; offset < 2 ** 16; offset += UNIT) {
        await medium.write(offset, filled(round)).catch((error: Error) => {
          expect(error.message).toContain("writeError");
        });
      }
      await medium.erase(0, 2 ** 16);
    }
    const { writeError, lostWrite } = medium.counts;
    expect(inner.programs).toBe(20 * 16 - writeError - lostWrite);
  });

  it("closes the medium below, with what it had held back in it", async () => {
    const path: number[] = [];
    const inner = new MemoryMedium({ sizeBytes: UNIT });
    const write = inner.write.bind(inner);
    inner.write = async (offset, source) => {
      path.push(source[0]!);
      await write(offset, source);
    };
    const medium = new FaultyMedium(inner, { random: new SeededRandom(seed), isReordering: true });
    await medium.write(0, filled(3));
    expect(path).toEqual([]);
    await medium.close();
    expect(path).toEqual([3]);
    await expectRejection(() => inner.flush(), {
      code: "CLOSED",
      errno: "EBADF",
      says: ["memory"],
    });
  });
});
