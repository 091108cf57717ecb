/** Reads of any length, of what is cached, under way and missing, and what is read ahead beside them. */

import { describe, expect, it, vi } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import type { ExportTable } from "../../src/device/export-table.ts";
import { StoreCore } from "../../src/device/store-core.ts";
import { Gate } from "../support/hooked-medium.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { numbered, opened, PAGE, readBytes } from "./opened.ts";

const pagesOf = (calls: readonly { readonly offset: number; readonly length: number }[]) =>
  calls.map(({ offset, length }) => [offset / PAGE, length / PAGE]);

describe("a read", () => {
  it("of many mebibytes is whole, at any alignment", async () => {
    const { cache, origin } = await opened(numbered(3000));
    const found = await readBytes(cache, 777, 2990 * PAGE);
    expect(differenceOf(found, numbered(3000).slice(777, 777 + 2990 * PAGE))).toBeNull();
    expect(Math.max(...origin.of("read").map(({ length }) => length))).toBe(256 * PAGE);
  });

  it("takes pages from several fetches under way, and fetches what lies between", async () => {
    const { cache, origin } = await opened(numbered(50));
    const gate = new Gate();
    origin.before = () => gate.pass();
    const early = [readBytes(cache, 3 * PAGE, PAGE), readBytes(cache, 6 * PAGE, 2 * PAGE)];
    await gate.reached();
    const late = readBytes(cache, 2 * PAGE + 5, 8 * PAGE);
    gate.open();
    expect(differenceOf(await late, numbered(50).slice(2 * PAGE + 5, 10 * PAGE + 5))).toBeNull();
    await Promise.all(early);
    expect(pagesOf(origin.of("read"))).toEqual([
      [3, 1],
      [6, 2],
      [2, 1],
      [4, 2],
      [8, 3],
    ]);
  });

  it("takes from a fetch under way no page that was written meanwhile", async () => {
    const { cache, origin } = await opened(numbered(50));
    const gate = new Gate();
    const { read } = origin;
    origin.read = async function late(this: typeof origin, offset, target) {
      await gate.pass();
      await read.call(this, offset, target);
    };
    const early = readBytes(cache, 0, 10 * PAGE);
    await gate.reached();
    await cache.write(5 * PAGE, numberedPage(99));
    const late = readBytes(cache, 0, 10 * PAGE);
    gate.open();
    const expected = numbered(10);
    expected.set(numberedPage(99), 5 * PAGE);
    expect(differenceOf(await late, expected)).toBeNull();
    await early;
  });

  it("that fails is answered when no part of it is under way any more", async () => {
    const { cache, origin } = await opened(numbered(50));
    await readBytes(cache, 5 * PAGE, PAGE);
    const gate = new Gate();
    origin.before = ({ offset }) => {
      if (offset < 5 * PAGE) throw new PagefoldError("IO", "bad sector");
      return gate.pass();
    };
    const target = new Uint8Array(10 * PAGE);
    let isOver = false;
    const read = cache.read(0, target).finally(() => {
      isOver = true;
    });
    await gate.reached();
    for (let turns = 0; turns < 10; turns++)
      await new Promise<void>((resume) => setImmediate(resume));
    expect(isOver).toBe(false);
    gate.open();
    await expect(read).rejects.toThrow("bad sector");
    expect(
      differenceOf(target.subarray(6 * PAGE), numbered(50).slice(6 * PAGE, 10 * PAGE)),
    ).toBeNull();
  });
});

describe("a page that the cache cannot give back", () => {
  it("fails the read when no part of it is under way any more, and is named by its place", async () => {
    const opens: ExportTable[] = [];
    const spy = vi.spyOn(StoreCore.prototype, "openExport");
    const { cache, origin } = await opened(numbered(50));
    opens.push(spy.mock.results[0]?.value as ExportTable);
    spy.mockRestore();
    await cache.write(5 * PAGE, numberedPage(99));
    // Slot 0 has page 5.
    const load = opens[0]!.loadStaged.bind(opens[0]);
    opens[0]!.loadStaged = (slot, staged) => {
      if (slot === 0) throw new PagefoldError("CORRUPT", "page 0 does not decode");
      return load(slot, staged);
    };
    const gate = new Gate();
    origin.before = async () => {
      await gate.pass();
      throw new PagefoldError("IO", "bad sector");
    };
    let isOver = false;
    const read = readBytes(cache, 0, 10 * PAGE).finally(() => {
      isOver = true;
    });
    await gate.reached();
    for (let turns = 0; turns < 10; turns++)
      await new Promise<void>((resume) => setImmediate(resume));
    expect(isOver).toBe(false);
    gate.open();
    await expect(read).rejects.toThrow("bad sector");
    await expect(readBytes(cache, 5 * PAGE, PAGE)).rejects.toMatchObject({
      code: "CORRUPT",
      message: /^the 4096 bytes at 20480 cannot be read back from the cache.*write them anew$/,
    });
    await expect(cache.flush()).rejects.toThrow(/4096 bytes at 20480/);
    opens[0]!.loadStaged = load;
    await cache.close({ abandon: true }).catch(() => {});
  });
});

