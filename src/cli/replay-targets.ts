/** What `replay` replays against: a store made for it, or the exports of NBD servers. */

import { printable } from "../base/text.ts";
import type { Device } from "../device/device.ts";
import type { OverflowOptions } from "../device/overflow-options.ts";
import type { StoreStats } from "../device/statistics.ts";
import { openStore } from "../device/store.ts";
import { ZramShadow } from "../lab/wear/zram-shadow.ts";
import { NbdClient } from "../nbd/client/client.ts";
import { ClientTarget } from "../nbd/client/replay-target.ts";
import { formatNbdUri } from "../nbd/uri.ts";
import type { OverflowStatus, SlotAccounting, ZramWriteBack } from "../report/result.ts";
import { DeviceTarget, type ReplayTarget } from "../trace/replay-target.ts";
import type { TraceExport } from "../trace/swap/format.ts";
import { addressesOf, type ReplayUri } from "./replay-arguments.ts";
import { accountSlots } from "./slot-accounting.ts";

export interface Targets {
  /** One for each export of the trace. */
  readonly targets: readonly ReplayTarget[];
  /** For the result's options, and for a person. */
  readonly shown: Readonly<Record<string, unknown>>;
  readonly summary: string;
  /** Of a store; null for a server. */
  stats(): StoreStats | null;
  /** Null for a server, and without a log. */
  overflow(): OverflowStatus | null;
  zramWriteBack(): ZramWriteBack | null;
  accounting(): SlotAccounting | null;
  close(): Promise<void>;
}

interface StoreChoice {
  readonly codec: string;
  readonly dedup: boolean;
  readonly recompress: readonly string[];
  readonly memoryLimitBytes: number;
  readonly overflow?: OverflowOptions;
}

/** A new store with the trace's exports, each in the domain it was recorded in. */
export async function openStoreTargets(
  exports: readonly TraceExport[],
  choice: StoreChoice,
): Promise<Targets> {
  const store = await openStore(choice);
  const devices: Device[] = [];
  try {
    for (const one of exports) devices.push(store.openExport(one));
  } catch (cause) {
    await store.close();
    throw cause;
  }
  const { codec, dedup, recompress, memoryLimitBytes, overflow } = choice;
  const zram = overflow === undefined ? null : new ZramShadow();
  if (zram !== null) store.observeRecords(zram);
  const log = overflow?.path === undefined ? "" : `, overflow log ${printable(overflow.path)}`;
  return {
    targets: devices.map((device) => new DeviceTarget(device)),
    shown: { store: { codec, dedup, recompress, mem_limit: memoryLimitBytes } },
    summary: `against a new store, codec ${codec}, deduplication ${dedup ? "on" : "off"}${log}`,
    stats: () => store.stats(),
    overflow: () => store.overflowStats(),
    zramWriteBack: () => zram?.figures() ?? null,
    accounting: () => accountSlots(store.stats(), devices),
    close: () => store.close(),
  };
}

/** Connections to the servers, one for each export of the trace. */
export async function connectTargets(
  exports: readonly TraceExport[],
  uris: readonly ReplayUri[],
): Promise<Targets> {
  const addresses = addressesOf(exports, uris);
  const clients: NbdClient[] = [];
  const close = async () => {
    for (const client of clients) await client.disconnect();
  };
  try {
    for (const address of addresses) clients.push(await NbdClient.connect(address));
  } catch (cause) {
    await close();
    throw cause;
  }
  const shown = addresses.map((address) => formatNbdUri(address));
  return {
    targets: clients.map((client) => new ClientTarget(client)),
    shown: { uris: shown },
    summary: `against ${shown.join(", ")}`,
    stats: () => null,
    overflow: () => null,
    zramWriteBack: () => null,
    accounting: () => null,
    close,
  };
}
