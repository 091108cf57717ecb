/** The checks of outside input that every room needs; each is made once, where the input comes in. */

import type { Clock } from "./clock.ts";
import { MOST_NAME_BYTES, PagefoldError } from "./errors.ts";
import type { RandomSource } from "./random.ts";

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

export function checkName(value: unknown, what: string): string {
  if (typeof value !== "string") throw invalid(`${what} is ${shown(value)}; it must be a string`);
  const bytes = Buffer.byteLength(value);
  if (bytes > MOST_NAME_BYTES) {
    throw new PagefoldError(
      "NAME_TOO_LONG",
      `${what} has ${bytes} bytes; at most ${MOST_NAME_BYTES} are allowed, choose a shorter one`,
    );
  }
  return value;
}

export function checkClock(clock: Clock): Clock {
  if (typeof clock === "object" && clock !== null && typeof clock.seconds === "function")
    return clock;
  throw invalid(`clock is ${shown(clock)}; it must be an object with a method seconds()`);
}

export function checkRandom(random: RandomSource): RandomSource {
  if (typeof random === "function") return random;
  throw invalid(
    `random is ${shown(random)}; it must be a function that fills the bytes it is given`,
  );
}
