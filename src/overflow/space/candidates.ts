/** The segments worth cleaning, a list per stream in no particular order; in and out in constant time. */

const NOT_LISTED = -1;

export class Candidates {
  /** By stream; the first `counts[stream]` entries. */
  readonly lists: Uint32Array[];
  readonly counts: Uint32Array;
  /** In all lists. */
  total = 0;
  /** By segment, its place in the list of its stream. */
  readonly #placeOf: Int32Array;

  constructor({ streams, segments }: { readonly streams: number; readonly segments: number }) {
    this.lists = Array.from({ length: streams }, () => new Uint32Array(16));
    this.counts = new Uint32Array(streams);
    this.#placeOf = new Int32Array(segments).fill(NOT_LISTED);
  }

  has(segment: number): boolean {
    return this.#placeOf[segment] !== NOT_LISTED;
  }

  /** Adds a segment that is not listed. */
  add(stream: number, segment: number): void {
    const count = this.counts[stream]!;
    let list = this.lists[stream]!;
    if (count === list.length) {
      list = new Uint32Array(2 * count);
      list.set(this.lists[stream]!);
      this.lists[stream] = list;
    }
    list[count] = segment;
    this.#placeOf[segment] = count;
    this.counts[stream] = count + 1;
    this.total += 1;
  }

  /** Takes a segment out, if it is listed. */
  remove(stream: number, segment: number): void {
    const place = this.#placeOf[segment]!;
    if (place === NOT_LISTED) return;
    const list = this.lists[stream]!;
    const last = this.counts[stream]! - 1;
    const moved = list[last]!;
    list[place] = moved;
    this.#placeOf[moved] = place;
    this.#placeOf[segment] = NOT_LISTED;
    this.counts[stream] = last;
    this.total -= 1;
  }
}
