/**
 * What things cost in virtual time, in seconds. Prices are of an x86-64 server core, rounded; where pagefold's own
 * figures exist (docs/figures.md) they are taken. Scenarios compare ways with each other, so ratios matter more than
 * the values.
 */

export const COSTS = {
  /** A guest's access to a page that is there: its share of TLB and cache misses. */
  accessSeconds: 0.1e-6,
  /** An exit to the host to change a mapping. */
  faultSeconds: 1.2e-6,
  clearSeconds: 0.1e-6,
  copySeconds: 0.3e-6,
  /** A page compressed and stored, and read back: pagefold's lz4 through a block device's queue. */
  swapOutSeconds: 7e-6,
  swapInSeconds: 5e-6,
  /** tmem's put and get beside the exit to the host: compressed and stored, found and decoded (docs/figures.md). */
  tmemPutSeconds: 4.5e-6,
  tmemGetSeconds: 1.5e-6,
  /** What a disk request costs the processor, not how long it waits. */
  diskRequestSeconds: 5e-6,

  /** A scanner finds a page's mapping and looks at its state. */
  followSeconds: 0.5e-6,
  /** xxHash over 4096 bytes not in the cache. */
  checksumSeconds: 0.4e-6,
  /** SHA-1 over 4096 bytes (1.1 GB/s). */
  sha1Seconds: 3.6e-6,
  /** A step down a tree: two pages compared until they differ, most of it waiting for memory. */
  compareSeconds: 0.1e-6,
  /** Two pages write-protected, compared whole, one remapped, its frame freed. */
  mergeSeconds: 2.5e-6,
} as const;
