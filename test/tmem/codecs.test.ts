/** Every codec as tmem's own: real pages put, replaced and got back, with and without room for all of them. */

import { assert, describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { codecNames, openTmem, type PoolKind } from "../../src/index.ts";
import { fixturePageList } from "../support/fixtures.ts";
import { differenceOf } from "../support/pages.ts";

const STRIDE = 16;
const pages = ["guest-b-node", "guest-a-node", "guest-c-python"].flatMap((name) => [
  ...fixturePageList(name, STRIDE),
]);

describe.each([...codecNames(), "zstd:1"])("tmem with codec %s", (codec) => {
  it.each(["ephemeral", "persistent"] as const)("gives a %s pool's pages back", async (kind) => {
    await roundTrip(codec, { kind, memoryLimitBytes: 0 });
  });

  it("gives back what it kept when there was no room for all", async () => {
    const { stored, found } = await roundTrip(codec, {
      kind: "persistent",
      memoryLimitBytes: 2 ** 18,
    });
    expect(found).toBe(stored);
    expect(stored).toBeLessThan(pages.length);
  });
});

/** Puts all pages twice, each key with another page the second time, and gets them. */
async function roundTrip(
  codec: string,
  options: { readonly kind: PoolKind; readonly memoryLimitBytes: number },
): Promise<{ stored: number; found: number }> {
  const tmem = await openTmem({ codec, memoryLimitBytes: options.memoryLimitBytes });
  const pool = tmem.addClient({ name: "a" }).openPool({ kind: options.kind });
  const target = new Uint8Array(PAGE_BYTES);
  const last = pages.length - 1;
  pages.forEach((page, index) => {
    pool.put(index % 5, index, page);
  });
  const isStored = pages.map((_, index) => pool.put(index % 5, index, pages[last - index]!));
  const stored = isStored.filter(Boolean).length;
  if (options.memoryLimitBytes === 0) expect(stored).toBe(pages.length);
  const isFound = pages.map((_, index) => {
    if (!pool.get(index % 5, index, target)) return false;
    const difference = differenceOf(target, pages[last - index]!);
    if (difference !== null) assert.fail(`page ${index}: ${difference}`);
    return true;
  });
  expect(isFound).toEqual(isStored);
  pool.close();
  expect(tmem.stats()).toMatchObject({ pages: 0, objects: 0, mem_used_total: 0 });
  return { stored, found: isFound.filter(Boolean).length };
}
