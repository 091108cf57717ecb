/** Rates in whole pieces: what a step leaves of a piece is carried over to the next. */

export class Carry {
  #left = 0;

  /** Whole pieces of what has come together, `amount` more than last time. */
  take(amount: number): number {
    this.#left += amount;
    const whole = Math.floor(this.#left);
    this.#left -= whole;
    return whole;
  }
}
