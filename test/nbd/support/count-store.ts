/** A store counted from its slots up, and compared with what its statistics say: the accounting identity. */

import { expect } from "vitest";
import type { StoreCore } from "../../../src/device/store-core.ts";

const PAGE_BYTES = 4096;

/** Throws unless every figure of the store is what its slots and objects make it. */
export function checkAccounts(core: StoreCore): void {
  const references = new Map<number, number>();
  let used = 0;
  let sameFilled = 0;
  let reserved = 0;
  for (const { table, options } of core.exports.values()) {
    for (let index = 0; index < options.slots; index++) {
      used += Number(table.isUsed(index));
      sameFilled += Number(table.isSameFilled(index));
      reserved += Number(table.isReserved(index));
      const id = table.objectAt(index);
      if (id !== 0) references.set(id, (references.get(id) ?? 0) + 1);
    }
  }
  let compressed = 0;
  let saved = 0;
  for (const [id, count] of references) {
    const length = core.engine.lengthOf(id);
    expect(core.engine.referencesOf(id), `references of object ${id}`).toBe(count);
    compressed += length;
    saved += length * (count - 1);
  }
  const stats = core.stats();
  const dup = used - sameFilled - references.size;
  expect({
    orig_data_size: stats.orig_data_size,
    same_pages: stats.same_pages,
    dup_pages: stats.dup_pages,
    objects: stats.objects,
    compr_data_size: stats.compr_data_size,
    dup_data_size: stats.dup_data_size,
    reserved_bytes: stats.reserved_bytes,
  }).toEqual({
    orig_data_size: PAGE_BYTES * used,
    same_pages: sameFilled,
    dup_pages: dup,
    objects: references.size,
    compr_data_size: compressed,
    dup_data_size: saved,
    reserved_bytes: PAGE_BYTES * reserved,
  });
  const gained = PAGE_BYTES * references.size - compressed;
  expect(stats.orig_data_size).toBe(PAGE_BYTES * (sameFilled + dup) + gained + compressed);
}
