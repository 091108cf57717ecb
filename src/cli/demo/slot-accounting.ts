/**
 * Where every byte of a device with a store of its own is. Holds always: slots, same-filled pages and what compression
 * saves are counted from the slots, one by one, so that the identity compares two counts and does not repeat one.
 */

import { PagefoldError } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import type { Device } from "../../device/device.ts";

/**
 * orig_data_size = saved_by_same_filled + saved_by_dedup + saved_by_compression + compr_data_size + bd_data_size;
 * `difference` is what is left of it, 0 bytes. Slots, same-filled pages and saved_by_compression are counted from the
 * slots.
 */
export interface Accounting {
  readonly slots_in_use: number;
  readonly orig_data_size: number;
  readonly same_pages: number;
  readonly saved_by_same_filled: number;
  readonly dup_pages: number;
  readonly saved_by_dedup: number;
  readonly objects: number;
  readonly saved_by_compression: number;
  readonly compr_data_size: number;
  readonly bd_data_size: number;
  readonly difference: number;
  readonly mem_used_total: number;
  readonly metadata_size: number;
  readonly ratio_compression: number;
  readonly ratio_everything: number;
}

/** What lies in each slot, added up without a look at the statistics. */
function countSlots(device: Device) {
  let used = 0;
  let same = 0;
  let lengths = 0;
  for (let index = 0; index * PAGE_BYTES < device.sizeBytes; index++) {
    const slot = device.slotState(index);
    if (slot === null) continue;
    used += 1;
    if (slot.same_filled) same += 1;
    lengths += slot.length;
  }
  return { used, same, lengths };
}

/**
 * The accounting of the device as it is now.
 * @throws PagefoldError CORRUPT if it is not exact.
 */
export function accountSlots(device: Device): Accounting {
  const { used, same, lengths } = countSlots(device);
  const stats = device.stats();
  const { orig_data_size, compr_data_size, bd_data_size, mem_used_total, metadata_size } = stats;
  const savedByDedup = PAGE_BYTES * stats.dup_pages;
  // A shared object's length was added once a slot; dup_data_size is what that is too much.
  const savedByCompression =
    PAGE_BYTES * (used - same) - lengths - (savedByDedup - stats.dup_data_size);
  const terms =
    PAGE_BYTES * same + savedByDedup + savedByCompression + compr_data_size + bd_data_size;
  const accounting: Accounting = {
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
    ratio_compression: (PAGE_BYTES * stats.objects) / (compr_data_size + bd_data_size),
    ratio_everything: orig_data_size / (mem_used_total + metadata_size),
  };
  check(device, accounting);
  return accounting;
}

function check(device: Device, accounting: Accounting): void {
  const { slots_in_use, same_pages, dup_pages, objects, orig_data_size, difference } = accounting;
  const isExact =
    difference === 0 &&
    orig_data_size === PAGE_BYTES * slots_in_use &&
    same_pages === device.stats().same_pages &&
    objects === slots_in_use - same_pages - dup_pages;
  if (isExact) return;
  throw new PagefoldError(
    "CORRUPT",
    `the accounting does not hold, it is off by ${difference} bytes: ${JSON.stringify(accounting)}; this is an error in pagefold, report it`,
  );
}
