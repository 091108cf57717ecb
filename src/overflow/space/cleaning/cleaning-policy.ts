/**
 * Which segment to clean next, as one question to a policy. What is offered is always worth cleaning; a policy only
 * compares, keeps nothing and changes nothing.
 */

/** What a policy sees. The arrays are the space's own, by segment, and not to be written or kept. */
export interface SegmentView {
  /** The segments to choose from: the first `count` entries, in no particular order; at least one. */
  readonly candidates: Uint32Array;
  readonly count: number;
  /** Closed segments in all, those with nothing to win included. */
  readonly closed: number;
  readonly segmentBytes: number;
  /** Bytes of records that still live. */
  readonly live: Uint32Array;
  /** The place of each segment in the order they were taken in. */
  readonly sequence: Float64Array;
  /** Bytes that had been written to all segments when this one was closed, and by now. */
  readonly closedAt: Float64Array;
  readonly clock: number;
  readonly eraseCounts: Uint32Array;
  /** Chance: a whole number below `limit`. */
  readonly random: { below(limit: number): number };
}

export interface CleaningPolicy {
  /** As the command line and reports know it. */
  readonly name: string;
  /** One of the candidates. */
  choose(view: SegmentView): number;
}
