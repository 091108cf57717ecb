/**
 * Device.extents: the state of each kind of slot, how runs are cut, and that no other export can be seen in it. Random
 * ranges against a model are in test/model.
 */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { type Device, EXTENT_STATE, openDevice } from "../../src/index.ts";
import { numberedPage, randomPage, samePage } from "../support/pages.ts";
import { expectRejection, refusal } from "../support/refusals.ts";
import { testSeed } from "../support/seed.ts";
import { sizedPage } from "../support/sized-codec.ts";
import { openTestDevice, testStore, writePage } from "../support/stores.ts";

const { HOLE, ZERO, SAME_FILLED, HUGE, IDLE, SHARED } = EXTENT_STATE;
const zeros = new Uint8Array(PAGE_BYTES);
const noise = randomPage(new SeededRandom(1));
/** For stores with sized codecs. */
const small = (number: number) => sizedPage({ number, lengths: [100] });

/** The state of each page of the device; an extent must end where a page does. */
async function states(device: Device): Promise<number[]> {
  const found: number[] = [];
  for (let offset = 0; offset < device.sizeBytes; ) {
    for (const { length, state } of await device.extents(offset, device.sizeBytes - offset)) {
      expect(length % PAGE_BYTES).toBe(0);
      for (let page = 0; page < length / PAGE_BYTES; page++) found.push(state);
      offset += length;
    }
  }
  return found;
}

describe("the state of a page", () => {
  it.each([
    ["with a memory limit", 2 ** 20, HOLE],
    ["without any limit", 0, 0],
  ])("%s tells what it is", async (_, memoryLimitBytes, hole) => {
    const device = await openDevice({ sizeBytes: 9 * PAGE_BYTES, memoryLimitBytes });
    await writePage(device, 7, numberedPage(7));
    device.markIdle();
    await writePage(device, 1, zeros);
    await device.writeZeroes(2 * PAGE_BYTES, PAGE_BYTES, { reserve: true });
    await writePage(device, 3, samePage(0, 1));
    await writePage(device, 4, numberedPage(4));
    await writePage(device, 5, noise);
    for (const index of [6, 8]) await writePage(device, index, numberedPage(6));
    expect(await states(device)).toEqual([
      HOLE | ZERO,
      SAME_FILLED | ZERO | hole,
      SAME_FILLED | ZERO,
      SAME_FILLED,
      0,
      HUGE,
      SHARED,
      IDLE,
      SHARED,
    ]);
  });

  it("no longer shared, idle or reserved shows so", async () => {
    const device = await openDevice({ sizeBytes: 3 * PAGE_BYTES, memoryLimitBytes: 2 ** 20 });
    for (const index of [0, 1]) await writePage(device, index, noise);
    await device.writeZeroes(2 * PAGE_BYTES, PAGE_BYTES, { reserve: true });
    device.markIdle();
    const shared = HUGE | IDLE | SHARED;
    expect(await states(device)).toEqual([shared, shared, SAME_FILLED | ZERO]);
    await device.discard(PAGE_BYTES, 2 * PAGE_BYTES);
    await device.read(0, new Uint8Array(1));
    expect(await states(device)).toEqual([HUGE, HOLE | ZERO, HOLE | ZERO]);
  });
});

describe("Device.extents", () => {
  it("merges neighbours of one state, and begins and ends with the range", async () => {
    const device = await openDevice({ sizeBytes: 8 * PAGE_BYTES });
    for (const index of [2, 3, 4]) await writePage(device, index, numberedPage(index));
    expect(await device.extents(100, 4 * PAGE_BYTES)).toEqual([
      { length: 2 * PAGE_BYTES - 100, state: HOLE | ZERO },
      { length: 2 * PAGE_BYTES + 100, state: 0 },
    ]);
    expect(await device.extents(3 * PAGE_BYTES + 5, 7)).toEqual([{ length: 7, state: 0 }]);
    expect(await device.extents(5 * PAGE_BYTES - 1, 2)).toEqual([
      { length: 1, state: 0 },
      { length: 1, state: HOLE | ZERO },
    ]);
    expect(await device.extents(8 * PAGE_BYTES, 0)).toEqual([]);
  });

  it("stops after 2^18 pages", async () => {
    const device = await openDevice({ sizeBytes: 2 ** 40 });
    const looked = 2 ** 18 * PAGE_BYTES;
    expect(await device.extents(0, 2 ** 40)).toEqual([{ length: looked, state: HOLE | ZERO }]);
    expect(await device.extents(2 ** 39 + 10, 2 ** 39 - 10)).toEqual([
      { length: looked - 10, state: HOLE | ZERO },
    ]);
  });

  it("refuses a range past the end, and a closed device", async () => {
    const device = await openDevice({ sizeBytes: PAGE_BYTES });
    await expectRejection(() => device.extents(1, PAGE_BYTES), refusal.outOfRange(PAGE_BYTES));
    await device.close();
    await expectRejection(() => device.extents(0, 1), refusal.closed());
  });
});

