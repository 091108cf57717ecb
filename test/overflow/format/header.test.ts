/** The header area: the newest header is found whatever was cut, flipped or refused, and NAND's rules are kept. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { HeaderArea, type HeaderState, mostSegments } from "../../../src/overflow/format/header.ts";
import { decodeHeader, encodeHeader } from "../../../src/overflow/format/header-record.ts";
import { FaultyMedium } from "../../../src/overflow/media/faulty.ts";
import { MemoryMedium } from "../../../src/overflow/media/memory.ts";
import { NandModel } from "../../../src/overflow/media/nand.ts";
import { testSeed } from "../../support/seed.ts";
import { StrictMedium } from "./strict-medium.ts";

const SEGMENT_BYTES = 16_384;
const GEOMETRY = { segmentBytes: SEGMENT_BYTES, segments: 50 };
/** Of 4096 bytes each. */
const HEADERS_PER_SEGMENT = 4;

/** A state told from others by `opened`. */
function makeState(opened: number, changes: Partial<HeaderState> = {}): HeaderState {
  const segments = changes.segments ?? GEOMETRY.segments;
  return {
    logId: Uint8Array.from({ length: 16 }, (_, index) => index + 1),
    opened,
    programmedBytes: opened * 5e9,
    segmentBytes: SEGMENT_BYTES,
    segments,
    eraseCounts: Uint32Array.from({ length: segments }, (_, index) => 100 + opened + index),
    retired: Uint8Array.from({ length: segments }, (_, index) => (index % 11 === 3 ? 1 : 0)),
    ...changes,
  };
}

const openArea = async (medium: StrictMedium) => HeaderArea.open(medium, GEOMETRY);
const newestOn = async (medium: StrictMedium) => (await openArea(medium)).state?.opened ?? 0;

/** Writes headers 1 to `count`. */
async function writeMany(medium: StrictMedium, count: number): Promise<HeaderArea> {
  const { area } = await openArea(medium);
  for (let opened = 1; opened <= count; opened++) await area.write(makeState(opened));
  return area;
}

