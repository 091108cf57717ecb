/** What many slots hold is written to the log once, and a duplicate of what lies there comes to share it. */

import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import type { Device } from "../../../src/device/device.ts";
import { openDevice } from "../../../src/device/store.ts";
import { RECORD_HEAD_BYTES } from "../../../src/overflow/format/layout.ts";
import { MemoryMedium } from "../../../src/overflow/media/memory.ts";

const SLOTS = 64;
const SEGMENT_BYTES = 2 ** 16;

function textPage(text: string): Uint8Array {
  return new TextEncoder().encode(text.repeat(PAGE_BYTES).slice(0, PAGE_BYTES));
}

describe("a page that many slots hold", () => {
  let device: Device;

  beforeEach(async () => {
    device = await openDevice({
      sizeBytes: SLOTS * PAGE_BYTES,
      overflow: {
        medium: new MemoryMedium({ sizeBytes: 8 * SEGMENT_BYTES }),
        segmentBytes: SEGMENT_BYTES,
      },
    });
    for (let index = 0; index < SLOTS; index++)
      await device.write(index * PAGE_BYTES, textPage("one page "));
    await device.writeBack({ pages: [{ first: 0, last: SLOTS - 1 }] });
  });
  afterEach(() => device.close());

  it("is written to the log once, and read from there by each", async () => {
    const { written_back, written_back_pages, record_bytes, bd_data_size } =
      device.overflowStats()!;
    expect({ written_back, written_back_pages }).toEqual({
      written_back: 1,
      written_back_pages: SLOTS,
    });
    expect(record_bytes).toBe(RECORD_HEAD_BYTES + bd_data_size);
    const target = new Uint8Array(PAGE_BYTES);
    for (let index = 0; index < SLOTS; index++) {
      await device.read(index * PAGE_BYTES, target);
      expect(target).toEqual(textPage("one page "));
    }
  });

  it("is shared again by a slot that is written with it anew", async () => {
    await device.write(0, textPage("another "));
    await device.write(0, textPage("one page "));
    while (device.overflowStats()!.merged === 0) await setTimeout(1);
    const { objects, dup_pages } = device.stats();
    expect({ objects, dup_pages }).toEqual({ objects: 1, dup_pages: SLOTS - 1 });
  });
});
