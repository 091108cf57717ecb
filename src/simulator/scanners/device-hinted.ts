/**
 * Ours: hinted, and what the swap device finds. A page that goes out and equals another there (the device has compared
 * the bytes) shares with it at once, without a visit: both come back as one frame, or it joins one that is in memory
 * still. Frames that came back shared, and those joined, are hinted, so that the scanner knows them again before its
 * pass comes round; the kernel's forgets what it had merged when that is swapped out. Pages that came back alone are
 * not: where memory is short they are many, and would take the place of what disk requests hint.
 *
 * While nothing is swapped it is hinted.
 */

import { COSTS } from "../memory/costs.ts";
import type { Host } from "../memory/host.ts";
import {
  type HintedOptions,
  type HintedParameters,
  HintedScanner,
  hintedParameters,
} from "./hinted.ts";
import type { ScannerKind } from "./scanner.ts";

class DeviceHintedScanner extends HintedScanner {
  readonly #host: Host;
  #deviceMerges = 0;

  constructor(options: HintedOptions) {
    super(options);
    this.#host = options.host;
  }

  onSwapIn(page: number): void {
    const { frameOf, mappingsOf } = this.#host;
    if (mappingsOf[frameOf[page]!]! > 1) this.hint(page);
  }

  onDeviceDuplicate(page: number, otherPage: number): void {
    const { swap, frameOf, cpu } = this.#host;
    const before = swap.tally.joined;
    this.#host.joinSwapped(page, otherPage);
    const joined = swap.tally.joined - before;
    this.#deviceMerges += joined;
    this.core.tally.merges += joined;
    cpu.chargeScanner(joined * COSTS.mergeSeconds);
    if (frameOf[page]! >= 0) this.hint(page);
  }

  override figures(): Readonly<Record<string, number>> {
    return { ...super.figures(), device_merges: this.#deviceMerges };
  }
}

export const deviceHinted: ScannerKind<HintedParameters> = {
  kind: "device-hinted",
  summary: "hinted, fed also by the duplicates the swap device finds",
  parameters: hintedParameters,
  create: (options) => new DeviceHintedScanner(options),
};
