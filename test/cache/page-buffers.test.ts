import { describe, expect, it } from "vitest";
import { PageBuffers } from "../../src/cache/page-buffers.ts";
import { PAGE } from "./opened.ts";

describe("PageBuffers", () => {
  it("gives room for any number of pages, to one at a time", () => {
    const buffers = new PageBuffers();
    const taken = [1, 2, 3, 7, 8, 255, 256, 256, 3].map((count) => {
      const buffer = buffers.take(count);
      expect(buffer.length).toBe(count * PAGE);
      return buffer.buffer;
    });
    expect(new Set(taken).size).toBe(taken.length);
  });

  it("gives again what was given back, for other numbers of the same power of two", () => {
    const buffers = new PageBuffers();
    const first = buffers.take(5);
    buffers.giveBack(first);
    const second = buffers.take(8);
    expect(second.buffer).toBe(first.buffer);
    expect(second.length).toBe(8 * PAGE);
    expect(buffers.take(6).buffer).not.toBe(first.buffer);
    expect(buffers.take(4).buffer).not.toBe(first.buffer);
  });

  it("keeps a few of each size", () => {
    const buffers = new PageBuffers();
    const many = Array.from({ length: 20 }, () => buffers.take(16));
    for (const buffer of many) buffers.giveBack(buffer);
    const known = new Set(many.map(({ buffer }) => buffer));
    const again = Array.from({ length: 20 }, () => buffers.take(16).buffer);
    expect(again.filter((buffer) => known.has(buffer)).length).toBe(4);
  });
});
