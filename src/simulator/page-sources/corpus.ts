/**
 * Pages of a corpus, kept in memory: each content takes one of them and has its number stamped in, over the last four
 * bytes. LZ4 has the last five bytes of a block as they are, whatever they are, so there the stamp costs nothing.
 *
 * Holds always: no two numbers give equal pages, since all have their number in one place; and none is same-filled.
 */

import { PagefoldError } from "../../base/errors.ts";
import { formatSize, PAGE_BYTES } from "../../base/units.ts";
import { readPageFiles } from "../../trace/page-file.ts";
import type { PageSource } from "../contents.ts";
import { scramble } from "./scramble.ts";

const WORD_BYTES = 8;
const STAMP_OFFSET = PAGE_BYTES - 4;
const BLOCK_PAGES = 256;
const MOST_PAGES = 2 ** 18;

class CorpusPages implements PageSource {
  readonly #blocks: readonly Buffer[];
  readonly #pages: number;

  constructor(blocks: readonly Buffer[], pages: number) {
    this.#blocks = blocks;
    this.#pages = pages;
  }

  fill(content: number, target: Uint8Array): void {
    const page = scramble(content) % this.#pages;
    const offset = (page % BLOCK_PAGES) * PAGE_BYTES;
    this.#blocks[Math.floor(page / BLOCK_PAGES)]!.copy(target, 0, offset, offset + PAGE_BYTES);
    target[STAMP_OFFSET] = content;
    target[STAMP_OFFSET + 1] = content >>> 8;
    target[STAMP_OFFSET + 2] = content >>> 16;
    target[STAMP_OFFSET + 3] = content >>> 24;
  }
}

/** Whether all words of the page are equal, or could be with another stamp. */
function isNearlyFilled(page: Buffer): boolean {
  return page.compare(page, WORD_BYTES, STAMP_OFFSET, 0, STAMP_OFFSET - WORD_BYTES) === 0;
}

/**
 * The pages of `paths`, page files gzipped or not, less those that are same-filled.
 * @throws PagefoldError as `readPageFiles`, and NO_SPACE where they are too many to keep in memory.
 */
export async function loadCorpus(paths: readonly string[]): Promise<PageSource> {
  const blocks: Buffer[] = [];
  let pages = 0;
  let path = "";
  const onProgress = (progress: { readonly path: string }) => {
    path = progress.path;
  };
  for await (const batch of readPageFiles(paths, { batchPages: BLOCK_PAGES, onProgress })) {
    for (let offset = 0; offset < batch.length; offset += PAGE_BYTES) {
      const page = Buffer.from(batch.buffer, batch.byteOffset + offset, PAGE_BYTES);
      if (isNearlyFilled(page)) continue;
      if (pages === MOST_PAGES) throw tooLarge(path);
      if (pages % BLOCK_PAGES === 0) blocks.push(Buffer.allocUnsafe(BLOCK_PAGES * PAGE_BYTES));
      page.copy(blocks.at(-1)!, (pages % BLOCK_PAGES) * PAGE_BYTES);
      pages += 1;
    }
  }
  if (pages === 0) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `the corpus ${paths.join(", ")} has no page that is not same-filled, and needs at least one; name a file captured from a guest at work`,
    );
  }
  return new CorpusPages(blocks, pages);
}

function tooLarge(path: string): PagefoldError {
  const most = formatSize(MOST_PAGES * PAGE_BYTES);
  return new PagefoldError(
    "NO_SPACE",
    `${path} brings the corpus over ${most}, and all of it is kept in memory; name fewer or smaller files`,
  );
}
