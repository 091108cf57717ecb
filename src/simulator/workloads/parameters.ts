/** Parameters that several workloads have: what a guest boots with, what its anonymous memory holds. */

import { z } from "zod";
import type { BootPlan } from "../guest/boot.ts";
import type { ContentShares } from "./anonymous.ts";

/** A part of something, from 0 to 1. */
export function share(normal: number, description: string) {
  return z.number().min(0).max(1).default(normal).describe(description);
}

/** Seconds, at least a thousandth. */
export function seconds(normal: number, description: string) {
  return z.number().min(0.001).max(1e6).default(normal).describe(description);
}

/** So many a second, or none. */
export function rate(normal: number, description: string) {
  return z.number().min(0).max(1e6).default(normal).describe(description);
}

export function sigma(normal: number, description: string) {
  return z.number().min(0).max(4).default(normal).describe(description);
}

/** The keys of `bootPlanOf`. */
export function bootKeys(normal: BootPlan) {
  return {
    kernel_share: share(
      normal.kernelShare,
      "kernel text and static data, as a share of the guest's memory; equal in guests of an image",
    ),
    page_table_share: share(
      normal.pageTableShare,
      "page tables, as a share of memory; half of them equal in guests of an image",
    ),
    program_share: share(
      normal.programShare,
      "programs and libraries in use, as a share of memory; equal in guests of an image",
    ),
    remains_share: share(
      normal.remainsShare,
      "share of the free pages that hold what was in them before the start, each something else",
    ),
  };
}

interface BootParameters {
  readonly kernel_share: number;
  readonly page_table_share: number;
  readonly program_share: number;
  readonly remains_share: number;
}

export function bootPlanOf(parameters: BootParameters): BootPlan {
  return {
    kernelShare: parameters.kernel_share,
    pageTableShare: parameters.page_table_share,
    programShare: parameters.program_share,
    remainsShare: parameters.remains_share,
  };
}

/** The keys of `contentSharesOf`. */
export function contentKeys(normal: ContentShares) {
  return {
    zero_share: share(normal.zeroShare, "share of anonymous pages that are zeros"),
    self_duplicate_share: share(
      normal.selfDuplicateShare,
      "share of anonymous pages with contents that the guest, and no other, has several times",
    ),
  };
}

interface ContentParameters {
  readonly zero_share: number;
  readonly self_duplicate_share: number;
}

export function contentSharesOf(parameters: ContentParameters): ContentShares {
  return {
    zeroShare: parameters.zero_share,
    selfDuplicateShare: parameters.self_duplicate_share,
  };
}
