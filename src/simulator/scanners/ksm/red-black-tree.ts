/**
 * Red-black trees over one Int32Array: nodes are small whole numbers the caller gives out, several trees (roots) share
 * the nodes, and a node is in at most one of them. What orders the nodes is the caller's: it walks `links` down from
 * `rootOf`, compares as it likes, and hangs the node where it came out. The trees therefore stay balanced even when the
 * order is broken under them, as that of the kernel's unstable tree is.
 *
 * Node n is the four numbers from n * NODE_INTS on, so that a step down is one cache line:
 *
 *     LEFT | RIGHT | parent * 2 + (1 if black) | KEY, for the caller
 *
 * Holds always: a red node has no red child, and every way from a root to a missing child passes equally many black
 * nodes; so the longest way is at most twice the shortest.
 */

export const NIL = -1;
export const NODE_INTS = 4;
export const LEFT = 0;
export const RIGHT = 1;
export const KEY = 3;
const PARENT = 2;

/** The parent of a root, painted black. */
const ROOT_BLACK = (NIL << 1) | 1;

export class RedBlackTree {
  links: Int32Array;
  #roots: Int32Array;

  /** Nodes are 0 … `capacity` - 1, trees 0 … `trees` - 1. */
  constructor(capacity: number, trees: number) {
    this.links = new Int32Array(capacity * NODE_INTS);
    this.#roots = new Int32Array(trees).fill(NIL);
  }

  get capacity(): number {
    return this.links.length / NODE_INTS;
  }

  get trees(): number {
    return this.#roots.length;
  }

  /** Room for nodes up to `capacity` - 1; those there stay. */
  grow(capacity: number): void {
    const links = new Int32Array(capacity * NODE_INTS);
    links.set(this.links);
    this.links = links;
  }

  rootOf(tree: number): number {
    return this.#roots[tree]!;
  }

  /** Forgets all nodes of all trees, in no time. */
  clear(): void {
    this.#roots.fill(NIL);
  }

  /**
   * Hangs `node` below `parent` (NIL: as the root of an empty tree) on `side`, LEFT or RIGHT, where nothing hangs yet.
   */
  hang(tree: number, node: number, parent: number, side: number): void {
    const { links } = this;
    const at = node * NODE_INTS;
    links[at + LEFT] = NIL;
    links[at + RIGHT] = NIL;
    links[at + PARENT] = parent << 1;
    if (parent === NIL) {
      this.#roots[tree] = node;
      links[at + PARENT] = ROOT_BLACK;
      return;
    }
    links[parent * NODE_INTS + side] = node;
    this.#mendRed(tree, node);
  }

  /** Puts `next`, which hangs nowhere, in the very place of `node`. */
  replace(tree: number, node: number, next: number): void {
    const { links } = this;
    const from = node * NODE_INTS;
    const to = next * NODE_INTS;
    const left = links[from + LEFT]!;
    const right = links[from + RIGHT]!;
    links[to + LEFT] = left;
    links[to + RIGHT] = right;
    links[to + PARENT] = links[from + PARENT]!;
    if (left !== NIL) this.#setParent(left, next);
    if (right !== NIL) this.#setParent(right, next);
    this.#setChild(tree, links[from + PARENT]! >> 1, node, next);
  }

  remove(tree: number, node: number): void {
    const { links } = this;
    const at = node * NODE_INTS;
    const left = links[at + LEFT]!;
    const right = links[at + RIGHT]!;
    if (left !== NIL && right !== NIL) {
      this.#removeInner(tree, node, left, right);
      return;
    }
    const child = left === NIL ? right : left;
    const link = links[at + PARENT]!;
    const parent = link >> 1;
    this.#setChild(tree, parent, node, child);
    // A lone child is red below a black node: painted black, it makes up for what left.
    if (child !== NIL) links[child * NODE_INTS + PARENT] = (parent << 1) | 1;
    else if ((link & 1) !== 0) this.#mendBlack(tree, NIL, parent);
  }

  /** The node that comes first in order, or NIL. */
  first(tree: number): number {
    const { links } = this;
    let node = this.rootOf(tree);
    if (node === NIL) return NIL;
    for (;;) {
      const left = links[node * NODE_INTS + LEFT]!;
      if (left === NIL) return node;
      node = left;
    }
  }

  /** The node after `node` in order, or NIL. */
  next(node: number): number {
    const { links } = this;
    let at = links[node * NODE_INTS + RIGHT]!;
    if (at !== NIL) {
      for (let left = at; left !== NIL; left = links[at * NODE_INTS + LEFT]!) at = left;
      return at;
    }
    let below = node;
    at = this.#parentOf(node);
    while (at !== NIL && links[at * NODE_INTS + RIGHT] === below) {
      below = at;
      at = this.#parentOf(at);
    }
    return at;
  }

