/**
 * Would larger units of compression pay? The same pages, in the order they come, cut into units of 4 to 64 KiB and
 * given to every codec at every size.
 *
 * Holds always: a unit is made of neighbours, from its size's multiple on, whatever kind of page they are; the last one
 * is as short as the pages end. Ratios are of the pages that are not same-filled, so their bytes are the same at every
 * size and a larger unit is given no credit for same-filled pages inside it, which units of a page store for nothing.
 */

import type { Codec } from "../../codecs/codec.ts";
import type { Clock } from "../base/clock.ts";
import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES, parseSize } from "../base/units.ts";
import type { UnitCounts, UnitsResult } from "../report/units-result.ts";
import { ContentSet, isSameFilled } from "./page-kinds.ts";
import { type Unit, UnitRace, Workspace } from "./unit-race.ts";
import type { Zsmalloc } from "./zsmalloc.ts";

const UNIT_BYTES_MIN = PAGE_BYTES;
const UNIT_BYTES_MAX = 64 * 1024;
/** What is compressed at once: every size of unit divides it. */
const GROUP_BYTES = 1 << 20;

/**
 * The sizes in a list such as `4K,16K,64K`: bytes, each once, ascending.
 * @throws PagefoldError INVALID_ARGUMENT for what is no power of two from 4K to 64K.
 */
export function parseUnits(text: string): number[] {
  return [...new Set(text.split(",").map(parseUnit))].sort((one, other) => one - other);
}

function parseUnit(text: string): number {
  const bytes = sizeOrNull(text);
  const isPower = bytes !== null && Number.isInteger(Math.log2(bytes));
  if (bytes !== null && isPower && bytes >= UNIT_BYTES_MIN && bytes <= UNIT_BYTES_MAX) return bytes;
  throw new PagefoldError(
    "INVALID_ARGUMENT",
    `--unit cannot be "${text}": a unit is a power of two from 4K to 64K; give a list such as 4K,8K,16K,32K,64K`,
  );
}

function sizeOrNull(text: string): number | null {
  try {
    return parseSize(text, "--unit");
  } catch {
    return null;
  }
}

/** The units of one size: counts them by kind and has every codec run over those that are not same-filled. */
class UnitSize {
  readonly #unitBytes: number;
  readonly #seen = new ContentSet();
  #units = 0;
  #sameFilled = 0;
  #duplicate = 0;
  #shortPages = 0;
  readonly races: readonly UnitRace[];

  constructor(unitBytes: number, races: readonly UnitRace[]) {
    this.#unitBytes = unitBytes;
    this.races = races;
  }

  run(group: Uint8Array): void {
    const units: Unit[] = [];
    for (let offset = 0; offset < group.length; offset += this.#unitBytes) {
      const bytes = group.subarray(offset, offset + this.#unitBytes);
      this.#units += 1;
      if (bytes.length < this.#unitBytes) this.#shortPages = bytes.length / PAGE_BYTES;
      if (isSameFilled(bytes)) {
        this.#sameFilled += 1;
        continue;
      }
      const isNew = this.#seen.add(bytes);
      if (!isNew) this.#duplicate += 1;
      units.push({ bytes, isNew });
    }
    for (const race of this.races) race.run(units);
  }

  counts(): UnitCounts {
    return {
      unit_bytes: this.#unitBytes,
      units: this.#units,
      same_filled: this.#sameFilled,
      duplicate: this.#duplicate,
      unique: this.#seen.size,
      short_pages: this.#shortPages,
    };
  }
}

/** Cuts pages into units of several sizes and runs codecs over them, 1 MiB at a time. */
export class UnitSurvey {
  readonly #codecs: readonly Codec[];
  readonly #sizes: readonly UnitSize[];
  readonly #group = new Uint8Array(GROUP_BYTES);
  #filledBytes = 0;
  #pages = 0;
  #pagesCompressed = 0;

  /** `unitBytes` as parseUnits gives them. */
  constructor(
    codecs: readonly Codec[],
    options: {
      readonly unitBytes: readonly number[];
      readonly clock: Clock;
      readonly allocator: Zsmalloc;
    },
  ) {
    const { unitBytes, clock, allocator } = options;
    const workspace = new Workspace(GROUP_BYTES);
    this.#codecs = codecs;
    this.#sizes = unitBytes.map(
      (bytes) =>
        new UnitSize(
          bytes,
          codecs.map(
            (codec) => new UnitRace(codec, { unitBytes: bytes, clock, allocator, workspace }),
          ),
        ),
    );
  }

  /** Pages seen so far. */
  get pages(): number {
    return this.#pages;
  }

  /**
   * Takes the next pages, of any number.
   * @throws PagefoldError CORRUPT where a codec does not give a unit back.
   */
  add(batch: Uint8Array): void {
    for (let offset = 0; offset < batch.length; ) {
      const bytes = Math.min(batch.length - offset, GROUP_BYTES - this.#filledBytes);
      this.#group.set(batch.subarray(offset, offset + bytes), this.#filledBytes);
      this.#filledBytes += bytes;
      offset += bytes;
      if (this.#filledBytes === GROUP_BYTES) this.#run();
    }
  }

  /** The result, once all pages were added. */
  finish(): UnitsResult {
    this.#run();
    return {
      pages_compressed: this.#pagesCompressed,
      sizes: this.#sizes.map((size) => size.counts()),
      codecs: this.#codecs.map(({ name }, index) => ({
        name,
        units: this.#sizes.map(({ races }) => races[index]!.result(this.#pagesCompressed)),
      })),
    };
  }

  #run(): void {
    const group = this.#group.subarray(0, this.#filledBytes);
    for (let offset = 0; offset < group.length; offset += PAGE_BYTES) {
      this.#pages += 1;
      const isCompressed = !isSameFilled(group.subarray(offset, offset + PAGE_BYTES));
      if (isCompressed) this.#pagesCompressed += 1;
    }
    for (const size of this.#sizes) size.run(group);
    this.#filledBytes = 0;
  }
}
