/**
 * Any medium, with faults: errors, torn, lost and reordered writes, flipped bits, delay, death. What goes wrong is
 * drawn from the random source given, when the call is made and in the order of calls: a run repeats from its seed.
 *
 * Holds always: nothing but what the plan asks for goes wrong, and all that does is counted. Reordering is not for a
 * NAND model, which insists on the order within a block.
 */

import { PagefoldError } from "../../base/errors.ts";
import type { SeededRandom } from "../../base/random.ts";
import { HeldWrites } from "./held-writes.ts";
import { assertPlace, type Medium, mediumClosed } from "./medium.ts";

/** What a disk writes as a whole, or not at all. */
const SECTOR_BYTES = 512;

/** Which calls of an operation it strikes; both may be given. */
export interface Fault {
  /** From 0 to 1, at each call. */
  readonly probability?: number;
  /** These calls of the operation, counted from 1. */
  readonly calls?: readonly number[];
}

export interface FaultPlan {
  readonly random: SeededRandom;
  /** The call fails and does nothing. */
  readonly readError?: Fault;
  readonly writeError?: Fault;
  readonly eraseError?: Fault;
  readonly flushError?: Fault;
  /** Only some of the 512-byte sectors land, a prefix or any; then it fails, or not where `isSilent`. */
  readonly tornWrite?: Fault & { readonly isSilent?: boolean };
  /** Acknowledged, never landed. */
  readonly lostWrite?: Fault;
  /** One bit of what a read brings is wrong; not of what lies there. */
  readonly flipOnRead?: Fault;
  /** One bit of what lands is wrong. */
  readonly flipAtRest?: Fault;
  /** Writes are acknowledged and read back, but land at the next flush only, in any order; at death some of them. */
  readonly isReordering?: boolean;
  /** Each call waits for up to so many turns of the event loop first, so that calls overtake each other. */
  readonly mostDelayTurns?: number;
  /**
   * The operation, of all kinds and counted from 1, that fails, as does everything behind it and what is under way: a
   * write is torn, an erase has happened or not.
   */
  readonly deathAt?: number;
}

export interface FaultCounts {
  readError: number;
  writeError: number;
  eraseError: number;
  flushError: number;
  tornWrite: number;
  lostWrite: number;
  flipOnRead: number;
  flipAtRest: number;
  /** Writes held back until a flush. */
  reordered: number;
  /** Calls that waited. */
  delayed: number;
}

type Operation = "read" | "write" | "erase" | "flush";
type FaultKind = Exclude<keyof FaultCounts, "reordered" | "delayed">;
type WriteFault = "writeError" | "tornWrite" | "lostWrite" | "flipAtRest" | null;

