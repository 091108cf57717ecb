/** What single mechanisms cost: duplicates, same-filled pages, and the number of slots in use. */

import { SeededRandom } from "../src/base/random.ts";
import { PAGE_BYTES } from "../src/base/units.ts";
import { createPageStore } from "../src/index.ts";
import { StampedPages } from "./corpus.ts";
import { median, microsecondsEach } from "./measure.ts";

export interface Steps {
  readonly corpus: string;
  /** Microseconds a page: a page read, one written that another slot holds, and the difference. */
  readonly read: number;
  readonly write_duplicate: number;
  readonly duplicate_over_read: number;
  readonly write_same_filled: number;
}

/** Duplicates and same-filled pages against plain reads, in one run. */
export async function runSteps(options: {
  corpus: string;
  pages: number;
  rounds: number;
}): Promise<Steps> {
  const pages = new StampedPages(options.corpus, options.pages);
  const { count } = pages;
  const store = createPageStore({ sizeBytes: 2 * count * PAGE_BYTES, codec: "lz4" });
  const target = new Uint8Array(PAGE_BYTES);
  const same = new Uint8Array(PAGE_BYTES).fill(0x5a);
  const read: number[] = [];
  const duplicate: number[] = [];
  const sameFilled: number[] = [];
  for (let index = 0; index < count; index++) store.write(index, pages.pages[index]!);
  for (let round = -1; round < options.rounds; round++) {
    store.discard(count, count);
    const times = [
      await microsecondsEach(count, () => {
        for (let index = 0; index < count; index++) store.read(index, target);
      }),
      await microsecondsEach(count, () => {
        for (let index = 0; index < count; index++) store.write(count + index, pages.pages[index]!);
      }),
    ] as const;
    if (store.stats().dup_pages !== count) throw new Error("not every duplicate was found");
    store.discard(count, count);
    const sameTime = await microsecondsEach(count, () => {
      for (let index = 0; index < count; index++) store.write(count + index, same);
    });
    if (round < 0) continue;
    read.push(times[0]);
    duplicate.push(times[1]);
    sameFilled.push(sameTime);
  }
  store.close();
  return {
    corpus: options.corpus,
    read: median(read),
    write_duplicate: median(duplicate),
    duplicate_over_read: median(duplicate.map((time, round) => time - read[round]!)),
    write_same_filled: median(sameFilled),
  };
}

export interface Scale {
  readonly corpus: string;
  readonly slots: number;
  /** Overwriting and reading runs of 32 pages at random places (swap's clusters), microseconds a page. */
  readonly write_clustered: number;
  readonly read_clustered: number;
  /** The same at single random pages. */
  readonly write_random: number;
  readonly read_random: number;
}

/** Pages one measurement touches. */
const TOUCHED_PAGES = 16_384;

/** Random places of runs of `run` pages, `count` pages in all. */
function places(
  random: SeededRandom,
  options: { slots: number; run: number; count: number },
): number[] {
  const { slots, run, count } = options;
  return Array.from({ length: Math.floor(count / run) }, () => random.below(slots - run + 1));
}

/** The cost of a page with many or few slots in use; one row for each count. Reads go to places of their own. */
export async function runScale(options: {
  corpus: string;
  slots: readonly number[];
  rounds: number;
}): Promise<Scale[]> {
  const pages = new StampedPages(options.corpus, TOUCHED_PAGES);
  const target = new Uint8Array(PAGE_BYTES);
  const stores = options.slots.map((slots) => {
    const store = createPageStore({ sizeBytes: slots * PAGE_BYTES, codec: "lz4" });
    for (let index = 0; index < slots; index++) {
      if (index % pages.count === 0) pages.restamp();
      store.write(index, pages.pages[index % pages.count]!);
    }
    return { slots, store, times: [[], [], [], []] as number[][] };
  });
  const random = new SeededRandom(1);
  for (let round = -1; round < options.rounds; round++) {
    for (const { slots, store, times } of stores) {
      for (const [kind, run] of [32, 1].entries()) {
        const count = Math.min(TOUCHED_PAGES, slots) & ~31;
        const written = places(random, { slots, run, count });
        const readBack = places(random, { slots, run, count });
        pages.restamp();
        const write = await microsecondsEach(count, () => {
          let next = 0;
          for (const place of written) {
            for (let index = place; index < place + run; index++)
              store.write(index, pages.pages[next++]!);
          }
        });
        const read = await microsecondsEach(count, () => {
          for (const place of readBack) {
            for (let index = place; index < place + run; index++) store.read(index, target);
          }
        });
        if (round < 0) continue;
        times[2 * kind]!.push(write);
        times[2 * kind + 1]!.push(read);
      }
    }
  }
  return stores.map(({ slots, store, times }) => {
    store.close();
    return {
      corpus: options.corpus,
      slots,
      write_clustered: median(times[0]!),
      read_clustered: median(times[1]!),
      write_random: median(times[2]!),
      read_random: median(times[3]!),
    };
  });
}
