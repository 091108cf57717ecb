/** What `wear` reads from its command line beside sizes and counts: workload, utilisation, record, policies. */

import { PagefoldError } from "../base/errors.ts";
import { parseSize } from "../base/units.ts";
import { LIFESPANS_WAY, OWN_WAY, planOf } from "../lab/wear/plans.ts";
import { parseLaw, type WorkloadLaw } from "../lab/wear/workloads.ts";

const invalid = (message: string) => new PagefoldError("INVALID_ARGUMENT", message);

export type WorkloadArgument = WorkloadLaw | { readonly law: "trace"; readonly file: string };

/** A law, or `trace:FILE`. */
export function parseWorkload(text: string): WorkloadArgument {
  const file = /^trace:(.+)$/s.exec(text)?.[1];
  return file === undefined ? parseLaw(text) : { law: "trace", file };
}

const UTILISATION = { min: 0.2, max: 0.95 } as const;

export function parseUtilisation(text: string): number {
  const [, digits, percent] = /^(\d*\.?\d+)(%?)$/.exec(text) ?? [];
  const value = Number(digits) / (percent === "%" ? 100 : 1);
  if (value >= UTILISATION.min && value <= UTILISATION.max) return value;
  throw invalid(
    `--utilisation cannot be "${text}": give the live share of the medium, from ${UTILISATION.min} to ${UTILISATION.max}`,
  );
}

const RECORD_BYTES = { min: 64, max: 4096 } as const;

/** A length in bytes, or the name of a file of pages. */
export function parseRecord(text: string): number | string {
  if (!/^\d/.test(text)) return text;
  let bytes: number;
  try {
    bytes = parseSize(text, "--record");
  } catch (cause) {
    // A name may begin with a digit, too, but then it is no number with a letter or two.
    if (/[./]/.test(text)) return text;
    throw cause;
  }
  if (bytes >= RECORD_BYTES.min && bytes <= RECORD_BYTES.max) return bytes;
  throw invalid(
    `--record cannot be "${text}": give the bytes of a compressed page, from ${RECORD_BYTES.min} to ${RECORD_BYTES.max}, or a file of pages`,
  );
}

const SEGMENT_BYTES = { min: 2 ** 16, max: 2 ** 26 } as const;

export function parseSegment(text: string): number {
  const bytes = parseSize(text, "--segment");
  const isPower = Number.isInteger(Math.log2(bytes));
  if (isPower && bytes >= SEGMENT_BYTES.min && bytes <= SEGMENT_BYTES.max) return bytes;
  throw invalid(`--segment cannot be "${text}": give a power of two from 64K to 64M`);
}

/** Ways to compare, separated by commas; each once. */
export function parsePolicies(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  return [...new Set(names.map(wayName))];
}

function wayName(name: string): string {
  try {
    return planOf(name, 1).name;
  } catch (cause) {
    if (!(cause instanceof PagefoldError)) throw cause;
    const offered = `fifo, greedy, cost-benefit, d-choices:D (D from 1 to 64), random, ${OWN_WAY} or ${LIFESPANS_WAY}`;
    throw invalid(`--policy cannot be "${name}": give ${offered}, several separated by commas`);
  }
}

export const DEFAULT_POLICIES = [
  "fifo",
  "greedy",
  "cost-benefit",
  "d-choices:10",
  OWN_WAY,
  LIFESPANS_WAY,
];

const DAYS = { min: 1, max: 36_500 } as const;

export function parseDays(text: string): number {
  const days = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (days >= DAYS.min && days <= DAYS.max) return days;
  throw invalid(
    `--days cannot be "${text}": give a number of days from ${DAYS.min} to ${DAYS.max}`,
  );
}

/** A size above nothing. */
export function positiveSize(name: string): (text: string) => number {
  return (text) => {
    const bytes = parseSize(text, name);
    if (bytes > 0) return bytes;
    throw invalid(`${name} cannot be "${text}": give a size of 1 byte or more, such as 8G`);
  };
}
