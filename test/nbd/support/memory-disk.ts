/** The plainest disk: bytes in an array, with nothing a disk need not have. */

import type { Disk, Done } from "../../../src/nbd/server/disk.ts";

export class MemoryDisk implements Disk {
  readonly content: Buffer;
  readonly isReadOnly: boolean = false;

  constructor(sizeBytes: number) {
    this.content = Buffer.alloc(sizeBytes);
  }

  get sizeBytes(): number {
    return this.content.length;
  }

  read(offset: number, target: Uint8Array): Done {
    target.set(this.content.subarray(offset, offset + target.length));
    return undefined;
  }

  write(offset: number, source: Uint8Array): Done {
    this.content.set(source, offset);
    return undefined;
  }

  flush(): Done {
    return undefined;
  }
}
