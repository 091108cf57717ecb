/**
 * The content store: a page comes in, an object id comes out; what one content holds, it holds once per domain.
 *
 * The core knows objects, not slots: whoever calls keeps the ids, hands back the old one with each overwrite, and
 * releases those it drops. All exports take and return numbers; pages pass through STAGING.
 *
 * Invariants: an object's references equal the ids handed out and not given back; every object lies in exactly one
 * place, or is away and lies in none; an id in the index is of a living object, in memory or away, whose hash has that
 * bucket and tag; a failed call has changed nothing.
 */

import {
  classAt, compactClass, compactedPages, limitBytes, peakBytes, reserveWithin, resetPeak, roomOf, setLimit,
  usedBytes,
} from "./pool";
import { classOf, longestCompressedLength, startClasses } from "./classes";
import { KEY, equalPages, hashPage, isSameFilled, setHashMask } from "./hash";
import { indexSize, insert, lookUp, nextCandidate, remove, startIndex } from "./index";
import { HOST, decode, encode } from "./kernel";
import {
  CORRUPT, DECODED, IS_AWAY, NEEDS_COMPRESS, NEEDS_DECODE, NO_ROOM, PAGE_BYTES, PAGE_SHIFT, REPLY, REPLY_AWAY,
  SAME_FILLED, SCRATCH, SECRETS, STAGING,
} from "./layout";
import {
  AWAY, COPIED, DOMAIN_MASK, DOMAIN_SHIFT, EXHAUSTED, LEAVING, LENGTH_MASK, PRIORITY_SHIFT, addObject, admitObject,
  awayBytes, awayObjects, bytesOf, carve, comprBytes, copiedBytes, dupBytes, dupPages, entryOf, evictObject,
  forgetCopyOf, hasId, hashOf, hugeObjects, hugeSince, infoOf, lengthOf, objectIdEnd, objectTableSize, objects,
  overwriteObject, pagesHeldBy, placeOf, recodeObject, referencesOf, removeObject, share, unshare,
} from "./objects";
import {
  arenaBytes, isSpending, pageMapSize, reserve, reservedBytes, spend, startRuns, unreserve,
} from "./runs";
import { zspageTableSize } from "./zspages";

export { compactClass, reserve, resetPeak, setHashMask, setLimit, spend, unreserve };

/** A page is compared with at most this many candidates of its hash; a second one is already a collision of 40 bits. */
const MOST_COMPARES: u32 = 4;

let dedup: bool = true;
/** The kernels of the store's codecs, by priority; HOST where one runs in the host. */
let kernels: u32 = 0;

/** The write under way, kept over the host's part of it. */
let writePage: usize = 0;
/** Its domain as in an object's info. */
let writeWord: u32 = 0;
let writeOld: u32 = 0;
let writeHash: u64 = 0;
let candidate: u32 = 0;
let compares: u32 = 0;

/** Readies the store. `kernelBytes`: byte p is the kernel of the codec with priority p. */
export function start(withDedup: bool, kernelBytes: u32): void {
  dedup = withDedup;
  kernels = kernelBytes;
  startRuns();
  startClasses();
  if (withDedup) startIndex();
}

// @ts-ignore: decorator
@inline
function kernelOf(info: u32): i32 {
  return <i32>((kernels >> (((info >> PRIORITY_SHIFT) & 3) << 3)) & 0xff);
}

/** Whether the core can decode an object by itself. */
// @ts-ignore: decorator
@inline
function isReadable(info: u32): bool {
  return (info & LENGTH_MASK) == <u32>PAGE_BYTES || kernelOf(info) != HOST;
}

// @ts-ignore: decorator
@inline
function decodeObject(entry: usize, target: usize): bool {
  const length = lengthOf(entry);
  if (length == <u32>PAGE_BYTES) {
    memory.copy(target, placeOf(entry), PAGE_BYTES);
    return true;
  }
  return decode(bytesOf(entry), length, target);
}

