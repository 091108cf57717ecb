/**
 * Stores whose inside a test can look at, with codecs of a test's own, a clock that stands still and keys that
 * repeat.
 */

import type { Codec } from "../../codecs/codec.ts";
import { ManualClock } from "../../src/base/clock.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import type { Device } from "../../src/device/device.ts";
import { checkStoreOptions, type ExportOptions } from "../../src/device/options.ts";
import { Store } from "../../src/device/store.ts";
import { StoreCore } from "../../src/device/store-core.ts";
import { seededKeys } from "./engine-driver.ts";
import { SizedCodec } from "./sized-codec.ts";

export interface TestStoreOptions {
  /** By priority; one sized codec unless told. All of them run in the host. */
  readonly codecs?: readonly Codec[];
  readonly dedup?: boolean;
  readonly memoryLimitBytes?: number;
}

export interface TestStore {
  readonly core: StoreCore;
  readonly store: Store;
  readonly clock: ManualClock;
}

/** The sized codecs of that many priorities. */
export function sizedCodecs(count: number): Codec[] {
  return Array.from({ length: count }, (_, priority) => new SizedCodec(priority));
}

export function testStore(options: TestStoreOptions = {}): TestStore {
  const { codecs = sizedCodecs(1), dedup = true, memoryLimitBytes = 0 } = options;
  const clock = new ManualClock();
  const kernels = codecs.map(() => 0);
  const random = seededKeys(1);
  const checked = checkStoreOptions({ dedup, memoryLimitBytes, clock, random });
  const core = new StoreCore({ ...checked, codecs, kernels });
  return { core, store: new Store(core), clock };
}

export async function writePage(device: Device, index: number, page: Uint8Array): Promise<void> {
  await device.write(index * PAGE_BYTES, page);
}

export async function readPage(device: Device, index: number): Promise<Uint8Array> {
  const page = new Uint8Array(PAGE_BYTES);
  await device.read(index * PAGE_BYTES, page);
  return page;
}

/** An export of the store that takes the name `name` ("" unless told). */
export function openTestDevice(
  { store }: TestStore,
  options: { readonly slots: number } & Omit<ExportOptions, "sizeBytes">,
): Device {
  const { slots, ...others } = options;
  return store.openExport({ sizeBytes: slots * PAGE_BYTES, ...others });
}
