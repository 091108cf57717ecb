/** Tmem's rules, one by one: what put, get and flush do in each kind of pool, and what is counted. */

import { describe, expect, it, vi } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { openTmem, type PoolKind, type TmemPool } from "../../src/index.ts";
import { PageTable } from "../../src/tmem/page-table.ts";
import { differenceOf, numberedPage, samePage } from "../support/pages.ts";

const UUID = "123e4567-e89b-12d3-a456-426614174000";
const KINDS: readonly PoolKind[] = ["ephemeral", "persistent"];

async function openPool(options: { kind: PoolKind; uuid?: string }): Promise<TmemPool> {
  return (await openTmem()).addClient({ name: "guest" }).openPool(options);
}

/** The page of that key, null if there is none. */
function taken(pool: TmemPool, object: number, index: number): Uint8Array | null {
  const target = new Uint8Array(PAGE_BYTES);
  return pool.get(object, index, target) ? target : null;
}

function expectPage(pool: TmemPool, key: readonly [number, number], expected: Uint8Array): void {
  const found = taken(pool, ...key);
  expect(found === null ? "no page" : differenceOf(found, expected)).toBeNull();
}

describe("TmemPool.get", () => {
  it("takes the page from a private ephemeral pool", async () => {
    const pool = await openPool({ kind: "ephemeral" });
    pool.put(7, 1, numberedPage(1));
    expectPage(pool, [7, 1], numberedPage(1));
    expect(taken(pool, 7, 1)).toBeNull();
  });

  it("leaves the page in a shared ephemeral pool", async () => {
    const pool = await openPool({ kind: "ephemeral", uuid: UUID });
    pool.put(7, 1, numberedPage(1));
    for (let count = 0; count < 3; count++) expectPage(pool, [7, 1], numberedPage(1));
  });

  it.each([{}, { uuid: UUID }])("leaves the page in a persistent pool %j", async (shared) => {
    const pool = await openPool({ kind: "persistent", ...shared });
    pool.put(7, 1, numberedPage(1));
    for (let count = 0; count < 3; count++) expectPage(pool, [7, 1], numberedPage(1));
  });

  it("leaves the target alone where there is no page", async () => {
    const pool = await openPool({ kind: "persistent" });
    pool.put(7, 1, numberedPage(1));
    const target = samePage(0xeeee_eeee);
    expect(pool.get(7, 2, target)).toBe(false);
    expect(pool.get(8, 1, target)).toBe(false);
    expect(differenceOf(target, samePage(0xeeee_eeee))).toBeNull();
  });

  it("fills a target that lies inside a larger buffer, and no more", async () => {
    const pool = await openPool({ kind: "persistent" });
    pool.put(0, 0, numberedPage(1));
    const whole = new Uint8Array(3 * PAGE_BYTES).fill(0xee);
    pool.get(0, 0, whole.subarray(100, 100 + PAGE_BYTES));
    const expected = new Uint8Array(3 * PAGE_BYTES).fill(0xee);
    expected.set(numberedPage(1), 100);
    expect(differenceOf(whole, expected)).toBeNull();
  });
});

describe.each(KINDS)("a %s pool", (kind) => {
  it("tells keys apart by object and index, to the last bit", async () => {
    const pool = await openPool({ kind });
    const objects = [0, 1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 52, 2 ** 53 - 1];
    const indexes = [0, 1, 2 ** 16, 2 ** 31, 2 ** 32 - 1];
    const keys = objects.flatMap((object) => indexes.map((index) => [object, index] as const));
    keys.forEach(([object, index], number) => {
      expect(pool.put(object, index, numberedPage(number))).toBe(true);
    });
    keys.forEach((key, number) => {
      expectPage(pool, key, numberedPage(number));
    });
  });

  it("replaces the page of a key", async () => {
    const pool = await openPool({ kind });
    for (const page of [numberedPage(1), samePage(3), numberedPage(2), samePage(4), samePage(5)]) {
      expect(pool.put(1, 1, page)).toBe(true);
    }
    expect(pool.stats()).toMatchObject({ pages: 1, same_pages: 1, puts: 5 });
    expectPage(pool, [1, 1], samePage(5));
  });

  it("gives same-filled pages of any word", async () => {
    const pool = await openPool({ kind });
    for (const [low, high] of [
      [0, 0],
      [0xffff_ffff, 0xffff_ffff],
      [1, 0x8000_0000],
    ] as const) {
      pool.put(0, low, samePage(low, high));
      expectPage(pool, [0, low], samePage(low, high));
    }
  });

  it("keeps a copy: changing the page afterwards changes nothing stored", async () => {
    const pool = await openPool({ kind });
    const page = numberedPage(1);
    pool.put(0, 0, page);
    page.fill(9);
    expectPage(pool, [0, 0], numberedPage(1));
  });

  it("flushes one page and says whether there was one", async () => {
    const pool = await openPool({ kind });
    for (const index of [1, 2]) pool.put(5, index, numberedPage(index));
    expect(pool.flush(5, 1)).toBe(true);
    expect(pool.flush(5, 1)).toBe(false);
    expect(taken(pool, 5, 1)).toBeNull();
    expectPage(pool, [5, 2], numberedPage(2));
  });

  it("flushes an object with all its pages and no other", async () => {
    const pool = await openPool({ kind });
    for (let index = 0; index < 100; index++) {
      for (const object of [5, 6]) pool.put(object, index, numberedPage(index));
    }
    expect(pool.flushObject(5)).toBe(100);
    expect(pool.flushObject(5)).toBe(0);
    expect(pool.stats()).toMatchObject({ pages: 100, flushes: 100 });
    for (let index = 0; index < 100; index++) {
      expect(taken(pool, 5, index)).toBeNull();
      expectPage(pool, [6, index], numberedPage(index));
    }
  });

  it("holds nothing of another pool, of the same client or another", async () => {
    const tmem = await openTmem();
    const client = tmem.addClient({ name: "a" });
    const pools = [
      client.openPool({ kind }),
      client.openPool({ kind }),
      tmem.addClient({ name: "b" }).openPool({ kind }),
    ];
    pools[0]!.put(1, 1, numberedPage(1));
    for (const other of pools.slice(1)) {
      expect(taken(other, 1, 1)).toBeNull();
      expect(other.flush(1, 1)).toBe(false);
      expect(other.flushObject(1)).toBe(0);
    }
    expectPage(pools[0]!, [1, 1], numberedPage(1));
  });
});

