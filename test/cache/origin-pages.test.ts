import { describe, expect, it } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";
import { OriginPages } from "../../src/cache/origin-pages.ts";
import { MemoryOrigin } from "../support/origins.ts";
import { differenceOf, numberedPage } from "../support/pages.ts";
import { numbered, PAGE } from "./opened.ts";

/** Ten pages and a bit, of which `sizeBytes` are served. */
function pagesOf(sizeBytes = 10 * PAGE + 700) {
  const origin = new MemoryOrigin(numbered(10, 700));
  const events: string[] = [];
  const onEvent = (line: string) => events.push(line);
  const openedBytes = origin.bytes.length;
  return { pages: new OriginPages({ origin, sizeBytes, openedBytes, onEvent }), origin, events };
}

function fails(origin: MemoryOrigin, cause: unknown = new PagefoldError("IO", "bad sector")): void {
  origin.before = () => {
    throw cause;
  };
}

describe("OriginPages", () => {
  it("reads zeros beyond the end of the last page", async () => {
    const { pages } = pagesOf();
    const target = new Uint8Array(2 * PAGE).fill(0xee);
    await pages.read(9, target);
    expect(
      differenceOf(target.subarray(0, PAGE + 700), numbered(10, 700).slice(9 * PAGE)),
    ).toBeNull();
    expect(target.subarray(PAGE + 700).every((byte) => byte === 0)).toBe(true);
    expect(pages.readBytes).toBe(PAGE + 700);
  });

  it("reads and writes nothing beyond what is served, though there is more", async () => {
    const { pages, origin } = pagesOf(5000);
    expect(pages.pages).toBe(2);
    await pages.write(1, new Uint8Array(PAGE).fill(9));
    await pages.read(0, new Uint8Array(2 * PAGE));
    expect(origin.calls.map(({ offset, length }) => [offset, length])).toEqual([
      [PAGE, 904],
      [0, 5000],
    ]);
    expect(differenceOf(origin.bytes, numbered(10, 700).fill(9, PAGE, 5000))).toBeNull();
  });

  it("counts calls, bytes and failures apart", async () => {
    const { pages, origin } = pagesOf();
    await pages.read(0, new Uint8Array(3 * PAGE));
    await pages.write(10, numberedPage(1));
    await pages.sync();
    fails(origin);
    await expect(pages.read(0, new Uint8Array(PAGE))).rejects.toThrow();
    await expect(pages.write(0, numberedPage(1))).rejects.toThrow();
    await expect(pages.sync()).rejects.toThrow();
    const { reads, readBytes, writes, writtenBytes, syncs } = pages;
    expect({ reads, readBytes, writes, writtenBytes, syncs }).toEqual({
      reads: 1,
      readBytes: 3 * PAGE,
      writes: 1,
      writtenBytes: 700,
      syncs: 1,
    });
    const { failedReads, failedWrites, failedSyncs } = pages;
    expect([failedReads, failedWrites, failedSyncs]).toEqual([1, 1, 1]);
  });

  it("makes an IO error of whatever the origin throws", async () => {
    const { pages, origin } = pagesOf();
    fails(origin, new Error("surprise"));
    for (const call of [
      () => pages.read(0, new Uint8Array(PAGE)),
      () => pages.write(0, numberedPage(1)),
      () => pages.sync(),
    ])
      await expect(call()).rejects.toMatchObject({ code: "IO", message: /surprise/ });
  });

  it("tells of the first failure of its kind alone", () => {
    const { pages, events } = pagesOf();
    const failure = new PagefoldError("IO", "bad sector");
    for (const kind of ["reads", "reads", "writes", "reads", "writes"] as const)
      expect(pages.tellOnce(kind, failure)).toBe(failure);
    expect(events.length).toBe(2);
    expect(events[0]).toMatch(/bad sector.*further failed reads are counted/);
    expect(events[1]).toMatch(/bad sector.*further failed writes are counted/);
  });

  it("tells of each change of the size once, and of its end", async () => {
    const { pages, origin, events } = pagesOf();
    const { bytes } = origin;
    for (const now of [bytes, bytes.slice(0, 100), bytes, new Uint8Array(2 * bytes.length)]) {
      origin.bytes = now;
      for (let look = 0; look < 3; look++) await pages.checkSize();
    }
    expect(events.length).toBe(3);
    expect(events[0]).toMatch(/made shorter underneath, 100 bytes instead of 41660.*EIO/);
    expect(events[1]).toMatch(/has 41660 bytes again/);
    expect(events[2]).toMatch(/grown underneath, 83320 bytes instead of 41660.*open it anew/);
  });

  it("is not troubled by an origin that does not tell its size", async () => {
    const { pages, origin, events } = pagesOf();
    origin.sizeBytes = () => {
      throw new Error("not now");
    };
    await pages.checkSize();
    expect(events).toEqual([]);
  });
});