  /** A node with two children gives its place to its successor, which has at most one. */
  #removeInner(tree: number, node: number, left: number, right: number): void {
    const { links } = this;
    const at = node * NODE_INTS;
    let heir = right;
    for (let below = links[heir * NODE_INTS + LEFT]!; below !== NIL; ) {
      heir = below;
      below = links[heir * NODE_INTS + LEFT]!;
    }
    const heirAt = heir * NODE_INTS;
    const child = links[heirAt + RIGHT]!;
    const wasBlack = (links[heirAt + PARENT]! & 1) !== 0;
    let parent = links[heirAt + PARENT]! >> 1;
    if (parent === node) {
      parent = heir;
    } else {
      links[parent * NODE_INTS + LEFT] = child;
      if (child !== NIL) this.#setParent(child, parent);
      links[heirAt + RIGHT] = right;
      this.#setParent(right, heir);
    }
    links[heirAt + LEFT] = left;
    this.#setParent(left, heir);
    links[heirAt + PARENT] = links[at + PARENT]!;
    this.#setChild(tree, links[at + PARENT]! >> 1, node, heir);
    if (!wasBlack) return;
    if (child !== NIL) links[child * NODE_INTS + PARENT] = (parent << 1) | 1;
    else this.#mendBlack(tree, NIL, parent);
  }

  /** `node` is red; its parent may be too. */
  #mendRed(tree: number, node: number): void {
    const { links } = this;
    let at = node;
    for (;;) {
      let parent = this.#parentOf(at);
      if (parent === NIL) {
        links[at * NODE_INTS + PARENT] = ROOT_BLACK;
        return;
      }
      if (this.#isBlack(parent)) return;
      // A red node is no root.
      const grandparent = this.#parentOf(parent);
      const side = links[grandparent * NODE_INTS + LEFT] === parent ? LEFT : RIGHT;
      const uncle = links[grandparent * NODE_INTS + RIGHT - side]!;
      if (uncle !== NIL && !this.#isBlack(uncle)) {
        links[parent * NODE_INTS + PARENT]! |= 1;
        links[uncle * NODE_INTS + PARENT]! |= 1;
        links[grandparent * NODE_INTS + PARENT]! &= ~1;
        at = grandparent;
        continue;
      }
      if (links[parent * NODE_INTS + RIGHT - side] === at) {
        this.#rotate(tree, parent, side);
        parent = at;
      }
      links[parent * NODE_INTS + PARENT]! |= 1;
      links[grandparent * NODE_INTS + PARENT]! &= ~1;
      this.#rotate(tree, grandparent, RIGHT - side);
      return;
    }
  }

  /** The ways through `node` (NIL: a missing child), a child of `parent`, are one black node short. */
  #mendBlack(tree: number, node: number, parent: number): void {
    const { links } = this;
    let at = node;
    let above = parent;
    while (above !== NIL && (at === NIL || this.#isBlack(at))) {
      const aboveAt = above * NODE_INTS;
      const side = links[aboveAt + LEFT] === at ? LEFT : RIGHT;
      let sibling = links[aboveAt + RIGHT - side]!;
      if (!this.#isBlack(sibling)) {
        links[sibling * NODE_INTS + PARENT]! |= 1;
        links[aboveAt + PARENT]! &= ~1;
        this.#rotate(tree, above, side);
        sibling = links[aboveAt + RIGHT - side]!;
      }
      const near = links[sibling * NODE_INTS + side]!;
      const far = links[sibling * NODE_INTS + RIGHT - side]!;
      const isFarBlack = far === NIL || this.#isBlack(far);
      if (isFarBlack && (near === NIL || this.#isBlack(near))) {
        links[sibling * NODE_INTS + PARENT]! &= ~1;
        at = above;
        above = this.#parentOf(at);
        continue;
      }
      if (isFarBlack) {
        links[near * NODE_INTS + PARENT]! |= 1;
        links[sibling * NODE_INTS + PARENT]! &= ~1;
        this.#rotate(tree, sibling, RIGHT - side);
        sibling = near;
      }
      const outer = links[sibling * NODE_INTS + RIGHT - side]!;
      links[sibling * NODE_INTS + PARENT] =
        (links[sibling * NODE_INTS + PARENT]! & ~1) | (links[aboveAt + PARENT]! & 1);
      links[aboveAt + PARENT]! |= 1;
      links[outer * NODE_INTS + PARENT]! |= 1;
      this.#rotate(tree, above, side);
      return;
    }
    if (at !== NIL) links[at * NODE_INTS + PARENT]! |= 1;
  }

  /** Turns `node` down to `side`; its child on the other side takes its place. Colours stay with the nodes. */
  #rotate(tree: number, node: number, side: number): void {
    const { links } = this;
    const at = node * NODE_INTS;
    const riser = links[at + RIGHT - side]!;
    const riserAt = riser * NODE_INTS;
    const inner = links[riserAt + side]!;
    const parent = links[at + PARENT]! >> 1;
    links[at + RIGHT - side] = inner;
    if (inner !== NIL) this.#setParent(inner, node);
    links[riserAt + side] = node;
    this.#setParent(riser, parent);
    this.#setParent(node, riser);
    this.#setChild(tree, parent, node, riser);
  }

  #parentOf(node: number): number {
    return this.links[node * NODE_INTS + PARENT]! >> 1;
  }

  #isBlack(node: number): boolean {
    return (this.links[node * NODE_INTS + PARENT]! & 1) !== 0;
  }

  #setParent(node: number, parent: number): void {
    const at = node * NODE_INTS + PARENT;
    this.links[at] = (parent << 1) | (this.links[at]! & 1);
  }

  /** Where `node` hung below `parent` (NIL: it was the root), `next` hangs now. */
  #setChild(tree: number, parent: number, node: number, next: number): void {
    const { links } = this;
    if (parent === NIL) this.#roots[tree] = next;
    else if (links[parent * NODE_INTS + LEFT] === node) links[parent * NODE_INTS + LEFT] = next;
    else links[parent * NODE_INTS + RIGHT] = next;
  }
}
