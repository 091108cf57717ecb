/** What tmem's calls refuse, and how they say so. */

import { describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { openTmem, type Tmem, type TmemClient, type TmemPool } from "../../src/index.ts";
import { numberedPage } from "../support/pages.ts";
import { expectRefusal, expectRejection, refusal } from "../support/refusals.ts";

const UUID = "123e4567-e89b-12d3-a456-426614174000";
const page = numberedPage(1);

async function openAll(): Promise<{ tmem: Tmem; client: TmemClient; pool: TmemPool }> {
  const tmem = await openTmem();
  const client = tmem.addClient({ name: "a" });
  return { tmem, client, pool: client.openPool({ kind: "persistent" }) };
}

describe("openTmem", () => {
  const bad: readonly (readonly [unknown, string])[] = [
    [null, "null"],
    ["lz4", "lz4"],
    [{ codec: 3 }, "number"],
    [{ memoryLimitBytes: -1 }, "-1"],
    [{ memoryLimitBytes: 0.5 }, "0.5"],
    [{ memoryLimitBytes: 2 ** 41 }, `${2 ** 40}`],
    [{ dedup: 1 }, "true or false"],
    [{ random: 1 }, "function"],
    [{ clock: 1 }, "clock"],
  ];

  it.each(bad)("refuses %j", async (options, says) => {
    await expectRejection(() => openTmem(options as object), refusal.invalid(says));
  });

  it("refuses a codec there is not", async () => {
    await expectRejection(() => openTmem({ codec: "lzma" }), {
      code: "UNKNOWN_CODEC",
      errno: "EINVAL",
      says: ["lzma", "lz4"],
    });
  });
});

describe("Tmem.addClient", () => {
  const bad: readonly (readonly [unknown, string])[] = [
    [undefined, "undefined"],
    [{}, "undefined"],
    [{ name: 1 }, "1"],
    [{ name: "b", weight: 0 }, "65536"],
    [{ name: "b", weight: 65_537 }, "65537"],
    [{ name: "b", weight: 1.5 }, "1.5"],
    [{ name: "b", limitBytes: -1 }, "-1"],
    [{ name: "b", limitBytes: 4095 }, "4095"],
    [{ name: "b", domain: 4 }, "domain"],
    [{ name: "b", pools: 4 }, "pools"],
  ];

  it.each(bad)("refuses %j", async (options, says) => {
    const { tmem } = await openAll();
    expectRefusal(() => tmem.addClient(options as { name: string }), refusal.invalid(says));
    expect(tmem.stats().clients).toBe(1);
  });

  it("refuses a name that is taken, until that client is closed", async () => {
    const { tmem, client } = await openAll();
    expectRefusal(() => tmem.addClient({ name: "a" }), refusal.busy('"a"'));
    client.close();
    expect(tmem.addClient({ name: "a" }).name).toBe("a");
  });

  it("refuses a name too long", async () => {
    const { tmem } = await openAll();
    expectRefusal(() => tmem.addClient({ name: "x".repeat(128) }), {
      code: "NAME_TOO_LONG",
      errno: "E2BIG",
      says: [128, 127],
    });
  });

  it("refuses the 1025th client", async () => {
    const tmem = await openTmem();
    for (let number = 0; number < 1024; number++) tmem.addClient({ name: `${number}` });
    expectRefusal(() => tmem.addClient({ name: "more" }), refusal.noSpace('"more"', 1024));
    tmem.client("7").close();
    tmem.addClient({ name: "more" });
  });
});

describe("Tmem.client", () => {
  it("refuses a name nobody has, and tells those there are", async () => {
    const { tmem } = await openAll();
    tmem.addClient({ name: "b" });
    expectRefusal(() => tmem.client("c"), {
      code: "NOT_FOUND",
      errno: "ENOENT",
      says: ['"c"', '"a"', '"b"'],
    });
  });

  it("refuses what is no name as one nobody has", async () => {
    const { tmem } = await openAll();
    for (const name of [Symbol("a"), undefined, 1] as unknown[]) {
      const says = [String(name), '"a"'];
      expectRefusal(() => tmem.client(name as string), {
        code: "NOT_FOUND",
        errno: "ENOENT",
        says,
      });
    }
  });
});

describe("TmemClient.openPool", () => {
  const bad: readonly (readonly [unknown, string])[] = [
    [undefined, "undefined"],
    [{}, "ephemeral"],
    [{ kind: "temporary" }, "temporary"],
    [{ kind: "ephemeral", uuid: "123" }, "123"],
    [{ kind: "ephemeral", uuid: 123 }, "123"],
    [{ kind: "ephemeral", admits: ["b"] }, "uuid"],
    [{ kind: "ephemeral", admits: "b" }, '"b"'],
    [{ kind: "ephemeral", uuid: UUID, admits: [4] }, "4"],
    [{ kind: "ephemeral", size: 4 }, "size"],
  ];

  it.each(bad)("refuses %j", async (options, says) => {
    const { client } = await openAll();
    const open = () => client.openPool(options as { kind: "ephemeral" });
    expectRefusal(open, refusal.invalid(says));
    expect(client.stats().pools).toBe(1);
  });

  it("refuses the 8193rd pool", async () => {
    const client = (await openTmem()).addClient({ name: "a" });
    const pools = Array.from({ length: 8192 }, () => client.openPool({ kind: "ephemeral" }));
    expectRefusal(() => client.openPool({ kind: "ephemeral" }), refusal.noSpace(8192));
    pools[4]!.close();
    client.openPool({ kind: "ephemeral" });
  });
});

describe("TmemPool", () => {
  it.each([-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, "0", null, undefined, 3n])(
    "refuses object %s",
    async (object) => {
      const { pool } = await openAll();
      const refused = refusal.invalid(String(object), 2 ** 53 - 1);
      expectRefusal(() => pool.put(object as number, 0, page), refused);
      expectRefusal(() => pool.get(object as number, 0, page.slice()), refused);
      expectRefusal(() => pool.flush(object as number, 0), refused);
      expectRefusal(() => pool.flushObject(object as number), refused);
      expect(pool.stats()).toMatchObject({ puts: 0, gets: 0 });
    },
  );

  it.each([-1, 0.5, 2 ** 32, Number.NaN, "0", null, undefined])(
    "refuses index %s",
    async (index) => {
      const { pool } = await openAll();
      const refused = refusal.invalid(String(index), 2 ** 32 - 1);
      expectRefusal(() => pool.put(0, index as number, page), refused);
      expectRefusal(() => pool.get(0, index as number, page.slice()), refused);
      expectRefusal(() => pool.flush(0, index as number), refused);
    },
  );

  const badPages: readonly (readonly [unknown, string])[] = [
    [new Uint8Array(4095), "4095"],
    [new Uint8Array(4097), "4097"],
    [new Uint8Array(0), "0 bytes"],
    [new Uint16Array(2048), "0,0"],
    [new ArrayBuffer(4096), "ArrayBuffer"],
    ["x", '"x"'],
    [null, "null"],
  ];

  it.each(badPages)("refuses %s for a page", async (bad, says) => {
    const { pool } = await openAll();
    pool.put(0, 0, page);
    const refused = refusal.invalid(says, PAGE_BYTES);
    expectRefusal(() => pool.put(0, 0, bad as Uint8Array), refused);
    expectRefusal(() => pool.get(0, 0, bad as Uint8Array), refused);
    expect(pool.stats()).toMatchObject({ pages: 1, puts: 1, gets: 0 });
  });
});

describe("closing", () => {
  const poolCalls: readonly (readonly [string, (pool: TmemPool) => unknown])[] = [
    ["put", (pool) => pool.put(0, 0, page)],
    ["get", (pool) => pool.get(0, 0, page.slice())],
    ["flush", (pool) => pool.flush(0, 0)],
    ["flushObject", (pool) => pool.flushObject(0)],
    ["stats", (pool) => pool.stats()],
  ];

  it.each(poolCalls)(
    "makes TmemPool.%s refuse, whichever of the three was closed",
    async (_, call) => {
      for (const which of ["pool", "client", "tmem"] as const) {
        const all = await openAll();
        all[which].close();
        expectRefusal(() => call(all.pool), refusal.closed("closed", "another"));
      }
    },
  );

  it("makes a client's calls refuse", async () => {
    for (const which of ["client", "tmem"] as const) {
      const all = await openAll();
      all[which].close();
      const open = () => all.client.openPool({ kind: "ephemeral" });
      expectRefusal(open, refusal.closed('"a"'));
      expectRefusal(() => all.client.stats(), refusal.closed('"a"'));
    }
  });

  it("makes tmem's calls refuse", async () => {
    const { tmem } = await openAll();
    tmem.close();
    expectRefusal(() => tmem.addClient({ name: "b" }), refusal.closed("tmem"));
    expectRefusal(() => tmem.client("a"), refusal.closed("tmem"));
    expectRefusal(() => tmem.stats(), refusal.closed("tmem"));
    expectRefusal(() => tmem.setMemoryLimit(0), refusal.closed("tmem"));
  });

  it("may be done again", async () => {
    const { tmem, client, pool } = await openAll();
    for (const each of [pool, pool, client, client, tmem, tmem]) each.close();
    expect(() => pool.close()).not.toThrow();
  });
});
