/**
 * Replaying a swap trace against a store or a server: the same requests, in an order in which overlapping ones cannot
 * change places, and every read compared with what the trace's own writes imply (replay-model.ts).
 *
 * Holds always: a request that fails is counted and the replay goes on, its pages are not compared until they are
 * written anew; a target that is gone ends the replay. Times are of the target alone: comparing and unpacking the trace
 * are not in a latency, nor, while no request is under way, in `targetSeconds`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { assert } from "../base/assert.ts";
import { type Clock, stopwatchClock } from "../base/clock.ts";
import { PagefoldError } from "../base/errors.ts";
import { PAGE_BYTES } from "../base/units.ts";
import { Latencies } from "./replay-latency.ts";
import { type Difference, ReplayModel } from "./replay-model.ts";
import { type Request, Requests } from "./replay-requests.ts";
import type { Done, ReplayTarget } from "./replay-target.ts";
import type { RecordKind, TraceRecord } from "./swap/records.ts";
import type { TraceReader } from "./swap/trace-reader.ts";

const MOST_FAILURES = 10;
/** A request is sent up to this much before its time rather than after it: what a timer can be asked for. */
const TIMER_SECONDS = 0.001;
const LONGEST_SLEEP_MS = 2 ** 30;

export interface ReplayOptions {
  /** Most requests under way at a time. */
  readonly depth: number;
  /** How much faster than recorded requests are sent: 1 at their recorded times; as fast as possible unless given. */
  readonly speed?: number;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** Called after each batch of records, about 64 pages written. */
  readonly onBatch?: (progress: ReplayProgress) => void;
}

interface ReplayProgress {
  readonly requests: number;
  /** Since the replay began. */
  readonly seconds: number;
  /** The time in the trace. */
  readonly traceSeconds: number;
}

/** What requests of one kind came to. */
export interface KindOutcome {
  requests: number;
  /** Touched, also where only in part. */
  pages: number;
  bytes: number;
  failed: number;
  readonly latencies: Latencies;
}

/** A request that failed. */
interface ReplayFailure {
  readonly record: number;
  readonly kind: RecordKind;
  readonly exportIndex: number;
  readonly offset: number;
  readonly length: number;
  readonly message: string;
}

export interface ReplayOutcome {
  readonly seconds: number;
  /** Of them, while at least one request was under way. */
  readonly targetSeconds: number;
  /** The longest a request was sent after its time, at a speed that was asked for. */
  readonly mostLagSeconds: number;
  readonly kinds: Readonly<Record<RecordKind, KindOutcome>>;
  /** The first few. */
  readonly failures: readonly ReplayFailure[];
  readonly checkedPages: number;
  /** Read, but not compared: a request to change them had failed. */
  readonly unknownPages: number;
  readonly differentPages: number;
  readonly differences: readonly Difference[];
}

function newKind(): KindOutcome {
  return { requests: 0, pages: 0, bytes: 0, failed: 0, latencies: new Latencies() };
}