describe("HeaderArea", () => {
  it("finds nothing on a fresh medium", async () => {
    const { state, otherState } = await openArea(new StrictMedium());
    expect([state, otherState]).toEqual([null, null]);
  });

  it("gives back what was written", async () => {
    const medium = new StrictMedium();
    await writeMany(medium, 1);
    expect((await openArea(medium)).state).toEqual(makeState(1));
  });

  it.each([
    { spread: 0, bytes: 1 },
    { spread: 255, bytes: 1 },
    { spread: 256, bytes: 2 },
    { spread: 65_535, bytes: 2 },
    { spread: 65_536, bytes: 4 },
    { spread: 0xffff_ff00, bytes: 4 },
  ])("keeps counts $spread apart, in $bytes bytes each", async ({ spread, bytes }) => {
    const eraseCounts = new Uint32Array(50).fill(7 + spread);
    eraseCounts[20] = 7;
    const state = makeState(1, { eraseCounts });
    const header = encodeHeader(state, { generation: 1, programBytes: 4096 });
    expect(header[52]).toBe(bytes);
    expect(decodeHeader(header, 0)?.state).toEqual(state);
  });

  it("cuts off counts further apart than two bytes can say where four do not fit", () => {
    const segments = mostSegments(65_536);
    const eraseCounts = new Uint32Array(segments).fill(5);
    eraseCounts[1] = 70_000;
    eraseCounts[2] = 65_540;
    const state = makeState(1, { segments, segmentBytes: 65_536, eraseCounts });
    const header = encodeHeader(state, { generation: 1, programBytes: 4096 });
    expect(header.length).toBeLessThanOrEqual(65_536);
    expect(decodeHeader(header, 0)?.state.eraseCounts.slice(0, 3)).toEqual(
      Uint32Array.of(5, 65_540, 65_540),
    );
  });

  it("finds the newest through many rounds over both segments, opened anew between", async () => {
    const random = new SeededRandom(testSeed("header area, rounds"));
    const medium = new StrictMedium();
    let { area } = await openArea(medium);
    for (let opened = 1; opened <= 400; opened++) {
      const segments = GEOMETRY.segments;
      const eraseCounts = Uint32Array.from({ length: segments }, () => random.below(300));
      await area.write(makeState(opened, { eraseCounts }));
      if (random.below(4) > 0) continue;
      const opening = await openArea(medium);
      expect(opening.state).toEqual(makeState(opened, { eraseCounts }));
      area = opening.area;
    }
    expect(medium.steps.filter((step) => step.startsWith("erase")).length).toBeGreaterThan(100);
  });

  it("fills a segment before it erases the other", async () => {
    const medium = new StrictMedium();
    await writeMany(medium, 3 * HEADERS_PER_SEGMENT);
    expect(medium.steps.filter((step) => step.startsWith("erase"))).toEqual([
      "erase 0",
      `erase ${SEGMENT_BYTES}`,
      "erase 0",
    ]);
  });

  it("begins the other segment after each opening, as what lies behind the newest is not known", async () => {
    const medium = new StrictMedium();
    await writeMany(medium, 1);
    for (const offset of [SEGMENT_BYTES, 0, SEGMENT_BYTES]) {
      const { area } = await openArea(medium);
      await area.write(makeState(2));
      expect(medium.steps.slice(-2)).toEqual([`erase ${offset}`, `write ${offset}`]);
    }
  });

  it("hides no mistake of ours behind the other segment", async () => {
    const medium = new StrictMedium();
    const area = await writeMany(medium, 1);
    medium.write = () => Promise.reject(new Error("a broken assumption"));
    await expect(area.write(makeState(2))).rejects.toThrow("a broken assumption");
    expect(await newestOn(medium)).toBe(1);
    expect(medium.steps.filter((step) => step.startsWith("erase"))).toEqual(["erase 0"]);
  });

  it("lets what was written last become durable before it erases", async () => {
    const medium = new StrictMedium();
    await writeMany(medium, 3 * HEADERS_PER_SEGMENT);
    const erases = medium.steps.flatMap((step, index) => (step.startsWith("erase") ? [index] : []));
    expect(erases.map((index) => medium.steps[index - 1])).toEqual([
      "flush 0",
      "flush 0",
      "flush 0",
    ]);
  });

  it("keeps the rules of the NAND model until its blocks are worn out", async () => {
    const medium = new NandModel({ sizeBytes: 2 * 65_536, blockBytes: 65_536, endurance: 50 });
    const geometry = { segmentBytes: 65_536, segments: 20 };
    const { area } = await HeaderArea.open(medium, geometry);
    let written = 0;
    const write = () => area.write(makeState(written + 1, geometry));
    await expect(
      (async () => {
        for (; written < 1000; written++) await write();
      })(),
    ).rejects.toThrow("worn out");
    // 50 erases of two blocks with four pages each.
    expect(written).toBe(400);
    expect((await HeaderArea.open(medium, geometry)).state?.opened).toBe(400);
  });

  it("has the newest or the one under way after the power went at any sector", async () => {
    const count = 2 * HEADERS_PER_SEGMENT + 2;
    const rehearsal = new StrictMedium();
    await writeMany(rehearsal, count);
    for (let sectorsLeft = 0; sectorsLeft < rehearsal.sectors; sectorsLeft++) {
      const medium = new StrictMedium();
      const { area } = await openArea(medium);
      medium.sectorsLeft = sectorsLeft;
      let acknowledged = 0;
      for (let opened = 1; opened <= count && acknowledged === opened - 1; opened++) {
        await area.write(makeState(opened)).then(
          () => {
            acknowledged = opened;
          },
          () => {},
        );
      }
      medium.revive();
      const opening = await openArea(medium);
      const found = opening.state?.opened ?? 0;
      expect([acknowledged, acknowledged + 1]).toContain(found);
      if (found > 0) expect(opening.state).toEqual(makeState(found));
      await opening.area.write(makeState(99));
      expect(await newestOn(medium)).toBe(99);
    }
  });

  it("has at least what was durable after the medium died with writes in any order", async () => {
    const seed = testSeed("header area, reordered writes");
    const count = 4 * HEADERS_PER_SEGMENT;
    for (let deathAt = 3; deathAt < 3 * count; deathAt++) {
      const inner = new MemoryMedium({ sizeBytes: 2 * SEGMENT_BYTES });
      const random = new SeededRandom(seed + deathAt);
      const medium = new FaultyMedium(inner, { random, isReordering: true, deathAt });
      const { area } = await HeaderArea.open(medium, GEOMETRY);
      let acknowledged = 0;
      const writes = Array.from({ length: count }, async (_, index) => {
        await area.write(makeState(index + 1));
        acknowledged = index + 1;
      });
      await Promise.allSettled(writes);
      const { state } = await HeaderArea.open(inner, GEOMETRY);
      const found = state?.opened ?? 0;
      // What came before the segment begun last was made durable then.
      const durable =
        Math.floor((Math.max(1, acknowledged) - 1) / HEADERS_PER_SEGMENT) * HEADERS_PER_SEGMENT;
      expect(found).toBeGreaterThanOrEqual(durable);
      expect(found).toBeLessThanOrEqual(acknowledged + 1);
      if (found > 0) expect(state).toEqual(makeState(found));
    }
  });

  it("finds the newest whole one after any flip of a bit", async () => {
    const random = new SeededRandom(testSeed("header area, flips"));
    const count = HEADERS_PER_SEGMENT + 2;
    const medium = new StrictMedium();
    await writeMany(medium, count);
    const newestOffset = SEGMENT_BYTES + 4096;
    const headerBytes = 68 + 50 + 7 + 4;
    for (let at = 0; at < medium.bytes.length; at += at % 4096 < headerBytes ? 1 : 509) {
      const bit = 1 << random.below(8);
      medium.bytes[at]! ^= bit;
      const isHit = at >= newestOffset && at < newestOffset + headerBytes;
      expect(await newestOn(medium)).toBe(isHit ? count - 1 : count);
      medium.bytes[at]! ^= bit;
    }
  });

  it("goes on in the other segment when a write fails", async () => {
    const medium = new StrictMedium();
    const area = await writeMany(medium, 2);
    medium.fails = (step, offset) => step === "write" && offset < SEGMENT_BYTES;
    await area.write(makeState(3));
    medium.revive();
    expect(await newestOn(medium)).toBe(3);
    await area.write(makeState(4));
    expect(medium.steps.at(-1)).toBe(`write ${SEGMENT_BYTES + 4096}`);
  });

  it("rejects a write that fails in both, and keeps what it had", async () => {
    const medium = new StrictMedium();
    const area = await writeMany(medium, 2);
    medium.fails = (step) => step === "write";
    await expect(area.write(makeState(3))).rejects.toThrow("write at 16384 failed");
    medium.revive();
    expect(await newestOn(medium)).toBe(2);
    await area.write(makeState(4));
    expect(await newestOn(medium)).toBe(4);
  });

  it("does with one segment when the other has failed for good", async () => {
    const medium = new StrictMedium();
    const area = await writeMany(medium, HEADERS_PER_SEGMENT);
    medium.fails = (step, offset) => step !== "read" && offset >= SEGMENT_BYTES;
    await expect(area.write(makeState(5))).rejects.toThrow("erase at 16384 failed");
    expect(await newestOn(medium)).toBe(HEADERS_PER_SEGMENT);
    for (let opened = 6; opened < 30; opened++) {
      await area.write(makeState(opened));
      expect(await newestOn(medium)).toBe(opened);
    }
  });

  it("begins in the second segment where the first fails from the start", async () => {
    const medium = new StrictMedium();
    medium.fails = (step, offset) => step === "erase" && offset === 0;
    await writeMany(medium, 1);
    expect(await newestOn(medium)).toBe(1);
  });

  it("erases nothing when what was written cannot be made durable", async () => {
    const medium = new StrictMedium();
    const area = await writeMany(medium, HEADERS_PER_SEGMENT);
    medium.fails = (step) => step === "flush";
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(area.write(makeState(9))).rejects.toThrow("flush");
    }
    expect(await newestOn(medium)).toBe(HEADERS_PER_SEGMENT);
  });

  it("takes newer states one after another, each as it was when it was given", async () => {
    const medium = new StrictMedium();
    const { area } = await openArea(medium);
    const eraseCounts = new Uint32Array(50);
    const writes = Array.from({ length: 20 }, (_, index) => {
      eraseCounts.fill(index);
      return area.write(makeState(index + 1, { eraseCounts }));
    });
    eraseCounts.fill(999);
    await Promise.all(writes);
    expect(medium.mostUnderWay).toBe(1);
    const expected = makeState(20, { eraseCounts: new Uint32Array(50).fill(19) });
    expect((await openArea(medium)).state).toEqual(expected);
  });

  it("gives a state of another geometry apart, and what is written then is newer", async () => {
    const medium = new StrictMedium();
    await writeMany(medium, 6);
    const geometry = { segmentBytes: SEGMENT_BYTES, segments: 49 };
    const { area, state, otherState } = await HeaderArea.open(medium, geometry);
    expect([state, otherState?.opened]).toEqual([null, 6]);
    await area.write(makeState(1, geometry));
    const again = await HeaderArea.open(medium, geometry);
    expect([again.state?.opened, again.otherState]).toEqual([1, null]);
  });

  it("gives a state of longer segments apart", async () => {
    const medium = new StrictMedium();
    await writeMany(medium, 2);
    const opening = await HeaderArea.open(medium, { segmentBytes: 8192, segments: 50 });
    expect([opening.state, opening.otherState?.segmentBytes]).toEqual([null, SEGMENT_BYTES]);
  });

  it("passes over what cannot be read", async () => {
    const medium = new StrictMedium();
    await writeMany(medium, 6);
    medium.fails = (step, offset) => step === "read" && offset % SEGMENT_BYTES === 0;
    // Of headers 5 and 6 the first cannot be read, so 6 is read by itself.
    expect(await newestOn(medium)).toBe(6);
    medium.fails = (step, offset) => step === "read" && offset >= SEGMENT_BYTES;
    expect(await newestOn(medium)).toBe(4);
  });

  it("rejects where nothing can be read", async () => {
    const medium = new StrictMedium();
    medium.fails = () => true;
    await expect(openArea(medium)).rejects.toThrow("read at 16384 failed");
  });

  it("refuses more segments than a header has room for", async () => {
    const medium = new StrictMedium();
    const most = mostSegments(SEGMENT_BYTES);
    await expect(
      HeaderArea.open(medium, { segmentBytes: SEGMENT_BYTES, segments: most + 1 }),
    ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    const geometry = { segmentBytes: SEGMENT_BYTES, segments: most };
    const { area } = await HeaderArea.open(medium, geometry);
    const eraseCounts = Uint32Array.from({ length: most }, (_, index) => 8 * index);
    const state = makeState(1, { ...geometry, eraseCounts });
    await area.write(state);
    expect((await HeaderArea.open(medium, geometry)).state).toEqual(state);
  });
});

