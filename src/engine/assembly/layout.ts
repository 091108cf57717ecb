/**
 * Where things lie in the core's linear memory, and its limits.
 *
 *     0            page map of arena 0 (see runs.ts)
 *     4096         fixed regions: keys, tables, scratch, staging (memory.data below and in the modules that own them)
 *     __heap_base  arena 0's first free page ... 4 MiB  arena 1 ... 8 MiB  arena 2 ...
 *
 * The core has no garbage collector: nothing here is ever an object, addresses and numbers only.
 */

export const PAGE_BYTES: usize = 4096;
export const PAGE_SHIFT: usize = 12;

/** Pages the host may stage at once (128 KiB, a usual largest block request). */
export const STAGED_PAGES: usize = 32;

/** Pages come in and go out here; slack behind, since literals are copied 16 bytes at a time. */
export const STAGING = memory.data(32 * 4096 + 64, 4096);
/** A compressed page before it has a place: what an incompressible one takes, with the encoder's slack. */
export const SCRATCH = memory.data(4096 + 128, 64);
/** A stored page decoded to be compared, or to be handed to the host for recompression. */
export const DECODED = memory.data(4096 + 64, 64);
/** Each domain's secret, 8 bytes, filled by the host. */
export const MOST_DOMAINS: u32 = 4096;
export const SECRETS = memory.data(4096 * 8, 8);
/**
 * Words handed to the host beside a result: 0 and 1 the same-filled word; 2 the candidate object to compare; 3 the
 * object whose bytes on the log the last call made dead, 0 for none; 4 the object away whose hash was that of the page
 * just stored, 0 for none. The host clears 3 and 4.
 */
export const REPLY = memory.data(32, 16);
export const REPLY_DROPPED: usize = 12;
export const REPLY_AWAY: usize = 16;

/** Results that are no object id; the host's binding gives them names. */
export const SAME_FILLED: i32 = 0;
/** No room: the memory limit, the end of the linear memory, or no object id left. */
export const NO_ROOM: i32 = -1;
/** The candidate's codec runs in the host: decode it to DECODED, then call `resume`. */
export const NEEDS_DECODE: i32 = -2;
/** The store's codec runs in the host: compress the page to SCRATCH, then call `commit`. */
export const NEEDS_COMPRESS: i32 = -3;
/** Stored bytes did not decode. */
export const CORRUPT: i32 = -4;
/** The object's bytes are on the log only. */
export const IS_AWAY: i32 = -5;
