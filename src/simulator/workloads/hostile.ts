/**
 * The workload "hostile": a guest that writes what it guesses others hold and times its own writes, since a write to a
 * page that was merged has to copy it. One guest is the victim (`role`), the others attack; the victim holds each
 * secret or not by a fair coin, and an experiment tells how well an attacker's times tell one from the other. Two
 * attackers of one domain hold the same candidates, and see each other.
 *
 * Holds always: an attacker sees nothing but what its own second write of a candidate cost, with noise; the coins are
 * asked only when the experiment is evaluated.
 */

import { z } from "zod";
import { PagefoldError } from "../../base/errors.ts";
import type { SeededRandom } from "../../base/random.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import type { Contents } from "../contents.ts";
import { logNormal } from "../draws.ts";
import { type Guest, NO_PAGE } from "../guest/guest.ts";
import { PAGE_CLASS } from "../page-classes.ts";
import type { RandomStreams } from "../random.ts";
import { TimingExperiment } from "./timing-experiment.ts";
import type { Workload, WorkloadKind } from "./workload.ts";

const IMAGE = "secret";
/** Of the noise's logarithm: it is small mostly, and now and then an interrupt. */
const NOISE_SIGMA = 1;

const schema = z.strictObject({
  role: z
    .enum(["attacker", "victim"])
    .default("attacker")
    .describe("the victim holds the secrets that attackers try to learn, and does nothing else"),
  secrets: z
    .int()
    .min(8)
    .max(2 ** 20)
    .default(4096)
    .describe(
      "contents the victim holds or not, tried once each, all together; the same for all hostile guests",
    ),
  wait_seconds: z
    .number()
    .positive()
    .default(30)
    .describe(
      "from writing candidates to timing them: longer than several passes of the scanner take",
    ),
  noise_us: z
    .number()
    .min(0)
    .default(0.1)
    .describe(
      "what measuring adds to a time: microseconds, the median of a log-normal distribution",
    ),
});

type HostileParameters = z.infer<typeof schema>;

/** The secrets of a simulation, and which of them the victim holds; equal for all who ask. */
function drawCoins(streams: RandomStreams, secrets: number): Uint8Array {
  const random = streams.stream(IMAGE);
  return Uint8Array.from({ length: secrets }, () => random.below(2));
}

class Victim implements Workload {
  readonly #guest: Guest;
  readonly #contents: Contents;
  readonly #first: number;
  readonly #isHeld: Uint8Array;
  #written = 0;

  constructor(
    guest: Guest,
    options: { readonly contents: Contents; readonly first: number; readonly isHeld: Uint8Array },
  ) {
    this.#guest = guest;
    this.#contents = options.contents;
    this.#first = options.first;
    this.#isHeld = options.isHeld;
  }

  step(): number {
    for (; this.#written < this.#isHeld.length; this.#written++) {
      const page = takePage(this.#guest);
      const secret = this.#first + this.#written;
      // Something else in place of a secret, so that what it does not hold shows in no other way.
      const content = this.#isHeld[this.#written] === 1 ? secret : this.#contents.fresh();
      this.#guest.write(page, content);
    }
    return 0;
  }
}

class Attacker implements Workload {
  readonly #guest: Guest;
  readonly #random: SeededRandom;
  readonly #first: number;
  readonly #experiment: TimingExperiment;
  readonly #parameters: HostileParameters;
  /** Page i has candidate i. */
  readonly #pages: number[] = [];
  #probeAtSeconds = Number.POSITIVE_INFINITY;

  constructor(
    guest: Guest,
    options: {
      readonly random: SeededRandom;
      readonly first: number;
      readonly experiment: TimingExperiment;
      readonly parameters: HostileParameters;
    },
  ) {
    this.#guest = guest;
    this.#random = options.random;
    this.#first = options.first;
    this.#experiment = options.experiment;
    this.#parameters = options.parameters;
  }

  step(nowSeconds: number): number {
    if (this.#pages.length === 0) {
      this.#writeCandidates();
      this.#probeAtSeconds = nowSeconds + this.#parameters.wait_seconds;
    } else if (nowSeconds >= this.#probeAtSeconds) {
      this.#probe();
      this.#probeAtSeconds = Number.POSITIVE_INFINITY;
    }
    return 0;
  }

  #writeCandidates(): void {
    while (this.#pages.length < this.#parameters.secrets) {
      const page = takePage(this.#guest);
      this.#guest.write(page, this.#first + this.#pages.length);
      this.#pages.push(page);
    }
  }

  /** Writes every candidate again and takes the time. */
  #probe(): void {
    this.#pages.forEach((page, trial) => {
      this.#guest.write(page, this.#first + trial);
      const noiseUs = logNormal(this.#random, this.#parameters.noise_us, NOISE_SIGMA);
      this.#experiment.measured(trial, this.#guest.host.lastSeconds * 1e6 + noiseUs);
    });
  }

  figures(): Readonly<Record<string, number>> {
    const { trials, thresholdUs, slowIfHeld, slowIfNot, advantage, advantageError, bitsPerTrial } =
      this.#experiment.outcome();
    return {
      trials,
      threshold_us: thresholdUs,
      slow_if_held: slowIfHeld,
      slow_if_not_held: slowIfNot,
      advantage,
      advantage_error: advantageError,
      bits_per_trial: bitsPerTrial,
    };
  }
}

/** @throws PagefoldError NO_SPACE where the guest has none. */
function takePage(guest: Guest): number {
  const page = guest.allocate(PAGE_CLASS.anonymous);
  if (page !== NO_PAGE) return page;
  throw new PagefoldError(
    "NO_SPACE",
    `guest "${guest.name}" is full with ${guest.pages} pages; give it more memory`,
  );
}

export const hostile: WorkloadKind<HostileParameters> = {
  kind: "hostile",
  summary: "writes what others may hold, and times its own writes to learn whether they do",
  parameters: schema,
  create({ guest, contents, streams, random, parameters }) {
    const { role, secrets } = parameters;
    const known = contents.imagePages(IMAGE) ?? secrets;
    if (known !== secrets) {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        `guest "${guest.name}" has "secrets" ${secrets} and another hostile guest ${known}; give all of them the same`,
      );
    }
    if (secrets > guest.pages) {
      throw new PagefoldError(
        "OUT_OF_RANGE",
        `guest "${guest.name}" needs a page for each of ${secrets} "secrets" and has ${guest.pages}; give it at least ${(secrets * PAGE_BYTES) / 1024}K of memory, or all hostile guests fewer "secrets"`,
      );
    }
    const first = contents.image(IMAGE, secrets);
    const isHeld = drawCoins(streams, secrets);
    if (role === "victim") return new Victim(guest, { contents, first, isHeld });
    const experiment = new TimingExperiment(isHeld);
    return new Attacker(guest, { random, first, experiment, parameters });
  },
};
