/** Paths to the keys of a scenario, as they are written (`guests.0.memory`, `guests[0].memory`) and shown. */

import { PagefoldError } from "../../base/errors.ts";

export type Path = readonly (string | number)[];

/** A path as it is shown: `guests[0].workload.jobs`. */
export function pathText(path: Path): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index > 0 ? "." : ""}${key}`))
    .join("");
}

/** The keys of a written path; digits between dots or in brackets are indexes. */
export function parsePath(text: string): Path {
  const parts = text.replaceAll(/\[(\d+)\]/g, ".$1").split(".");
  if (parts.some((part) => part === "")) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `"${text}" is no path to a key: give names and indexes with dots between, such as guests.0.memory`,
    );
  }
  return parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** A path as it is written, the same for all ways to write it: `guests.0.workload.jobs`. */
export function keyOf(path: Path): string {
  return path.join(".");
}

function isWithin(path: Path, start: Path): boolean {
  return start.every((key, index) => path[index] === key);
}

/** Whether one written path is the other or leads through it. */
export function meet(one: string, other: string): boolean {
  const [first, second] = [parsePath(one), parsePath(other)];
  return isWithin(first, second) || isWithin(second, first);
}

/** What a value has at `path`; undefined where there is nothing. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (within, key) =>
      typeof within === "object" && within !== null && Object.hasOwn(within, key)
        ? (within as Readonly<Record<string | number, unknown>>)[key]
        : undefined,
    value,
  );
}
