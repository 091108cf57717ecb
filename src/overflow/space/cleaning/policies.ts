/** Cleaning policies by the names users give them. */

import { PagefoldError } from "../../../base/errors.ts";
import type { CleaningPolicy } from "./cleaning-policy.ts";
import { costBenefit } from "./cost-benefit.ts";
import { dChoices } from "./d-choices.ts";
import { fifo } from "./fifo.ts";
import { greedy } from "./greedy.ts";

/** Names to offer; any d from 1 to 64 can stand in the last one. */
export const CLEANING_POLICY_NAMES = ["fifo", "greedy", "cost-benefit", "d-choices:10"] as const;

const MOST_CHOICES = 64;

/**
 * The policy of that name: fifo, greedy, cost-benefit, d-choices (10 of them), d-choices:D, random (one of them).
 * @throws PagefoldError INVALID_ARGUMENT for any other.
 */
export function cleaningPolicy(name: string): CleaningPolicy {
  for (const policy of [fifo, greedy, costBenefit]) if (policy.name === name) return policy;
  if (name === "random") return dChoices(1);
  if (name === "d-choices") return dChoices(10);
  const d = /^d-choices:(\d{1,3})$/.exec(name)?.[1];
  if (d !== undefined && Number(d) >= 1 && Number(d) <= MOST_CHOICES) return dChoices(Number(d));
  throw new PagefoldError(
    "INVALID_ARGUMENT",
    `there is no cleaning policy "${name}"; give fifo, greedy, cost-benefit, random or d-choices:D with D from 1 to ${MOST_CHOICES}`,
  );
}
