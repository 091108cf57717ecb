/**
 * What Linux's KSM does with a page it comes to (cmp_and_merge_page of mm/ksm.c), and what it remembers of pages: an
 * item for each page it came to, in the unstable tree, on a node of the stable tree, or in neither. Which page comes
 * next is the caller's: pass-walk.ts for the kernel's linear scan, a hint for others.
 *
 * Holds always: items = shared + sharing + unshared + volatile; a page is merged with equal pages of its domain only.
 * What guests do to merged pages is noticed when the scanner next comes to them, as in the kernel.
 *
 * Beyond the kernel: a frame that came back from swap still shared gets a node when the first of its pages is visited,
 * and each of its other pages joins when it is visited itself.
 */

import { ZERO_CONTENT } from "../../contents.ts";
import { COSTS } from "../../memory/costs.ts";
import { NO_TAG } from "../../memory/frames.ts";
import type { Host } from "../../memory/host.ts";
import { emptyTally, type ScannerTally } from "../scanner.ts";
import type { KsmKnobs } from "./knobs.ts";
import { NIL } from "./red-black-tree.ts";
import { SmartScan } from "./smart-scan.ts";
import { StableTree } from "./stable-tree.ts";
import { IS_HUNG, UnstableTree } from "./unstable-tree.ts";

/** What is known of a page. */
const NO_ITEM = 0;
const LOOSE = 1;
const IN_UNSTABLE = 2;
const IN_STABLE = 3;

/** No content has this number. */
const NO_CHECKSUM = -1;

export class KsmCore {
  readonly tally: ScannerTally = emptyTally();
  readonly stable: StableTree;
  readonly smartScan: SmartScan;
  isStableFirst: boolean;
  usesZeroPages: boolean;
  /** Pages with an item, and those of them in the unstable tree or left over in the last pass's. */
  items = 0;
  unshared = 0;
  /** Pages that were found shared and taken into the stable tree without a merge. */
  adopted = 0;
  /** Merged pages found to have been written, given back or swapped out since. */
  broken = 0;
  /** Times smart scan left a page out. */
  pagesSkipped = 0;
  readonly #host: Host;
  readonly #unstable: UnstableTree;
  readonly #stateOf: Uint8Array;
  /** By page: its content at the last visit, which stands for the checksum. */
  readonly #checksumOf: Int32Array;
  /** By page: the node it is on, or the pass in which it was hung into the unstable tree. */
  readonly #headOf: Int32Array;
  #pass = 0;
  #checksums = 0;

  constructor(host: Host, knobs: KsmKnobs) {
    this.#host = host;
    this.#unstable = new UnstableTree(host);
    this.stable = new StableTree(host, {
      maxPageSharing: knobs.max_page_sharing,
      pruneSeconds: knobs.stable_node_chains_prune_millisecs / 1000,
    });
    this.smartScan = new SmartScan(host.pages, knobs.smart_scan === 1);
    this.isStableFirst = knobs.merge_order === "stable-first";
    this.usesZeroPages = knobs.use_zero_pages === 1;
    this.#stateOf = new Uint8Array(host.pages);
    this.#checksumOf = new Int32Array(host.pages);
    this.#headOf = new Int32Array(host.pages);
  }

