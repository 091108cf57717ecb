/**
 * The scan-time advisor: after each pass it sets how many pages a batch has, so that a pass takes about the time asked
 * for. The kernel's arithmetic in whole numbers, every division rounded down.
 */

const LEAST_CPU_PERCENT = 10;
/** Weight of the newest change, in percent. */
const NEWEST_PERCENT = 30;

/** What the advisor is asked to keep to. */
interface AdvisorLimits {
  readonly targetScanSeconds: number;
  readonly mostCpuPercent: number;
  readonly mostPagesToScan: number;
}

/** A pass that has just ended. */
interface ScannedPass {
  /** How long it took, rounded down to seconds. */
  readonly seconds: number;
  /** All the scanner's processor time since its start. */
  readonly cpuSeconds: number;
  readonly pagesToScan: number;
}

const quotient = (dividend: number, divisor: number) => Math.floor(dividend / divisor);

export class Advisor {
  #scanSeconds = 0;
  #changePercent = 0;
  #cpuSeconds = 0;

  /** Forgets all passes. */
  reset(): void {
    this.#scanSeconds = 0;
    this.#changePercent = 0;
    this.#cpuSeconds = 0;
  }

  /** How many pages a batch should have from now on. */
  pagesAfter(pass: ScannedPass, limits: AdvisorLimits): number {
    const scanSeconds = Math.max(1, pass.seconds);
    const cpuMilliseconds = Math.floor((pass.cpuSeconds - this.#cpuSeconds) * 1000);
    const cpuPercent = Math.max(1, quotient(cpuMilliseconds * 100, scanSeconds * 1000));
    const lastSeconds = this.#scanSeconds === 0 ? scanSeconds : this.#scanSeconds;
    const factor = Math.max(1, quotient(limits.targetScanSeconds * 100, scanSeconds));
    const newest = Math.max(1, quotient(scanSeconds * 100, lastSeconds));
    const older = this.#changePercent * (100 - NEWEST_PERCENT);
    const changePercent = quotient(older + newest * NEWEST_PERCENT, 100);

    const wanted = quotient(quotient(pass.pagesToScan * 100, factor) * changePercent, 100);
    const pagesPerPercent = Math.max(1, quotient(pass.pagesToScan, cpuPercent));
    const affordable = Math.min(wanted, pagesPerPercent * limits.mostCpuPercent);
    const pages = Math.max(affordable, pagesPerPercent * LEAST_CPU_PERCENT);

    this.#scanSeconds = scanSeconds;
    this.#changePercent = changePercent;
    this.#cpuSeconds = pass.cpuSeconds;
    return Math.min(pages, limits.mostPagesToScan);
  }
}
