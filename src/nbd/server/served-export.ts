/** An export as the server offers it: its name, its disk, what clients asked of it. */

import { PAGE_BYTES } from "../../base/units.ts";
import type { Extent } from "../../device/extents.ts";
import {
  BASE_ALLOCATION,
  DEFAULT_MOST_PAYLOAD,
  PAGEFOLD_STATE,
  STATE_HOLE,
  STATE_ZERO,
  TRANSMISSION_FLAG,
} from "../protocol.ts";
import type { Disk } from "./disk.ts";

/** Requests answered, by kind, since the server began; those that failed count too. */
export interface RequestCounts {
  reads: number;
  writes: number;
  flushes: number;
  trims: number;
  write_zeroes: number;
  caches: number;
  block_statuses: number;
  errors: number;
  bytes_read: number;
  bytes_written: number;
}

/** A metadata context: its number on the wire, and how it shows an extent's state (EXTENT_STATE). */
export class MetaContext {
  readonly id: number;
  readonly name: string;
  readonly #flagsOf: (state: number) => number;

  constructor(id: number, name: string, flagsOf: (state: number) => number) {
    this.id = id;
    this.name = name;
    this.#flagsOf = flagsOf;
  }

  /** The extents with this context's flags, neighbours of equal flags as one. */
  show(extents: readonly Extent[]): readonly Extent[] {
    const shown: { length: number; state: number }[] = [];
    for (const { length, state } of extents) {
      const flags = this.#flagsOf(state);
      const last = shown.at(-1);
      if (last?.state === flags) last.length += length;
      else shown.push({ length, state: flags });
    }
    return shown;
  }
}

/** Size constraints in bytes, as BLOCK_SIZE tells them: any byte may be addressed, whole pages are quickest. */
export const BLOCK_SIZES = {
  minimum: 1,
  preferred: PAGE_BYTES,
  mostPayload: DEFAULT_MOST_PAYLOAD,
} as const;

const CONTEXTS: readonly MetaContext[] = [
  new MetaContext(1, BASE_ALLOCATION, (state) => state & (STATE_HOLE | STATE_ZERO)),
  new MetaContext(2, PAGEFOLD_STATE, (state) => state >>> 2),
];

export class ServedExport {
  readonly name: string;
  readonly description: string;
  readonly disk: Disk;
  /** Clients in their transmission phase. */
  connections = 0;
  readonly counts: RequestCounts = {
    reads: 0,
    writes: 0,
    flushes: 0,
    trims: 0,
    write_zeroes: 0,
    caches: 0,
    block_statuses: 0,
    errors: 0,
    bytes_read: 0,
    bytes_written: 0,
  };

  constructor(name: string, disk: Disk, description = "") {
    this.name = name;
    this.disk = disk;
    this.description = description;
  }

  /** The metadata contexts a client can choose. */
  get contexts(): readonly MetaContext[] {
    return this.disk.extents === undefined ? [] : CONTEXTS;
  }

  /** The transmission flags: they follow from what the disk can do. */
  flags(isStructured: boolean): number {
    const { disk } = this;
    const can = TRANSMISSION_FLAG;
    let flags = can.HAS_FLAGS | can.SEND_FLUSH | can.SEND_FUA | can.CAN_MULTI_CONN | can.SEND_CACHE;
    if (isStructured) flags |= can.SEND_DF;
    if (disk.isReadOnly) return flags | can.READ_ONLY;
    if (disk.discard !== undefined) flags |= can.SEND_TRIM;
    if (disk.writeZeroes === undefined) return flags;
    flags |= can.SEND_WRITE_ZEROES;
    if (disk.isZeroingSlow !== true) flags |= can.SEND_FAST_ZERO;
    return flags;
  }
}
