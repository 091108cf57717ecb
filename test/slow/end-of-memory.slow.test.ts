/**
 * A store without a limit, filled until its WebAssembly memory ends at 4 GiB: it behaves as at a memory limit. Takes
 * as much real memory, and is skipped where there is not twice that.
 */

import { freemem } from "node:os";
import { afterAll, assert, beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { createPageStore, type PagefoldError, type PageStore } from "../../src/index.ts";
import { differenceOf, numberedPage, randomPage, samePage } from "../support/pages.ts";

const END_BYTES = 2 ** 32;
const SLOTS = 2 ** 20;
const free = freemem();
const hasMemory = free >= 2 * END_BYTES;
if (!hasMemory) console.log(`skipped: ${free} bytes of memory are free, ${2 * END_BYTES} needed`);

const noise = randomPage(new SeededRandom(1));

/** Noise that differs for each number: no codec shrinks it, none is a duplicate. */
function noisePage(number: number): Uint8Array {
  const page = noise.slice();
  new DataView(page.buffer).setUint32(0, number, true);
  return page;
}

function codeOf(act: () => void): string {
  try {
    act();
    return "none";
  } catch (error) {
    return (error as PagefoldError).code;
  }
}

describe.runIf(hasMemory)("a store at the end of its memory", { timeout: 0 }, () => {
  let store: PageStore;
  let held = 0;
  const target = new Uint8Array(PAGE_BYTES);

  const expectPage = (index: number, page: Uint8Array): void => {
    store.read(index, target);
    const difference = differenceOf(target, page);
    if (difference) assert.fail(`page ${index}: ${difference}`);
  };

  beforeAll(() => {
    store = createPageStore({ sizeBytes: SLOTS * PAGE_BYTES });
    while (codeOf(() => store.write(held, noisePage(held))) === "none") {
      held += 1;
      if (held % 100_000 === 0) console.log(`${held} pages`);
    }
  }, 0);

  afterAll(() => store.close());

  it("holds nearly 4 GiB, and counts them", () => {
    const stats = store.stats();
    console.log(`${held} pages, ${JSON.stringify(stats)}`);
    expect(held * PAGE_BYTES).toBeGreaterThan(0.98 * END_BYTES);
    expect(stats).toMatchObject({
      orig_data_size: held * PAGE_BYTES,
      mem_used_total: held * PAGE_BYTES,
      huge_pages: held,
      objects: held,
      failed_writes: 1,
    });
    expect(stats.memory_reserved).toBeGreaterThanOrEqual(
      stats.mem_used_total + stats.metadata_size,
    );
  });

  it("refuses a new page, and says what it holds at most", () => {
    expect(() => store.write(held, numberedPage(1))).toThrow(/no room.*4 GiB/);
    expect(store.slotState(held)).toBeNull();
  });

  it("gives every page back", () => {
    for (let index = 0; index < held; index++) expectPage(index, noisePage(index));
  });

  it("takes overwrites of pages that have a place of their own", () => {
    for (let index = 0; index < held; index += 1009) {
      store.write(index, noisePage(SLOTS + index));
      expectPage(index, noisePage(SLOTS + index));
    }
    expect(store.stats()).toMatchObject({ objects: held, orig_data_size: held * PAGE_BYTES });
  });

  it("takes duplicates and same-filled pages", () => {
    store.write(held, noisePage(1));
    store.write(held + 1, samePage(7));
    expectPage(held, noisePage(1));
    expectPage(held + 1, samePage(7));
    store.discard(held, 2);
  });

  it("still finds nearly every duplicate among a million pages", () => {
    let found = 0;
    for (let index = 1; index <= 1000; index++) {
      const page = noisePage(index * 1000 + 500);
      found += Number(codeOf(() => store.write(held, page)) === "none");
    }
    store.discard(held);
    console.log(`${found} of 1000 duplicates found`);
    expect(found).toBeGreaterThan(995);
  });

  it("uses what was discarded again, for pages of every size", () => {
    store.discard(0, 2000);
    for (let index = 0; index < 1000; index++) store.write(index, noisePage(2 * SLOTS + index));
    for (let index = 1000; index < 2000; index++) store.write(index, numberedPage(index));
    for (let index = 0; index < 1000; index++) expectPage(index, noisePage(2 * SLOTS + index));
    for (let index = 1000; index < 2000; index++) expectPage(index, numberedPage(index));
  });

  it("is empty once everything was discarded, and can be filled in again", () => {
    store.discard(0, SLOTS);
    expect(store.stats()).toMatchObject({ mem_used_total: 0, objects: 0, compr_data_size: 0 });
    for (let index = 0; index < held - 2000; index++) store.write(index, noisePage(index));
    expectPage(held - 2001, noisePage(held - 2001));
  });
});
