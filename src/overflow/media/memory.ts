/**
 * A medium in memory, for tests and simulations. Memory is taken for what is written only, and given back by erasing.
 * Bytes never written, and erased ones, read as zeros.
 */

import {
  assertPlace,
  checkMediumSize,
  type Medium,
  mediumClosed,
  PLAIN_PROGRAM_BYTES,
} from "./medium.ts";
import { SparseBytes } from "./sparse-bytes.ts";

export interface MemoryMediumOptions {
  /** A multiple of 4096. */
  readonly sizeBytes: number;
}

export class MemoryMedium implements Medium {
  readonly name = "memory";
  readonly sizeBytes: number;
  readonly programBytes = PLAIN_PROGRAM_BYTES;
  readonly #bytes = new SparseBytes();
  #isClosed = false;

  /** @throws PagefoldError INVALID_ARGUMENT. */
  constructor({ sizeBytes }: MemoryMediumOptions) {
    checkMediumSize(this.name, sizeBytes, this.programBytes);
    this.sizeBytes = sizeBytes;
  }

  /** Bytes of memory it takes. */
  get takenBytes(): number {
    return this.#bytes.takenBytes;
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    assertPlace(this, { offset, length: target.length, step: 1 });
    if (this.#isClosed) throw mediumClosed(this.name);
    this.#bytes.read(offset, target);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    assertPlace(this, { offset, length: source.length, step: this.programBytes });
    if (this.#isClosed) throw mediumClosed(this.name);
    this.#bytes.write(offset, source);
  }

  async erase(offset: number, length: number): Promise<void> {
    assertPlace(this, { offset, length, step: this.programBytes });
    if (this.#isClosed) throw mediumClosed(this.name);
    this.#bytes.erase(offset, length);
  }

  async flush(): Promise<void> {
    if (this.#isClosed) throw mediumClosed(this.name);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#bytes.clear();
  }
}
