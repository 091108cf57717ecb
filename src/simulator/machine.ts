/**
 * A host as a scenario asks for it, with its swap: real pagefold stores, one for all guests with an export for each
 * domain (one shared area), or one for each guest; and a store in the host's own memory where pages can be compressed.
 */

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { SeededRandom } from "../base/random.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { openStore, type Store } from "../device/store.ts";
import { openTmem, type Tmem } from "../tmem/tmem.ts";
import type { Contents } from "./contents.ts";
import { Host } from "./memory/host.ts";
import { SwapArea, type SwapBudget } from "./memory/swap-area.ts";

export interface MachineOptions {
  readonly frames: number;
  readonly cores: number;
  readonly hasFixedTimeWrites: boolean;
  readonly guests: readonly {
    readonly name: string;
    readonly domain: number;
    readonly pages: number;
  }[];
  readonly swap: {
    readonly area: "none" | "shared" | "per-guest";
    /** Of all areas together. */
    readonly slots: number;
    readonly codec: string;
    readonly isInMemory: boolean;
    readonly keepsSharing: boolean;
  };
  /** Slots of the host's compressed memory, 0 for none. */
  readonly compressedSlots: number;
  /** Of the host's memory, what it gives to guests by tmem. */
  readonly tmem?: { readonly memoryBytes: number; readonly codec: string } | null;
}

interface Surroundings {
  readonly contents: Contents;
  /** Where the stores' keys come from, so that a run repeats to the byte. */
  readonly random: SeededRandom;
  readonly clock: Clock;
}

export interface Machine {
  readonly host: Host;
  readonly areas: readonly SwapArea[];
  readonly swapStores: readonly Store[];
  readonly tmem: Tmem | null;
  close(): Promise<void>;
}

const NONE = -1;
const MOST_BODIES = 2 ** 31 - 2;

export async function openMachine(
  options: MachineOptions,
  surroundings: Surroundings,
): Promise<Machine> {
  const { guests, swap } = options;
  const stores: Store[] = [];
  let bodies = 0;

  const open = async (codec: string): Promise<Store> => {
    const { random, clock } = surroundings;
    const store = await openStore({ codec, clock, random: (target) => random.fill(target) });
    stores.push(store);
    return store;
  };
  const openArea = (store: Store, name: string, budget: SwapBudget): SwapArea => {
    const device = store.openExport({ name, domain: name, sizeBytes: budget.slots * PAGE_BYTES });
    const firstBody = bodies;
    bodies += budget.slots;
    assert(bodies < MOST_BODIES, "pages name bodies of all areas by one number of 32 bits");
    return new SwapArea({ store, device, contents: surroundings.contents, firstBody, budget });
  };

  const domains = 1 + Math.max(...guests.map(({ domain }) => domain));
  const areas: SwapArea[] = [];
  const compressed: SwapArea[] = [];
  if (swap.area === "shared") {
    const store = await open(swap.codec);
    const budget = { slots: swap.slots, left: swap.slots };
    for (let domain = 0; domain < domains; domain++) {
      areas.push(openArea(store, `domain-${domain}`, budget));
    }
  } else if (swap.area === "per-guest") {
    const slots = Math.floor(swap.slots / guests.length);
    for (const [index] of guests.entries()) {
      areas.push(openArea(await open(swap.codec), `guest-${index}`, { slots, left: slots }));
    }
  }
  const swapStores = [...stores];
  if (options.compressedSlots > 0) {
    const store = await open(swap.codec);
    const budget = { slots: options.compressedSlots, left: options.compressedSlots };
    for (let domain = 0; domain < domains; domain++) {
      compressed.push(openArea(store, `compressed-${domain}`, budget));
    }
  }
  const tmem = options.tmem
    ? await openTmem({
        codec: options.tmem.codec,
        memoryLimitBytes: options.tmem.memoryBytes,
        random: (target) => surroundings.random.fill(target),
      })
    : null;
  const areaOfGuest = guests.map(({ domain }, index) => {
    if (swap.area === "none") return NONE;
    return swap.area === "shared" ? domain : index;
  });
  const host = new Host({
    frames: options.frames,
    cores: options.cores,
    hasFixedTimeWrites: options.hasFixedTimeWrites,
    guests,
    areas,
    areaOfGuest,
    keepsSharing: swap.keepsSharing,
    storesInMemory: [
      ...(swap.isInMemory ? stores : stores.slice(swapStores.length)),
      ...(tmem === null ? [] : [tmem]),
    ],
    compressed,
  });
  const close = async (): Promise<void> => {
    for (const store of stores) await store.close();
    tmem?.close();
  };
  return { host, areas, swapStores, tmem, close };
}
