/**
 * The table of objects: one entry of 16 bytes per stored content, in segments of 1024 that are never given back; ids
 * from 1.
 *
 *      0 place      address of the object (its head; of the page itself for a raw one); 0 if it is away; next free id
 *                   in a free entry
 *      4 info       length (13 bits) | priority << 13 (2 bits) | exhausted << 15 | domain << 16 (12 bits) | state << 28
 *      8 references slots (or other owners) that hold this id; 0: the entry is free
 *     12 hash       low half of the content's hash, 0 and unused where nothing is looked up
 *
 * length 4096 means stored raw; priority says which of the store's codecs wrote it (0 the primary one); exhausted: no
 * codec of the store could shrink it further. dup_data_size = sum of length * (references - 1). A reserved page has an
 * id reserved with it, so that its write lacks none.
 *
 * State, at most one bit of it: AWAY, the bytes are on the log only; COPIED, in memory, and the same bytes on the log;
 * LEAVING, in memory, and on their way to the log. In none of them the log does not matter. Length and priority of an
 * object away are those of its record. compr_data_size = sum of lengths of the objects in memory.
 */

import { PAGE_BYTES, PAGE_SHIFT, REPLY, REPLY_AWAY, REPLY_DROPPED } from "./layout";
import { keptPages, takeTable } from "./runs";
import { allocate, allocateHuge, carvePage, pagesFreedWith, release, releaseHuge } from "./pool";
import { HEAD_BYTES, classOf } from "./classes";

const ENTRY_SHIFT: usize = 4;
const SEGMENT_PAGES: u32 = 4;
const SEGMENT_SHIFT: usize = 10;
/** An id fits the 24 bits that an index entry leaves for it. */
const SEGMENTS: u32 = 16384;
const DIRECTORY = memory.data(16384 * 4, 4);

export const LENGTH_MASK: u32 = 0x1fff;
export const PRIORITY_SHIFT: u32 = 13;
export const EXHAUSTED: u32 = 0x8000;
export const DOMAIN_SHIFT: u32 = 16;
export const DOMAIN_MASK: u32 = 0x0fff0000;
export const AWAY: u32 = 1 << 28;
export const COPIED: u32 = 1 << 29;
export const LEAVING: u32 = 1 << 30;
const STATES: u32 = AWAY | COPIED | LEAVING;

let segments: u32 = 0;
let free: u32 = 0;
let unused: u32 = 1;

export let objects: u32 = 0;
export let comprBytes: u64 = 0;
export let dupPages: u64 = 0;
export let dupBytes: u64 = 0;
export let hugeObjects: u32 = 0;
export let hugeSince: u64 = 0;
export let awayObjects: u32 = 0;
export let awayBytes: u64 = 0;
export let copiedBytes: u64 = 0;

// @ts-ignore: decorator
@inline
export function entryOf(id: u32): usize {
  const segment = <usize>load<u32>(DIRECTORY + ((<usize>id >> SEGMENT_SHIFT) << 2));
  return segment + ((<usize>id & ((1 << SEGMENT_SHIFT) - 1)) << ENTRY_SHIFT);
}

// @ts-ignore: decorator
@inline
export function placeOf(entry: usize): usize {
  return <usize>load<u32>(entry);
}

// @ts-ignore: decorator
@inline
export function infoOf(entry: usize): u32 {
  return load<u32>(entry, 4);
}

// @ts-ignore: decorator
@inline
export function lengthOf(entry: usize): u32 {
  return load<u32>(entry, 4) & LENGTH_MASK;
}

// @ts-ignore: decorator
@inline
export function referencesOf(entry: usize): u32 {
  return load<u32>(entry, 8);
}

// @ts-ignore: decorator
@inline
export function hashOf(entry: usize): u32 {
  return load<u32>(entry, 12);
}

/** Where the object's own bytes begin: behind the head, but a raw page has none. */
// @ts-ignore: decorator
@inline
export function bytesOf(entry: usize): usize {
  const place = placeOf(entry);
  return lengthOf(entry) == <u32>PAGE_BYTES ? place : place + HEAD_BYTES;
}

