/**
 * The stable trees, one per domain: a node for each frame KSM merged, ordered by contents, which cannot change. Pages
 * are on a node through their items; a node takes at most `maxPageSharing`, and past that further frames of the same
 * contents are its fellows ("dups") in a chain, a node of its own that stands for them all in the tree.
 *
 * A node does not hold its frame. The frame carries the node's number as its tag and loses it when it is freed, which
 * the node notices when somebody comes by; its items are then no longer counted, and its number is free once all have
 * left.
 *
 * Holds always: `shared` counts the live or unnoticed nodes that have items, `sharing` those nodes' items beyond the
 * first; all nodes of a chain have equal contents and one domain.
 */

import { assert } from "../../../base/assert.ts";
import type { Host } from "../../memory/host.ts";
import { orderOf } from "./content-order.ts";
import { KEY, LEFT, NIL, NODE_INTS, RedBlackTree, RIGHT } from "./red-black-tree.ts";

const FIRST_CAPACITY = 1024;
/** The size of a node that is a chain. */
const CHAIN = -1024;
const GONE = -1;

export class StableTree {
  readonly #host: Host;
  readonly #tree: RedBlackTree;
  maxPageSharing: number;
  pruneSeconds: number;
  /** The time of the simulation: chains are looked through whole only so often. */
  nowSeconds = 0;
  shared = 0;
  sharing = 0;
  chains = 0;
  dups = 0;
  /** Nodes compared with since the start. */
  steps = 0;

  /** By node: its frame, GONE since that was found freed; items on it, or CHAIN. */
  #frameOf = new Int32Array(FIRST_CAPACITY);
  #sizeOf = new Int32Array(FIRST_CAPACITY);
  #domainOf = new Int32Array(FIRST_CAPACITY);
  /** Of a dup its chain, otherwise NIL; the dups before and after it. Of a chain, `#nextOf` is its first dup. */
  #chainOf = new Int32Array(FIRST_CAPACITY);
  #previousOf = new Int32Array(FIRST_CAPACITY);
  #nextOf = new Int32Array(FIRST_CAPACITY);
  /** Of a chain: when it was last looked through whole. */
  #prunedSeconds = new Float64Array(FIRST_CAPACITY);
  readonly #free: number[] = [];
  #count = 0;
  /** Where the last `#walk` ended without finding: what to hang a node on. */
  #parent = NIL;
  #side = LEFT;

  constructor(
    host: Host,
    limits: { readonly maxPageSharing: number; readonly pruneSeconds: number },
  ) {
    this.#host = host;
    this.#tree = new RedBlackTree(FIRST_CAPACITY, host.domains);
    this.maxPageSharing = limits.maxPageSharing;
    this.pruneSeconds = limits.pruneSeconds;
  }

  frameOf(node: number): number {
    return this.#frameOf[node]!;
  }

  /** A node whose frame holds `content` and takes another page, or NIL. */
  find(domain: number, content: number): number {
    const found = this.#walk(domain, orderOf(content), true);
    return found !== NIL && this.#hasRoom(found, 0) ? found : NIL;
  }

