/**
 * A periodic page daemon, after a project for FreeBSD (Witaszczyk, 2015): like the daemons that page and swap, it
 * wakes by the clock and looks at some pages. It merges duplicates, page tables first, and when memory runs short it
 * compresses, in memory, what compresses well and was not touched lately, before anything has to be swapped.
 *
 * Holds always: a page is merged only if it did not change between two looks, and only with a frame that holds the same
 * now. What was compressed comes back by itself when a guest touches it.
 */

import { z } from "zod";
import { ZERO_CONTENT } from "../contents.ts";
import { COSTS } from "../memory/costs.ts";
import type { Host } from "../memory/host.ts";
import { PAGE_CLASS } from "../page-classes.ts";
import { ContentTable, NO_FRAME } from "./content-table.ts";
import { emptyTally, type Scanner, type ScannerKind } from "./scanner.ts";

const parameters = z.strictObject({
  period_seconds: z.number().min(0.001).default(1).describe("how often it wakes"),
  pages_per_run: z
    .int()
    .min(1)
    .default(5000)
    .describe(
      "the most pages it looks at each time for duplicates, and frames it may then compress",
    ),
  page_tables: z
    .boolean()
    .default(true)
    .describe("whether page tables are merged too, and then before all else"),
  free_share: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe("it compresses while less than this share of memory is free"),
  untouched_seconds: z
    .number()
    .min(0)
    .default(30)
    .describe("how long a frame must have been untouched to be compressed"),
});

type Parameters = z.infer<typeof parameters>;

const NO_CONTENT = -1;
/** A pass looks at page tables first, then at all else. */
const PAGE_TABLES = 0;
const ALL_ELSE = 1;

class Daemon implements Scanner {
  readonly tally = emptyTally();
  onPass?: (() => void) | null;
  readonly #host: Host;
  readonly #parameters: Parameters;
  readonly #table: ContentTable;
  /** By page: what it held when it was looked at last. */
  readonly #contentOf: Int32Array;
  /** By frame: when it was found touched last; and what did not compress well, so that it is not tried again. */
  readonly #touchedSeconds: Float64Array;
  readonly #refusedOf: Int32Array;
  #part: typeof PAGE_TABLES | typeof ALL_ELSE;
  #nextPage = 0;
  #nextFrame = 0;
  #nowSeconds = 0;
  #spentSeconds = 0;
  #passes = 0;
  #changing = 0;
  #pageTablesMerged = 0;
  #compressed = 0;
  #refused = 0;

  constructor(host: Host, options: Parameters) {
    this.#host = host;
    this.#parameters = options;
    this.#table = new ContentTable(host);
    this.#contentOf = new Int32Array(host.pages).fill(NO_CONTENT);
    this.#touchedSeconds = new Float64Array(host.frames.count);
    this.#refusedOf = new Int32Array(host.frames.count).fill(NO_CONTENT);
    this.#part = options.page_tables ? PAGE_TABLES : ALL_ELSE;
  }

