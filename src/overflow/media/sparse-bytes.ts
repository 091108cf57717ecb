/**
 * Bytes in memory at any offset: memory is taken for what was written only, 1 MiB at a time, and given back where a
 * whole such chunk is erased. Bytes never written, and erased ones, are zeros.
 */

const CHUNK_BYTES = 2 ** 20;

export class SparseBytes {
  readonly #chunks = new Map<number, Uint8Array>();

  /** Bytes of memory taken. */
  get takenBytes(): number {
    return this.#chunks.size * CHUNK_BYTES;
  }

  read(offset: number, target: Uint8Array): void {
    for (let done = 0; done < target.length; ) {
      const { index, start, bytes } = partAt(offset + done, target.length - done);
      const chunk = this.#chunks.get(index);
      if (chunk === undefined) target.fill(0, done, done + bytes);
      else target.set(chunk.subarray(start, start + bytes), done);
      done += bytes;
    }
  }

  write(offset: number, source: Uint8Array): void {
    for (let done = 0; done < source.length; ) {
      const { index, start, bytes } = partAt(offset + done, source.length - done);
      let chunk = this.#chunks.get(index);
      if (chunk === undefined) {
        chunk = new Uint8Array(CHUNK_BYTES);
        this.#chunks.set(index, chunk);
      }
      chunk.set(source.subarray(done, done + bytes), start);
      done += bytes;
    }
  }

  erase(offset: number, length: number): void {
    for (let done = 0; done < length; ) {
      const { index, start, bytes } = partAt(offset + done, length - done);
      if (bytes === CHUNK_BYTES) this.#chunks.delete(index);
      else this.#chunks.get(index)?.fill(0, start, start + bytes);
      done += bytes;
    }
  }

  clear(): void {
    this.#chunks.clear();
  }
}

/** The part of `length` bytes from `offset` on that lies in the first chunk they touch. */
function partAt(offset: number, length: number) {
  const index = Math.floor(offset / CHUNK_BYTES);
  const start = offset - index * CHUNK_BYTES;
  return { index, start, bytes: Math.min(length, CHUNK_BYTES - start) };
}
