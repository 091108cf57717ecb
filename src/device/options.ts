/** What a store, an export and a maintenance pass can be asked for, and the one check of it. */

import type { Codec } from "../../codecs/codec.ts";
import { getCodec, parseCodec } from "../../codecs/registry.ts";
import {
  checkBytes,
  checkClock,
  checkFlag,
  checkKeys,
  checkName,
  checkObject,
  checkRandom,
  invalid,
  shown,
} from "../base/checks.ts";
import type { Clock } from "../base/clock.ts";
import { systemClock } from "../base/clock.ts";
import { type RandomSource, secureRandom } from "../base/random.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { MOST_CODECS, MOST_ENGINE_BYTES } from "../engine/engine.ts";
import {
  type CheckedOverflowOptions,
  checkOverflowOptions,
  type OverflowOptions,
} from "./overflow-options.ts";

/** The largest export: 1 TiB. One store's memory holds 4 GiB of compressed pages at most. */
export const MOST_SIZE_BYTES = 2 ** 40;

/** Options of a store. */
export interface StoreOptions {
  /** The codec of new pages, `lz4` by default; a level may follow a colon: `zstd:9`. */
  readonly codec?: string;
  /** Up to three further codecs for `recompress`, in the order they are tried. */
  readonly recompress?: readonly string[];
  /** Whether equal pages are stored once; true by default. */
  readonly dedup?: boolean;
  /** Most bytes of pool memory (mem_used_total), in whole pages; 0, the default: no limit but the 4 GiB of a store. */
  readonly memoryLimitBytes?: number;
  /**
   * Bytes of real memory the store takes from the system when it opens, so that no write waits for the system to find
   * some; 0, the default: none. At most 4092 MiB.
   */
  readonly reserveBytes?: number;
  /** A log on an SSD for objects that leave memory; none by default. */
  readonly overflow?: OverflowOptions;
  /** Where ages come from; the system's monotonic clock by default. */
  readonly clock?: Clock;
  /** Where keys come from; the system's secure source by default. */
  readonly random?: RandomSource;
}

/** Options of an export. */
export interface ExportOptions {
  /** Bytes of the device, rounded up to whole pages; at most 1 TiB. */
  readonly sizeBytes: number;
  /** The export's name, at most 127 bytes; the empty name by default. */
  readonly name?: string;
  /** Pages are shared within a domain only; all exports are in one domain unless they name another. */
  readonly domain?: string;
  /** Most logical bytes the export may hold (its orig_data_size), 0 or none: its size. */
  readonly limitBytes?: number;
}

/** A page store is a store with one export, so it takes the options of both. */
export interface PageStoreOptions extends StoreOptions, ExportOptions {}

const STORE_KEYS = [
  "codec",
  "recompress",
  "dedup",
  "memoryLimitBytes",
  "reserveBytes",
  "overflow",
  "clock",
  "random",
  "hashMask",
];
const EXPORT_KEYS = ["sizeBytes", "name", "domain", "limitBytes"];

/** A store's options, complete and checked. */
export interface CheckedStoreOptions {
  /** By priority: the primary codec first. */
  readonly codecs: readonly Codec[];
  /** By priority: the number the engine runs the codec under, 0 where it runs in JavaScript. */
  readonly kernels: readonly number[];
  readonly dedup: boolean;
  readonly memoryLimitBytes: number;
  readonly reserveBytes: number;
  readonly overflow?: CheckedOverflowOptions;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly hashMask?: bigint;
}

/** The codecs a store's options name, the primary one first. */
export function codecSpecs(options: StoreOptions): readonly string[] {
  const recompress = options.recompress ?? [];
  if (!Array.isArray(recompress))
    throw invalid(`recompress is ${shown(recompress)}; it must be a list of codec names`);
  if (recompress.length > MOST_CODECS - 1) {
    throw invalid(
      `recompress names ${recompress.length} codecs; at most ${MOST_CODECS - 1} are possible`,
    );
  }
  return [options.codec ?? "lz4", ...recompress];
}

export function checkStoreOptions(
  options: StoreOptions,
  extraKeys: readonly string[] = [],
): CheckedStoreOptions {
  checkObject(options, "a store");
  checkKeys(options, [...STORE_KEYS, ...extraKeys]);
  const specs = codecSpecs(options);
  const hashMask = (options as { readonly hashMask?: bigint }).hashMask;
  if (hashMask !== undefined && typeof hashMask !== "bigint") {
    throw invalid(`hashMask is ${shown(hashMask)}; it must be a bigint, and is for tests alone`);
  }
  return {
    codecs: specs.map((spec) => getCodec(spec)),
    kernels: specs.map((spec) => parseCodec(spec).definition.kernel ?? 0),
    dedup: checkFlag(options.dedup ?? true, "dedup"),
    memoryLimitBytes: checkBytes(options.memoryLimitBytes ?? 0, "memoryLimitBytes", {
      least: 0,
      most: MOST_SIZE_BYTES,
    }),
    reserveBytes: checkBytes(options.reserveBytes ?? 0, "reserveBytes", {
      least: 0,
      most: MOST_ENGINE_BYTES,
    }),
    clock: checkClock(options.clock ?? systemClock),
    random: checkRandom(options.random ?? secureRandom),
    ...(options.overflow === undefined
      ? {}
      : { overflow: checkOverflowOptions(options.overflow, specs.length - 1) }),
    ...(hashMask === undefined ? {} : { hashMask }),
  };
}

/** An export's options, complete and checked. */
export interface CheckedExportOptions {
  readonly slots: number;
  readonly name: string;
  readonly domain: string;
  /** Most slots in use. */
  readonly slotLimit: number;
}

export function checkExportOptions(
  options: ExportOptions,
  extraKeys: readonly string[] = [],
): CheckedExportOptions {
  checkObject(options, "an export");
  checkKeys(options, [...EXPORT_KEYS, ...extraKeys]);
  const sizeBytes = checkBytes(options.sizeBytes, "sizeBytes", { least: 1, most: MOST_SIZE_BYTES });
  const limitBytes = checkBytes(options.limitBytes ?? 0, "limitBytes", {
    least: 0,
    most: MOST_SIZE_BYTES,
  });
  if (limitBytes > 0 && limitBytes < PAGE_BYTES) {
    throw invalid(
      `limitBytes is ${limitBytes}; it must be 0 for none, or at least a page, ${PAGE_BYTES}`,
    );
  }
  const slots = Math.ceil(sizeBytes / PAGE_BYTES);
  return {
    slots,
    name: checkName(options.name ?? "", "the export's name"),
    domain: checkName(options.domain ?? "", "the domain's name"),
    slotLimit: limitBytes === 0 ? slots : Math.floor(limitBytes / PAGE_BYTES),
  };
}

export const storeOptionKeys: readonly string[] = STORE_KEYS;
export const exportOptionKeys: readonly string[] = EXPORT_KEYS;
