/** Write-back by hand, as zram has it: by kind of page, or by page index. */

import { PagefoldError } from "../../base/errors.ts";
import { checkBytes, checkKeys, checkObject, invalid, shown } from "../checks.ts";
import { youngObjects } from "../object-ages.ts";
import { MOST_AGE_SECONDS } from "../slot-table.ts";
import type { StoreCore } from "../store-core.ts";

const TYPES = ["idle", "huge", "huge_idle", "incompressible"] as const;
export type WriteBackType = (typeof TYPES)[number];

/** Pages of an export, both ends included. */
export interface PageRange {
  /** The export's name; the empty one by default. */
  readonly export?: string;
  readonly first: number;
  readonly last: number;
}

export interface WriteBackRequest {
  /**
   * Objects whose slots are all marked idle, those stored raw, both, or those no codec of the store can shrink.
   */
  readonly type?: WriteBackType;
  /** Objects held by these pages, in place of a type. */
  readonly pages?: readonly PageRange[];
  /** Only objects none of whose slots was touched for this long. */
  readonly idleSeconds?: number;
}

export interface WriteBackResult {
  /** Objects that were chosen, and those of them that left memory. */
  readonly chosen: number;
  readonly written: number;
  /** Compressed bytes that left memory. */
  readonly bytes: number;
}

/** The objects in memory that a request chooses, in the order of their ids. */
export function chosenObjects(store: StoreCore, request: WriteBackRequest): Uint32Array {
  checkObject(request, "writeBack");
  checkKeys(request, ["type", "pages", "idleSeconds"]);
  const { type, pages } = request;
  if ((type === undefined) === (pages === undefined))
    throw invalid(
      `writeBack takes either a type (${TYPES.join(", ")}) or pages; give one of the two`,
    );
  if (type !== undefined && !TYPES.includes(type))
    throw invalid(
      `writeBack type ${shown(type)} is unknown; the known ones are ${TYPES.join(", ")}`,
    );
  const idleSeconds = checkBytes(request.idleSeconds ?? 0, "idleSeconds", {
    least: 0,
    most: MOST_AGE_SECONDS,
  });
  const wantsIdle = type === "idle" || type === "huge_idle";
  const young = youngObjects(store, { wantsIdle, idleSeconds });
  const wanted = pages === undefined ? null : objectsOf(store, pages);
  const { engine } = store;
  const chosen: number[] = [];
  for (let id = 1; id < young.length; id++) {
    if (young[id] === 1 || engine.referencesOf(id) === 0 || engine.isAway(id)) continue;
    if (wanted !== null && wanted[id] === 0) continue;
    if ((type === "huge" || type === "huge_idle") && !engine.isHuge(id)) continue;
    if (type === "incompressible" && !engine.isHuge(id) && !engine.isExhausted(id)) continue;
    chosen.push(id);
  }
  return Uint32Array.from(chosen);
}

/** For each object id: 1 if one of the pages holds it. */
function objectsOf(store: StoreCore, pages: readonly PageRange[]): Uint8Array {
  if (!Array.isArray(pages))
    throw invalid(`pages are ${shown(pages)}; they must be a list of ranges`);
  const wanted = new Uint8Array(store.engine.idEnd());
  for (const range of pages as readonly PageRange[]) {
    checkObject(range as unknown, "a range of pages");
    checkKeys(range, ["export", "first", "last"]);
    const name = range.export ?? "";
    const opened = store.exports.get(name);
    if (opened === undefined) {
      const names = [...store.exports.keys()].map((known) => `"${known}"`).join(", ");
      throw new PagefoldError(
        "NOT_FOUND",
        `no export ${shown(name)} is open; open are ${names || "none"}`,
      );
    }
    const most = opened.options.slots - 1;
    const first = checkBytes(range.first, "the first page", { least: 0, most });
    const last = checkBytes(range.last, "the last page", { least: first, most });
    for (let index = first; index <= last; index++) wanted[opened.table.objectAt(index)] = 1;
  }
  wanted[0] = 0;
  return wanted;
}
