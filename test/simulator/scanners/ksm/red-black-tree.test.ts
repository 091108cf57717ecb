/** Red-black trees against sorted arrays and against their own definition. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../../src/base/random.ts";
import { KeyedTree } from "../../../../src/simulator/scanners/ksm/keyed-tree.ts";
import {
  KEY,
  LEFT,
  NIL,
  NODE_INTS,
  RedBlackTree,
  RIGHT,
} from "../../../../src/simulator/scanners/ksm/red-black-tree.ts";
import { testSeed } from "../../../support/seed.ts";
import { shuffled } from "./small-host.ts";

const PARENT = 2;
const NODES = 400;

/** Hangs `node` where its key belongs. */
function insert(tree: RedBlackTree, root: number, node: number, key: number): void {
  let parent = NIL;
  let side = LEFT;
  for (let at = tree.rootOf(root); at !== NIL; at = tree.links[at * NODE_INTS + side]!) {
    parent = at;
    side = key < tree.links[at * NODE_INTS + KEY]! ? LEFT : RIGHT;
  }
  tree.links[node * NODE_INTS + KEY] = key;
  tree.hang(root, node, parent, side);
}

function keysInOrder(tree: RedBlackTree, root: number): number[] {
  const keys: number[] = [];
  for (let node = tree.first(root); node !== NIL; node = tree.next(node)) {
    keys.push(tree.links[node * NODE_INTS + KEY]!);
  }
  return keys;
}

/** Black nodes on every way down from `node`; what breaks the definition is thrown. */
function blackHeight(tree: RedBlackTree, node: number, parent: number): number {
  if (node === NIL) return 0;
  const link = tree.links[node * NODE_INTS + PARENT]!;
  if (link >> 1 !== parent) throw new Error(`node ${node} does not know its parent`);
  const isBlack = (link & 1) === 1;
  if (!isBlack && (parent === NIL || (tree.links[parent * NODE_INTS + PARENT]! & 1) === 0)) {
    throw new Error(`node ${node} is red and so is what it hangs on`);
  }
  const left = blackHeight(tree, tree.links[node * NODE_INTS + LEFT]!, node);
  const right = blackHeight(tree, tree.links[node * NODE_INTS + RIGHT]!, node);
  if (left !== right) throw new Error(`below node ${node} are ${left} and ${right} black nodes`);
  return left + (isBlack ? 1 : 0);
}

function depthOf(tree: RedBlackTree, node: number): number {
  if (node === NIL) return 0;
  const left = depthOf(tree, tree.links[node * NODE_INTS + LEFT]!);
  return 1 + Math.max(left, depthOf(tree, tree.links[node * NODE_INTS + RIGHT]!));
}

describe("RedBlackTree", () => {
  it("holds what a sorted array holds and stays red-black, whatever comes and goes", () => {
    const random = new SeededRandom(testSeed("red-black tree"));
    const tree = new RedBlackTree(NODES, 2);
    const keys = Array.from({ length: NODES }, () => random.below(1000));
    const rootOf = new Array<number>(NODES).fill(NIL);
    for (let round = 0; round < 4000; round++) {
      const node = random.below(NODES);
      if (rootOf[node] === NIL) {
        rootOf[node] = random.below(2);
        insert(tree, rootOf[node], node, keys[node]!);
      } else {
        tree.remove(rootOf[node]!, node);
        rootOf[node] = NIL;
      }
      for (const root of [0, 1]) {
        blackHeight(tree, tree.rootOf(root), NIL);
        const expected = keys.filter((_, index) => rootOf[index] === root).sort((a, b) => a - b);
        expect(keysInOrder(tree, root)).toEqual(expected);
      }
    }
  });

  it("is at most 2 log2(n + 1) deep, in ascending, descending and any other order", () => {
    const random = new SeededRandom(testSeed("red-black tree's depth"));
    const count = 50_000;
    const ascending = Int32Array.from({ length: count }, (_, index) => index);
    for (const order of [ascending, ascending.toReversed(), shuffled(count, random)]) {
      const tree = new RedBlackTree(count, 1);
      order.forEach((key, node) => {
        insert(tree, 0, node, key);
      });
      expect(depthOf(tree, tree.rootOf(0))).toBeLessThanOrEqual(2 * Math.log2(count + 1));
    }
  });

  it("keeps a node's place when another replaces it", () => {
    const tree = new RedBlackTree(NODES, 1);
    for (let node = 0; node < NODES / 2; node++) insert(tree, 0, node, node);
    for (let node = 0; node < NODES / 2; node++) {
      const next = NODES / 2 + node;
      tree.links[next * NODE_INTS + KEY] = node;
      tree.replace(0, node, next);
    }
    blackHeight(tree, tree.rootOf(0), NIL);
    expect(keysInOrder(tree, 0)).toEqual(Array.from({ length: NODES / 2 }, (_, index) => index));
    expect(tree.first(0)).toBe(NODES / 2);
  });

  it("keeps its nodes when it grows, and none when it is cleared", () => {
    const tree = new RedBlackTree(4, 1);
    for (let node = 0; node < 4; node++) insert(tree, 0, node, 10 - node);
    tree.grow(8);
    insert(tree, 0, 7, 1);
    expect(keysInOrder(tree, 0)).toEqual([1, 7, 8, 9, 10]);
    tree.clear();
    expect(tree.first(0)).toBe(NIL);
  });
});

describe("KeyedTree", () => {
  it("finds what a map finds", () => {
    const random = new SeededRandom(testSeed("keyed tree"));
    const tree = new KeyedTree(NODES);
    const nodeOf = new Map<number, number>();
    const keyOf = new Map<number, number>();
    for (let round = 0; round < 20_000; round++) {
      const node = random.below(NODES);
      const key = random.below(2 * NODES) * 2 ** 40 - 2 ** 45;
      const ownKey = keyOf.get(node);
      if (ownKey !== undefined) {
        tree.remove(node);
        keyOf.delete(node);
        nodeOf.delete(ownKey);
      } else if (!nodeOf.has(key)) {
        tree.insert(node, key);
        keyOf.set(node, key);
        nodeOf.set(key, node);
      }
      const asked = random.below(2 * NODES) * 2 ** 40 - 2 ** 45;
      expect(tree.find(asked)).toBe(nodeOf.get(asked) ?? NIL);
    }
  });
});
