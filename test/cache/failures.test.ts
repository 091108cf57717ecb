/** An origin that fails: what clients are told, what is kept, what is said. */

import { describe, expect, it, onTestFinished, vi } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { openCache } from "../../src/cache/open-cache.ts";
import { MemoryMedium } from "../../src/overflow/media/memory.ts";
import { Gate, HookedMedium } from "../support/hooked-medium.ts";
import { ForgetfulOrigin, type OriginCall } from "../support/origins.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { numbered, opened, PAGE, readBytes } from "./opened.ts";

const turn = () => new Promise<void>((resume) => setImmediate(resume));

/** Fails calls of these kinds that touch the page, while it is switched on. */
class Fault {
  isOn = true;
  readonly #kind: OriginCall["kind"];
  readonly #page: number | undefined;

  constructor(kind: OriginCall["kind"], page?: number) {
    this.#kind = kind;
    this.#page = page;
  }

  readonly before = ({ kind, offset, length }: OriginCall): void => {
    const place = this.#page === undefined ? offset : this.#page * PAGE;
    const isThere = place >= offset && place < offset + Math.max(1, length);
    if (this.isOn && kind === this.#kind && isThere) throw new PagefoldError("IO", "bad sector");
  };
}

describe("reads of an origin that fails", () => {
  it("are answered with EIO for the page that cannot be read, and for no other", async () => {
    const { cache, origin } = await opened(numbered(50));
    origin.before = new Fault("read", 7).before;
    await expect(readBytes(cache, 0, 20 * PAGE)).rejects.toMatchObject({ code: "IO" });
    await expect(readBytes(cache, 7 * PAGE, PAGE)).rejects.toMatchObject({ errno: "EIO" });
    for (const page of [0, 6, 8, 19])
      expect(await readBytes(cache, page * PAGE, PAGE)).toEqual(numberedPage(page));
  });

  it("are told of once", async () => {
    const { cache, origin, events } = await opened(numbered(50));
    origin.before = new Fault("read").before;
    for (let page = 0; page < 5; page++)
      await expect(readBytes(cache, page * PAGE, PAGE)).rejects.toThrow("bad sector");
    expect(events.length).toBe(1);
    expect(events[0]).toMatch(/bad sector; who asked gets EIO/);
    expect(cache.stats().failed_reads).toBe(5);
  });

  it("are tried again when somebody asks again", async () => {
    const { cache, origin } = await opened(numbered(50));
    const fault = new Fault("read");
    origin.before = fault.before;
    await expect(readBytes(cache, 0, PAGE)).rejects.toThrow();
    fault.isOn = false;
    expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(0));
  });

  it("do not touch a page that is written whole", async () => {
    const { cache, origin } = await opened(numbered(50));
    origin.before = new Fault("read").before;
    await cache.write(0, numberedPage(5));
    await expect(cache.write(PAGE, new Uint8Array(10))).rejects.toMatchObject({ code: "IO" });
    expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(5));
  });

  it("in vain by read-ahead are nobody's", async () => {
    const { cache, origin, events } = await opened(numbered(200), {
      memoryLimitBytes: 2 ** 22,
      readAheadBytes: 2 ** 17,
    });
    origin.before = new Fault("read", 8).before;
    for (let page = 0; page < 8; page++)
      expect(await readBytes(cache, page * PAGE, PAGE)).toEqual(numberedPage(page));
    expect(events.length).toBe(1);
  });
});

