/**
 * A store and the model of it, side by side: each command is done to both, then everything that can be known is
 * compared. Contents are compared where a command reached, at two other slots, and everywhere after commands that
 * move things.
 */

import { ManualClock } from "../../src/base/clock.ts";
import { PagefoldError } from "../../src/base/errors.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { PAGE_BYTES } from "../../src/base/units.ts";
import { checkStoreOptions } from "../../src/device/options.ts";
import type { DeviceStats } from "../../src/device/statistics.ts";
import { Store } from "../../src/device/store.ts";
import { StoreCore } from "../../src/device/store-core.ts";
import { seededKeys } from "../support/engine-driver.ts";
import { differenceOf } from "../support/pages.ts";
import { longestLength, roomFor } from "../support/size-classes.ts";
import { AuditError, audit } from "./audit.ts";
import { type Content, Contents } from "./contents.ts";
import { ModelExport } from "./model-export.ts";
import { makeExportPlan, makePlan, type RunPlan } from "./plan.ts";

const LOGGED = 30;
const NAMES = ["a", "b", "c", "d"] as const;

/** One page of a request and what its slot is to hold afterwards, null where it is discarded. */
export interface Piece {
  readonly index: number;
  readonly content: Content | null;
  /** Whether room is to be reserved for the slot's next write. */
  readonly isReserved?: boolean;
}

export class World {
  readonly random: SeededRandom;
  readonly plan: RunPlan;
  readonly contents: Contents;
  readonly clock = new ManualClock();
  readonly core: StoreCore;
  readonly store: Store;
  readonly exports: ModelExport[] = [];
  /** Writes that found no room, in all. */
  failedWrites = 0;
  /** The memory limit, 0 for none, and whether there ever was one. */
  limitBytes = 0;
  hadLimit = false;
  /** Pages compaction gave back since the engine's start. */
  compacted = 0;
  /** The most mem_used_total was seen to be since mem_used_max was reset. */
  peak = 0;
  /** The commands done, the last of them. */
  readonly log: string[] = [];
  /** What mem_used_total and reserved_bytes may not pass: the limit, or what they were when it was set lower. */
  #ceiling = Number.POSITIVE_INFINITY;

  constructor(seed: number, hostCodecsEvery: number) {
    this.random = new SeededRandom(seed);
    this.plan = makePlan(this.random, hostCodecsEvery);
    const { codecs, dedup, hashMask } = this.plan;
    this.contents = new Contents(this.random);
    const [codec, ...recompress] = codecs;
    const options = {
      codec: codec!,
      recompress,
      dedup,
      clock: this.clock,
      random: seededKeys(seed),
    };
    const mask = hashMask === undefined ? {} : { hashMask };
    this.core = new StoreCore(checkStoreOptions({ ...options, ...mask }));
    this.store = new Store(this.core);
    for (let count = 0; count < this.plan.exports; count++) this.open();
  }

  get now(): number {
    return this.clock.seconds();
  }

  /** Whether every duplicate of a domain must share one object. */
  get isSharingExact(): boolean {
    return this.plan.dedup && this.plan.hashMask === undefined;
  }

  /** Opens an export under a name that is free. */
  open(): void {
    const name = NAMES.find((each) => this.exports.every(({ plan }) => plan.name !== each))!;
    const plan = makeExportPlan(this.random, name);
    const device = this.store.openExport({
      name,
      domain: plan.domain,
      sizeBytes: plan.slots * PAGE_BYTES - this.random.below(PAGE_BYTES),
      limitBytes: plan.slotLimit * PAGE_BYTES,
    });
    this.exports.push(new ModelExport(plan, device));
  }

  async close(at: number): Promise<void> {
    const [closed] = this.exports.splice(at, 1);
    await closed!.device.close();
  }

  anyExport(): ModelExport {
    return this.exports[this.random.below(this.exports.length)]!;
  }

  setLimit(bytes: number): void {
    this.limitBytes = bytes;
    this.hadLimit ||= bytes > 0;
    this.store.setMemoryLimit(bytes);
    this.#ceiling = bytes === 0 ? Number.POSITIVE_INFINITY : bytes;
    const { mem_used_total, reserved_bytes } = this.store.stats();
    this.#ceiling = Math.max(this.#ceiling, mem_used_total + reserved_bytes);
  }

  /**
   * Sends a request; `pieces` say, in order, what the slots hold if all goes well. A request that fails must have had
   * the right to, and leaves the pages from the failing one on as they were.
   */
  async write(
    target: ModelExport,
    request: { readonly pieces: readonly Piece[]; readonly send: () => Promise<void> },
  ): Promise<void> {
    let failedIndex: number | null = null;
    try {
      await request.send();
    } catch (error) {
      if (!(error instanceof PagefoldError) || error.code !== "NO_SPACE") throw error;
      failedIndex = Number(/page (\d+):/.exec(error.message)?.[1] ?? Number.NaN);
    }
    for (const { index, content, isReserved = false } of request.pieces) {
      if (content === null) {
        target.put(index, null, 0);
        target.discards += 1;
        continue;
      }
      target.writes += 1;
      if (index === failedIndex) {
        target.failedWrites += 1;
        this.failedWrites += 1;
        if (target.reserved[index]) throw new AuditError(`page ${index} had room reserved`);
        if (target.isRefused(index)) return;
        if (isReserved) this.#checkNoReserve(target, index);
        else this.#checkNoRoom(target, index, content);
        return;
      }
      if (target.isRefused(index)) throw new AuditError(`page ${index} is past limitBytes`);
      target.put(index, content, this.now);
      target.reserved[index] = isReserved;
    }
    if (failedIndex !== null) throw new AuditError(`page ${failedIndex} was not in the request`);
  }

