/**
 * The workload "boot-storm": a guest boots from its image's disk over some seconds, starts its services and then idles.
 * With guests of one image that start within seconds of each other, all read the same at nearly the same time.
 */

import { z } from "zod";
import type { SeededRandom } from "../../base/random.ts";
import type { Boot } from "../guest/boot.ts";
import { AnonymousContents, AnonymousMemory } from "./anonymous.ts";
import { Carry } from "./carry.ts";
import {
  bootKeys,
  bootPlanOf,
  contentKeys,
  contentSharesOf,
  rate,
  seconds,
  share,
} from "./parameters.ts";
import type { Workload, WorkloadKind, WorkloadSurroundings } from "./workload.ts";

const parameters = z.strictObject({
  ...bootKeys({ kernelShare: 0.09, pageTableShare: 0.005, programShare: 0.15, remainsShare: 0 }),
  // Memory that services have just got is zeros more often than later.
  ...contentKeys({ zeroShare: 0.08, selfDuplicateShare: 0.03 }),
  services_share: share(0.25, "memory of services at the end of the boot, as a share of memory"),
  boot_seconds: seconds(20, "time a boot takes"),
  boot_cores: rate(1, "processor time it wants meanwhile, in cores"),
  rewrites_per_second: rate(0.001, "how often each page of services is written after, a second"),
  idle_cores: rate(0.02, "processor time it wants after, in cores"),
});

type Parameters = z.infer<typeof parameters>;

class BootStorm implements Workload {
  readonly #random: SeededRandom;
  readonly #parameters: Parameters;
  readonly #boot: Boot;
  readonly #services: AnonymousMemory;
  readonly #servicesPages: number;
  readonly #rewrites = new Carry();

  constructor(options: WorkloadSurroundings<Parameters>) {
    const { guest, random } = options;
    const own = options.parameters;
    this.#random = random;
    this.#parameters = own;
    this.#boot = guest.startBoot(bootPlanOf(own));
    this.#servicesPages = Math.round(own.services_share * guest.pages);
    this.#services = new AnonymousMemory(guest, {
      contents: new AnonymousContents(guest, { shares: contentSharesOf(own), random }),
      most: this.#servicesPages,
    });
  }

  step(nowSeconds: number, stepSeconds: number): number {
    const own = this.#parameters;
    const done = (nowSeconds + stepSeconds) / own.boot_seconds;
    this.#boot.advanceTo(Math.floor(done * this.#boot.pages));
    this.#services.growTo(Math.floor(done * this.#servicesPages));
    if (nowSeconds < own.boot_seconds) return own.boot_cores * stepSeconds;
    const rewrites = own.rewrites_per_second * this.#services.size * stepSeconds;
    for (let left = this.#rewrites.take(rewrites); left > 0; left--) {
      this.#services.rewrite(this.#random.below(this.#services.size));
    }
    return own.idle_cores * stepSeconds;
  }
}

export const bootStorm: WorkloadKind<Parameters> = {
  kind: "boot-storm",
  summary: "boots from its image's disk, starts services, then idles",
  parameters,
  create: (options) => new BootStorm(options),
};
