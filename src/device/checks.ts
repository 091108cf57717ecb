/** The checks the device room makes of outside input, each once, where it comes in. */

import { PagefoldError } from "../base/errors.ts";

export function invalid(message: string): PagefoldError {
  return new PagefoldError("INVALID_ARGUMENT", message);
}

/** For a message: a value as the caller would recognise it. */
export function shown(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : String(value);
}

/** @throws PagefoldError for a key that is none of `known`. */
export function checkKeys(options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw invalid(
        `unknown option "${key}"; the known ones are ${known.filter((name) => name !== "hashMask").join(", ")}`,
      );
    }
  }
}

export function checkObject(options: unknown, what: string): asserts options is object {
  if (typeof options !== "object" || options === null) {
    throw invalid(`${what} takes an object of options, not ${shown(options)}`);
  }
}

/** A whole number of bytes from `least` to `most`. */
export function checkBytes(
  value: unknown,
  what: string,
  range: { least: number; most: number },
): number {
  if (
    typeof value !== "number" ||
    !Number.isInteger(value) ||
    value < range.least ||
    value > range.most
  ) {
    throw invalid(
      `${what} is ${shown(value)}; it must be a whole number from ${range.least} to ${range.most}`,
    );
  }
  return value;
}

export function checkFlag(value: unknown, what: string): boolean {
  if (typeof value !== "boolean")
    throw invalid(`${what} is ${shown(value)}; it must be true or false`);
  return value;
}

/** An idle age in seconds, or undefined for every slot. */
export function checkAge(ageSeconds: number | undefined): number | undefined {
  if (ageSeconds === undefined || (typeof ageSeconds === "number" && ageSeconds >= 0))
    return ageSeconds;
  throw invalid(
    `an idle age of ${shown(ageSeconds)} seconds; it must be a number from 0 on, or left out for all slots`,
  );
}

/** @throws PagefoldError OUT_OF_RANGE unless `index` is a slot of a device of `slots` pages. */
export function checkSlot(index: number, slots: number): void {
  if (Number.isInteger(index) && index >= 0 && index < slots) return;
  throw new PagefoldError(
    "OUT_OF_RANGE",
    `page index ${shown(index)} is not a whole number from 0 to ${slots - 1}, the last page of this device`,
  );
}
