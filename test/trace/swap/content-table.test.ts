import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { ContentTable } from "../../../src/trace/swap/content-table.ts";
import { testSeed } from "../../support/seed.ts";

/** Digests that agree in all but a few bytes, so that they meet in the table. */
function digest(number: number): Buffer {
  const bytes = Buffer.alloc(32, 0x5a);
  bytes.writeUInt32LE(number, 12);
  bytes.writeUInt32LE(number % 7, 0);
  return bytes;
}

describe("ContentTable", () => {
  it("finds each digest under its first number, as a map does", () => {
    const random = new SeededRandom(testSeed("content table"));
    const table = new ContentTable();
    const map = new Map<number, number>();
    for (let number = 0; number < 20_000; number++) {
      const drawn = random.below(9000);
      const known = map.get(drawn) ?? number;
      map.set(drawn, known);
      expect(table.findOrAdd(digest(drawn), number)).toBe(known);
    }
  });

  it("forgets all with the first that is one too many, and goes on", () => {
    const table = new ContentTable(100);
    for (let number = 0; number < 100; number++) table.findOrAdd(digest(number), number);
    expect(table.findOrAdd(digest(5), 100)).toBe(5);
    expect(table.findOrAdd(digest(100), 100)).toBe(100);
    expect(table.findOrAdd(digest(5), 101)).toBe(101);
    expect(table.findOrAdd(digest(100), 102)).toBe(100);
  });
});
