/**
 * A scenario as a file has it, checked: every key, every range, and what several keys must agree on. Holds always: what
 * can be refused is refused here, before anything runs, with the path to the key, the value and the limit.
 */

import { formatSize, PAGE_BYTES } from "../../base/units.ts";
import { scannerKinds } from "../scanners/registry.ts";
import { workloadKinds } from "../workloads/registry.ts";
import type { WorkloadKind } from "../workloads/workload.ts";
import type { CheckedGuest, CheckedScenario, Chosen } from "./checked.ts";
import type { Path } from "./paths.ts";
import { parsed, problemAt, shown, unknownName } from "./problems.ts";
import {
  type GuestValues,
  MOST_GUESTS,
  MOST_PAGES,
  type ScenarioValues,
  scenarioSchema,
} from "./schema.ts";

const MOST_STEPS = 1e7;
const MOST_SAMPLES = 1e5;

const size = (pages: number) => formatSize(pages * PAGE_BYTES);

/** A kind's name and parameters, looked up and parsed. */
function chosen<Kind extends WorkloadKind<unknown> | (typeof scannerKinds)[number]>(
  value: { readonly kind: string },
  kinds: readonly Kind[],
  options: { readonly path: Path; readonly source: string; readonly what: string },
): Chosen<Kind> {
  const { path, source, what } = options;
  const { kind: name, ...parameters } = value;
  const kind = kinds.find((candidate) => candidate.kind === name);
  if (kind === undefined) {
    const known = kinds.map((candidate) => candidate.kind);
    const reason = unknownName(name, known, `the list of ${what}s`);
    throw problemAt([...path, "kind"], source, `${shown(name)} ${reason}`);
  }
  const sought = { source, path, what: name, beside: ["kind"] };
  return { kind, parameters: parsed(kind.parameters, parameters, sought) };
}

function checkTimes(values: ScenarioValues, source: string): void {
  const { seconds, step_seconds, sample, sample_seconds } = values;
  const refuse = (key: string, message: string) => problemAt([key], source, message);
  if (step_seconds > seconds) {
    throw refuse("step_seconds", `cannot be ${step_seconds}: "seconds" is ${seconds}; give less`);
  }
  if (seconds / step_seconds > MOST_STEPS) {
    throw refuse(
      "step_seconds",
      `cannot be ${step_seconds}: ${seconds} seconds would take more than ${MOST_STEPS} steps; give ${seconds / MOST_STEPS} or more`,
    );
  }
  if (sample === "time" && seconds / sample_seconds > MOST_SAMPLES) {
    throw refuse(
      "sample_seconds",
      `cannot be ${sample_seconds}: ${seconds} seconds would make more than ${MOST_SAMPLES} rows; give ${seconds / MOST_SAMPLES} or more`,
    );
  }
}

/** The guests of all groups, one by one. */
function checkGuests(values: ScenarioValues, source: string): CheckedGuest[] {
  const domains = domainsOf(values);
  const guests: CheckedGuest[] = [];
  const groupOf = new Map<string, number>();
  let pages = 0;
  for (const [group, guest] of values.guests.entries()) {
    const path = ["guests", group];
    const workload = chosen(guest.workload, workloadKinds, {
      path: [...path, "workload"],
      source,
      what: "workload",
    });
    for (let order = 0; order < guest.count; order++) {
      const name = guest.count === 1 ? guest.name : `${guest.name}-${order + 1}`;
      const other = groupOf.get(name);
      if (other !== undefined) {
        throw problemAt(
          [...path, "name"],
          source,
          `cannot be ${shown(guest.name)}: guests[${other}] has a guest ${name} already; give another name`,
        );
      }
      groupOf.set(name, group);
      guests.push({
        name,
        pages: guest.memory,
        domain: domains.indexOf(guest.domain),
        image: guest.image,
        order,
        startSeconds: guest.start_seconds + order * guest.stagger_seconds,
        zeroOnFree: guest.zero_on_free,
        swapSlots: guest.swap,
        workload,
      });
    }
    pages += guest.count * guest.memory;
    checkTotals(path, source, { guests: guests.length, pages });
    checkStart(guest, values, { path, source });
  }
  return guests;
}

function checkTotals(path: Path, source: string, totals: { guests: number; pages: number }): void {
  const { guests, pages } = totals;
  if (guests > MOST_GUESTS) {
    const reason = `makes ${guests} guests, and at most ${MOST_GUESTS} are possible; give fewer`;
    throw problemAt([...path, "count"], source, reason);
  }
  if (pages > MOST_PAGES) {
    const reason = `makes ${size(pages)} of guests, and at most ${size(MOST_PAGES)} are possible; give less`;
    throw problemAt([...path, "memory"], source, reason);
  }
}