describe("mostSegments", () => {
  it.each([
    { segmentBytes: 65_536, most: 30_806 },
    { segmentBytes: 2 ** 20, most: 493_413 },
  ])("of $segmentBytes bytes are $most, as the page says", ({ segmentBytes, most }) => {
    // 68 bytes of head, two of a count and a bit each, four of check.
    expect(68 + 2 * most + Math.ceil(most / 8) + 4).toBeLessThanOrEqual(segmentBytes);
    expect(68 + 2 * (most + 1) + Math.ceil((most + 1) / 8) + 4).toBeGreaterThan(segmentBytes);
    expect(mostSegments(segmentBytes)).toBe(most);
  });
});

describe("decodeHeader", () => {
  it("takes any bytes without throwing", () => {
    const random = new SeededRandom(testSeed("decodeHeader"));
    const whole = encodeHeader(makeState(1), { generation: 1, programBytes: 512 });
    for (let round = 0; round < 5000; round++) {
      const header = whole.slice(0, 1 + random.below(whole.length));
      for (let change = random.below(3); change >= 0; change--) {
        // The fields that lengths depend on more often than others.
        const at = 8 + random.below(random.below(2) === 0 ? 60 : header.length);
        if (at < header.length) header[at] = random.below(256);
      }
      if (Buffer.compare(header, whole.subarray(0, header.length)) === 0) continue;
      const read = decodeHeader(header, 0);
      // What was changed may lie behind the check.
      if (read !== null) expect(read.state).toEqual(makeState(1));
    }
  });
});
