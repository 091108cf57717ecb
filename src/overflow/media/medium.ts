/**
 * Where segments lie: bytes that are written once, read, and erased by the segment.
 *
 * Holds always: a medium never retries and never serves fewer bytes than asked for. What the system or the model
 * refuses is a PagefoldError: NO_SPACE where room is lacking, CLOSED after `close`, else IO. Places outside it or off
 * the grid of its program unit are mistakes of ours, and asserted. Bytes never written read as anything.
 */

import { assert } from "../../base/assert.ts";
import { PagefoldError } from "../../base/errors.ts";
import { formatSize } from "../../base/units.ts";

export interface Medium {
  /** For messages: the path, or what kind of model it is. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Offsets and lengths of writes and erases are multiples of this. */
  readonly programBytes: number;
  /** Fills `target` from byte `offset` on; any alignment. */
  read(offset: number, target: Uint8Array): Promise<void>;
  /** Writes whole program units. Done when the system has it; durable after `flush`. */
  write(offset: number, source: Uint8Array): Promise<void>;
  /**
   * Its bytes are needed no more; they must be erased before they are written again (NAND insists). Nothing else may
   * be under way there.
   */
  erase(offset: number, length: number): Promise<void>;
  /** Done when everything written before is durable. */
  flush(): Promise<void>;
  /** Ends it, after what is under way; idempotent. */
  close(): Promise<void>;
}

/** The program unit of media that have none of their own: a page of the system's. */
export const PLAIN_PROGRAM_BYTES = 4096;

/** Asserts that a place lies on the medium, at multiples of `step`. */
export function assertPlace(
  medium: Medium,
  place: { readonly offset: number; readonly length: number; readonly step: number },
): void {
  const { offset, length, step } = place;
  const isInside = offset >= 0 && length >= 0 && offset + length <= medium.sizeBytes;
  const isAligned = offset % step === 0 && length % step === 0;
  if (isInside && isAligned) return;
  assert(
    false,
    `bytes ${offset} to ${offset + length} lie on ${medium.name} of ${medium.sizeBytes} bytes, in steps of ${step}`,
  );
}

/**
 * Checks the size somebody asked for.
 * @throws PagefoldError INVALID_ARGUMENT.
 */
export function checkMediumSize(name: string, sizeBytes: number, step: number): void {
  if (Number.isSafeInteger(sizeBytes) && sizeBytes >= step && sizeBytes % step === 0) return;
  throw new PagefoldError(
    "INVALID_ARGUMENT",
    `${name} cannot be ${sizeBytes} bytes large: give at least ${formatSize(step)}, and a multiple of it`,
  );
}

/** What every call on a closed medium is answered with. */
export function mediumClosed(name: string): PagefoldError {
  return new PagefoldError("CLOSED", `${name} was closed: open it again to use it`);
}
