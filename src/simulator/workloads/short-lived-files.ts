/**
 * Files in a guest's page cache that do not stay: each page goes at a time drawn, when it comes in, from a log-normal
 * law, however often it is read meanwhile.
 */

import type { SeededRandom } from "../../base/random.ts";
import { logNormal } from "../draws.ts";
import { type Guest, NO_PAGE } from "../guest/guest.ts";
import { Lifetimes } from "./lifetimes.ts";

export class ShortLivedFiles {
  readonly #guest: Guest;
  readonly #random: SeededRandom;
  readonly #medianSeconds: number;
  readonly #sigma: number;
  readonly #lifetimes: Lifetimes;

  constructor(
    guest: Guest,
    options: {
      readonly random: SeededRandom;
      readonly medianSeconds: number;
      readonly sigma: number;
    },
  ) {
    this.#guest = guest;
    this.#random = options.random;
    this.#medianSeconds = options.medianSeconds;
    this.#sigma = options.sigma;
    this.#lifetimes = new Lifetimes(guest);
  }

  /** Reads a file page, by its content: whether the disk had to. @throws PagefoldError NO_SPACE of the host. */
  read(filePage: number, nowSeconds: number): boolean {
    const { tally } = this.#guest;
    const { cacheMisses, tmemHits } = tally;
    const page = this.#guest.fileRead(filePage, 0);
    if (tally.cacheMisses === cacheMisses) return false;
    this.#live(page, nowSeconds);
    return tally.tmemHits === tmemHits;
  }

  /** Writes a file page, by its content, into the cache. @throws as `read`. */
  write(filePage: number, nowSeconds: number): void {
    this.#live(this.#guest.fileWrite(filePage, 0), nowSeconds);
  }

  #live(page: number, nowSeconds: number): void {
    if (page === NO_PAGE) return;
    const lifetime = logNormal(this.#random, this.#medianSeconds, this.#sigma);
    this.#lifetimes.end(page, nowSeconds + lifetime);
  }

  /** Takes out what has gone by now. @throws as `read`. */
  expire(nowSeconds: number): void {
    for (;;) {
      const page = this.#lifetimes.next(nowSeconds);
      if (page === NO_PAGE) return;
      this.#guest.drop(page);
    }
  }
}
