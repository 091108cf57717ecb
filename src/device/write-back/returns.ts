/**
 * The way back from the log: an object that is away is read and decoded for whoever asks; read a second time, it comes
 * back into memory, its record staying on the log as a copy.
 */

import type { Codec } from "../../../codecs/codec.ts";
import { PagefoldError } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Log } from "../../overflow/log.ts";

const FIRST_CAPACITY = 1024;

export class Returns {
  readonly #log: Log;
  readonly #codecs: readonly Codec[];
  readonly #promotes: boolean;
  /** By id: 1 if it was read from the log since it left memory. */
  #wasRead = new Uint8Array(FIRST_CAPACITY);
  /** Objects that came back. */
  promoted = 0;

  constructor(log: Log, codecs: readonly Codec[], promotes: boolean) {
    this.#log = log;
    this.#codecs = codecs;
    this.#promotes = promotes;
  }

  /** Reads an object that is away into `target` (a page): its record's bytes. @throws PagefoldError CORRUPT, IO. */
  async fetch(engine: Engine, id: number, target: Uint8Array): Promise<Uint8Array> {
    const codec = this.#codecs[engine.priorityOf(id)]!;
    // All of it is read or nothing is given back.
    const bytes = Buffer.allocUnsafe(this.#log.placement.lengthOf(id));
    const length = await this.#log.read(id, bytes);
    if (length === PAGE_BYTES) target.set(bytes);
    else if (codec.decompress(bytes, target) !== PAGE_BYTES) {
      throw new PagefoldError(
        "CORRUPT",
        `object ${id}: the ${length} bytes read from the log do not decode with ${codec.name}; write its pages anew`,
      );
    }
    return bytes;
  }

  /** Notes that an object was read: whether it was before, and is to come back. */
  isReadAgain(id: number): boolean {
    if (!this.#promotes) return false;
    const wasRead = this.#wasRead[id] === 1;
    this.#reach(id);
    this.#wasRead[id] = 1;
    return wasRead;
  }

  /** Brings an object back, given its record's bytes: whether there was room. */
  admit(engine: Engine, id: number, bytes: Uint8Array): boolean {
    (bytes.length === PAGE_BYTES ? engine.decoded : engine.scratch).set(bytes);
    if (!engine.admit(id, bytes.length)) return false;
    this.#wasRead[id] = 0;
    this.promoted += 1;
    return true;
  }

  /** An object has left memory. */
  left(id: number): void {
    if (id < this.#wasRead.length) this.#wasRead[id] = 0;
  }

  clear(): void {
    this.#wasRead.fill(0);
  }

  #reach(id: number): void {
    if (id < this.#wasRead.length) return;
    const grown = new Uint8Array(2 ** Math.ceil(Math.log2(id + 1)));
    grown.set(this.#wasRead);
    this.#wasRead = grown;
  }
}
