/**
 * A disk that records what is done on it into a swap trace, in the order it is done; what fails is not recorded. While
 * the trace's file is behind, requests wait.
 */

import type { Extent } from "../../device/extents.ts";
import type { TraceWriter } from "../../trace/swap/trace-writer.ts";
import type { Disk, Done } from "./disk.ts";

export class RecordingDisk implements Disk {
  readonly sizeBytes: number;
  readonly isReadOnly: boolean;
  readonly discard?: (offset: number, length: number) => Done;
  readonly writeZeroes?: (
    offset: number,
    length: number,
    options: { readonly reserve: boolean },
  ) => Done;
  readonly extents?: (offset: number, length: number) => Promise<readonly Extent[]>;
  readonly #disk: Disk;
  readonly #writer: TraceWriter;
  readonly #index: number;

  /** Records what is done on `disk` as export `index` of the trace. */
  constructor(disk: Disk, writer: TraceWriter, index: number) {
    this.sizeBytes = disk.sizeBytes;
    this.isReadOnly = disk.isReadOnly;
    this.#disk = disk;
    this.#writer = writer;
    this.#index = index;
    // What the disk lacks, this one lacks too. Runs of zeros it does not tell: they would pass by without being read.
    if (disk.extents !== undefined) this.extents = disk.extents.bind(disk);
    const { discard, writeZeroes } = disk;
    if (discard !== undefined) {
      this.discard = (offset, length) =>
        this.#recorded(
          () => discard.call(disk, offset, length),
          () => writer.discard(index, offset, length),
        );
    }
    if (writeZeroes !== undefined) {
      this.writeZeroes = (offset, length, options) =>
        this.#recorded(
          () => writeZeroes.call(disk, offset, length, options),
          () => writer.writeZeroes(index, offset, length, options),
        );
    }
  }

  read(offset: number, target: Uint8Array): Done {
    return this.#recorded(
      () => this.#disk.read(offset, target),
      () => this.#writer.read(this.#index, offset, target.length),
    );
  }

  write(offset: number, source: Uint8Array): Done {
    return this.#recorded(
      () => this.#disk.write(offset, source),
      () => this.#writer.write(this.#index, offset, source),
    );
  }

  flush(): Done {
    return this.#recorded(
      () => this.#disk.flush(),
      () => this.#writer.flush(this.#index),
    );
  }

  #recorded(work: () => Done, record: () => void): Done {
    const room = this.#writer.drained();
    if (room !== undefined) return room.then(() => this.#recorded(work, record));
    const result = work();
    if (result !== undefined) return result.then(record);
    record();
    return undefined;
  }
}
