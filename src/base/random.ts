/** Chance is passed in: secrets from the system's secure source, everything repeatable from a seed. */

import { getRandomValues } from "node:crypto";

/** Where keys come from: fills `target` with bytes. A test may pass a seeded one. */
export type RandomSource = (target: Uint8Array) => void;

/** The system's secure source (at most 65,536 bytes a call are asked of it). */
export const secureRandom: RandomSource = (target) => {
  for (let offset = 0; offset < target.length; offset += 65_536) {
    getRandomValues(target.subarray(offset, offset + 65_536));
  }
};

/** A small repeatable generator: sfc32 (Chris Doty-Humphrey, PractRand), seeded from one 32-bit number. */
export class SeededRandom {
  #a = 0;
  #b = 0;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#c = seed >>> 0;
    for (let round = 0; round < 15; round++) this.uint32();
  }

  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A whole number from 0 to `limit` - 1 (limit from 1 to 2^32). */
  below(limit: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * limit);
  }

  /** Fills `target` with bytes. */
  fill(target: Uint8Array): void {
    for (let index = 0; index < target.length; index++) target[index] = this.uint32() >>> 24;
  }
}
