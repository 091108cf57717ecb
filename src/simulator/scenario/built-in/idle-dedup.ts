/**
 * Memory used as desktops of one image are added, without merging, with hashes taken in idle time (after a poster of
 * Shaikh, Yao and Campbell), and with the kernel's scanner for comparison.
 */

import type { VariantResult } from "../../../report/simulate-result.ts";
import { type BuiltIn, headline, ratio } from "./built-in.ts";

const SCANNERS = ["none", "idle-hash", "linear"] as const;
const MOST_GUESTS = 8;

const nameOf = (scanner: (typeof SCANNERS)[number], guests: number) =>
  `${scanner}, ${guests} ${guests === 1 ? "guest" : "guests"}`;

/** Frames that hold something but zeros; where pages of zeros are merged, they take none. */
function framesBesideZeros(variant: VariantResult | undefined): number | undefined {
  if (variant === undefined) return undefined;
  const { frames_used, zero_pages } = variant.host;
  return variant.scanner.kind === "none" ? frames_used - zero_pages : frames_used;
}

const percent = (value: number | null | undefined) =>
  value === null || value === undefined ? undefined : 100 * value;

/** What of `before` is no longer there. */
function savedShare(after: number | undefined, before: number | undefined): number | undefined {
  const left = ratio(after, before);
  return left === null ? undefined : 1 - left;
}

export const idleDedup: BuiltIn = {
  name: "idle-dedup",
  summary: "1 to 8 idle desktops: memory used, hashing in idle time against nothing and KSM",
  explanation:
    "A host that hashes its guests' pages when its processors are idle, and shares equal ones copy-on-write, saved typically 20 % of memory as guests of one kind were added (Shaikh, Yao, Campbell). Memory used by 1 to 8 desktops at the end, pages of zeros apart, and what scanning costs the guests' work; Linux's scanner at its own rate beside it.",
  scenario: {
    title: "Memory used as desktops of one image are added",
    seconds: 300,
    sample_seconds: 10,
    host: { memory: "3G", cores: 4 },
    guests: [{ name: "desktop", memory: "256M", workload: { kind: "idle-desktop" } }],
    scanner: { kind: "idle-hash" },
    variants: SCANNERS.flatMap((scanner) =>
      Array.from({ length: MOST_GUESTS }, (_, index) => ({
        name: nameOf(scanner, index + 1),
        set: { "scanner.kind": scanner, "guests.0.count": index + 1 },
      })),
    ),
  },
  headlines(find) {
    const [none, idle, linear] = SCANNERS.map((scanner) => find(nameOf(scanner, MOST_GUESTS)));
    return [
      ...headline(`memory saved, ${MOST_GUESTS} guests, zeros apart`, {
        value: percent(savedShare(framesBesideZeros(idle), framesBesideZeros(none))),
        unit: "%",
        published: "typically 20 % (Shaikh and others); 15 to 25 counts as that",
        range: { min: 15, max: 25 },
      }),
      ...headline(`memory saved, ${MOST_GUESTS} guests, zeros among it`, {
        value: percent(savedShare(idle?.host.frames_used, none?.host.frames_used)),
        unit: "%",
      }),
      ...headline("idle-hash: what it costs the guests' work", {
        value: percent(idle?.cpu.slowdown),
        unit: "%",
      }),
      ...headline("linear: what it costs the guests' work", {
        value: percent(linear?.cpu.slowdown),
        unit: "%",
      }),
    ];
  },
  candidates: [
    { key: "guests.0.memory" },
    { key: "guests.0.workload.kernel_share" },
    { key: "guests.0.workload.program_share" },
    { key: "guests.0.workload.files_share" },
    { key: "guests.0.workload.documents_share" },
    { key: "guests.0.workload.anonymous_share", lower: 0.2, higher: 0.6 },
    { key: "guests.0.workload.self_duplicate_share" },
    { key: "guests.0.workload.use_every_seconds" },
    { key: "guests.0.workload.use_share" },
    { key: "scanner.constant_seconds" },
    { key: "scanner.idle_share", lower: 0.25, higher: 1 },
    { key: "scanner.period_seconds" },
  ],
};
