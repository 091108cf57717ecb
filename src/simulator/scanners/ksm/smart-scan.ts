/**
 * Smart scan: pages the scanner looked at often without merging them are left out of more and more passes, up to eight
 * of nine (the kernel's schedule).
 */

const YOUNG_AGE = 3;
const OLDEST_AGE = 255;

/** How many passes a page of that age is left out before it is looked at again. */
function skipsAt(age: number): number {
  if (age <= 3) return 1;
  if (age <= 5) return 2;
  if (age <= 8) return 4;
  return 8;
}

export class SmartScan {
  isOn: boolean;
  /** By page: passes since its item was made in which it was not merged; and how often it is still to be left out. */
  readonly #ages: Uint8Array;
  readonly #skips: Uint8Array;

  constructor(pages: number, isOn: boolean) {
    this.isOn = isOn;
    this.#ages = new Uint8Array(pages);
    this.#skips = new Uint8Array(pages);
  }

  /** A page with a new item is young. */
  reset(page: number): void {
    this.#ages[page] = 0;
    this.#skips[page] = 0;
  }

  /** Asked once for each pass that comes to the page while it is not merged: whether to leave it out. */
  shouldSkip(page: number): boolean {
    if (!this.isOn) return false;
    const age = this.#ages[page]!;
    if (age !== OLDEST_AGE) this.#ages[page] = age + 1;
    if (age < YOUNG_AGE) return false;
    const skips = this.#skips[page]!;
    this.#skips[page] = skips === 0 ? skipsAt(age) : skips - 1;
    return skips !== 0;
  }
}
