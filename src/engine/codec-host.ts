/**
 * The host's part of a page's way: codecs that run in JavaScript do here what the core asks for amid a write or a
 * read. Everything is synchronous, so nothing comes between. No call allocates, the codecs excepted.
 */

import type { Codec } from "../../codecs/codec.ts";
import { assert } from "../base/assert.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { AWAY, CORRUPT, type Engine, NEEDS_COMPRESS, NEEDS_DECODE, NO_ROOM } from "./engine.ts";

export class CodecHost {
  readonly #engine: Engine;
  readonly #codecs: readonly Codec[];

  /** For an engine whose codecs, by priority, are these. */
  constructor(engine: Engine, codecs: readonly Codec[]) {
    this.#engine = engine;
    this.#codecs = codecs;
  }

  /** As `Engine.write`, the host's part done: an object id, SAME_FILLED or NO_ROOM. */
  write(staged: number, domain: number, old: number): number {
    let result = this.#engine.write(staged, domain, old);
    while (result < NO_ROOM) result = this.#goOn(result, staged);
    return result;
  }

  #goOn(request: number, staged: number): number {
    const engine = this.#engine;
    if (request === NEEDS_DECODE) {
      const id = engine.reply[2]!;
      const codec = this.#codecs[engine.priorityOf(id)]!;
      return engine.resume(codec.decompress(engine.bytesOf(id), engine.decoded) === PAGE_BYTES);
    }
    assert(request === NEEDS_COMPRESS, `the engine answered ${request}`);
    return engine.commit(this.#codecs[0]!.compress(this.#page(staged), engine.scratch));
  }

  /** As `Engine.read`, the host's part done: 0, CORRUPT or AWAY. */
  read(id: number, staged: number): number {
    const result = this.#engine.read(id, staged);
    return result === 0 || result === AWAY ? result : this.#decode(result, { id, staged });
  }

  #decode(result: number, at: { readonly id: number; readonly staged: number }): number {
    const engine = this.#engine;
    if (result === CORRUPT) return CORRUPT;
    assert(result === NEEDS_DECODE, `the engine answered ${result}`);
    const codec = this.#codecs[engine.priorityOf(at.id)]!;
    const length = codec.decompress(engine.bytesOf(at.id), this.#page(at.staged));
    return length === PAGE_BYTES ? 0 : CORRUPT;
  }

  #page(staged: number): Uint8Array {
    return this.#engine.pages.subarray(staged * PAGE_BYTES, (staged + 1) * PAGE_BYTES);
  }
}