/** Makes sure that an id is left beside those that are kept for reserved pages: whether one is. */
export function hasId(): bool {
  // Id 0 is not given out; the ids in use are as many as the objects.
  if (objects + 2 + keptPages() <= segments << <u32>SEGMENT_SHIFT) return true;
  if (segments == SEGMENTS) return false;
  const run = takeTable(SEGMENT_PAGES);
  if (!run) return false;
  memory.fill(run, 0, <usize>SEGMENT_PAGES << PAGE_SHIFT);
  store<u32>(DIRECTORY + (<usize>segments << 2), <u32>run);
  segments++;
  return true;
}

function newId(): u32 {
  if (!hasId()) return 0;
  if (!free) return unused++;
  const id = free;
  free = load<u32>(entryOf(id));
  return id;
}

/** Room for `length` bytes of object `id`: where its head, or raw page, begins; 0 if there is none. */
function makePlace(id: u32, length: u32): usize {
  if (length == <u32>PAGE_BYTES) return allocateHuge(id);
  const place = allocate(classOf(length));
  if (place) store<u32>(place, id);
  return place;
}

/**
 * Stores `length` bytes at `bytes` as a new object with one reference; `word` is its info without the length.
 * Returns its id, or 0 if there is no room.
 */
export function addObject(bytes: usize, length: u32, word: u32, hash: u32): u32 {
  const id = newId();
  if (!id) return 0;
  const entry = entryOf(id);
  const place = makePlace(id, length);
  if (!place) {
    store<u32>(entry, free);
    free = id;
    return 0;
  }
  store<u32>(entry, <u32>place);
  store<u32>(entry, length | word, 4);
  store<u32>(entry, 1, 8);
  store<u32>(entry, hash, 12);
  memory.copy(bytesOf(entry), bytes, length);
  objects++;
  countIn(length, 1);
  if (length == <u32>PAGE_BYTES) hugeSince++;
  return id;
}

function countIn(length: u32, references: u32): void {
  comprBytes += length;
  dupBytes += <u64>length * <u64>(references - 1);
  if (length == <u32>PAGE_BYTES) hugeObjects++;
}

function countOut(length: u32, references: u32): void {
  comprBytes -= length;
  dupBytes -= <u64>length * <u64>(references - 1);
  if (length == <u32>PAGE_BYTES) hugeObjects--;
}

/** Pages that removing the object would give back. */
export function pagesHeldBy(entry: usize): u32 {
  if (infoOf(entry) & AWAY) return 0;
  return lengthOf(entry) == <u32>PAGE_BYTES ? 1 : pagesFreedWith(placeOf(entry));
}

function leavePlace(entry: usize): void {
  const place = placeOf(entry);
  if (lengthOf(entry) == <u32>PAGE_BYTES) releaseHuge(place);
  else release(place);
}

/** Tells the host that the log's bytes of object `id` are dead; there is no more to find out about it either. */
function dropRecord(id: u32): void {
  store<u32>(REPLY, id, REPLY_DROPPED);
  if (load<u32>(REPLY, REPLY_AWAY) == id) store<u32>(REPLY, 0, REPLY_AWAY);
}

/** The bytes of an object in memory are about to change or go: what is, or is about to be, on the log is of no use. */
function endState(id: u32, entry: usize): void {
  const info = infoOf(entry);
  if (info & COPIED) {
    copiedBytes -= info & LENGTH_MASK;
    dropRecord(id);
  }
  store<u32>(entry, info & ~STATES, 4);
}

/** Removes an object whose last reference went. */
export function removeObject(id: u32, entry: usize): void {
  const info = infoOf(entry);
  if (info & AWAY) {
    awayObjects--;
    awayBytes -= info & LENGTH_MASK;
    store<u32>(entry, 0, 4);
    dropRecord(id);
  } else {
    if (info & STATES) endState(id, entry);
    countOut(info & LENGTH_MASK, 1);
    leavePlace(entry);
  }
  store<u32>(entry, free);
  store<u32>(entry, 0, 8);
  free = id;
  objects--;
}

/** One more reference. */
export function share(entry: usize): void {
  store<u32>(entry, referencesOf(entry) + 1, 8);
  dupPages++;
  dupBytes += lengthOf(entry);
}

