/** Caches of files and block devices: what is refused, and what happens when somebody changes a file underneath. */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openCache } from "../../src/cache/open-cache.ts";
import type { CacheOptions } from "../../src/cache/options.ts";
import { refuseLocked } from "../../src/overflow/media/lock.ts";
import { unprivileged, whyNotUnprivileged } from "../cli/pagefold.ts";
import { MemoryOrigin } from "../support/origins.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { scratchOfTest } from "../support/served.ts";
import { loopDevice, mounted, whyNoLoopDevices } from "../support/system-devices.ts";
import { numbered, PAGE, readBytes } from "./opened.ts";

function fileOf(bytes: Uint8Array): string {
  const path = join(scratchOfTest(), "disk.img");
  writeFileSync(path, bytes);
  return path;
}

async function cacheOf(origin: string, options: Partial<CacheOptions> = {}) {
  const events: string[] = [];
  const cache = await openCache({
    origin,
    flushSeconds: 86_400,
    readAheadBytes: 0,
    onEvent: (line) => events.push(line),
    ...options,
  });
  onTestFinished(() => cache.close({ abandon: true }));
  return { cache, events };
}

/** The refusal's code and what it says. */
async function refused(options: CacheOptions): Promise<string> {
  try {
    const cache = await openCache(options);
    await cache.close();
  } catch (cause) {
    const { code, message } = cause as { code: string; message: string };
    return `${code}: ${message}`;
  }
  return "it opened";
}

