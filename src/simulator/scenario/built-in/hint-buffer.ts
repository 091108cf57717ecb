/**
 * How large a buffer of hints should be: KSM++ found small ones large enough and a large one harmful, since what is
 * looked at first is what has waited longest. The guests, the host and the scan rate are those of ksm-plus-plus.
 */

import { type BuiltIn, type Find, headline, ratio } from "./built-in.ts";
import { ksmPlusPlus } from "./ksm-plus-plus.ts";

const BUFFERS = [256, 512, 1024, 2048, 4096, 8192, 16384] as const;
/** Small ones, as far as the published plot goes. */
const SMALL = 4096;
const LARGE = 16384;
const ORDERS = ["first-in-first-out", "newest-first"] as const;

const nameOf = (order: (typeof ORDERS)[number], buffer: number) => `${order} ${buffer}`;

/** Pages saved in the mean over time. */
const saved = (find: Find, order: (typeof ORDERS)[number], buffer: number) =>
  find(nameOf(order, buffer))?.merged.pages_saved_mean;

export const hintBuffer: BuiltIn = {
  name: "hint-buffer",
  summary: "buffers of 256 to 16384 hints, oldest or newest first: merged pages",
  explanation:
    "Disk requests come in bursts, and more pages are touched than the scanner may look at. With a large buffer that is emptied from its old end the scanner spends its visits on pages that are gone by then: in KSM++'s plot the line of 16384 hints is the lowest. Emptied from its new end, as in XLH, size hardly matters.",
  scenario: {
    ...ksmPlusPlus.scenario,
    title: "Merging with hints: buffers of several sizes",
    // KSM++ could not look at all its hints within the rate limit: here 1250 a second of the 1700 there are.
    scanner: { ...ksmPlusPlus.scenario.scanner, hint_share: 0.25 },
    variants: ORDERS.flatMap((order) =>
      BUFFERS.map((buffer) => ({
        name: nameOf(order, buffer),
        set: {
          "scanner.hint_order": order,
          "scanner.hint_buffer": buffer,
        },
      })),
    ),
  },
  headlines(find) {
    const [fifo, lifo] = ORDERS;
    const small = BUFFERS.filter((buffer) => buffer <= SMALL).map((buffer) =>
      saved(find, fifo, buffer),
    );
    const worst = small.every((value) => value !== undefined) ? Math.min(...small) : undefined;
    return [
      ...headline(
        `merged pages over time, oldest first: ${LARGE} hints / worst of ${SMALL} or fewer`,
        {
          value: ratio(saved(find, fifo, LARGE), worst),
          unit: "",
          published: "below 1: the line of 16384 is the lowest (KSM++ 2012)",
          range: { min: 0, max: 1 },
        },
      ),
      ...headline(`merged pages over time, newest first: ${LARGE} hints / ${BUFFERS[0]}`, {
        value: ratio(saved(find, lifo, LARGE), saved(find, lifo, BUFFERS[0])),
        unit: "",
      }),
      ...headline("merged pages over time, newest first / oldest first, 1024 hints", {
        value: ratio(saved(find, lifo, 1024), saved(find, fifo, 1024)),
        unit: "",
      }),
    ];
  },
  candidates: [
    { key: "scanner.hint_share", lower: 0.25, higher: 0.75 },
    { key: "scanner.pages_to_scan" },
    { key: "guests.0.memory" },
    { key: "guests.0.workload.lifetime_seconds" },
    { key: "guests.0.workload.lifetime_sigma" },
    { key: "guests.0.workload.skew_seconds", lower: 0, higher: 30 },
    { key: "guests.0.workload.headers_per_unit" },
    { key: "guests.0.workload.sources_per_unit" },
    { key: "guests.0.workload.units_per_directory" },
    { key: "guests.0.workload.disk_share_per_second" },
  ],
};
