/**
 * More guests than memory, over one swap area for all of them (a proposal for Xen, Kabra and others) or one each, with
 * and without pages staying shared in it, and with what the swap device finds told to the scanner.
 */

import { type BuiltIn, headline, ratio } from "./built-in.ts";

const KEPT = "shared area";
const LOST = "shared area, sharing lost";
const APART = "area each";
const HINTED = "shared area, device-hinted";

export const sharedSwap: BuiltIn = {
  name: "shared-swap",
  summary: "more guests than memory: one swap area or one each, sharing kept in it or lost",
  explanation:
    "Four desktops of one image log in, and then four web servers make pages go to swap. One memory manager with one swap area below all guests was proposed for Xen in 2010, to save disk. In Linux a merged page that is swapped out comes back unmerged, to be found again; here the area keeps it in one slot and brings it back as one frame. device-hinted goes further: what the device, comparing bytes, finds equal is shared without a visit.",
  scenario: {
    title: "Swapping shared pages",
    seconds: 300,
    sample_seconds: 5,
    host: { memory: "768M", cores: 4 },
    swap: { area: "shared", size: "2G" },
    guests: [
      { name: "desktop", count: 4, memory: "256M", workload: { kind: "idle-desktop" } },
      {
        name: "web",
        count: 4,
        memory: "256M",
        start_seconds: 120,
        workload: { kind: "web-server" },
      },
    ],
    scanner: { kind: "hinted" },
    variants: [
      { name: APART, set: { "swap.area": "per-guest" } },
      { name: LOST, set: { "swap.keeps_sharing": false } },
      { name: KEPT, set: {} },
      { name: HINTED, set: { "scanner.kind": "device-hinted" } },
    ],
  },
  headlines(find) {
    const [apart, lost, kept, hinted] = [APART, LOST, KEPT, HINTED].map(find);
    return [
      ...headline("what swap takes at the most, area each / shared area", {
        value: ratio(apart?.swap?.mem_used_max, kept?.swap?.mem_used_max),
        unit: "",
        published: "above 1: sharing it saves disk (Kabra and others 2010, without a figure)",
        range: { min: 1, max: Number.POSITIVE_INFINITY },
      }),
      ...headline("pages read from swap, sharing lost / kept", {
        value: ratio(lost?.swap?.device_reads, kept?.swap?.device_reads),
        unit: "",
      }),
      ...headline("merged pages over time, sharing kept / lost", {
        value: ratio(kept?.merged.pages_saved_mean, lost?.merged.pages_saved_mean),
        unit: "",
      }),
      ...headline("merged pages over time, device-hinted / hinted", {
        value: ratio(hinted?.merged.pages_saved_mean, kept?.merged.pages_saved_mean),
        unit: "",
      }),
    ];
  },
  candidates: [
    { key: "host.memory", lower: "640M", higher: "1G" },
    { key: "scanner.pages_to_scan" },
    { key: "scanner.hint_share", lower: 0.25, higher: 0.75 },
    { key: "guests.0.workload.use_every_seconds" },
    { key: "guests.0.workload.use_share" },
    { key: "guests.1.workload.requests_per_second" },
    { key: "guests.1.workload.documents_share" },
    { key: "guests.1.workload.zipf_theta", lower: 0.6, higher: 1.2 },
    { key: "guests.1.workload.equal_documents", lower: false, higher: true },
  ],
};
