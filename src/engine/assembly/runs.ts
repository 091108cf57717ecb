/**
 * Runs of pages: the one source of memory for zspages and tables, 1 to MAX_RUN_PAGES pages at a time, grown by arenas.
 *
 *     arena (4 MiB, aligned)
 *     +----------+------------------------------------------------------------+
 *     | page map |  run  | free run |   run   |  ...        | never touched   |
 *     +----------+------------------------------------------------------------+
 *      1 page     entry i (4 bytes) says what page i of the arena is:
 *                 USED_TABLE          part of a table
 *                 HUGE | object id    a page stored raw
 *                 FREE | pages        first and last page of a free run (inner entries are stale)
 *                 zspage id           every page of a zspage
 *
 * A free run's links (next, prev: addresses) are kept in its own first bytes; the untouched tail of the newest arena is
 * not in any list, so that memory nobody used is never made resident. Neighbouring free runs are always joined.
 *
 * Reserved pages are promised, not taken: takenPages + reservedPages never passes MOST_PAGES, and one page can be had
 * wherever one is free, so a promise is always kept. It is redeemed by a write done under `spend`.
 */

import { PAGE_BYTES, PAGE_SHIFT } from "./layout";

const ARENA_SHIFT: u32 = 22;
const ARENA_BYTES: usize = 1 << ARENA_SHIFT;
const ARENA_PAGES: u32 = 1024;
/** The last arena of the 4 GiB stays out, so that no address computed past an end can wrap. */
const MOST_ARENAS: u32 = 1023;
/** Arenas the memory grows by: growing detaches the host's views, and the host's garbage collector takes notice. */
const ARENAS_AHEAD: u32 = 16;
const MOST_PAGES: u32 = MOST_ARENAS * ARENA_PAGES;
export const MAX_RUN_PAGES: u32 = 8;
/** WebAssembly grows in pages of 64 KiB. */
const GROW_SHIFT: u32 = 16;

export const USED_TABLE: u32 = 0x40000000;
export const HUGE: u32 = 0x20000000;
const FREE: u32 = 0x80000000;
const LENGTH_MASK: u32 = 0x7ff;

/** List b (1 to 15) holds free runs of b pages, the last one those of 16 and more. */
const BINS: u32 = 16;
const HEADS = memory.data(17 * 4, 4);
/** Bit b: list b is not empty. */
let filledBins: u32 = 0;

/** The untouched tail: next page and end, within one arena. */
let tail: usize = 0;
let tailEnd: usize = 0;
let arenas: u32 = 0;
let reservedArenas: u32 = 0;
let pageMapBytes: usize = 0;

/** Pages in use: zspages, raw pages, tables, the fixed regions, and the page maps of all arenas, those to come too. */
let takenPages: u32 = 0;
/** Pages promised to later writes. */
let reservedPages: u32 = 0;
/** Whether the write under way may use one of them. */
export let isSpending: bool = false;

/** Pages the write under way must leave to others. */
// @ts-ignore: decorator
@inline
export function keptPages(): u32 {
  return reservedPages - <u32>isSpending;
}

/** Whether `pages` are free beside those that are kept. */
// @ts-ignore: decorator
@inline
export function hasPages(pages: u32): bool {
  return takenPages + pages + keptPages() <= MOST_PAGES;
}

/** Promises one more page, where `freed` are about to be given back: whether it can be. */
export function promisePage(freed: u32): bool {
  if (takenPages + reservedPages + 1 > MOST_PAGES + freed) return false;
  reservedPages++;
  return true;
}

/** Takes back the promise of `pages`. */
export function unreserve(pages: u32): void {
  reservedPages -= pages;
}

/** Lets the writes to come use a reserved page, or no longer. */
export function spend(isOn: bool): void {
  isSpending = isOn;
}

// @ts-ignore: decorator
@inline
export function pageEntry(address: usize): usize {
  return (address & ~(ARENA_BYTES - 1)) + (((address >> PAGE_SHIFT) & (ARENA_PAGES - 1)) << 2);
}

// @ts-ignore: decorator
@inline
function binOf(pages: u32): u32 {
  return pages < BINS ? pages : BINS;
}

function pushFree(run: usize, pages: u32): void {
  const bin = binOf(pages);
  const head = HEADS + (bin << 2);
  const first = load<u32>(head);
  store<u32>(run, first);
  store<u32>(run, 0, 4);
  if (first) store<u32>(first, <u32>run, 4);
  store<u32>(head, <u32>run);
  filledBins |= 1 << bin;
  store<u32>(pageEntry(run), FREE | pages);
  store<u32>(pageEntry(run + ((<usize>pages - 1) << PAGE_SHIFT)), FREE | pages);
}

function unlinkFree(run: usize, pages: u32): void {
  const bin = binOf(pages);
  const next = load<u32>(run);
  const prev = load<u32>(run, 4);
  if (next) store<u32>(next, prev, 4);
  if (prev) {
    store<u32>(prev, next);
  } else {
    store<u32>(HEADS + (bin << 2), next);
    if (!next) filledBins &= ~(1 << bin);
  }
}

