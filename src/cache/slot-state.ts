/**
 * What a cached page owes the origin: bits of a byte a slot. Only a CLEAN page may leave the cache. A page whose write
 * or whose sync failed is DIRTY again: what was given to the origin and never synced counts as not there.
 */

/** The origin has the page, durably. */
export const CLEAN = 0;
/** The page has bytes the origin was not given. */
export const DIRTY = 1;
/** Its bytes, but for what DIRTY says, were given to the origin since the last sync began. */
export const WRITTEN = 2;
/** The same, and the sync under way covers them. */
export const SYNCING = 4;
/** It owes nothing, and must stay for a moment. */
export const HELD = 8;

export const OWING = DIRTY | WRITTEN | SYNCING;
