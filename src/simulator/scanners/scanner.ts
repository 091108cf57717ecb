/**
 * What looks for equal pages in guests' memory: the interface of every scanner. One file (or folder) each beside this
 * one; registry.ts lists them.
 */

import type { ZodType } from "zod";
import type { SeededRandom } from "../../base/random.ts";
import type { Host } from "../memory/host.ts";

/** What every scanner counts; changed in place, so that a visit allocates nothing. */
export interface ScannerTally {
  /**
   * Pages looked at: a checksum taken or contents compared. Pages skipped without looking are none; but those with a
   * rate limit in the kernel's terms count what it counts, merged pages they come to among them.
   */
  visits: number;
  /** Mappings moved onto a shared frame, those onto the zero page among them. */
  merges: number;
  zeroMerges: number;
  hintsGenerated: number;
  /** Lost to newer ones before they were looked at. */
  hintsDropped: number;
  /** Looked at, and of those, the ones that led to a merge. */
  hintsVisited: number;
  hintsUseful: number;
}

export function emptyTally(): ScannerTally {
  return {
    visits: 0,
    merges: 0,
    zeroMerges: 0,
    hintsGenerated: 0,
    hintsDropped: 0,
    hintsVisited: 0,
    hintsUseful: 0,
  };
}

/** What the host tells a scanner; each is called last, when host and page are as they will be. */
export interface ScannerHooks {
  /** The page got contents in a frame newly taken: first write, disk read into a new page, copy-on-write. */
  onFilled?(page: number): void;
  /** A disk request of the page's guest has just read into the page, or written from it. */
  onDiskIo?(page: number): void;
  /** The page, and all that share its frame, came back from swap. */
  onSwapIn?(page: number): void;
  /** The page went out; the swap device found, bytes compared, that `otherPage`, swapped out too, has the same. */
  onDeviceDuplicate?(page: number, otherPage: number): void;
}

export interface Scanner extends ScannerHooks {
  readonly tally: ScannerTally;
  /** Called when a pass over all guests is complete, of scanners that have passes; null while nobody wants to know. */
  onPass?: (() => void) | null;
  /** Works; the time it wants to be woken next, in seconds of the simulation (Infinity: not by the clock). */
  wake(nowSeconds: number): number;
  /** Its own counters by their published names. */
  figures(): Readonly<Record<string, number>>;
}

/** A kind of scanner, as scenarios name it. */
export interface ScannerKind<Parameters> {
  readonly kind: string;
  /** One line. */
  readonly summary: string;
  /** A strict object; every key has a default and a description. */
  readonly parameters: ZodType<Parameters>;
  create(options: {
    readonly host: Host;
    readonly random: SeededRandom;
    readonly parameters: Parameters;
  }): Scanner;
}
