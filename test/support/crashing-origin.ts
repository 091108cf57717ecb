/**
 * An origin on a disk whose own cache a power cut empties, and which knows all that a cut may leave, sector by sector.
 *
 * Holds always: a write may be on the disk from its begin on, in any of its sectors, and need not be before a sync that
 * began after its end has ended well. What is given to it before a sync ends that fails, or by a write that fails, no
 * later sync makes sure of; then it may be read back or not. Of what is unsure of one sector, any may be what is left,
 * whatever is left of the others.
 */

import { PagefoldError } from "../../src/base/errors.ts";
import type { SeededRandom } from "../../src/base/random.ts";
import type { Origin } from "../../src/cache/origin.ts";

/** What a disk writes as a whole, or not at all. */
export const SECTOR_BYTES = 512;

/** The probabilities with which calls fail, and the most turns of the event loop that each takes. */
export interface Troubles {
  readonly read?: number;
  readonly write?: number;
  readonly sync?: number;
  readonly mostTurns?: number;
}

export interface CrashingOptions {
  readonly random: SeededRandom;
  readonly troubles?: Troubles;
  /** Called at the begin of each write and sync, and when it is over, before who called knows. */
  readonly onMoment?: (moment: number) => void;
}

/** A content that a sector may be left with. */
export interface Survivor {
  readonly bytes: Uint8Array;
}

/** One call's bytes in one sector. */
interface Landing extends Survivor {
  readonly call: Call;
}

interface Call {
  readonly begun: number;
  /** Infinity while it is under way. */
  ended: number;
  /** No sync makes sure of it. */
  isDoubtful: boolean;
}

export class CrashingOrigin implements Origin {
  readonly name = "crashing";
  readonly isReadOnly = false;
  /** What a read gives. */
  readonly bytes: Uint8Array;
  /** Begins and ends of writes and syncs so far. */
  moments = 0;
  /** Requests the contract of an origin forbids, in words. */
  readonly breaches: string[] = [];
  readonly #random: SeededRandom;
  readonly #troubles: Troubles;
  readonly #onMoment: (moment: number) => void;
  /** By sector; the first is the oldest. */
  readonly #survivors: Landing[][] = [];
  readonly #underWay = new Set<{ readonly offset: number; readonly end: number }>();
  /** Calls that no sync made sure of yet. */
  readonly #unsynced = new Set<Call>();
  #ticks = 0;
  #isDead = false;

  constructor(bytes: Uint8Array, { random, troubles = {}, onMoment = () => {} }: CrashingOptions) {
    this.bytes = bytes.slice();
    this.#random = random;
    this.#troubles = troubles;
    this.#onMoment = onMoment;
    const call = { begun: -1, ended: 0, isDoubtful: false };
    for (const [at, sector] of sectorsOf(0, bytes.slice()))
      this.#survivors[at] = [{ call, bytes: sector }];
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** By sector, all that a cut now may leave there. */
  get survivors(): readonly (readonly Survivor[])[] {
    return this.#survivors;
  }

  /** The power is cut: nothing works from here on. What is left is drawn. */
  cut(random: SeededRandom): Uint8Array {
    this.#isDead = true;
    const left = new Uint8Array(this.bytes.length);
    for (const [sector, survivors] of this.#survivors.entries())
      left.set(survivors[random.below(survivors.length)]!.bytes, sector * SECTOR_BYTES);
    return left;
  }

  async sizeBytes(): Promise<number> {
    await turn();
    return this.bytes.length;
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    const isFailing = this.#strikes("read");
    await this.#turns();
    if (isFailing) throw failure("read");
    target.set(this.bytes.subarray(offset, offset + target.length));
  }

  async write(offset: number, source: Uint8Array): Promise<void> {
    const isFailing = this.#strikes("write");
    const bytes = source.slice();
    const range = { offset, end: offset + bytes.length };
    for (const other of this.#underWay)
      if (other.offset < range.end && offset < other.end)
        this.breaches.push(`writes to ${offset} and ${other.offset} overlap`);
    this.#underWay.add(range);
    const call: Call = { begun: this.#tick(), ended: Number.POSITIVE_INFINITY, isDoubtful: false };
    this.#unsynced.add(call);
    for (const [sector, part] of sectorsOf(offset, bytes))
      this.#survivors[sector]!.push({ call, bytes: part });
    this.#moment();
    await this.#turns();
    if (Buffer.compare(bytes, source) !== 0)
      this.breaches.push(`the bytes at ${offset} changed while they were written`);
    this.#underWay.delete(range);
    call.ended = this.#tick();
    call.isDoubtful ||= isFailing;
    for (const [sector, part] of sectorsOf(offset, bytes))
      if (!isFailing || this.#random.below(2) === 0) this.bytes.set(part, sector * SECTOR_BYTES);
    this.#moment();
    if (isFailing) throw failure("write");
  }

  async sync(): Promise<void> {
    const isFailing = this.#strikes("sync");
    const begun = this.#tick();
    this.#moment();
    await this.#turns();
    this.#tick();
    if (isFailing) this.#doubtAll();
    else this.#makeSure(begun);
    this.#moment();
    if (isFailing) throw failure("sync");
  }

  /** Ends nothing: the disk is there afterwards. */
  async close(): Promise<void> {}

  /** As a system that tells once that it could not write, and knows of nothing afterwards. */
  #doubtAll(): void {
    for (const call of this.#unsynced) call.isDoubtful = true;
    for (const [sector, survivors] of this.#survivors.entries()) {
      if (survivors.length === 1) continue;
      const left = survivors[this.#random.below(survivors.length)]!;
      this.bytes.set(left.bytes, sector * SECTOR_BYTES);
    }
  }

  /** What ended before `begun` is there, and nothing in its place that ended before it began. */
  #makeSure(begun: number): void {
    for (const [sector, survivors] of this.#survivors.entries()) {
      if (survivors.length === 1) continue;
      const sure = survivors.filter(({ call }) => !call.isDoubtful && call.ended < begun);
      const since = Math.max(...sure.map(({ call }) => call.begun));
      this.#survivors[sector] = survivors.filter(({ call }) => call.ended > since);
    }
    for (const call of this.#unsynced) if (call.ended < begun) this.#unsynced.delete(call);
  }

  #strikes(kind: "read" | "write" | "sync"): boolean {
    this.#refuseDead();
    const probability = this.#troubles[kind] ?? 0;
    return probability > 0 && this.#random.uint32() < probability * 2 ** 32;
  }

  #tick(): number {
    this.#ticks += 1;
    return this.#ticks;
  }

  #moment(): void {
    this.#refuseDead();
    this.moments += 1;
    this.#onMoment(this.moments);
    this.#refuseDead();
  }

  #refuseDead(): void {
    if (this.#isDead) throw new PagefoldError("IO", "the power was cut");
  }

  async #turns(): Promise<void> {
    for (let left = this.#random.below((this.#troubles.mostTurns ?? 2) + 1); left > 0; left--)
      await turn();
    this.#refuseDead();
  }
}

function turn(): Promise<void> {
  return new Promise((resume) => setImmediate(resume));
}

/** The sectors from `offset` on, with their bytes; the last one may be short. */
function* sectorsOf(offset: number, bytes: Uint8Array): Iterable<[number, Uint8Array]> {
  for (let at = 0; at < bytes.length; at += SECTOR_BYTES)
    yield [(offset + at) / SECTOR_BYTES, bytes.subarray(at, at + SECTOR_BYTES)];
}

function failure(kind: string): PagefoldError {
  return new PagefoldError("IO", `crashing: the ${kind} failed`);
}
