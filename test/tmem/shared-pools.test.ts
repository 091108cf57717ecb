/** Pools that clients share: whom the owner admits, what each sees, whose the pages are, how it ends. */

import { describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { openTmem, type PoolKind, type Tmem, type TmemPool } from "../../src/index.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { expectRefusal, type Refusal, refusal } from "../support/refusals.ts";

const UUID = "123e4567-e89b-12d3-a456-426614174000";
const notPermitted = (...says: string[]): Refusal => ({
  code: "NOT_PERMITTED",
  errno: "EPERM",
  says,
});

/** Two holds of one pool, the owner's first. */
async function sharedPool(kind: PoolKind = "ephemeral"): Promise<{
  tmem: Tmem;
  owned: TmemPool;
  joined: TmemPool;
}> {
  const tmem = await openTmem();
  const owned = tmem.addClient({ name: "a" }).openPool({ kind, uuid: UUID, admits: ["b", "c"] });
  return { tmem, owned, joined: tmem.addClient({ name: "b" }).openPool({ kind, uuid: UUID }) };
}

describe("TmemClient.openPool with a uuid", () => {
  it("refuses a client the owner does not admit", async () => {
    const { tmem } = await sharedPool();
    const stranger = tmem.addClient({ name: "stranger" });
    const join = () => stranger.openPool({ kind: "ephemeral", uuid: UUID, admits: ["stranger"] });
    expectRefusal(join, notPermitted("stranger", UUID, "admits"));
    expect(stranger.stats().pools).toBe(0);
  });

  it("admits nobody unless told", async () => {
    const tmem = await openTmem();
    tmem.addClient({ name: "a" }).openPool({ kind: "ephemeral", uuid: UUID });
    const other = tmem.addClient({ name: "b" });
    const join = () => other.openPool({ kind: "ephemeral", uuid: UUID });
    expectRefusal(join, notPermitted('"b"', UUID));
  });

  it("refuses a client of another domain though it is admitted", async () => {
    const { tmem } = await sharedPool();
    const other = tmem.addClient({ name: "c", domain: "elsewhere" });
    const join = () => other.openPool({ kind: "ephemeral", uuid: UUID });
    expectRefusal(join, notPermitted('"c"', '"elsewhere"', "domain"));
  });

  it("refuses to join as another kind", async () => {
    const { tmem } = await sharedPool();
    const join = () => tmem.addClient({ name: "c" }).openPool({ kind: "persistent", uuid: UUID });
    expectRefusal(join, refusal.invalid("persistent", "ephemeral", UUID));
  });

  it("refuses a client that has it open", async () => {
    const { tmem } = await sharedPool();
    for (const name of ["a", "b"]) {
      const again = () => tmem.client(name).openPool({ kind: "ephemeral", uuid: UUID });
      expectRefusal(again, refusal.busy(name, UUID));
    }
  });

  it("takes the same uuid in capitals for the same pool", async () => {
    const { tmem, owned } = await sharedPool();
    const third = tmem.addClient({ name: "c" });
    const joined = third.openPool({ kind: "ephemeral", uuid: UUID.toUpperCase() });
    expect(joined.stats().uuid).toBe(UUID);
    expect(owned.stats().clients).toBe(3);
  });
});

describe.each(["ephemeral", "persistent"] as const)("a shared %s pool", (kind) => {
  it("gives each what the others put", async () => {
    const { owned, joined } = await sharedPool(kind);
    const target = new Uint8Array(PAGE_BYTES);
    owned.put(1, 1, numberedPage(1));
    joined.put(1, 2, numberedPage(2));
    for (const pool of [owned, joined]) {
      for (const index of [1, 2]) {
        expect(pool.get(1, index, target)).toBe(true);
        expect(differenceOf(target, numberedPage(index))).toBeNull();
      }
    }
    expect(joined.flush(1, 1)).toBe(true);
    expect(owned.get(1, 1, target)).toBe(false);
  });

  it("counts for its owner alone", async () => {
    const { tmem, owned, joined } = await sharedPool(kind);
    for (let index = 0; index < 5; index++) joined.put(1, index, numberedPage(index));
    expect(tmem.client("a").stats()).toMatchObject({ pages: 5, puts: 5, pools: 1 });
    expect(tmem.client("b").stats()).toMatchObject({ pages: 0, puts: 0, pools: 0 });
    expect(joined.stats()).toEqual(owned.stats());
    expect(joined.stats()).toMatchObject({ owner: "a", clients: 2, uuid: UUID, kind });
    expect([owned.isOwner, joined.isOwner]).toEqual([true, false]);
  });

  it("goes on when one who joined leaves, who may join again", async () => {
    const { tmem, owned, joined } = await sharedPool(kind);
    owned.put(1, 1, numberedPage(1));
    joined.close();
    expect(owned.stats()).toMatchObject({ pages: 1, clients: 1 });
    const again = tmem.client("b").openPool({ kind, uuid: UUID });
    expect(again.get(1, 1, new Uint8Array(PAGE_BYTES))).toBe(true);
  });

  it("ends for all when its owner closes it", async () => {
    const { tmem, owned, joined } = await sharedPool(kind);
    owned.put(1, 1, numberedPage(1));
    owned.close();
    expectRefusal(() => joined.put(1, 1, numberedPage(2)), refusal.closed("owner", '"a"'));
    expect(tmem.stats()).toMatchObject({ pages: 0, pools: 0, mem_used_total: 0 });
    joined.close();
    const anew = tmem.client("b").openPool({ kind, uuid: UUID });
    expect(anew.isOwner).toBe(true);
    expect(anew.get(1, 1, new Uint8Array(PAGE_BYTES))).toBe(false);
  });

  it("ends for all when its owner, the client, closes", async () => {
    const { tmem, joined } = await sharedPool(kind);
    joined.put(1, 1, numberedPage(1));
    tmem.client("a").close();
    expectRefusal(() => joined.stats(), refusal.closed("owner", '"a"'));
    expect(tmem.stats().pages).toBe(0);
  });
});
