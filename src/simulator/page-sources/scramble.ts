/** Numbers made to look like chance. */

/** Another number from 0 to 2^32 - 1 for each of those, 0 for 0 alone: the last steps of MurmurHash3. */
export function scramble(number: number): number {
  let hash = number;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