describe("other exports of the domain", () => {
  const CONTENTS = 6;
  const SLOTS = 12;

  it("change nothing in what an export tells of itself, whatever they do", async () => {
    const random = new SeededRandom(testSeed("extents beside other exports"));
    const pages = Array.from({ length: CONTENTS }, (_, number) => small(number));
    for (let run = 0; run < 40; run++) {
      const made = [testStore(), testStore()] as const;
      const [alone, watched] = made.map((each) => openTestDevice(each, { slots: SLOTS }));
      const other = openTestDevice(made[1], { slots: SLOTS, name: "other" });
      for (let step = 0; step < 60; step++) {
        const index = random.below(SLOTS);
        const page = pages[random.below(CONTENTS)]!;
        const kind = random.below(8);
        if (kind < 2) {
          await writePage(other, index, page);
        } else if (kind === 2) {
          await other.discard(index * PAGE_BYTES, PAGE_BYTES);
        } else {
          for (const device of [alone!, watched!]) {
            if (kind < 6) await writePage(device, index, page);
            else await device.discard(index * PAGE_BYTES, PAGE_BYTES);
          }
        }
        const seconds = random.below(8) === 0 ? 2 : 0.1;
        for (const { clock } of made) clock.advance(seconds);
        if (random.below(3) > 0) expect(await states(watched!)).toEqual(await states(alone!));
      }
    }
  });

  it("change nothing where the export shares with itself too", async () => {
    const made = testStore();
    const device = openTestDevice(made, { slots: 4 });
    const other = openTestDevice(made, { slots: 4, name: "other" });
    for (const index of [0, 2]) await writePage(device, index, small(1));
    await writePage(device, 1, small(2));
    for (const index of [0, 1, 2]) await writePage(other, index, small(1 + (index % 2)));
    expect(await states(device)).toEqual([SHARED, 0, SHARED, HOLE | ZERO]);
    expect(await states(other)).toEqual([SHARED, 0, SHARED, HOLE | ZERO]);
  });

  it("do not show through object ids that are given out again", async () => {
    const made = testStore();
    const device = openTestDevice(made, { slots: 4 });
    openTestDevice(made, { slots: 4, name: "other" });
    for (const index of [0, 1]) await writePage(device, index, small(1));
    expect(await states(device)).toEqual([SHARED, SHARED, HOLE | ZERO, HOLE | ZERO]);
    await device.discard(0, 2 * PAGE_BYTES);
    await writePage(device, 2, small(2));
    expect((await states(device))[2]).toBe(0);
  });
});

describe("counting what a large export shares with itself", () => {
  const SLOTS = 2 ** 18;

  /** An export with a neighbour in its domain; pages 0 and SLOTS - 1 are equal. */
  async function large(): Promise<Device> {
    const made = testStore();
    const device = openTestDevice(made, { slots: SLOTS });
    openTestDevice(made, { slots: 1, name: "other" });
    for (const index of [0, SLOTS - 1]) await writePage(device, index, small(0));
    return device;
  }

  const stateOf = async (device: Device, index: number) =>
    (await device.extents(index * PAGE_BYTES, PAGE_BYTES))[0]!.state;

  it("lets the event loop turn", async () => {
    const device = await large();
    let turns = 0;
    const counted = stateOf(device, 0).then(() => turns);
    for (let turn = 0; turn < 10; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
    }
    expect(await counted).toBeGreaterThan(1);
  });

  it("follows what is written and discarded meanwhile, before and behind where it is", async () => {
    const device = await large();
    const asked = stateOf(device, 0);
    for (const index of [5, SLOTS - 5]) await writePage(device, index, small(5));
    for (const index of [6, SLOTS - 7]) await writePage(device, index, small(index));
    await device.discard((SLOTS - 1) * PAGE_BYTES, PAGE_BYTES);
    expect(await asked).toBe(0);
    for (const index of [5, SLOTS - 5]) expect(await stateOf(device, index)).toBe(SHARED);
    for (const index of [6, SLOTS - 7]) expect(await stateOf(device, index)).toBe(0);
    await writePage(device, SLOTS - 6, small(6));
    expect(await stateOf(device, 6)).toBe(SHARED);
  });

  it("serves two that ask at once", async () => {
    const device = await large();
    const asked = [stateOf(device, 0), stateOf(device, SLOTS - 1)];
    expect(await Promise.all(asked)).toEqual([SHARED, SHARED]);
  });

  it("begins anew in an export that is reset meanwhile", async () => {
    const device = await large();
    const late = stateOf(device, 0);
    device.reset();
    await writePage(device, 0, small(0));
    expect(await late).toBe(0);
  });

  it("ends with CLOSED when the export closes meanwhile", async () => {
    const device = await large();
    const asked = device.extents(0, PAGE_BYTES);
    await device.close();
    await expectRejection(() => asked, refusal.closed());
  });
});
