/** The state of a device's bytes, as runs of equal state. */

/** Bits of an extent's state. */
export const EXTENT_STATE = {
  /** No slot is in use, or a write may find no room. */
  HOLE: 1 << 0,
  /** Reads as zeros. */
  ZERO: 1 << 1,
  /** One word throughout, kept in the slot table. */
  SAME_FILLED: 1 << 2,
  /** Stored raw, since it does not compress. */
  HUGE: 1 << 3,
  /** Marked idle and not touched since. */
  IDLE: 1 << 4,
  /** Another slot of the same export holds the same content. */
  SHARED: 1 << 5,
} as const;

/** `length` bytes of one state. */
export interface Extent {
  readonly length: number;
  readonly state: number;
}
