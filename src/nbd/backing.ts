/**
 * What a service serves: exports of a store of its own, which end with it, or a cache in front of an origin. Opened as
 * a whole or not at all.
 */

import { PagefoldError, reasonOf } from "../base/errors.ts";
import { formatSize } from "../base/units.ts";
import type { Cache } from "../cache/cache.ts";
import { openCache } from "../cache/open-cache.ts";
import type { CacheOptions } from "../cache/options.ts";
import type { Device } from "../device/device.ts";
import type { ExportOptions, StoreOptions } from "../device/options.ts";
import type { DeviceStats } from "../device/statistics.ts";
import { openStore, type Store } from "../device/store.ts";
import { TraceWriter } from "../trace/swap/trace-writer.ts";
import { CacheDisk } from "./server/cache-disk.ts";
import { DeviceDisk } from "./server/device-disk.ts";
import { RecordingDisk } from "./server/recording-disk.ts";
import { ServedExport } from "./server/served-export.ts";

export interface BackingOptions {
  readonly store: StoreOptions;
  /** At least one, the first also answers to the empty name; none where a cache is served. */
  readonly exports: readonly ExportOptions[];
  /** What a cache has beside its store's options, where one is served. */
  readonly cache?: Omit<CacheOptions, keyof StoreOptions>;
  readonly isReadOnly: boolean;
  /** A file to record a swap trace to; not of a cache. */
  readonly record?: string;
  readonly log: (line: string) => void;
}

export interface OpenExport {
  readonly served: ServedExport;
  stats(): DeviceStats;
  /** Forgets its contents. @throws PagefoldError UNSUPPORTED where they are somebody else's. */
  reset(): void;
}

export interface Backing {
  readonly store: Store;
  readonly cache: Cache | null;
  readonly exports: readonly OpenExport[];
  /** Brings to where it belongs what can be brought there, before the last look at the statistics. */
  settle(): Promise<void>;
  /** Closes it: null, or what was lost, or failed. */
  close(): Promise<PagefoldError | null>;
}

export function openBacking(options: BackingOptions): Promise<Backing> {
  const { cache } = options;
  return cache === undefined ? openExports(options) : openCached(options, cache);
}

async function openExports(options: BackingOptions): Promise<Backing> {
  const store = await openStore(options.store);
  try {
    const devices = options.exports.map((wanted) => store.openExport(wanted));
    const writer = await startTrace(options, devices);
    const exports = devices.map((device, index) => {
      const disk = new DeviceDisk(device, { isReadOnly: options.isReadOnly });
      const recorded = writer === undefined ? disk : new RecordingDisk(disk, writer, index);
      const served = new ServedExport(device.name, recorded);
      return { served, stats: () => device.stats(), reset: () => device.reset() };
    });
    const close = async () => {
      await writer?.close();
      await store.close();
      return null;
    };
    return { store, cache: null, exports, settle: async () => {}, close };
  } catch (cause) {
    await store.close();
    throw cause;
  }
}

async function startTrace(
  { record, exports, log }: BackingOptions,
  devices: readonly Device[],
): Promise<TraceWriter | undefined> {
  if (record === undefined) return undefined;
  return TraceWriter.create(record, {
    exports: devices.map(({ name, sizeBytes }, index) => ({
      name,
      domain: exports[index]?.domain ?? "",
      sizeBytes,
    })),
    onError: (cause) => log(`recording has ended: ${reasonOf(cause)}`),
  });
}

async function openCached(
  { store, log, isReadOnly }: BackingOptions,
  wanted: NonNullable<BackingOptions["cache"]>,
): Promise<Backing> {
  const cache = await openCache({ ...store, ...wanted, readOnly: isReadOnly, onEvent: log });
  const { sizeBytes: size_bytes } = cache;
  const cached: OpenExport = {
    served: new ServedExport("", new CacheDisk(cache)),
    stats: () => ({ ...cache.exportStats(), size_bytes, limit_bytes: size_bytes }),
    reset: () => {
      throw new PagefoldError(
        "UNSUPPORTED",
        `the export is a cache of ${cache.name}, whose contents cannot be forgotten; end the server and write to ${cache.name} itself`,
      );
    },
  };
  return {
    store: cache.store,
    cache,
    exports: [cached],
    settle: () => settle(cache, log),
    close: () => closeCache(cache),
  };
}

/** What cannot be flushed now, `close` tells of. */
async function settle(cache: Cache, log: (line: string) => void): Promise<void> {
  const { unsynced_bytes } = cache.stats();
  if (unsynced_bytes === 0) return;
  log(
    `flushing ${formatSize(unsynced_bytes)} to ${cache.name}; a second signal would not wait for it`,
  );
  await cache.flush().catch(() => {});
}

async function closeCache(cache: Cache): Promise<PagefoldError | null> {
  try {
    await cache.close();
    return null;
  } catch (cause) {
    const { unsynced_bytes, failure } = cache.stats();
    if (unsynced_bytes === 0) return closeFailure(cache, cause);
    // What is lost is said, whatever else fails.
    await cache.close({ abandon: true }).catch(() => {});
    return new PagefoldError(
      "IO",
      `${unsynced_bytes} bytes (${formatSize(unsynced_bytes)}) that clients wrote are LOST, ${cache.name} did not take them: ${failure ?? reasonOf(cause)}`,
      { cause },
    );
  }
}

function closeFailure({ name }: Cache, cause: unknown): PagefoldError {
  return new PagefoldError(
    "IO",
    `the cache was not closed well: ${reasonOf(cause)}; all that clients wrote is on ${name}`,
    { cause },
  );
}
