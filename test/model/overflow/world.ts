/**
 * A store with an overflow log and the model of it, side by side. Commands go to both, several at once where the plan
 * says so; then everything that can be known is compared.
 *
 * A read must give what was last written, or an error where the medium had one; a page in memory gives no error ever.
 */

import { ManualClock } from "../../../src/base/clock.ts";
import { PagefoldError } from "../../../src/base/errors.ts";
import { SeededRandom } from "../../../src/base/random.ts";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import { checkStoreOptions } from "../../../src/device/options.ts";
import { Store } from "../../../src/device/store.ts";
import { StoreCore } from "../../../src/device/store-core.ts";
import { openWriteBack } from "../../../src/device/write-back/open-write-back.ts";
import { seededKeys } from "../../support/engine-driver.ts";
import { AuditError } from "../audit.ts";
import { Contents } from "../contents.ts";
import { auditLog } from "./audit-log.ts";
import { type Change, type Held, HeldPages, holdsPart, type SlotChange } from "./held-pages.ts";
import { makePlan, type OverflowPlan, SEGMENT_BYTES } from "./plan.ts";

const LOGGED = 40;
const NAMES = ["a", "b", "c"] as const;
const DOMAINS = ["", "lab"] as const;
/** Pages of memory with which any single write finds room once everything has left. */
const LEAST_PAGES = 6;

/** A request to one export: what it changes, by page, and what it reads. */
export interface Request {
  readonly target: HeldPages;
  readonly changes?: ReadonlyMap<number, Change>;
  readonly read?: { readonly offset: number; readonly bytes: Uint8Array };
  readonly isClosing?: boolean;
  readonly send: () => Promise<void>;
}

export class OverflowWorld {
  readonly random: SeededRandom;
  readonly plan: OverflowPlan;
  readonly contents: Contents;
  readonly clock = new ManualClock();
  readonly core: StoreCore;
  readonly store: Store;
  readonly exports: HeldPages[] = [];
  readonly log: string[] = [];
  /** What goes on beside the commands, to be waited for at the end. */
  readonly later: Promise<void>[] = [];
  readonly counts = { refused: 0, failedReads: 0, awayReads: 0 };
  limitBytes: number;
  #ceiling = Number.POSITIVE_INFINITY;