/**
 * Stores the page staged at `staged`, in place of object `old` (0: of nothing), which loses one reference if it
 * succeeds. `domain` is 0 to MOST_DOMAINS - 1. Returns the page's object id, SAME_FILLED with the word in REPLY, or
 * NO_ROOM (then nothing has changed); NEEDS_DECODE or NEEDS_COMPRESS ask the host to do its part and call `resume` or
 * `commit`.
 */
export function write(staged: u32, domain: u32, old: u32): i32 {
  const page = STAGING + (<usize>staged << PAGE_SHIFT);
  if (isSameFilled(page)) {
    store<u64>(REPLY, load<u64>(page));
    if (old) release(old);
    return SAME_FILLED;
  }
  writePage = page;
  writeWord = domain << DOMAIN_SHIFT;
  writeOld = old;
  if (!dedup) {
    writeHash = 0;
    return compressAndPlace();
  }
  writeHash = hashPage(page, load<u64>(SECRETS + (<usize>domain << 3)));
  compares = 0;
  store<u32>(REPLY, 0, REPLY_AWAY);
  lookUp(writeHash);
  candidate = nextCandidate();
  return candidate ? compare() : compressAndPlace();
}

/** Goes on with the write after the host decoded the candidate to DECODED (`decoded` false: it could not). */
export function resume(decoded: bool): i32 {
  if (decoded && equalPages(writePage, DECODED)) return shareCandidate();
  candidate = nextCandidate();
  return candidate ? compare() : compressAndPlace();
}

/** Compares the page with the candidate and those after it; of those away with its hash the first is noted. */
function compare(): i32 {
  while (candidate && compares < MOST_COMPARES) {
    const entry = entryOf(candidate);
    const info = infoOf(entry);
    const isOfDomain = (info & DOMAIN_MASK) == writeWord;
    if (isOfDomain && hashOf(entry) == <u32>writeHash && referencesOf(entry) != u32.MAX_VALUE) {
      if (info & AWAY) {
        if (!load<u32>(REPLY, REPLY_AWAY)) store<u32>(REPLY, candidate, REPLY_AWAY);
        candidate = nextCandidate();
        continue;
      }
      compares++;
      if (!isReadable(info)) {
        store<u32>(REPLY, candidate, 8);
        return NEEDS_DECODE;
      }
      if ((info & LENGTH_MASK) == <u32>PAGE_BYTES) {
        if (equalPages(writePage, placeOf(entry))) return shareCandidate();
      } else if (decode(bytesOf(entry), info & LENGTH_MASK, DECODED) && equalPages(writePage, DECODED)) {
        return shareCandidate();
      }
    }
    candidate = nextCandidate();
  }
  return compressAndPlace();
}

function shareCandidate(): i32 {
  share(entryOf(candidate));
  store<u32>(REPLY, 0, REPLY_AWAY);
  if (writeOld) release(writeOld);
  return <i32>candidate;
}

function compressAndPlace(): i32 {
  const kernel = kernelOf(0);
  if (kernel == HOST) return NEEDS_COMPRESS;
  return commit(encode(kernel, writePage, SCRATCH));
}

/**
 * Ends the write: SCRATCH holds `length` compressed bytes; 0, or too many for any class, and the page is stored raw.
 */
export function commit(length: u32): i32 {
  let bytes = SCRATCH;
  if (!length || length > longestCompressedLength()) {
    length = <u32>PAGE_BYTES;
    bytes = writePage;
  }
  let id = addObject(bytes, length, writeWord, <u32>writeHash);
  // A zspage may lack its table entry; the reserved page itself is there.
  if (!id && isSpending) id = addObject(writePage, <u32>PAGE_BYTES, writeWord, <u32>writeHash);
  if (id) {
    if (dedup) insert(writeHash, id);
    if (writeOld) release(writeOld);
    return <i32>id;
  }
  if (takeOver(bytes, length)) return <i32>writeOld;
  store<u32>(REPLY, 0, REPLY_AWAY);
  return NO_ROOM;
}

/**
 * Where no memory is left, an old object nobody else holds makes way if the new bytes fit the place it has. A raw one's
 * page takes any page: compressed bytes in a zspage made of it, and raw ones. One that is away has no place.
 */
