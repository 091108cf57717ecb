/**
 * A red-black tree (red-black-tree.ts) of nodes with keys that are stored beside them and stay: any numbers but NaN,
 * each key at most once.
 */

import { assert } from "../../../base/assert.ts";
import { LEFT, NIL, NODE_INTS, RedBlackTree, RIGHT } from "./red-black-tree.ts";

export class KeyedTree {
  readonly #tree: RedBlackTree;
  readonly #keys: Float64Array;
  /** Steps down the tree since the start: what a search cost. */
  steps = 0;

  /** Nodes are 0 … `capacity` - 1. */
  constructor(capacity: number) {
    this.#tree = new RedBlackTree(capacity, 1);
    this.#keys = new Float64Array(capacity);
  }

  /** The node with that key, or NIL. */
  find(key: number): number {
    const { links } = this.#tree;
    let node = this.#tree.rootOf(0);
    while (node !== NIL) {
      this.steps += 1;
      const own = this.#keys[node]!;
      if (own === key) return node;
      node = links[node * NODE_INTS + (key < own ? LEFT : RIGHT)]!;
    }
    return NIL;
  }

  /** Adds `node`, which is not in the tree; no other has that key. */
  insert(node: number, key: number): void {
    const { links } = this.#tree;
    let parent = NIL;
    let side = LEFT;
    for (let at = this.#tree.rootOf(0); at !== NIL; at = links[at * NODE_INTS + side]!) {
      const own = this.#keys[at]!;
      assert(own !== key, "a key is in the tree once");
      parent = at;
      side = key < own ? LEFT : RIGHT;
    }
    this.#keys[node] = key;
    this.#tree.hang(0, node, parent, side);
  }

  /** Takes `node`, which is in the tree, out. */
  remove(node: number): void {
    this.#tree.remove(0, node);
  }
}
