/** What a guest uses a page for. Host and scanners treat all alike, but for scanners that say otherwise. */

export const PAGE_CLASS = {
  /** Free in the guest; its contents may be old ones. */
  free: 0,
  /** Kernel text and static data. */
  kernel: 1,
  pageTable: 2,
  pageCache: 3,
  /** Text and libraries of programs. */
  program: 4,
  anonymous: 5,
} as const;

export type PageClass = (typeof PAGE_CLASS)[keyof typeof PAGE_CLASS];
