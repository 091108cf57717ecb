import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getCodec } from "../../codecs/registry.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import type { PageSource } from "../../src/simulator/contents.ts";
import { loadCorpus } from "../../src/simulator/page-sources/corpus.ts";
import { MadePages } from "../../src/simulator/page-sources/made.ts";
import { fixtureNames, fixturePageList } from "../support/fixtures.ts";
import { differenceOf, prefixPage, samePage } from "../support/pages.ts";
import { testSeed } from "../support/seed.ts";

const codec = getCodec("lz4");
const compressed = new Uint8Array(2 * PAGE_BYTES);

/** What LZ4 makes of a page: the whole page where that does not pay. */
function lengthOf(page: Uint8Array): number {
  const length = codec.compress(page, compressed);
  return length === 0 ? PAGE_BYTES : Math.min(PAGE_BYTES, length);
}

function pageOf(source: PageSource, content: number): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES).fill(0xaa);
  source.fill(content, page);
  return page;
}

/** How many of `contents` contents from `first` on are different pages. */
function countDifferent(source: PageSource, first: number, contents: number): number {
  const page = Buffer.alloc(PAGE_BYTES);
  const known = new Set<string>();
  for (let content = first; content < first + contents; content++) {
    source.fill(content, page);
    known.add(page.toString("latin1", 0, 8) + page.toString("latin1", PAGE_BYTES - 8));
  }
  return known.size;
}

describe("MadePages", () => {
  it.each([1, 1.2, 1.5, 2, 3, 4, 6, 8])(
    "compress %d times with lz4, within a twentieth",
    (asked) => {
      const source = new MadePages({ compressibility: asked });
      const first = testSeed("made pages");
      const pages = 4000;
      const lengths = Array.from({ length: pages }, (_, index) =>
        lengthOf(pageOf(source, (first + index) % 2 ** 31)),
      );
      const mean = lengths.reduce((sum, length) => sum + length, 0) / pages;
      const ratio = PAGE_BYTES / mean;
      // The mean of so many pages is off by 0.5 % at one sigma: lengths are even within half the mean on both sides.
      expect(Math.abs(ratio / asked - 1)).toBeLessThan(0.05);
      if (asked === 1) return;
      const deviation = Math.sqrt(
        lengths.reduce((sum, length) => sum + (length - mean) ** 2, 0) / pages,
      );
      const widest = Math.min(mean / 2, PAGE_BYTES - mean);
      expect(deviation / (widest / Math.sqrt(3))).toBeGreaterThan(0.8);
      expect(deviation / (widest / Math.sqrt(3))).toBeLessThan(1.2);
    },
  );

  it("do not compress at all at 1", () => {
    const source = new MadePages({ compressibility: 1 });
    for (let content = 1; content < 200; content++) {
      expect(lengthOf(pageOf(source, content))).toBe(PAGE_BYTES);
    }
  });

  it("depend on their number alone, and fill the whole target", () => {
    const source = new MadePages({ compressibility: 3 });
    const again = new MadePages({ compressibility: 3 });
    const page = pageOf(source, 12_345);
    for (let content = 1; content < 50; content++) pageOf(source, content);
    expect(differenceOf(pageOf(source, 12_345), page)).toBeNull();
    expect(differenceOf(pageOf(again, 12_345), page)).toBeNull();
  });

  it("differ for different numbers", () => {
    const source = new MadePages({ compressibility: 20 });
    expect(countDifferent(source, 1, 100_000)).toBe(100_000);
    expect(countDifferent(source, 2 ** 31 - 50_000, 50_000)).toBe(50_000);
  });

  it.each([0.99, 0, -1, 21, Number.NaN])("refuse compressibility %d with the limits", (wrong) => {
    expect(() => new MadePages({ compressibility: wrong })).toThrow(
      expect.objectContaining({
        code: "INVALID_ARGUMENT",
        message: `compressibility cannot be ${wrong}: give bytes in / bytes out, from 1 to 20`,
      }),
    );
  });
});

