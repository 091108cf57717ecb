/**
 * The kernel's scanner, ksmd: some pages, in order, then a sleep. What a page goes through is in ksm/ksm-core.ts, which
 * page comes next in ksm/pass-walk.ts; here are the batches, the knobs and the counters of /sys/kernel/mm/ksm.
 */

import { PagefoldError } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import type { Host } from "../memory/host.ts";
import { Advisor } from "./ksm/advisor.ts";
import { type KsmKnobs, ksmKnobs } from "./ksm/knobs.ts";
import { KsmCore } from "./ksm/ksm-core.ts";
import { END_OF_PASS, PassWalk } from "./ksm/pass-walk.ts";
import type { Scanner, ScannerKind, ScannerTally } from "./scanner.ts";

const RUN_STOP = 0;
const RUN_MERGE = 1;
const RUN_UNMERGE = 2;
/** Of a struct ksm_rmap_item where pointers have 64 bits. */
const ITEM_BYTES = 64;
/** The sooner of two wakes is not earlier: a batch of no pages without a sleep would end when it began. */
const LEAST_SECONDS = 1e-3;

export class LinearScanner implements Scanner {
  readonly core: KsmCore;
  /** Called at the end of each pass, when the counters are those of its end. */
  onPass: (() => void) | null = null;
  readonly #host: Host;
  readonly #walk: PassWalk;
  readonly #advisor = new Advisor();
  #knobs: KsmKnobs;
  #pagesToScan: number;
  #pagesScanned = 0;
  #wokenSeconds = 0;
  /** The core's processor time when the batch began, and the time its pass began. */
  #spentSeconds = 0;
  #passSeconds = 0;

  constructor(host: Host, knobs: KsmKnobs) {
    this.#host = host;
    this.#knobs = knobs;
    this.core = new KsmCore(host, knobs);
    this.#walk = new PassWalk(host, this.core);
    const isAdvised = knobs.advisor_mode === "scan-time";
    this.#pagesToScan = isAdvised ? knobs.advisor_min_pages_to_scan : knobs.pages_to_scan;
  }

  get tally(): ScannerTally {
    return this.core.tally;
  }

  wake(nowSeconds: number): number {
    if (this.#knobs.run !== RUN_MERGE) return Number.POSITIVE_INFINITY;
    this.#wokenSeconds = nowSeconds;
    this.#spentSeconds = this.core.seconds;
    this.core.stable.nowSeconds = nowSeconds;
    this.#walk.welcome();
    for (let left = this.#pagesToScan; left > 0; left--) {
      if (!this.scanOne()) break;
    }
    const batchSeconds = this.core.seconds - this.#spentSeconds;
    this.#host.cpu.chargeScanner(batchSeconds);
    return nowSeconds + Math.max(LEAST_SECONDS, batchSeconds + this.#knobs.sleep_millisecs / 1000);
  }

  /** One page of a batch; false at the end of a pass, which ends the batch. */
  protected scanOne(): boolean {
    if (this.#walk.isBetweenPasses) this.#passSeconds = this.#nowSeconds();
    const { passes } = this.#walk;
    const page = this.#walk.next();
    if (page !== END_OF_PASS) {
      this.scan(page);
      return true;
    }
    if (this.#walk.passes !== passes) this.#endPass();
    return false;
  }

  /** Looks at a page within a batch: whether that merged it. */
  protected scan(page: number): boolean {
    this.#pagesScanned += 1;
    return this.core.visit(page);
  }

  #nowSeconds(): number {
    return this.#wokenSeconds + this.core.seconds - this.#spentSeconds;
  }

  #endPass(): void {
    const knobs = this.#knobs;
    if (knobs.advisor_mode === "scan-time") {
      this.#pagesToScan = this.#advisor.pagesAfter(
        {
          seconds: Math.floor(this.#nowSeconds() - this.#passSeconds),
          cpuSeconds: this.core.seconds,
          pagesToScan: this.#pagesToScan,
        },
        {
          targetScanSeconds: knobs.advisor_target_scan_time,
          mostCpuPercent: knobs.advisor_max_cpu,
          mostPagesToScan: knobs.advisor_max_pages_to_scan,
        },
      );
    }
    this.onPass?.();
  }

  /**
   * Writes a knob, as the kernel would: what it refuses is refused. After `run` was set to 1, wake the scanner.
   * @throws PagefoldError INVALID_ARGUMENT for EINVAL, BUSY for EBUSY; NO_SPACE when memory is too small to unmerge in,
   *   after which `run` is 0.
   */
  setKnob(name: string, value: number | string): void {
    const knobs = parseKnob(this.#knobs, name, value);
    const before = this.#knobs;
    if (name === "pages_to_scan" && before.advisor_mode !== "none") {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        "pages_to_scan is the advisor's while advisor_mode is scan-time; set advisor_mode to none first",
      );
    }
    if (knobs.max_page_sharing !== before.max_page_sharing) this.#refuseWhileShared(name);
    if (knobs.merge_across_nodes !== before.merge_across_nodes) this.#refuseWhileShared(name);
    this.#knobs = knobs;
    this.core.stable.maxPageSharing = knobs.max_page_sharing;
    this.core.stable.pruneSeconds = knobs.stable_node_chains_prune_millisecs / 1000;
    this.core.smartScan.isOn = knobs.smart_scan === 1;
    this.core.usesZeroPages = knobs.use_zero_pages === 1;
    this.core.isStableFirst = knobs.merge_order === "stable-first";
    if (name === "pages_to_scan") this.#pagesToScan = knobs.pages_to_scan;
    if (knobs.advisor_mode !== before.advisor_mode) this.#changeAdvisor();
    if (knobs.run === RUN_UNMERGE && before.run !== RUN_UNMERGE) this.#unmerge();
  }

  #refuseWhileShared(name: string): void {
    if (this.core.stable.shared === 0 && this.core.stable.removeAll()) return;
    throw new PagefoldError(
      "BUSY",
      `${name} cannot change while ${this.core.stable.shared} frames are shared; set run to 2 first`,
    );
  }

  #changeAdvisor(): void {
    const isOn = this.#knobs.advisor_mode === "scan-time";
    if (isOn) this.#advisor.reset();
    this.#pagesToScan = isOn
      ? this.#knobs.advisor_min_pages_to_scan
      : ksmKnobs.parse({}).pages_to_scan;
  }