  /** Checks that a write which found no room could not have been done without more. */
  #checkNoRoom(target: ModelExport, index: number, content: Content): void {
    if (this.limitBytes === 0) throw new AuditError(`page ${index} found no room, without a limit`);
    if (content.isSameFilled)
      throw new AuditError(`page ${index} is same-filled and needs no room`);
    if (this.isSharingExact) {
      const others = this.exports.filter(({ plan }) => plan.domain === target.plan.domain);
      if (others.some(({ held }) => held.includes(content))) {
        throw new AuditError(`page ${index} is a duplicate and needs no room`);
      }
    }
    const { engine, codecs } = this.core;
    const old = this.core.exports.get(target.plan.name)!.table.objectAt(index);
    if (old === 0 || engine.referencesOf(old) !== 1) return;
    const length = codecs[0]!.compress(content.bytes, new Uint8Array(2 * PAGE_BYTES));
    const isHuge = length === 0 || length > longestLength;
    const fits = engine.isHuge(old) || (!isHuge && length <= roomFor(engine.lengthOf(old)));
    if (fits) {
      throw new AuditError(`page ${index} fits the place of ${engine.lengthOf(old)} bytes it has`);
    }
  }

  /** Checks that a page which could not be reserved did not fit. */
  #checkNoReserve(target: ModelExport, index: number): void {
    const { mem_used_total, reserved_bytes } = this.store.stats();
    const { engine } = this.core;
    const old = this.core.exports.get(target.plan.name)!.table.objectAt(index);
    const isPageFreed = old !== 0 && engine.isHuge(old) && engine.referencesOf(old) === 1;
    const wanted = mem_used_total + reserved_bytes + (isPageFreed ? 0 : PAGE_BYTES);
    if (this.limitBytes === 0 || wanted <= this.limitBytes) {
      throw new AuditError(`page ${index} was not reserved: ${wanted} of ${this.limitBytes} bytes`);
    }
  }

  /** Compares a slot's contents, without counting as a read. */
  checkSlot({ plan, held }: ModelExport, index: number): void {
    this.core.exports.get(plan.name)!.loadStaged(index, 0);
    const expected = held[index] ?? this.contents.zeros;
    const difference = differenceOf(this.core.engine.page, expected.bytes);
    if (difference) throw new AuditError(`page ${index} of "${plan.name}": ${difference}`);
  }

  checkAllSlots(): void {
    for (const each of this.exports) {
      for (let index = 0; index < each.plan.slots; index++) this.checkSlot(each, index);
    }
  }

  /** Everything but contents. */
  check(): void {
    const { dedup } = this.plan;
    const stats = audit(this.core, this.exports, { dedup, isSharingExact: this.isSharingExact });
    const used = stats.mem_used_total;
    const sum = used + stats.reserved_bytes;
    if (sum > this.#ceiling) throw new AuditError(`${sum} used, ${this.#ceiling} allowed`);
    if (this.limitBytes > 0) this.#ceiling = Math.max(this.limitBytes, sum);
    this.peak = Math.max(this.peak, used);
    if (stats.mem_used_max < this.peak) {
      throw new AuditError(`mem_used_max is ${stats.mem_used_max}, was ${this.peak}`);
    }
    if (stats.pages_compacted !== this.compacted || stats.mem_limit !== this.limitBytes) {
      throw new AuditError(`pages_compacted ${stats.pages_compacted}, limit ${stats.mem_limit}`);
    }
    this.#checkCounts();
  }

  /** The counts of one export; each is looked at often enough. */
  #checkCounts(): void {
    if (this.exports.length === 0) return;
    const model = this.anyExport();
    const expected = Object.entries(model.counts());
    // All statistics take a while to gather.
    const isWhole = this.random.below(8) === 0;
    const found: Partial<DeviceStats> = isWhole
      ? model.device.stats()
      : this.core.exports.get(model.plan.name)!.counts();
    if (isWhole) {
      expected.push(["orig_data_size", model.used * PAGE_BYTES]);
      expected.push(["reserved_bytes", model.reservedBytes]);
    }
    for (const [name, value] of expected) {
      const actual = found[name as keyof DeviceStats];
      if (actual !== value) {
        throw new AuditError(`${name} of "${model.plan.name}" is ${actual}, not ${value}`);
      }
    }
  }

  /** Notes what is about to be done, for the message if it fails. */
  note(text: string): void {
    this.log.push(text);
    if (this.log.length > LOGGED) this.log.shift();
  }

  anyOf<Item>(items: readonly Item[]): Item {
    return items[this.random.below(items.length)]!;
  }
}