/** Readies the arena the program starts in: its page map is page 0, the fixed regions are in use. */
export function startRuns(): void {
  arenas = 1;
  pageMapBytes = PAGE_BYTES;
  tail = (__heap_base + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
  tailEnd = ARENA_BYTES;
  takenPages = <u32>(tail >> PAGE_SHIFT) + MOST_ARENAS - 1;
  const missing = (1 << (ARENA_SHIFT - GROW_SHIFT)) - memory.size();
  if (missing > 0 && memory.grow(missing) < 0) unreachable();
  for (let page: usize = 0; page < tail; page += PAGE_BYTES) store<u32>(pageEntry(page), USED_TABLE);
}

/** Makes the linear memory hold `count` arenas, and some to come: untouched memory costs addresses only. */
function reach(count: u32): bool {
  const held = <u32>memory.size() >> (ARENA_SHIFT - GROW_SHIFT);
  if (count <= held) return true;
  const ahead = max(count, min(held + ARENAS_AHEAD, MOST_ARENAS)) - held;
  if (memory.grow(<i32>(ahead << (ARENA_SHIFT - GROW_SHIFT))) >= 0) return true;
  return memory.grow(<i32>((count - held) << (ARENA_SHIFT - GROW_SHIFT))) >= 0;
}

/** Has the system give the first `count` arenas (at most MOST_ARENAS) real memory now: whether it did. */
export function reserve(count: u32): bool {
  if (!reach(count)) return false;
  for (let page = tail; page < <usize>count << ARENA_SHIFT; page += PAGE_BYTES) store<u8>(page, 0);
  if (count > reservedArenas) reservedArenas = count;
  return true;
}

/** Adds an arena; what is left of the one before becomes a free run. */
function grow(): bool {
  const start = <usize>arenas * ARENA_BYTES;
  if (arenas == MOST_ARENAS || !reach(arenas + 1)) return false;
  if (tail < tailEnd) joinRun(tail, <u32>((tailEnd - tail) >> PAGE_SHIFT));
  arenas++;
  pageMapBytes += PAGE_BYTES;
  store<u32>(pageEntry(start), USED_TABLE);
  tail = start + PAGE_BYTES;
  tailEnd = start + ARENA_BYTES;
  return true;
}

/** Takes `pages` (1 to MAX_RUN_PAGES) in a row and enters `entry` for each: their address, or 0 if there are none. */
export function takeRun(pages: u32, entry: u32): usize {
  let run: usize = 0;
  const fitting = filledBins & (0xffffffff << pages);
  if (fitting) {
    run = <usize>load<u32>(HEADS + (ctz(fitting) << 2));
    const length = load<u32>(pageEntry(run)) & LENGTH_MASK;
    unlinkFree(run, length);
    if (length > pages) pushFree(run + (<usize>pages << PAGE_SHIFT), length - pages);
  } else {
    if (tail + (<usize>pages << PAGE_SHIFT) > tailEnd && !grow()) return 0;
    run = tail;
    tail += <usize>pages << PAGE_SHIFT;
  }
  takenPages += pages;
  let at = pageEntry(run);
  for (const end = at + (<usize>pages << 2); at < end; at += 4) store<u32>(at, entry);
  return run;
}

/** Takes `pages` for a table, which has no part in what is reserved: their address, or 0. */
export function takeTable(pages: u32): usize {
  return takenPages + pages + reservedPages > MOST_PAGES ? 0 : takeRun(pages, USED_TABLE);
}

export function freeRun(run: usize, pages: u32): void {
  takenPages -= pages;
  joinRun(run, pages);
}

/** Makes a run free and joins it with its free neighbours in the arena. */
function joinRun(run: usize, pages: u32): void {
  const before = load<u32>(pageEntry(run - PAGE_BYTES));
  // The page before an arena's first run is its page map, which is in use.
  if (before & FREE) {
    const length = before & LENGTH_MASK;
    run -= <usize>length << PAGE_SHIFT;
    unlinkFree(run, length);
    pages += length;
  }
  const after = run + (<usize>pages << PAGE_SHIFT);
  if (after & (ARENA_BYTES - 1) && after != tail) {
    const entry = load<u32>(pageEntry(after));
    if (entry & FREE) {
      const length = entry & LENGTH_MASK;
      unlinkFree(after, length);
      pages += length;
    }
  }
  pushFree(run, pages);
}

/** Bytes of the arenas taken into use or reserved. */
export function arenaBytes(): u64 {
  return <u64>max(arenas, reservedArenas) << ARENA_SHIFT;
}

export function reservedBytes(): u64 {
  return <u64>reservedPages << PAGE_SHIFT;
}

export function pageMapSize(): usize {
  return pageMapBytes;
}
