/**
 * Wear levelling: when the most worn segment is too far above the mean, the least worn one is cleaned whatever lives in
 * it, so that what lies still there moves to a worn segment, and its own segment takes writes again.
 *
 * The distance allowed grows with the mean, so the price falls as the medium ages: a segment of static data moves once
 * per `share` of its life.
 */

export interface Levelling {
  /** The most worn may be above the mean by this share of the mean. */
  readonly share: number;
  /** ... and always by so many erases. */
  readonly leastErases: number;
}

/** Keeps max / mean within 1.05 from a mean of 100 erases on. */
export const DEFAULT_LEVELLING: Levelling = { share: 0.035, leastErases: 3 };

/** How far above the mean an erase count may be. */
export function allowedErases({ share, leastErases }: Levelling, mean: number): number {
  return Math.max(leastErases, share * mean);
}
