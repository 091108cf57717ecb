/**
 * VMware ESX's content-based page sharing (Waldspurger, OSDI'02): pages picked at random, hashed, and looked up in one
 * table of the frames that are shared and of *hint* frames: frames seen once and not protected, so that what the table
 * says of them may be over. A match with one of those therefore hashes its page again before the two are compared. ESX
 * also tries to share a page before it swaps it out; that is left out here.
 *
 * Pages not there, or known to be shared, are passed over: they cost the time to pick them, and no visit. The linear
 * scan passes over the first alone, since the kernel counts a merged page that it comes to.
 */

import { z } from "zod";
import type { SeededRandom } from "../../base/random.ts";
import { COSTS } from "../memory/costs.ts";
import type { Host } from "../memory/host.ts";
import { ContentTable, NO_FRAME } from "./content-table.ts";
import { emptyTally, type Scanner, type ScannerKind } from "./scanner.ts";

const UINT_MAX = 2 ** 32 - 1;
/** A batch ends after so many picks for each page it may look at, however few of them were worth a look. */
const MOST_PICKS_PER_VISIT = 16;
/** The sooner of two wakes is not earlier. */
const LEAST_SECONDS = 1e-3;

const parameters = z.strictObject({
  pages_to_scan: z.int().min(0).max(UINT_MAX).default(100).describe("pages looked at in one batch"),
  sleep_millisecs: z
    .int()
    .min(0)
    .max(UINT_MAX)
    .default(20)
    .describe("how long to sleep between two batches"),
});
type RandomParameters = z.infer<typeof parameters>;

class RandomScanner implements Scanner {
  readonly tally = emptyTally();
  readonly #host: Host;
  readonly #random: SeededRandom;
  readonly #parameters: RandomParameters;
  readonly #table: ContentTable;
  #picks = 0;
  #sharedMatches = 0;
  #hintMatches = 0;

  constructor(host: Host, random: SeededRandom, options: RandomParameters) {
    this.#host = host;
    this.#random = random;
    this.#parameters = options;
    this.#table = new ContentTable(host);
  }

  wake(nowSeconds: number): number {
    const { pages_to_scan, sleep_millisecs } = this.#parameters;
    const { cpu, frameOf, pages } = this.#host;
    const spentSeconds = this.#seconds;
    let left = pages_to_scan;
    for (let picks = MOST_PICKS_PER_VISIT * pages_to_scan; left > 0 && picks > 0; picks--) {
      const page = this.#random.below(pages);
      this.#picks += 1;
      const frame = frameOf[page]!;
      if (frame >= 0 && this.#visit(page, frame)) left -= 1;
    }
    const batchSeconds = this.#seconds - spentSeconds;
    cpu.chargeScanner(batchSeconds);
    return nowSeconds + Math.max(LEAST_SECONDS, batchSeconds + sleep_millisecs / 1000);
  }

  /** Processor time since the start. */
  get #seconds(): number {
    const rehashed = this.#hintMatches + this.#table.outdated;
    return (
      this.#picks * COSTS.followSeconds +
      (this.tally.visits + rehashed) * COSTS.checksumSeconds +
      this.tally.merges * COSTS.mergeSeconds
    );
  }

  /** Looks at the page and merges it if it can: whether it was worth a look. */
  #visit(page: number, frame: number): boolean {
    const host = this.#host;
    const domain = host.domainOf(page);
    const content = host.contentOf[frame]!;
    const isListed = this.#table.isListed(frame, domain, content);
    if (isListed && host.isMerged(frame)) return false;
    this.tally.visits += 1;
    if (isListed) return true;
    const match = this.#table.find(domain, content);
    if (match === NO_FRAME) {
      this.#table.add(frame, domain, content);
      return true;
    }
    if (host.isMerged(match)) this.#sharedMatches += 1;
    else this.#hintMatches += 1;
    host.merge(page, match);
    this.tally.merges += 1;
    return true;
  }

  figures(): Readonly<Record<string, number>> {
    return {
      pages_scanned: this.tally.visits,
      shared_matches: this.#sharedMatches,
      hint_matches: this.#hintMatches,
      stale_hints: this.#table.outdated,
    };
  }
}

export const random: ScannerKind<RandomParameters> = {
  kind: "random",
  summary: "VMware ESX's: pages picked at random, looked up by hash",
  parameters,
  create: (options) => new RandomScanner(options.host, options.random, options.parameters),
};
