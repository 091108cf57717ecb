/**
 * Caches of whole pages, simulated on a trace: how many pages one must hold to hit as often as ours. Nothing but pages
 * is counted for them, no tables.
 */

import { Replacement } from "../../src/cache/replacement.ts";

/** A trace, of which those from `from` on are counted, and the pages it is about. */
export interface Asked {
  readonly trace: Uint32Array;
  readonly from: number;
  readonly pages: number;
}

type Policy = (asked: Asked, capacity: number) => number;

/** The hits of a cache of `capacity` pages that leave it as in ours; it has as many ghosts, too. */
const s3Fifo: Policy = ({ trace, from, pages }, capacity) => {
  const queues = new Replacement(new Uint8Array(pages));
  /** A page's slot is its number: there are as many. */
  const isCached = new Uint8Array(pages);
  let count = 0;
  let hits = 0;
  for (const [at, page] of trace.entries()) {
    if (isCached[page] === 1) {
      queues.touch(page);
      if (at >= from) hits += 1;
      continue;
    }
    if (count === capacity) {
      const victim = queues.victim();
      queues.remember(victim);
      queues.remove(victim);
      isCached[victim] = 0;
      count -= 1;
    }
    queues.add(page, page, false);
    isCached[page] = 1;
    count += 1;
  }
  return hits;
};

const lru: Policy = ({ trace, from }, capacity) => {
  const cached = new Set<number>();
  let hits = 0;
  for (const [at, page] of trace.entries()) {
    if (cached.delete(page)) {
      if (at >= from) hits += 1;
    } else if (cached.size === capacity) {
      const [oldest] = cached;
      cached.delete(oldest!);
    }
    cached.add(page);
  }
  return hits;
};

export const POLICIES = { "S3-FIFO": s3Fifo, LRU: lru } as const satisfies Record<string, Policy>;

/** The fewest pages with which it hits at least so often, by bisection. */
export function fewestPages(policy: Policy, asked: Asked, hits: number): number {
  let low = 1;
  let high = asked.pages;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (policy(asked, middle) >= hits) high = middle;
    else low = middle + 1;
  }
  return low;
}
