/**
 * Writes a disk has acknowledged and keeps in a cache that does not survive: they can be read back, and land in any
 * order. Holds always: no two of them overlap; whoever adds one has the earlier ones there landed first.
 */

import type { SeededRandom } from "../../base/random.ts";
import type { Medium } from "./medium.ts";

interface HeldWrite {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export class HeldWrites {
  readonly #medium: Medium;
  readonly #random: SeededRandom;
  #writes: HeldWrite[] = [];

  constructor(medium: Medium, random: SeededRandom) {
    this.#medium = medium;
    this.#random = random;
  }

  /** Keeps `bytes`, which are its own from now on. */
  add(offset: number, bytes: Uint8Array): void {
    this.#writes.push({ offset, bytes });
  }

  /** Puts what is held over what was read from the medium. */
  overlay(offset: number, target: Uint8Array): void {
    for (const held of this.#writes) {
      const start = Math.max(offset, held.offset);
      const end = Math.min(offset + target.length, held.offset + held.bytes.length);
      if (start >= end) continue;
      target.set(held.bytes.subarray(start - held.offset, end - held.offset), start - offset);
    }
  }

  async landAll(): Promise<void> {
    await this.#land(this.#writes);
  }

  async landOverlapping(offset: number, length: number): Promise<void> {
    const end = offset + length;
    await this.#land(
      this.#writes.filter((held) => held.offset < end && offset < held.offset + held.bytes.length),
    );
  }

  /** Half of them, drawn, land; the others never will. */
  async landSome(): Promise<void> {
    const chosen = this.#writes.filter(() => this.#random.below(2) === 0);
    await this.#land(chosen);
    this.#writes = [];
  }

  async #land(chosen: readonly HeldWrite[]): Promise<void> {
    const left = [...chosen];
    while (left.length > 0) {
      const [held] = left.splice(this.#random.below(left.length), 1);
      // Held until it has landed, so that a read meanwhile finds it.
      if (held === undefined || !this.#writes.includes(held)) continue;
      await this.#medium.write(held.offset, held.bytes);
      this.#writes = this.#writes.filter((other) => other !== held);
    }
  }
}
