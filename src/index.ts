/** pagefold's public interface. Everything not exported here may change at any time. */

export type { Codec, CodecDefinition, LevelRange } from "../codecs/codec.ts";
export { codecNames, getCodec, loadCodec } from "../codecs/registry.ts";
export { type Clock, ManualClock, systemClock } from "./base/clock.ts";
export { type Errno, type ErrorCode, PagefoldError } from "./base/errors.ts";
export { type RandomSource, SeededRandom } from "./base/random.ts";
export type { Cache, CloseOptions } from "./cache/cache.ts";
export { openCache } from "./cache/open-cache.ts";
export type { CacheMode, CacheOptions } from "./cache/options.ts";
export type { Origin } from "./cache/origin.ts";
export type { CacheStats } from "./cache/statistics.ts";
export type { SlotState } from "./device/block-state.ts";
export type { Device, WriteZeroesOptions } from "./device/device.ts";
export { EXTENT_STATE, type Extent } from "./device/extents.ts";
export type { ExportOptions, PageStoreOptions, StoreOptions } from "./device/options.ts";
export type { OverflowOptions } from "./device/overflow-options.ts";
export { createPageStore, type PageStore } from "./device/page-store.ts";
export type { RecompressOptions, RecompressResult, RecompressType } from "./device/recompress.ts";
export type { DeviceStats, ExportCounts, StoreStats } from "./device/statistics.ts";
export { openDevice, openStore, type Store } from "./device/store.ts";
export type {
  PageRange,
  WriteBackRequest,
  WriteBackResult,
  WriteBackType,
} from "./device/write-back/by-hand.ts";
export type { OverflowStats } from "./device/write-back/overflow-stats.ts";
export {
  type BlockStatusOptions,
  NbdClient,
  type WriteOptions,
  type WriteZeroesOptions as NbdWriteZeroesOptions,
} from "./nbd/client/client.ts";
export type {
  BlockSize,
  ConnectOptions,
  ExportInfo,
  HandshakeOptions,
  ListContextsOptions,
  ListedExport,
} from "./nbd/client/types.ts";
export {
  formatNbdUri,
  type NbdAddress,
  type NbdPlace,
  type NbdTls,
  parseNbdUri,
} from "./nbd/uri.ts";
export {
  type Fault,
  type FaultCounts,
  type FaultPlan,
  FaultyMedium,
} from "./overflow/media/faulty.ts";
export { FileMedium, type FileMediumOptions } from "./overflow/media/file.ts";
export type { Medium } from "./overflow/media/medium.ts";
export { MemoryMedium, type MemoryMediumOptions } from "./overflow/media/memory.ts";
export {
  NandModel,
  type NandModelOptions,
  type NandTimes,
  TLC_TIMES,
} from "./overflow/media/nand.ts";
export type { WearFigures } from "./overflow/space/wear-figures.ts";
export type { TmemClient } from "./tmem/client.ts";
export type { ClientOptions, PoolOptions, TmemOptions } from "./tmem/options.ts";
export type { TmemPool } from "./tmem/pool.ts";
export type { ClientStats, PoolKind, PoolStats, TmemCounts, TmemStats } from "./tmem/statistics.ts";
export { openTmem, type Tmem } from "./tmem/tmem.ts";
