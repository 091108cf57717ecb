/**
 * A repeatable sample of pages: neighbours stay together in runs of 16, and the runs taken lie evenly over the whole
 * input, the first one included. No chance is involved: the same input and percentage give the same pages.
 *
 * A sample finds fewer duplicates than there are, since both pages of a pair have to be in it.
 */

import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";

export const SAMPLE_RUN_PAGES = 16;

/**
 * The percentage in `10%` or `0.5`.
 * @throws PagefoldError INVALID_ARGUMENT for what is no number above 0 and up to 100.
 */
export function parsePercent(text: string): number {
  const percent = /^\d+(\.\d+)?%?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (!(percent > 0 && percent <= 100)) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `"${text}" is not a sample: give a percentage above 0 and up to 100, such as 10%`,
    );
  }
  return percent;
}

/** The rule in words, for the report. */
export function sampleRule(percent: number): string {
  return `run r of ${SAMPLE_RUN_PAGES} pages is taken where ceil((r + 1) x ${percent} / 100) > ceil(r x ${percent} / 100)`;
}

/** Takes the sample from batches as they come, moving its pages together within each batch. */
export class Sampler {
  readonly #percent: number;
  #pagesSeen = 0;

  constructor(percent: number) {
    this.#percent = percent;
  }

  /** Pages seen so far, taken or not. */
  get pagesSeen(): number {
    return this.#pagesSeen;
  }

  /** The pages of the next `batch` that belong to the sample: a view of the batch, which is overwritten for it. */
  take(batch: Uint8Array): Uint8Array {
    const pages = batch.length / PAGE_BYTES;
    if (this.#percent === 100) {
      this.#pagesSeen += pages;
      return batch;
    }
    let taken = 0;
    for (let page = 0; page < pages; page++) {
      if (this.#isTaken(Math.floor((this.#pagesSeen + page) / SAMPLE_RUN_PAGES))) {
        batch.copyWithin(taken * PAGE_BYTES, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
        taken += 1;
      }
    }
    this.#pagesSeen += pages;
    return batch.subarray(0, taken * PAGE_BYTES);
  }

  #isTaken(run: number): boolean {
    const before = Math.ceil((run * this.#percent) / 100);
    return Math.ceil(((run + 1) * this.#percent) / 100) > before;
  }
}
