/**
 * The state of a device's bytes, as runs of equal state. It tells of the export itself only: that another one holds the
 * same contents does not show.
 */

import { PAGE_BYTES } from "../base/units.ts";
import type { ExportTable } from "./export-table.ts";
import { ReferenceCounts } from "./reference-counts.ts";
import type { StoreCore } from "./store-core.ts";

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

/** Slots looked at for one answer: about a millisecond. */
const MOST_SLOTS = 2 ** 18;

/** Whether an object's references may be other exports' too. */
function hasNeighbours(store: StoreCore, opened: ExportTable): boolean {
  if (!store.options.dedup) return false;
  for (const other of store.exports.values()) {
    if (other !== opened && other.options.domain === opened.options.domain) return true;
  }
  return false;
}

/**
 * Does a slice of what `extentsOf` must have counted first: whether all is ready. Call it again, in a later turn of the
 * event loop, until it is; then `extentsOf` in the same turn.
 */
export function readyExtents(store: StoreCore, opened: ExportTable): boolean {
  if (!hasNeighbours(store, opened)) return true;
  const { table } = opened;
  table.references ??= new ReferenceCounts();
  return table.references.advance(table, store.options.clock.seconds());
}

/** Runs of equal state from byte `offset` on: at least one byte and at most `length`, none if that is 0. */
export function extentsOf(
  store: StoreCore,
  opened: ExportTable,
  range: { readonly offset: number; readonly length: number },
): readonly Extent[] {
  const { offset, length } = range;
  if (length === 0) return [];
  const first = Math.floor(offset / PAGE_BYTES);
  const end = Math.min(Math.ceil((offset + length) / PAGE_BYTES), first + MOST_SLOTS);
  const stateOf = slotStates(store, opened);
  const extents: Extent[] = [];
  let state = stateOf(first);
  let start = offset;
  for (let index = first + 1; index < end; index++) {
    const next = stateOf(index);
    if (next === state) continue;
    extents.push({ length: index * PAGE_BYTES - start, state });
    state = next;
    start = index * PAGE_BYTES;
  }
  extents.push({ length: Math.min(offset + length, end * PAGE_BYTES) - start, state });
  return extents;
}

/** Gives each slot's state. */
function slotStates(store: StoreCore, opened: ExportTable): (index: number) => number {
  const { HOLE, ZERO, SAME_FILLED, HUGE, IDLE, SHARED } = EXTENT_STATE;
  const { engine } = store;
  const { table } = opened;
  const references = hasNeighbours(store, opened) ? table.references! : null;
  const isLimited = store.memoryLimitBytes > 0;
  return (index) => {
    if (!table.isUsed(index)) return HOLE | ZERO;
    if (table.isSameFilled(index)) {
      if (!table.isZero(index)) return SAME_FILLED;
      return SAME_FILLED | ZERO | (isLimited && !table.isReserved(index) ? HOLE : 0);
    }
    const id = table.objectAt(index);
    const count = references === null ? engine.referencesOf(id) : references.of(id);
    return (
      (engine.isHuge(id) ? HUGE : 0) | (table.isIdle(index) ? IDLE : 0) | (count > 1 ? SHARED : 0)
    );
  };
}
