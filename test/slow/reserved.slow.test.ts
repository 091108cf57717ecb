/**
 * Reservations in a store without a limit, where its WebAssembly memory or its object ids end: every page reserved
 * finds room. Takes 4 GiB of real memory, and is skipped where there is not twice that.
 */

import { freemem } from "node:os";
import { assert, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { type Device, openDevice, PagefoldError } from "../../src/index.ts";
import { differenceOf, numberedPage, prefixPage } from "../support/pages.ts";

const END_BYTES = 2 ** 32;
const MOST_OBJECTS = 2 ** 24 - 1;
const free = freemem();
const hasMemory = free >= 2 * END_BYTES;
if (!hasMemory) console.log(`skipped: ${free} bytes of memory are free, ${2 * END_BYTES} needed`);

/** Pages of every compressed size from about 40 bytes to a raw page. */
const random = new SeededRandom(1);
const models = Array.from({ length: 129 }, (_, step) => prefixPage(random, step * 32));

/** A page that differs for each number; `step` says how large it is when compressed, 128: it is stored raw. */
function pageOf(number: number, step = 128): Uint8Array {
  const page = models[step]!.slice();
  new DataView(page.buffer).setUint32(0, number, true);
  return page;
}

function isRefused(act: () => void): boolean {
  try {
    act();
    return false;
  } catch (error) {
    if (error instanceof PagefoldError && error.code === "NO_SPACE") return true;
    throw error;
  }
}

function reserve(device: Device, first: number, count = 1): void {
  device.writeZeroesNow(first * PAGE_BYTES, count * PAGE_BYTES, { reserve: true });
}

/** Writes to slots from `first` on until there is no room: the slot that was refused. */
function fill(device: Device, first: number, page: (index: number) => Uint8Array): number {
  const slots = device.sizeBytes / PAGE_BYTES;
  for (let index = first; index < slots; index++) {
    if (isRefused(() => device.writeNow(index * PAGE_BYTES, page(index)))) return index;
  }
  return assert.fail("there was room for all");
}

function expectPage(device: Device, index: number, page: Uint8Array): void {
  const target = new Uint8Array(PAGE_BYTES);
  device.readNow(index * PAGE_BYTES, target);
  const difference = differenceOf(target, page);
  if (difference) assert.fail(`page ${index}: ${difference}`);
}

describe.runIf(hasMemory)("pages reserved at the end of a store's memory", { timeout: 0 }, () => {
  it("all find room where as many were reserved as could be", async () => {
    const slots = 2 ** 20;
    const device = await openDevice({ sizeBytes: slots * PAGE_BYTES });
    let reserved = 0;
    while (!isRefused(() => reserve(device, reserved))) reserved += 1;
    console.log(`${reserved} pages reserved`);
    expect(reserved * PAGE_BYTES).toBeGreaterThan(0.98 * END_BYTES);
    expect(isRefused(() => device.writeNow((slots - 1) * PAGE_BYTES, pageOf(1)))).toBe(true);
    for (let index = 0; index < reserved; index++) {
      device.writeNow(index * PAGE_BYTES, pageOf(index));
    }
    expect(device.stats()).toMatchObject({
      reserved_bytes: 0,
      mem_used_total: reserved * PAGE_BYTES,
    });
    for (let index = 0; index < reserved; index += 997) expectPage(device, index, pageOf(index));
    await device.close();
  });

  it.each([
    ["raw ones", () => 128],
    ["pages of all sizes", (index: number) => index % 129],
  ])("find room for any content when the rest is full of %s", async (_, stepOf) => {
    const reserved = 20_000;
    const device = await openDevice({ sizeBytes: 2 ** 34 });
    reserve(device, 0, reserved);
    const end = fill(device, reserved, (index) => pageOf(index, stepOf(index)));
    console.log(`${end} pages, ${JSON.stringify(device.stats())}`);
    for (let index = 0; index < reserved; index++) {
      device.writeNow(index * PAGE_BYTES, pageOf(index, (index * 7) % 129));
    }
    for (let index = 0; index < reserved; index++) {
      expectPage(device, index, pageOf(index, (index * 7) % 129));
    }
    for (let index = reserved; index < end; index += 997) {
      expectPage(device, index, pageOf(index, stepOf(index)));
    }
    expect(device.stats().reserved_bytes).toBe(0);
    await device.close();
  });

  it("have an object id kept for each", async () => {
    const reserved = 5000;
    const device = await openDevice({ sizeBytes: (MOST_OBJECTS + 10) * PAGE_BYTES });
    reserve(device, 0, reserved);
    const end = fill(device, reserved, numberedPage);
    console.log(`${end} pages, ${JSON.stringify(device.stats())}`);
    expect(end).toBe(MOST_OBJECTS);
    expect(isRefused(() => reserve(device, end))).toBe(true);
    for (let index = 0; index < reserved; index++) {
      device.writeNow(index * PAGE_BYTES, numberedPage(index));
    }
    expect(device.stats()).toMatchObject({ objects: MOST_OBJECTS, reserved_bytes: 0 });
    for (let index = 0; index < end; index += 9973) expectPage(device, index, numberedPage(index));
    await device.close();
  });
});
