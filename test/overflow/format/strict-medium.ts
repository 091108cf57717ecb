/**
 * A medium for the header area that asserts NAND's rules, remembers what was done to it, and can lose its power after
 * any sector: what was under way stops there, and so does everything after it.
 */

import { assert } from "../../../src/base/assert.ts";
import { PagefoldError } from "../../../src/base/errors.ts";
import type { Medium } from "../../../src/overflow/media/medium.ts";

const SECTOR_BYTES = 512;

export type Step = "read" | "write" | "erase" | "flush";

export class StrictMedium implements Medium {
  readonly name = "strict medium";
  readonly programBytes: number;
  readonly blockBytes: number;
  readonly bytes: Uint8Array;
  /** Where the next write of each block may begin. */
  readonly #next: number[];
  /** Sectors written and erased so far; the power goes when there are `sectorsLeft` no more. */
  sectors = 0;
  sectorsLeft = Number.POSITIVE_INFINITY;
  /** Asked before each step: whether it fails. */
  fails: (step: Step, offset: number) => boolean = () => false;
  underWay = 0;
  mostUnderWay = 0;
  steps: string[] = [];

  constructor({ blockBytes = 16_384, programBytes = 4096, blocks = 2 } = {}) {
    this.blockBytes = blockBytes;
    this.programBytes = programBytes;
    this.bytes = new Uint8Array(blocks * blockBytes).fill(0xff);
    this.#next = Array(blocks).fill(0);
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  /** The power is back, or the fault gone. */
  revive(): void {
    this.sectorsLeft = Number.POSITIVE_INFINITY;
    this.fails = () => false;
    this.underWay = 0;
  }

  async #step(step: Step, offset: number, act: () => void): Promise<void> {
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    this.steps.push(`${step} ${offset}`);
    await new Promise((wake) => setImmediate(wake));
    try {
      if (this.sectorsLeft === 0 || this.fails(step, offset)) {
        throw new PagefoldError("IO", `${step} at ${offset} failed`);
      }
      act();
    } finally {
      this.underWay -= 1;
    }
  }

  /** Does `act` to each sector until the power goes. */
  #eachSector(offset: number, length: number, act: (from: number, to: number) => void): void {
    for (let at = offset; at < offset + length; at += SECTOR_BYTES) {
      if (this.sectorsLeft === 0) throw new PagefoldError("IO", "the power went");
      this.sectorsLeft -= 1;
      this.sectors += 1;
      act(at, at + SECTOR_BYTES);
    }
  }

  read(offset: number, target: Uint8Array): Promise<void> {
    return this.#step("read", offset, () => {
      target.set(this.bytes.subarray(offset, offset + target.length));
    });
  }

  write(offset: number, source: Uint8Array): Promise<void> {
    const block = Math.floor(offset / this.blockBytes);
    const start = offset - block * this.blockBytes;
    assert(offset % this.programBytes === 0, "writes begin at a program unit");
    assert(source.length % this.programBytes === 0, "writes are of whole program units");
    assert(start >= this.#next[block]!, "a block is written in order, what failed included");
    assert(start + source.length <= this.blockBytes, "a write stays in its block");
    this.#next[block] = start + source.length;
    return this.#step("write", offset, () => {
      this.#eachSector(offset, source.length, (from, to) => {
        this.bytes.set(source.subarray(from - offset, to - offset), from);
      });
    });
  }

  erase(offset: number, length: number): Promise<void> {
    return this.#step("erase", offset, () => {
      assert(offset % this.blockBytes === 0 && length === this.blockBytes, "a block is erased");
      this.#next[offset / this.blockBytes] = 0;
      this.#eachSector(offset, length, (from, to) => this.bytes.fill(0xff, from, to));
    });
  }

  flush(): Promise<void> {
    return this.#step("flush", 0, () => {});
  }

  async close(): Promise<void> {}
}
