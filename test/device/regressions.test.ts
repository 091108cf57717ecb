/** Faults that a review found, each as it showed. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { createPageStore } from "../../src/device/page-store.ts";
import { ManualClock, openDevice, openStore } from "../../src/index.ts";

function noise(seed: number): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  new SeededRandom(seed).fill(page);
  return page;
}

function text(number: number): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  page.set(new TextEncoder().encode(`page ${number} `.repeat(300)).subarray(0, 2048));
  return page;
}

/** Raw pages up to a memory limit of 100. */
function fullOfRaw(recompress: readonly string[] = []) {
  const pages = createPageStore({
    sizeBytes: 400 * PAGE_BYTES,
    memoryLimitBytes: 100 * PAGE_BYTES,
    recompress,
  });
  for (let index = 0; index < 100; index++) pages.write(index, noise(index));
  return pages;
}

describe("a slot", () => {
  it("keeps its page when the clock throws during a write", () => {
    let isBroken = false;
    const clock = {
      seconds: () => {
        if (isBroken) throw new Error("no time");
        return 1;
      },
    };
    const pages = createPageStore({ sizeBytes: 8 * PAGE_BYTES, clock });
    const found = new Uint8Array(PAGE_BYTES);
    pages.write(0, text(1));
    isBroken = true;
    expect(() => pages.write(0, text(2))).toThrow("no time");
    isBroken = false;
    pages.write(1, text(3));
    pages.read(0, found);
    expect(Buffer.compare(found, text(1))).toBe(0);
    pages.discard(0, 2);
    expect(pages.stats().objects).toBe(0);
  });
});

describe("a store full of raw pages", () => {
  it("shrinks when compressible pages overwrite them", () => {
    const pages = fullOfRaw();
    for (let index = 0; index < 100; index++) pages.write(index, text(index));
    const { huge_pages, mem_used_total, objects } = pages.stats();
    expect([huge_pages, objects]).toEqual([0, 100]);
    expect(mem_used_total).toBeLessThan(20 * PAGE_BYTES);
    const found = new Uint8Array(PAGE_BYTES);
    for (let index = 0; index < 100; index++) {
      pages.read(index, found);
      expect(Buffer.compare(found, text(index))).toBe(0);
    }
    pages.write(100, noise(100));
  });

  it("shrinks by recompression without a page to spare", () => {
    const pages = createPageStore({
      sizeBytes: 100 * PAGE_BYTES,
      memoryLimitBytes: 100 * PAGE_BYTES,
      codec: "raw",
      recompress: ["lz4"],
    });
    for (let index = 0; index < 100; index++) pages.write(index, text(index));
    expect(pages.stats().mem_used_total).toBe(100 * PAGE_BYTES);
    expect(pages.recompress()).toMatchObject({ tried: 100, recompressed: 100 });
    expect(pages.stats().huge_pages).toBe(0);
    const found = new Uint8Array(PAGE_BYTES);
    for (let index = 0; index < 100; index++) {
      pages.read(index, found);
      expect(Buffer.compare(found, text(index))).toBe(0);
    }
  });
});

describe("an export", () => {
  it("is forgotten by its store when it closes", async () => {
    const store = await openStore();
    const device = store.openExport({ sizeBytes: PAGE_BYTES, name: "a" });
    await device.close();
    expect(() => store.export("a")).toThrow("open are none");
  });

  it("stays empty where zeros are written to parts of pages not in use", async () => {
    const device = await openDevice({ sizeBytes: 8 * PAGE_BYTES, limitBytes: PAGE_BYTES });
    await device.write(0, text(1));
    await device.writeZeroes(PAGE_BYTES + 100, 200);
    await device.writeZeroes(2 * PAGE_BYTES - 5, 2 * PAGE_BYTES);
    expect(device.stats().orig_data_size).toBe(PAGE_BYTES);
  });

  it("refuses a limit of less than a page", async () => {
    await expect(openDevice({ sizeBytes: PAGE_BYTES, limitBytes: 4095 })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining("4095"),
    });
  });

  it("opened by openDevice can be maintained", async () => {
    const clock = new ManualClock();
    const device = await openDevice({ sizeBytes: 8 * PAGE_BYTES, recompress: ["zstd"], clock });
    await device.write(0, text(1));
    clock.advance(60);
    expect(device.markIdle(60)).toBe(1);
    expect(device.recompress({ type: "idle" }).tried).toBe(1);
    expect(device.compact()).toBe(0);
    device.setMemoryLimit(PAGE_BYTES);
    expect(device.stats().mem_limit).toBe(PAGE_BYTES);
  });
});
