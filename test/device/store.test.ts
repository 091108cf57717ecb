/** A store with several exports: what they share and what is each one's own, opening, closing, reset. */

import { assert, describe, expect, it } from "vitest";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { MOST_DOMAINS } from "../../src/engine/engine.ts";
import { type Device, openDevice, openStore, type Store } from "../../src/index.ts";
import { fixturePageList } from "../support/fixtures.ts";
import { differenceOf, numberedPage, samePage } from "../support/pages.ts";
import { expectRefusal, expectRejection, refusal } from "../support/refusals.ts";
import { readPage, writePage } from "../support/stores.ts";

const SIZE = { sizeBytes: 64 * PAGE_BYTES };

async function fill(device: Device, count: number, firstNumber = 0): Promise<void> {
  for (let index = 0; index < count; index++) {
    await writePage(device, index, numberedPage(firstNumber + index));
  }
}

describe("Store.openExport", () => {
  it("opens exports that keep their pages apart", async () => {
    const store = await openStore();
    const devices = ["a", "b", "c"].map((name) => store.openExport({ ...SIZE, name }));
    for (const [which, device] of devices.entries()) await fill(device, 20, 100 * which);
    for (const [which, device] of devices.entries()) {
      for (let index = 0; index < 20; index++) {
        const difference = differenceOf(
          await readPage(device, index),
          numberedPage(100 * which + index),
        );
        if (difference) assert.fail(`export ${which}, page ${index}: ${difference}`);
      }
      expect(differenceOf(await readPage(device, 20), new Uint8Array(PAGE_BYTES))).toBeNull();
    }
  });

  it("shares equal pages of exports in one domain", async () => {
    const store = await openStore();
    for (const name of ["a", "b"])
      await fill(store.openExport({ ...SIZE, name, domain: "lab" }), 10);
    expect(store.stats()).toMatchObject({ objects: 10, dup_pages: 10 });
  });

  it("puts exports that name no domain into one", async () => {
    const store = await openStore();
    for (const name of ["a", "b"]) await fill(store.openExport({ ...SIZE, name }), 10);
    expect(store.stats()).toMatchObject({ objects: 10, dup_pages: 10 });
  });

  it("does not share between domains, nor between one and the exports that name none", async () => {
    const store = await openStore();
    for (const domain of ["lab", "office"]) {
      await fill(store.openExport({ ...SIZE, name: domain, domain }), 10);
    }
    await fill(store.openExport(SIZE), 10);
    expect(store.stats()).toMatchObject({ objects: 30, dup_pages: 0 });
  });

  it("refuses a second export of a name, and takes it once the first is closed", async () => {
    const store = await openStore();
    const first = store.openExport({ ...SIZE, name: "guest-a" });
    await fill(first, 1);
    const again = () => store.openExport({ sizeBytes: PAGE_BYTES, name: "guest-a" });
    expectRefusal(again, refusal.busy('"guest-a"', "close it"));
    expect(differenceOf(await readPage(first, 0), numberedPage(0))).toBeNull();
    await first.close();
    expect(again().sizeBytes).toBe(PAGE_BYTES);
  });

  it("opens an export empty whose name was used before", async () => {
    const store = await openStore();
    const first = store.openExport({ ...SIZE, name: "guest-a" });
    await fill(first, 5);
    await first.close();
    const second = store.openExport({ ...SIZE, name: "guest-a" });
    expect(differenceOf(await readPage(second, 0), new Uint8Array(PAGE_BYTES))).toBeNull();
    expect(second.stats()).toMatchObject({ num_reads: 1, num_writes: 0, orig_data_size: 0 });
    await expectRejection(() => readPage(first, 0), refusal.closed('"guest-a"'));
  });

  it("refuses a domain more than the limit, in a message with both", async () => {
    const store = await openStore();
    for (let number = 0; number < MOST_DOMAINS; number++) {
      store.openExport({ sizeBytes: 1, name: `${number}`, domain: `${number}` });
    }
    const more = () => store.openExport({ sizeBytes: 1, name: "more", domain: "more" });
    expectRefusal(more, refusal.noSpace('"more"', MOST_DOMAINS));
    expectRefusal(() => store.export("more"), {
      code: "NOT_FOUND",
      errno: "ENOENT",
      says: ["more"],
    });
    store.openExport({ sizeBytes: 1, name: "more", domain: "7" });
  });

  it("takes a new domain in place of one whose last export was closed, and shares nothing with it", async () => {
    const store = await openStore();
    const keeper = store.openExport({ ...SIZE, name: "keeper", domain: "0" });
    await fill(keeper, 5);
    for (let number = 1; number < MOST_DOMAINS + 500; number++) {
      const device = store.openExport({ ...SIZE, domain: `${number}` });
      await writePage(device, 0, numberedPage(0));
      expect(store.stats().dup_pages).toBe(0);
      await device.close();
    }
    expect(store.stats()).toMatchObject({ objects: 5, orig_data_size: 5 * PAGE_BYTES });
    await fill(store.openExport({ ...SIZE, name: "second", domain: "0" }), 5);
    expect(store.stats()).toMatchObject({ objects: 5, dup_pages: 5 });
  });
});