  private constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.plan = makePlan(this.random);
    const { codecs, dedup, hashMask, limitBytes, overflow } = this.plan;
    this.contents = new Contents(this.random);
    const [codec, ...recompress] = codecs;
    const mask = hashMask === undefined ? {} : { hashMask };
    const { clock } = this;
    const random = seededKeys(seed);
    this.core = new StoreCore(
      checkStoreOptions({ codec: codec!, recompress, dedup, clock, random, overflow, ...mask }),
    );
    this.store = new Store(this.core);
    this.limitBytes = limitBytes;
  }

  /** Opens the world of that seed; null where the medium did not let it. */
  static async open(seed: number): Promise<OverflowWorld | null> {
    const world = new OverflowWorld(seed);
    try {
      await openWriteBack(world.core);
    } catch (cause) {
      if (world.plan.hasFaults && cause instanceof PagefoldError) return null;
      throw cause;
    }
    world.setLimit(world.limitBytes);
    for (let count = 0; count < world.plan.exports; count++) world.open();
    return world;
  }

  open(): void {
    const { slots } = this.plan;
    const name = NAMES.find((each) => this.exports.every((other) => other.name !== each))!;
    const domain = DOMAINS[this.random.below(DOMAINS.length)]!;
    const device = this.store.openExport({ name, domain, sizeBytes: slots * PAGE_BYTES });
    this.exports.push(new HeldPages(device, { name, domain, slots }));
  }

  anyExport(): HeldPages {
    return this.exports[this.random.below(this.exports.length)]!;
  }

  setLimit(bytes: number): void {
    this.limitBytes = bytes;
    this.store.setMemoryLimit(bytes);
    const { mem_used_total, reserved_bytes } = this.store.stats();
    this.#ceiling =
      bytes === 0 ? Number.POSITIVE_INFINITY : Math.max(bytes, mem_used_total + reserved_bytes);
  }

  /** Sends requests, one soon after another, and waits for all of them. */
  async send(requests: readonly Request[]): Promise<void> {
    const { random } = this;
    const isTight = this.#isTight();
    const sent: Promise<void>[] = [];
    for (const request of requests) {
      const done = request.send();
      // What fails before all are sent is looked at below.
      done.catch(() => {});
      sent.push(done);
      if (random.below(3) === 0) await turns(random.below(4));
    }
    const results = await Promise.allSettled(sent);
    const closed = new Set(
      requests.filter(({ isClosing }) => isClosing).map(({ target }) => target),
    );
    for (const [at, result] of results.entries()) {
      if (result.status === "rejected") {
        this.#checkFailure(requests[at]!, result.reason, {
          isClosed: closed.has(requests[at]!.target),
          isTight,
        });
      }
    }
    const isDone = results.map(({ status }) => status === "fulfilled");
    for (const target of new Set(requests.map((request) => request.target))) {
      if (closed.has(target)) this.exports.splice(this.exports.indexOf(target), 1);
      this.#settleExport(target, requests, isDone);
    }
  }

  /** Does to the model what requests did to one export, and compares what they read. */
  #settleExport(target: HeldPages, requests: readonly Request[], isDone: readonly boolean[]): void {
    const isClosed = !this.exports.includes(target);
    const own = requests
      .map((request, at) => ({ ...request, isDone: isDone[at]! }))
      .filter((each) => each.target === target);
    for (let index = 0; index < target.slots; index++) {
      const changes: SlotChange[] = [];
      for (const each of own) {
        const change = each.changes?.get(index);
        if (change !== undefined) changes.push({ change, isDone: each.isDone });
      }
      const seen =
        changes.length === 0 ? new Set(target.options[index]!) : target.apply(index, changes);
      // An export that closes is emptied at once.
      if (isClosed) seen.add(null);
      for (const { read, isDone } of own)
        if (isDone && read !== undefined) this.#checkRead(target, { index, seen, ...read });
    }
  }

  #checkRead(
    target: HeldPages,
    {
      index,
      seen,
      offset,
      bytes,
    }: { index: number; seen: ReadonlySet<Held>; offset: number; bytes: Uint8Array },
  ): void {
    const first = Math.max(offset, index * PAGE_BYTES);
    const end = Math.min(offset + bytes.length, (index + 1) * PAGE_BYTES);
    if (end <= first) return;
    const part = bytes.subarray(first - offset, end - offset);
    for (const held of seen) if (holdsPart(held, part, first % PAGE_BYTES)) return;
    throw new AuditError(`page ${index} of "${target.name}" was read as none of what it was`);
  }

  /** Whether a write may find no room whatever leaves memory. */
  #isTight(): boolean {
    const { reserved_bytes } = this.store.stats();
    return this.limitBytes > 0 && reserved_bytes + LEAST_PAGES * PAGE_BYTES > this.limitBytes;
  }

  #checkFailure(
    request: Request,
    cause: unknown,
    { isClosed, isTight }: { isClosed: boolean; isTight: boolean },
  ): void {
    if (!(cause instanceof PagefoldError)) throw cause;
    const { code } = cause;
    if (code === "CLOSED" && isClosed) return;
    if (code === "NO_SPACE" && request.read === undefined) {
      this.counts.refused += 1;
      if (!this.plan.isRoomy || isTight || this.#isTight()) return;
    }
    if ((code === "IO" || code === "CORRUPT") && this.plan.hasFaults) {
      this.counts.failedReads += 1;
      return;
    }
    throw cause;
  }

  /** Reads a whole page. */
  async look(target: HeldPages, index: number): Promise<void> {
    const page = new Uint8Array(PAGE_BYTES);
    if (this.core.exports.get(target.name)!.isAway(index)) {
      this.counts.awayReads += 1;
      try {
        await target.device.read(index * PAGE_BYTES, page);
      } catch (cause) {
        this.#checkFailure(
          { target, read: { offset: 0, bytes: page }, send: async () => {} },
          cause,
          {
            isClosed: false,
            isTight: false,
          },
        );
        return;
      }
    } else {
      target.device.readNow(index * PAGE_BYTES, page);
    }
    target.found(index, page, 0);
  }

  async lookEverywhere(): Promise<void> {
    for (const target of this.exports) {
      for (let index = 0; index < target.slots; index++) await this.look(target, index);
    }
  }

  check(isSettled = false): void {
    const { hasFaults } = this.plan;
    auditLog(this.core, this.exports, {
      segmentBytes: SEGMENT_BYTES,
      isSettled,
      mayLose: hasFaults,
    });
    const { mem_used_total, reserved_bytes } = this.store.stats();
    const sum = mem_used_total + reserved_bytes;
    if (sum > this.#ceiling) throw new AuditError(`${sum} used, ${this.#ceiling} allowed`);
    if (this.limitBytes > 0) this.#ceiling = Math.max(this.limitBytes, sum);
  }

  /** Done when nothing goes on by itself any more. */
  async settle(): Promise<void> {
    let last = "";
    for (let unchanged = 0, rounds = 0; unchanged < 3; rounds++) {
      if (rounds > 2000) throw new AuditError(`it does not come to rest: ${last}`);
      await turns(8);
      const { wear, ...now } = this.store.overflowStats()!;
      const next = JSON.stringify([now, wear.live_shares]);
      unchanged = next === last ? unchanged + 1 : 0;
      last = next;
    }
  }

  note(text: string): void {
    this.log.push(text);
    if (this.log.length > LOGGED) this.log.shift();
  }

  anyOf<Item>(items: readonly Item[]): Item {
    return items[this.random.below(items.length)]!;
  }
}

export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++)
    await new Promise<void>((resume) => setImmediate(resume));
}
