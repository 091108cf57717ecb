/** A cache as what a service serves: how it ends, and what it says then. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { openBacking } from "../../src/nbd/backing.ts";
import { MemoryOrigin } from "../support/origins.ts";
import { scratchOfTest } from "../support/served.ts";

const PAGE = 4096;

async function backingOf(origin: MemoryOrigin) {
  const lines: string[] = [];
  const backing = await openBacking({
    store: {},
    exports: [],
    cache: { origin, flushSeconds: 86_400 },
    isReadOnly: false,
    log: (line) => lines.push(line),
  });
  return { backing, lines };
}

describe("openBacking of a cache", () => {
  it("flushes when it settles, and says how much", async () => {
    const origin = new MemoryOrigin(new Uint8Array(10 * PAGE));
    const { backing, lines } = await backingOf(origin);
    await backing.cache?.write(0, new Uint8Array(2 * PAGE).fill(1));
    await backing.settle();
    expect(lines).toEqual(["flushing 8.0 KiB to memory; a second signal would not wait for it"]);
    expect(origin.bytes[0]).toBe(1);
    expect(await backing.close()).toBeNull();
  });

  it("says nothing where nothing is owed", async () => {
    const { backing, lines } = await backingOf(new MemoryOrigin(new Uint8Array(PAGE)));
    await backing.settle();
    await backing.close();
    expect(lines).toEqual([]);
  });

  it("closes all the same where the origin fails, and gives what is lost", async () => {
    const origin = new MemoryOrigin(new Uint8Array(10 * PAGE));
    const { backing } = await backingOf(origin);
    await backing.cache?.write(0, new Uint8Array(3 * PAGE).fill(1));
    origin.before = ({ kind }) => {
      if (kind === "write") throw new PagefoldError("IO", "bad sector");
    };
    await backing.settle();
    const loss = await backing.close();
    expect(loss?.message).toMatch(/^12288 bytes \(12\.0 KiB\) .* are LOST, .*bad sector/);
    expect(origin.isClosed).toBe(true);
  });

  it("loses nothing where the origin fails only when it is closed, and says so", async () => {
    const origin = new MemoryOrigin(new Uint8Array(10 * PAGE));
    const { backing } = await backingOf(origin);
    await backing.cache?.write(0, new Uint8Array(PAGE).fill(1));
    origin.close = async () => {
      throw new PagefoldError("IO", "no end");
    };
    await backing.settle();
    const loss = await backing.close();
    expect(loss?.message).toMatch(/no end; all that clients wrote is on memory/);
  });

  it("leaves nothing locked where the store cannot be opened", async () => {
    const path = join(scratchOfTest(), "disk.img");
    writeFileSync(path, new Uint8Array(PAGE));
    const options = { exports: [], cache: { origin: path }, isReadOnly: false, log: () => {} };
    const overflow = { path: join(path, "no-folder"), sizeBytes: 2 ** 20, segmentBytes: 2 ** 16 };
    await expect(openBacking({ ...options, store: { overflow } })).rejects.toThrow();
    const backing = await openBacking({ ...options, store: {} });
    await backing.close();
  });
});