describe("writes to an origin that fails", () => {
  it("fail the flush, are kept, and get there when it works again", async () => {
    const { cache, origin, events } = await opened(numbered(50));
    const fault = new Fault("write");
    origin.before = fault.before;
    await cache.write(0, numberedPage(90));
    await expect(cache.flush()).rejects.toMatchObject({ code: "IO", errno: "EIO" });
    await expect(cache.flush()).rejects.toThrow("bad sector");
    expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(90));
    expect(cache.stats()).toMatchObject({ dirty_bytes: PAGE, failure: "bad sector" });
    fault.isOn = false;
    await cache.flush();
    expect(differenceOf(origin.bytes.subarray(0, PAGE), numberedPage(90))).toBeNull();
    expect(events.length).toBe(2);
    expect(events[0]).toMatch(/4\.0 KiB of written pages are kept and tried again/);
    expect(events[1]).toMatch(/takes writes again/);
    expect(cache.stats().failure).toBeNull();
  });

  it("are tried again unasked", async () => {
    const { cache, origin } = await opened(numbered(50), { flushSeconds: 0.01 });
    const fault = new Fault("write");
    origin.before = fault.before;
    await cache.write(0, numberedPage(90));
    while (cache.stats().failed_writes < 2) await turn();
    fault.isOn = false;
    while (cache.stats().unsynced_bytes > 0) await turn();
    expect(differenceOf(origin.bytes.subarray(0, PAGE), numberedPage(90))).toBeNull();
  });

  it("leave dirty the page that cannot be written, and no other", async () => {
    const { cache, origin } = await opened(numbered(50), { memoryLimitBytes: 2 ** 21 });
    origin.before = new Fault("write", 7).before;
    await cache.write(0, numbered(20).fill(3));
    await expect(cache.flush()).rejects.toThrow("bad sector");
    expect(cache.stats()).toMatchObject({ dirty_bytes: PAGE, unsynced_bytes: PAGE });
    const expected = numbered(50);
    expected.fill(3, 0, 7 * PAGE).fill(3, 8 * PAGE, 20 * PAGE);
    expect(differenceOf(origin.bytes, expected)).toBeNull();
  });

  it("leave dirty a stretch that cannot be written, and nothing behind it", async () => {
    const { cache, origin } = await opened(numbered(200), { memoryLimitBytes: 2 ** 22 });
    origin.before = ({ kind, offset, length }) => {
      const isBad = offset < 60 * PAGE && offset + length > 10 * PAGE;
      if (kind === "write" && isBad) throw new PagefoldError("IO", "bad stretch");
    };
    await cache.write(0, numbered(200).fill(3));
    await expect(cache.flush()).rejects.toThrow("bad stretch");
    await expect(cache.flush()).rejects.toThrow("bad stretch");
    expect(cache.stats().dirty_bytes).toBe(50 * PAGE);
    const expected = numbered(200)
      .fill(3, 0, 10 * PAGE)
      .fill(3, 60 * PAGE);
    expect(differenceOf(origin.bytes, expected)).toBeNull();
  });

  it("to one page keep no others from being written, however many more than the bound", async () => {
    const { cache, origin, events } = await opened(numbered(500), { dirtyShare: 0.05 });
    const fault = new Fault("write", 7);
    origin.before = fault.before;
    for (let page = 0; page < 500; page++) await cache.write(page * PAGE, numberedPage(600 + page));
    await expect(cache.flush()).rejects.toThrow("bad sector");
    // Again, with nothing but that page owed at the start.
    for (let page = 499; page >= 0; page--)
      await cache.write(page * PAGE, numberedPage(2000 + page));
    await expect(cache.flush()).rejects.toThrow("bad sector");
    expect(cache.stats().unsynced_bytes).toBe(PAGE);
    const expected = numbered(500);
    for (let page = 0; page < 500; page++) {
      if (page !== 7) expected.set(numberedPage(2000 + page), page * PAGE);
    }
    expect(differenceOf(origin.bytes, expected)).toBeNull();
    expect(events.filter((line) => line.includes("kept and tried again")).length).toBe(1);
    fault.isOn = false;
    await cache.flush();
    expect(await readBytes(cache, 7 * PAGE, PAGE)).toEqual(numberedPage(2007));
  });

  it("to one page keep no others waiting in vain that come while it is tried again", async () => {
    const { cache, origin } = await opened(numbered(500), { dirtyShare: 0.05 });
    const most = cache.stats().dirty_limit_bytes / PAGE;
    const gate = new Gate();
    origin.before = async ({ kind, offset }) => {
      if (kind !== "write" || offset > 0) return;
      await gate.pass();
      throw new PagefoldError("IO", "bad sector");
    };
    await cache.write(0, numberedPage(1));
    const flush = expect(cache.flush()).rejects.toThrow("bad sector");
    await gate.reached();
    for (let page = 1; page < most; page++) await cache.write(page * PAGE, numberedPage(page));
    const held = cache.write(400 * PAGE, numberedPage(77));
    gate.open();
    await flush;
    await held;
    expect(await readBytes(cache, 400 * PAGE, PAGE)).toEqual(numberedPage(77));
  });

  it("to stretches of pages keep none from being written that lies between, in the end", async () => {
    const { cache, origin } = await opened(numbered(256), { memoryLimitBytes: 2 ** 23 });
    const isBad = (page: number) => page < 50 || (page >= 100 && page < 150) || page >= 206;
    origin.before = ({ kind, offset, length }) => {
      if (kind !== "write") return;
      for (let page = offset / PAGE; page < (offset + length) / PAGE; page++)
        if (isBad(page)) throw new PagefoldError("IO", "bad stretch");
    };
    await cache.write(0, numbered(256).fill(3));
    for (let tries = 0; tries < 8; tries++) await expect(cache.flush()).rejects.toThrow();
    const expected = numbered(256);
    for (let page = 0; page < 256; page++) {
      if (!isBad(page)) expected.fill(3, page * PAGE, (page + 1) * PAGE);
    }
    expect(differenceOf(origin.bytes, expected)).toBeNull();
    expect(cache.stats().dirty_bytes).toBe(150 * PAGE);
  });

  it("are few in each try where every one of them fails", async () => {
    const { cache, origin } = await opened(numbered(5000), { memoryLimitBytes: 2 ** 26 });
    origin.before = new Fault("write").before;
    await cache.write(0, numbered(1500).fill(3));
    await expect(cache.flush()).rejects.toThrow("bad sector");
    expect(origin.of("write").length).toBeLessThan(50);
    expect(cache.stats()).toMatchObject({ dirty_bytes: 1500 * PAGE, unsynced_bytes: 1500 * PAGE });
  });

  it("are tried again soon where the ones before went well at last", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { cache, origin } = await opened(numbered(50));
    const fault = new Fault("write");
    origin.before = fault.before;
    await cache.write(0, numberedPage(60));
    for (let tries = 0; tries < 9; tries++) await expect(cache.flush()).rejects.toThrow();
    fault.isOn = false;
    await cache.flush();
    fault.isOn = true;
    await cache.write(0, numberedPage(61));
    await expect(cache.flush()).rejects.toThrow();
    fault.isOn = false;
    await vi.advanceTimersByTimeAsync(150);
    expect(cache.stats().unsynced_bytes).toBe(0);
  });

  it("count as dirty while they are under way", async () => {
    const { cache, origin } = await opened(numbered(500), { memoryLimitBytes: 2 ** 23 });
    const gate = new Gate();
    origin.before = ({ kind }) => (kind === "write" ? gate.pass() : undefined);
    await cache.write(0, numbered(100).fill(1));
    const flush = cache.flush();
    await gate.reached();
    expect(cache.stats().dirty_bytes).toBe(100 * PAGE);
    await cache.write(0, numbered(10).fill(2));
    expect(cache.stats().dirty_bytes).toBe(100 * PAGE);
    gate.open();
    await flush;
    expect(cache.stats().dirty_bytes).toBe(10 * PAGE);
  });

  it("of one page hold up no page written later beyond flushSeconds", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { cache, origin } = await opened(numbered(50), { flushSeconds: 2 });
    origin.before = new Fault("write", 7).before;
    await cache.write(7 * PAGE, numberedPage(1));
    // Long enough that it is tried at the longest intervals.
    for (let second = 0; second < 100; second++) await vi.advanceTimersByTimeAsync(1000);
    await cache.write(20 * PAGE, numberedPage(60));
    for (let second = 0; second < 3; second++) await vi.advanceTimersByTimeAsync(1000);
    expect(cache.stats().dirty_bytes).toBe(PAGE);
    expect(differenceOf(origin.bytes.subarray(20 * PAGE, 21 * PAGE), numberedPage(60))).toBeNull();
  });

  it("beyond the bound are answered with EIO, those before it being kept", async () => {
    const { cache, origin } = await opened(numbered(500), { dirtyShare: 0.05 });
    const fault = new Fault("write");
    origin.before = fault.before;
    let failed = 0;
    for (let page = 0; page < 100; page++)
      await cache.write(page * PAGE, numberedPage(1000 + page)).catch((cause: PagefoldError) => {
        expect(cause.code).toBe("IO");
        failed += 1;
      });
    const kept = cache.stats().dirty_bytes / PAGE;
    expect(kept + failed).toBe(100);
    // Who is refused has nothing tried again before its time.
    expect(origin.of("write").length).toBeLessThan(60);
    expect(cache.stats().dirty_bytes).toBe(cache.stats().dirty_limit_bytes);
    expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(1000));
    expect(await readBytes(cache, 99 * PAGE, PAGE)).toEqual(numberedPage(99));
  });

  it("fail a write-through write, and what was cached of the page is put back", async () => {
    const { cache, origin, events } = await opened(numbered(50), { mode: "write-through" });
    await cache.write(0, numberedPage(1));
    await cache.flush();
    const { write } = origin;
    // Half of it lands.
    origin.write = async function torn(this: typeof origin, offset, source) {
      origin.write = write;
      await write.call(this, offset, source.subarray(0, PAGE / 2));
      throw new PagefoldError("IO", "torn");
    };
    await expect(cache.write(0, numberedPage(2))).rejects.toThrow("torn");
    expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(1));
    await cache.flush();
    expect(differenceOf(origin.bytes.subarray(0, PAGE), numberedPage(1))).toBeNull();
    expect(events.length).toBe(1);
  });

  it("refuse to close, say what is kept, and lose it only when told to", async () => {
    const { cache, origin } = await opened(numbered(50));
    const fault = new Fault("write");
    origin.before = fault.before;
    await cache.write(0, numberedPage(90));
    await expect(cache.close()).rejects.toThrow(
      /4096 bytes \(4\.0 KiB\).*are not durable.*abandon/,
    );
    expect(await readBytes(cache, 0, PAGE)).toEqual(numberedPage(90));
    await cache.close({ abandon: true });
    expect(origin.isClosed).toBe(true);
    expect(differenceOf(origin.bytes, numbered(50))).toBeNull();
  });

  it("are closed well once it works again", async () => {
    const { cache, origin } = await opened(numbered(50));
    const fault = new Fault("sync");
    origin.before = fault.before;
    await cache.write(0, numberedPage(90));
    await expect(cache.close()).rejects.toThrow("bad sector");
    fault.isOn = false;
    await cache.close();
    expect(differenceOf(origin.bytes.subarray(0, PAGE), numberedPage(90))).toBeNull();
  });
});

