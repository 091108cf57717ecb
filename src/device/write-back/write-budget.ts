/**
 * How much may be written to the medium in a day: a token bucket that refills continuously and holds one day's bytes,
 * full at first. What is overdrawn is a debt that the refill pays before anything can be taken again.
 *
 * Holds always: what was taken and not refunded is at most one day's bytes and what the time since refilled.
 */

import type { Clock } from "../../base/clock.ts";

const DAY_SECONDS = 86_400;

export interface WriteBudgetOptions {
  /** Undefined: no limit. */
  readonly bytesPerDay: number | undefined;
  readonly clock: Clock;
}

export class WriteBudget {
  readonly #capacityBytes: number;
  readonly #clock: Clock;
  /** At the time of the last refill; below 0 it is a debt. */
  #levelBytes: number;
  #refilledSeconds: number;
  #everOverdrawnBytes = 0;

  constructor({ bytesPerDay, clock }: WriteBudgetOptions) {
    this.#capacityBytes = bytesPerDay ?? Number.POSITIVE_INFINITY;
    this.#levelBytes = this.#capacityBytes;
    this.#clock = clock;
    this.#refilledSeconds = clock.seconds();
  }

  /** What can be taken now, in whole bytes; infinite without a limit. */
  get availableBytes(): number {
    this.#refill();
    return Math.max(Math.floor(this.#levelBytes), 0);
  }

  /** What was overdrawn and is not yet paid back. */
  get overdrawnBytes(): number {
    this.#refill();
    return Math.max(Math.ceil(-this.#levelBytes), 0);
  }

  /** What was ever overdrawn and not refunded, paid back or not. */
  get everOverdrawnBytes(): number {
    return Math.ceil(this.#everOverdrawnBytes);
  }

  /** Takes `bytes` for writing in the background: whether there were so many. */
  take(bytes: number): boolean {
    this.#refill();
    if (this.#levelBytes < bytes) return false;
    this.#levelBytes -= bytes;
    return true;
  }

  /** Takes `bytes` though there are not so many: under pressure writing cannot wait. */
  overdraw(bytes: number): void {
    this.#refill();
    const debtBytes = Math.max(-this.#levelBytes, 0);
    this.#levelBytes -= bytes;
    this.#everOverdrawnBytes += Math.max(-this.#levelBytes, 0) - debtBytes;
  }

  /** Gives back what was taken or overdrawn and not written. */
  refund(bytes: number): void {
    this.#refill();
    this.#everOverdrawnBytes -= Math.min(Math.max(-this.#levelBytes, 0), bytes);
    this.#levelBytes = Math.min(this.#levelBytes + bytes, this.#capacityBytes);
  }

  #refill(): void {
    const now = this.#clock.seconds();
    const days = (now - this.#refilledSeconds) / DAY_SECONDS;
    this.#refilledSeconds = now;
    // Also the way out without a limit, where level and capacity are infinite.
    if (this.#levelBytes === this.#capacityBytes) return;
    this.#levelBytes = Math.min(this.#levelBytes + days * this.#capacityBytes, this.#capacityBytes);
  }
}
