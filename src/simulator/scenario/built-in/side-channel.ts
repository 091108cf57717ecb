/** What a hostile guest learns of another by timing its own writes, and what takes that from it. */

import type { Headline, VariantResult } from "../../../report/simulate-result.ts";
import { accessSeconds, type BuiltIn, headline, ratio } from "./built-in.ts";

/** Of an advantage's standard error: what lies within is noise. */
const SIGMAS = 4;

/** What the attacker among the guests found. */
function attackOn(variant: VariantResult | undefined) {
  const counters = variant?.guests.find(({ counters: own }) => "advantage" in own)?.counters;
  return { advantage: counters?.advantage, error: counters?.advantage_error ?? 0 };
}

function advantage(
  variant: VariantResult | undefined,
  options: { readonly name: string; readonly isClosed: boolean },
): Headline[] {
  const { advantage: value, error } = attackOn(variant);
  const noise = SIGMAS * error;
  return headline(`advantage, ${options.name}`, {
    value,
    unit: "",
    ...(options.isClosed
      ? { published: "0 within noise", range: { min: -noise, max: noise } }
      : {
          published: "writes tell what others hold (Suzaki and others 2011)",
          range: { min: noise, max: 1 },
        }),
  });
}

export const sideChannel: BuiltIn = {
  name: "side-channel",
  summary: "a hostile guest times its writes: sharing with all, domains, fixed-time writes",
  explanation:
    "A write to a page that was merged has to copy it, which takes longer; so a guest that writes what another may hold, waits for the scanner and writes again learns whether the other holds it. Its advantage is |P(slow | the other holds it) - P(slow | it does not)|, 1 for all and 0 for nothing. Sharing within domains alone, and writes that always take as long as a copy, both end it.",
  scenario: {
    title: "What a hostile guest learns by timing its writes",
    seconds: 60,
    sample_seconds: 1,
    host: { memory: "256M", cores: 2 },
    guests: [
      {
        name: "victim",
        memory: "64M",
        workload: { kind: "hostile", role: "victim" },
      },
      {
        name: "attacker",
        memory: "64M",
        workload: { kind: "hostile", role: "attacker" },
      },
    ],
    // A pass takes 3.3 s: candidates that wait for 30 s have seen several.
    scanner: { kind: "linear", pages_to_scan: 200, sleep_millisecs: 20 },
    variants: [
      { name: "shared by all", set: {} },
      { name: "domains", set: { "guests.1.domain": "others" } },
      { name: "fixed-time writes", set: { "host.fixed_time_writes": true } },
    ],
  },
  headlines(find) {
    const names = ["shared by all", "domains", "fixed-time writes"];
    const [shared, , fixed] = names.map((name) => accessSeconds(find(name)));
    return [
      ...names.flatMap((name, index) => advantage(find(name), { name, isClosed: index > 0 })),
      // What the defence costs: writes it draws out are in no slowdown.
      ...headline("the guests' accesses, fixed-time writes / shared by all", {
        value: ratio(fixed, shared),
        unit: "",
      }),
    ];
  },
  candidates: [
    { key: "guests.1.workload.noise_us", lower: 0.05, higher: 2 },
    { key: "guests.1.workload.wait_seconds", lower: 1, higher: 45 },
    { key: "scanner.pages_to_scan" },
  ],
};
