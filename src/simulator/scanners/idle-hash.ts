/**
 * Duplicates found by hash when the processor is idle, after a prototype in Xen (Shaikh, Yao, Campbell): pass by pass
 * over the memory of all guests, whose advice it does not ask, it takes the SHA-1 of pages in processor time that
 * nobody wanted. A red-black tree ordered by hash leads to a frame with the same bytes, and pages are shared
 * copy-on-write. Read-only pages (kernel text and static data, programs, libraries) are shared at once, pages that can
 * be written when they stayed as they are for some time; pages of zeros go to the zero frame.
 *
 * Holds always: pages are merged only with frames that hold the same now, whatever the tree remembers. A hash is the
 * content's number, scrambled, behind that of its domain: equal exactly if the pages are.
 */

import { z } from "zod";
import { ZERO_CONTENT } from "../contents.ts";
import { COSTS } from "../memory/costs.ts";
import type { Host } from "../memory/host.ts";
import { PAGE_CLASS } from "../page-classes.ts";
import { scramble } from "../page-sources/scramble.ts";
import { holds, NO_FRAME } from "./content-table.ts";
import { KeyedTree } from "./ksm/keyed-tree.ts";
import { NIL } from "./ksm/red-black-tree.ts";
import { emptyTally, type Scanner, type ScannerKind } from "./scanner.ts";

const parameters = z.strictObject({
  period_seconds: z
    .number()
    .min(0)
    .default(10)
    .describe("a pass over all pages begins at the earliest so long after the last one began"),
  wake_seconds: z
    .number()
    .min(0.001)
    .default(0.1)
    .describe("how often it looks whether processors were idle; best as long as a step"),
  idle_share: z
    .number()
    .gt(0)
    .max(1)
    .default(0.5)
    .describe("the most it takes of the processor time nobody wanted in the last step"),
  constant_seconds: z
    .number()
    .min(0)
    .default(20)
    .describe("how long a page that can be written must have stayed the same to be shared"),
});

type Parameters = z.infer<typeof parameters>;

/** Hashes of one domain lie together in the tree. */
const HASHES = 2 ** 32;
const NO_CONTENT = -1;

class IdleHash implements Scanner {
  readonly tally = emptyTally();
  onPass?: (() => void) | null;
  readonly #host: Host;
  readonly #parameters: Parameters;
  /** A node is a frame. */
  readonly #tree: KeyedTree;
  /** By frame: the key its node has in the tree, -1 without a node. */
  readonly #keyOf: Float64Array;
  /** By page: what it held when it was hashed last, and since when hashes say so. */
  readonly #contentOf: Int32Array;
  readonly #sinceSeconds: Float64Array;
  #nextPage = 0;
  #isInPass = false;
  #passSeconds = Number.NEGATIVE_INFINITY;
  #spentSeconds = 0;
  #passes = 0;
  #changing = 0;
  #nodes = 0;

  constructor(host: Host, options: Parameters) {
    this.#host = host;
    this.#parameters = options;
    this.#tree = new KeyedTree(host.frames.count);
    this.#keyOf = new Float64Array(host.frames.count).fill(-1);
    this.#contentOf = new Int32Array(host.pages).fill(NO_CONTENT);
    this.#sinceSeconds = new Float64Array(host.pages);
  }

  wake(nowSeconds: number): number {
    const { period_seconds, wake_seconds, idle_share } = this.#parameters;
    if (!this.#isInPass) {
      const passAt = this.#passSeconds + period_seconds;
      if (nowSeconds < passAt) return passAt;
      this.#passSeconds = nowSeconds;
      this.#isInPass = true;
    }
    const { cpu, pages } = this.#host;
    const mostSeconds = cpu.idleSeconds * idle_share;
    this.#spentSeconds = 0;
    while (this.#spentSeconds < mostSeconds && this.#nextPage < pages) {
      this.#visit(this.#nextPage++, nowSeconds);
    }
    cpu.chargeScanner(this.#spentSeconds);
    if (this.#nextPage === pages) this.#endPass();
    return nowSeconds + wake_seconds;
  }

  #endPass(): void {
    this.#nextPage = 0;
    this.#isInPass = false;
    this.#passes += 1;
    this.onPass?.();
  }

  #visit(page: number, nowSeconds: number): void {
    const host = this.#host;
    const frame = host.frameOf[page]!;
    if (frame < 0 || host.isZeroFrame(frame)) return;
    const content = host.contentOf[frame]!;
    const domain = host.domainOf(page);
    // What stands for SHA-1: each content another number.
    const key = domain * HASHES + scramble(content);
    this.#spentSeconds += COSTS.followSeconds;
    // What is merged is write-protected, so its hash is known.
    if (host.isMerged(frame) && this.#keyOf[frame] === key) return;
    this.tally.visits += 1;
    this.#spentSeconds += COSTS.sha1Seconds;
    if (!this.#isConstant(page, content, nowSeconds)) {
      this.#changing += 1;
    } else if (content === ZERO_CONTENT) {
      this.tally.zeroMerges += 1;
      this.#merge(page, domain);
    } else {
      this.#share(page, frame, key);
    }
  }

  #isConstant(page: number, content: number, nowSeconds: number): boolean {
    if (this.#contentOf[page] !== content) {
      this.#contentOf[page] = content;
      this.#sinceSeconds[page] = nowSeconds;
    }
    const pageClass = this.#host.classOf[page];
    return (
      pageClass === PAGE_CLASS.kernel ||
      pageClass === PAGE_CLASS.program ||
      nowSeconds - this.#sinceSeconds[page]! >= this.#parameters.constant_seconds
    );
  }

  /** The page joins a frame with its hash and its bytes, or its own is the one from now on. */
  #share(page: number, frame: number, key: number): void {
    if (this.#keyOf[frame] === key) return;
    const found = this.#find(key, page);
    if (found !== NO_FRAME) {
      this.#merge(page, found);
      return;
    }
    if (this.#keyOf[frame] !== -1) this.#remove(frame);
    this.#tree.insert(frame, key);
    this.#keyOf[frame] = key;
    this.#nodes += 1;
  }

  /** A frame with that key that holds the same as `page`; one that does no more is forgotten. */
  #find(key: number, page: number): number {
    const host = this.#host;
    const { steps } = this.#tree;
    const found = this.#tree.find(key);
    this.#spentSeconds += (this.#tree.steps - steps) * COSTS.compareSeconds;
    if (found === NIL) return NO_FRAME;
    const content = host.contentOf[host.frameOf[page]!]!;
    if (holds(host, found, host.domainOf(page), content)) return found;
    this.#remove(found);
    return NO_FRAME;
  }

  #remove(frame: number): void {
    this.#tree.remove(frame);
    this.#keyOf[frame] = -1;
    this.#nodes -= 1;
  }

  #merge(page: number, target: number): void {
    this.#spentSeconds += COSTS.mergeSeconds;
    this.tally.merges += 1;
    this.#host.merge(page, target);
  }

  figures(): Readonly<Record<string, number>> {
    const host = this.#host;
    let zeroPages = 0;
    for (let frame = 0; frame < host.domains; frame++) zeroPages += host.mappingsOf[frame]!;
    return {
      pages_hashed: this.tally.visits,
      full_scans: this.#passes,
      pages_changing: this.#changing,
      tree_nodes: this.#nodes,
      zero_pages_merged: zeroPages,
    };
  }
}

export const idleHash: ScannerKind<Parameters> = {
  kind: "idle-hash",
  summary: "SHA-1 of pages when processors are idle, in a red-black tree; no advice from guests",
  parameters,
  create: (options) => new IdleHash(options.host, options.parameters),
};
