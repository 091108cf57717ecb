/**
 * The accounting identity of a store, exactly, from its slots up: what DESIGN.md calls "Accounting". Object ids come
 * from the store's own slot tables; everything else is counted here, from the model's contents and the objects'
 * lengths.
 */

import { PAGE_BYTES } from "../../src/base/units.ts";
import type { StoreStats } from "../../src/device/statistics.ts";
import type { StoreCore } from "../../src/device/store-core.ts";
import type { ModelExport } from "./model-export.ts";

/** A place's head in the pool; a raw page has none. */
const HEAD_BYTES = 4;

export interface AuditOptions {
  /** Whether every duplicate must have been found. */
  readonly isSharingExact: boolean;
  readonly dedup: boolean;
}

/** An object as its slots show it. */
interface Seen {
  readonly domain: string;
  readonly content: number;
  references: number;
}

export class AuditError extends Error {}

function same(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new AuditError(`${what} is ${found}, not ${expected}`);
}

/** Slots and objects of all exports; checks that each object serves equal contents of one domain. */
function collect(core: StoreCore, exports: readonly ModelExport[]): Map<number, Seen> {
  const objects = new Map<number, Seen>();
  const now = Math.floor(core.options.clock.seconds());
  for (const { plan, held, accessed, idle, reserved } of exports) {
    const { table } = core.exports.get(plan.name)!;
    for (let index = 0; index < plan.slots; index++) {
      const content = held[index]!;
      const id = table.objectAt(index);
      if (table.isUsed(index) !== (content !== null)) {
        throw new AuditError(`slot ${index} of "${plan.name}" in use: ${table.isUsed(index)}`);
      }
      if ((id !== 0) !== (content !== null && !content.isSameFilled)) {
        throw new AuditError(`slot ${index} of "${plan.name}" holds object ${id}`);
      }
      same(`reserve of slot ${index}`, table.isReserved(index), reserved[index]);
      if (content !== null) {
        same(`access of slot ${index}`, now - table.ageAt(index, now), accessed[index]);
        same(`idle mark of slot ${index}`, table.isIdle(index), idle[index]);
      }
      if (id === 0) continue;
      const seen = objects.get(id);
      if (seen === undefined) {
        objects.set(id, { domain: plan.domain, content: content.number, references: 1 });
      } else if (seen.content !== content.number || seen.domain !== plan.domain) {
        throw new AuditError(`object ${id} serves contents or domains that differ`);
      } else {
        seen.references += 1;
      }
    }
  }
  return objects;
}

function checkSharing(objects: ReadonlyMap<number, Seen>, options: AuditOptions): void {
  if (!options.dedup) {
    for (const [id, { references }] of objects) same(`references of ${id}`, references, 1);
  } else if (options.isSharingExact) {
    const contents = new Set<string>();
    for (const { domain, content } of objects.values()) contents.add(`${domain}/${content}`);
    same("objects of different contents", objects.size, contents.size);
  }
}

/** Checks every figure that follows from the slots; gives back the store's statistics. */
export function audit(
  core: StoreCore,
  exports: readonly ModelExport[],
  options: AuditOptions,
): StoreStats {
  const { engine } = core;
  const stats = core.stats();
  const objects = collect(core, exports);
  checkSharing(objects, options);
  let used = 0;
  let sameFilled = 0;
  let reservedBytes = 0;
  for (const { held, used: own, reservedBytes: ownReservedBytes } of exports) {
    used += own;
    reservedBytes += ownReservedBytes;
    for (const content of held) sameFilled += Number(content?.isSameFilled ?? false);
  }
  let compressed = 0;
  let saved = 0;
  let shared = 0;
  let huge = 0;
  let gained = 0;
  for (const [id, { references }] of objects) {
    const length = engine.lengthOf(id);
    same(`references of ${id}`, engine.referencesOf(id), references);
    compressed += length;
    gained += PAGE_BYTES - length;
    shared += references - 1;
    saved += length * (references - 1);
    huge += Number(length === PAGE_BYTES);
  }
  const heads = HEAD_BYTES * (objects.size - huge);
  same("objects", stats.objects, objects.size);
  same("orig_data_size", stats.orig_data_size, PAGE_BYTES * used);
  same("same_pages", stats.same_pages, sameFilled);
  same("compr_data_size", stats.compr_data_size, compressed);
  same("reserved_bytes", stats.reserved_bytes, reservedBytes);
  same("dup_pages", stats.dup_pages, shared);
  same("dup_pages by slots", stats.dup_pages, used - sameFilled - objects.size);
  same("dup_data_size", stats.dup_data_size, saved);
  same("huge_pages", stats.huge_pages, huge);
  const { same_pages, dup_pages, compr_data_size, bd_data_size } = stats;
  const sum = PAGE_BYTES * (same_pages + dup_pages) + gained + compr_data_size + bd_data_size;
  same("the sum of all terms", sum, stats.orig_data_size);
  same("mem_used_total in pages", stats.mem_used_total % PAGE_BYTES, 0);
  if (stats.mem_used_total < compressed + heads) {
    throw new AuditError(`mem_used_total ${stats.mem_used_total} for ${compressed + heads} bytes`);
  }
  if (objects.size === 0) same("mem_used_total of no objects", stats.mem_used_total, 0);
  if (stats.mem_used_max < stats.mem_used_total) {
    throw new AuditError(`mem_used_max ${stats.mem_used_max} below ${stats.mem_used_total}`);
  }
  return stats;
}
