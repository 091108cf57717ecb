/**
 * A small host with real stores under it, and a naive model beside it: what each page was last written. Every step is
 * one command of chance; after it the audit finds nothing broken and every page holds what the model says.
 */

import { expect } from "vitest";
import { ManualClock } from "../../../src/base/clock.ts";
import { PagefoldError } from "../../../src/base/errors.ts";
import { SeededRandom } from "../../../src/base/random.ts";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import { type Contents, ZERO_CONTENT } from "../../../src/simulator/contents.ts";
import { type Machine, type MachineOptions, openMachine } from "../../../src/simulator/machine.ts";
import { auditHost } from "../../../src/simulator/memory/audit.ts";
import { NO_TAG } from "../../../src/simulator/memory/frames.ts";
import type { Host } from "../../../src/simulator/memory/host.ts";
import { ABSENT, SWAPPED } from "../../../src/simulator/memory/mappings.ts";
import type {
  Scanner,
  ScannerHooks,
  ScannerKind,
} from "../../../src/simulator/scanners/scanner.ts";
import { testContents } from "./small-machine.ts";

const NONE = -1;

/** Of each guest. */
const DOMAINS = [
  [0, 0, 0, 0],
  [0, 0, 0, 1],
  [0, 1, 0, 1],
];
const AREAS = ["none", "shared", "per-guest"] as const;

export type Command = (world: MemoryWorld) => void;

export class MemoryWorld {
  readonly random: SeededRandom;
  readonly options: MachineOptions;
  /** By page: what its guest reads. */
  readonly expected: Int32Array;
  readonly #contents: readonly number[];
  readonly #filled: number;
  #machine: Machine | null = null;
  #scanner: Scanner | null = null;
  #wakeSeconds = 0;
  /** What accesses cost, added up by guest. */
  readonly #paidSeconds: Float64Array;
  /** Commands refused since memory and swap were full. */
  refusals = 0;

