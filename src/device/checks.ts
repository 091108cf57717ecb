/** The checks the device room makes of outside input, each once, where it comes in; the general ones are base's. */

import { invalid, shown } from "../base/checks.ts";
import { PagefoldError } from "../base/errors.ts";

export {
  checkBytes,
  checkFlag,
  checkKeys,
  checkObject,
  invalid,
  shown,
} from "../base/checks.ts";

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