/** One reference less, of several. */
export function unshare(entry: usize): void {
  store<u32>(entry, referencesOf(entry) - 1, 8);
  dupPages--;
  dupBytes -= lengthOf(entry);
}

/** Writes other contents over an object with one reference, in the place it has: they must fit. */
export function overwriteObject(id: u32, entry: usize, bytes: usize, length: u32, word: u32, hash: u32): void {
  endState(id, entry);
  countOut(lengthOf(entry), 1);
  countIn(length, 1);
  if (length == <u32>PAGE_BYTES) hugeSince++;
  store<u32>(entry, length | word, 4);
  store<u32>(entry, hash, 12);
  memory.copy(bytesOf(entry), bytes, length);
}

/**
 * Moves a raw object, whose bytes are about to be written anew, to a place for `length` bytes in a zspage made of its
 * own page, where there is no other memory: whether it could be done.
 */
export function carve(id: u32, entry: usize, length: u32): bool {
  const place = carvePage(placeOf(entry), classOf(length));
  if (!place) return false;
  store<u32>(place, id);
  store<u32>(entry, <u32>place);
  return true;
}

/** Gives an object other bytes for the same contents, in a new place: false if there is no room. */
export function recodeObject(id: u32, entry: usize, bytes: usize, length: u32, priority: u32): bool {
  const place = makePlace(id, length);
  const isRaw = lengthOf(entry) == <u32>PAGE_BYTES;
  if (!place && !(isRaw && carve(id, entry, length))) return false;
  endState(id, entry);
  const references = referencesOf(entry);
  countOut(lengthOf(entry), references);
  if (place) {
    leavePlace(entry);
    store<u32>(entry, <u32>place);
  }
  setRecord(entry, length, priority);
  memory.copy(bytesOf(entry), bytes, length);
  countIn(length, references);
  return true;
}

function setRecord(entry: usize, length: u32, priority: u32): void {
  const kept = infoOf(entry) & ~(LENGTH_MASK | (3 << PRIORITY_SHIFT));
  store<u32>(entry, kept | length | (priority << PRIORITY_SHIFT), 4);
}

/** Gives up the place of an object in memory: `length` bytes for it, of the codec of `priority`, are on the log. */
export function evictObject(entry: usize, length: u32, priority: u32): void {
  const info = infoOf(entry);
  const references = referencesOf(entry);
  if (info & COPIED) copiedBytes -= info & LENGTH_MASK;
  countOut(info & LENGTH_MASK, references);
  leavePlace(entry);
  store<u32>(entry, 0);
  store<u32>(entry, (info & ~STATES) | AWAY, 4);
  setRecord(entry, length, priority);
  awayObjects++;
  awayBytes += length;
  dupBytes += <u64>length * <u64>(references - 1);
}

/** Gives an object that is away a place again, and its bytes: false if there is no room. */
export function admitObject(id: u32, entry: usize, bytes: usize): bool {
  const length = lengthOf(entry);
  const place = makePlace(id, length);
  if (!place) return false;
  store<u32>(entry, <u32>place);
  store<u32>(entry, (infoOf(entry) & ~STATES) | COPIED, 4);
  memory.copy(bytesOf(entry), bytes, length);
  const references = referencesOf(entry);
  awayObjects--;
  awayBytes -= length;
  dupBytes -= <u64>length * <u64>(references - 1);
  countIn(length, references);
  copiedBytes += length;
  return true;
}

/** The log has no copy of the object any more. */
export function forgetCopyOf(entry: usize): void {
  const info = infoOf(entry);
  if (!(info & COPIED)) return;
  copiedBytes -= info & LENGTH_MASK;
  store<u32>(entry, info & ~COPIED, 4);
}

export function moveObject(id: u32, place: usize): void {
  store<u32>(entryOf(id), <u32>place);
}

/** Ids ever given out lie below this. */
export function objectIdEnd(): u32 {
  return unused;
}

export function objectTableSize(): usize {
  return <usize>segments * ((<usize>SEGMENT_PAGES << PAGE_SHIFT) + 4);
}