  #unmerge(): void {
    try {
      this.core.unmergeAll();
    } catch (error) {
      this.#knobs = { ...this.#knobs, run: RUN_STOP };
      throw error;
    }
    this.#walk.restart();
  }

  figures(): Readonly<Record<string, number>> {
    const { core } = this;
    const { stable } = core;
    const volatile = core.items - stable.shared - stable.sharing - core.unshared;
    let zeroPages = 0;
    for (let frame = 0; this.#host.isZeroFrame(frame); frame++) {
      zeroPages += this.#host.mappingsOf[frame]!;
    }
    return {
      pages_shared: stable.shared,
      pages_sharing: stable.sharing,
      pages_unshared: core.unshared,
      pages_volatile: Math.max(0, volatile),
      pages_scanned: this.#pagesScanned,
      pages_skipped: core.pagesSkipped,
      full_scans: this.#walk.passes,
      ksm_zero_pages: zeroPages,
      stable_node_chains: stable.chains,
      stable_node_dups: stable.dups,
      general_profit: (stable.sharing + zeroPages) * PAGE_BYTES - core.items * ITEM_BYTES,
      pages_to_scan: this.#pagesToScan,
      rmap_items: core.items,
      broken: core.broken,
      adopted: core.adopted,
    };
  }
}

/** `knobs` with one changed. */
function parseKnob(knobs: KsmKnobs, name: string, value: number | string): KsmKnobs {
  if (!(name in knobs)) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `there is no knob ${name}; there are ${Object.keys(knobs).join(", ")}`,
    );
  }
  const parsed = ksmKnobs.safeParse({ ...knobs, [name]: value });
  if (parsed.success) return parsed.data;
  throw new PagefoldError(
    "INVALID_ARGUMENT",
    `${name} cannot be ${value}: ${parsed.error.issues.map(({ message }) => message).join("; ")}`,
  );
}

export const linear: ScannerKind<KsmKnobs> = {
  kind: "linear",
  summary: "Linux's KSM: page after page, merged by content, with all its knobs and counters",
  parameters: ksmKnobs,
  create: ({ host, parameters }) => new LinearScanner(host, parameters),
};
