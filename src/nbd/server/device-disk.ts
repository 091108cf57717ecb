/** An export of a store as the server's disk. Everything is in memory, so all but `extents` is done when it returns. */

import type { Device } from "../../device/device.ts";
import type { Extent } from "../../device/extents.ts";
import type { Disk, Done } from "./disk.ts";

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
    this.#device.discardNow(offset, length);
    return undefined;
  }

  writeZeroes(offset: number, length: number, { reserve }: { readonly reserve: boolean }): Done {
    this.#device.writeZeroesNow(offset, length, { reserve });
    return undefined;
  }

  zeroRun(offset: number, length: number): number {
    return this.#device.zeroRun(offset, length);
  }

  extents(offset: number, length: number): Promise<readonly Extent[]> {
    return this.#device.extents(offset, length);
  }
}
