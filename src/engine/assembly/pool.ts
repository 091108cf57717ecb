/**
 * The pool: places for compressed objects in zspages of size classes, fullest zspage first, and whole pages for raw
 * ones.
 *
 *     zspage: 1 to 8 pages in a row, cut into places of the class's size
 *     place in use:  object id (4 bytes, top bit 0) | compressed bytes ...
 *     place free:    NO_OBJECT | offset of the next free place / 16
 *
 *     zspage entry, 32 bytes, in a segmented table; id 0 is no zspage
 *      0 address     4 class, u8     5 pages, u8     6 capacity, u16     8 in use, u16
 *     10 first free / 16, u16 (NONE: no free one)
 *     12 next       16 previous (ids, in the list of its class and fullness)      20 places ever handed out, u16
 *     22 reciprocal: ceil(10 * 2^20 / capacity), u32
 *
 * Fullness groups are zsmalloc's: 0 .. 9 for 0 % to under 100 % in tenths; full zspages are in no list. An empty zspage
 * is given back at once. mem_used_total = pages of zspages and raw pages.
 */

import { CLASSES, HEAD_BYTES, classSize, zspagePages } from "./classes";
import { PAGE_BYTES, PAGE_SHIFT } from "./layout";
import {
  HUGE, freeRun, hasPages, isSpending, keptPages, pageEntry, promisePage, reservedBytes, takeRun,
} from "./runs";
import { Z_ADDRESS, entryOf as zspageEntry, newZspage, freeZspage } from "./zspages";
import { moveObject } from "./objects";

const NO_OBJECT: u32 = 0x80000000;
const NONE: u32 = 0xffff;
const GROUPS: u32 = 10;

/** First zspage of each class's fullness groups; bits of the groups that hold any. */
const GROUP_HEADS = memory.data(255 * 10 * 4, 4);
const GROUP_BITS = memory.data(255 * 4, 4);
/** Per class: places of all its zspages, and those in use. */
const CAPACITY = memory.data(255 * 4, 4);
const IN_USE = memory.data(255 * 4, 4);

export let usedBytes: u64 = 0;
export let peakBytes: u64 = 0;
export let limitBytes: u64 = 0;
export let compactedPages: u64 = 0;

export function setLimit(bytes: u64): void {
  limitBytes = bytes;
}

export function resetPeak(): void {
  peakBytes = usedBytes;
}

/**
 * Takes pages for the pool, within the limit (0: none), reserved ones left alone: 0 if there are none. A write that
 * spends a reservation gets its one page even where the limit was lowered since.
 */
function takePages(pages: u32, entry: u32): usize {
  const bytes = <u64>pages << PAGE_SHIFT;
  const keptBytes = <u64>keptPages() << PAGE_SHIFT;
  if (!hasPages(pages)) return 0;
  if (limitBytes && usedBytes + bytes + keptBytes > limitBytes && !(isSpending && pages == 1)) return 0;
  const run = takeRun(pages, entry);
  if (run) {
    usedBytes += bytes;
    if (usedBytes > peakBytes) peakBytes = usedBytes;
  }
  return run;
}

/** Reserves one more page, where `freed` are about to be given back: whether the limit and the memory have it. */
export function reserveWithin(freed: u32): bool {
  const bytes = usedBytes - (<u64>freed << PAGE_SHIFT) + reservedBytes() + PAGE_BYTES;
  return !(limitBytes && bytes > limitBytes) && promisePage(freed);
}

function givePages(run: usize, pages: u32): void {
  usedBytes -= <u64>pages << PAGE_SHIFT;
  freeRun(run, pages);
}

// @ts-ignore: decorator
@inline
function groupOf(entry: usize, inUse: u32): u32 {
  return (inUse * load<u32>(entry, 24)) >> 20;
}

function link(id: u32, entry: usize, index: u32, group: u32): void {
  const head = GROUP_HEADS + ((index * GROUPS + group) << 2);
  const first = load<u32>(head);
  store<u32>(entry, first, 12);
  store<u32>(entry, 0, 16);
  if (first) store<u32>(zspageEntry(first), id, 16);
  store<u32>(head, id);
  const bits = GROUP_BITS + (index << 2);
  store<u32>(bits, load<u32>(bits) | (1 << group));
}

