/** An export as a block device: any byte offset and length, against one Buffer that does the same. */

import { assert, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { type Device, openDevice } from "../../src/index.ts";
import { fixturePages } from "../support/fixtures.ts";
import { differenceOf, numberedPage, randomPage } from "../support/pages.ts";
import { expectRefusal, expectRejection, refusal } from "../support/refusals.ts";
import { testSeed } from "../support/seed.ts";
import { openTestDevice, readPage, testStore, writePage } from "../support/stores.ts";

const SIZE_BYTES = 1_000_000;
const ROUNDED_BYTES = Math.ceil(SIZE_BYTES / PAGE_BYTES) * PAGE_BYTES;
const LONGEST_BYTES = 300_000;
const STEPS = 2500;

async function wholeOf(device: Device): Promise<Uint8Array> {
  const whole = new Uint8Array(device.sizeBytes);
  await device.read(0, whole);
  return whole;
}

/** A range of the device; short, long, empty and page-aligned ones are all common. */
function randomRange(random: SeededRandom): { offset: number; length: number } {
  const lengths = [0, random.below(20), random.below(3 * PAGE_BYTES), random.below(LONGEST_BYTES)];
  let length = lengths[random.below(4)]!;
  let offset = random.below(ROUNDED_BYTES - length + 1);
  if (random.below(3) === 0) {
    offset -= offset % PAGE_BYTES;
    length -= random.below(2) === 0 ? length % PAGE_BYTES : 0;
  }
  return { offset, length };
}

describe("Device", () => {
  it.each(["lz4", "lz4-fast", "lz4-wasm", "raw"])(
    "does what a Buffer does, with codec %s",
    async (codec) => {
      const random = new SeededRandom(testSeed(`device with ${codec}`));
      const device = await openDevice({ sizeBytes: SIZE_BYTES, codec });
      const model = Buffer.alloc(ROUNDED_BYTES);
      const content = fixturePages("guest-a-node");
      for (let step = 0; step < STEPS; step++) {
        const { offset, length } = randomRange(random);
        const end = offset + length;
        const kind = random.below(10);
        if (kind < 4) {
          const from = random.below(content.length - length);
          const bytes = content.subarray(from, from + length);
          await device.write(offset, bytes);
          model.set(bytes, offset);
        } else if (kind === 4) {
          await device.discard(offset, length);
          const first = Math.ceil(offset / PAGE_BYTES) * PAGE_BYTES;
          model.fill(0, first, Math.max(first, end - (end % PAGE_BYTES)));
        } else if (kind === 5) {
          await device.writeZeroes(offset, length);
          model.fill(0, offset, end);
        } else {
          const target = Buffer.alloc(length, 0xee);
          await device.read(offset, target);
          const difference = differenceOf(target, model.subarray(offset, end));
          if (difference) assert.fail(`step ${step}, ${length} bytes at ${offset}: ${difference}`);
        }
      }
      expect(differenceOf(await wholeOf(device), model)).toBeNull();
      await device.close();
    },
  );

  it("takes every length around a page at every offset around one", async () => {
    const device = await openDevice({ sizeBytes: 4 * PAGE_BYTES });
    const model = Buffer.alloc(4 * PAGE_BYTES);
    let number = 0;
    for (const offset of [0, 1, 4095, 4096, 4097, 8191, 8192]) {
      for (const length of [0, 1, 2, 4094, 4095, 4096, 4097, 4098, 8191, 8192]) {
        const bytes = Uint8Array.from({ length }, (_, index) => index + number);
        number += 1;
        await device.write(offset, bytes);
        model.set(bytes, offset);
        expect(differenceOf(await wholeOf(device), model), `${offset}, ${length}`).toBeNull();
      }
    }
  });

  it("takes its last byte, and nothing at its end", async () => {
    const device = await openDevice({ sizeBytes: SIZE_BYTES });
    await device.write(ROUNDED_BYTES - 1, Uint8Array.of(7));
    await device.write(ROUNDED_BYTES, new Uint8Array(0));
    await device.discard(ROUNDED_BYTES, 0);
    await device.writeZeroes(ROUNDED_BYTES, 0);
    const target = new Uint8Array(2);
    await device.read(ROUNDED_BYTES - 2, target);
    expect([...target]).toEqual([0, 7]);
  });

  it("keeps apart what lies past 4 GiB and what lies before", async () => {
    const device = await openDevice({ sizeBytes: 2 ** 36 });
    const offsets = [5, 2 ** 31 + 5, 2 ** 32 + 5, 2 ** 35 + 4090, 2 ** 36 - 20];
    for (const [which, offset] of offsets.entries()) {
      await device.write(offset, new Uint8Array(20).fill(which + 1));
    }
    for (const [which, offset] of offsets.entries()) {
      const target = new Uint8Array(20);
      await device.read(offset, target);
      expect(differenceOf(target, new Uint8Array(20).fill(which + 1)), `${offset}`).toBeNull();
    }
    await device.discard(2 ** 32, 2 ** 35 - 2 ** 32);
    expect(device.stats()).toMatchObject({ orig_data_size: 5 * PAGE_BYTES, objects: 5 });
  });

  it("rounds its size up to whole pages", async () => {
    const device = await openDevice({ sizeBytes: SIZE_BYTES });
    expect(device.sizeBytes).toBe(ROUNDED_BYTES);
  });

  it("counts each page a request touches as a read or a write", async () => {
    const device = await openDevice({ sizeBytes: SIZE_BYTES });
    await device.write(100, new Uint8Array(3 * PAGE_BYTES));
    expect(device.stats()).toMatchObject({ num_writes: 4, num_reads: 0 });
    await device.read(4095, new Uint8Array(2));
    expect(device.stats()).toMatchObject({ num_writes: 4, num_reads: 2 });
  });
});

describe("Device.discard", () => {
  it("frees the whole pages within the range, not those at its ends", async () => {
    const device = await openDevice({ sizeBytes: 6 * PAGE_BYTES });
    for (let index = 0; index < 6; index++) await writePage(device, index, numberedPage(index));
    await device.discard(PAGE_BYTES + 1, 3 * PAGE_BYTES);
    const used = [0, 1, 2, 3, 4, 5].filter((index) => device.slotState(index) !== null);
    expect(used).toEqual([0, 1, 4, 5]);
    expect(device.stats()).toMatchObject({ notify_free: 2, orig_data_size: 4 * PAGE_BYTES });
  });

  it("frees nothing where no whole page is within", async () => {
    const device = await openDevice({ sizeBytes: 4 * PAGE_BYTES });
    for (let index = 0; index < 4; index++) await writePage(device, index, numberedPage(index));
    for (const [offset, length] of [
      [1, 4095],
      [0, 4095],
      [1, 8190],
      [4095, 2],
      [5000, 0],
    ]) {
      await device.discard(offset!, length!);
    }
    expect(device.stats()).toMatchObject({ notify_free: 0, orig_data_size: 4 * PAGE_BYTES });
  });
});

describe("Device.writeZeroes", () => {
  it("frees whole pages and writes zeros into the parts at both ends", async () => {
    const device = await openDevice({ sizeBytes: 6 * PAGE_BYTES });
    for (let index = 0; index < 6; index++) {
      await writePage(device, index, new Uint8Array(PAGE_BYTES).fill(7, 0, 4095));
    }
    await device.writeZeroes(PAGE_BYTES + 4000, 2 * PAGE_BYTES + 200);
    const used = [0, 1, 2, 3, 4, 5].map((index) => device.slotState(index) !== null);
    expect(used).toEqual([true, true, false, false, true, true]);
    const whole = await wholeOf(device);
    const first = whole.findIndex((byte, at) => byte === 0 && at > PAGE_BYTES);
    expect(first).toBe(PAGE_BYTES + 4000);
    expect(whole.indexOf(7, first)).toBe(3 * PAGE_BYTES + 4200);
  });

  it("within one page leaves the rest of it", async () => {
    const device = await openDevice({ sizeBytes: PAGE_BYTES });
    await writePage(device, 0, new Uint8Array(PAGE_BYTES).fill(7));
    await device.writeZeroes(10, 20);
    const expected = new Uint8Array(PAGE_BYTES).fill(7);
    expected.fill(0, 10, 30);
    expect(differenceOf(await readPage(device, 0), expected)).toBeNull();
  });
});

describe("methods that end in Now", () => {
  it("are done when they return", async () => {
    const device = await openDevice({ sizeBytes: 4 * PAGE_BYTES });
    const bytes = new Uint8Array(3 * PAGE_BYTES).fill(7);
    const target = new Uint8Array(3 * PAGE_BYTES);
    device.writeNow(10, bytes);
    device.readNow(10, target);
    expect(differenceOf(target, bytes)).toBeNull();
    device.discardNow(0, 2 * PAGE_BYTES);
    expect(device.stats()).toMatchObject({ orig_data_size: 2 * PAGE_BYTES });
    device.writeZeroesNow(2 * PAGE_BYTES, PAGE_BYTES);
    device.writeZeroesNow(0, PAGE_BYTES, { reserve: true });
    expect(device.stats()).toMatchObject({
      orig_data_size: 2 * PAGE_BYTES,
      reserved_bytes: PAGE_BYTES,
    });
  });

  it("throw what the others reject with", async () => {
    const device = await openDevice({ sizeBytes: PAGE_BYTES });
    const refused = refusal.outOfRange(PAGE_BYTES);
    expectRefusal(() => device.writeNow(1, new Uint8Array(PAGE_BYTES)), refused);
    expectRefusal(() => device.readNow(1, new Uint8Array(PAGE_BYTES)), refused);
    expectRefusal(() => device.discardNow(1, PAGE_BYTES), refused);
    expectRefusal(() => device.writeZeroesNow(1, PAGE_BYTES), refused);
  });
});

describe("Device refuses", () => {
  const END = 4 * PAGE_BYTES;
  const RANGES: readonly (readonly [unknown, number])[] = [
    [-1, 1],
    [0.5, 1],
    [Number.NaN, 1],
    ["0", 1],
    [null, 1],
    [undefined, 1],
    [END, 1],
    [END - 10, 11],
    [2 ** 53, 0],
    [Number.POSITIVE_INFINITY, 0],
  ];

  it.each(RANGES)("offset %s with %i bytes", async (offset, length) => {
    const device = await openDevice({ sizeBytes: END });
    await writePage(device, 3, numberedPage(1));
    const refused = refusal.outOfRange(String(offset), length, END);
    const at = offset as number;
    await expectRejection(() => device.write(at, new Uint8Array(length)), refused);
    await expectRejection(() => device.read(at, new Uint8Array(length)), refused);
    await expectRejection(() => device.discard(at, length), refused);
    await expectRejection(() => device.writeZeroes(at, length), refused);
    expect(device.stats()).toMatchObject({ num_writes: 1, num_reads: 0, notify_free: 0 });
  });

  it.each([-1, 0.5, Number.NaN, "1", null, END + 1])("length %s", async (length) => {
    const device = await openDevice({ sizeBytes: END });
    const refused = refusal.outOfRange(String(length), END);
    await expectRejection(() => device.discard(0, length as number), refused);
    await expectRejection(() => device.writeZeroes(0, length as number), refused);
  });

  it.each(["bytes", null, undefined, [1, 2], 5])("%s for bytes", async (bytes) => {
    const device = await openDevice({ sizeBytes: END });
    const refused = refusal.invalid(String(bytes), "Uint8Array");
    await expectRejection(() => device.write(0, bytes as unknown as Uint8Array), refused);
    await expectRejection(() => device.read(0, bytes as unknown as Uint8Array), refused);
  });

  it.each([-1, 4, 0.5, 1.75, Number.NaN, "1", null])("slotState of page %s", async (index) => {
    const device = await openDevice({ sizeBytes: END });
    await writePage(device, 0, numberedPage(1));
    const refused = refusal.outOfRange(String(index), 3);
    expectRefusal(() => device.slotState(index as number), refused);
  });
});

describe("Device.write", () => {
  it("stopped by a limit keeps the pages before, and leaves that page and those after", async () => {
    const random = new SeededRandom(1);
    const device = openTestDevice(testStore(), { slots: 8, limitBytes: 5 * PAGE_BYTES });
    const old = randomPage(random);
    for (const index of [4, 6, 7]) await writePage(device, index, old);
    const bytes = Buffer.concat(Array.from({ length: 7 }, () => randomPage(random)));
    const refused = refusal.noSpace("page 3", 5 * PAGE_BYTES, "limitBytes");
    await expectRejection(
      () => device.write(PAGE_BYTES, bytes.subarray(0, 6 * PAGE_BYTES)),
      refused,
    );
    const expected = Buffer.alloc(8 * PAGE_BYTES);
    for (const index of [4, 6, 7]) expected.set(old, index * PAGE_BYTES);
    expected.set(bytes.subarray(0, 2 * PAGE_BYTES), PAGE_BYTES);
    expect(differenceOf(await wholeOf(device), expected)).toBeNull();
    expect(device.stats()).toMatchObject({ num_writes: 6, failed_writes: 1 });
  });
});
