/** What pagefold's server is to reach against which rival; figures without a bound are shown for what they are. */

import type { Cell, Operation } from "./load.ts";
import { NBDKIT, NBDKIT_ZSTD } from "./servers.ts";

/** Those that ratios are given to. */
export const RIVALS: readonly string[] = [NBDKIT.name, NBDKIT_ZSTD.name];

interface Bound {
  readonly rival: string;
  readonly depth: number;
  readonly requestBytes: number;
  readonly operation: Operation;
  /** The least ratio of requests a second, or the most of the latency at depth 1. */
  readonly bound: number;
}

const DEEP = { depth: 16, requestBytes: 4096 } as const;
const LONG = { depth: 16, requestBytes: 65_536 } as const;
const ALONE = { depth: 1, requestBytes: 4096 } as const;

const BOUNDS: readonly Bound[] = [
  // The writes are to come towards 1.5.
  { rival: NBDKIT.name, ...DEEP, operation: "write", bound: 1.2 },
  { rival: NBDKIT.name, ...DEEP, operation: "read", bound: 1.5 },
  { rival: NBDKIT.name, ...LONG, operation: "write", bound: 0.6 },
  { rival: NBDKIT.name, ...LONG, operation: "read", bound: 0.6 },
  { rival: NBDKIT.name, ...ALONE, operation: "write", bound: 1.5 },
  { rival: NBDKIT.name, ...ALONE, operation: "read", bound: 1.5 },
  { rival: NBDKIT_ZSTD.name, ...DEEP, operation: "write", bound: 8 },
  { rival: NBDKIT_ZSTD.name, ...DEEP, operation: "read", bound: 1.5 },
];

export function boundOf(
  rival: string,
  asked: { readonly cell: Cell; readonly operation: Operation },
): number | null {
  const { cell, operation } = asked;
  const found = BOUNDS.find(
    (bound) =>
      bound.rival === rival &&
      bound.operation === operation &&
      bound.depth === cell.depth &&
      bound.requestBytes === cell.requestBytes,
  );
  return found?.bound ?? null;
}