function takeOver(bytes: usize, length: u32): bool {
  if (!writeOld) return false;
  const entry = entryOf(writeOld);
  if (referencesOf(entry) != 1 || infoOf(entry) & AWAY) return false;
  if (lengthOf(entry) == <u32>PAGE_BYTES) {
    if (length < <u32>PAGE_BYTES && !carve(writeOld, entry, length)) {
      bytes = writePage;
      length = <u32>PAGE_BYTES;
    }
  } else if (length == <u32>PAGE_BYTES || length > roomOf(classAt(placeOf(entry)))) {
    return false;
  }
  if (dedup) remove(hashOf(entry), writeOld);
  overwriteObject(writeOld, entry, bytes, length, writeWord, <u32>writeHash);
  if (dedup) insert(writeHash, writeOld);
  return true;
}

/**
 * Reserves a page, and an object id, for a write to come, in place of object `old` (0: of nothing), which loses one
 * reference if that succeeds: whether it does. That write is done under `spend`, then `unreserve` counts it out.
 */
export function reservePage(old: u32): bool {
  const isFreed = old && referencesOf(entryOf(old)) == 1;
  // The object's own id will do.
  if (!isFreed && !hasId()) return false;
  if (!reserveWithin(isFreed ? pagesHeldBy(entryOf(old)) : 0)) return false;
  if (old) release(old);
  return true;
}

/** One reference of object `id` less; the last one removes it. */
export function release(id: u32): void {
  const entry = entryOf(id);
  if (referencesOf(entry) > 1) {
    unshare(entry);
    return;
  }
  if (dedup) remove(hashOf(entry), id);
  removeObject(id, entry);
}

/**
 * Decodes object `id` to the staged page: SAME_FILLED (0) when done, NEEDS_DECODE if its codec is the host's, CORRUPT,
 * IS_AWAY.
 */
export function read(id: u32, staged: u32): i32 {
  const entry = entryOf(id);
  const info = infoOf(entry);
  if (info & AWAY) return IS_AWAY;
  if (!isReadable(info)) return NEEDS_DECODE;
  return decodeObject(entry, STAGING + (<usize>staged << PAGE_SHIFT)) ? 0 : CORRUPT;
}

/** Fills the staged page with a word, given in two halves. */
export function fill(staged: u32, low: u32, high: u32): void {
  const word = i64x2.splat((<u64>high << 32) | <u64>low);
  let page = STAGING + (<usize>staged << PAGE_SHIFT);
  for (const end = page + PAGE_BYTES; page < end; page += 64) {
    v128.store(page, word);
    v128.store(page, word, 16);
    v128.store(page, word, 32);
    v128.store(page, word, 48);
  }
}

/** Whether `length` bytes (0: none that fit) would take object `id`, which is in memory, to a smaller class. */
export function shrinks(id: u32, length: u32): bool {
  if (!length || length > longestCompressedLength()) return false;
  const entry = entryOf(id);
  if (infoOf(entry) & AWAY) return false;
  return lengthOf(entry) == <u32>PAGE_BYTES || classOf(length) < classAt(placeOf(entry));
}

/**
 * Gives object `id` the `length` bytes in SCRATCH, written by the codec of `priority`, if they shrink it and there is
 * room: whether it was done. The bytes must decode to the same page.
 */
export function recode(id: u32, length: u32, priority: u32): bool {
  return shrinks(id, length) && recodeObject(id, entryOf(id), SCRATCH, length, priority);
}

/** Marks an object in memory that none of the store's codecs can shrink any further. */
export function exhaust(id: u32): void {
  const entry = entryOf(id);
  const info = infoOf(entry);
  if (!(info & AWAY)) store<u32>(entry, info | EXHAUSTED, 4);
}

/** One more reference of object `id`. */
export function shareObject(id: u32): void {
  share(entryOf(id));
}

