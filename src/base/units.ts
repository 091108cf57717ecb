/** Sizes: the page, the parsing of `512M`, `1G`, `1.5GiB` (all binary) and their printing. */

import { PagefoldError } from "./errors.ts";

/** Bytes of a page; the unit of everything the device stores. */
export const PAGE_BYTES = 4096;

const UNIT_BYTES: Readonly<Record<string, number>> = {
  "": 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/**
 * Bytes of a size as people write it: `4096`, `512M`, `1G`, `1.5GiB`, `2 TB`; K, M, G and T are all binary.
 * @throws PagefoldError INVALID_ARGUMENT for anything else, or a size that is no whole number of bytes.
 */
export function parseSize(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*$/i.exec(text);
  const unitBytes = UNIT_BYTES[match?.[2]?.toLowerCase() ?? ""];
  const bytes = match && unitBytes ? Number(match[1]) * unitBytes : Number.NaN;
  if (!Number.isSafeInteger(bytes)) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `"${text}" is not a size; write whole bytes or a number with K, M, G or T, such as 512M or 1.5GiB`,
    );
  }
  return bytes;
}

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
