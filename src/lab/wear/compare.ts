/**
 * All ways of writing over one workload: so many days of so many bytes, run on a model of the medium and told in days
 * and bytes of the medium itself.
 *
 * Holds always: every way sees the same pages in the same order. What a model of fewer segments stands for is a matter
 * of proportion alone: as many overwrites as the medium would see.
 */

import { PagefoldError } from "../../base/errors.ts";
import { PAGE_BYTES } from "../../base/units.ts";
import type { Plan } from "./plans.ts";
import {
  type Geometry,
  hasRoomFor,
  type LogOutcome,
  meanOf,
  recordsFor,
  runLog,
  runZram,
  WARM_OVERWRITES,
  type ZramOutcome,
} from "./run.ts";
import {
  runTraceLog,
  runTraceZram,
  type TraceGeometry,
  type TraceNeeds,
  traceGeometry,
  traceNeeds,
} from "./run-trace.ts";
import type { TraceEvents } from "./trace-events.ts";
import type { WorkloadLaw } from "./workloads.ts";

/** The model has no more of either than this: the figures no longer change with more, and it fits into a cache. */
const MOST_SEGMENTS = 512;
const MOST_RECORDS = 64;
/** Lengths vary, and what does not fit at a segment's end is lost: that needs more records in one. */
const MOST_VARIED_RECORDS = 256;
/** Records written in one run at most, 10 s; a longer time is told in proportion. */
const MOST_WRITES = 2 ** 25;
const LEAST_SEGMENTS = 64;

export interface Medium {
  readonly sizeBytes: number;
  readonly segmentBytes: number;
}

/** What is written: by a law with records of one or several lengths, or a trace. */
export type Subject =
  | { readonly kind: "law"; readonly law: WorkloadLaw; readonly lengths: Uint16Array }
  | { readonly kind: "trace"; readonly events: TraceEvents };

export interface CompareOptions {
  readonly subject: Subject;
  readonly medium: Medium;
  readonly utilisation: number;
  readonly plans: readonly Plan[];
  readonly levelling: boolean;
  readonly days: number;
  readonly bytesPerDay: number;
  readonly endurance: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

interface Way<Outcome> {
  readonly outcome: Outcome;
  /** Pages it wrote out of memory for one that the log did: more than 1 where nothing is shared. */
  readonly pagesPerPage: number;
  /** Writes the model would see in the time asked for; the outcome's may be more or fewer. */
  readonly wanted: number;
}

export interface Comparison {
  readonly geometry: TraceGeometry & { readonly recordsPerSegment: number };
  readonly meanRecordBytes: number;
  /** On the medium itself: pages that live there, and that are written to it in the time asked for. */
  readonly pages: number;
  readonly pagesWritten: number;
  readonly mediumPerModel: number;
  readonly logs: readonly (Way<LogOutcome> & { readonly plan: Plan })[];
  readonly zram: Way<ZramOutcome> & { readonly mediumBytes: number; readonly utilisation: number };
  readonly needs: TraceNeeds | null;
}

/** Numbers of the run that all ways share. */
interface Course {
  readonly runs: number;
  readonly options: CompareOptions;
}

function progressOf({ runs, options }: Course, run: number): (fraction: number) => void {
  return (fraction) => options.onProgress?.((run + fraction) / runs);
}

/** The model of a medium for records of these lengths. */
export function modelOf(medium: Medium, lengths: Uint16Array): Geometry {
  const isVaried = lengths.some((length) => length !== lengths[0]);
  const segments = Math.floor(medium.sizeBytes / medium.segmentBytes);
  if (segments < LEAST_SEGMENTS) {
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `--size makes ${segments} segments of --segment, and at least ${LEAST_SEGMENTS} are needed; give a larger size or smaller segments`,
    );
  }
  const records = Math.floor(medium.segmentBytes / meanOf(lengths));
  return {
    segments: Math.min(segments, MOST_SEGMENTS),
    recordsPerSegment: Math.min(records, isVaried ? MOST_VARIED_RECORDS : MOST_RECORDS),
    segmentBytes: medium.segmentBytes,
  };
}

