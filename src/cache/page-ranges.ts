/**
 * Ranges of pages being written to the origin, and those waited for. Holds always: no two that are taken overlap, and
 * who waits goes before all who came later and wait for any of the same pages; so writes of a page reach the origin in
 * the order in which they asked for it, and none waits for ever.
 */

/** Ends the hold on a range. */
export type Release = () => void;

interface Range {
  readonly first: number;
  readonly end: number;
  isTaken: boolean;
  /** Called when it is its turn, which it takes, or gives up at once: whether it takes it. */
  readonly turn: () => boolean;
}

export class PageRanges {
  /** In the order in which they came. */
  readonly #ranges = new Set<Range>();

  /** Takes the pages from `first` to below `end` when they are free, and those before in the line had them. */
  take(first: number, end: number): Promise<Release> {
    return new Promise((resolve) => {
      const turn = () => {
        resolve(() => this.#release(range));
        return true;
      };
      const range = { first, end, isTaken: false, turn };
      this.#add(range);
    });
  }

  /** Takes them at once, before those who wait, or gives nothing if any of them is taken. */
  takeNow(first: number, end: number): Release | undefined {
    if (this.isTaken(first, end)) return undefined;
    const range = { first, end, isTaken: true, turn: () => true };
    this.#ranges.add(range);
    return () => this.#release(range);
  }

  #add(range: Range): void {
    this.#ranges.add(range);
    this.#takeIfFree(range);
  }

  #takeIfFree(range: Range): void {
    if (this.isTaken(range.first, range.end)) return;
    for (const earlier of this.#ranges) {
      if (earlier === range) break;
      if (earlier.first < range.end && range.first < earlier.end) return;
    }
    range.isTaken = range.turn();
    if (!range.isTaken) this.#ranges.delete(range);
  }

  #release(range: Range): void {
    this.#ranges.delete(range);
    for (const other of this.#ranges) if (!other.isTaken) this.#takeIfFree(other);
  }

  /** Whether any of it is taken. */
  isTaken(first: number, end: number): boolean {
    for (const range of this.#ranges)
      if (range.isTaken && range.first < end && first < range.end) return true;
    return false;
  }

  /** Done when all of it is free, those before in the line having had it; nobody ever sees it taken for this. */
  free(first: number, end: number): Promise<void> {
    return new Promise((resolve) => {
      const turn = () => {
        resolve();
        return false;
      };
      this.#add({ first, end, isTaken: false, turn });
    });
  }
}
