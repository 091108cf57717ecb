/** Sizes: the page, and bytes as people read and write them. */

import { PagefoldError } from "./errors.ts";

/** Bytes of a page; the unit of everything the device stores. */
export const PAGE_BYTES = 4096;

/** A size for a person: `1.5 GiB`, `12.0 MiB`, `832 B`. */
export function formatSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`;
}

/**
 * Bytes of a size as people write it: `4096`, `512K`, `512M`, `1G`, `1.5GiB`, all binary; whole bytes.
 * @throws PagefoldError INVALID_ARGUMENT, naming `what` it was for.
 */
export function parseSize(text: string, what: string): number {
  const [, digits, prefix] = /^(\d+(?:\.\d+)?) ?(?:([KMGT])(?:i?B)?|B)?$/i.exec(text.trim()) ?? [];
  const power = prefix === undefined ? 0 : "KMGT".indexOf(prefix.toUpperCase()) + 1;
  const bytes = digits === undefined ? Number.NaN : Number(digits) * 1024 ** power;
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new PagefoldError(
    "INVALID_ARGUMENT",
    `${what} cannot be "${text}": give bytes or a size such as 512M, 1G or 1.5GiB`,
  );
}
