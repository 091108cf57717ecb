/**
 * What the server serves: a disk of bytes. A method that is done when it returns gives nothing; one that must wait
 * gives a promise, and the requests behind it go on meanwhile. Ranges are checked by the server before a method is
 * called. What a disk lacks (`discard`, `writeZeroes`, `extents`) the server does not offer to clients.
 */

import type { Extent } from "../../device/extents.ts";
import type { Done } from "../../trace/replay-target.ts";

export type { Done };

export interface Disk {
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  /** Whether zeroing takes as long as writing does: then nobody is told that it is fast. */
  readonly isZeroingSlow?: boolean;
  read(offset: number, target: Uint8Array): Done;
  write(offset: number, source: Uint8Array): Done;
  /** Done when all writes that were done before are as durable as they get. */
  flush(): Done;
  /** Forgets the whole pages within the range. */
  discard?(offset: number, length: number): Done;
  /** Makes the range zeros; `reserve`: it keeps its place, a later write there finds room. */
  writeZeroes?(offset: number, length: number, options: { readonly reserve: boolean }): Done;
  /** Bytes from `offset` on, at most `length`, that are known to be zeros; 0 if none are. */
  zeroRun?(offset: number, length: number): number;
  /** The state of the bytes from `offset` on, for at least one byte and at most `length`. */
  extents?(offset: number, length: number): Promise<readonly Extent[]>;
}
