/**
 * The unstable trees, one per domain: pages that did not change between two visits and equal no merged page, ordered by
 * what they hold. Nothing protects them: a page that is written keeps its place, and searches that come by compare with
 * what it holds now and may be led astray, as in the kernel. Each pass starts with empty trees.
 */

import type { Host } from "../../memory/host.ts";
import { orderOf } from "./content-order.ts";
import { KEY, LEFT, NIL, NODE_INTS, RedBlackTree, RIGHT } from "./red-black-tree.ts";

/** What a search that found no equal page says: the page hangs in the tree now, or could not be placed. */
export const IS_HUNG = -1;
const IS_LOST = -2;

export class UnstableTree {
  readonly #host: Host;
  readonly #tree: RedBlackTree;
  readonly #frameOf: Int32Array;
  readonly #contentOf: Int32Array;
  /** Pages compared with since the start. */
  steps = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#tree = new RedBlackTree(host.pages, host.domains);
    this.#frameOf = host.frameOf;
    this.#contentOf = host.contentOf;
  }

  clear(): void {
    this.#tree.clear();
  }

  /** Takes out a page hung since the last `clear`. */
  remove(page: number, domain: number): void {
    this.#tree.remove(domain, page);
  }

  /** An equal page of the domain; if there is none, `page` is hung in its place: IS_HUNG, or IS_LOST. */
  findOrHang(page: number, domain: number): number {
    const { links } = this.#tree;
    const frame = this.#frameOf[page]!;
    const key = orderOf(this.#contentOf[frame]!);
    let parent = NIL;
    let side = LEFT;
    let steps = 0;
    let node = this.#tree.rootOf(domain);
    while (node !== NIL) {
      const at = node * NODE_INTS;
      const nodeFrame = this.#frameOf[node]!;
      // A page that went away or to the zero page ends the search, and so does one already on the same frame.
      if (nodeFrame < 0 || nodeFrame === frame || this.#host.isZeroFrame(nodeFrame)) {
        this.steps += steps;
        return IS_LOST;
      }
      steps += 1;
      // What the page held when it was hung lies in the same cache line as the links. Going by that, and only checking
      // whether it still holds, the next step's line is asked for before the frame's contents have come.
      let nodeKey = links[at + KEY]!;
      const nodeKeyNow = orderOf(this.#contentOf[nodeFrame]!);
      if (nodeKeyNow !== nodeKey) nodeKey = nodeKeyNow;
      if (nodeKey === key) {
        this.steps += steps;
        return node;
      }
      parent = node;
      side = key < nodeKey ? LEFT : RIGHT;
      node = links[at + side]!;
    }
    this.steps += steps;
    this.#tree.hang(domain, page, parent, side);
    links[page * NODE_INTS + KEY] = key;
    return IS_HUNG;
  }
}
