/**
 * One run of a workload over one way of cleaning, on a NAND model that counts: how much was written and moved, how
 * often each segment was erased, when the first one failed.
 *
 * A model of some hundred segments stands for a medium of any size: amplification and erases per segment depend on the
 * share of it that lives and on how often it is overwritten, not on how large it is. Holds always: the same options and
 * seed give the same outcome; the run gives way to other work every few milliseconds, and ends when asked to.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { SeededRandom } from "../../base/random.ts";
import { NandModel } from "../../overflow/media/nand.ts";
import { cleaningPolicy } from "../../overflow/space/cleaning/policies.ts";
import { DEFAULT_LEVELLING } from "../../overflow/space/levelling.ts";
import type { SegmentSpace } from "../../overflow/space/segment-space.ts";
import { WriteIntervals } from "../../overflow/space/temperature.ts";
import { eraseFigures, type WearFigures, wearFigures } from "../../overflow/space/wear-figures.ts";
import { ByteLog } from "./byte-log.ts";
import type { WriteClass } from "./formulas.ts";
import type { Plan } from "./plans.ts";
import { ZramWriteBack } from "./rival.ts";
import { RecordLog } from "./simulation.ts";
import { createWorkload, type WorkloadLaw } from "./workloads.ts";

/** Overwrites of all records before amplification is measured, and at least so many after. */
export const WARM_OVERWRITES = 5;
const BATCH_WRITES = 1024;
const BATCHES_PER_TURN = 64;
/** The mean of the segments free while one with a reserve of two is kept above it by one segment at a time. */
const MEAN_FREE = 2.5;
/**
 * Segments beside those that what lives fills, so that cleaning always has one to win: each stream, and what is moved
 * for its wear, holds one open that is half empty; two are in reserve, and records do not fill others to their end.
 * Found by trying: with 3 streams, lengths that vary and 512 segments 8 are too few.
 */
export function spareSegmentsFor(streams: number): number {
  return 2 * streams + 6;
}

/** What a segment is. */
export interface Geometry {
  readonly segments: number;
  readonly recordsPerSegment: number;
  /** As the NAND model has it: bytes of an erase block. */
  readonly segmentBytes: number;
}

export interface RunOptions {
  readonly law: WorkloadLaw;
  readonly geometry: Geometry;
  /** Live records / room for records that is not free in the mean. */
  readonly utilisation: number;
  /** Records written in all, after the first time. */
  readonly writes: number;
  /**
   * Overwrites of all records before amplification is measured; WARM_OVERWRITES, or half of all writes, unless given.
   */
  readonly warmOverwrites?: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

export interface LogRunOptions extends RunOptions {
  readonly plan: Plan;
  readonly levelling: boolean;
  /** Erases a segment takes; endless unless given. */
  readonly endurance?: number;
  /** Lengths a record has by chance, at each write anew; all have one length unless given. */
  readonly lengths?: Uint16Array;
}

export interface LogOutcome {
  /** For the formulas; none where nothing is known of who is written how often. */
  readonly classes: readonly WriteClass[];
  /** Measured, as the amplification: after the warm-up. */
  readonly utilisation: number;
  readonly amplification: number;
  /** From the first write on. */
  readonly wear: WearFigures;
  readonly eraseCounts: Uint32Array;
  readonly writes: number;
  readonly retired: number;
  /** Writes until the first segment failed; null: none did. */
  readonly writesToFirstFailure: number | null;
  /** The run ended early: so many segments failed that what lives hardly fits. */
  readonly isWornOut: boolean;
  readonly busySeconds: number;
}

/** Records that make a log of that geometry so full. */
export function recordsFor(geometry: Geometry, utilisation: number): number {
  const { segments, recordsPerSegment } = geometry;
  return Math.round(utilisation * (segments - MEAN_FREE) * recordsPerSegment);
}

/** Whether a log of that geometry and so full has room for the streams of each plan. */
export function hasRoomFor(
  plans: readonly Plan[],
  { geometry, utilisation }: { readonly geometry: Geometry; readonly utilisation: number },
): boolean {
  const live = recordsFor(geometry, utilisation) / geometry.recordsPerSegment;
  return plans.every(({ streams }) => geometry.segments - live >= spareSegmentsFor(streams));
}

/**
 * The NAND model behind a log of whole segments: each is programmed to its end before it is erased. A segment that
 * fails while the log has no free one to spare is let pass once more: a log on a medium would wait. When more have
 * failed than the log can do without, the medium is worn out and the run is to end.
 */
export class CountedMedium {
  readonly nand: NandModel;
  isWornOut = false;
  #space: Pick<SegmentSpace, "free" | "reserve"> | null = null;
  readonly #mostFailures: number;