  /** A new node for `frame`, which gets its tag; beside the others of the same contents if there are any. */
  insert(domain: number, frame: number): number {
    const key = orderOf(this.#host.contentOf[frame]!);
    const equal = this.#walk(domain, key, false);
    const node = this.#take(domain, frame, 0, key);
    if (equal === NIL) {
      this.#tree.hang(domain, node, this.#parent, this.#side);
    } else {
      let chain = this.#chainOf[equal]!;
      if (chain === NIL) {
        chain = this.#take(domain, GONE, CHAIN, key);
        this.#nextOf[chain] = NIL;
        this.#prunedSeconds[chain] = this.nowSeconds;
        this.#tree.replace(domain, equal, chain);
        this.chains += 1;
        this.#addDup(chain, equal);
      }
      this.#addDup(chain, node);
    }
    this.#host.setTag(frame, node);
    return node;
  }

  /** One more item on `node`. */
  join(node: number): void {
    this.#sizeOf[node]! += 1;
    if (this.#sizeOf[node]! > 1) this.sharing += 1;
    else this.shared += 1;
  }

  /** One item less on `node`, which is found freed if it was. */
  leave(node: number): void {
    if (this.#frameOf[node] !== GONE && !this.#isAlive(node)) this.#bury(node);
    const size = this.#sizeOf[node]! - 1;
    assert(size >= 0, "an item leaves a node it is on");
    this.#sizeOf[node] = size;
    if (this.#frameOf[node] === GONE) {
      if (size === 0) this.#free.push(node);
    } else if (size > 0) {
      this.sharing -= 1;
    } else {
      this.shared -= 1;
    }
  }

  /** Drops all nodes, none of which has an item; whether no frame of theirs is mapped still. */
  removeAll(): boolean {
    assert(this.shared === 0, "items leave before their nodes do");
    for (let domain = 0; domain < this.#tree.trees; domain++) {
      for (;;) {
        const node = this.#tree.first(domain);
        if (node === NIL) break;
        const found = this.#reach(node, false);
        if (found !== NIL) return false;
      }
    }
    return true;
  }

  /** The best node of that key, or NIL. Nodes on the way whose frames are gone are taken out. */
  #walk(domain: number, key: number, isPruning: boolean): number {
    for (;;) {
      let parent = NIL;
      let side = LEFT;
      let node = this.#tree.rootOf(domain);
      let hasVanished = false;
      while (node !== NIL) {
        const found = this.#reach(node, isPruning);
        if (found === NIL) {
          hasVanished = true;
          break;
        }
        this.steps += 1;
        // A chain with one dup left has been replaced by that dup.
        if (this.#chainOf[found] === NIL) node = found;
        const { links } = this.#tree;
        const nodeKey = links[node * NODE_INTS + KEY]!;
        if (nodeKey === key) return found;
        parent = node;
        side = key < nodeKey ? LEFT : RIGHT;
        node = links[node * NODE_INTS + side]!;
      }
      if (hasVanished) continue;
      this.#parent = parent;
      this.#side = side;
      return NIL;
    }
  }

  /** The node itself, or the best dup of a chain; NIL if that was gone, and out of the tree by now. */
  #reach(node: number, isPruning: boolean): number {
    if (this.#sizeOf[node] === CHAIN) return this.#bestDup(node, isPruning);
    if (this.#isAlive(node)) return node;
    this.#bury(node);
    return NIL;
  }

  #bestDup(chain: number, isPruning: boolean): number {
    const isWhole = isPruning && this.nowSeconds >= this.#prunedSeconds[chain]! + this.pruneSeconds;
    if (isWhole) this.#prunedSeconds[chain] = this.nowSeconds;
    let found = NIL;
    for (let dup = this.#nextOf[chain]!; dup !== NIL; ) {
      const next = this.#nextOf[dup]!;
      if (!this.#isAlive(dup)) {
        this.#bury(dup);
      } else if (found === NIL || this.#isBetter(dup, found)) {
        found = dup;
        if (!isWhole && this.#hasRoom(found, 0)) break;
      }
      dup = next;
    }
    if (found === NIL) {
      this.#tree.remove(this.#domainOf[chain]!, chain);
      this.#dropChain(chain);
    } else if (this.#nextOf[this.#nextOf[chain]!] === NIL) {
      this.#removeDup(found);
      this.#tree.replace(this.#domainOf[chain]!, chain, found);
      this.#dropChain(chain);
    } else if (this.#nextOf[chain] !== found && this.#hasRoom(found, 1)) {
      this.#removeDup(found);
      this.#addDup(chain, found);
    }
    return found;
  }

  #isBetter(dup: number, found: number): boolean {
    if (!this.#hasRoom(dup, 0)) return false;
    return !this.#hasRoom(found, 0) || this.#sizeOf[dup]! > this.#sizeOf[found]!;
  }

  /** Room for one more, when `coming` are under way. A node nobody is on goes soon. */
  #hasRoom(node: number, coming: number): boolean {
    const size = this.#sizeOf[node]!;
    return size > 0 && size + coming < this.maxPageSharing;
  }

  #isAlive(node: number): boolean {
    return this.#host.tagOf[this.#frameOf[node]!] === node;
  }

  /** The node's frame is gone: its items count no longer, and come to know of it when they leave. */
  #bury(node: number): void {
    const size = this.#sizeOf[node]!;
    if (size > 0) {
      this.shared -= 1;
      this.sharing -= size - 1;
    }
    if (this.#chainOf[node] === NIL) this.#tree.remove(this.#domainOf[node]!, node);
    else this.#removeDup(node);
    this.#frameOf[node] = GONE;
    if (size === 0) this.#free.push(node);
  }

  #addDup(chain: number, dup: number): void {
    const first = this.#nextOf[chain]!;
    this.#chainOf[dup] = chain;
    this.#previousOf[dup] = chain;
    this.#nextOf[dup] = first;
    if (first !== NIL) this.#previousOf[first] = dup;
    this.#nextOf[chain] = dup;
    this.dups += 1;
  }

  #removeDup(dup: number): void {
    const previous = this.#previousOf[dup]!;
    const next = this.#nextOf[dup]!;
    this.#nextOf[previous] = next;
    if (next !== NIL) this.#previousOf[next] = previous;
    this.#chainOf[dup] = NIL;
    this.dups -= 1;
  }

  #dropChain(chain: number): void {
    this.chains -= 1;
    this.#free.push(chain);
  }

  #take(domain: number, frame: number, size: number, key: number): number {
    const node = this.#free.pop() ?? this.#count++;
    if (node >= this.#tree.capacity) this.#grow(2 * this.#tree.capacity);
    this.#frameOf[node] = frame;
    this.#sizeOf[node] = size;
    this.#domainOf[node] = domain;
    this.#chainOf[node] = NIL;
    this.#tree.links[node * NODE_INTS + KEY] = key;
    return node;
  }

  #grow(capacity: number): void {
    const grown = (array: Int32Array) => {
      const next = new Int32Array(capacity);
      next.set(array);
      return next;
    };
    this.#tree.grow(capacity);
    this.#frameOf = grown(this.#frameOf);
    this.#sizeOf = grown(this.#sizeOf);
    this.#domainOf = grown(this.#domainOf);
    this.#chainOf = grown(this.#chainOf);
    this.#previousOf = grown(this.#previousOf);
    this.#nextOf = grown(this.#nextOf);
    const pruned = new Float64Array(capacity);
    pruned.set(this.#prunedSeconds);
    this.#prunedSeconds = pruned;
  }
}
