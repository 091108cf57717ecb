/** Recompression of real pages with the real codecs, against what those codecs make of each page by themselves. */

import { assert, beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { createPageStore, getCodec, loadCodec } from "../../src/index.ts";
import { fixturePageList } from "../support/fixtures.ts";
import { differenceOf, randomPage } from "../support/pages.ts";
import { longestLength, roomFor } from "../support/size-classes.ts";

const PAGE_BYTES = 4096;
const SETS: readonly (readonly [primary: string, further: readonly string[]])[] = [
  ["lz4", ["zstd"]],
  ["lz4", ["lz4-fast", "deflate", "zstd:9"]],
  ["lz4-fast", ["lz4", "deflate:9"]],
  ["deflate:1", ["deflate:9", "zstd:19"]],
  ["raw", ["lz4", "lz4-wasm", "zstd"]],
];

/** The length a codec gives a page in a store; a whole page where it is stored raw. */
function lengthBy(spec: string, page: Uint8Array): number {
  const length = getCodec(spec).compress(page, new Uint8Array(2 * PAGE_BYTES));
  return length === 0 || length > longestLength ? PAGE_BYTES : length;
}

/** What one pass leaves of a page: the first further codec that takes it to a smaller class, if any does. */
function expectedLength(codecs: readonly string[], page: Uint8Array): number {
  const [own = 0, ...others] = codecs.map((spec) => lengthBy(spec, page));
  return others.find((length) => roomFor(length) < roomFor(own)) ?? own;
}

describe.each(SETS)("a store with codec %s and recompress %j", (primary, further) => {
  const codecs = [primary, ...further];
  beforeAll(async () => {
    for (const spec of codecs) await loadCodec(spec);
  });

  it("recompresses real pages to what the codecs make of them, and reads them back", () => {
    const random = new SeededRandom(1);
    const pages = [randomPage(random), randomPage(random)];
    for (const name of ["guest-a-node", "guest-c-python"]) pages.push(...fixturePageList(name, 40));
    const store = createPageStore({
      sizeBytes: 2 * pages.length * PAGE_BYTES,
      codec: primary,
      recompress: further,
    });
    // Every page twice: each object is shared by two slots.
    for (const [index, page] of [...pages, ...pages].entries()) store.write(index, page);
    const before = store.stats();
    const result = store.recompress();
    const after = store.stats();
    const target = new Uint8Array(PAGE_BYTES);
    let recompressed = 0;
    for (const [index, page] of [...pages, ...pages].entries()) {
      store.read(index, target);
      const difference = differenceOf(target, page);
      if (difference) assert.fail(`page ${index}: ${difference}`);
      const state = store.slotState(index)!;
      if (state.same_filled) continue;
      const expected = expectedLength(codecs, page);
      if (state.length !== expected) assert.fail(`page ${index}: ${state.length}, not ${expected}`);
      expect(state.recompressed).toBe(expected !== lengthBy(primary, page));
      recompressed += Number(state.recompressed);
    }
    console.log(`${codecs.join(", ")}: ${JSON.stringify(result)}`);
    expect(result.recompressed).toBeGreaterThan(0);
    expect(result.recompressed).toBeLessThanOrEqual(recompressed / 2);
    expect(result.saved_bytes).toBe(before.compr_data_size - after.compr_data_size);
    expect({ ...after, ...sizesOf(before) }).toEqual(before);
  });

  it("shares later writes of pages another codec stores now", () => {
    const pages = [...fixturePageList("guest-b-node", 100)];
    const store = createPageStore({
      sizeBytes: 2 * pages.length * PAGE_BYTES,
      codec: primary,
      recompress: further,
    });
    for (const [index, page] of pages.entries()) store.write(index, page);
    store.recompress();
    const before = store.stats();
    for (const [index, page] of pages.entries()) store.write(pages.length + index, page);
    expect(store.stats()).toMatchObject({
      objects: before.objects,
      compr_data_size: before.compr_data_size,
      mem_used_total: before.mem_used_total,
    });
  });
});

/** The figures recompression may change. */
function sizesOf(stats: ReturnType<ReturnType<typeof createPageStore>["stats"]>) {
  const { compr_data_size, dup_data_size, huge_pages, mem_used_total, mem_used_max } = stats;
  const { num_reads, metadata_size, memory_reserved } = stats;
  return {
    compr_data_size,
    dup_data_size,
    huge_pages,
    mem_used_total,
    mem_used_max,
    num_reads,
    metadata_size,
    memory_reserved,
  };
}
