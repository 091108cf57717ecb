/**
 * An export of a store as the server's disk. Everything is in memory, so reads and writes are done when they return;
 * ranges too long for one turn of the event loop are worked through in slices.
 */

import { setImmediate as turn } from "node:timers/promises";
import { PAGE_BYTES } from "../../base/units.ts";
import type { Device } from "../../device/device.ts";
import type { Extent } from "../../device/extents.ts";
import type { Disk, Done } from "./disk.ts";

/**
 * Bytes discarded or zeroed within one turn: 256 pages, some microseconds, since many such requests may come at once.
 */
const SLICE_BYTES = 2 ** 8 * PAGE_BYTES;

export class DeviceDisk implements Disk {
  readonly isReadOnly: boolean;
  readonly #device: Device;

  constructor(device: Device, { isReadOnly = false }: { readonly isReadOnly?: boolean } = {}) {
    this.#device = device;
    this.isReadOnly = isReadOnly;
  }

  get sizeBytes(): number {
    return this.#device.sizeBytes;
  }

  read(offset: number, target: Uint8Array): Done {
    this.#device.readNow(offset, target);
    return undefined;
  }

  write(offset: number, source: Uint8Array): Done {
    this.#device.writeNow(offset, source);
    return undefined;
  }

  flush(): Done {
    return undefined;
  }

  discard(offset: number, length: number): Done {
    return inSlices(offset, length, (at, bytes) => this.#device.discardNow(at, bytes));
  }

  writeZeroes(offset: number, length: number, { reserve }: { readonly reserve: boolean }): Done {
    return inSlices(offset, length, (at, bytes) =>
      this.#device.writeZeroesNow(at, bytes, { reserve }),
    );
  }

  zeroRun(offset: number, length: number): number {
    return this.#device.zeroRun(offset, length);
  }

  extents(offset: number, length: number): Promise<readonly Extent[]> {
    return this.#device.extents(offset, length);
  }
}

function inSlices(
  offset: number,
  length: number,
  work: (offset: number, length: number) => void,
): Done {
  if (length > SLICE_BYTES) return inTurns(offset, length, work);
  work(offset, length);
  return undefined;
}

/** Each slice but the first begins at a whole page, so that no page falls between two. */
async function inTurns(
  offset: number,
  length: number,
  work: (offset: number, length: number) => void,
): Promise<void> {
  const end = offset + length;
  for (let at = offset; at < end; ) {
    const bytes = Math.min(end - at, SLICE_BYTES - (at % PAGE_BYTES));
    work(at, bytes);
    at += bytes;
    if (at < end) await turn();
  }
}
