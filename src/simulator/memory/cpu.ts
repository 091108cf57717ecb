/**
 * The host's processors as amounts of time: guests want some of each step, scanners take theirs, and what is wanted
 * beyond what there is is work the guests lose.
 */

export class Cpu {
  readonly cores: number;
  /**
   * What guests wanted, their faults included; what scanners took; what guests did not get: core-seconds since the
   * start.
   */
  guestSeconds = 0;
  scannerSeconds = 0;
  lostSeconds = 0;
  #idleSeconds = 0;
  #scannerSecondsBefore = 0;

  constructor(cores: number) {
    this.cores = cores;
  }

  /** Time no guest wanted in the last step, and no scanner has taken since. */
  get idleSeconds(): number {
    return this.#idleSeconds;
  }

  /** A scanner worked so long, whether there was idle time or not. */
  chargeScanner(seconds: number): void {
    this.scannerSeconds += seconds;
    this.#idleSeconds = Math.max(0, this.#idleSeconds - seconds);
  }

  /** A step of the guests is over, in which they wanted `wantedSeconds`. */
  endStep(stepSeconds: number, wantedSeconds: number): void {
    const all = this.cores * stepSeconds;
    const scanned = this.scannerSeconds - this.#scannerSecondsBefore;
    this.#scannerSecondsBefore = this.scannerSeconds;
    this.guestSeconds += wantedSeconds;
    // A scanner competes with the guests only for what is left over when both are served.
    this.lostSeconds += Math.max(0, wantedSeconds + scanned - Math.max(all, wantedSeconds));
    this.#idleSeconds = Math.max(0, all - wantedSeconds);
  }
}