async function compareLaw(
  subject: Extract<Subject, { kind: "law" }>,
  options: CompareOptions,
): Promise<Comparison> {
  const { lengths, law } = subject;
  const { medium, utilisation, plans, days, bytesPerDay } = options;
  const geometry = modelOf(medium, lengths);
  if (!hasRoomFor(plans, { geometry, utilisation })) {
    const { segments } = geometry;
    throw new PagefoldError(
      "INVALID_ARGUMENT",
      `--utilisation ${utilisation} leaves too few of ${segments} segments to clean with; give a lower one, fewer --streams, a larger --size or a smaller --segment`,
    );
  }
  const meanRecordBytes = meanOf(lengths);
  const records = recordsFor(geometry, utilisation);
  const pages = Math.floor((utilisation * medium.sizeBytes) / meanRecordBytes);
  const pagesWritten = (days * bytesPerDay) / PAGE_BYTES;
  const wanted = (pagesWritten * records) / pages;
  const writes = Math.min(Math.max(wanted, 2 * WARM_OVERWRITES * records), MOST_WRITES);
  const course: Course = { runs: plans.length + 1, options };
  const { seed, signal, levelling, endurance } = options;
  const common = { law, geometry, utilisation, writes, seed, signal };
  const isVaried = lengths.some((length) => length !== lengths[0]);
  const logs = [];
  for (const [run, plan] of plans.entries()) {
    const outcome = await runLog({
      ...common,
      plan,
      levelling,
      endurance,
      ...(isVaried ? { lengths } : {}),
      onProgress: progressOf(course, run),
    });
    logs.push({ plan, outcome, pagesPerPage: 1, wanted });
  }
  const zram = await runZram({ ...common, onProgress: progressOf(course, plans.length) });
  return {
    geometry,
    meanRecordBytes,
    pages,
    pagesWritten,
    mediumPerModel: pages / records,
    logs,
    zram: {
      outcome: zram,
      pagesPerPage: 1,
      wanted,
      mediumBytes: Math.ceil((pages * PAGE_BYTES) / utilisation),
      utilisation,
    },
    needs: null,
  };
}

async function compareTrace(
  subject: Extract<Subject, { kind: "trace" }>,
  options: CompareOptions,
): Promise<Comparison> {
  const { events } = subject;
  const { medium, utilisation, plans, days, bytesPerDay, seed, signal } = options;
  const needs = traceNeeds(events);
  const { segmentBytes } = medium;
  const streams = plans.reduce((most, plan) => Math.max(most, plan.streams), 1);
  const geometry = traceGeometry(needs, { utilisation, segmentBytes, streams });
  const meanRecordBytes = needs.recordBytes / needs.outs;
  const mediumPerModel = medium.sizeBytes / (geometry.segments * geometry.segmentBytes);
  const pagesWritten = (days * bytesPerDay) / PAGE_BYTES;
  const wanted = pagesWritten / mediumPerModel;
  const rounds = Math.ceil(Math.min(wanted, MOST_WRITES) / needs.outs);
  const common = { events, needs, geometry, rounds, seed, signal };
  const course: Course = { runs: plans.length + 1, options };
  const { levelling, endurance } = options;
  const logs = [];
  for (const [run, plan] of plans.entries()) {
    const onProgress = progressOf(course, run);
    const outcome = await runTraceLog({ ...common, plan, levelling, endurance, onProgress });
    logs.push({ plan, outcome, pagesPerPage: 1, wanted });
  }
  const zram = await runTraceZram({ ...common, onProgress: progressOf(course, plans.length) });
  const pagesPerPage = zram.writes / (zram.rounds * needs.outs);
  return {
    geometry: {
      ...geometry,
      recordsPerSegment: Math.floor(geometry.segmentBytes / meanRecordBytes),
    },
    meanRecordBytes,
    pages: Math.round((needs.liveBytes / meanRecordBytes) * mediumPerModel),
    pagesWritten,
    mediumPerModel,
    logs,
    zram: {
      outcome: zram,
      pagesPerPage,
      wanted: wanted * pagesPerPage,
      mediumBytes: Math.ceil(zram.blocks * PAGE_BYTES * mediumPerModel),
      // As many as are in use when most are: zram has no other wish.
      utilisation: 1,
    },
    needs,
  };
}

/**
 * Runs every plan, and zram's way, over the subject.
 * @throws PagefoldError INVALID_ARGUMENT where the medium is too small for it.
 */
export function compareWays(options: CompareOptions): Promise<Comparison> {
  const { subject } = options;
  return subject.kind === "law" ? compareLaw(subject, options) : compareTrace(subject, options);
}
