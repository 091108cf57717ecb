/** How a cache ends. */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { Gate } from "../support/hooked-medium.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { scratchOfTest } from "../support/served.ts";
import { numbered, opened, PAGE } from "./opened.ts";

const fails = ({ kind }: { readonly kind: string }) => {
  if (kind === "write") throw new PagefoldError("IO", "bad sector");
};

describe("close", () => {
  it("ends with what was under way, zeros of many pages included", async () => {
    const { cache, origin } = await opened(numbered(500), { dirtyShare: 0.05 });
    const gate = new Gate();
    origin.before = ({ kind }) => (kind === "write" ? gate.pass() : undefined);
    const zeros = cache.writeZeroes(0, 400 * PAGE);
    await gate.reached();
    const closed = cache.close();
    gate.open();
    await Promise.all([zeros, closed]);
    expect(differenceOf(origin.bytes, numbered(500).fill(0, 0, 400 * PAGE))).toBeNull();
  });

  it("abandons when it is told to while one that does not is under way, and fails", async () => {
    const { cache, origin } = await opened(numbered(50));
    origin.before = fails;
    await cache.write(0, numberedPage(90));
    const first = expect(cache.close()).rejects.toThrow("bad sector");
    await cache.close({ abandon: true });
    await first;
    expect(origin.isClosed).toBe(true);
  });

  it("says what the origin says when it is closed, and is over then", async () => {
    const { cache, origin } = await opened(numbered(50));
    origin.close = async () => {
      throw new PagefoldError("IO", "no end");
    };
    await expect(cache.close()).rejects.toThrow("no end");
    await cache.close();
  });

  it("need not have been called for what was written to be flushed before the process ends", () => {
    const path = join(scratchOfTest(), "disk.img");
    writeFileSync(path, numbered(4));
    const script = `
      import { openCache } from "./src/cache/open-cache.ts";
      const cache = await openCache({ origin: ${JSON.stringify(path)}, flushSeconds: 0.05 });
      await cache.write(4096, new Uint8Array(4096).fill(7));
    `;
    const args = ["--import", "tsx", "--input-type=module", "--eval", script];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(
      readFileSync(path)
        .subarray(PAGE, 2 * PAGE)
        .every((byte) => byte === 7),
    ).toBe(true);
  });
});
