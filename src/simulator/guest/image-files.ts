/**
 * A long run of a guest image's contents, in files of equal length: guests of the image that have parts of different
 * length have the same as far as both go.
 */

import { PagefoldError } from "../../base/errors.ts";
import type { PageClass } from "../page-classes.ts";
import type { Guest } from "./guest.ts";

/** 256 GiB. */
const MOST_PAGES = 2 ** 26;

export class ImageFiles {
  readonly pages: number;
  readonly #guest: Guest;
  readonly #filePages: number;
  readonly #files: readonly number[];

  /** The first `pages` pages of what goes by that name. @throws PagefoldError INVALID_ARGUMENT where it is too long. */
  constructor(
    guest: Guest,
    options: { readonly name: string; readonly pages: number; readonly filePages: number },
  ) {
    const { name, pages, filePages } = options;
    if (pages > MOST_PAGES) {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        `guest "${guest.name}" cannot have ${pages} pages of files "${name}", at most ${MOST_PAGES}: give a smaller share or fewer of them in its workload`,
      );
    }
    this.pages = pages;
    this.#guest = guest;
    this.#filePages = filePages;
    this.#files = Array.from({ length: Math.ceil(pages / filePages) }, (_, file) =>
      guest.file(`${name} ${file}`, filePages),
    );
  }

  /** Page `index`, by its content. */
  contentOf(index: number): number {
    return this.#files[Math.floor(index / this.#filePages)]! + (index % this.#filePages);
  }

  /** Reads page `index` as `Guest.fileRead` does. */
  read(index: number, pageClass: PageClass): number {
    return this.#guest.fileRead(this.contentOf(index), 0, pageClass);
  }
}