describe("Store.export", () => {
  it("gives the export of that name", async () => {
    const store = await openStore();
    const device = store.openExport({ ...SIZE, name: "guest-a" });
    expect(store.export("guest-a")).toBe(device);
  });

  it("refuses a name that is not open, and tells those that are", async () => {
    const store = await openStore();
    const closed = store.openExport({ ...SIZE, name: "guest-c" });
    for (const name of ["guest-a", "guest-b"]) store.openExport({ ...SIZE, name });
    await closed.close();
    const refused = { code: "NOT_FOUND", errno: "ENOENT", says: ["guest-c", "guest-a", "guest-b"] };
    expectRefusal(() => store.export("guest-c"), refused);
  });
});

describe("limitBytes", () => {
  it("refuses a page more than the export may hold, and takes every overwrite", async () => {
    const store = await openStore();
    const device = store.openExport({ ...SIZE, limitBytes: 10 * PAGE_BYTES + 4095 });
    await fill(device, 10);
    const refused = refusal.noSpace("page 30", 10 * PAGE_BYTES, "discard", "limitBytes");
    await expectRejection(() => writePage(device, 30, numberedPage(1)), refused);
    await expectRejection(() => writePage(device, 30, samePage(0)), refused);
    await fill(device, 10, 500);
    await writePage(device, 3, samePage(7));
    expect(device.slotState(30)).toBeNull();
    expect(device.stats()).toMatchObject({ failed_writes: 2, orig_data_size: 10 * PAGE_BYTES });
  });

  it("counts logical bytes, shared and same-filled ones too, of this export only", async () => {
    const store = await openStore();
    const other = store.openExport({ ...SIZE, name: "other" });
    await fill(other, 40);
    const device = store.openExport({ ...SIZE, limitBytes: 3 * PAGE_BYTES });
    await writePage(device, 0, numberedPage(0));
    await writePage(device, 1, numberedPage(0));
    await writePage(device, 2, samePage(5));
    const refused = refusal.noSpace(3 * PAGE_BYTES);
    await expectRejection(() => writePage(device, 3, numberedPage(0)), refused);
    await device.discard(0, PAGE_BYTES);
    await writePage(device, 3, numberedPage(9));
  });
});

