/**
 * The dedup index: hash -> object id, in buckets of 128 bytes; 32 entries of 4 bytes, in any order.
 *
 *     entry: tag (bits 32 to 39 of the hash) << 24 | object id, 0 if free
 *
 * A bucket is chosen by the hash's low bits and nothing is ever looked for outside it: a flood of colliding pages fills
 * one bucket, after which each new page there displaces another (which stays stored, and is no longer found). It costs
 * dedup, never time. Growth is linear hashing (Litwin 1980): buckets below `split` have been split in two by one more
 * bit of the hash; each insertion splits four more until all are, so no insertion waits for a whole table to be moved.
 */

import { PAGE_SHIFT } from "./layout";
import { entryOf, hashOf } from "./objects";
import { takeTable } from "./runs";

const ENTRIES: u32 = 32;
const BUCKET_SHIFT: usize = 7;
const ID_MASK: u32 = 0xffffff;
const TAG_MASK: u32 = 0xff000000;
/**
 * Doubling begins at this many objects a bucket on average. A new page finds its bucket full, and displaces another,
 * with the Poisson tail P(X >= 32): 3 in 100,000 at 14; at 20 it is 8 in 1,000, and 3 of 438 duplicates were missed.
 */
const MOST_LOAD: u32 = 14;
const SPLITS: u32 = 4;

const SEGMENT_PAGES: u32 = 4;
const SEGMENT_SHIFT: u32 = 7;
/** 2^20 buckets: 2^24 objects at 16 each. */
const SEGMENTS: u32 = 8192;
const DIRECTORY = memory.data(8192 * 4, 4);

let segments: u32 = 0;
/** Buckets before the doubling under way, a power of two; those below `split` are split already. */
let base: u32 = 0;
let split: u32 = 0;
let entries: u32 = 0;

// @ts-ignore: decorator
@inline
function tagOf(hash: u64): u32 {
  return <u32>(hash >> 32) << 24;
}

// @ts-ignore: decorator
@inline
function bucketAt(index: u32): usize {
  const segment = <usize>load<u32>(DIRECTORY + (<usize>(index >> SEGMENT_SHIFT) << 2));
  return segment + (<usize>(index & ((1 << SEGMENT_SHIFT) - 1)) << BUCKET_SHIFT);
}

// @ts-ignore: decorator
@inline
function bucketOf(low: u32): usize {
  const index = low & (base - 1);
  return bucketAt(index < split ? low & (2 * base - 1) : index);
}

function addSegment(): bool {
  if (segments == SEGMENTS) return false;
  const run = takeTable(SEGMENT_PAGES);
  if (!run) return false;
  memory.fill(run, 0, <usize>SEGMENT_PAGES << PAGE_SHIFT);
  store<u32>(DIRECTORY + (<usize>segments << 2), <u32>run);
  segments++;
  return true;
}

/** Readies an empty index; without memory for one, nothing will be found in it. */
export function startIndex(): void {
  if (addSegment()) base = 1 << SEGMENT_SHIFT;
}

/** Splits the next bucket; false if there is no memory for its second half. */
function splitNext(): bool {
  const twin = base + split;
  if (twin >> SEGMENT_SHIFT >= segments && !addSegment()) return false;
  const from = bucketAt(split);
  const to = bucketAt(twin);
  let moved: usize = 0;
  for (let at = from; at < from + (1 << BUCKET_SHIFT); at += 4) {
    const entry = load<u32>(at);
    if (entry && hashOf(entryOf(entry & ID_MASK)) & base) {
      store<u32>(to + moved, entry);
      store<u32>(at, 0);
      moved += 4;
    }
  }
  if (++split == base) {
    base <<= 1;
    split = 0;
  }
  return true;
}

/** Entries of the bucket last looked into that may be the content, a bit each, and where that bucket is. */
let hits: u32 = 0;
let hitBucket: usize = 0;

/**
 * Bit i: entry i of the bucket, where `bits` has ones, equals `wanted`. All 32 at once and without a branch: at which
 * entry a search ends cannot be foretold, and the bucket is seldom in the cache.
 */
// @ts-ignore: decorator
@inline
function matches(bucket: usize, bits: v128, wanted: v128): u32 {
  return (
    <u32>i32x4.bitmask(i32x4.eq(v128.and(v128.load(bucket), bits), wanted)) |
    (<u32>i32x4.bitmask(i32x4.eq(v128.and(v128.load(bucket, 16), bits), wanted)) << 4) |
    (<u32>i32x4.bitmask(i32x4.eq(v128.and(v128.load(bucket, 32), bits), wanted)) << 8) |
    (<u32>i32x4.bitmask(i32x4.eq(v128.and(v128.load(bucket, 48), bits), wanted)) << 12) |
    (<u32>i32x4.bitmask(i32x4.eq(v128.and(v128.load(bucket, 64), bits), wanted)) << 16) |
    (<u32>i32x4.bitmask(i32x4.eq(v128.and(v128.load(bucket, 80), bits), wanted)) << 20) |
    (<u32>i32x4.bitmask(i32x4.eq(v128.and(v128.load(bucket, 96), bits), wanted)) << 24) |
    (<u32>i32x4.bitmask(i32x4.eq(v128.and(v128.load(bucket, 112), bits), wanted)) << 28)
  );
}

/** Begins a search for contents with this hash; `nextCandidate` gives what it finds. */
export function lookUp(hash: u64): void {
  hits = 0;
  if (!base) return;
  hitBucket = bucketOf(<u32>hash);
  hits = matches(hitBucket, i32x4.splat(<i32>TAG_MASK), i32x4.splat(<i32>tagOf(hash)));
}

/** The id of the next object that may be the content looked up, 0 if there is none left. */
export function nextCandidate(): u32 {
  while (hits) {
    const entry = load<u32>(hitBucket + (<usize>ctz(hits) << 2));
    hits &= hits - 1;
    // A free entry has tag 0 like one in 256 of those in use.
    if (entry) return entry & ID_MASK;
  }
  return 0;
}

export function insert(hash: u64, id: u32): void {
  if (!base) return;
  if (split || entries > base * MOST_LOAD) {
    for (let count: u32 = 0; count < SPLITS; count++) if (!splitNext() || !split) break;
  }
  const bucket = bucketOf(<u32>hash);
  const free = matches(bucket, i32x4.splat(-1), i32x4.splat(0));
  // In a full one the new page takes the place of another; which one hangs on the key.
  const place = free ? ctz(free) : <u32>(hash >> 40) & (ENTRIES - 1);
  if (free) entries++;
  store<u32>(bucket + (<usize>place << 2), tagOf(hash) | id);
}

/** Removes the entry of object `id`, if it is still there. */
export function remove(low: u32, id: u32): void {
  if (!base) return;
  const bucket = bucketOf(low);
  const found = matches(bucket, i32x4.splat(<i32>ID_MASK), i32x4.splat(<i32>id));
  if (!found) return;
  store<u32>(bucket + (<usize>ctz(found) << 2), 0);
  entries--;
}

export function indexSize(): usize {
  return <usize>segments * ((<usize>SEGMENT_PAGES << PAGE_SHIFT) + 4);
}
