/**
 * Stored bytes that no longer decode, put there by reaching into the engine: an error is answered, never other bytes.
 */

import { describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import type { Device } from "../../src/device/device.ts";
import { getCodec } from "../../src/index.ts";
import { fixturePageList } from "../support/fixtures.ts";
import { differenceOf } from "../support/pages.ts";
import { expectRefusal, expectRejection, type Refusal } from "../support/refusals.ts";
import {
  openTestDevice,
  readPage,
  type TestStore,
  testStore,
  writePage,
} from "../support/stores.ts";

const PAGES = [...fixturePageList("guest-c-python", 400)].slice(2, 6);

const corrupt = (...says: (string | number)[]): Refusal => ({
  code: "CORRUPT",
  errno: "EIO",
  says,
});

/** A device whose slots hold the pages, that of slot 1 damaged. */
async function damaged(): Promise<TestStore & { device: Device; length: number }> {
  const made = testStore({ codecs: [getCodec("deflate"), getCodec("deflate:9")] });
  const device = openTestDevice(made, { slots: 8 });
  for (const [index, page] of PAGES.entries()) await writePage(device, index, page);
  const id = made.core.exports.get("")!.table.objectAt(1);
  made.core.engine.bytesOf(id).fill(0xff);
  return { ...made, device, length: made.core.engine.lengthOf(id) };
}

describe("a damaged object", () => {
  it("refuses to be read, names the page and its codec, and counts as a failed read", async () => {
    const { device, length } = await damaged();
    const refused = corrupt("page 1", length, "deflate:1", "write it anew");
    await expectRejection(() => readPage(device, 1), refused);
    await expectRejection(() => device.read(PAGE_BYTES + 5, new Uint8Array(1)), refused);
    expect(device.stats()).toMatchObject({ num_reads: 2, failed_reads: 2 });
  });

  it("leaves the other pages readable", async () => {
    const { device } = await damaged();
    for (const index of [0, 2, 3]) {
      expect(differenceOf(await readPage(device, index), PAGES[index]!)).toBeNull();
    }
  });

  it("refuses to be changed in part, and can be written whole", async () => {
    const { device } = await damaged();
    await expectRejection(() => device.write(PAGE_BYTES, Uint8Array.of(1)), corrupt("page 1"));
    await writePage(device, 1, PAGES[1]!);
    expect(differenceOf(await readPage(device, 1), PAGES[1]!)).toBeNull();
  });

  it("is not shared with a page that equals what it was", async () => {
    const { device, store } = await damaged();
    await writePage(device, 5, PAGES[1]!);
    expect(store.stats().dup_pages).toBe(0);
    expect(differenceOf(await readPage(device, 5), PAGES[1]!)).toBeNull();
  });

  it("can be discarded", async () => {
    const { device, store } = await damaged();
    await device.discard(0, 4 * PAGE_BYTES);
    expect(store.stats()).toMatchObject({ objects: 0, compr_data_size: 0, mem_used_total: 0 });
  });

  it("stops a recompression, which names it", async () => {
    const { store, length } = await damaged();
    expectRefusal(() => store.recompress(), corrupt(length, "deflate:1"));
  });
});
