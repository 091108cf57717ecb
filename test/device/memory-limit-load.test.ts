/** The memory limit under random load: never passed, and every slot holds what was acknowledged last. */

import { assert, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { createPageStore, type PagefoldError } from "../../src/index.ts";
import { differenceOf, numberedPage, prefixPage, randomPage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";

describe("a limit under random load", () => {
  it.each(["lz4", "deflate"])(
    "is never passed, and slots hold what was acknowledged, with %s",
    (codec) => {
      const random = new SeededRandom(testSeed(`memory limit with ${codec}`));
      const memoryLimitBytes = 40 * PAGE_BYTES + 100;
      const store = createPageStore({ sizeBytes: 200 * PAGE_BYTES, codec, memoryLimitBytes });
      const model = new Map<number, Uint8Array>();
      const target = new Uint8Array(PAGE_BYTES);
      let failed = 0;
      for (let step = 0; step < 3000; step++) {
        const index = random.below(200);
        const kind = random.below(8);
        if (kind === 0) {
          store.discard(index);
          model.delete(index);
        } else {
          const lengths = [prefixPage(random, random.below(4000)), numberedPage(random.below(30))];
          const page = kind === 1 ? randomPage(random) : lengths[kind % 2]!;
          try {
            store.write(index, page);
            model.set(index, page);
          } catch (error) {
            if ((error as PagefoldError).code !== "NO_SPACE") throw error;
            failed += 1;
          }
        }
        const { mem_used_total, mem_used_max } = store.stats();
        if (mem_used_total > memoryLimitBytes || mem_used_max > memoryLimitBytes) {
          assert.fail(`step ${step}: ${mem_used_total}, at most ${mem_used_max}`);
        }
        store.read(index, target);
        const difference = differenceOf(target, model.get(index) ?? new Uint8Array(PAGE_BYTES));
        if (difference) assert.fail(`step ${step}, page ${index}: ${difference}`);
      }
      for (let index = 0; index < 200; index++) {
        store.read(index, target);
        expect(differenceOf(target, model.get(index) ?? new Uint8Array(PAGE_BYTES))).toBeNull();
      }
      console.log(`${codec}: ${failed} of 3000 writes found no room`);
      expect(store.stats().failed_writes).toBe(failed);
      expect(failed).toBeGreaterThan(100);
    },
  );
});
