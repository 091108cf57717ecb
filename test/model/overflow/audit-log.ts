/**
 * The accounting identity of a store with an overflow log, exactly, from its slots up: objects in memory and away,
 * copies, and every record on the log.
 */

import { PAGE_BYTES } from "../../../src/base/units.ts";
import type { StoreCore } from "../../../src/device/store-core.ts";
import { HEADER_SEGMENTS, UNIT_ALIGN } from "../../../src/overflow/format/layout.ts";
import { LOST, NOWHERE } from "../../../src/overflow/placement.ts";
import { AuditError } from "../audit.ts";
import type { Held, HeldPages } from "./held-pages.ts";

function same(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new AuditError(`${what} is ${found}, not ${expected}`);
}

interface Seen {
  readonly domain: string;
  options: readonly Held[];
  references: number;
}

/** The objects of all slots; each serves equal contents of one domain. */
function collect(core: StoreCore, exports: readonly HeldPages[]) {
  const objects = new Map<number, Seen>();
  let used = 0;
  let sameFilled = 0;
  let reserved = 0;
  for (const { name, domain, options } of exports) {
    const { table } = core.exports.get(name)!;
    for (const [index, all] of options.entries()) {
      const id = table.objectAt(index);
      const possible = table.isUsed(index)
        ? all.filter((held) => held !== null && held.isSameFilled === (id === 0))
        : all.filter((held) => held === null);
      if (possible.length === 0)
        throw new AuditError(`slot ${index} of "${name}" holds object ${id}, which cannot be`);
      used += Number(table.isUsed(index));
      sameFilled += Number(table.isSameFilled(index));
      reserved += Number(table.isReserved(index));
      if (id === 0) continue;
      const seen = objects.get(id) ?? { domain, options: possible, references: 0 };
      seen.references += 1;
      seen.options = seen.options.filter((held) => possible.includes(held));
      if (seen.domain !== domain || seen.options.length === 0)
        throw new AuditError(`object ${id} serves contents or domains that differ`);
      objects.set(id, seen);
    }
  }
  return { objects, used, sameFilled, reserved };
}

export interface LogAuditOptions {
  readonly segmentBytes: number;
  /** Whether nothing is under way, so that each segment's live bytes are those of its objects. */
  readonly isSettled: boolean;
  /** Whether records may be lost. */
  readonly mayLose: boolean;
}

export function auditLog(
  core: StoreCore,
  exports: readonly HeldPages[],
  options: LogAuditOptions,
): void {
  const { engine } = core;
  const { placement } = core.writeBack!.log;
  const stats = core.stats();
  const { objects, used, sameFilled, reserved } = collect(core, exports);
  const sum = {
    compressed: 0,
    away: 0,
    awayCount: 0,
    copied: 0,
    saved: 0,
    shared: 0,
    huge: 0,
    gained: 0,
    lost: 0,
  };
  const live = new Map<number, number>();
  for (let id = 1; id < engine.idEnd(); id++) {
    const seen = objects.get(id);
    const unit = placement.unitOf(id);
    same(`references of ${id}`, engine.referencesOf(id), seen?.references ?? 0);
    if (seen === undefined) {
      same(`unit of ${id}, which is free,`, unit, NOWHERE);
      continue;
    }
    const length = engine.lengthOf(id);
    const isAway = engine.isAway(id);
    const isCopied = engine.isCopied(id);
    same(`object ${id} on the log`, unit !== NOWHERE, isAway || isCopied);
    sum.gained += PAGE_BYTES - length;
    sum.shared += seen.references - 1;
    sum.saved += length * (seen.references - 1);
    if (isAway) {
      sum.away += length;
      sum.awayCount += 1;
    } else {
      sum.compressed += length;
      sum.huge += Number(length === PAGE_BYTES);
    }
    if (isCopied) sum.copied += length;
    if (unit === NOWHERE) continue;
    same(`record length of ${id}`, placement.lengthOf(id), length);
    if (unit === LOST) {
      if (isCopied || !options.mayLose) throw new AuditError(`object ${id} is lost`);
      sum.lost += 1;
      continue;
    }
    const segment = Math.floor((unit * UNIT_ALIGN) / options.segmentBytes) - HEADER_SEGMENTS;
    live.set(segment, (live.get(segment) ?? 0) + placement.recordBytes(id));
  }
  const log = core.writeBack!.stats();
  same("objects", stats.objects, objects.size);
  same("orig_data_size", stats.orig_data_size, PAGE_BYTES * used);
  same("same_pages", stats.same_pages, sameFilled);
  same("reserved_bytes", stats.reserved_bytes, PAGE_BYTES * reserved);
  same("compr_data_size", stats.compr_data_size, sum.compressed);
  same("huge_pages", stats.huge_pages, sum.huge);
  same("dup_pages", stats.dup_pages, sum.shared);
  same("dup_data_size", stats.dup_data_size, sum.saved);
  same("bd_count", stats.bd_count, sum.awayCount);
  same("bd_data_size", stats.bd_data_size, sum.away);
  same("copied_bytes", log.copied_bytes, sum.copied);
  same("lost_objects", log.lost_objects, sum.lost);
  const { same_pages, dup_pages, compr_data_size, bd_data_size } = stats;
  const terms = PAGE_BYTES * (same_pages + dup_pages) + sum.gained + compr_data_size + bd_data_size;
  same("the sum of all terms", terms, stats.orig_data_size);
  checkSegments(
    live,
    log.wear.live_shares.map((share) => share * options.segmentBytes),
    options,
  );
}

/** The live bytes of segments, least first, against those of the objects that lie in them. */
function checkSegments(
  live: ReadonlyMap<number, number>,
  found: number[],
  { isSettled }: LogAuditOptions,
): void {
  const expected = [...live.values()];
  const total = (bytes: readonly number[]) => bytes.reduce((sum, each) => sum + each, 0);
  if (!isSettled) {
    if (total(found) >= total(expected)) return;
    throw new AuditError(
      `${total(found)} bytes live on the log, its objects have ${total(expected)}`,
    );
  }
  const inUse = found.filter((bytes) => bytes > 0);
  same("live bytes by segment", `${inUse}`, `${expected.sort((a, b) => a - b)}`);
}
