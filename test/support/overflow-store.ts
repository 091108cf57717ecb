/** Stores with an overflow log on a medium a test can hold up, and a way into their inside. */

import { ManualClock } from "../../src/base/clock.ts";
import type { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import type { Device } from "../../src/device/device.ts";
import { checkStoreOptions, type StoreOptions } from "../../src/device/options.ts";
import type { OverflowOptions } from "../../src/device/overflow-options.ts";
import { Store } from "../../src/device/store.ts";
import { StoreCore } from "../../src/device/store-core.ts";
import { openWriteBack } from "../../src/device/write-back/open-write-back.ts";
import { seededKeys } from "./engine-driver.ts";
import { HookedMedium } from "./hooked-medium.ts";
import { memoryFor, SEGMENT_BYTES } from "./test-log.ts";

export interface OverflowStoreOptions extends Omit<StoreOptions, "overflow"> {
  /** Memory of 16 data segments unless given. */
  readonly medium?: HookedMedium;
  readonly overflow?: OverflowOptions;
}

export interface OverflowStore {
  readonly core: StoreCore;
  readonly store: Store;
  readonly medium: HookedMedium;
  readonly clock: ManualClock;
  readonly events: string[];
}

export async function overflowStore(options: OverflowStoreOptions = {}): Promise<OverflowStore> {
  const { medium = new HookedMedium(memoryFor(16)), overflow, ...others } = options;
  const clock = new ManualClock();
  const events: string[] = [];
  const core = new StoreCore(
    checkStoreOptions({
      clock,
      random: seededKeys(1),
      ...others,
      overflow: {
        medium,
        segmentBytes: SEGMENT_BYTES,
        onEvent: (line) => events.push(line),
        ...overflow,
      },
    }),
  );
  await openWriteBack(core);
  return { core, store: new Store(core), medium, clock, events };
}

/** A page of a third of noise, so that three compressed ones take about a page of the pool. */
export function thirdPage(random: SeededRandom): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  random.fill(page.subarray(0, 1300));
  return page;
}

/** Has the pages leave memory by hand, in that order: how many did. */
export async function sendAway(
  { store }: OverflowStore,
  name: string,
  ...indexes: number[]
): Promise<number> {
  let written = 0;
  for (const index of indexes) {
    const pages = [{ export: name, first: index, last: index }];
    written += (await store.writeBack({ pages })).written;
  }
  return written;
}

/** Writes pages from `first` on until memory is full and no page more fits without waiting: the pages. */
export function fillMemory(device: Device, first: number, random: SeededRandom): Uint8Array[] {
  const pages: Uint8Array[] = [];
  for (;;) {
    const page = thirdPage(random);
    try {
      device.writeNow((first + pages.length) * PAGE_BYTES, page);
    } catch {
      return pages;
    }
    pages.push(page);
  }
}

/** Lets everything that waits for nothing go on, so many turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++)
    await new Promise<void>((resume) => setImmediate(resume));
}
