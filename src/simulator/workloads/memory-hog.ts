/**
 * The workload "memory-hog": a program takes memory as fast as it may, up to a working set that can be larger than what
 * there is, and goes on reading and writing in it, everywhere alike or some pages far more than others.
 */

import { z } from "zod";
import type { AliasTable } from "../../base/alias-table.ts";
import type { SeededRandom } from "../../base/random.ts";
import { happens, zipfTable } from "../draws.ts";
import type { Guest } from "../guest/guest.ts";
import { AnonymousContents, AnonymousMemory } from "./anonymous.ts";
import { Carry } from "./carry.ts";
import { bootKeys, bootPlanOf, contentKeys, contentSharesOf, rate, share } from "./parameters.ts";
import type { Workload, WorkloadKind, WorkloadSurroundings } from "./workload.ts";

const SAME_FILLED_CONTENTS = 256;

const parameters = z.strictObject({
  ...bootKeys({ kernelShare: 0.09, pageTableShare: 0.005, programShare: 0.02, remainsShare: 0 }),
  ...contentKeys({ zeroShare: 0, selfDuplicateShare: 0 }),
  same_filled_share: share(
    0,
    "share of the other pages that are one word throughout, and compress to nothing",
  ),
  working_set_share: z
    .number()
    .gt(0)
    .max(4)
    .default(0.85)
    .describe("what the program wants, as a share of memory; it gets what there is"),
  fill_share_per_second: rate(0.05, "how fast it takes it, as a share of memory a second"),
  accesses_per_second: rate(0.1, "how often each page of it is read or written, a second"),
  write_share: share(0.5, "share of those that write"),
  law: z
    .enum(["uniform", "zipf"])
    .default("uniform")
    .describe("whether all pages are used alike, or by Zipf's law"),
  zipf_theta: z.number().min(0).max(2).default(0.99).describe("Zipf's exponent, for law: zipf"),
  cores: rate(1, "processor time it wants, in cores"),
});

type Parameters = z.infer<typeof parameters>;

class HogContents {
  readonly #random: SeededRandom;
  readonly #others: AnonymousContents;
  readonly #sameFilledShare: number;
  readonly #sameFilled: readonly number[];

  constructor(guest: Guest, options: { readonly own: Parameters; readonly random: SeededRandom }) {
    const { own, random } = options;
    this.#random = random;
    this.#others = new AnonymousContents(guest, { shares: contentSharesOf(own), random });
    this.#sameFilledShare = own.same_filled_share;
    this.#sameFilled = Array.from({ length: SAME_FILLED_CONTENTS }, (_, word) =>
      guest.contents.filled(BigInt(word + 1)),
    );
  }

  next(): number {
    if (!happens(this.#random, this.#sameFilledShare)) return this.#others.next();
    return this.#sameFilled[this.#random.below(SAME_FILLED_CONTENTS)]!;
  }
}

class MemoryHog implements Workload {
  readonly #guest: Guest;
  readonly #random: SeededRandom;
  readonly #parameters: Parameters;
  readonly #memory: AnonymousMemory;
  readonly #mostPages: number;
  readonly #table: AliasTable | null;
  readonly #fill = new Carry();
  readonly #accesses = new Carry();
  #wantedPages = 0;
  #reads = 0;
  #writes = 0;

  constructor(options: WorkloadSurroundings<Parameters>) {
    const { guest, random } = options;
    const own = options.parameters;
    guest.bootPlan = bootPlanOf(own);
    this.#guest = guest;
    this.#random = random;
    this.#parameters = own;
    this.#mostPages = Math.max(1, Math.round(own.working_set_share * guest.pages));
    this.#memory = new AnonymousMemory(guest, {
      contents: new HogContents(guest, { own, random }),
      most: this.#mostPages,
    });
    this.#table = own.law === "zipf" ? zipfTable(this.#mostPages, own.zipf_theta) : null;
  }

  step(_nowSeconds: number, stepSeconds: number): number {
    const own = this.#parameters;
    const filled = this.#fill.take(own.fill_share_per_second * this.#guest.pages * stepSeconds);
    this.#wantedPages = Math.min(this.#mostPages, this.#wantedPages + filled);
    this.#memory.growTo(this.#wantedPages);
    const accesses = own.accesses_per_second * this.#memory.size * stepSeconds;
    for (let left = this.#accesses.take(accesses); left > 0; left--) this.#access();
    return own.cores * stepSeconds;
  }

  #access(): void {
    const { size } = this.#memory;
    const index = this.#table?.draw(this.#random) ?? this.#random.below(size);
    // By Zipf's law over all it wants: what it has not got is not used.
    if (index >= size) return;
    if (happens(this.#random, this.#parameters.write_share)) {
      this.#memory.rewrite(index);
      this.#writes += 1;
    } else {
      this.#memory.read(index);
      this.#reads += 1;
    }
  }

  figures(): Record<string, number> {
    return { hog_pages: this.#memory.size, hog_reads: this.#reads, hog_writes: this.#writes };
  }
}

export const memoryHog: WorkloadKind<Parameters> = {
  kind: "memory-hog",
  summary: "takes memory and goes on reading and writing all of it",
  parameters,
  create: (options) => new MemoryHog(options),
};
