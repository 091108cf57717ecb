import { describe, expect, it } from "vitest";
import { openCache } from "../../src/cache/open-cache.ts";
import { cacheSection } from "../../src/report/cache.ts";
import { MemoryOrigin } from "../support/origins.ts";

const PLAIN = { strong: (text: string) => text, faint: (text: string) => text };

async function statusOf(options: { readonly readOnly?: boolean } = {}) {
  const cache = await openCache({ origin: new MemoryOrigin(new Uint8Array(2 ** 20)), ...options });
  const stats = cache.stats();
  await cache.close();
  return stats;
}

describe("cacheSection", () => {
  it("says what is cached of what, and nothing of failures where there are none", async () => {
    const text = cacheSection(await statusOf(), PLAIN);
    expect(text).toMatch(/^The cache {2}memory, 1\.0 MiB, write-back\n/);
    expect(text).toMatch(/hit ratio +– {2}of 0 pages read/);
    expect(text).not.toMatch(/fail/i);
  });

  it("leaves out what a cache for reading alone cannot have", async () => {
    const text = cacheSection(await statusOf({ readOnly: true }), PLAIN);
    expect(text).toMatch(/memory, 1\.0 MiB, read-only/);
    expect(text).not.toMatch(/dirty_bytes/);
  });

  it("shows failures, and what the origin fails with now, no escape sequence in it", async () => {
    const failing = { ...(await statusOf()), failed_writes: 3, failure: "bad \u001b[31m sector" };
    const text = cacheSection(failing, PLAIN);
    expect(text).toMatch(/failures +3 {2}of the origin: 0 reads, 3 writes, 0 syncs/);
    expect(text).toMatch(/THE ORIGIN DOES NOT TAKE WHAT IS DIRTY: bad .*sector\n$/);
    expect(text).not.toContain("\u001b");
  });
});
