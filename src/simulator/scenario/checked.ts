/**
 * A scenario as a simulation takes it: nothing left to check, sizes in pages, defaults filled in, groups of guests
 * taken apart, kinds looked up. check.ts makes it; one scenario is one run, its variant already set.
 */

import type { ScannerKind } from "../scanners/scanner.ts";
import type { WorkloadKind } from "../workloads/workload.ts";

/** A kind with parameters its own schema has parsed. */
export interface Chosen<Kind> {
  readonly kind: Kind;
  readonly parameters: unknown;
}

export interface CheckedGuest {
  /** Unlike all others; of a group of several, `NAME-1` and so on. */
  readonly name: string;
  readonly pages: number;
  /** The index of its domain in `domains`. */
  readonly domain: number;
  /** Guests of one image have the same kernel, programs and libraries. */
  readonly image: string;
  /** Its number within its group, from 0 on. */
  readonly order: number;
  readonly startSeconds: number;
  readonly zeroOnFree: boolean;
  /** Pages of its own swap; 0 without. */
  readonly swapSlots: number;
  readonly workload: Chosen<WorkloadKind<unknown>>;
}

export interface CheckedScenario {
  readonly title: string;
  readonly seconds: number;
  readonly stepSeconds: number;
  /** Null: a row of the series at every full scan, and not by the clock. */
  readonly sampleSeconds: number | null;
  readonly host: {
    readonly frames: number;
    readonly cores: number;
    readonly hasFixedTimeWrites: boolean;
  };
  readonly swap: {
    readonly area: "none" | "shared" | "per-guest";
    /** Of all areas together; 0 without swap. */
    readonly slots: number;
    /** Canonical, as the codecs' registry has it. */
    readonly codec: string;
    /** Whether the stores lie in the host's own memory. */
    readonly isInMemory: boolean;
    readonly keepsSharing: boolean;
  };
  /** Null without. */
  readonly tmem: {
    readonly memoryBytes: number;
    readonly codec: string;
    readonly hasPageCache: boolean;
    readonly hasSwap: boolean;
  } | null;
  readonly contents:
    | { readonly from: "made"; readonly compressibility: number }
    | { readonly from: "corpus"; readonly files: readonly string[] };
  /** Names; guests' `domain` is an index in it. */
  readonly domains: readonly string[];
  readonly guests: readonly CheckedGuest[];
  readonly scanner: Chosen<ScannerKind<unknown>>;
  /** Slots of the host's compressed memory, of all domains together; 0 without. */
  readonly compressedSlots: number;
}
