/** The table of zspage entries (their layout: pool.ts): segments of 512 entries, never given back; ids from 1. */

import { PAGE_SHIFT } from "./layout";
import { takeTable } from "./runs";

export const Z_ADDRESS: usize = 0;
const ENTRY_SHIFT: usize = 5;
const SEGMENT_PAGES: u32 = 4;
const SEGMENT_SHIFT: usize = 9;
/** A zspage has at least one page, and there are 2^20 pages in 4 GiB. */
const SEGMENTS: u32 = 2048;
const DIRECTORY = memory.data(2048 * 4, 4);

let segments: u32 = 0;
/** First free entry (its next link is its first word), 0 for none; then those never used. */
let free: u32 = 0;
let unused: u32 = 1;

// @ts-ignore: decorator
@inline
export function entryOf(id: u32): usize {
  const segment = <usize>load<u32>(DIRECTORY + ((<usize>id >> SEGMENT_SHIFT) << 2));
  return segment + ((<usize>id & ((1 << SEGMENT_SHIFT) - 1)) << ENTRY_SHIFT);
}

/** A new id, 0 if there is no memory for one more. */
export function newZspage(): u32 {
  if (free) {
    const id = free;
    free = load<u32>(entryOf(id));
    return id;
  }
  if (<usize>unused >> SEGMENT_SHIFT >= segments) {
    if (segments == SEGMENTS) return 0;
    const run = takeTable(SEGMENT_PAGES);
    if (!run) return 0;
    store<u32>(DIRECTORY + (<usize>segments << 2), <u32>run);
    segments++;
  }
  return unused++;
}

export function freeZspage(id: u32): void {
  store<u32>(entryOf(id), free);
  free = id;
}

export function zspageTableSize(): usize {
  return <usize>segments * ((<usize>SEGMENT_PAGES << PAGE_SHIFT) + 4);
}
