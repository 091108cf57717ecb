/**
 * Guests that do anything at random on a small host with real swap, a naive model of what each page must read as, and a
 * scanner in between: for the tests of scanners.
 */

import { expect } from "vitest";
import { ManualClock } from "../../../src/base/clock.ts";
import { PagefoldError } from "../../../src/base/errors.ts";
import { SeededRandom } from "../../../src/base/random.ts";
import { Contents, ZERO_CONTENT } from "../../../src/simulator/contents.ts";
import { type Machine, openMachine } from "../../../src/simulator/machine.ts";
import { auditHost } from "../../../src/simulator/memory/audit.ts";
import type { Host } from "../../../src/simulator/memory/host.ts";
import { ABSENT } from "../../../src/simulator/memory/mappings.ts";
import { MadePages } from "../../../src/simulator/page-sources/made.ts";
import type { Scanner, ScannerKind } from "../../../src/simulator/scanners/scanner.ts";

export interface World extends Machine {
  readonly contents: Contents;
}

interface WorldOptions {
  readonly seed?: number;
  /** Pages of each guest, and its domain. */
  readonly guests: readonly { readonly pages: number; readonly domain?: number }[];
  /** All pages fit, without. */
  readonly frames?: number;
  readonly swap?: "none" | "shared" | "per-guest";
  readonly swapSlots?: number;
  readonly keepsSharing?: boolean;
}

export function openWorld(options: WorldOptions): Promise<World> {
  const pages = options.guests.reduce((sum, guest) => sum + guest.pages, 0);
  const contents = new Contents(new MadePages({ compressibility: 3 }));
  return openMachine(
    {
      frames: options.frames ?? pages + 1,
      cores: 1,
      hasFixedTimeWrites: false,
      guests: options.guests.map(({ pages, domain }, index) => ({
        name: `guest-${index}`,
        domain: domain ?? 0,
        pages,
      })),
      swap: {
        area: options.swap ?? "none",
        slots: options.swapSlots ?? 4 * pages,
        codec: "lz4",
        isInMemory: false,
        keepsSharing: options.keepsSharing ?? true,
      },
      compressedSlots: 0,
    },
    { contents, random: new SeededRandom(options.seed ?? 1), clock: new ManualClock() },
  ).then((machine) => ({ ...machine, contents }));
}

/** A scanner of that kind on the host, told what happens there. `parameters` as a scenario would give them. */
export function startScanner<P>(
  host: Host,
  kind: ScannerKind<P>,
  options: { readonly parameters?: object; readonly seed?: number } = {},
): Scanner {
  const parameters = kind.parameters.parse(options.parameters ?? {});
  const random = new SeededRandom(options.seed ?? 1);
  const scanner = kind.create({ host, random, parameters });
  host.setHooks(scanner);
  return scanner;
}

/** What guests do at random; the model is what each page reads as. */
export class Churn {
  readonly #host: Host;
  readonly #random: SeededRandom;
  readonly #contents: Contents;
  readonly #common: number;
  readonly #commonCount: number;
  readonly #doesDiskIo: boolean;
  readonly lastOf: Int32Array;

  /** Half of what is written is one of `common` contents. */
  constructor(
    world: World,
    options: { readonly seed: number; readonly common: number; readonly doesDiskIo?: boolean },
  ) {
    this.#host = world.host;
    this.#contents = world.contents;
    this.#random = new SeededRandom(options.seed);
    this.#common = world.contents.image("common", options.common);
    this.#commonCount = options.common;
    this.#doesDiskIo = options.doesDiskIo ?? true;
    this.lastOf = new Int32Array(world.host.pages).fill(ZERO_CONTENT);
  }

  #content(): number {
    const choice = this.#random.below(20);
    if (choice === 0) return ZERO_CONTENT;
    if (choice < 11) return this.#common + this.#random.below(this.#commonCount);
    return this.#contents.fresh();
  }

  /** One thing a guest does. */
  act(): void {
    const host = this.#host;
    const page = this.#random.below(host.pages);
    const choice = this.#random.below(10);
    const content = this.#content();
    try {
      if (choice === 0) {
        host.discard(page);
        this.lastOf[page] = ZERO_CONTENT;
      } else if (choice < 4) {
        expect(host.read(page)).toBe(this.lastOf[page]);
      } else if (choice < 6 && this.#doesDiskIo) {
        // What is written to disk has been read, or written in memory, before.
        if (host.frameOf[page] !== ABSENT) host.diskWrite(page);
      } else if (choice < 8 && this.#doesDiskIo) {
        host.diskRead(page, content);
        this.lastOf[page] = content;
      } else {
        host.write(page, content);
        this.lastOf[page] = content;
      }
    } catch (cause) {
      if (!(cause instanceof PagefoldError && cause.code === "NO_SPACE")) throw cause;
    }
  }

  /** Every page, brought in where it was out, reads as it should. */
  expectAllReads(): void {
    for (let page = 0; page < this.#host.pages; page++) {
      expect(this.#host.read(page)).toBe(this.lastOf[page]);
    }
  }
}

/** `rounds` of guests at work and a batch of the scanner, the host audited after each. */
export function churnAudited(
  world: World,
  parts: { readonly churn: Churn; readonly scanner: Scanner; readonly rounds: number },
): void {
  let wakeSeconds = 0;
  for (let round = 0; round < parts.rounds; round++) {
    for (let action = 0; action < 25; action++) parts.churn.act();
    wakeSeconds = parts.scanner.wake(wakeSeconds);
    expect(auditHost(world.host)).toEqual([]);
  }
}
