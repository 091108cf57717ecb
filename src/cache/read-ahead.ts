/**
 * Finds reads that go through the origin in order, several side by side, and says which pages to read before they are
 * asked for: from the third read of a stream on, twice as many each time up to a bound. Allocates nothing for a read.
 */

const STREAMS = 8;
/** Reads in a row that make a stream. */
const ENOUGH = 3;
const FIRST_PAGES = 8;
/** A stream may leave out so many pages, and reads that come late may lie so far behind. */
const SKIP_PAGES = 8;
const BEHIND_PAGES = 64;

export class ReadAhead {
  readonly #mostPages: number;
  readonly #pages: number;
  /** By stream: the page behind its last read, its reads in a row, the end of what was read ahead, how much next. */
  readonly #next = new Float64Array(STREAMS).fill(-1);
  readonly #reads = new Uint32Array(STREAMS);
  readonly #aheadEnd = new Float64Array(STREAMS);
  readonly #window = new Uint32Array(STREAMS);
  readonly #usedAt = new Float64Array(STREAMS);
  #now = 0;
  /** What to read ahead, when `note` says so. */
  first = 0;
  count = 0;

  /** For an origin of `pages`; `mostPages` at a time. */
  constructor(options: { readonly pages: number; readonly mostPages: number }) {
    this.#pages = options.pages;
    this.#mostPages = options.mostPages;
  }

  /** Notes a read from page `first` to below `end`: whether `count` pages from `first` on are to be read ahead. */
  note(first: number, end: number): boolean {
    this.#now += 1;
    let oldest = 0;
    for (let stream = 0; stream < STREAMS; stream++) {
      const next = this.#next[stream]!;
      if (next >= 0 && first >= next - BEHIND_PAGES && first <= next + SKIP_PAGES) {
        this.#usedAt[stream] = this.#now;
        return end > next && first >= next - 1 && this.#goOn(stream, end);
      }
      if (this.#usedAt[stream]! < this.#usedAt[oldest]!) oldest = stream;
    }
    this.#usedAt[oldest] = this.#now;
    this.#next[oldest] = end;
    this.#reads[oldest] = 1;
    this.#aheadEnd[oldest] = end;
    this.#window[oldest] = Math.min(FIRST_PAGES, this.#mostPages);
    return false;
  }

  #goOn(stream: number, end: number): boolean {
    this.#next[stream] = end;
    const reads = this.#reads[stream]! + 1;
    this.#reads[stream] = reads;
    if (reads < ENOUGH) return false;
    const window = this.#window[stream]!;
    const aheadEnd = Math.max(end, this.#aheadEnd[stream]!);
    if (aheadEnd - end > window / 2) return false;
    this.first = aheadEnd;
    this.count = Math.min(window, this.#pages - aheadEnd);
    this.#aheadEnd[stream] = aheadEnd + this.count;
    this.#window[stream] = Math.min(2 * window, this.#mostPages);
    return this.count > 0;
  }
}
