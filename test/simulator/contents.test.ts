import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { Contents, ZERO_CONTENT } from "../../src/simulator/contents.ts";
import { MadePages } from "../../src/simulator/page-sources/made.ts";
import { changedAt, differenceOf, randomPage, samePage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";

const newContents = () => new Contents(new MadePages({ compressibility: 3 }));

function bytesOf(contents: Contents, content: number): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES).fill(0xaa);
  contents.bytesOf(content, page);
  return page;
}

describe("Contents", () => {
  it("gives equal numbers exactly for equal bytes, whichever way they come", () => {
    const random = new SeededRandom(testSeed("contents against a map of bytes"));
    const contents = newContents();
    /** By the page's bytes, its number; and back. */
    const numbers = new Map<string, number>();
    const pages = new Map<number, string>();
    const given: Uint8Array[] = [samePage(0), samePage(7, 9)];
    const learn = (content: number, page = bytesOf(contents, content)) => {
      const bytes = Buffer.from(page).toString("latin1");
      expect(numbers.get(bytes) ?? content).toBe(content);
      expect(pages.get(content) ?? bytes).toBe(bytes);
      numbers.set(bytes, content);
      pages.set(content, bytes);
    };
    const ways = [
      () => learn(contents.fresh()),
      () => {
        const first = contents.reserve(3);
        for (let content = first; content < first + 3; content++) learn(content);
      },
      () => learn(contents.image(`image ${random.below(5)}`, 4) + random.below(4)),
      () => {
        const low = random.below(2);
        const high = random.below(2);
        learn(contents.filled((BigInt(high) << 32n) | BigInt(low)), samePage(low, high));
      },
      () => {
        const page = given[random.below(given.length)]!;
        learn(contents.given(page), page);
      },
      () => {
        given.push(randomPage(random));
      },
      () => {
        given.push(changedAt(given[random.below(given.length)]!, random.below(PAGE_BYTES)));
      },
    ];
    for (let round = 0; round < 700; round++) ways[random.below(ways.length)]!();
    for (const [content, bytes] of pages) {
      const page = Buffer.from(bytes, "latin1");
      expect(differenceOf(bytesOf(contents, content), page)).toBeNull();
    }
  });

  it("knows the page of zeros as content 0", () => {
    const contents = newContents();
    expect(contents.filled(0n)).toBe(ZERO_CONTENT);
    expect(contents.given(new Uint8Array(PAGE_BYTES))).toBe(ZERO_CONTENT);
    expect(differenceOf(bytesOf(contents, ZERO_CONTENT), new Uint8Array(PAGE_BYTES))).toBeNull();
  });

  it("keeps an image where it was first asked for", () => {
    const contents = newContents();
    const first = contents.image("kernel", 100);
    expect(contents.image("other", 10)).toBe(first + 100);
    expect(contents.image("kernel", 100)).toBe(first);
    expect(contents.imagePages("kernel")).toBe(100);
    expect(contents.imagePages("nothing")).toBeUndefined();
  });

  it("keeps given bytes as they were, whatever becomes of the buffer", () => {
    const contents = newContents();
    const page = samePage(1);
    page[77] = 5;
    const before = page.slice();
    const content = contents.given(page);
    page.fill(9);
    expect(differenceOf(bytesOf(contents, content), before)).toBeNull();
  });

  it("takes pages that lie anywhere in a buffer", () => {
    const contents = newContents();
    const buffer = new Uint8Array(2 * PAGE_BYTES);
    const page = buffer.subarray(3, 3 + PAGE_BYTES);
    page.set(samePage(4, 5));
    const content = contents.given(page);
    expect(content).toBe(contents.filled((5n << 32n) | 4n));
    buffer.fill(0);
    contents.bytesOf(content, page);
    expect(differenceOf(page, samePage(4, 5))).toBeNull();
    expect(buffer[2]! + buffer[3 + PAGE_BYTES]!).toBe(0);
  });
});
