/** What a trace is replayed against: one export of a store or of a server, and how a store's device is one. */

import type { Device } from "../device/device.ts";

/** Nothing if it is done, or the promise that it will be; fails with a PagefoldError either way. */
export type Done = undefined | Promise<void>;

/** A disk of bytes that reads as zeros when the replay begins. */
export interface ReplayTarget {
  readonly sizeBytes: number;
  /** It answers nothing any more, as a server does to which the connection was lost. */
  readonly isGone: boolean;
  read(offset: number, target: Uint8Array): Done;
  write(offset: number, source: Uint8Array): Done;
  /** Makes whole pages read as zeros and gives them back. */
  discard(offset: number, length: number): Done;
  /** Makes any range read as zeros; `reserve`: it keeps its place. */
  writeZeroes(offset: number, length: number, options: { readonly reserve: boolean }): Done;
  flush(): Done;
}

/** An export of a store in this process: what needs nothing but memory is done when it returns. */
export class DeviceTarget implements ReplayTarget {
  readonly isGone = false;
  protected readonly device: Device;

  constructor(device: Device) {
    this.device = device;
  }

  get sizeBytes(): number {
    return this.device.sizeBytes;
  }

  read(offset: number, target: Uint8Array): Done {
    return this.device.beginRead(offset, target);
  }

  write(offset: number, source: Uint8Array): Done {
    return this.device.beginWrite(offset, source);
  }

  discard(offset: number, length: number): Done {
    this.device.discardNow(offset, length);
    return undefined;
  }

  writeZeroes(offset: number, length: number, options: { readonly reserve: boolean }): Done {
    return this.device.beginWriteZeroes(offset, length, options);
  }

  /** Memory is as durable as it gets. */
  flush(): Done {
    return undefined;
  }
}
