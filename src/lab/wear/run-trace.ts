/**
 * A recorded trace through a memory with half the room it needs, over and over, onto a log that is cleaned, and through
 * the same memory onto zram's blocks.
 *
 * Holds always: the log is as large as the utilisation asked for at the moment it holds most, so most of the time less
 * of it lives, which the measured utilisation says.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { PagefoldError } from "../../base/errors.ts";
import { SeededRandom } from "../../base/random.ts";
import { cleaningPolicy } from "../../overflow/space/cleaning/policies.ts";
import { DEFAULT_LEVELLING } from "../../overflow/space/levelling.ts";
import { eraseFigures, wearFigures } from "../../overflow/space/wear-figures.ts";
import { ByteLog } from "./byte-log.ts";
import type { Plan } from "./plans.ts";
import { recordBytesOf } from "./record-lengths.ts";
import { ZramBlocks } from "./rival.ts";
import { CountedMedium, type LogOutcome, spareSegmentsFor, type ZramOutcome } from "./run.ts";
import { MemoryTier, type TierSink } from "./tier.ts";
import type { TraceEvents } from "./trace-events.ts";

const LEAST_SEGMENT_BYTES = 2 ** 16;
/** Where the trace allows it, a log of so many segments at least. */
const WANTED_SEGMENTS = 64;
/** Segments free in the mean: they do not count as room. */
const FREE_SEGMENTS = 3;
/** Rounds before amplification is measured. */
const WARM_ROUNDS = 5;

/** What a trace asks of memory and log. */
export interface TraceNeeds {
  /** Most bytes in memory at a time, if nothing leaves it, and the half of it that there is. */
  readonly memoryBytes: number;
  readonly limitBytes: number;
  /** Objects written to the log in one round, their bytes in their codec, and with heads and units. */
  readonly outs: number;
  readonly storedBytes: number;
  readonly recordBytes: number;
  /** Most of those that live on the log at a time. */
  readonly liveBytes: number;
}

const ignored: TierSink = { out() {}, gone() {} };

/** Runs the trace once to see. @throws PagefoldError INVALID_ARGUMENT where nothing ever leaves memory. */
export function traceNeeds(events: TraceEvents): TraceNeeds {
  const all = new MemoryTier({
    events,
    limitBytes: Number.POSITIVE_INFINITY,
    way: "pagefold",
    sink: ignored,
  });
  all.run();
  const limitBytes = Math.floor(all.mostUsedBytes / 2);
  let [live, liveBytes, recordBytes] = [0, 0, 0];
  const sink: TierSink = {
    out(item) {
      const bytes = recordBytesOf(events.logBytes[item]!);
      recordBytes += bytes;
      live += bytes;
      liveBytes = Math.max(liveBytes, live);
    },
    gone(item) {
      live -= recordBytesOf(events.logBytes[item]!);
    },
  };
  const tier = new MemoryTier({ events, limitBytes, way: "pagefold", sink });
  tier.run();
  if (tier.outs === 0) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      "the trace of --workload writes no page that has to leave memory: it needs 0 bytes; record a longer one",
    );
  }
  return {
    memoryBytes: all.mostUsedBytes,
    limitBytes,
    outs: tier.outs,
    storedBytes: tier.outBytes,
    recordBytes,
    liveBytes,
  };
}

export interface TraceGeometry {
  readonly segments: number;
  readonly segmentBytes: number;
}

/**
 * A log for a trace: as full as asked for when it holds most, of segments up to the size wanted; less full where it
 * would have no room for its open segments.
 */