describe("Device.close", () => {
  it("releases the export's own pages and nobody else's", async () => {
    const store = await openStore();
    const [first, second] = ["a", "b"].map((name) => store.openExport({ ...SIZE, name }));
    await fill(first!, 30);
    await fill(second!, 30, 15);
    expect(store.stats()).toMatchObject({ objects: 45, dup_pages: 15 });
    await first!.close();
    expect(store.stats()).toMatchObject({ objects: 30, dup_pages: 0, dup_data_size: 0 });
    for (let index = 0; index < 30; index++) {
      const difference = differenceOf(await readPage(second!, index), numberedPage(15 + index));
      if (difference) assert.fail(`page ${index}: ${difference}`);
    }
    await second!.close();
    expect(store.stats()).toMatchObject({ orig_data_size: 0, mem_used_total: 0, objects: 0 });
  });

  const calls: readonly (readonly [string, (device: Device) => unknown])[] = [
    ["write", (device) => device.write(0, new Uint8Array(1))],
    ["read", (device) => device.read(0, new Uint8Array(1))],
    ["discard", (device) => device.discard(0, 1)],
    ["writeZeroes", (device) => device.writeZeroes(0, 1)],
    ["writeNow", (device) => device.writeNow(0, new Uint8Array(1))],
    ["readNow", (device) => device.readNow(0, new Uint8Array(1))],
    ["discardNow", (device) => device.discardNow(0, 1)],
    ["writeZeroesNow", (device) => device.writeZeroesNow(0, 1)],
    ["flush", (device) => device.flush()],
    ["stats", (device) => device.stats()],
    ["slotState", (device) => device.slotState(0)],
    ["blockState", (device) => device.blockState()],
  ];

  it.each(calls)("makes %s refuse", async (_, call) => {
    const store = await openStore();
    const device = store.openExport({ ...SIZE, name: "guest-a" });
    await device.close();
    await device.close();
    await expectRejection(() => call(device), refusal.closed('"guest-a"', "open it again"));
  });
});

describe("Store.close", () => {
  const calls: readonly (readonly [string, (store: Store) => unknown])[] = [
    ["openExport", (store) => store.openExport(SIZE)],
    ["export", (store) => store.export("a")],
    ["stats", (store) => store.stats()],
    ["markIdle", (store) => store.markIdle()],
    ["recompress", (store) => store.recompress()],
    ["compact", (store) => store.compact()],
    ["setMemoryLimit", (store) => store.setMemoryLimit(0)],
    ["resetMemUsedMax", (store) => store.resetMemUsedMax()],
    ["reset", (store) => store.reset()],
  ];

  it.each(calls)("makes %s refuse", async (_, call) => {
    const store = await openStore();
    await store.close();
    await store.close();
    expectRefusal(() => call(store), refusal.closed("closed", "open another"));
  });

  it("closes the exports too", async () => {
    const store = await openStore();
    const device = store.openExport(SIZE);
    await store.close();
    await expectRejection(() => device.flush(), refusal.closed());
  });
});

describe("Store.reset", () => {
  it("refuses while exports are open, and says how many", async () => {
    const store = await openStore();
    const devices = ["a", "b"].map((name) => store.openExport({ ...SIZE, name }));
    await fill(devices[0]!, 3);
    expectRefusal(() => store.reset(), refusal.busy(2, "close"));
    expect(differenceOf(await readPage(devices[0]!, 2), numberedPage(2))).toBeNull();
    await devices[0]!.close();
    expectRefusal(() => store.reset(), refusal.busy(1, "close"));
  });

  it("empties a store, which then shares and separates as before", async () => {
    const store = await openStore({ memoryLimitBytes: 2 ** 20 });
    const device = store.openExport({ ...SIZE, domain: "lab" });
    await fill(device, 64);
    await device.close();
    store.reset();
    const fresh = (await openStore({ memoryLimitBytes: 2 ** 20 })).stats();
    expect(store.stats()).toEqual(fresh);
    for (const [name, domain] of [
      ["a", "lab"],
      ["b", "lab"],
      ["c", "office"],
    ] as const) {
      await fill(store.openExport({ ...SIZE, name, domain }), 10);
    }
    expect(store.stats()).toMatchObject({ objects: 20, dup_pages: 10 });
  });
});

describe("openDevice", () => {
  it("gives the one export of a store", async () => {
    const device = await openDevice({ ...SIZE, name: "swap", codec: "deflate", domain: "lab" });
    const [page] = fixturePageList("guest-a-node", 5000);
    await writePage(device, 5, page!);
    expect(differenceOf(await readPage(device, 5), page!)).toBeNull();
    expect(device.stats()).toMatchObject({ name: "swap", domain: "lab", objects: 1 });
    expect(device.slotState(5)?.codec).toBe("deflate:1");
    await device.flush();
    await device.close();
    await expectRejection(() => device.flush(), refusal.closed('"swap"'));
  });
});
