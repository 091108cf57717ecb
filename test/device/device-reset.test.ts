/** Device.reset: one export begins anew, the others keep what they have. */

import { describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { openDevice, openStore } from "../../src/index.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { expectRefusal, refusal } from "../support/refusals.ts";
import { readPage, writePage } from "../support/stores.ts";

describe("Device.reset", () => {
  it("drops the pages and counts of this export and of no other", async () => {
    const store = await openStore();
    const open = (name: string) => store.openExport({ name, sizeBytes: 8 * PAGE_BYTES });
    const [first, second] = [open("a"), open("b")];
    for (const device of [first, second]) {
      for (const index of [0, 1, 2]) await writePage(device, index, numberedPage(index));
      await device.discard(2 * PAGE_BYTES, PAGE_BYTES);
      await readPage(device, 0);
    }
    first.reset();
    expect(first.stats()).toMatchObject({
      orig_data_size: 0,
      objects: 0,
      num_reads: 0,
      num_writes: 0,
      notify_free: 0,
    });
    expect(second.stats()).toMatchObject({ objects: 2, num_reads: 1, num_writes: 3 });
    expect(store.stats()).toMatchObject({ objects: 2, dup_pages: 0 });
    for (const index of [0, 1]) {
      expect(differenceOf(await readPage(first, index), new Uint8Array(PAGE_BYTES))).toBeNull();
      expect(differenceOf(await readPage(second, index), numberedPage(index))).toBeNull();
    }
  });

  it("leaves the export open and its limits as they were", async () => {
    const device = await openDevice({ sizeBytes: 8 * PAGE_BYTES, limitBytes: PAGE_BYTES });
    await writePage(device, 0, numberedPage(0));
    await expect(writePage(device, 1, numberedPage(1))).rejects.toThrow("limitBytes");
    device.reset();
    await writePage(device, 1, numberedPage(1));
    await expect(writePage(device, 0, numberedPage(0))).rejects.toThrow("limitBytes");
    expect(device.stats()).toMatchObject({ num_writes: 2, failed_writes: 1 });
  });

  it("of a closed device is refused", async () => {
    const device = await openDevice({ sizeBytes: PAGE_BYTES });
    await device.close();
    expectRefusal(() => device.reset(), refusal.closed());
  });
});
