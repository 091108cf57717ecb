/**
 * Where every byte of a store is, all its exports together. Holds always: slots, same-filled pages and what compression
 * saves are counted from the slots, one by one, so that the identity compares two counts and does not repeat one.
 */

import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { Device } from "../device/device.ts";
import type { StoreStats } from "../device/statistics.ts";
import type { SlotAccounting } from "../report/result.ts";

/** What lies in each slot, added up without a look at the statistics. */
function countSlots(devices: readonly Device[]) {
  let used = 0;
  let same = 0;
  let lengths = 0;
  for (const device of devices) {
    for (let index = 0; index * PAGE_BYTES < device.sizeBytes; index++) {
      const slot = device.slotState(index);
      if (slot === null) continue;
      used += 1;
      if (slot.same_filled) same += 1;
      lengths += slot.length;
    }
  }
  return { used, same, lengths };
}

/**
 * The accounting of a store as it is now: its statistics, and all exports that are open.
 * @throws PagefoldError CORRUPT if it is not exact.
 */
export function accountSlots(stats: StoreStats, devices: readonly Device[]): SlotAccounting {
  const { used, same, lengths } = countSlots(devices);
  const { orig_data_size, compr_data_size, bd_data_size, mem_used_total, metadata_size } = stats;
  const savedByDedup = PAGE_BYTES * stats.dup_pages;
  // A shared object's length was added once a slot; dup_data_size is what that is too much.
  const savedByCompression =
    PAGE_BYTES * (used - same) - lengths - (savedByDedup - stats.dup_data_size);
  const terms =
    PAGE_BYTES * same + savedByDedup + savedByCompression + compr_data_size + bd_data_size;
  const ofOne = (bytes: number, stored: number) => (stored === 0 ? null : bytes / stored);
  const accounting: SlotAccounting = {
    slots_in_use: used,
    orig_data_size,
    same_pages: same,
    saved_by_same_filled: PAGE_BYTES * same,
    dup_pages: stats.dup_pages,
    saved_by_dedup: savedByDedup,
    objects: stats.objects,
    saved_by_compression: savedByCompression,
    compr_data_size,
    bd_data_size,
    difference: orig_data_size - terms,
    mem_used_total,
    metadata_size,
    ratio_compression: ofOne(PAGE_BYTES * stats.objects, compr_data_size + bd_data_size),
    ratio_everything: ofOne(orig_data_size, mem_used_total + metadata_size),
  };
  check(stats, accounting);
  return accounting;
}

function check(stats: StoreStats, accounting: SlotAccounting): void {
  const { slots_in_use, same_pages, dup_pages, objects, orig_data_size, difference } = accounting;
  const isExact =
    difference === 0 &&
    orig_data_size === PAGE_BYTES * slots_in_use &&
    same_pages === stats.same_pages &&
    objects === slots_in_use - same_pages - dup_pages;
  if (isExact) return;
  throw new PagefoldError(
    "CORRUPT",
    `the accounting does not hold, it is off by ${difference} bytes: ${JSON.stringify(accounting)}; this is an error in pagefold, report it`,
  );
}
