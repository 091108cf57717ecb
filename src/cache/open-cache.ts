/** Opens a cache, from its origin up: all of it, or nothing is left open or locked. */

import { loadCodec } from "../../codecs/registry.ts";
import { checkObject, invalid, shown } from "../base/checks.ts";
import { PagefoldError } from "../base/errors.ts";
import { formatSize, PAGE_BYTES } from "../base/units.ts";
import { checkStoreOptions, codecSpecs } from "../device/options.ts";
import { StoreCore } from "../device/store-core.ts";
import { openWriteBack } from "../device/write-back/open-write-back.ts";
import { Cache } from "./cache.ts";
import { CachedPages } from "./cached-pages.ts";
import { Fetches } from "./fetches.ts";
import { FileOrigin } from "./file-origin.ts";
import { Flusher } from "./flusher.ts";
import {
  type CacheOptions,
  type CheckedCacheOptions,
  cacheOptionKeys,
  checkCacheOptions,
  MOST_ORIGIN_BYTES,
} from "./options.ts";
import type { Origin } from "./origin.ts";
import { OriginPages } from "./origin-pages.ts";
import { PageRanges } from "./page-ranges.ts";
import { ReadAhead } from "./read-ahead.ts";
import { Reader } from "./reader.ts";
import { WriteBackPath } from "./write-back.ts";
import { WriteThroughPath } from "./write-through.ts";

/** Slots for each page of memory, and for each page of the overflow log: so well may pages compress and be shared. */
const SLOTS_PER_PAGE = 8;
const SLOTS_PER_LOG_PAGE = 4;
/** A slot table's own limit. */
const MOST_SLOTS = 2 ** 28;

/**
 * Opens a cache in front of a file, a block device, or any origin. The codecs it names are loaded. What `origin` names
 * is locked until the cache is closed.
 * @throws PagefoldError INVALID_ARGUMENT, UNKNOWN_CODEC, NOT_FOUND, NOT_PERMITTED, BUSY, NO_MEMORY, IO.
 */
export async function openCache(options: CacheOptions): Promise<Cache> {
  checkObject(options, "a cache");
  const checked = checkCacheOptions(options);
  if (checked.isReadOnly && options.mode === "write-back") throw readOnlyWriteBack(checked);
  for (const spec of codecSpecs(options)) await loadCodec(spec);
  const { memoryLimitBytes } = checked;
  const storeOptions = checkStoreOptions({ ...options, memoryLimitBytes }, cacheOptionKeys);
  const origin = await openOrigin(checked);
  try {
    const pages = await lookAt(origin, checked);
    const core = new StoreCore(storeOptions);
    await openWriteBack(core);
    try {
      return makeCache(checked, core, pages);
    } catch (cause) {
      await core.close();
      throw cause;
    }
  } catch (cause) {
    await origin.close();
    throw cause;
  }
}

function readOnlyWriteBack({ origin }: CheckedCacheOptions): PagefoldError {
  const name = typeof origin === "string" ? origin : origin.name;
  return new PagefoldError(
    "INVALID_ARGUMENT",
    `${name} is to be read alone (readOnly) and mode is write-back, which writes to it; leave one of the two out`,
  );
}

async function openOrigin({ origin, isReadOnly, mode }: CheckedCacheOptions): Promise<Origin> {
  if (typeof origin !== "string") {
    if (isReadOnly || !origin.isReadOnly) return origin;
    throw notWritable(origin.name, mode);
  }
  try {
    return await FileOrigin.open({ path: origin, isReadOnly });
  } catch (cause) {
    const isRefused = cause instanceof PagefoldError && cause.code === "NOT_PERMITTED";
    throw isRefused && !isReadOnly ? notWritable(origin, mode, cause) : cause;
  }
}

function notWritable(name: string, mode: string, cause?: PagefoldError): PagefoldError {
  const reason = cause === undefined ? "it is read-only" : cause.message;
  return new PagefoldError(
    "NOT_PERMITTED",
    `a ${mode} cache writes to ${name}, which cannot be written (${reason}); make it writable, or open the cache for reading alone (readOnly; serve: --read-only)`,
    { cause },
  );
}

async function lookAt(origin: Origin, options: CheckedCacheOptions): Promise<OriginPages> {
  const openedBytes = await origin.sizeBytes();
  const { sizeBytes = openedBytes, onEvent } = options;
  const { name } = origin;
  if (!Number.isSafeInteger(openedBytes) || openedBytes <= 0)
    throw invalid(`${name} has ${shown(openedBytes)} bytes; name an origin of at least 1 byte`);
  const size = `${openedBytes} bytes (${formatSize(openedBytes)})`;
  if (sizeBytes > openedBytes)
    throw invalid(
      `${name} has ${size}, and ${sizeBytes} of it are to be served; ask for no more than it has, or name a longer one`,
    );
  if (sizeBytes > MOST_ORIGIN_BYTES)
    throw invalid(
      `${name} has ${size}, and a cache serves ${MOST_ORIGIN_BYTES} of it at most; ask for so many`,
    );
  return new OriginPages({ origin, sizeBytes, openedBytes, onEvent });
}

function slotsFor(core: StoreCore, pages: number): number {
  const memoryPages = Math.ceil(core.memoryLimitBytes / PAGE_BYTES);
  const logPages = Math.ceil((core.options.overflow?.sizeBytes ?? 0) / PAGE_BYTES);
  const wanted = SLOTS_PER_PAGE * memoryPages + SLOTS_PER_LOG_PAGE * logPages;
  return Math.min(pages, wanted, MOST_SLOTS);
}

function makeCache(options: CheckedCacheOptions, core: StoreCore, origin: OriginPages): Cache {
  const slots = slotsFor(core, origin.pages);
  const table = core.openExport({ slots, slotLimit: slots, name: "", domain: "" });
  const cached = new CachedPages(core, table);
  const fetches = new Fetches(cached, origin);
  const ranges = new PageRanges();
  const { mostDirtyPages: mostPages, flushSeconds, aheadPages } = options;
  const flusher = new Flusher({ cached, origin, ranges }, { mostPages, flushSeconds });
  const ahead =
    aheadPages === 0 ? null : new ReadAhead({ pages: origin.pages, mostPages: aheadPages });
  const reader = new Reader({ cached, fetches, ranges, ahead });
  const path = { cached, fetches, flusher, origin };
  const writes =
    options.mode === "write-back"
      ? new WriteBackPath(path)
      : new WriteThroughPath({ ...path, ranges });
  return new Cache({ options, core, cached, fetches, flusher, origin, reader, writes });
}
