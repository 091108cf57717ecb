/**
 * Stored bytes that no longer decode, put there by reaching into the engine: an error is answered, never other bytes.
 */

import { describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { loadCodec, type PoolKind, type TmemPool } from "../../src/index.ts";
import { checkTmemOptions } from "../../src/tmem/options.ts";
import { Tmem } from "../../src/tmem/tmem.ts";
import { TmemCore } from "../../src/tmem/tmem-core.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { expectRefusal } from "../support/refusals.ts";

const refused = { code: "CORRUPT", errno: "EIO", says: ["page 1", "object 7", "flush", "anew"] };

/** A pool with pages 0 to 2 of object 7, the second damaged. */
async function damaged(kind: PoolKind): Promise<{ tmem: Tmem; pool: TmemPool }> {
  await loadCodec("deflate");
  const core = new TmemCore(checkTmemOptions({ codec: "deflate" }));
  const tmem = new Tmem(core);
  const pool = tmem.addClient({ name: "a" }).openPool({ kind });
  for (let index = 0; index < 3; index++) pool.put(7, index, numberedPage(index));
  core.engine.bytesOf(2).fill(0xff);
  return { tmem, pool };
}

describe.each(["ephemeral", "persistent"] as const)("a damaged page of a %s pool", (kind) => {
  it("is an error that names it, each time, and leaves the target and the other pages alone", async () => {
    const { pool } = await damaged(kind);
    const target = numberedPage(9);
    for (let count = 0; count < 2; count++) expectRefusal(() => pool.get(7, 1, target), refused);
    expect(differenceOf(target, numberedPage(9))).toBeNull();
    for (const index of [0, 2]) {
      expect(pool.get(7, index, target)).toBe(true);
      expect(differenceOf(target, numberedPage(index))).toBeNull();
    }
    expect(pool.stats()).toMatchObject({ gets: 4, hits: 2 });
  });

  it("can be flushed and put anew", async () => {
    const { tmem, pool } = await damaged(kind);
    expect(pool.put(7, 1, numberedPage(5))).toBe(true);
    const target = new Uint8Array(PAGE_BYTES);
    expect(pool.get(7, 1, target)).toBe(true);
    expect(differenceOf(target, numberedPage(5))).toBeNull();
    pool.flushObject(7);
    expect(tmem.stats()).toMatchObject({ pages: 0, objects: 0, mem_used_total: 0 });
  });
});
