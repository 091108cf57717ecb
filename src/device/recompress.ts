/**
 * Recompression: objects already stored are tried with the store's further codecs, in order of priority, as zram does.
 * An object changes only if it comes to lie in a smaller size class; one that no codec could shrink is marked and not
 * tried again. It is done per object, so every slot that shares one is served at once; an object's age is its youngest
 * slot's.
 */

import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { checkBytes, checkKeys, checkObject, invalid, shown } from "./checks.ts";
import { youngObjects } from "./object-ages.ts";
import { MOST_AGE_SECONDS } from "./slot-table.ts";
import type { StoreCore } from "./store-core.ts";
import { decodeObject } from "./write-back/denser.ts";

/** Objects tried between two pauses: some milliseconds with a slow codec. */
const TRIED_PER_STEP = 64;

const KEYS = ["type", "thresholdBytes", "idleSeconds", "maxPages", "priority"];
const TYPES = ["all", "idle", "huge", "huge_idle"] as const;
export type RecompressType = (typeof TYPES)[number];

export interface RecompressOptions {
  /** Which objects: every one (the default), those whose slots are all marked idle, those stored raw, or both. */
  readonly type?: RecompressType;
  /** Only objects of at least this many compressed bytes; the new bytes must then be fewer. */
  readonly thresholdBytes?: number;
  /** Only objects none of whose slots was touched for this long. */
  readonly idleSeconds?: number;
  /** Try at most this many objects; 0, the default: no limit. */
  readonly maxPages?: number;
  /** Only this further codec (1 to 3, in the order of the store's `recompress`); by default each in turn. */
  readonly priority?: number;
}

export interface RecompressResult {
  /** Objects that were tried. */
  readonly tried: number;
  /** Objects that lie in a smaller class now. */
  readonly recompressed: number;
  /** Objects now marked as not to be shrunk. */
  readonly exhausted: number;
  /** Compressed bytes saved. */
  readonly saved_bytes: number;
}

interface Pass {
  readonly type: RecompressType;
  readonly thresholdBytes: number;
  readonly idleSeconds: number;
  readonly maxPages: number;
  readonly firstPriority: number;
  readonly lastPriority: number;
  /** Whether the pass tries every codec above priority `own`. */
  isComplete(own: number): boolean;
}

function checkPass(store: StoreCore, options: RecompressOptions): Pass {
  checkObject(options, "recompress");
  checkKeys(options, KEYS);
  const further = store.codecs.length - 1;
  if (further === 0) {
    throw invalid(
      'the store has no codec to recompress with; open it with recompress: ["zstd"] or another',
    );
  }
  const type = options.type ?? "all";
  if (!TYPES.includes(type))
    throw invalid(
      `recompress type ${shown(type)} is unknown; the known ones are ${TYPES.join(", ")}`,
    );
  const longest = store.engine.longestCompressed();
  const { priority } = options;
  if (
    priority !== undefined &&
    !(Number.isInteger(priority) && priority >= 1 && priority <= further)
  ) {
    throw invalid(
      `priority ${shown(priority)} names no codec; this store has ${further} to recompress with, from 1 to ${further}`,
    );
  }
  return {
    type,
    thresholdBytes: checkBytes(options.thresholdBytes ?? 0, "thresholdBytes", {
      least: 0,
      most: longest,
    }),
    idleSeconds: checkBytes(options.idleSeconds ?? 0, "idleSeconds", {
      least: 0,
      most: MOST_AGE_SECONDS,
    }),
    maxPages: checkBytes(options.maxPages ?? 0, "maxPages", { least: 0, most: 2 ** 32 - 1 }),
    firstPriority: priority ?? 1,
    lastPriority: priority ?? further,
    isComplete: (own) => (priority ?? further) === further && (priority ?? 1) <= own + 1,
  };
}

/** One pass over the store's objects, in the order of their ids; it may pause after each `yield`. */
export function* recompressSteps(
  store: StoreCore,
  options: RecompressOptions,
): Generator<undefined, RecompressResult> {
  const pass = checkPass(store, options);
  const { engine } = store;
  const wantsIdle = pass.type === "idle" || pass.type === "huge_idle";
  const young = youngObjects(store, { wantsIdle, idleSeconds: pass.idleSeconds });
  const wantsHuge = pass.type === "huge" || pass.type === "huge_idle";
  let tried = 0;
  let recompressed = 0;
  let exhausted = 0;
  let savedBytes = 0;
  for (let id = 1; id < young.length; id++) {
    if (pass.maxPages > 0 && tried === pass.maxPages) break;
    if (young[id] === 1 || engine.referencesOf(id) === 0 || engine.isExhausted(id)) continue;
    if (engine.isAway(id)) continue;
    const before = engine.lengthOf(id);
    if (before < pass.thresholdBytes || (wantsHuge && before !== PAGE_BYTES)) continue;
    const current = engine.priorityOf(id);
    if (current >= pass.lastPriority) continue;
    if (tried % TRIED_PER_STEP === TRIED_PER_STEP - 1) {
      yield;
      // Meanwhile the object may have gone, or another taken its id: look at it anew.
      if (store.engine !== engine) break;
      if (engine.referencesOf(id) === 0 || engine.isExhausted(id) || engine.isAway(id)) continue;
      if (engine.lengthOf(id) !== before || engine.priorityOf(id) !== current) continue;
    }
    tried += 1;
    const outcome = tryCodecs(store, pass, id);
    if (outcome === "done") {
      recompressed += 1;
      savedBytes += before - engine.lengthOf(id);
    } else if (outcome === "no gain" && pass.isComplete(current)) {
      engine.exhaust(id);
      exhausted += 1;
    }
  }
  return { tried, recompressed, exhausted, saved_bytes: savedBytes };
}

/**
 * Tries the further codecs above the object's own, lowest first. "not now": one would take it to a smaller class, but
 * not below the threshold, or found no room.
 */
function tryCodecs(store: StoreCore, pass: Pass, id: number): "done" | "no gain" | "not now" {
  const { engine } = store;
  const own = engine.priorityOf(id);
  if (!decodeObject(engine, store.codecs, id)) {
    throw new PagefoldError(
      "CORRUPT",
      `object ${id}: its ${engine.lengthOf(id)} bytes do not decode with ${store.codecs[own]!.name}; write its pages anew`,
    );
  }
  let couldShrink = false;
  for (
    let priority = Math.max(own + 1, pass.firstPriority);
    priority <= pass.lastPriority;
    priority++
  ) {
    const kernel = store.options.kernels[priority]!;
    const length =
      kernel === 0
        ? store.codecs[priority]!.compress(engine.decoded, engine.scratch)
        : engine.encodeDecoded(kernel);
    if (!engine.shrinks(id, length)) continue;
    if (pass.thresholdBytes === 0 || length < pass.thresholdBytes) {
      if (engine.recode(id, length, priority)) {
        store.writeBack?.settle();
        return "done";
      }
    }
    couldShrink = true;
  }
  return couldShrink ? "not now" : "no gain";
}