function unlink(entry: usize, index: u32, group: u32): void {
  const next = load<u32>(entry, 12);
  const previous = load<u32>(entry, 16);
  if (next) store<u32>(zspageEntry(next), previous, 16);
  if (previous) {
    store<u32>(zspageEntry(previous), next, 12);
  } else {
    store<u32>(GROUP_HEADS + ((index * GROUPS + group) << 2), next);
    if (!next) {
      const bits = GROUP_BITS + (index << 2);
      store<u32>(bits, load<u32>(bits) & ~(1 << group));
    }
  }
}

/** Moves a zspage to the list of its new fullness; a full one is in none. */
// @ts-ignore: decorator
@inline
function regroup(id: u32, entry: usize, index: u32, before: u32, after: u32): void {
  const from = groupOf(entry, before);
  const to = groupOf(entry, after);
  if (from == to) return;
  if (from < GROUPS) unlink(entry, index, from);
  if (to < GROUPS) link(id, entry, index, to);
}

/** A zspage of class `index` with a free place, the fullest there is; a new one if there is none; 0 if no memory. */
function roomyZspage(index: u32): u32 {
  const groups = load<u32>(GROUP_BITS + (index << 2));
  if (groups) return load<u32>(GROUP_HEADS + ((index * GROUPS + 31 - clz(groups)) << 2));

  const size = classSize(index);
  let pages = zspagePages(size, load<u32>(IN_USE + (index << 2)));
  const id = newZspage();
  if (!id) return 0;
  let run = takePages(pages, id);
  // Near the limit or the end of memory a shorter zspage may still fit.
  while (!run && pages > 1) run = takePages(--pages, id);
  if (!run) {
    freeZspage(id);
    return 0;
  }
  openZspage(id, run, pages, index);
  return id;
}

/** Enters `pages` pages at `run` as an empty zspage of class `index`. */
function openZspage(id: u32, run: usize, pages: u32, index: u32): void {
  const capacity = (pages * <u32>PAGE_BYTES) / classSize(index);
  const entry = zspageEntry(id);
  store<u32>(entry, <u32>run, Z_ADDRESS);
  store<u8>(entry, <u8>index, 4);
  store<u8>(entry, <u8>pages, 5);
  store<u16>(entry, <u16>capacity, 6);
  store<u16>(entry, 0, 8);
  store<u16>(entry, <u16>NONE, 10);
  store<u16>(entry, 0, 20);
  store<u32>(entry, ((GROUPS << 20) + capacity - 1) / capacity, 24);
  const total = CAPACITY + (index << 2);
  store<u32>(total, load<u32>(total) + capacity);
  link(id, entry, index, 0);
}

/** Makes a raw page a zspage of class `index` and takes a place of it: that place, or 0 if no zspage can be entered. */
export function carvePage(page: usize, index: u32): usize {
  const id = newZspage();
  if (!id) return 0;
  store<u32>(pageEntry(page), id);
  openZspage(id, page, 1, index);
  return takePlace(id, index);
}

/** Takes a place of zspage `id`, which has one. */
function takePlace(id: u32, index: u32): usize {
  const entry = zspageEntry(id);
  const inUse = <u32>load<u16>(entry, 8);
  const address = <usize>load<u32>(entry, Z_ADDRESS);
  const free = <u32>load<u16>(entry, 10);
  let place: usize;
  if (free != NONE) {
    place = address + (<usize>free << 4);
    store<u16>(entry, load<u16>(place), 10);
  } else {
    const handed = <u32>load<u16>(entry, 20);
    place = address + <usize>(handed * classSize(index));
    store<u16>(entry, <u16>(handed + 1), 20);
  }
  store<u16>(entry, <u16>(inUse + 1), 8);
  regroup(id, entry, index, inUse, inUse + 1);
  const total = IN_USE + (index << 2);
  store<u32>(total, load<u32>(total) + 1);
  return place;
}

/** A place for an object of class `index`: its address (the head comes first), or 0 if there is no room. */
export function allocate(index: u32): usize {
  const id = roomyZspage(index);
  return id ? takePlace(id, index) : 0;
}

