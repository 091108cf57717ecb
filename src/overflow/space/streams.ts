/**
 * Streams: what is expected to die at about the same time is written to the same segments. Each stream's segments are
 * a pool with bytes that live, spare bytes, and a rate at which bytes die in it.
 *
 * The spare bytes are split by the square-root rule: with formula 3 of Agarwal and Marrow for the amplification of each
 * pool, the least in total is where a pool has spare bytes in proportion to the root of its dying rate times its live
 * bytes. In balance as much dies in a pool as is written to it, so the dying rate stands for the writing rate, and is
 * known for pools of survivors too.
 */

/** Dying rates are halved when so many times the space's bytes died. */
const RATE_WINDOW = 1;

export class Pools {
  readonly count: number;
  /** Segments that hold a pool's records, open ones included. */
  readonly segments: Float64Array;
  readonly live: Float64Array;
  /** Recently died, fading. */
  readonly died: Float64Array;
  readonly #segmentBytes: number;
  readonly #windowBytes: number;
  #sinceFading = 0;

  constructor({
    count,
    segments,
    segmentBytes,
  }: { readonly count: number; readonly segments: number; readonly segmentBytes: number }) {
    this.count = count;
    this.segments = new Float64Array(count);
    this.live = new Float64Array(count);
    this.died = new Float64Array(count);
    this.#segmentBytes = segmentBytes;
    this.#windowBytes = RATE_WINDOW * segments * segmentBytes;
  }

  /** Bytes of a pool died; what leaves a segment that is being cleaned is `remove`d instead. */
  countDied(pool: number, bytes: number): void {
    this.remove(pool, bytes);
    this.died[pool]! += bytes;
    this.#sinceFading += bytes;
    if (this.#sinceFading < this.#windowBytes) return;
    this.#sinceFading = 0;
    for (let each = 0; each < this.count; each++) this.died[each]! /= 2;
  }

  /** Bytes of a pool were moved. */
  remove(pool: number, bytes: number): void {
    this.live[pool]! -= bytes;
  }

  /** The pool furthest above its share of the spare bytes, of those with `candidates`; -1: none has any. */
  mostSpare(candidates: Uint32Array): number {
    if (this.count === 1) return candidates[0]! > 0 ? 0 : -1;
    let spare = 0;
    let weight = 0;
    for (let pool = 0; pool < this.count; pool++) {
      spare += this.#spareBytes(pool);
      weight += this.#weight(pool);
    }
    let best = -1;
    let most = 0;
    for (let pool = 0; pool < this.count; pool++) {
      if (candidates[pool] === 0) continue;
      const share = weight > 0 ? (spare * this.#weight(pool)) / weight : 0;
      const excess = this.#spareBytes(pool) - share;
      if (best < 0 || excess > most) {
        best = pool;
        most = excess;
      }
    }
    return best;
  }

  #spareBytes(pool: number): number {
    return this.segments[pool]! * this.#segmentBytes - this.live[pool]!;
  }

  #weight(pool: number): number {
    return Math.sqrt(this.died[pool]! * this.live[pool]!);
  }
}
