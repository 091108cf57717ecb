/** Free segments, in the order they became free, with a look at the oldest of them for the least or most worn. */

/** Looked at: all of them, where free ones are few, as they are once a log has filled. */
const LOOK = 256;

export class FreeSegments {
  readonly #eraseCounts: Uint32Array;
  readonly #ring: Uint32Array;
  #first = 0;
  count = 0;

  /** `eraseCounts`: by segment; read at every take. */
  constructor(eraseCounts: Uint32Array) {
    this.#eraseCounts = eraseCounts;
    this.#ring = new Uint32Array(eraseCounts.length);
  }

  put(segment: number): void {
    this.#ring[this.#at(this.count)] = segment;
    this.count += 1;
  }

  /** The one free for the longest; there must be one, as for the others. */
  takeOldest(): number {
    return this.#takeAt(0);
  }

  takeLeastWorn(): number {
    return this.#takeAt(this.#best(1));
  }

  takeMostWorn(): number {
    return this.#takeAt(this.#best(-1));
  }

  /** The one `takeMostWorn` would take. */
  mostWorn(): number {
    return this.#ring[this.#at(this.#best(-1))]!;
  }

  /** Takes out a segment that is free. */
  remove(segment: number): void {
    for (let index = 0; index < this.count; index++) {
      if (this.#ring[this.#at(index)] === segment) {
        this.#takeAt(index);
        return;
      }
    }
  }

  #at(index: number): number {
    const at = this.#first + index;
    return at < this.#ring.length ? at : at - this.#ring.length;
  }

  #best(sign: 1 | -1): number {
    let best = 0;
    let least = sign * this.#eraseCounts[this.#ring[this.#at(0)]!]!;
    for (let index = 1; index < Math.min(this.count, LOOK); index++) {
      const count = sign * this.#eraseCounts[this.#ring[this.#at(index)]!]!;
      if (count < least) {
        best = index;
        least = count;
      }
    }
    return best;
  }

  /** Takes one out; the oldest takes its place. */
  #takeAt(index: number): number {
    const at = this.#at(index);
    const segment = this.#ring[at]!;
    this.#ring[at] = this.#ring[this.#first]!;
    this.#first = this.#at(1);
    this.count -= 1;
    return segment;
  }
}
