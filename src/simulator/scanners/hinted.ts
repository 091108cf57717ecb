/**
 * KSM++ and XLH: the kernel's linear scan, and between its pages those that guests' disk requests have just touched,
 * which are likely to be in another guest's page cache too. Hints wait in a bounded buffer; they take a share of each
 * batch, so that the rate limit holds for both; the linear scan keeps the rest, and all of it while no hint waits.
 *
 * A page just read from a disk is taken to be constant ("bypass"). On the kernel's normal path ("two-visits") a new
 * pair needs the same checksum twice, and in today's order, checksum-first, so does any hinted page: a hint alone
 * brings only the first of two visits, and what was published does not come out (docs/simulator.md has the figures).
 */

import { z } from "zod";
import type { SeededRandom } from "../../base/random.ts";
import type { Host } from "../memory/host.ts";
import { HINT_ORDERS, HintBuffer, NO_HINT } from "./hint-buffer.ts";
import { ksmKnobs } from "./ksm/knobs.ts";
import { LinearScanner } from "./linear.ts";
import type { ScannerKind } from "./scanner.ts";

export const hintedParameters = ksmKnobs.extend({
  // The middle of the sizes that KSM++ was tried with, 256 to 16384.
  hint_buffer: z
    .int()
    .min(1)
    .max(2 ** 24)
    .default(2048)
    .describe("hints that can wait; past that hints are lost"),
  hint_order: z
    .enum(HINT_ORDERS)
    .default("newest-first")
    .describe(
      "which hint is looked at next; all but random lose the oldest when the buffer is full",
    ),
  hint_share: z
    .number()
    .min(0)
    .max(0.95)
    .default(0.5)
    .describe("the share of a batch that hints take while there are any"),
  hint_checksum: z
    .enum(["two-visits", "bypass"])
    .default("bypass")
    .describe("bypass: a hinted page need not have the same checksum at two visits"),
});

export type HintedParameters = z.infer<typeof hintedParameters>;

export interface HintedOptions {
  readonly host: Host;
  readonly random: SeededRandom;
  readonly parameters: HintedParameters;
}

export class HintedScanner extends LinearScanner {
  readonly #host: Host;
  readonly #hints: HintBuffer;
  readonly #share: number;
  readonly #isTrusting: boolean;
  /** Turns of the batch that hints have earned. */
  #credit = 0;
  #isPassOver = false;
  #stale = 0;

  constructor({ host, random, parameters }: HintedOptions) {
    super(host, parameters);
    this.#host = host;
    this.#hints = new HintBuffer({
      capacity: parameters.hint_buffer,
      order: parameters.hint_order,
      random,
    });
    this.#share = parameters.hint_share;
    this.#isTrusting = parameters.hint_checksum === "bypass";
  }

  onDiskIo(page: number): void {
    this.hint(page);
  }

  /** Has the page, which is in memory, looked at soon. */
  protected hint(page: number): void {
    const { tally } = this.core;
    tally.hintsGenerated += 1;
    const content = this.#host.contentOf[this.#host.frameOf[page]!]!;
    if (this.#hints.push(page, content)) tally.hintsDropped += 1;
  }

  override wake(nowSeconds: number): number {
    this.#isPassOver = false;
    return super.wake(nowSeconds);
  }

  protected override scanOne(): boolean {
    this.#credit += this.#share;
    if (this.#credit >= 1) {
      this.#credit -= 1;
      if (this.#scanHint()) return true;
    }
    // The end of a pass ends the linear scan's batch, not the hints': its turns pass unused.
    if (!this.#isPassOver) {
      if (super.scanOne()) return true;
      this.#isPassOver = true;
    }
    return this.#hints.count > 0;
  }

  /** Looks at the next hint whose page is in memory still: whether there was one. */
  #scanHint(): boolean {
    const { core } = this;
    for (;;) {
      const page = this.#hints.take();
      if (page === NO_HINT) return false;
      if (!core.isPresent(page)) {
        this.#stale += 1;
        continue;
      }
      core.tally.hintsVisited += 1;
      if (this.#host.contentOf[this.#host.frameOf[page]!] !== this.#hints.note) this.#stale += 1;
      if (this.#isTrusting) core.trust(page);
      if (this.scan(page)) core.tally.hintsUseful += 1;
      return true;
    }
  }

  override figures(): Readonly<Record<string, number>> {
    return {
      ...super.figures(),
      hints_stale: this.#stale,
      hints_waiting: this.#hints.count,
    };
  }
}

export const hinted: ScannerKind<HintedParameters> = {
  kind: "hinted",
  summary: "KSM++ and XLH: the linear scan, with hints from guests' disk requests in between",
  parameters: hintedParameters,
  create: (options) => new HintedScanner(options),
};