  private constructor(seed: number, contents: Contents) {
    const random = new SeededRandom(seed);
    this.random = random;
    const guests = DOMAINS[random.below(DOMAINS.length)]!.map((domain, index) => ({
      name: `guest-${index}`,
      domain,
      pages: 10 + random.below(20),
    }));
    const pages = guests.reduce((sum, guest) => sum + guest.pages, 0);
    const area = AREAS[random.below(AREAS.length)]!;
    this.options = {
      // None of them is enough for all pages when nothing is merged.
      frames: Math.floor((pages * (3 + random.below(6))) / 10),
      cores: 2,
      hasFixedTimeWrites: random.below(2) === 0,
      guests,
      swap: {
        area,
        slots: area === "none" ? 0 : guests.length + random.below(pages),
        codec: "lz4",
        isInMemory: random.below(4) === 0,
        keepsSharing: random.below(3) > 0,
      },
      compressedSlots: random.below(2) === 0 ? 0 : 2 + random.below(30),
    };
    this.expected = new Int32Array(pages).fill(ZERO_CONTENT);
    this.#paidSeconds = new Float64Array(guests.length);
    this.#filled = contents.filled(0x0101_0101_0101_0101n);
    const first = contents.reserve(12);
    this.#contents = [
      ZERO_CONTENT,
      ZERO_CONTENT,
      this.#filled,
      ...Array.from({ length: 12 }, (_, index) => first + index),
    ];
  }

  /** A machine drawn by `seed`; without a scanner, the naive one merges. */
  static async open(seed: number, scan?: ScannerKind<unknown>): Promise<MemoryWorld> {
    const contents = testContents();
    const world = new MemoryWorld(seed, contents);
    const clock = new ManualClock();
    world.#machine = await openMachine(world.options, { contents, random: world.random, clock });
    if (scan === undefined) {
      world.host.setHooks(world.#hooks());
    } else {
      const parameters = scan.parameters.parse({});
      world.#scanner = scan.create({ host: world.host, random: world.random, parameters });
      world.host.setHooks(world.#scanner);
    }
    return world;
  }

  async close(): Promise<void> {
    await this.#machine?.close();
  }

  get host(): Host {
    return this.#machine!.host;
  }

  get scanner(): Scanner | null {
    return this.#scanner;
  }

  /** Some seconds pass in which processors are idle, and the scanner works when it wants to. */
  letScan(seconds: number): void {
    const { host } = this;
    const until = host.nowSeconds + seconds;
    for (let wakes = 0; wakes < 10 && this.#wakeSeconds <= until; wakes++) {
      host.nowSeconds = Math.max(host.nowSeconds, this.#wakeSeconds);
      host.cpu.endStep(0.1, 0);
      const next = this.#scanner!.wake(host.nowSeconds);
      expect(next).toBeGreaterThan(host.nowSeconds);
      this.#wakeSeconds = next;
    }
    host.nowSeconds = until;
  }

  anyPage(): number {
    return this.random.below(this.host.pages);
  }

  anyContent(): number {
    return this.#contents[this.random.below(this.#contents.length)]!;
  }

  /** Whether a page's bytes do not compress. */
  isNoise(content: number): boolean {
    return content % 2 === 1 && content !== this.#filled;
  }

  /** The first page for which `isWanted` holds, from a random one on; -1 where there is none. */
  pageWith(isWanted: (page: number) => boolean): number {
    const { pages } = this.host;
    const from = this.anyPage();
    for (let step = 0; step < pages; step++) {
      const page = (from + step) % pages;
      if (isWanted(page)) return page;
    }
    return NONE;
  }

  /** Does what a guest does; where it is refused, nothing changed and there was really no room. */
  access(page: number, act: () => void): boolean {
    const guest = this.host.guestOf(page);
    try {
      act();
      this.#paidSeconds[guest]! += this.host.lastSeconds;
      return true;
    } catch (cause) {
      if (!(cause instanceof PagefoldError && cause.code === "NO_SPACE")) throw cause;
      this.refusals += 1;
      expect(this.#evictable(page)).toBe(NONE);
      return false;
    }
  }

  /** A frame that could be swapped out now, that of `page` left aside; -1 where there is none. */
  #evictable(page: number): number {
    const { host } = this;
    for (const frame of host.frames.listed()) {
      if (frame === host.frameOf[page]) continue;
      const sharers = [...host.frameOf.keys()].filter((other) => host.frameOf[other] === frame);
      if (sharers.every((sharer) => this.#hasRoomFor(frame, host.swap.areaFor(sharer)))) {
        return frame;
      }
    }
    return NONE;
  }

  /** Whether the area has the frame's contents already, or room for them if other frames' clean copies go. */
  #hasRoomFor(frame: number, area: number): boolean {
    const { frames, swap } = this.host;
    if (area === NONE) return false;
    const { budget } = swap.areas[area]!;
    if (budget.left > 0) return true;
    return frames.cleanBodyOf.some((body, owner) => {
      if (body === NONE) return false;
      const copyArea = frames.cleanAreaOf[owner]!;
      return owner === frame ? copyArea === area : swap.areas[copyArea]!.budget === budget;
    });
  }

  /** Equal pages of one domain in memory are merged by the naive scanner: any page with any other. */
  mergeSomewhere(page: number): void {
    const { host } = this;
    const own = host.frameOf[page]!;
    if (own < 0) return;
    const content = host.contentOf[own]!;
    if (content === ZERO_CONTENT && !host.isZeroFrame(own) && this.random.below(2) === 0) {
      host.mergeWithZero(page);
      return;
    }
    const other = this.pageWith(
      (candidate) =>
        host.frameOf[candidate]! >= 0 &&
        host.frameOf[candidate] !== own &&
        host.domainOf(candidate) === host.domainOf(page) &&
        this.expected[candidate] === content,
    );
    if (other !== NONE) host.merge(page, host.frameOf[other]!);
  }

  /** Has a swapped-out page share what an equal page maps, if there is one that may. */
  joinSomewhere(page: number): void {
    const { host } = this;
    const own = host.frameOf[page]!;
    if (own > SWAPPED) return;
    const area = host.swap.areaWith(page);
    const other = this.pageWith((candidate) => {
      const there = host.frameOf[candidate]!;
      if (there === own || there === ABSENT) return false;
      if (host.domainOf(candidate) !== host.domainOf(page)) return false;
      if (there <= SWAPPED && host.swap.areaWith(candidate) !== area) return false;
      return this.expected[candidate] === this.expected[page];
    });
    if (other !== NONE) host.joinSwapped(page, other);
  }

  #hooks(): ScannerHooks {
    const { host } = this;
    return {
      onFilled: (page) => {
        const frame = host.frameOf[page]!;
        expect(frame).toBeGreaterThanOrEqual(0);
        expect(host.mappingsOf[frame]).toBe(1);
        expect(host.tagOf[frame]).toBe(NO_TAG);
        expect(host.isMerged(frame)).toBe(false);
        this.expected[page] = host.contentOf[frame]!;
        if (this.random.below(4) === 0) this.mergeSomewhere(page);
      },
      onDiskIo: (page) => {
        expect(host.frameOf[page]).toBeGreaterThan(SWAPPED);
        if (this.random.below(4) === 0) this.mergeSomewhere(page);
      },
      onSwapIn: (page) => {
        const frame = host.frameOf[page]!;
        expect(host.contentOf[frame]).toBe(this.expected[page]);
        if (this.random.below(4) === 0) this.mergeSomewhere(page);
        else if (this.random.below(2) === 0) host.setTag(frame, 7);
      },
      onDeviceDuplicate: (page, other) => {
        expect(host.frameOf[page]).toBeLessThanOrEqual(SWAPPED);
        expect(host.frameOf[other]).not.toBe(host.frameOf[page]);
        expect(this.expected[other]).toBe(this.expected[page]);
        expect(host.domainOf(other)).toBe(host.domainOf(page));
        if (this.random.below(2) === 0) host.joinSwapped(page, other);
      },
    };
  }

  /** What the page holds, without touching it. */
  #peek(page: number): number {
    const { host } = this;
    const frame = host.frameOf[page]!;
    if (frame === ABSENT) return ZERO_CONTENT;
    if (frame >= 0) return host.contentOf[frame]!;
    const area = host.swap.areas[host.swap.areaWith(page)]!;
    return area.contentOf[host.swap.bodyOf(page, area)]!;
  }

  check(): void {
    expect(auditHost(this.host)).toEqual([]);
    for (let page = 0; page < this.host.pages; page++) {
      if (this.#peek(page) === this.expected[page]) continue;
      throw new Error(`page ${page} holds ${this.#peek(page)}, not ${this.expected[page]}`);
    }
    for (const [guest, seconds] of this.#paidSeconds.entries()) {
      const charged = this.host.accessSecondsOf[guest]!;
      // A host with writes of fixed time does not let a write be seen to wait for room; its guest pays all the same.
      if (this.options.hasFixedTimeWrites) expect(charged).toBeGreaterThan(seconds - 1e-9);
      else expect(charged).toBeCloseTo(seconds, 9);
    }
  }

  /** The logical pages the stores hold: one for each body, mapped or a clean copy. */
  checkStores(): void {
    const stores = new Set(this.host.swap.areas.map(({ store }) => store));
    for (const store of stores) {
      const areas = this.host.swap.areas.filter((area) => area.store === store);
      const used = areas.reduce((sum, area) => {
        return sum + area.contentOf.length - area.unused().length;
      }, 0);
      expect(store.stats().orig_data_size).toBe(used * PAGE_BYTES);
    }
  }
}