  /** Processor time of all visits since the start. */
  get seconds(): number {
    const { visits, merges } = this.tally;
    return (
      (visits + this.pagesSkipped) * COSTS.followSeconds +
      this.#checksums * COSTS.checksumSeconds +
      (this.#unstable.steps + this.stable.steps) * COSTS.compareSeconds +
      merges * COSTS.mergeSeconds
    );
  }

  /** Whether the page is in memory of its own or merged: the zero page is nobody's. */
  isPresent(page: number): boolean {
    const frame = this.#host.frameOf[page]!;
    return frame >= 0 && !this.#host.isZeroFrame(frame);
  }

  /** A new pass begins: the unstable tree is forgotten, pages left in it are known by their pass. */
  startPass(): void {
    this.#unstable.clear();
    this.#pass += 1;
  }

  /** The walk has come to a page that is present: whether smart scan leaves it out. */
  shouldSkip(page: number): boolean {
    const frame = this.#host.frameOf[page]!;
    this.#keepItem(page);
    if (this.#host.tagOf[frame] !== NO_TAG || this.#host.mappingsOf[frame]! > 1) return false;
    if (!this.smartScan.shouldSkip(page)) return false;
    this.pagesSkipped += 1;
    this.#leaveTree(page);
    return true;
  }

  /** The walk has come to a page that is not present. */
  forget(page: number): void {
    if (this.#stateOf[page] === NO_ITEM) return;
    this.#leaveTree(page);
    this.#stateOf[page] = NO_ITEM;
    this.items -= 1;
  }

  /** The page, which is present, is taken to have had the contents it has at the last visit too. */
  trust(page: number): void {
    this.#keepItem(page);
    this.#checksumOf[page] = this.#host.contentOf[this.#host.frameOf[page]!]!;
  }

  /** Looks at the page and merges it if it can: whether it did. A page that is not present is none of its business. */
  visit(page: number): boolean {
    if (!this.isPresent(page)) return false;
    this.#keepItem(page);
    this.tally.visits += 1;
    const frame = this.#host.frameOf[page]!;
    const node = this.#host.tagOf[frame]!;
    if (node !== NO_TAG) {
      this.#adoptInto(node, page);
      return false;
    }
    if (this.isStableFirst) return this.#visitStableFirst(page, frame);
    this.#leaveTree(page);
    if (!this.#hasStayed(page, frame)) return false;
    if (this.#mergeWithZero(page, frame)) return true;
    const found = this.#findStable(page, frame);
    if (found !== NIL) return this.#mergeInto(found, page);
    return this.#visitUnstable(page, frame);
  }

  #visitStableFirst(page: number, frame: number): boolean {
    const found = this.#findStable(page, frame);
    this.#leaveTree(page);
    if (found !== NIL) return this.#mergeInto(found, page);
    if (!this.#hasStayed(page, frame)) return false;
    if (this.#mergeWithZero(page, frame)) return true;
    return this.#visitUnstable(page, frame);
  }

  /** Whether the page has the same contents as at the last visit; one that is shared already need not prove it. */
  #hasStayed(page: number, frame: number): boolean {
    const content = this.#host.contentOf[frame]!;
    this.#checksums += 1;
    if (this.#checksumOf[page] === content) return true;
    this.#checksumOf[page] = content;
    return this.#host.mappingsOf[frame]! > 1;
  }

  #mergeWithZero(page: number, frame: number): boolean {
    if (!this.usesZeroPages || this.#host.contentOf[frame] !== ZERO_CONTENT) return false;
    this.#host.mergeWithZero(page);
    this.tally.merges += 1;
    this.tally.zeroMerges += 1;
    return true;
  }

  #findStable(page: number, frame: number): number {
    return this.stable.find(this.#host.domainOf(page), this.#host.contentOf[frame]!);
  }

  /** The page is on `node`'s frame already, and its item may not be. */
  #adoptInto(node: number, page: number): void {
    if (this.#stateOf[page] === IN_STABLE && this.#headOf[page] === node) return;
    this.#leaveTree(page);
    this.#joinStable(node, page);
    this.adopted += 1;
  }

  #mergeInto(node: number, page: number): true {
    this.#host.merge(page, this.stable.frameOf(node));
    this.tally.merges += 1;
    this.#joinStable(node, page);
    return true;
  }

  #visitUnstable(page: number, frame: number): boolean {
    const domain = this.#host.domainOf(page);
    if (this.#host.mappingsOf[frame]! > 1) {
      this.#adoptInto(this.stable.insert(domain, frame), page);
      return false;
    }
    const partner = this.#unstable.findOrHang(page, domain);
    if (partner < 0) {
      if (partner === IS_HUNG) {
        this.#stateOf[page] = IN_UNSTABLE;
        this.#headOf[page] = this.#pass;
        this.unshared += 1;
      }
      return false;
    }
    this.#host.merge(partner, frame);
    this.tally.merges += 1;
    this.#leaveTree(partner);
    const node = this.stable.insert(domain, frame);
    this.#joinStable(node, partner);
    this.#joinStable(node, page);
    return true;
  }

  #joinStable(node: number, page: number): void {
    this.stable.join(node);
    this.#stateOf[page] = IN_STABLE;
    this.#headOf[page] = node;
  }

  #leaveTree(page: number): void {
    const state = this.#stateOf[page]!;
    if (state === IN_UNSTABLE) {
      // Left over from an earlier pass it hangs in no tree any more.
      if (this.#headOf[page] === this.#pass) {
        this.#unstable.remove(page, this.#host.domainOf(page));
      }
      this.unshared -= 1;
    } else if (state === IN_STABLE) {
      this.stable.leave(this.#headOf[page]!);
      this.broken += 1;
    } else {
      return;
    }
    this.#stateOf[page] = LOOSE;
  }

  #keepItem(page: number): void {
    if (this.#stateOf[page] !== NO_ITEM) return;
    this.#stateOf[page] = LOOSE;
    this.#checksumOf[page] = NO_CHECKSUM;
    this.smartScan.reset(page);
    this.items += 1;
  }

  /**
   * Gives every merged page a frame of its own and forgets all pages. @throws PagefoldError NO_SPACE as a write does.
   */
  unmergeAll(): void {
    const host = this.#host;
    for (let page = 0; page < host.pages; page++) {
      const frame = host.frameOf[page]!;
      if (frame >= 0 && host.isMerged(frame)) {
        host.unshare(page);
        if (host.frameOf[page] === frame) host.setTag(frame, NO_TAG);
      }
      this.forget(page);
    }
    this.stable.removeAll();
  }
}