export class FaultyMedium implements Medium {
  readonly name: string;
  readonly sizeBytes: number;
  readonly programBytes: number;
  readonly counts: Readonly<FaultCounts>;
  /** Calls so far, of all kinds: what `deathAt` counts. */
  operations = 0;
  readonly #inner: Medium;
  readonly #plan: FaultPlan;
  readonly #random: SeededRandom;
  readonly #counts: FaultCounts = {
    readError: 0,
    writeError: 0,
    eraseError: 0,
    flushError: 0,
    tornWrite: 0,
    lostWrite: 0,
    flipOnRead: 0,
    flipAtRest: 0,
    reordered: 0,
    delayed: 0,
  };
  readonly #calls: Record<Operation, number> = { read: 0, write: 0, erase: 0, flush: 0 };
  readonly #held: HeldWrites;
  #isDead = false;
  #isClosed = false;

  constructor(inner: Medium, plan: FaultPlan) {
    this.name = `faulty ${inner.name}`;
    this.sizeBytes = inner.sizeBytes;
    this.programBytes = inner.programBytes;
    this.counts = this.#counts;
    this.#inner = inner;
    this.#plan = plan;
    this.#random = plan.random;
    this.#held = new HeldWrites(inner, plan.random);
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Dies now: everything from here on fails; of the writes held back some land. */
  async die(): Promise<void> {
    this.#isDead = true;
    await this.#held.landSome();
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    const length = target.length;
    assertPlace(this, { offset, length, step: 1 });
    const act = `reading ${length} bytes at ${offset}`;
    const isDying = this.#begin("read", act);
    const isFailing = this.#strikes("readError", "read");
    const isFlipped = length > 0 && this.#strikes("flipOnRead", "read");
    const bit = isFlipped ? this.#random.below(length * 8) : -1;
    await this.#delay();
    if (isDying) await this.#held.landSome();
    this.#refuseDead(act);
    if (isFailing) throw this.#failure(act, "readError");
    await this.#inner.read(offset, target);
    this.#held.overlay(offset, target);
    if (bit >= 0) flip(target, bit);
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    const length = source.length;
    assertPlace(this, { offset, length, step: this.programBytes });
    const act = `writing ${length} bytes at ${offset}`;
    const isDying = this.#begin("write", act);
    const fault = this.#writeFault();
    const landing = isDying || fault === "tornWrite" ? this.#drawSectors(length) : null;
    const bit = fault === "flipAtRest" ? this.#random.below(length * 8) : -1;
    await this.#delay();
    if (isDying && landing !== null) await this.#writeSome(offset, { source, landing });
    if (isDying) await this.#held.landSome();
    this.#refuseDead(act);
    if (fault === "writeError") throw this.#failure(act, fault);
    if (fault === "lostWrite") return;
    if (fault === "tornWrite" && landing !== null) {
      await this.#writeSome(offset, { source, landing });
      if (this.#plan.tornWrite?.isSilent !== true) throw this.#failure(act, fault);
      return;
    }
    if (bit < 0) return this.#land(offset, source);
    const flipped = source.slice();
    flip(flipped, bit);
    await this.#land(offset, flipped);
  }

  async erase(offset: number, length: number): Promise<void> {
    assertPlace(this, { offset, length, step: this.programBytes });
    const act = `erasing ${length} bytes at ${offset}`;
    const isDying = this.#begin("erase", act);
    const isFailing = this.#strikes("eraseError", "erase");
    const isErasedDying = isDying && this.#random.below(2) === 0;
    await this.#delay();
    if (isDying) await this.#held.landSome();
    if (isErasedDying) await this.#inner.erase(offset, length);
    this.#refuseDead(act);
    if (isFailing) throw this.#failure(act, "eraseError");
    await this.#held.landOverlapping(offset, length);
    await this.#inner.erase(offset, length);
  }

  async flush(): Promise<void> {
    const isDying = this.#begin("flush", "flushing");
    const isFailing = this.#strikes("flushError", "flush");
    await this.#delay();
    if (isDying) await this.#held.landSome();
    this.#refuseDead("flushing");
    if (isFailing) throw this.#failure("flushing", "flushError");
    await this.#held.landAll();
    await this.#inner.flush();
  }

  /** Closes the medium below too; what a reordering one held back lands before, unless it is dead. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isDead) await this.#held.landAll();
    await this.#inner.close();
  }

  /** Counts the call: whether it is the one to die at. */
  #begin(operation: Operation, act: string): boolean {
    if (this.#isClosed) throw mediumClosed(this.name);
    this.operations += 1;
    this.#calls[operation] += 1;
    this.#refuseDead(act);
    this.#isDead = this.operations === this.#plan.deathAt;
    return this.#isDead;
  }

  #strikes(kind: FaultKind, operation: Operation): boolean {
    const fault = this.#plan[kind];
    if (fault === undefined) return false;
    const { probability = 0, calls = [] } = fault;
    const isDrawn = probability > 0 && this.#random.uint32() < probability * 2 ** 32;
    if (!isDrawn && !calls.includes(this.#calls[operation])) return false;
    this.#counts[kind] += 1;
    return true;
  }

  /** At most one of them strikes a write. */
  #writeFault(): WriteFault {
    const kinds = ["writeError", "tornWrite", "lostWrite", "flipAtRest"] as const;
    return kinds.find((kind) => this.#strikes(kind, "write")) ?? null;
  }

  /** Which sectors of a torn write land: the first ones, or any; never all. */
  #drawSectors(length: number): Uint8Array {
    const sectors = Math.ceil(length / SECTOR_BYTES);
    const landing = new Uint8Array(sectors);
    if (sectors === 0) return landing;
    if (this.#random.below(2) === 0) return landing.fill(1, 0, this.#random.below(sectors));
    for (let index = 0; index < sectors; index++) landing[index] = this.#random.below(2);
    landing[this.#random.below(sectors)] = 0;
    return landing;
  }

  async #writeSome(
    offset: number,
    { source, landing }: { readonly source: Uint8Array; readonly landing: Uint8Array },
  ): Promise<void> {
    const torn = new Uint8Array(source.length);
    await this.#inner.read(offset, torn);
    this.#held.overlay(offset, torn);
    for (const [index, isLanding] of landing.entries()) {
      const start = index * SECTOR_BYTES;
      if (isLanding === 1) torn.set(source.subarray(start, start + SECTOR_BYTES), start);
    }
    await this.#land(offset, torn);
  }

  async #land(offset: number, source: Uint8Array): Promise<void> {
    if (this.#plan.isReordering !== true) return this.#inner.write(offset, source);
    await this.#held.landOverlapping(offset, source.length);
    this.#held.add(offset, source.slice());
    this.#counts.reordered += 1;
  }

  async #delay(): Promise<void> {
    const { mostDelayTurns = 0 } = this.#plan;
    const turns = mostDelayTurns === 0 ? 0 : this.#random.below(mostDelayTurns + 1);
    if (turns > 0) this.#counts.delayed += 1;
    for (let turn = 0; turn < turns; turn++) {
      await new Promise<void>((resume) => setImmediate(resume));
    }
  }

  #refuseDead(act: string): void {
    if (!this.#isDead) return;
    throw new PagefoldError(
      "IO",
      `${this.name}: ${act} failed, the medium has died: open another one`,
    );
  }

  #failure(act: string, kind: FaultKind): PagefoldError {
    return new PagefoldError(
      "IO",
      `${this.name}: ${act} failed, as the plan of faults asks for (${kind}): take it out of the plan`,
    );
  }
}

function flip(bytes: Uint8Array, bit: number): void {
  bytes[bit >>> 3]! ^= 1 << (bit & 7);
}