describe("a sync that fails", () => {
  it.each(["write-back", "write-through"] as const)(
    "has everything since the last one written again, since the disk may have lost it (%s)",
    async (mode) => {
      const origin = new ForgetfulOrigin(numbered(50));
      const cache = await openCache({ origin, mode, flushSeconds: 86_400 });
      await cache.write(3 * PAGE, numberedPage(70));
      origin.failsNext = true;
      await expect(cache.flush()).rejects.toThrow("the sync failed");
      await cache.flush();
      const expected = numbered(50);
      expected.set(numberedPage(70), 3 * PAGE);
      expect(differenceOf(origin.durable, expected)).toBeNull();
      await cache.close();
    },
  );

  it("keeps the page in the cache until then, however short memory is", async () => {
    const origin = new ForgetfulOrigin(numbered(3000));
    const cache = await openCache({ origin, memoryLimitBytes: 2 ** 18, flushSeconds: 86_400 });
    await cache.write(3 * PAGE, numberedPage(7000));
    origin.failsNext = true;
    await expect(cache.flush()).rejects.toThrow();
    await readBytes(cache, 1000 * PAGE, 2000 * PAGE);
    await cache.flush();
    const page = origin.durable.subarray(3 * PAGE, 4 * PAGE);
    expect(differenceOf(page, numberedPage(7000))).toBeNull();
    await cache.close();
  });
});