/** Gives a place back; its zspage too, when that was the last one in use. */
export function release(place: usize): void {
  const id = load<u32>(pageEntry(place));
  const entry = zspageEntry(id);
  const index = <u32>load<u8>(entry, 4);
  const inUse = <u32>load<u16>(entry, 8);
  const total = IN_USE + (index << 2);
  store<u32>(total, load<u32>(total) - 1);
  if (inUse == 1) {
    discardZspage(id, entry, index);
    return;
  }
  store<u32>(place, NO_OBJECT | <u32>load<u16>(entry, 10));
  store<u16>(entry, <u16>((place - <usize>load<u32>(entry, Z_ADDRESS)) >> 4), 10);
  store<u16>(entry, <u16>(inUse - 1), 8);
  regroup(id, entry, index, inUse, inUse - 1);
}

/** Pages that releasing `place` would give back. */
export function pagesFreedWith(place: usize): u32 {
  const entry = zspageEntry(load<u32>(pageEntry(place)));
  return load<u16>(entry, 8) == 1 ? <u32>load<u8>(entry, 5) : 0;
}

function discardZspage(id: u32, entry: usize, index: u32): void {
  const group = groupOf(entry, load<u16>(entry, 8));
  if (group < GROUPS) unlink(entry, index, group);
  const total = CAPACITY + (index << 2);
  store<u32>(total, load<u32>(total) - <u32>load<u16>(entry, 6));
  givePages(<usize>load<u32>(entry, Z_ADDRESS), load<u8>(entry, 5));
  freeZspage(id);
}

/** The class of the zspage that holds `place`. */
// @ts-ignore: decorator
@inline
export function classAt(place: usize): u32 {
  return <u32>load<u8>(zspageEntry(load<u32>(pageEntry(place))), 4);
}

/** A whole page for the raw object `id`: its address, or 0. */
export function allocateHuge(id: u32): usize {
  return takePages(1, HUGE | id);
}

export function releaseHuge(page: usize): void {
  givePages(page, 1);
}

/**
 * A zspage of the class whose objects all fit in free places of the others, the emptiest such; 0 if there is none.
 * Since zspages differ in length, a short one may do where a longer and emptier one does not.
 */
function emptiable(index: u32): u32 {
  const free = load<u32>(CAPACITY + (index << 2)) - load<u32>(IN_USE + (index << 2));
  for (let group: u32 = 0; group < GROUPS; group++) {
    let id = load<u32>(GROUP_HEADS + ((index * GROUPS + group) << 2));
    while (id) {
      const entry = zspageEntry(id);
      if (<u32>load<u16>(entry, 6) <= free) return id;
      id = load<u32>(entry, 12);
    }
  }
  return 0;
}

/**
 * Empties the emptiest zspages of a class into its fullest ones while a whole zspage can be saved: pages given back.
 */
export function compactClass(index: u32): u32 {
  let pages: u32 = 0;
  const size = <usize>classSize(index);
  for (let id = emptiable(index); id; id = emptiable(index)) {
    const entry = zspageEntry(id);
    const inUse = <u32>load<u16>(entry, 8);
    const capacity = <u32>load<u16>(entry, 6);
    pages += <u32>load<u8>(entry, 5);
    unlink(entry, index, groupOf(entry, inUse));
    const address = <usize>load<u32>(entry, Z_ADDRESS);
    const end = address + <usize>load<u16>(entry, 20) * size;
    for (let place = address; place < end; place += size) {
      const object = load<u32>(place);
      if (object & NO_OBJECT) continue;
      const target = takePlace(roomyZspage(index), index);
      memory.copy(target, place, size);
      moveObject(object, target);
    }
    // takePlace counted every moved object once more, and the old places are still counted.
    const total = IN_USE + (index << 2);
    store<u32>(total, load<u32>(total) - inUse);
    const places = CAPACITY + (index << 2);
    store<u32>(places, load<u32>(places) - capacity);
    givePages(address, load<u8>(entry, 5));
    freeZspage(id);
  }
  compactedPages += pages;
  return pages;
}

/** Bytes an object of class `index` can hold. */
// @ts-ignore: decorator
@inline
export function roomOf(index: u32): u32 {
  return classSize(index) - <u32>HEAD_BYTES;
}
