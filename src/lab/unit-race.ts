/**
 * One codec at one size of unit: compresses groups of units, reads them in order and at random, timed, and keeps what
 * storing them takes.
 *
 * Holds always: every unit stored compressed is decoded and compared with the original, and so is every page read at
 * random; a difference is an error. Times are of the codec's calls and of copies out of a unit, over whole groups, each
 * run twice: the faster run of each kind counts, which leaves out cold code and most of what other processes take. A
 * codec is the same code at every size of unit.
 */

import type { Codec } from "../../codecs/codec.ts";
import type { Clock } from "../base/clock.ts";
import { PagefoldError } from "../base/errors.ts";
import { SeededRandom } from "../base/random.ts";
import { PAGE_BYTES } from "../base/units.ts";
import type { UnitResult } from "../report/units-result.ts";
import { UnitModel } from "./unit-model.ts";
import type { Zsmalloc } from "./zsmalloc.ts";

/** Which pages are read at random, and in which order: the same in every run. */
const READS_SEED = 1;

/** A unit of a group. */
export interface Unit {
  readonly bytes: Uint8Array;
  /** No earlier one was equal. */
  readonly isNew: boolean;
}

/** Buffers that races share, one after another, for groups of up to `groupBytes`. */
export class Workspace {
  readonly packed: Uint8Array;
  readonly decoded: Uint8Array;

  constructor(groupBytes: number) {
    // Twice: room for a codec that makes bytes more of them.
    this.packed = new Uint8Array(2 * groupBytes);
    this.decoded = new Uint8Array(groupBytes);
  }
}

/** A page to be read: its unit as stored, room to decode the whole of it, the page there, and where the page goes. */
interface Read {
  readonly frame: Uint8Array | null;
  readonly room: Uint8Array;
  readonly page: Uint8Array;
  readonly target: Uint8Array;
  readonly original: Uint8Array;
}

interface Seconds {
  compress: number;
  random: number;
  ordered: number;
}

export class UnitRace {
  readonly #codec: Codec;
  readonly #unitBytes: number;
  readonly #clock: Clock;
  readonly #workspace: Workspace;
  readonly #all: UnitModel;
  readonly #shared: UnitModel;
  readonly #random = new SeededRandom(READS_SEED);
  readonly #room: Uint8Array;
  readonly #seconds: Seconds = { compress: 0, random: 0, ordered: 0 };
  #units = 0;
  #pages = 0;
  #randomVainBytes = 0;
  #randomStoredBytes = 0;

  constructor(
    codec: Codec,
    options: {
      readonly unitBytes: number;
      readonly clock: Clock;
      readonly allocator: Zsmalloc;
      readonly workspace: Workspace;
    },
  ) {
    this.#codec = codec;
    this.#unitBytes = options.unitBytes;
    this.#clock = options.clock;
    this.#workspace = options.workspace;
    this.#all = new UnitModel(options.allocator);
    this.#shared = new UnitModel(options.allocator);
    this.#room = new Uint8Array(options.unitBytes);
  }

  /**
   * Runs over the next units, which fit the workspace.
   * @throws PagefoldError CORRUPT where bytes come back changed.
   */
  run(units: readonly Unit[]): void {
    if (units.length === 0) return;
    const first = this.#pass(units);
    const second = this.#pass(units);
    this.#seconds.compress += Math.min(first.compress, second.compress);
    this.#seconds.random += Math.min(first.random, second.random);
    this.#seconds.ordered += Math.min(first.ordered, second.ordered);
    const { lengths } = second;
    units.forEach(({ bytes, isNew }, index) => {
      const length = lengths[index]!;
      const isHuge = this.#all.isHuge(length, bytes.length);
      this.#all.add(length, bytes.length);
      if (isNew) this.#shared.add(length, bytes.length);
      this.#randomVainBytes += isHuge ? 0 : bytes.length - PAGE_BYTES;
      this.#randomStoredBytes += isHuge ? PAGE_BYTES : length;
      this.#pages += bytes.length / PAGE_BYTES;
    });
    this.#units += units.length;
  }

