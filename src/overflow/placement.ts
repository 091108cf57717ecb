/**
 * Where each object's record lies on the log, by object id; 14 bytes an id.
 *
 *     unit        the unit's offset in steps of 64 bytes; NOWHERE (0, where no unit can be): no record; LOST: there was
 *                 one, and it could not be read when its segment was cleaned
 *     place       the unit's length in steps of 64 bytes << 16 | offset of the record's head in the unit
 *     length      of the record's bytes, less 1
 *     generation  grows with each content written for the id, so that a record of an earlier one is told apart; kept
 *                 when the record is gone
 */

import { RECORD_HEAD_BYTES, UNIT_ALIGN } from "./format/layout.ts";

const FIRST_CAPACITY = 1024;

export const NOWHERE = 0;
export const LOST = 0xffff_ffff;

export class Placement {
  #unit = new Uint32Array(FIRST_CAPACITY);
  #place = new Uint32Array(FIRST_CAPACITY);
  #length = new Uint16Array(FIRST_CAPACITY);
  #generation = new Uint32Array(FIRST_CAPACITY);
  /** Ids whose record was lost, and the bytes of their objects. */
  lostObjects = 0;
  lostBytes = 0;

  /** Bytes the table takes. */
  get bytes(): number {
    return this.#unit.length * 14;
  }

  /** Makes sure there is an entry for `id`. */
  reach(id: number): void {
    if (id < this.#unit.length) return;
    const capacity = 2 ** Math.ceil(Math.log2(id + 1));
    const grown = <Table extends Uint32Array | Uint16Array>(bigger: Table, table: Table): Table => {
      bigger.set(table);
      return bigger;
    };
    this.#unit = grown(new Uint32Array(capacity), this.#unit);
    this.#place = grown(new Uint32Array(capacity), this.#place);
    this.#length = grown(new Uint16Array(capacity), this.#length);
    this.#generation = grown(new Uint32Array(capacity), this.#generation);
  }

  /** The number of the content about to be written for `id`. */
  nextGeneration(id: number): number {
    this.reach(id);
    this.#generation[id]! += 1;
    return this.#generation[id]!;
  }

  generationOf(id: number): number {
    return this.#generation[id] ?? 0;
  }

  /** The unit's position, NOWHERE or LOST. */
  unitOf(id: number): number {
    return this.#unit[id] ?? NOWHERE;
  }

  /** Where the unit begins on the medium. */
  unitOffset(id: number): number {
    return this.#unit[id]! * UNIT_ALIGN;
  }

  unitBytes(id: number): number {
    return (this.#place[id]! >>> 16) * UNIT_ALIGN;
  }

  /** Offset of the record's head in its unit. */
  recordOffset(id: number): number {
    return this.#place[id]! & 0xffff;
  }

  /** The object's bytes in the record. */
  lengthOf(id: number): number {
    return this.#length[id]! + 1;
  }

  /** Bytes the record takes in its unit. */
  recordBytes(id: number): number {
    return RECORD_HEAD_BYTES + this.lengthOf(id);
  }

  put(
    id: number,
    at: { readonly unit: number; readonly place: number; readonly length: number },
  ): void {
    this.reach(id);
    this.#unit[id] = at.unit;
    this.#place[id] = at.place;
    this.#length[id] = at.length - 1;
  }

  remove(id: number): void {
    if (this.#unit[id] === LOST) {
      this.lostObjects -= 1;
      this.lostBytes -= this.lengthOf(id);
    }
    this.#unit[id] = NOWHERE;
  }

  lose(id: number): void {
    this.#unit[id] = LOST;
    this.lostObjects += 1;
    this.lostBytes += this.lengthOf(id);
  }

  /** Forgets every record, those being written too: the generations go on. */
  clear(): void {
    this.#unit.fill(NOWHERE);
    for (let id = 0; id < this.#generation.length; id++) this.#generation[id]! += 1;
    this.lostObjects = 0;
    this.lostBytes = 0;
  }
}
