/**
 * Caches of files and devices to which the system itself fails: a file system that is full, a disk that fails when it
 * is to make durable what it took before, a disk of which a part cannot be read.
 */

import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { openCache } from "../../src/cache/open-cache.ts";
import { differenceOf } from "../support/pages.ts";
import { scratchOfTest } from "../support/served.ts";
import {
  loopDevice,
  resizeFileSystem,
  smallFileSystem,
  whyNoLoopDevices,
} from "../support/system-devices.ts";
import { PAGE, readBytes } from "./opened.ts";

const MIB = 2 ** 20;
const noDevices = whyNoLoopDevices();

/** Bytes that are no holes, and equal to no others. */
function content(bytes: number): Uint8Array {
  const made = new Uint8Array(bytes);
  new SeededRandom(1).fill(made);
  return made;
}

async function cacheOf(origin: string) {
  const events: string[] = [];
  const cache = await openCache({
    origin,
    flushSeconds: 86_400,
    readAheadBytes: 0,
    onEvent: (line) => events.push(line),
  });
  onTestFinished(() => cache.close({ abandon: true }));
  return { cache, events };
}

/** A folder on a file system of 2 MiB, and what makes that larger. */
async function fullFolder() {
  const made = await smallFileSystem(join(scratchOfTest(), "full"), 2 * MIB);
  onTestFinished(made.remove);
  const enlarge = () => resizeFileSystem(made.path, 16 * MIB);
  return { folder: made.path, enlarge };
}

describe.skipIf(noDevices !== "")(`a cache of what the system fails ${noDevices}`, () => {
  it("keeps what a full file system does not take, until there is room", async () => {
    const { folder, enlarge } = await fullFolder();
    const path = join(folder, "disk.img");
    writeFileSync(path, "");
    truncateSync(path, 8 * MIB);
    const { cache, events } = await cacheOf(path);
    const expected = content(4 * MIB);
    await cache.write(0, expected.slice());
    await expect(cache.flush()).rejects.toMatchObject({
      errno: "EIO",
      message: /no space is left/,
    });
    await expect(cache.flush()).rejects.toThrow();
    // As much of it as there was room for is there.
    expect(cache.stats().dirty_bytes).toBeLessThan(3 * MIB);
    expect(differenceOf(await readBytes(cache, 0, 4 * MIB), expected)).toBeNull();
    expect(events.length).toBe(1);
    enlarge();
    await cache.flush();
    expect(differenceOf(readFileSync(path).subarray(0, 4 * MIB), expected)).toBeNull();
    expect(events.length).toBe(2);
  });

  it("writes again what a device took, and then failed to make durable", async () => {
    const { folder, enlarge } = await fullFolder();
    const backing = join(folder, "backing.img");
    const made = await loopDevice(backing, 8 * MIB);
    onTestFinished(made.remove);
    const { cache } = await cacheOf(made.path);
    const expected = content(4 * MIB);
    await cache.write(0, expected.slice());
    await expect(cache.flush()).rejects.toMatchObject({ errno: "EIO" });
    expect(cache.stats()).toMatchObject({ failed_writes: 0, dirty_bytes: 4 * MIB });
    enlarge();
    await cache.flush();
    expect(cache.stats().unsynced_bytes).toBe(0);
    expect(differenceOf(readFileSync(backing).subarray(0, 4 * MIB), expected)).toBeNull();
  });

  it("gives EIO for what a device cannot read, and the rest", async () => {
    const backing = join(scratchOfTest(), "backing.img");
    const made = await loopDevice(backing, 8 * MIB);
    onTestFinished(made.remove);
    const expected = content(4 * MIB);
    writeFileSync(backing, expected, { flag: "r+" });
    truncateSync(backing, 4 * MIB);
    const { cache, events } = await cacheOf(made.path);
    expect(differenceOf(await readBytes(cache, 0, 4 * MIB), expected)).toBeNull();
    await expect(readBytes(cache, 5 * MIB, PAGE)).rejects.toMatchObject({ errno: "EIO" });
    await expect(readBytes(cache, 6 * MIB, PAGE)).rejects.toThrow(/EIO|i\/o error/);
    expect(events.length).toBe(1);
  });
});
