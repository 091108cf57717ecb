/** Time is passed in: the one place that asks the system for it. */

export interface Clock {
  /** Whole and fractional seconds since a start of the clock's own; never goes back. */
  seconds(): number;
}

/** The system's monotonic clock. */
export const systemClock: Clock = {
  seconds: () => performance.now() / 1000,
};

/** A clock that stands still until it is moved; for simulations and tests. */
export class ManualClock implements Clock {
  #secondsNow = 0;

  seconds(): number {
    return this.#secondsNow;
  }

  /** Moves the clock `seconds` (>= 0) ahead. */
  advance(seconds: number): void {
    this.#secondsNow += seconds;
  }
}
