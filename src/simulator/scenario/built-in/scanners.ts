/**
 * Every scanner on the same guests: what each finds, visits and takes, and what it leaves to swap. Guests are of one
 * image and want more than the host has; each scanner has the defaults of the system it is from.
 */

import { type BuiltIn, headline, ratio } from "./built-in.ts";

const KINDS = [
  "none",
  "linear",
  "random",
  "hinted",
  "idle-hash",
  "daemon",
  "at-allocation",
  "device-hinted",
] as const;

export const scanners: BuiltIn = {
  name: "scanners",
  summary:
    "all scanners on the same guests: what each finds, what it takes, what it leaves to swap",
  explanation:
    "Four guests of one image build a kernel on a host with three quarters of the memory they would fill. Linux's KSM, ESX's random pages, KSM++'s hints, hashing in idle time, a daemon that merges and then compresses in memory, one memory manager that looks pages up as they are filled, and hints from the swap device itself, side by side.",
  scenario: {
    title: "All scanners on the same guests",
    seconds: 240,
    sample_seconds: 5,
    host: { memory: "768M", cores: 8 },
    swap: { area: "shared", size: "2G" },
    scanner: { kind: "linear" },
    // For the daemon; it costs others nothing.
    compressed_memory: "512M",
    guests: [
      {
        name: "build",
        count: 4,
        memory: "256M",
        workload: { kind: "kernel-build", skew_seconds: 5 },
      },
    ],
    variants: KINDS.map((kind) => ({ name: kind, set: { "scanner.kind": kind } })),
  },
  headlines(find) {
    const none = find("none");
    const linear = find("linear");
    return KINDS.slice(1).flatMap((kind) => {
      const found = find(kind);
      return [
        ...(kind === "linear"
          ? []
          : headline(`merged pages over time, ${kind} / linear`, {
              value: ratio(found?.merged.pages_saved_mean, linear?.merged.pages_saved_mean),
              unit: "",
            })),
        ...headline(`pages swapped out, ${kind} / none`, {
          value: ratio(found?.swap?.pages_out, none?.swap?.pages_out),
          unit: "",
        }),
      ];
    });
  },
  candidates: [
    { key: "host.memory", lower: "640M", higher: "1G" },
    { key: "guests.0.memory", lower: "192M", higher: "384M" },
    { key: "guests.0.workload.lifetime_seconds" },
    { key: "guests.0.workload.skew_seconds" },
    { key: "guests.0.workload.header_share" },
  ],
};
