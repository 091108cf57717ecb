/** An engine with the host's part of its work: pages in by value, pages out by value, host decodings counted. */

import type { Codec } from "../../codecs/codec.ts";
import { type RandomSource, SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { Engine, NEEDS_COMPRESS, NEEDS_DECODE } from "../../src/engine/engine.ts";

/** The number the core runs its lz4 under (src/engine/assembly/kernel.ts). */
const LZ4_KERNEL = 1;

export interface DriverOptions {
  /** The codecs that run in the host, by priority; without them the core's lz4 is the only one. */
  readonly codecs?: readonly Codec[];
  readonly dedup?: boolean;
  readonly hashMask?: bigint;
  /** Domains to begin with, 1 unless told. */
  readonly domains?: number;
  readonly random?: RandomSource;
}

/** A key source that repeats from `seed`. */
export function seededKeys(seed: number): RandomSource {
  const random = new SeededRandom(seed);
  return (target) => random.fill(target);
}

export class EngineDriver {
  readonly engine: Engine;
  /** Candidates the host decoded to be compared. */
  decodings = 0;
  readonly #codecs: readonly Codec[];

  constructor(options: DriverOptions = {}) {
    const { codecs = [], dedup = true, hashMask, domains = 1, random = seededKeys(1) } = options;
    this.#codecs = codecs;
    const kernels = codecs.length === 0 ? [LZ4_KERNEL] : codecs.map(() => 0);
    const mask = hashMask === undefined ? {} : { hashMask };
    this.engine = new Engine({ dedup, kernels, random, ...mask });
    for (let count = 0; count < domains; count++) this.engine.addDomain();
  }

  /** Stores the page in place of `old`: the object's id, SAME_FILLED or NO_ROOM. */
  put(page: Uint8Array, options: { readonly domain?: number; readonly old?: number } = {}): number {
    const { engine } = this;
    engine.page.set(page);
    let result = engine.write(0, options.domain ?? 0, options.old ?? 0);
    while (result === NEEDS_DECODE || result === NEEDS_COMPRESS) {
      if (result === NEEDS_DECODE) {
        this.decodings += 1;
        result = engine.resume(this.#decode(engine.reply[2]!, engine.decoded));
      } else {
        result = engine.commit(this.#codecs[0]!.compress(engine.page, engine.scratch));
      }
    }
    return result;
  }

  /** The object's page, null if its bytes do not decode. */
  get(id: number): Uint8Array | null {
    const { engine } = this;
    const result = engine.read(id, 0);
    if (result === 0) return engine.page.slice();
    return result === NEEDS_DECODE && this.#decode(id, engine.page) ? engine.page.slice() : null;
  }

  /** Tries the object with the host codec of `priority`: whether it lies in a smaller class now. */
  recode(id: number, priority: number): boolean {
    const { engine } = this;
    const page = this.get(id)!;
    return engine.recode(id, this.#codecs[priority]!.compress(page, engine.scratch), priority);
  }

  #decode(id: number, target: Uint8Array): boolean {
    const codec = this.#codecs[this.engine.priorityOf(id)]!;
    return codec.decompress(this.engine.bytesOf(id), target) === PAGE_BYTES;
  }
}
