/**
 * The order of contents in the trees. The kernel compares bytes, to which the numbers of contents mean nothing; so any
 * order does in which a page that changes lands anywhere. Blocks of 64 contents in a row stay together, so that pages
 * of one file, visited one after the other, walk down ways that are in the processor's cache.
 */

const LOW_BITS = 6;
const LOW_MASK = (1 << LOW_BITS) - 1;
const HIGH_MASK = (1 << (31 - LOW_BITS)) - 1;
/** Odd, so that multiplying by it permutes; near the golden ratio of 2^25, so that it scatters. */
const SCATTER = 20_738_055;

/** A place in the order, from 0 to 2^31 - 1; equal exactly for equal contents. */
export function orderOf(content: number): number {
  const high = Math.imul(content >>> LOW_BITS, SCATTER) & HIGH_MASK;
  return (high << LOW_BITS) | (content & LOW_MASK);
}
