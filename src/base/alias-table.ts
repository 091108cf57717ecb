/**
 * Draws one of many by given shares, in constant time: the alias method (Walker 1974, tables as Vose 1991 builds
 * them). A column by chance, then its own number or its alias. 12 bytes each.
 */

import type { SeededRandom } from "./random.ts";

export class AliasTable {
  readonly #ownBelow: Float64Array;
  readonly #alias: Uint32Array;

  /** Takes `shares` over: how often each is drawn, on a scale on which their mean is 1. */
  constructor(shares: Float64Array) {
    this.#ownBelow = shares;
    this.#alias = new Uint32Array(shares.length);
    this.#build();
  }

  /** Fills up each column below its share from one above it. */
  #build(): void {
    const share = this.#ownBelow;
    const small: number[] = [];
    const large: number[] = [];
    share.forEach((one, index) => {
      (one < 1 ? small : large).push(index);
    });
    while (small.length > 0 && large.length > 0) {
      const below = small.pop()!;
      const above = large.at(-1)!;
      this.#alias[below] = above;
      share[above] = share[above]! - (1 - share[below]!);
      if (share[above]! < 1) small.push(large.pop()!);
    }
    for (const index of small) share[index] = 1;
    for (const index of large) share[index] = 1;
    for (let index = 0; index < share.length; index++) share[index] = share[index]! * 2 ** 32;
  }

  /** The index of one of the shares. */
  draw(random: SeededRandom): number {
    const column = random.below(this.#alias.length);
    const isOwn = random.uint32() < this.#ownBelow[column]!;
    return isOwn ? column : this.#alias[column]!;
  }
}