  constructor(
    { segments, segmentBytes }: Pick<Geometry, "segments" | "segmentBytes">,
    options: {
      readonly seed: number;
      readonly endurance?: number | undefined;
      /** Segments that the log cannot do without. */
      readonly leastSegments: number;
    },
  ) {
    const { seed, endurance } = options;
    this.#mostFailures = Math.max(0, segments - options.leastSegments);
    this.nand = new NandModel({
      sizeBytes: segments * segmentBytes,
      blockBytes: segmentBytes,
      random: new SeededRandom(seed),
      keepsBytes: false,
      ...(endurance === undefined ? {} : { endurance }),
    });
  }

  /** Whose segments they are; none fails before that is told. */
  serve(space: SegmentSpace): void {
    this.#space = space;
  }

  get hasFailed(): boolean {
    return this.nand.badBlocks > 0;
  }

  readonly erase = (segment: number): boolean => {
    const { nand } = this;
    const isProgrammed = !nand.isBad(segment) && nand.programPages(segment, nand.pagesPerBlock);
    if (isProgrammed && nand.eraseBlock(segment)) return true;
    this.isWornOut ||= nand.badBlocks > this.#mostFailures;
    const space = this.#space;
    return this.isWornOut || space === null || space.free < space.reserve;
  };
}

async function giveWay(
  { signal, onProgress, writes }: RunOptions,
  progress: { readonly batch: number; readonly done: number },
): Promise<void> {
  if (progress.batch % BATCHES_PER_TURN !== 0) return;
  onProgress?.(progress.done / writes);
  await nextTurn();
  signal?.throwIfAborted();
}

/** The order in which records are first written: by chance, so that no class has segments of its own. */
function shuffled(records: number, random: SeededRandom): Uint32Array {
  const order = Uint32Array.from({ length: records }, (_, index) => index);
  for (let index = records - 1; index > 0; index--) {
    const other = random.below(index + 1);
    const swapped = order[index]!;
    order[index] = order[other]!;
    order[other] = swapped;
  }
  return order;
}

/** The log a plan asks for, with every record in it, and how to write one anew. */
function openLog(
  options: LogRunOptions,
  parts: {
    readonly records: number;
    readonly classes: Uint8Array;
    readonly medium: CountedMedium;
    readonly random: SeededRandom;
  },
): { readonly log: RecordLog | ByteLog; overwrite(record: number, stream: number): void } {
  const { geometry, plan, lengths } = options;
  const { records, classes, medium, random } = parts;
  const common = {
    ...plan,
    segments: geometry.segments,
    policy: cleaningPolicy(plan.policy),
    random,
    levelling: options.levelling ? DEFAULT_LEVELLING : null,
    erase: medium.erase,
    ...(plan.usesLifespans === true ? { temperature: new WriteIntervals({ records }) } : {}),
  };
  if (lengths === undefined) {
    const { recordsPerSegment } = geometry;
    const log = new RecordLog({ ...common, records, recordsPerSegment, firstStreams: classes });
    if (plan.usesLifespans === true)
      return { log, overwrite: (record) => log.overwriteUntold(record) };
    return { log, overwrite: (record, stream) => log.overwrite(record, stream) };
  }
  const mean = meanOf(lengths);
  const segmentBytes = Math.round(mean * geometry.recordsPerSegment);
  const leastBytes = lengths.reduce((least, length) => Math.min(least, length));
  const bytes = new ByteLog({ ...common, items: records, segmentBytes, leastBytes });
  const overwrite = (record: number, stream: number) => {
    const length = lengths[random.below(lengths.length)]!;
    if (plan.usesLifespans === true) bytes.writeUntold(record, length);
    else bytes.write(record, length, stream);
  };
  for (let record = 0; record < records; record++) overwrite(record, classes[record]!);
  bytes.resetCounters();
  return { log: bytes, overwrite };
}

export function meanOf(lengths: Uint16Array): number {
  return lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
}

/** Runs a workload over a log. */
export async function runLog(options: LogRunOptions): Promise<LogOutcome> {
  const { law, geometry, plan, seed, endurance } = options;
  const random = new SeededRandom(seed);
  const records = recordsFor(geometry, options.utilisation);
  const workload = createWorkload(law, { records, random: new SeededRandom(seed + 1) });
  const isTold = plan.hostStreams > 1 && plan.usesLifespans !== true;
  const live = Math.ceil(records / geometry.recordsPerSegment);
  const leastSegments = live + spareSegmentsFor(plan.streams);
  const medium = new CountedMedium(geometry, { seed: seed + 2, endurance, leastSegments });
  // By chance, which record is which: the log writes them first in the order of their numbers.
  const names = shuffled(records, random);
  const classes = new Uint8Array(records);
  if (isTold) {
    for (let record = 0; record < records; record++)
      classes[names[record]!] = workload.classOf(record);
  }
  const opened = openLog(options, { records, classes, medium, random });
  const { log } = opened;
  const { space } = log;
  medium.serve(space);
  const warmOverwrites = options.warmOverwrites ?? WARM_OVERWRITES;
  const warmWrites = Math.min(warmOverwrites * records, Math.floor(options.writes / 2));
  const batch = new Uint32Array(BATCH_WRITES);
  let writes = 0;
  let writesToFirstFailure: number | null = null;
  let isWarm = false;
  for (let number = 0; writes < options.writes && !medium.isWornOut; number++) {
    await giveWay(options, { batch: number, done: writes });
    workload.fill(batch);
    for (let index = 0; index < BATCH_WRITES; index++) {
      const record = names[batch[index]!]!;
      opened.overwrite(record, classes[record]!);
    }
    writes += BATCH_WRITES;
    if (!isWarm && writes >= warmWrites) {
      isWarm = true;
      log.resetCounters();
    }
    if (medium.hasFailed) writesToFirstFailure ??= writes;
  }
  return {
    classes: workload.classes,
    utilisation: log.utilisation,
    amplification: log.amplification,
    wear: wearFigures(space),
    eraseCounts: space.eraseCounts,
    writes,
    retired: space.retired,
    writesToFirstFailure,
    isWornOut: medium.isWornOut,
    busySeconds: medium.nand.busySeconds,
  };
}

/** Pages written again in memory wait so long: this share of all is written before they are written back. */
const WAITING_SHARE = 1 / 16;
/**
 * Pages written in memory for one that is to be written back, at most: where nearly all writes are of pages that wait,
 * the run would hardly end (Zipf 2: 1,100 for one) or never. Zipf .99 needs 2.5, hot-cold 90/10 1.9.
 */
const MOST_DRAWS_PER_WRITE = 8;

export interface ZramOutcome {
  readonly blocks: number;
  /** Pages written back: fewer than were asked for, even 0, where the workload hardly leaves the pages that wait. */
  readonly writes: number;
  /** Writes of blocks, as if a block could be written anew in its place. */
  readonly wear: Omit<WearFigures, "live_shares">;
  readonly blockWrites: Uint32Array;
}

/** Runs the same workload over zram's way of writing. The device has as much spare room as the log. */
export async function runZram(options: RunOptions): Promise<ZramOutcome> {
  const { law, geometry, seed, utilisation } = options;
  const pages = recordsFor(geometry, utilisation);
  const workload = createWorkload(law, { records: pages, random: new SeededRandom(seed + 1) });
  const blocks = Math.ceil(pages / utilisation);
  const waiting = Math.max(1, Math.floor(pages * WAITING_SHARE));
  const device = new ZramWriteBack({ pages, blocks, waiting });
  for (const page of shuffled(pages, new SeededRandom(seed))) device.write(page);
  const batch = new Uint32Array(BATCH_WRITES);
  const writeBatch = () => {
    workload.fill(batch);
    for (let index = 0; index < BATCH_WRITES; index++) device.write(batch[index]!);
  };
  // Until those wait that are written most: where few others ever are, the start would be all there is to count.
  for (let drawn = 0; drawn < WARM_OVERWRITES * pages; drawn += BATCH_WRITES) writeBatch();
  device.blocks.resetCounts();
  const batches = Math.ceil((MOST_DRAWS_PER_WRITE * options.writes) / BATCH_WRITES);
  for (let number = 0; number < batches && device.blocks.written < options.writes; number++) {
    const drawnShare = (number / batches) * options.writes;
    await giveWay(options, { batch: number, done: Math.max(device.blocks.written, drawnShare) });
    writeBatch();
  }
  const { writes, written } = device.blocks;
  return {
    blocks,
    writes: written,
    wear: eraseFigures(writes.slice().sort()),
    blockWrites: writes,
  };
}
