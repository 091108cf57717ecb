/** Device.zeroRun: how far zeros are known to go; random ranges against a model are in test/model. */

import { describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { openDevice } from "../../src/index.ts";
import { numberedPage, samePage } from "../support/pages.ts";
import { expectRefusal, refusal } from "../support/refusals.ts";
import { writePage } from "../support/stores.ts";

const SIZE_BYTES = 16 * PAGE_BYTES;

describe("Device.zeroRun", () => {
  it("is the whole range where nothing was written", async () => {
    const device = await openDevice({ sizeBytes: SIZE_BYTES });
    for (const [offset, length] of [
      [0, SIZE_BYTES],
      [1, SIZE_BYTES - 1],
      [5000, 3],
      [SIZE_BYTES - 1, 1],
      [SIZE_BYTES, 0],
      [7, 0],
    ]) {
      expect(device.zeroRun(offset!, length!)).toBe(length);
    }
  });

  it("goes on over pages of zeros, discarded ones and reserved ones", async () => {
    const device = await openDevice({ sizeBytes: SIZE_BYTES });
    await writePage(device, 0, new Uint8Array(PAGE_BYTES));
    await writePage(device, 1, numberedPage(1));
    await writePage(device, 2, samePage(7));
    await device.discard(PAGE_BYTES, 2 * PAGE_BYTES);
    await device.writeZeroes(3 * PAGE_BYTES, PAGE_BYTES, { reserve: true });
    await writePage(device, 5, numberedPage(5));
    expect(device.zeroRun(100, SIZE_BYTES - 100)).toBe(5 * PAGE_BYTES - 100);
  });

  it.each([
    ["data", numberedPage(1)],
    ["a word of which the low half is 0", samePage(0, 1)],
    ["a word of which the high half is 0", samePage(1, 0)],
  ])("ends at a page of %s", async (_, page) => {
    const device = await openDevice({ sizeBytes: SIZE_BYTES });
    await writePage(device, 2, page);
    expect(device.zeroRun(0, SIZE_BYTES)).toBe(2 * PAGE_BYTES);
    expect(device.zeroRun(2 * PAGE_BYTES, 10)).toBe(0);
    expect(device.zeroRun(3 * PAGE_BYTES - 1, 10)).toBe(0);
  });

  it("neither reads nor touches anything", async () => {
    const device = await openDevice({ sizeBytes: SIZE_BYTES });
    await writePage(device, 0, numberedPage(1));
    device.markIdle();
    device.zeroRun(0, SIZE_BYTES);
    expect(device.stats().num_reads).toBe(0);
    expect(device.slotState(0)).toMatchObject({ idle: true });
  });

  it("refuses a range past the end, and a closed device", async () => {
    const device = await openDevice({ sizeBytes: SIZE_BYTES });
    expectRefusal(() => device.zeroRun(SIZE_BYTES, 1), refusal.outOfRange(SIZE_BYTES));
    expectRefusal(() => device.zeroRun(0, -1), refusal.outOfRange(-1));
    await device.close();
    expectRefusal(() => device.zeroRun(0, 1), refusal.closed());
  });
});