describe("loadCorpus", () => {
  let folder: string;
  const paths = fixtureNames().map((name) =>
    fileURLToPath(new URL(`../../fixtures/${name}.pages.gz`, import.meta.url)),
  );

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "pagefold-corpus-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function write(name: string, pages: readonly Uint8Array[]): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, Buffer.concat(pages));
    return path;
  }

  it("gives pages that compress as the corpus does, within 3 %", async () => {
    const source = await loadCorpus(paths);
    let corpusBytes = 0;
    let corpusPages = 0;
    for (const name of fixtureNames()) {
      for (const page of fixturePageList(name)) {
        if (page.every((byte, index) => byte === page[index % 8])) continue;
        corpusBytes += lengthOf(page);
        corpusPages += 1;
      }
    }
    const contents = 50_000;
    const first = testSeed("contents of a corpus");
    let bytes = 0;
    for (let index = 0; index < contents; index++) {
      bytes += lengthOf(pageOf(source, (first + index) % 2 ** 31));
    }
    expect(Math.abs(bytes / contents / (corpusBytes / corpusPages) - 1)).toBeLessThan(0.03);
  });

  it("gives different pages for 100,000 numbers", async () => {
    const source = await loadCorpus(paths);
    expect(countDifferent(source, 1, 100_000)).toBe(100_000);
  });

  it("gives pages that are the corpus' but for four bytes, which LZ4 stores as any other", async () => {
    const seed = testSeed("stamps");
    const page = prefixPage(new SeededRandom(seed), 1000);
    const source = await loadCorpus([await write("one", [page])]);
    for (const content of [1, 255, 256, 65_536, 2 ** 24, 2 ** 31 - 1]) {
      const stamped = pageOf(source, content);
      expect(differenceOf(stamped.subarray(0, -4), page.subarray(0, -4))).toBeNull();
      expect(Buffer.from(stamped).readUInt32LE(PAGE_BYTES - 4)).toBe(content);
      expect(lengthOf(stamped)).toBe(lengthOf(page));
    }
  });

  it("takes every page about equally often", async () => {
    const marks = Array.from({ length: 600 }, (_, mark) => {
      const page = new Uint8Array(PAGE_BYTES);
      new DataView(page.buffer).setUint32(0, mark + 1, true);
      return page;
    });
    const source = await loadCorpus([await write("marks", marks)]);
    const counts = new Float64Array(marks.length);
    const draws = 60_000;
    const page = Buffer.alloc(PAGE_BYTES);
    for (let content = 1; content <= draws; content++) {
      source.fill(content, page);
      counts[page.readUInt32LE(0) - 1]! += 1;
    }
    // Chi-squared over 599 degrees of freedom: mean 599, standard deviation 34.6.
    const expected = draws / marks.length;
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(Math.abs(chiSquared - 599) / 34.6).toBeLessThan(5);
  });

  it("leaves out pages that are same-filled, or could be with another stamp", async () => {
    const nearly = samePage(3, 4);
    nearly[PAGE_BYTES - 1] = 77;
    const real = samePage(3, 4);
    real[PAGE_BYTES - 5]! ^= 1;
    const path = await write("filled", [samePage(0), samePage(3, 4), nearly, real]);
    const source = await loadCorpus([path]);
    for (let content = 1; content < 100; content++) {
      const page = pageOf(source, content);
      expect(differenceOf(page.subarray(0, -4), real.subarray(0, -4))).toBeNull();
    }
  });

  it("refuses a corpus without any other page, by its names", async () => {
    const path = await write("zeros", [samePage(0), samePage(0)]);
    await expect(loadCorpus([path])).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(path),
    });
  });

  it("refuses a file that is missing, by its name", async () => {
    const missing = join(folder, "missing.pages.gz");
    await expect(loadCorpus([...paths, missing])).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining(`${missing} cannot be read`),
    });
  });
});