describe("a cache of a file", () => {
  it("reads it, and has written to it after a flush", async () => {
    const path = fileOf(numbered(100, 700));
    const { cache } = await cacheOf(path);
    expect(cache.sizeBytes).toBe(100 * PAGE + 700);
    const expected = numbered(100, 700);
    expect(differenceOf(await readBytes(cache, 0, expected.length), expected)).toBeNull();
    expected.fill(5, 1000, 50_000).fill(6, expected.length - 10);
    await cache.write(1000, new Uint8Array(49_000).fill(5));
    await cache.write(expected.length - 10, new Uint8Array(10).fill(6));
    await cache.flush();
    expect(differenceOf(readFileSync(path), expected)).toBeNull();
  });

  it("serves so many bytes of it as it is told", async () => {
    const path = fileOf(numbered(10));
    const { cache } = await cacheOf(path, { sizeBytes: 5000 });
    expect(cache.sizeBytes).toBe(5000);
    await cache.write(4990, new Uint8Array(10).fill(1));
    await cache.flush();
    const expected = numbered(10).fill(1, 4990, 5000);
    expect(differenceOf(readFileSync(path), expected)).toBeNull();
  });

  it("is refused where there is no file, and makes none", async () => {
    const path = join(scratchOfTest(), "none.img");
    expect(await refused({ origin: path })).toMatch(/^NOT_FOUND: .*none\.img.*no such file/);
    expect(existsSync(path)).toBe(false);
  });

  it("is refused of a folder, of an empty file, and where the file is shorter than asked for", async () => {
    expect(await refused({ origin: scratchOfTest() })).toMatch(
      /^INVALID_ARGUMENT: .* is a directory: name a file or a block device/,
    );
    expect(await refused({ origin: fileOf(new Uint8Array(0)) })).toMatch(
      /^INVALID_ARGUMENT: .*0 bytes/,
    );
    const path = fileOf(numbered(2));
    expect(await refused({ origin: path, sizeBytes: 8193 })).toMatch(
      /^INVALID_ARGUMENT: .*has 8192 bytes .* 8193 of it are to be served/,
    );
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it("is refused while another has it, and let in afterwards", async () => {
    const path = fileOf(numbered(2));
    const { cache } = await cacheOf(path);
    expect(await refused({ origin: path })).toMatch(/^BUSY: .*in use by this process/);
    expect(await refused({ origin: path, readOnly: true })).toMatch(/^BUSY/);
    await cache.close();
    expect(await refused({ origin: path })).toBe("it opened");
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it("is refused as overflow log and origin at once", async () => {
    const path = fileOf(new Uint8Array(2 ** 22));
    const overflow = { path, sizeBytes: 2 ** 22, segmentBytes: 2 ** 16 };
    expect(await refused({ origin: path, overflow })).toMatch(/^BUSY/);
  });

  it("is refused for writing back where it is to be read alone", async () => {
    const path = fileOf(numbered(2));
    expect(await refused({ origin: path, readOnly: true, mode: "write-back" })).toMatch(
      /^INVALID_ARGUMENT: .*read alone.*write-back/,
    );
    const origin = new MemoryOrigin(numbered(2), { isReadOnly: true });
    expect(await refused({ origin })).toMatch(
      /^NOT_PERMITTED: a write-back cache writes to memory/,
    );
  });

  it("is for reading alone with readOnly, and says so to who writes", async () => {
    const { cache } = await cacheOf(fileOf(numbered(2)), { readOnly: true });
    expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(0));
    await expect(cache.write(0, new Uint8Array(1))).rejects.toMatchObject({ errno: "EPERM" });
    await expect(cache.writeZeroes(0, 1)).rejects.toMatchObject({ errno: "EPERM" });
    await cache.flush();
  });

  it.skipIf(whyNotUnprivileged() !== "")(
    "is refused with a remedy where the file may not be written",
    async () => {
      const path = fileOf(numbered(2));
      chmodSync(path, 0o444);
      const child = spawn(
        process.execPath,
        ["--import", "tsx", "src/cli/main.ts", "serve", "--cache-of", path, "--run", "true"],
        unprivileged(),
      );
      let said = "";
      child.stderr?.on("data", (text) => {
        said += text;
      });
      const [code] = await once(child, "close");
      expect(code).toBe(1);
      expect(said).toMatch(/cannot be written .*--read-only/);
    },
  );

  it("is refused for writing where the file has several names, since a lock is seen under one", async () => {
    const path = fileOf(numbered(2));
    linkSync(path, `${path}.other`);
    expect(await refused({ origin: path })).toMatch(/^INVALID_ARGUMENT: .*has 2 names.*copy it/);
    expect(existsSync(`${path}.lock`)).toBe(false);
    const { cache } = await cacheOf(path, { readOnly: true });
    expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(0));
  });

  it("is refused by every symbolic link to a file that another has", async () => {
    const path = fileOf(numbered(2));
    for (const name of ["a", "b"]) symlinkSync(path, join(path, "..", name));
    await cacheOf(join(path, "..", "a"));
    expect(await refused({ origin: join(path, "..", "b") })).toMatch(/^BUSY: .*in use by/);
  });

  it("is refused of a character device, a pipe and a socket", async () => {
    expect(await refused({ origin: "/dev/null" })).toMatch(/neither a regular file nor a block/);
    const pipe = join(scratchOfTest(), "pipe");
    spawnSync("mkfifo", [pipe]);
    expect(await refused({ origin: pipe })).toMatch(/neither a regular file nor a block device/);
  });

  it("is refused for reading, too, in a folder where no lock can be put, while another has it", async () => {
    const path = fileOf(numbered(2));
    const { cache } = await cacheOf(path);
    await expect(refuseLocked(path)).rejects.toMatchObject({ code: "BUSY" });
    await cache.close();
    await refuseLocked(path);
  });

  it("knows its own file by every path", async () => {
    const folder = scratchOfTest();
    mkdirSync(join(folder, "sub"));
    const path = join(folder, "disk.img");
    writeFileSync(path, numbered(2));
    await cacheOf(path);
    expect(await refused({ origin: join(folder, "sub", "..", "disk.img") })).toMatch(/^BUSY/);
  });
});

describe("a file made shorter underneath", () => {
  it("is answered with EIO for what is gone, and served for the rest", async () => {
    const path = fileOf(numbered(100));
    const { cache, events } = await cacheOf(path);
    truncateSync(path, 50 * PAGE + 100);
    await expect(readBytes(cache, 40 * PAGE, 20 * PAGE)).rejects.toMatchObject({ errno: "EIO" });
    expect(await readBytes(cache, 40 * PAGE, 10 * PAGE)).toEqual(
      numbered(100).slice(40 * PAGE, 50 * PAGE),
    );
    await expect(readBytes(cache, 99 * PAGE, 1)).rejects.toMatchObject({ errno: "EIO" });
    const told = events.filter((line) => line.includes("was made shorter underneath"));
    expect(told.length).toBe(1);
    expect(told[0]).toMatch(/204900 bytes instead of 409600/);
    expect(events[0]).toMatch(/it has only 204900 bytes now/);
  });

  it.each(["write-back", "write-through"] as const)(
    "is not made longer by a write, which would fill the gap with zeros (%s)",
    async (mode) => {
      const path = fileOf(numbered(100));
      const { cache } = await cacheOf(path, { mode });
      truncateSync(path, 50 * PAGE);
      const isFlushed = await cache
        .write(90 * PAGE, numberedPage(1))
        .then(() => cache.flush())
        .then(
          () => true,
          () => false,
        );
      expect(isFlushed).toBe(false);
      expect(readFileSync(path).length).toBe(50 * PAGE);
    },
  );

  it("takes what was kept once it has its size again", async () => {
    const path = fileOf(numbered(100));
    const { cache, events } = await cacheOf(path);
    await cache.write(90 * PAGE, numberedPage(1));
    truncateSync(path, 50 * PAGE);
    await expect(cache.flush()).rejects.toThrow();
    truncateSync(path, 100 * PAGE);
    await cache.flush();
    expect(readFileSync(path).subarray(90 * PAGE, 91 * PAGE)).toEqual(Buffer.from(numberedPage(1)));
    expect(events.map((line) => line.replace(/^\S+ /, "").slice(0, 20))).toEqual([
      "was made shorter und",
      "writing 4096 bytes a",
      "has 409600 bytes aga",
      "takes writes again: ",
    ]);
  });
});

it.each(["write-back", "write-through"] as const)(
  "a file deleted or replaced underneath takes no flush, since nobody would find what was written (%s)",
  async (mode) => {
    const path = fileOf(numbered(10));
    const { cache, events } = await cacheOf(path, { mode });
    await cache.write(0, numberedPage(70));
    await cache.flush();
    const other = fileOf(numbered(10));
    renameSync(other, path);
    await cache.write(0, numberedPage(71));
    for (let tries = 0; tries < 3; tries++)
      await expect(cache.flush()).rejects.toThrow(
        /deleted or replaced underneath.*copy it through/,
      );
    expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(71));
    expect(events.length).toBe(1);
    await expect(cache.close()).rejects.toMatchObject({ code: "IO" });
  },
);

it("a file that grows underneath goes on being served as it was, and that is said once", async () => {
  const path = fileOf(numbered(10));
  const { cache, events } = await cacheOf(path);
  truncateSync(path, 20 * PAGE);
  for (let round = 0; round < 3; round++) {
    await cache.write(0, numberedPage(round));
    await cache.flush();
  }
  expect(cache.sizeBytes).toBe(10 * PAGE);
  expect(events.length).toBe(1);
  expect(events[0]).toMatch(/has grown underneath, 81920 bytes instead of 40960/);
});

const noDevices = whyNoLoopDevices();

describe.skipIf(noDevices !== "")(`a cache of a block device ${noDevices}`, () => {
  async function device(sizeBytes: number) {
    const made = await loopDevice(join(scratchOfTest(), "loop.img"), sizeBytes);
    onTestFinished(made.remove);
    return made.path;
  }

  it("reads and writes it, to the end", async () => {
    const path = await device(2 ** 20 + 512);
    const { cache } = await cacheOf(path);
    expect(cache.sizeBytes).toBe(2 ** 20 + 512);
    await cache.write(2 ** 20 - 10, new Uint8Array(522).fill(4));
    await cache.flush();
    const found = readFileSync(path);
    expect(found.subarray(2 ** 20 - 11, 2 ** 20 - 9)).toEqual(Buffer.from([0, 4]));
    expect(found.at(-1)).toBe(4);
  });

  it("is refused for writing where it is read-only, whatever root may open", async () => {
    const path = await device(2 ** 20);
    spawnSync("blockdev", ["--setro", path]);
    for (const mode of ["write-back", "write-through"] as const)
      expect(await refused({ origin: path, mode })).toMatch(
        /^NOT_PERMITTED: a write-.*read-only device.*--read-only/,
      );
    const { cache } = await cacheOf(path, { readOnly: true });
    expect((await readBytes(cache, 0, PAGE)).every((byte) => byte === 0)).toBe(true);
    spawnSync("blockdev", ["--setrw", path]);
  });

  it("is refused while another has it, or it is mounted", async () => {
    const path = await device(2 ** 20);
    const { cache } = await cacheOf(path);
    expect(await refused({ origin: path })).toMatch(/^BUSY/);
    await cache.close();
    const mount = await mounted(path, join(scratchOfTest(), "mounted"));
    onTestFinished(mount.remove);
    expect(await refused({ origin: path })).toMatch(/^BUSY: .*mounted on/);
  });
});