describe("tmem", () => {
  it("stores a content once within a domain, in pools of any kind, and not across domains", async () => {
    const tmem = await openTmem();
    const one = tmem.addClient({ name: "one", domain: "x" });
    const pools = [
      one.openPool({ kind: "ephemeral" }),
      one.openPool({ kind: "persistent" }),
      tmem.addClient({ name: "two", domain: "x" }).openPool({ kind: "persistent" }),
      tmem.addClient({ name: "three", domain: "y" }).openPool({ kind: "ephemeral" }),
    ];
    for (const pool of pools) pool.put(0, 0, numberedPage(1));
    expect(tmem.stats()).toMatchObject({ pages: 4, objects: 2, dup_pages: 2 });
    for (const pool of pools) expectPage(pool, [0, 0], numberedPage(1));
    expect(tmem.stats()).toMatchObject({ pages: 2, objects: 1, dup_pages: 1 });
  });

  it("stores every page by itself with dedup off", async () => {
    const tmem = await openTmem({ dedup: false });
    const pool = tmem.addClient({ name: "a" }).openPool({ kind: "persistent" });
    for (let index = 0; index < 5; index++) pool.put(0, index, numberedPage(1));
    expect(tmem.stats()).toMatchObject({ pages: 5, objects: 5, dup_pages: 0 });
  });

  it("counts puts, gets, hits, flushes and drops, closed pools and clients included", async () => {
    const tmem = await openTmem();
    const client = tmem.addClient({ name: "a", limitBytes: 2 * PAGE_BYTES });
    const pool = client.openPool({ kind: "ephemeral" });
    for (let index = 0; index < 3; index++) pool.put(0, index, samePage(index));
    taken(pool, 0, 0);
    taken(pool, 0, 1);
    pool.put(0, 5, numberedPage(5));
    pool.flush(0, 5);
    const stuck = client.openPool({ kind: "persistent" });
    for (let index = 0; index < 4; index++) stuck.put(0, index, numberedPage(index));
    const counts = { puts: 4, puts_refused: 0, gets: 2, hits: 1, flushes: 1, dropped: 2 };
    expect(pool.stats()).toMatchObject({ ...counts, pages: 0 });
    expect(stuck.stats()).toMatchObject({ pages: 2, puts: 4, puts_refused: 2 });
    const both = { ...counts, puts: 8, puts_refused: 2 };
    pool.close();
    expect(client.stats()).toMatchObject({ ...both, pages: 2, orig_data_size: 2 * PAGE_BYTES });
    client.close();
    expect(tmem.stats()).toMatchObject({ ...both, pages: 0, clients: 0, pools: 0 });
  });

  it("gives the memory of what a closed pool held back", async () => {
    const tmem = await openTmem();
    const client = tmem.addClient({ name: "a" });
    for (const kind of KINDS) {
      const pool = client.openPool({ kind });
      const other = client.openPool({ kind });
      for (let index = 0; index < 500; index++) pool.put(index % 7, index, numberedPage(index));
      other.put(0, 0, numberedPage(1000));
      pool.close();
      expect(tmem.stats()).toMatchObject({ pages: 1, objects: 1 });
      other.close();
      expect(tmem.stats()).toMatchObject({ pages: 0, objects: 0, mem_used_total: 0 });
    }
  });

  it("gives a new pool nothing of one that was closed before it", async () => {
    const client = (await openTmem()).addClient({ name: "a" });
    for (let round = 0; round < 3; round++) {
      const pool = client.openPool({ kind: "persistent" });
      expect(taken(pool, 1, 1)).toBeNull();
      pool.put(1, 1, numberedPage(round));
      pool.close();
    }
  });

  it("hands same-filled words on as numbers that need no memory: whole ones of 32 bits with a sign", async () => {
    const words = vi.spyOn(PageTable.prototype, "setSameFilled");
    const pool = await openPool({ kind: "persistent" });
    pool.put(0, 0, samePage(0xffff_fffe, 0x8000_0000));
    const [handed] = words.mock.calls;
    words.mockRestore();
    expect(handed?.slice(1)).toEqual([-2, -(2 ** 31)]);
  });

  it("finds a client by its name", async () => {
    const tmem = await openTmem();
    const client = tmem.addClient({ name: "a" });
    expect(tmem.client("a")).toBe(client);
  });
});