  /** The figures; `pages` is what ratios are of. */
  result(pages: number): UnitResult {
    const { comprDataSize, placedDataSize, memUsedTotal, hugeUnits } = this.#all;
    const sharedDataSize = this.#shared.placedDataSize;
    const per = (sum: number, count: number) =>
      count === 0 ? null : Number((sum / count).toFixed(3));
    const ratio = (bytes: number) => (bytes === 0 ? null : (pages * PAGE_BYTES) / bytes);
    const { compress, random, ordered } = this.#seconds;
    return {
      unit_bytes: this.#unitBytes,
      compr_data_size: comprDataSize,
      placed_data_size: placedDataSize,
      shared_data_size: sharedDataSize,
      mem_used_total: memUsedTotal,
      huge_units: hugeUnits,
      ratio: ratio(comprDataSize),
      ratio_placed: ratio(placedDataSize),
      ratio_shared: ratio(sharedDataSize),
      compress_us_per_page: per(1e6 * compress, this.#pages),
      random_read_us_per_page: per(1e6 * random, this.#units),
      ordered_read_us_per_page: per(1e6 * ordered, this.#pages),
      random_read_vain_bytes: per(this.#randomVainBytes, this.#units),
      random_read_stored_bytes: per(this.#randomStoredBytes, this.#units),
      ordered_read_stored_bytes: per(comprDataSize, this.#pages),
    };
  }

  /** Compresses and reads the group both ways: each unit's compressed length, 0 where it did not fit. */
  #pass(units: readonly Unit[]): Seconds & { readonly lengths: readonly number[] } {
    const { packed } = this.#workspace;
    const targets = units.map((_, index) => {
      const start = 2 * index * this.#unitBytes;
      return packed.subarray(start, start + 2 * this.#unitBytes);
    });
    const lengths = new Array<number>(units.length).fill(0);
    const start = this.#clock.seconds();
    for (let index = 0; index < units.length; index++) {
      lengths[index] = this.#codec.compress(units[index]!.bytes, targets[index]!);
    }
    const compress = this.#clock.seconds() - start;
    // A unit stored raw is not decoded, it is copied.
    const frames = units.map(({ bytes }, index) =>
      this.#all.isHuge(lengths[index]!, bytes.length)
        ? null
        : targets[index]!.subarray(0, lengths[index]!),
    );
    const ordered = this.#readInOrder(units, frames);
    const random = this.#readAtRandom(units, frames);
    return { compress, ordered, random, lengths };
  }

  #readInOrder(units: readonly Unit[], frames: readonly (Uint8Array | null)[]): number {
    const { decoded } = this.#workspace;
    // What the race before left there is what is expected now.
    decoded.fill(0);
    const targets = units.map(({ bytes }, index) => {
      const start = index * this.#unitBytes;
      return decoded.subarray(start, start + bytes.length);
    });
    const start = this.#clock.seconds();
    for (let index = 0; index < units.length; index++) {
      const frame = frames[index]!;
      if (frame === null) targets[index]!.set(units[index]!.bytes);
      else this.#codec.decompress(frame, targets[index]!);
    }
    const seconds = this.#clock.seconds() - start;
    units.forEach(({ bytes }, index) => {
      this.#compare(bytes, targets[index]!, this.#units + index);
    });
    return seconds;
  }

  /** One page of each unit, the units in any order. */
  #readAtRandom(units: readonly Unit[], frames: readonly (Uint8Array | null)[]): number {
    const order = this.#shuffled(units.length);
    const reads = order.map((index) => this.#readOf(units[index]!, frames[index]!, index));
    this.#workspace.decoded.fill(0);
    const start = this.#clock.seconds();
    for (let at = 0; at < reads.length; at++) {
      const { frame, room, page, target } = reads[at]!;
      if (frame !== null) this.#codec.decompress(frame, room);
      // A page that is a unit was decoded to where it goes.
      if (room !== target) target.set(page);
    }
    const seconds = this.#clock.seconds() - start;
    reads.forEach(({ original, target }, at) => {
      this.#compare(original, target, this.#units + order[at]!);
    });
    return seconds;
  }

  #readOf({ bytes }: Unit, frame: Uint8Array | null, index: number): Read {
    const offset = PAGE_BYTES * this.#random.below(bytes.length / PAGE_BYTES);
    const original = bytes.subarray(offset, offset + PAGE_BYTES);
    const target = this.#workspace.decoded.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
    if (frame === null) return { frame, room: original, page: original, target, original };
    if (bytes.length === PAGE_BYTES) return { frame, room: target, page: target, target, original };
    const room = this.#room.subarray(0, bytes.length);
    return { frame, room, page: room.subarray(offset, offset + PAGE_BYTES), target, original };
  }

  #shuffled(count: number): number[] {
    const order = Array.from({ length: count }, (_, index) => index);
    for (let left = count; left > 1; left--) {
      const pick = this.#random.below(left);
      [order[left - 1], order[pick]] = [order[pick]!, order[left - 1]!];
    }
    return order;
  }

  #compare(original: Uint8Array, read: Uint8Array, unit: number): void {
    if (Buffer.compare(original, read) === 0) return;
    throw new PagefoldError(
      "CORRUPT",
      `codec ${this.#codec.name} gave back other bytes for unit ${unit} of ${this.#unitBytes} bytes of those it compressed; its figures would mean nothing: leave it out with --codecs and report it`,
    );
  }
}