export function traceGeometry(
  needs: TraceNeeds,
  options: {
    readonly utilisation: number;
    readonly segmentBytes: number;
    readonly streams: number;
  },
): TraceGeometry {
  const { utilisation, streams } = options;
  const room = needs.liveBytes / utilisation;
  let { segmentBytes } = options;
  while (segmentBytes > LEAST_SEGMENT_BYTES && room / segmentBytes < WANTED_SEGMENTS)
    segmentBytes /= 2;
  const live = Math.ceil(needs.liveBytes / segmentBytes);
  const wanted = Math.ceil(room / segmentBytes) + FREE_SEGMENTS;
  return { segments: Math.max(wanted, live + spareSegmentsFor(streams)), segmentBytes };
}

export interface TraceRunOptions {
  readonly events: TraceEvents;
  readonly needs: TraceNeeds;
  readonly geometry: TraceGeometry;
  /** How often the trace is run; at least twice WARM_ROUNDS are. */
  readonly rounds: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

async function giveWay({ signal, onProgress, rounds }: TraceRunOptions, round: number) {
  onProgress?.(round / rounds);
  await nextTurn();
  signal?.throwIfAborted();
}

export async function runTraceLog(
  options: TraceRunOptions & {
    readonly plan: Plan;
    readonly levelling: boolean;
    readonly endurance?: number;
  },
): Promise<LogOutcome> {
  const { events, needs, geometry, plan, seed, endurance } = options;
  const live = Math.ceil(needs.liveBytes / geometry.segmentBytes);
  const leastSegments = live + spareSegmentsFor(plan.streams);
  const medium = new CountedMedium(geometry, { seed: seed + 2, endurance, leastSegments });
  const lengths = Uint16Array.from(events.logBytes, recordBytesOf);
  const log = new ByteLog({
    ...plan,
    ...geometry,
    items: lengths.length,
    leastBytes: lengths.reduce((least, length) => Math.min(least, length)),
    policy: cleaningPolicy(plan.policy),
    random: new SeededRandom(seed),
    levelling: options.levelling ? DEFAULT_LEVELLING : null,
    erase: medium.erase,
  });
  medium.serve(log.space);
  const sink: TierSink = {
    out: (item) => log.write(item, lengths[item]!),
    gone: (item) => log.remove(item),
  };
  const tier = new MemoryTier({ events, limitBytes: needs.limitBytes, way: "pagefold", sink });
  const rounds = Math.max(options.rounds, 2 * WARM_ROUNDS);
  let writesToFirstFailure: number | null = null;
  for (let round = 0; round < rounds && !medium.isWornOut; round++) {
    await giveWay(options, round);
    tier.run();
    if (round + 1 === WARM_ROUNDS) log.resetCounters();
    if (medium.hasFailed) writesToFirstFailure ??= tier.outs;
  }
  return {
    classes: [],
    utilisation: log.utilisation,
    amplification: log.amplification,
    wear: wearFigures(log.space),
    eraseCounts: log.space.eraseCounts,
    writes: tier.outs,
    retired: log.space.retired,
    writesToFirstFailure,
    isWornOut: medium.isWornOut,
    busySeconds: medium.nand.busySeconds,
  };
}

/** zram's blocks, as many as it ever has in use; its memory has the same limit, in compressed bytes. */
export async function runTraceZram(
  options: TraceRunOptions,
): Promise<ZramOutcome & { readonly rounds: number }> {
  const { events, needs } = options;
  const blocks = new ZramBlocks(events.pages, events.pages);
  const sink: TierSink = {
    out: (page) => {
      blocks.writeBack(page);
    },
    gone: (page) => blocks.free(page),
  };
  const tier = new MemoryTier({ events, limitBytes: needs.limitBytes, way: "zram", sink });
  const rounds = Math.max(options.rounds, 2 * WARM_ROUNDS);
  for (let round = 0; round < rounds; round++) {
    await giveWay(options, round);
    tier.run();
  }
  const blockWrites = blocks.writes.slice(0, blocks.mostInUse);
  return {
    blocks: blocks.mostInUse,
    writes: blocks.written,
    wear: eraseFigures(blockWrites.slice().sort()),
    blockWrites,
    rounds,
  };
}
