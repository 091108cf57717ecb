/**
 * What a guest does with its memory: the interface of every workload. One file each beside this one; registry.ts lists
 * them.
 */

import type { ZodType } from "zod";
import type { SeededRandom } from "../../base/random.ts";
import type { Contents } from "../contents.ts";
import type { Guest } from "../guest/guest.ts";
import type { RandomStreams } from "../random.ts";

export interface Workload {
  /**
   * Does what the guest does in the `stepSeconds` from `nowSeconds` (since the guest's start) on. Gives the processor
   * time it wants for that, in core-seconds; what its accesses to memory cost is added by the host.
   */
  step(nowSeconds: number, stepSeconds: number): number;
  /** The scanner has completed `passes` passes over all guests. */
  onPass?(passes: number): void;
  /** Counters of its own. */
  figures?(): Readonly<Record<string, number>>;
}

/** A kind of workload, as scenarios name it. */
export interface WorkloadKind<Parameters> {
  readonly kind: string;
  /** One line. */
  readonly summary: string;
  /** A strict object; every key has a default and a description. */
  readonly parameters: ZodType<Parameters>;
  create(options: WorkloadSurroundings<Parameters>): Workload | Promise<Workload>;
}

export interface WorkloadSurroundings<Parameters> {
  readonly guest: Guest;
  readonly contents: Contents;
  /** The guest's number within its group, from 0 on. */
  readonly order: number;
  readonly random: SeededRandom;
  /** Generators by name, the same for all guests: for what several of them have to agree on. */
  readonly streams: RandomStreams;
  readonly parameters: Parameters;
}