describe("an overflow log that fails", () => {
  async function onLog(mode: "clean" | "dirty") {
    const medium = new HookedMedium(new MemoryMedium({ sizeBytes: 2 ** 22 }));
    const bytes = new Uint8Array(200 * PAGE);
    new SeededRandom(1).fill(bytes);
    const { cache, origin } = await opened(bytes, {
      memoryLimitBytes: 2 ** 18,
      dirtyShare: 0.8,
      overflow: { medium, segmentBytes: 2 ** 16, promote: false },
    });
    if (mode === "dirty")
      await cache.write(
        0,
        bytes.slice(0, 20 * PAGE).map((byte) => ~byte),
      );
    for (let page = 20; page < 150; page++) await readBytes(cache, page * PAGE, PAGE);
    await cache.store.writeBack({ pages: [{ first: 0, last: 149 }] });
    expect(cache.exportStats().bd_count).toBeGreaterThan(40);
    medium.beforeRead = () => {
      throw new PagefoldError("IO", "the SSD is gone");
    };
    return { cache, origin, bytes };
  }

  it("costs nothing of pages the origin has", async () => {
    const { cache, bytes } = await onLog("clean");
    for (let page = 20; page < 150; page++) {
      const expected = bytes.slice(page * PAGE, (page + 1) * PAGE);
      expect(differenceOf(await readBytes(cache, page * PAGE, PAGE), expected)).toBeNull();
    }
  });

  it("fails reads and flushes of dirty pages it had, until they are written anew", async () => {
    const { cache, origin, bytes } = await onLog("dirty");
    await expect(readBytes(cache, 0, PAGE)).rejects.toMatchObject({ errno: "EIO" });
    await expect(cache.flush()).rejects.toThrow(/write them anew/);
    await cache.write(0, bytes.slice(0, 20 * PAGE).fill(9));
    await cache.flush();
    expect(origin.bytes.subarray(0, 20 * PAGE).every((byte) => byte === 9)).toBe(true);
  });
});