/** Notes that object `id`, in memory without a copy on the log, is being written there: whether it is such a one. */
export function leave(id: u32): bool {
  const entry = entryOf(id);
  const info = infoOf(entry);
  if (!referencesOf(entry) || info & (AWAY | COPIED)) return false;
  store<u32>(entry, info | LEAVING, 4);
  return true;
}

/**
 * Frees the place of object `id`, whose bytes are on the log now, `length` of them, of the codec of `priority`: whether
 * it was done. It is for an object that is LEAVING still, and for a COPIED one if length and priority are its own.
 */
export function evict(id: u32, length: u32, priority: u32): bool {
  const entry = entryOf(id);
  const info = infoOf(entry);
  if (!(info & LEAVING)) {
    const isRecord = lengthOf(entry) == length && ((info >> PRIORITY_SHIFT) & 3) == priority;
    if (!(info & COPIED) || !isRecord) return false;
  }
  evictObject(entry, length, priority);
  return true;
}

/**
 * Gives object `id` the `length` bytes of its record in SCRATCH, or the raw page in DECODED, back: false if there is no
 * room, or the object is not away, or its record has another length.
 */
export function admit(id: u32, length: u32): bool {
  const entry = entryOf(id);
  if (!(infoOf(entry) & AWAY) || lengthOf(entry) != length) return false;
  return admitObject(id, entry, length == <u32>PAGE_BYTES ? DECODED : SCRATCH);
}

/** The copy of object `id` on the log, if there is one beside the object in memory, is not good any more. */
export function forgetCopy(id: u32): void {
  forgetCopyOf(entryOf(id));
}

/** Compresses the page in DECODED with kernel `kernel` to SCRATCH: the length. */
export function encodeDecoded(kernel: i32): u32 {
  return encode(kernel, DECODED, SCRATCH);
}

/** Decodes object `id` to DECODED, as `read` does. */
export function inspect(id: u32): i32 {
  const entry = entryOf(id);
  const info = infoOf(entry);
  if (info & AWAY) return IS_AWAY;
  if (!isReadable(info)) return NEEDS_DECODE;
  return decodeObject(entry, DECODED) ? 0 : CORRUPT;
}

export function objectInfo(id: u32): u32 {
  return infoOf(entryOf(id));
}

export function objectReferences(id: u32): u32 {
  return referencesOf(entryOf(id));
}

export function objectBytes(id: u32): usize {
  return bytesOf(entryOf(id));
}

export function idEnd(): u32 {
  return objectIdEnd();
}

/** Pages of the pool, reserved ones included. */
export function usedPages(): u32 {
  return <u32>((usedBytes + reservedBytes()) >> PAGE_SHIFT);
}

export function longestCompressed(): u32 {
  return longestCompressedLength();
}

/** Addresses of the host's windows: 0 STAGING, 1 SCRATCH, 2 DECODED, 3 REPLY, 4 KEY, 5 SECRETS. */
export function windowAddress(which: u32): usize {
  if (which == 0) return STAGING;
  if (which == 1) return SCRATCH;
  if (which == 2) return DECODED;
  if (which == 3) return REPLY;
  return which == 4 ? KEY : SECRETS;
}

/** Statistics by number; engine.ts names them in the same order. */
export function statistic(which: u32): f64 {
  if (which == 0) return <f64>objects;
  if (which == 1) return <f64>comprBytes;
  if (which == 2) return <f64>usedBytes;
  if (which == 3) return <f64>peakBytes;
  if (which == 4) return <f64>limitBytes;
  if (which == 5) return <f64>dupPages;
  if (which == 6) return <f64>dupBytes;
  if (which == 7) return <f64>hugeObjects;
  if (which == 8) return <f64>hugeSince;
  if (which == 9) return <f64>compactedPages;
  if (which == 10) return <f64>arenaBytes();
  if (which == 11) return <f64>reservedBytes();
  if (which == 12) return <f64>awayObjects;
  if (which == 13) return <f64>awayBytes;
  if (which == 14) return <f64>copiedBytes;
  return <f64>(objectTableSize() + indexSize() + zspageTableSize() + pageMapSize());
}
