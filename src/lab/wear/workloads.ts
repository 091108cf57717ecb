/**
 * Which record is overwritten next, by a law of chance: uniform, hot and cold, Zipf's. The same seed gives the same
 * course. Each law says which classes of records it has, so that the formulas can be asked about it, and which of them
 * a record belongs to, so that a log can be told.
 */

import { AliasTable } from "../../base/alias-table.ts";
import { PagefoldError } from "../../base/errors.ts";
import type { SeededRandom } from "../../base/random.ts";
import { type WriteClass, zipfClasses } from "./formulas.ts";

/** Records are numbered from 0 on. */
export interface Workload {
  readonly name: string;
  readonly records: number;
  /** For the formulas; those of Zipf's law are groups of records that are written nearly alike. */
  readonly classes: readonly WriteClass[];
  /** How many classes a log may be told of: 1 where all are alike or too many. */
  readonly toldClasses: number;
  /** Puts the records that are overwritten next, one after another, into all of `target`. */
  fill(target: Uint32Array): void;
  /** The class a log is told for a record, below `toldClasses`. */
  classOf(record: number): number;
}

/** A law and its figures, as a command line names them. */
export type WorkloadLaw =
  | { readonly law: "uniform" }
  /** `writes` percent of the writes go to `data` percent of the records. */
  | { readonly law: "hot-cold"; readonly writes: number; readonly data: number }
  | { readonly law: "zipf"; readonly theta: number };

export function lawName(law: WorkloadLaw): string {
  switch (law.law) {
    case "uniform":
      return "uniform";
    case "hot-cold":
      return `hot-cold:${law.writes}/${law.data}`;
    case "zipf":
      return `zipf:${law.theta}`;
  }
}

/** Of a steeper law zram's way would write back too few pages to say anything of. */
const MOST_THETA = 2;

/**
 * `uniform`, `hot-cold:90/10` or `zipf:0.99`.
 * @throws PagefoldError INVALID_ARGUMENT.
 */
export function parseLaw(text: string): WorkloadLaw {
  const number = String.raw`(\d+(?:\.\d+)?)`;
  const [, name, first, second] =
    new RegExp(`^(uniform|hot-cold|zipf)(?::${number}(?:/${number})?)?$`).exec(text) ?? [];
  if (name === "uniform" && first === undefined) return { law: "uniform" };
  if (name === "hot-cold" && (first === undefined || second !== undefined)) {
    const [writes, data] = [Number(first ?? 90), Number(second ?? 10)];
    if (writes > 0 && writes < 100 && data > 0 && data < 100)
      return { law: "hot-cold", writes, data };
  }
  if (name === "zipf" && second === undefined) {
    const theta = Number(first ?? 0.99);
    if (theta <= MOST_THETA) return { law: "zipf", theta };
  }
  throw new PagefoldError(
    "INVALID_ARGUMENT",
    `--workload cannot be "${text}": give uniform, hot-cold:R/F (R % of the writes to F % of the pages, each above 0 and below 100), zipf:THETA (0 to ${MOST_THETA}) or trace:FILE`,
  );
}

class Uniform implements Workload {
  readonly name = "uniform";
  readonly classes = [{ writes: 1, data: 1 }];
  readonly toldClasses = 1;
  readonly records: number;
  readonly #random: SeededRandom;

  constructor(records: number, random: SeededRandom) {
    this.records = records;
    this.#random = random;
  }

  fill(target: Uint32Array): void {
    for (let index = 0; index < target.length; index++) {
      target[index] = this.#random.below(this.records);
    }
  }

  classOf(): number {
    return 0;
  }
}

/** The hot records are the first ones. */
class HotCold implements Workload {
  readonly name: string;
  readonly classes: readonly WriteClass[];
  readonly toldClasses = 2;
  readonly records: number;
  readonly #hotRecords: number;
  readonly #hotBelow: number;
  readonly #random: SeededRandom;

  constructor(
    law: Extract<WorkloadLaw, { law: "hot-cold" }>,
    options: { readonly records: number; readonly random: SeededRandom },
  ) {
    const { records, random } = options;
    this.name = lawName(law);
    this.records = records;
    this.#random = random;
    const hot = Math.round((records * law.data) / 100);
    this.#hotRecords = Math.min(Math.max(hot, 1), records - 1);
    this.#hotBelow = (law.writes / 100) * 2 ** 32;
    const data = this.#hotRecords / records;
    this.classes = [
      { writes: law.writes / 100, data },
      { writes: 1 - law.writes / 100, data: 1 - data },
    ];
  }

  fill(target: Uint32Array): void {
    const hot = this.#hotRecords;
    const cold = this.records - hot;
    for (let index = 0; index < target.length; index++) {
      const isHot = this.#random.uint32() < this.#hotBelow;
      target[index] = isHot ? this.#random.below(hot) : hot + this.#random.below(cold);
    }
  }

  classOf(record: number): number {
    return record < this.#hotRecords ? 0 : 1;
  }
}

/** Classes of Zipf's law for the formulas: so many records of high rank each, and the rest in groups. */
const SINGLE_RANKS = 1024;
const GROUP_SHARE = 1.02;

/** Classes of neighbouring ranks joined where they differ by 2 % at most. */
function groupRanks(classes: readonly WriteClass[]): WriteClass[] {
  const groups: WriteClass[] = classes.slice(0, SINGLE_RANKS);
  for (let first = SINGLE_RANKS; first < classes.length; ) {
    const end = Math.min(classes.length, Math.ceil(first * GROUP_SHARE));
    let [writes, data] = [0, 0];
    for (let rank = first; rank < end; rank++) {
      writes += classes[rank]!.writes;
      data += classes[rank]!.data;
    }
    groups.push({ writes, data });
    first = end;
  }
  return groups;
}

/** Record i is of rank i. */
class Zipf implements Workload {
  readonly name: string;
  readonly classes: readonly WriteClass[];
  readonly toldClasses = 1;
  readonly records: number;
  readonly #random: SeededRandom;
  readonly #table: AliasTable;

  constructor(
    law: Extract<WorkloadLaw, { law: "zipf" }>,
    options: { readonly records: number; readonly random: SeededRandom },
  ) {
    const { records, random } = options;
    this.name = lawName(law);
    this.records = records;
    this.#random = random;
    const ranks = zipfClasses(records, law.theta);
    this.classes = groupRanks(ranks);
    this.#table = new AliasTable(Float64Array.from(ranks, ({ writes }) => writes * records));
  }

  fill(target: Uint32Array): void {
    for (let index = 0; index < target.length; index++) {
      target[index] = this.#table.draw(this.#random);
    }
  }

  classOf(): number {
    return 0;
  }
}

/** A workload over `records` (2 or more). */
export function createWorkload(
  law: WorkloadLaw,
  options: { readonly records: number; readonly random: SeededRandom },
): Workload {
  switch (law.law) {
    case "uniform":
      return new Uniform(options.records, options.random);
    case "hot-cold":
      return new HotCold(law, options);
    case "zipf":
      return new Zipf(law, options);
  }
}
