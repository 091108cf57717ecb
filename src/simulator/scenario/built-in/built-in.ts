/** A scenario that comes with pagefold: what it is, and how its result compares with what was published. */

import type { Headline, Setting, VariantResult } from "../../../report/simulate-result.ts";
import type { ScenarioInput } from "../schema.ts";

/** A parameter whose pull on the headlines `--sensitivity` measures. */
export interface Candidate {
  readonly key: string;
  /** What it is set to; half and double its value unless given. */
  readonly lower?: Setting;
  readonly higher?: Setting;
}

/** A variant's result by its name; undefined where it was not run. */
export type Find = (name: string) => VariantResult | undefined;

export interface BuiltIn {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** What it shows and where it is from, for people. */
  readonly explanation: string;
  readonly scenario: ScenarioInput & { readonly scanner: NonNullable<ScenarioInput["scanner"]> };
  /** What its variants say together, asked for all at once; headlines whose variants were not run are left out. */
  headlines(find: Find): readonly Headline[];
  readonly candidates: readonly Candidate[];
}

/** A headline with what was published, met within a range. */
export function headline(
  name: string,
  options: {
    readonly value: number | null | undefined;
    readonly unit: string;
    readonly published?: string;
    readonly range?: { readonly min: number; readonly max: number };
  },
): Headline[] {
  const { value, unit, published, range } = options;
  if (value === null || value === undefined || Number.isNaN(value)) return [];
  const isMet = range === undefined ? null : value >= range.min && value <= range.max;
  return [{ name, value, unit, published: published ?? null, is_met: isMet }];
}

/** One number over another, null where either is missing or nothing. */
export function ratio(
  above: number | null | undefined,
  below: number | null | undefined,
): number | null {
  if (above === null || above === undefined || !below) return null;
  return above / below;
}

/** What faults, copies and swapping cost all guests; undefined where the variant was not run. */
export function accessSeconds(variant: VariantResult | undefined): number | undefined {
  return variant?.guests.reduce((sum, { access_seconds }) => sum + access_seconds, 0);
}
