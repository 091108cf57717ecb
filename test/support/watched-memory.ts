/**
 * A WebAssembly memory in which every byte is known: whatever changes outside the ranges a call may write to is
 * found, up to the ends of the memory, past which an access traps.
 */

/** [start, end) */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

export class WatchedMemory {
  readonly #memory: Buffer;
  readonly #known: Buffer;

  /** Watches all of `buffer`; from `patternStart` on it is filled with a pattern first. */
  constructor(buffer: ArrayBuffer, patternStart: number) {
    this.#memory = Buffer.from(buffer);
    for (let address = patternStart; address < this.#memory.length; address++) {
      this.#memory[address] = (address * 31 + (address >>> 8)) & 0xff;
    }
    this.#known = Buffer.from(this.#memory);
  }

  /** The address after the last byte. */
  get end(): number {
    return this.#memory.length;
  }

  /** Puts bytes at an address; they are known then. */
  put(address: number, bytes: Uint8Array): void {
    this.#memory.set(bytes, address);
    this.#known.set(bytes, address);
  }

  /** A copy of the bytes in the range. */
  bytes({ start, end }: AddressRange): Uint8Array {
    return new Uint8Array(this.#memory.subarray(start, end));
  }

  /** The address of a byte outside `allowed` (ascending, apart) that is not what it was; null if there is none. */
  changeOutside(...allowed: readonly AddressRange[]): number | null {
    let start = 0;
    for (const range of [...allowed, { start: this.end, end: this.end }]) {
      const isSame =
        this.#memory.compare(this.#known, start, range.start, start, range.start) === 0;
      if (!isSame) {
        for (let address = start; address < range.start; address++) {
          if (this.#memory[address] !== this.#known[address]) return address;
        }
      }
      start = range.end;
    }
    return null;
  }

  /** Makes the range what it was again. */
  restore({ start, end }: AddressRange): void {
    this.#known.copy(this.#memory, start, start, end);
  }
}