  wake(nowSeconds: number): number {
    this.#nowSeconds = nowSeconds;
    this.#spentSeconds = 0;
    this.#mergeSome();
    if (this.#host.compressed.length > 0) this.#compressSome();
    this.#host.cpu.chargeScanner(this.#spentSeconds);
    return nowSeconds + this.#parameters.period_seconds;
  }

  /** Looks at some pages for duplicates, at none of them twice. */
  #mergeSome(): void {
    const { page_tables, pages_per_run } = this.#parameters;
    const { pages } = this.#host;
    const most = this.tally.visits + pages_per_run;
    for (let left = (page_tables ? 2 : 1) * pages; left > 0; left--) {
      this.#visit(this.#nextPage++);
      if (this.#nextPage === pages) this.#endPart();
      if (this.tally.visits === most) return;
    }
  }

  #endPart(): void {
    this.#nextPage = 0;
    if (this.#part === PAGE_TABLES) {
      this.#part = ALL_ELSE;
      return;
    }
    if (this.#parameters.page_tables) this.#part = PAGE_TABLES;
    this.#passes += 1;
    this.onPass?.();
  }

  #visit(page: number): void {
    const host = this.#host;
    const frame = host.frameOf[page]!;
    if (frame < 0 || host.isZeroFrame(frame)) return;
    const isPageTable = host.classOf[page] === PAGE_CLASS.pageTable;
    if (isPageTable !== (this.#part === PAGE_TABLES)) return;
    this.#spentSeconds += COSTS.followSeconds;
    this.#noteTouch(frame);
    const content = host.contentOf[frame]!;
    const domain = host.domainOf(page);
    if (host.isMerged(frame) && this.#table.isListed(frame, domain, content)) return;
    this.tally.visits += 1;
    this.#spentSeconds += COSTS.checksumSeconds;
    if (this.#contentOf[page] !== content) {
      this.#contentOf[page] = content;
      this.#changing += 1;
      return;
    }
    this.#spentSeconds += COSTS.compareSeconds;
    const target = content === ZERO_CONTENT ? domain : this.#table.find(domain, content);
    if (target === NO_FRAME) this.#table.add(frame, domain, content);
    else if (target !== frame) this.#merge(page, target);
  }

  #merge(page: number, target: number): void {
    const host = this.#host;
    this.#spentSeconds += COSTS.mergeSeconds;
    this.tally.merges += 1;
    if (host.isZeroFrame(target)) this.tally.zeroMerges += 1;
    if (host.classOf[page] === PAGE_CLASS.pageTable) this.#pageTablesMerged += 1;
    host.merge(page, target);
  }

  #noteTouch(frame: number): void {
    if (this.#host.frames.wasTouched(frame)) this.#touchedSeconds[frame] = this.#nowSeconds;
  }

  /** While memory is short, goes round the frames and compresses those long untouched. */
  #compressSome(): void {
    const { frames, mappingsOf } = this.#host;
    let looks = this.#parameters.pages_per_run;
    for (let left = frames.count; left > 0 && looks > 0 && this.#isShort(); left--) {
      const frame = this.#nextFrame;
      this.#nextFrame = (frame + 1) % frames.count;
      if (mappingsOf[frame] === 0 || frames.isZeroFrame(frame)) continue;
      looks -= 1;
      this.#spentSeconds += COSTS.followSeconds;
      this.#noteTouch(frame);
      const untouchedSeconds = this.#nowSeconds - this.#touchedSeconds[frame]!;
      if (untouchedSeconds >= this.#parameters.untouched_seconds) this.#compress(frame);
    }
  }

  #isShort(): boolean {
    const { frames, memoryTakenFrames } = this.#host;
    const all = frames.count - frames.zeroFrames;
    return frames.free - memoryTakenFrames < this.#parameters.free_share * all;
  }

  #compress(frame: number): void {
    const host = this.#host;
    const content = host.contentOf[frame]!;
    if (this.#refusedOf[frame] === content) return;
    const page = host.frames.firstPageOf[frame]!;
    if (host.compressed[host.domainOf(page)]!.budget.left === 0) return;
    const pages = host.mappingsOf[frame]!;
    this.#spentSeconds += COSTS.swapOutSeconds;
    if (host.compress(page)) {
      this.#compressed += pages;
    } else {
      this.#refusedOf[frame] = content;
      this.#refused += 1;
    }
  }

  figures(): Readonly<Record<string, number>> {
    return {
      pages_scanned: this.tally.visits,
      full_scans: this.#passes,
      pages_changing: this.#changing,
      page_tables_merged: this.#pageTablesMerged,
      pages_compressed: this.#compressed,
      frames_not_compressed: this.#refused,
    };
  }
}

export const daemon: ScannerKind<Parameters> = {
  kind: "daemon",
  summary:
    "a periodic daemon: merges duplicates, page tables first, then compresses when memory is short",
  parameters,
  create: (options) => new Daemon(options.host, options.parameters),
};
