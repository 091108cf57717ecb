/** What several commands read from their command line in the same way. Each refusal exits with 2. */

import { PagefoldError } from "../base/errors.ts";
import { parseSize } from "../base/units.ts";

/** A parser of sizes for an option named `name`. */
export function sizeOption(name: string): (text: string) => number {
  return (text) => parseSize(text, name);
}

/**
 * A parser of whole numbers within a range, for an option named `name`.
 * Its errors: PagefoldError INVALID_ARGUMENT.
 */
export function wholeNumberOption(
  name: string,
  range: { readonly min: number; readonly max: number; readonly what: string },
): (text: string) => number {
  const { min, max, what } = range;
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `${name} cannot be "${text}": give ${what}, a whole number from ${min} to ${max}`,
    );
  };
}
