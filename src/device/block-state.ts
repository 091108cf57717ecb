/** The state of each slot, as zram's debugfs file block_state shows it, with sharing beside it. */

import type { ExportTable } from "./export-table.ts";
import type { StoreCore } from "./store-core.ts";

/** What is known of a slot in use. */
export interface SlotState {
  readonly index: number;
  /** The clock's whole seconds at the last read or write, and how long ago that was. */
  readonly accessed_seconds: number;
  readonly age_seconds: number;
  readonly same_filled: boolean;
  /** On the overflow log alone. */
  readonly written_back: boolean;
  /** Stored raw. */
  readonly huge: boolean;
  readonly idle: boolean;
  /** Stored by one of the further codecs. */
  readonly recompressed: boolean;
  /** No codec of the store could shrink it. */
  readonly incompressible: boolean;
  /** Another slot holds the same object. */
  readonly shared: boolean;
  /** Compressed bytes, 0 for a same-filled slot, and the codec; none for same-filled and raw ones. */
  readonly length: number;
  readonly codec: string | null;
}

/** The slot's state, or null if it is not in use. */
export function slotState(
  store: StoreCore,
  { table }: ExportTable,
  index: number,
): SlotState | null {
  if (!table.isUsed(index)) return null;
  const { engine } = store;
  const id = table.objectAt(index);
  const now = Math.floor(store.options.clock.seconds());
  const age = table.ageAt(index, now);
  const isHuge = id !== 0 && engine.isHuge(id);
  return {
    index,
    accessed_seconds: now - age,
    age_seconds: age,
    same_filled: id === 0,
    written_back: id !== 0 && engine.isAway(id),
    huge: isHuge,
    idle: table.isIdle(index),
    recompressed: id !== 0 && engine.priorityOf(id) > 0,
    incompressible: id !== 0 && engine.isExhausted(id),
    shared: id !== 0 && engine.referencesOf(id) > 1,
    length: id === 0 ? 0 : engine.lengthOf(id),
    codec: id === 0 || isHuge ? null : store.codecs[engine.priorityOf(id)]!.name,
  };
}

/**
 * A slot's line in zram's format, one flag more: index, seconds of the last access (microseconds always 0), then
 * s same-filled, w written back, h huge, i idle, r recompressed, n incompressible, d shared, or a dot for each.
 */
function formatBlockState(state: SlotState): string {
  const flags = [
    state.same_filled ? "s" : ".",
    state.written_back ? "w" : ".",
    state.huge ? "h" : ".",
    state.idle ? "i" : ".",
    state.recompressed ? "r" : ".",
    state.incompressible ? "n" : ".",
    state.shared ? "d" : ".",
  ];
  const index = String(state.index).padStart(12);
  return `${index} ${String(state.accessed_seconds).padStart(12)}.000000 ${flags.join("")}`;
}

/** A line for each slot in use. */
export function* blockState(store: StoreCore, table: ExportTable): Generator<string> {
  for (let index = 0; index < table.options.slots; index++) {
    const state = slotState(store, table, index);
    if (state !== null) yield formatBlockState(state);
  }
}
