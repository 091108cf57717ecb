/**
 * What a guest has in memory when it is up: kernel, page tables, programs, and what earlier work left in pages that are
 * free again. Goes in as many pages at a time as asked, so that guests can boot in a moment or over time.
 *
 * Holds always: guests of one image, whatever their sizes, have the same kernel and programs as far as both have them.
 */

import { PAGE_CLASS } from "../page-classes.ts";
import { type Guest, NO_PAGE } from "./guest.ts";
import { ImageFiles } from "./image-files.ts";
import { Programs } from "./programs.ts";

/** Parts of the guest's memory, from 0 to 1. */
export interface BootPlan {
  /** Kernel text and static data. */
  readonly kernelShare: number;
  readonly pageTableShare: number;
  /** Programs and libraries in use. */
  readonly programShare: number;
  /** Of the pages that are free then, those that hold what was in them before. */
  readonly remainsShare: number;
}

/** Kernels come in pieces of that many pages, so that guests of any size share what both have. */
const PIECE_PAGES = 1024;
/** Page tables of the kernel's map of all memory are alike where guests' memories are; those of programs are not. */
const EQUAL_PAGE_TABLES = 0.5;

export class Boot {
  readonly #guest: Guest;
  readonly #programs: Programs;
  readonly #kernel: ImageFiles;
  readonly #tables: ImageFiles;
  /** How many pages kernel, page tables and programs are, in this order; remains not counted. */
  readonly pages: number;
  readonly #tablesEnd: number;
  readonly #remainsShare: number;
  #done = 0;
  #isOver = false;

  constructor(guest: Guest, plan: BootPlan) {
    const { kernelShare, pageTableShare, programShare, remainsShare } = plan;
    this.#guest = guest;
    this.#kernel = new ImageFiles(guest, {
      name: "kernel",
      pages: Math.round(kernelShare * guest.pages),
      filePages: PIECE_PAGES,
    });
    this.#tables = new ImageFiles(guest, {
      name: `tables of ${guest.pages} pages`,
      pages: Math.round(pageTableShare * guest.pages),
      filePages: PIECE_PAGES,
    });
    this.#programs = new Programs(guest, Math.round(programShare * guest.pages));
    this.#tablesEnd = this.#kernel.pages + this.#tables.pages;
    this.pages = this.#tablesEnd + this.#programs.pages;
    this.#remainsShare = remainsShare;
  }

  /**
   * Puts in what is not in yet of the first `pages` pages, and after the last the remains. @throws PagefoldError
   * NO_SPACE.
   */
  advanceTo(pages: number): void {
    if (this.#isOver) return;
    for (; this.#done < Math.min(this.pages, pages); this.#done++) {
      if (!this.#putIn(this.#done)) this.#done = this.pages;
    }
    if (this.#done < this.pages) return;
    this.#isOver = true;
    this.#leaveRemains();
  }

  /** Whether there was memory for it. */
  #putIn(index: number): boolean {
    if (index >= this.#tablesEnd) return this.#programs.read(index - this.#tablesEnd);
    const guest = this.#guest;
    const isKernel = index < this.#kernel.pages;
    const page = guest.allocate(isKernel ? PAGE_CLASS.kernel : PAGE_CLASS.pageTable);
    if (page === NO_PAGE) return false;
    const content = isKernel
      ? this.#kernel.contentOf(index)
      : this.#tableContent(index - this.#kernel.pages);
    guest.write(page, content);
    return true;
  }

  #tableContent(index: number): number {
    const isEqual = index < EQUAL_PAGE_TABLES * this.#tables.pages;
    return isEqual ? this.#tables.contentOf(index) : this.#guest.contents.fresh();
  }

  /** Used once and freed, in an order that leaves the list of free pages as it was. */
  #leaveRemains(): void {
    const guest = this.#guest;
    const pages = Math.round(this.#remainsShare * guest.freePages);
    const used = new Int32Array(pages);
    const first = guest.contents.reserve(pages);
    for (let index = 0; index < pages; index++) {
      used[index] = guest.allocate(PAGE_CLASS.anonymous);
      guest.write(used[index]!, first + index);
    }
    for (let index = pages - 1; index >= 0; index--) guest.free(used[index]!);
  }
}
