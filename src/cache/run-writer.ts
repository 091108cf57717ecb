/**
 * Writes runs of dirty pages to the origin: takes their bytes from the store, and gives back as dirty what the origin
 * did not take. Of a run that fails each page is tried by itself, so that those fail alone that must.
 */

import { assert } from "../base/assert.ts";
import type { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { CachedPages } from "./cached-pages.ts";
import type { OriginPages } from "./origin-pages.ts";
import { NONE } from "./page-map.ts";
import type { PageRanges } from "./page-ranges.ts";
import type { UncleanList } from "./unclean-list.ts";

export interface WriterParts {
  readonly cached: CachedPages;
  readonly origin: OriginPages;
  readonly ranges: PageRanges;
}

/** Told once of each page that is dirty still. */
export interface RunReport {
  readonly failed: (cause: PagefoldError) => void;
  /** It was not tried by itself. */
  readonly left: (page: number) => void;
}

/** Writes that fail in a row until the rest is left to the next pass: a disk that is dead may take long to say so. */
const MOST_FAILURES = 32;

interface Run {
  readonly first: number;
  readonly count: number;
  readonly bytes: Uint8Array;
  /** Pages whose bytes the store could not give. */
  readonly lost: Set<number>;
}

export class RunWriter {
  readonly #parts: WriterParts;
  readonly #unclean: UncleanList;
  /** Pages whose bytes were taken, and that are not there or given back yet. */
  underWay = 0;
  #failuresInRow = 0;

  constructor(parts: WriterParts, unclean: UncleanList) {
    this.#parts = parts;
    this.#unclean = unclean;
  }

  /** Whether so many writes of this pass have failed in a row that the rest is to be left. */
  get isVain(): boolean {
    return this.#failuresInRow >= MOST_FAILURES;
  }

  beginPass(): void {
    this.#failuresInRow = 0;
  }

  /**
   * Takes the pages' bytes, all of them dirty, and begins to write them; `done` is told when they are there or have
   * failed. Null, and nothing is done, if somebody else is writing one of them.
   */
  async start(
    first: number,
    count: number,
    report: RunReport,
  ): Promise<{ readonly done: Promise<void> } | null> {
    const release = this.#parts.ranges.takeNow(first, first + count);
    if (release === undefined) return null;
    const bytes = Buffer.allocUnsafeSlow(count * PAGE_BYTES);
    const run: Run = { first, count, bytes, lost: new Set() };
    for (let page = first; page < first + count; page++) {
      const target = bytes.subarray((page - first) * PAGE_BYTES, (page - first + 1) * PAGE_BYTES);
      try {
        const wait = this.#takeBytes(page, target);
        if (wait !== undefined) await wait;
      } catch (cause) {
        run.lost.add(page);
        report.failed(cause as PagefoldError);
      }
    }
    const taken = count - run.lost.size;
    const done = this.#write(run, report).finally(() => {
      this.underWay -= taken;
      release();
    });
    return { done };
  }

  /** Takes the page's bytes as they are now, from the overflow log if they are there. */
  #takeBytes(page: number, target: Uint8Array): Promise<void> | undefined {
    const { cached } = this.#parts;
    const slot = cached.find(page);
    assert(slot !== NONE, "a page that owes something is cached");
    if (!cached.load(slot, 0)) return this.#fetchBytes(slot, target);
    target.set(cached.engine.page);
    this.#taken(slot);
    return undefined;
  }

  #taken(slot: number): void {
    this.#unclean.markWritten(slot);
    this.underWay += 1;
  }

  async #fetchBytes(slot: number, target: Uint8Array): Promise<void> {
    const { cached } = this.#parts;
    while (!cached.load(slot, 0)) {
      const isUnchanged = cached.table.watch(slot);
      try {
        await cached.fetchAway(slot, target, true);
      } catch (cause) {
        if (isUnchanged()) throw cause;
      }
      if (!isUnchanged()) continue;
      this.#taken(slot);
      return;
    }
    target.set(cached.engine.page);
    this.#taken(slot);
  }

  async #write(run: Run, report: RunReport): Promise<void> {
    if (run.lost.size > 0) return this.#writeAlone(run, report);
    const failure = await this.#try(run.first, run.bytes);
    if (failure === null) return;
    if (run.count > 1) return this.#writeAlone(run, report);
    this.#giveBack(run.first);
    report.failed(failure);
  }

  async #writeAlone({ first, count, bytes, lost }: Run, report: RunReport): Promise<void> {
    for (let page = first; page < first + count; page++) {
      if (lost.has(page)) continue;
      if (this.isVain) {
        this.#giveBack(page);
        report.left(page);
        continue;
      }
      const at = (page - first) * PAGE_BYTES;
      const failure = await this.#try(page, bytes.subarray(at, at + PAGE_BYTES));
      if (failure === null) continue;
      this.#giveBack(page);
      report.failed(failure);
    }
  }

  async #try(first: number, source: Uint8Array): Promise<PagefoldError | null> {
    try {
      await this.#parts.origin.write(first, source);
      this.#failuresInRow = 0;
      return null;
    } catch (cause) {
      this.#failuresInRow += 1;
      return cause as PagefoldError;
    }
  }

  #giveBack(page: number): void {
    this.#unclean.markDirty(this.#parts.cached.find(page));
  }
}
