/**
 * What was written to a segment since it was erased: its units, and the ids of the objects in each, dead ones included.
 * Cleaning learns from it which units are worth reading, and, where one cannot be read, whose bytes are lost.
 */

export class SegmentRecords {
  /** Per unit: its position on the medium in steps of 64 bytes, and its length in the same. */
  #units = new Uint32Array(8);
  #lengths = new Uint16Array(8);
  /** Per unit: where its ids begin in `#ids`. */
  #starts = new Uint32Array(8);
  #ids = new Uint32Array(64);
  #idCount = 0;
  units = 0;

  /** Bytes the lists take. */
  get bytes(): number {
    return 10 * this.#units.length + 4 * this.#ids.length;
  }

  /** An object in the unit that `endUnit` will note. */
  addRecord(id: number): void {
    if (this.#idCount === this.#ids.length) this.#ids = grow(this.#ids, Uint32Array);
    this.#ids[this.#idCount++] = id;
  }

  endUnit(position: number, length: number): void {
    if (this.units + 1 >= this.#units.length) {
      this.#units = grow(this.#units, Uint32Array);
      this.#lengths = grow(this.#lengths, Uint16Array);
      this.#starts = grow(this.#starts, Uint32Array);
    }
    this.#units[this.units] = position;
    this.#lengths[this.units] = length;
    this.units += 1;
    this.#starts[this.units] = this.#idCount;
  }

  positionOf(unit: number): number {
    return this.#units[unit]!;
  }

  lengthOf(unit: number): number {
    return this.#lengths[unit]!;
  }

  /** The ids in a unit: a view, good until the next change. */
  idsOf(unit: number): Uint32Array {
    return this.#ids.subarray(this.#starts[unit]!, this.#starts[unit + 1]!);
  }

  /** The segment was erased. */
  clear(): void {
    this.units = 0;
    this.#idCount = 0;
    this.#starts[0] = 0;
  }
}

function grow<Table extends Uint32Array | Uint16Array>(
  table: Table,
  Kind: new (length: number) => Table,
): Table {
  const grown = new Kind(2 * table.length);
  grown.set(table);
  return grown;
}
