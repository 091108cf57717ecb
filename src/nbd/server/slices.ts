/** Long ranges worked through in slices, with a turn of the event loop for everybody else after each. */

import { setImmediate as turn } from "node:timers/promises";
import { PagefoldError } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import type { Done } from "./disk.ts";

/** What is discarded or zeroed in one turn, some milliseconds' work at most. */
export const EFFECT_SLICE_BYTES = 2 ** 24;

/**
 * Does `work` for a long range. Each slice but the first begins at a whole page, so that no page falls between two.
 * Once the client has gone it stops: what others have written since must stay.
 */
export async function inSlices(
  range: { readonly offset: number; readonly length: number },
  work: (offset: number, length: number) => Done,
  isGone: () => boolean,
): Promise<void> {
  const end = range.offset + range.length;
  for (let at = range.offset; at < end; ) {
    if (isGone()) throw new PagefoldError("SHUTDOWN", "the client has gone");
    const bytes = Math.min(end - at, EFFECT_SLICE_BYTES - (at % PAGE_BYTES));
    await work(at, bytes);
    at += bytes;
    await turn();
  }
}