describe("read-ahead", () => {
  const ahead = { memoryLimitBytes: 2 ** 22, readAheadBytes: 2 ** 16 } as const;

  async function readInOrder(options: { readonly cached?: number }) {
    const { cache, origin } = await opened(numbered(200), ahead);
    if (options.cached !== undefined) await readBytes(cache, options.cached * PAGE, PAGE);
    const before = origin.calls.length;
    for (let page = 0; page < 40; page++)
      expect(
        differenceOf(await readBytes(cache, page * PAGE, PAGE), numberedPage(page)),
      ).toBeNull();
    return { cache, calls: origin.calls.slice(before) };
  }

  it("has pages there before they are asked for, each read once", async () => {
    const { cache, calls } = await readInOrder({});
    const pages = calls.flatMap(({ offset, length }) =>
      Array.from({ length: length / PAGE }, (_, at) => offset / PAGE + at),
    );
    expect(new Set(pages).size).toBe(pages.length);
    expect(calls.length).toBeLessThan(12);
    expect(cache.stats().hit_pages).toBeGreaterThan(25);
  });

  it("in vain, since the pages are written first, is counted so", async () => {
    const { cache, origin } = await opened(numbered(200), ahead);
    for (let page = 0; page < 2; page++) await readBytes(cache, page * PAGE, PAGE);
    const gate = new Gate();
    origin.before = () => gate.pass();
    const read = readBytes(cache, 2 * PAGE, PAGE);
    await gate.reached();
    await cache.write(3 * PAGE, numbered(30));
    gate.open();
    await read;
    await cache.close();
    const { ahead_pages, ahead_useful_pages, ahead_useless_pages } = cache.stats();
    expect(ahead_pages).toBeGreaterThan(0);
    expect([ahead_useful_pages, ahead_useless_pages]).toEqual([0, ahead_pages]);
  });

  it("that fails, as a whole and for pages nobody wants, has them read anew for who comes then", async () => {
    const { cache, origin } = await opened(numbered(200), ahead);
    for (let page = 0; page < 2; page++) await readBytes(cache, page * PAGE, PAGE);
    const gates = new Map<number, Gate>([
      [3, new Gate()],
      [4, new Gate()],
      [6, new Gate()],
    ]);
    origin.before = async ({ offset, length }) => {
      // The read ahead of pages 3 to 10 fails; pages 4 and 6 of it are held up where they are read alone.
      const [page, count] = [offset / PAGE, length / PAGE];
      if (count > 1) await gates.get(3)?.pass();
      else if (page === 4 || page === 6) await gates.get(page)?.pass();
      if (count > 1) throw new PagefoldError("IO", "too much at once");
    };
    await readBytes(cache, 2 * PAGE, PAGE);
    await gates.get(3)?.reached();
    const wanted = [4, 6].map((page) => readBytes(cache, page * PAGE, PAGE));
    gates.get(3)?.open();
    await gates.get(4)?.reached();
    gates.get(4)?.open();
    await gates.get(6)?.reached();
    expect(await readBytes(cache, 5 * PAGE, PAGE)).toEqual(numberedPage(5));
    gates.get(6)?.open();
    expect(await Promise.all(wanted)).toEqual([numberedPage(4), numberedPage(6)]);
  });

  it("leaves out what is cached", async () => {
    const { calls } = await readInOrder({ cached: 10 });
    const asked = calls.some(
      ({ offset, length }) => offset <= 10 * PAGE && 10 * PAGE < offset + length,
    );
    expect(asked).toBe(false);
  });

  it("does not go beyond the end", async () => {
    const { cache, origin } = await opened(numbered(20, 100), ahead);
    for (let page = 0; page < 20; page++) await readBytes(cache, page * PAGE, PAGE);
    const ends = origin.calls.map(({ offset, length }) => offset + length);
    expect(Math.max(...ends)).toBeLessThanOrEqual(20 * PAGE + 100);
  });

  it("reads nothing where a page is written through meanwhile", async () => {
    const { cache, origin } = await opened(numbered(200), { ...ahead, mode: "write-through" });
    const gate = new Gate();
    origin.before = ({ kind }) => (kind === "write" ? gate.pass() : undefined);
    const write = cache.write(7 * PAGE, numberedPage(700));
    await gate.reached();
    for (let page = 0; page < 5; page++) await readBytes(cache, page * PAGE, PAGE);
    const asked = origin
      .of("read")
      .some(({ offset, length }) => offset <= 7 * PAGE && 7 * PAGE < offset + length);
    expect(asked).toBe(false);
    gate.open();
    await write;
    expect(await readBytes(cache, 7 * PAGE, PAGE)).toEqual(numberedPage(700));
  });
});
