/** Programs and libraries of a guest's image: files, read through the page cache, that its guests have alike. */

import { PAGE_CLASS } from "../page-classes.ts";
import { type Guest, NO_PAGE } from "./guest.ts";
import { ImageFiles } from "./image-files.ts";

/** A library of middling size. */
const FILE_PAGES = 256;

export class Programs {
  readonly pages: number;
  readonly #files: ImageFiles;

  /** The first `pages` pages of what the image has. */
  constructor(guest: Guest, pages: number) {
    this.pages = pages;
    this.#files = new ImageFiles(guest, { name: "program", pages, filePages: FILE_PAGES });
  }

  /** Uses one page: whether there was memory for it. @throws PagefoldError NO_SPACE of the host. */
  read(index: number): boolean {
    return this.#files.read(index, PAGE_CLASS.program) !== NO_PAGE;
  }

  /** Runs them: every page is used once. @throws PagefoldError NO_SPACE of the host. */
  readAll(): void {
    for (let index = 0; index < this.pages; index++) this.read(index);
  }
}
