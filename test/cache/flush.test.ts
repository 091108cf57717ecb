/** What goes to the origin, when, and in which order. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { Gate } from "../support/hooked-medium.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";
import { numbered, opened, PAGE, readBytes } from "./opened.ts";

const turn = () => new Promise<void>((resume) => setImmediate(resume));

describe("a write-back cache", () => {
  it("gives the origin nothing before it must", async () => {
    const { cache, origin } = await opened(numbered(50));
    for (let page = 0; page < 20; page++) await cache.write(page * PAGE, numberedPage(900 + page));
    expect(origin.calls).toEqual([]);
    expect(cache.stats().dirty_bytes).toBe(20 * PAGE);
  });

  it("flushes in order of address, neighbours in one write, and syncs last", async () => {
    const random = new SeededRandom(testSeed("order of addresses"));
    const { cache, origin } = await opened(numbered(2000), {
      memoryLimitBytes: 2 ** 22,
      dirtyShare: 0.5,
    });
    const pages = Array.from({ length: 150 }, () => random.below(2000));
    for (const page of pages) await cache.write(page * PAGE, numberedPage(9000 + page));
    await cache.flush();
    const writes = origin.of("write");
    const offsets = writes.map(({ offset }) => offset);
    expect(offsets).toEqual([...offsets].sort((left, right) => left - right));
    const runs = [...new Set(pages)].filter((page) => !pages.includes(page - 1));
    expect(writes.length).toBe(runs.length);
    expect(origin.calls.at(-1)?.kind).toBe("sync");
    expect(origin.of("sync").length).toBe(1);
  });

  it("writes a page that was written often once", async () => {
    const { cache, origin } = await opened(numbered(50));
    for (let round = 0; round < 30; round++) await cache.write(7 * PAGE, numberedPage(round));
    await cache.flush();
    expect(origin.of("write")).toEqual([{ kind: "write", offset: 7 * PAGE, length: PAGE }]);
    expect(cache.stats().saved_written_bytes).toBe(29 * PAGE);
  });

  it("answers a flush at once when the origin has all of it", async () => {
    const { cache, origin } = await opened(numbered(50));
    await cache.write(0, numberedPage(1));
    expect(cache.beginFlush()).toBeInstanceOf(Promise);
    await cache.flush();
    expect(cache.beginFlush()).toBeUndefined();
    expect(origin.of("sync").length).toBe(1);
  });

  it("keeps a page dirty that is written while it is being flushed", async () => {
    const { cache, origin } = await opened(numbered(50));
    const gate = new Gate();
    origin.before = ({ kind }) => (kind === "write" ? gate.pass() : undefined);
    await cache.write(0, numberedPage(1));
    const flushed = cache.flush();
    await gate.reached();
    await cache.write(0, numberedPage(2));
    gate.open();
    await flushed;
    expect(cache.stats().dirty_bytes).toBe(PAGE);
    expect(differenceOf(origin.bytes.subarray(0, PAGE), numberedPage(1))).toBeNull();
    await cache.flush();
    expect(differenceOf(origin.bytes.subarray(0, PAGE), numberedPage(2))).toBeNull();
  });

  it("does not let a flush end with the one under way, which may have gone by its page", async () => {
    const { cache, origin } = await opened(numbered(50));
    const gate = new Gate();
    origin.before = ({ kind }) => (kind === "sync" ? gate.pass() : undefined);
    await cache.write(9 * PAGE, numberedPage(1));
    const first = cache.flush();
    await gate.reached();
    await cache.write(3 * PAGE, numberedPage(2));
    const second = cache.flush();
    gate.open();
    await Promise.all([first, second]);
    expect(differenceOf(origin.bytes.subarray(3 * PAGE, 4 * PAGE), numberedPage(2))).toBeNull();
    expect(cache.stats().unsynced_bytes).toBe(0);
  });

  it("flushes by itself after flushSeconds", async () => {
    const { cache, origin } = await opened(numbered(50), { flushSeconds: 0.01 });
    await cache.write(0, numberedPage(1));
    while (cache.stats().unsynced_bytes > 0) await turn();
    expect(origin.calls.map(({ kind }) => kind)).toEqual(["write", "sync"]);
  });

  it("holds writes at its bound, and nobody else", async () => {
    const { cache, origin } = await opened(numbered(500), { dirtyShare: 0.05 });
    const gate = new Gate();
    origin.before = ({ kind }) => (kind === "write" ? gate.pass() : undefined);
    const most = cache.stats().dirty_limit_bytes / PAGE;
    for (let page = 0; page < most; page++) {
      expect(cache.beginWrite(page * PAGE, numberedPage(5000 + page))).toBeUndefined();
    }
    let isHeld = true;
    const held = cache.write(400 * PAGE, numberedPage(1)).then(() => {
      isHeld = false;
    });
    await gate.reached();
    // Reads go on, cached or not, and so do writes to what is dirty already.
    expect(await readBytes(cache, 300 * PAGE, PAGE)).toEqual(numberedPage(300));
    expect(cache.beginRead(0, new Uint8Array(PAGE))).toBeUndefined();
    expect(cache.beginWrite(0, numberedPage(77))).toBeUndefined();
    expect(isHeld).toBe(true);
    gate.open();
    await held;
    expect(cache.stats().waits).toBe(1);
  });

  it("lets the writes that wait go on one by one, so that the pages of each stay neighbours", async () => {
    const { cache, origin } = await opened(numbered(2000), { dirtyShare: 0.1 });
    const block = 20;
    const writes = Array.from({ length: 30 }, (_, at) =>
      cache.write(at * 50 * PAGE, numbered(block)),
    );
    await Promise.all(writes);
    await cache.flush();
    expect(origin.of("write").length).toBeLessThanOrEqual(2 * writes.length);
  });

  it("syncs in between where much is flushed, so that who waits can go on", async () => {
    const { cache, origin } = await opened(numbered(10_000), {
      memoryLimitBytes: 2 ** 27,
      dirtyShare: 0.5,
    });
    await cache.write(0, numbered(8000));
    await cache.flush();
    expect(origin.of("sync").length).toBeGreaterThanOrEqual(2);
  });

  it("flushes zeros as any bytes", async () => {
    const { cache, origin } = await opened(numbered(200), { memoryLimitBytes: 2 ** 22 });
    await cache.writeZeroes(3 * PAGE + 100, 100 * PAGE);
    const expected = numbered(200).fill(0, 3 * PAGE + 100, 103 * PAGE + 100);
    await cache.flush();
    expect(differenceOf(origin.bytes, expected)).toBeNull();
  });

  it("reads and writes the end of an origin that ends within a page", async () => {
    const { cache, origin } = await opened(numbered(10, 700));
    const expected = numbered(10, 700);
    expect(await readBytes(cache, 10 * PAGE - 50, 750)).toEqual(expected.slice(10 * PAGE - 50));
    expected.set([1, 2, 3], 10 * PAGE + 697);
    await cache.write(10 * PAGE + 697, Uint8Array.of(1, 2, 3));
    await cache.flush();
    expect(differenceOf(origin.bytes, expected)).toBeNull();
    expect(origin.of("write")).toEqual([{ kind: "write", offset: 10 * PAGE, length: 700 }]);
  });

  it("writes all of a page at the end without reading it", async () => {
    const { cache, origin } = await opened(numbered(10, 700));
    await cache.write(10 * PAGE, new Uint8Array(700).fill(3));
    expect(origin.of("read")).toEqual([]);
  });

  it("flushes what it holds when it is closed, and then closes the origin", async () => {
    const { cache, origin } = await opened(numbered(10));
    await cache.write(0, numberedPage(99));
    await cache.close();
    expect(differenceOf(origin.bytes.subarray(0, PAGE), numberedPage(99))).toBeNull();
    expect(origin.isClosed).toBe(true);
  });
});

describe("a write-through cache", () => {
  it("has given the origin a write when it is done, and syncs at a flush", async () => {
    const { cache, origin } = await opened(numbered(50), { mode: "write-through" });
    await cache.write(5 * PAGE, numberedPage(1));
    expect(differenceOf(origin.bytes.subarray(5 * PAGE, 6 * PAGE), numberedPage(1))).toBeNull();
    expect(origin.of("sync")).toEqual([]);
    await cache.flush();
    expect(origin.of("sync").length).toBe(1);
  });

  it("has the page cached then", async () => {
    const { cache, origin } = await opened(numbered(50), { mode: "write-through" });
    await cache.write(5 * PAGE, numberedPage(1));
    expect(cache.beginRead(5 * PAGE, new Uint8Array(PAGE))).toBeUndefined();
    expect(origin.of("read")).toEqual([]);
  });

  it("writes parts of pages into what the origin has", async () => {
    const { cache, origin } = await opened(numbered(50), { mode: "write-through" });
    const expected = numbered(50);
    expected.fill(7, 100, 2 * PAGE + 50);
    await cache.write(100, new Uint8Array(2 * PAGE - 50).fill(7));
    expect(differenceOf(origin.bytes, expected)).toBeNull();
  });

  it("does the writes of one page in the order in which they came", async () => {
    const { cache, origin } = await opened(numbered(50), { mode: "write-through" });
    let call = 0;
    // The first write of all is the slowest.
    origin.before = async ({ kind }) => {
      if (kind !== "write") return;
      call += 1;
      for (let turns = call === 1 ? 20 : 0; turns > 0; turns--) await turn();
    };
    const writes = [1, 2, 3].map((number) => cache.write(0, numberedPage(number)));
    await Promise.all(writes);
    expect(differenceOf(origin.bytes.subarray(0, PAGE), numberedPage(3))).toBeNull();
    expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(3));
  });
});
