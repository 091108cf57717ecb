/** Sizes: the page, and bytes as people read them. */

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
