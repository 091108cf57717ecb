/**
 * Every codec as a store's own: real pages written, overwritten and read back, and as many bytes counted as it makes.
 */

import { assert, beforeAll, describe, expect, it } from "vitest";
import { codecNames, createPageStore, getCodec, loadCodec } from "../../src/index.ts";
import { fixturePageList } from "../support/fixtures.ts";
import { differenceOf } from "../support/pages.ts";
import { longestLength } from "../support/size-classes.ts";

const PAGE_BYTES = 4096;
/** Every so many pages of a fixture. */
const STRIDES: Readonly<Record<string, number>> = { lz4: 1, "lz4-fast": 1, raw: 4, "lz4-wasm": 4 };
const SLOW_STRIDE = 12;

interface Expected {
  compr_data_size: number;
  objects: number;
  same_pages: number;
  dup_pages: number;
  huge_pages: number;
}

/** What a store ought to count, from the codec alone and a map of the pages' bytes. */
function expectedOf(spec: string, pages: readonly Uint8Array[], dedup: boolean): Expected {
  const codec = getCodec(spec);
  const target = new Uint8Array(2 * PAGE_BYTES);
  const seen = new Set<string>();
  const expected = { compr_data_size: 0, objects: 0, same_pages: 0, dup_pages: 0, huge_pages: 0 };
  for (const page of pages) {
    const words = new Set(new BigUint64Array(page.slice().buffer));
    const key = Buffer.from(page).toString("latin1");
    if (words.size === 1) {
      expected.same_pages += 1;
    } else if (dedup && seen.has(key)) {
      expected.dup_pages += 1;
    } else {
      seen.add(key);
      const length = codec.compress(page, target);
      const isHuge = length === 0 || length > longestLength;
      expected.objects += 1;
      expected.compr_data_size += isHuge ? PAGE_BYTES : length;
      expected.huge_pages += Number(isHuge);
    }
  }
  return expected;
}

describe.each([...codecNames(), "zstd:1", "deflate:9"])("a store with codec %s", (spec) => {
  beforeAll(async () => {
    await loadCodec(spec);
  });

  it.each([true, false])("gives real pages back and counts their bytes, dedup %s", (dedup) => {
    const stride = STRIDES[spec] ?? SLOW_STRIDE;
    const first = [...fixturePageList("guest-b-node", stride)];
    const second = [
      ...fixturePageList("guest-a-node", stride),
      ...fixturePageList("guest-c-python", stride),
    ];
    const store = createPageStore({ sizeBytes: second.length * PAGE_BYTES, codec: spec, dedup });
    first.forEach((page, index) => {
      store.write(index, page);
    });
    expect(store.stats()).toMatchObject(expectedOf(spec, first, dedup));
    second.forEach((page, index) => {
      store.write(index, page);
    });
    const target = new Uint8Array(PAGE_BYTES);
    second.forEach((page, index) => {
      store.read(index, target);
      const difference = differenceOf(target, page);
      if (difference) assert.fail(`page ${index}: ${difference}`);
    });
    const stats = store.stats();
    console.log(`${spec}: ${second.length} pages, ${stats.compr_data_size} bytes`);
    expect(stats).toMatchObject(expectedOf(spec, second, dedup));
    expect(stats.orig_data_size).toBe(second.length * PAGE_BYTES);
    store.discard(0, store.slots);
    expect(store.stats()).toMatchObject({ orig_data_size: 0, mem_used_total: 0, objects: 0 });
  });
});
