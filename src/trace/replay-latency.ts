/**
 * Latencies counted in buckets, so that their number does not matter: each power of two of nanoseconds is cut into 32,
 * a quantile is right to 1.6 %. The largest is exact.
 */

const STEPS = 32;
/** Buckets up to 2^43 ns, more than two hours. */
const POWERS = 43;

export class Latencies {
  readonly #buckets = new Float64Array(POWERS * STEPS);
  #count = 0;
  #mostUs = 0;

  add(seconds: number): void {
    const ns = Math.min(Math.max(1, seconds * 1e9), 2 ** POWERS - 1);
    const power = Math.floor(Math.log2(ns));
    const step = Math.min(STEPS - 1, Math.floor((ns / 2 ** power - 1) * STEPS));
    this.#buckets[power * STEPS + step]! += 1;
    this.#count += 1;
    this.#mostUs = Math.max(this.#mostUs, seconds * 1e6);
  }

  /** Microseconds that the part `fraction` of all took at most; null where there are none. */
  quantileUs(fraction: number): number | null {
    if (this.#count === 0) return null;
    const rank = Math.max(1, Math.ceil(fraction * this.#count));
    let seen = 0;
    let bucket = -1;
    while (seen < rank) {
      bucket += 1;
      seen += this.#buckets[bucket]!;
    }
    const middle = 1 + ((bucket % STEPS) + 0.5) / STEPS;
    return Math.min(this.#mostUs, (2 ** Math.floor(bucket / STEPS) * middle) / 1000);
  }

  /** The largest, in microseconds; null where there are none. */
  get mostUs(): number | null {
    return this.#count === 0 ? null : this.#mostUs;
  }
}
