/**
 * An export of a store as the server's disk. What needs memory alone is done when it returns, but for `extents`; what
 * needs the overflow log gives a promise.
 */

import type { Device } from "../../device/device.ts";
import type { Extent } from "../../device/extents.ts";
import { DeviceTarget } from "../../trace/replay-target.ts";
import type { Disk } from "./disk.ts";

export class DeviceDisk extends DeviceTarget implements Disk {
  readonly isReadOnly: boolean;

  constructor(device: Device, { isReadOnly = false }: { readonly isReadOnly?: boolean } = {}) {
    super(device);
    this.isReadOnly = isReadOnly;
  }

  zeroRun(offset: number, length: number): number {
    return this.device.zeroRun(offset, length);
  }

  extents(offset: number, length: number): Promise<readonly Extent[]> {
    return this.device.extents(offset, length);
  }
}