class Replay {
  readonly #trace: TraceReader;
  readonly #targets: readonly ReplayTarget[];
  readonly #options: ReplayOptions;
  readonly #clock: Clock;
  readonly #model: ReplayModel;
  readonly #requests: Requests;
  readonly #kinds: Record<RecordKind, KindOutcome> = {
    read: newKind(),
    write: newKind(),
    discard: newKind(),
    write_zeroes: newKind(),
    reserve_zeroes: newKind(),
    flush: newKind(),
  };
  readonly #failures: ReplayFailure[] = [];
  #startSeconds = 0;
  #mostLagSeconds = 0;
  /** Requests the target has, since when it has had one, and how long it had some before. */
  #withTarget = 0;
  #busySince = 0;
  #busySeconds = 0;
  /** What ends the replay. */
  #end: { readonly cause: unknown } | undefined;

  constructor(trace: TraceReader, targets: readonly ReplayTarget[], options: ReplayOptions) {
    this.#trace = trace;
    this.#targets = targets;
    this.#options = options;
    this.#clock = options.clock ?? stopwatchClock;
    this.#model = new ReplayModel(trace);
    this.#requests = new Requests(options.depth);
  }

  async run(): Promise<ReplayOutcome> {
    const { signal, onBatch } = this.#options;
    this.#startSeconds = this.#clock.seconds();
    let index = 0;
    for await (const records of this.#trace.batches()) {
      for (const record of records) {
        signal?.throwIfAborted();
        await this.#pace(record.timeUs);
        while (this.#requests.mustWait(record)) await this.#requests.next();
        this.#throwIfEnded();
        await this.#send(record, index);
        index += 1;
      }
      const seconds = this.#clock.seconds() - this.#startSeconds;
      onBatch?.({ requests: index, seconds, traceSeconds: (records.at(-1)?.timeUs ?? 0) / 1e6 });
    }
    while (this.#requests.count > 0) await this.#requests.next();
    this.#throwIfEnded();
    return this.#outcome();
  }

  #throwIfEnded(): void {
    if (this.#end !== undefined) throw this.#end.cause;
  }

  /** Waits until it is time for a request, where it has a time. */
  async #pace(timeUs: number): Promise<void> {
    const { speed, signal } = this.#options;
    if (speed === undefined) return;
    const due = this.#startSeconds + timeUs / 1e6 / speed;
    let wait = due - this.#clock.seconds();
    while (wait > TIMER_SECONDS) {
      const options = signal === undefined ? {} : { signal };
      await sleep(Math.min(Math.floor(wait * 1000), LONGEST_SLEEP_MS), undefined, options);
      wait = due - this.#clock.seconds();
    }
    this.#mostLagSeconds = Math.max(this.#mostLagSeconds, -wait);
  }

  async #send(record: TraceRecord, index: number): Promise<void> {
    const { kind, exportIndex, offset, length } = record;
    const request = this.#requests.begin(record, index);
    if (record.kind === "write") {
      await this.#trace.fill(record, request.bytes);
      await this.#model.write(record, request.bytes);
    } else if (kind === "discard") {
      const [first, end] = wholePages(record);
      await this.#model.zero(exportIndex, first, end - first);
    } else if (kind === "write_zeroes" || kind === "reserve_zeroes") {
      await this.#model.zero(exportIndex, offset, length);
    }
    request.startSeconds = this.#clock.seconds();
    if (this.#withTarget++ === 0) this.#busySince = request.startSeconds;
    let done: Done;
    try {
      done = this.#ask(request);
    } catch (cause) {
      await this.#answered(request, { cause });
      return;
    }
    if (done === undefined) await this.#answered(request);
    else {
      done.then(
        () => this.#answered(request),
        (cause) => this.#answered(request, { cause }),
      );
    }
  }

  /** Hands a request to its target. */
  #ask({ record, bytes }: Request): Done {
    const { kind, exportIndex, offset, length } = record;
    const target = this.#targets[exportIndex]!;
    switch (kind) {
      case "read":
        return target.read(offset, bytes);
      case "write":
        return target.write(offset, bytes);
      case "write_zeroes":
      case "reserve_zeroes":
        return target.writeZeroes(offset, length, { reserve: kind === "reserve_zeroes" });
      case "flush":
        return target.flush();
      case "discard": {
        const [first, end] = wholePages(record);
        return end > first ? target.discard(first, end - first) : undefined;
      }
    }
  }

  /** Notes how a request ended and compares what it read. Never fails: what must not be ends the replay. */
  async #answered(request: Request, failure?: { readonly cause: unknown }): Promise<void> {
    const { record, bytes, index, startSeconds } = request;
    const { kind, exportIndex, offset, length } = record;
    const nowSeconds = this.#clock.seconds();
    this.#withTarget -= 1;
    if (this.#withTarget === 0) this.#busySeconds += nowSeconds - this.#busySince;
    const outcome = this.#kinds[kind];
    outcome.requests += 1;
    outcome.bytes += length;
    outcome.pages += Math.ceil((offset + length) / PAGE_BYTES) - Math.floor(offset / PAGE_BYTES);
    outcome.latencies.add(nowSeconds - startSeconds);
    try {
      if (failure !== undefined) this.#failed(request, failure.cause);
      else if (kind === "read") await this.#model.check({ index, exportIndex, offset }, bytes);
    } catch (cause) {
      this.#end ??= { cause };
    }
    this.#requests.end(request);
  }

  #failed({ record, index }: Request, cause: unknown): void {
    const { kind, exportIndex, offset, length } = record;
    if (!(cause instanceof PagefoldError) || this.#targets[exportIndex]!.isGone) throw cause;
    this.#kinds[kind].failed += 1;
    if (this.#failures.length < MOST_FAILURES) {
      const { message } = cause;
      this.#failures.push({ record: index, kind, exportIndex, offset, length, message });
    }
    if (kind !== "read" && kind !== "flush") this.#model.forget(exportIndex, offset, length);
  }

  #outcome(): ReplayOutcome {
    const model = this.#model;
    return {
      seconds: this.#clock.seconds() - this.#startSeconds,
      targetSeconds: this.#busySeconds,
      mostLagSeconds: this.#mostLagSeconds,
      kinds: this.#kinds,
      failures: this.#failures,
      checkedPages: model.checked,
      unknownPages: model.unknown,
      differentPages: model.different,
      differences: model.differences,
    };
  }
}

/** The whole pages of a range, which are all a device discards: where they begin and end. */
function wholePages({ offset, length }: TraceRecord): [first: number, end: number] {
  const first = Math.ceil(offset / PAGE_BYTES) * PAGE_BYTES;
  return [first, Math.max(first, Math.floor((offset + length) / PAGE_BYTES) * PAGE_BYTES)];
}

/**
 * Replays a trace that was just opened; `targets` has one for each of its exports, in their order, all reading zeros.
 * @throws PagefoldError OUT_OF_RANGE if a target is smaller than its export, CORRUPT for a damaged trace, and what a
 * target that is gone says.
 */
export async function replay(
  trace: TraceReader,
  targets: readonly ReplayTarget[],
  options: ReplayOptions,
): Promise<ReplayOutcome> {
  assert(targets.length === trace.exports.length, "each export of a trace has a target");
  trace.exports.forEach(({ name, sizeBytes }, index) => {
    const target = targets[index]!;
    if (target.sizeBytes >= sizeBytes) return;
    throw new PagefoldError(
      "OUT_OF_RANGE",
      `export "${name}" of the trace has ${sizeBytes} bytes and its target ${target.sizeBytes}; replay it against one at least as large`,
    );
  });
  return new Replay(trace, targets, options).run();
}
