/**
 * The store with its exports as block devices: any byte offset and length, asynchronous, one store for many exports.
 */

import { setImmediate as turn } from "node:timers/promises";
import { loadCodec } from "../../codecs/registry.ts";
import { PagefoldError } from "../base/errors.ts";
import { SIZE_CLASSES } from "../engine/engine.ts";
import { checkAge } from "./checks.ts";
import { Device } from "./device.ts";
import {
  checkExportOptions,
  checkStoreOptions,
  codecSpecs,
  type ExportOptions,
  exportOptionKeys,
  type PageStoreOptions,
  type StoreOptions,
  storeOptionKeys,
} from "./options.ts";
import { type RecompressOptions, type RecompressResult, recompressSteps } from "./recompress.ts";
import type { StoreStats } from "./statistics.ts";
import { StoreCore } from "./store-core.ts";
import type { WriteBackRequest, WriteBackResult } from "./write-back/by-hand.ts";
import { openWriteBack } from "./write-back/open-write-back.ts";
import type { OverflowStats } from "./write-back/overflow-stats.ts";
import type { RecordObserver } from "./write-back/record-observer.ts";

async function loadCodecs(options: StoreOptions): Promise<void> {
  if (typeof options !== "object" || options === null) return;
  for (const spec of codecSpecs(options)) await loadCodec(spec);
}

/**
 * Opens a store; the codecs it names are loaded.
 * @throws PagefoldError INVALID_ARGUMENT, UNKNOWN_CODEC, NAME_TOO_LONG, NO_MEMORY.
 */
export async function openStore(options: StoreOptions = {}): Promise<Store> {
  await loadCodecs(options);
  const core = new StoreCore(checkStoreOptions(options));
  await openWriteBack(core);
  return new Store(core);
}

/** Opens a store with one export and gives that; closing it closes both. */
export async function openDevice(options: PageStoreOptions): Promise<Device> {
  await loadCodecs(options);
  const storeOptions = checkStoreOptions(options, exportOptionKeys);
  const exportOptions = checkExportOptions(options, storeOptionKeys);
  const core = new StoreCore(storeOptions);
  await openWriteBack(core);
  try {
    return new Device(core, exportOptions, () => core.close());
  } catch (cause) {
    await core.close();
    throw cause;
  }
}

export class Store {
  readonly #core: StoreCore;
  readonly #devices = new Map<string, Device>();
  #isClosed = false;

  /** @internal use `openStore` */
  constructor(core: StoreCore) {
    this.#core = core;
  }

  #open(): StoreCore {
    if (this.#isClosed) throw new PagefoldError("CLOSED", "the store is closed; open another one");
    return this.#core;
  }

  /**
   * Opens an export, empty.
   * @throws PagefoldError BUSY if one of that name is open, INVALID_ARGUMENT, NAME_TOO_LONG, NO_MEMORY, CLOSED.
   */
  openExport(options: ExportOptions): Device {
    const core = this.#open();
    const checked = checkExportOptions(options);
    const device = new Device(core, checked, () => {
      this.#devices.delete(checked.name);
    });
    this.#devices.set(device.name, device);
    return device;
  }

  /** @throws PagefoldError NOT_FOUND if no export of that name is open. */
  export(name: string): Device {
    this.#open();
    const device = this.#devices.get(name);
    if (device !== undefined) return device;
    const names = [...this.#devices.keys()].map((known) => `"${known}"`).join(", ");
    throw new PagefoldError(
      "NOT_FOUND",
      `no export "${name}" is open; open are ${names || "none"}`,
    );
  }

  stats(): StoreStats {
    return this.#open().stats();
  }

  /** Marks slots of every export idle: all, or those not touched for `ageSeconds`: how many are idle now. */
  markIdle(ageSeconds?: number): number {
    const age = checkAge(ageSeconds);
    const core = this.#open();
    let marked = 0;
    for (const table of core.exports.values()) marked += table.markIdle(age);
    core.preferIdle();
    return marked;
  }

  /** Tries the further codecs on what is stored. */
  recompress(options: RecompressOptions = {}): RecompressResult {
    return this.#open().recompress(options);
  }

  /** As `recompress`, in steps of some milliseconds with a turn of the event loop after each. */
  async recompressInTurns(options: RecompressOptions = {}): Promise<RecompressResult> {
    const steps = recompressSteps(this.#open(), options);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      await turn();
      this.#open();
    }
  }

  /** As `compact`, one size class at a time with a turn of the event loop after each. */
  async compactInTurns(): Promise<number> {
    let pages = 0;
    for (let index = SIZE_CLASSES - 1; index >= 0; index--) {
      pages += this.#open().engine.compactClass(index);
      await turn();
    }
    return pages;
  }

  /**
   * Has objects leave memory for the overflow log now, as zram's writeback does.
   * @throws PagefoldError UNSUPPORTED without a log, INVALID_ARGUMENT, NOT_FOUND, CLOSED.
   */
  async writeBack(request: WriteBackRequest): Promise<WriteBackResult> {
    return this.#open().writeBackNow(request);
  }

  /** What is known of the overflow log, null without one. */
  overflowStats(): OverflowStats | null {
    return this.#open().writeBack?.stats() ?? null;
  }

  /** @internal Tells `observer` of the log's records from now on; does nothing without a log. */
  observeRecords(observer: RecordObserver): void {
    const { writeBack } = this.#open();
    if (writeBack !== null) writeBack.observer = observer;
  }

  /** Moves objects together and gives memory of the pool back: the pages won. */
  compact(): number {
    return this.#open().compact();
  }

  /** Sets the limit on mem_used_total, 0 for none. */
  setMemoryLimit(bytes: number): void {
    this.#open().setMemoryLimit(bytes);
  }

  /** Sets mem_used_max to what is used now. */
  resetMemUsedMax(): void {
    this.#open().resetMemUsedMax();
  }

  /**
   * Starts anew with an empty engine.
   * @throws PagefoldError BUSY while an export is open.
   */
  reset(): void {
    const core = this.#open();
    if (core.exports.size > 0) {
      throw new PagefoldError(
        "BUSY",
        `the store has ${core.exports.size} open exports; close them before resetting it`,
      );
    }
    core.reset();
  }

  /** Closes the store and every export that is still open. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    for (const device of [...this.#devices.values()]) await device.close();
    this.#isClosed = true;
    await this.#core.close();
  }
}