function checkStart(
  guest: GuestValues,
  values: ScenarioValues,
  options: { readonly path: Path; readonly source: string },
): void {
  const last = guest.start_seconds + (guest.count - 1) * guest.stagger_seconds;
  if (last < values.seconds) return;
  const key = guest.start_seconds < values.seconds ? "stagger_seconds" : "start_seconds";
  throw problemAt(
    [...options.path, key],
    options.source,
    `cannot be ${guest[key]}: a guest would start at ${last} seconds, and all ends at "seconds", ${values.seconds}; give less`,
  );
}

/** Of all areas together; half of what a page can name, since compressed memory has areas, too. */
const MOST_SLOTS = 2 ** 30;

/** No guest may need more than the host's memory and its swap area have together. */
function checkRoom(values: ScenarioValues, source: string): void {
  const { host, swap } = values;
  const guests = values.guests.reduce((sum, { count }) => sum + count, 0);
  const areaPages = {
    none: 0,
    shared: swap.size,
    "per-guest": Math.floor(swap.size / guests),
  }[swap.area];
  if (swap.area === "per-guest" && areaPages === 0) {
    const reason = `cannot be ${size(swap.size)}: it is less than a page for each of ${guests} guests; give more`;
    throw problemAt(["swap", "size"], source, reason);
  }
  for (const [group, { memory }] of values.guests.entries()) {
    if (memory <= host.memory + areaPages) continue;
    const area =
      swap.area === "none"
        ? "there is no swap (swap.area is none)"
        : `its swap area ${size(areaPages)} (swap.size, ${swap.area})`;
    throw problemAt(
      ["guests", group, "memory"],
      source,
      `cannot be ${size(memory)}: host.memory is ${size(host.memory)} and ${area}; give the guest less, or the host more`,
    );
  }
  // Every domain may take all of a shared area, and a slot of any is named by a number of 31 bits.
  const areas = swap.area === "shared" ? domainsOf(values).length : 1;
  if (swap.area !== "none" && areas * swap.size > MOST_SLOTS) {
    throw problemAt(
      ["swap", "size"],
      source,
      `cannot be ${size(swap.size)} with ${areas} domains: together at most ${size(MOST_SLOTS)}; give less, or fewer domains`,
    );
  }
  checkPart(values.compressed_memory, host.memory, { path: ["compressed_memory"], source });
  checkPart(values.tmem.memory, host.memory, { path: ["tmem", "memory"], source });
}

/** A part of the host's memory is less than all of it. */
function checkPart(
  part: number,
  memory: number,
  { path, source }: { readonly path: Path; readonly source: string },
): void {
  if (part < memory) return;
  throw problemAt(
    path,
    source,
    `cannot be ${size(part)}: it is a part of host.memory, ${size(memory)}; give less`,
  );
}

function domainsOf(values: ScenarioValues): string[] {
  return [...new Set(values.guests.map(({ domain }) => domain))];
}

/**
 * What to simulate; `source` is what messages call the scenario: a file, a built-in name. Its variants are not applied.
 * @throws PagefoldError INVALID_ARGUMENT
 */
export function checkScenario(value: unknown, source: string): CheckedScenario {
  const values = parsed(scenarioSchema, value, { source, path: [], what: "a scenario" });
  checkTimes(values, source);
  checkRoom(values, source);
  const guests = checkGuests(values, source);
  const { contents, swap, host, tmem } = values;
  if (contents.from === "corpus" && contents.corpus.length === 0) {
    const reason = 'is empty, and contents.from is "corpus"; name a file of pages, or more';
    throw problemAt(["contents", "corpus"], source, reason);
  }
  return {
    title: values.title,
    seconds: values.seconds,
    stepSeconds: values.step_seconds,
    sampleSeconds: values.sample === "pass" ? null : values.sample_seconds,
    host: {
      frames: host.memory,
      cores: host.cores,
      hasFixedTimeWrites: host.fixed_time_writes,
    },
    swap: {
      area: swap.area,
      slots: swap.area === "none" ? 0 : swap.size,
      codec: swap.codec,
      isInMemory: swap.in_memory,
      keepsSharing: swap.keeps_sharing,
    },
    tmem:
      tmem.memory === 0
        ? null
        : {
            memoryBytes: tmem.memory * PAGE_BYTES,
            codec: tmem.codec,
            hasPageCache: tmem.page_cache,
            hasSwap: tmem.swap,
          },
    contents:
      contents.from === "corpus"
        ? { from: "corpus", files: contents.corpus }
        : { from: "made", compressibility: contents.compressibility },
    domains: domainsOf(values),
    guests,
    scanner: chosen(values.scanner, scannerKinds, { path: ["scanner"], source, what: "scanner" }),
    compressedSlots: values.compressed_memory,
  };
}
