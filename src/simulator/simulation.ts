/**
 * One run of a scenario on virtual time: guests step, the scanner wakes, samples are taken. Same scenario and seed,
 * same result to the byte; the real time it takes is in none of it.
 */

import { setImmediate as turn } from "node:timers/promises";
import { ManualClock } from "../base/clock.ts";
import { PagefoldError } from "../base/errors.ts";
import type { Setting, VariantResult, VariantSeries } from "../report/simulate-result.ts";
import { Contents, type PageSource } from "./contents.ts";
import { variantResult } from "./figures.ts";
import { Guest } from "./guest/guest.ts";
import { type GuestTmem, joinTmem } from "./guest/tmem-client.ts";
import { type Machine, openMachine } from "./machine.ts";
import { OpportunityOracle } from "./opportunities.ts";
import { loadCorpus } from "./page-sources/corpus.ts";
import { MadePages } from "./page-sources/made.ts";
import { RandomStreams } from "./random.ts";
import { Samples } from "./samples.ts";
import type { Scanner } from "./scanners/scanner.ts";
import type { CheckedGuest, CheckedScenario } from "./scenario/checked.ts";
import type { Workload } from "./workloads/workload.ts";

/** Steps between two turns of the event loop, in which an interruption is heard. */
const STEPS_PER_TURN = 20;

export interface SimulationOptions {
  readonly name: string;
  /** What distinguishes this run from others, for its result. */
  readonly settings: Readonly<Record<string, Setting>>;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** How much of the time is over, from 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** A guest at work. */
interface RunningGuest {
  readonly guest: Guest;
  readonly workload: Workload;
  readonly checked: CheckedGuest;
  readonly startSeconds: number;
  readonly tmem: GuestTmem | null;
  hasBooted: boolean;
  isKilled: boolean;
}

export interface Run {
  readonly scenario: CheckedScenario;
  readonly machine: Machine;
  readonly scanner: Scanner;
  readonly guests: readonly RunningGuest[];
  readonly samples: Samples;
}

async function openSource({ contents }: CheckedScenario): Promise<PageSource> {
  return contents.from === "corpus"
    ? loadCorpus(contents.files)
    : new MadePages({ compressibility: contents.compressibility });
}

class Simulation implements Run {
  readonly scenario: CheckedScenario;
  readonly machine: Machine;
  readonly scanner: Scanner;
  readonly guests: readonly RunningGuest[];
  readonly samples = new Samples();
  readonly #clock: ManualClock;
  readonly #oracle: OpportunityOracle;
  #passes = 0;
  #scannerSeconds = 0;
  #sampledSeconds = 0;

  constructor(parts: {
    readonly scenario: CheckedScenario;
    readonly machine: Machine;
    readonly scanner: Scanner;
    readonly guests: readonly RunningGuest[];
    readonly clock: ManualClock;
  }) {
    this.scenario = parts.scenario;
    this.machine = parts.machine;
    this.scanner = parts.scanner;
    this.guests = parts.guests;
    this.#clock = parts.clock;
    this.#oracle = new OpportunityOracle(parts.machine.host);
    parts.machine.host.setHooks(parts.scanner);
    parts.scanner.onPass = () => this.#endPass();
  }

  async run({ signal, onProgress }: SimulationOptions): Promise<void> {
    const { seconds, stepSeconds, sampleSeconds } = this.scenario;
    let steps = 0;
    let samples = 0;
    let wakeSeconds = 0;
    this.#step(0);
    for (;;) {
      const nextStep = (steps + 1) * stepSeconds;
      const stepAt = nextStep < seconds - stepSeconds / 2 ? nextStep : Number.POSITIVE_INFINITY;
      const sampleAt = sampleSeconds === null ? Number.POSITIVE_INFINITY : samples * sampleSeconds;
      const now = Math.min(stepAt, sampleAt, wakeSeconds);
      if (now > seconds + stepSeconds / 1000) break;
      this.#moveTo(now);
      if (now === stepAt) {
        steps += 1;
        this.#step(now);
        if (steps % STEPS_PER_TURN === 0) {
          await turn();
          signal?.throwIfAborted();
          onProgress?.(Math.min(1, now / seconds));
        }
      } else if (now === wakeSeconds) {
        wakeSeconds = this.scanner.wake(now);
      } else {
        samples += 1;
        this.#sample(now);
      }
    }
    onProgress?.(1);
    // What is told of the end is of the end; by pass, the last pass is that.
    const isSampled =
      this.samples.rows > 0 && this.samples.last("seconds") > seconds - stepSeconds / 1000;
    if (!isSampled && (sampleSeconds !== null || this.samples.rows === 0)) {
      this.#moveTo(Math.max(seconds, this.#clock.seconds()));
      this.#sample(this.#clock.seconds());
    }
  }

  #moveTo(seconds: number): void {
    this.#clock.advance(seconds - this.#clock.seconds());
    this.machine.host.nowSeconds = seconds;
  }

  /** All guests do what they do in the step that begins now. */
  #step(now: number): void {
    const { host } = this.machine;
    const { stepSeconds } = this.scenario;
    let wanted = 0;
    for (const running of this.guests) {
      if (running.isKilled || now < running.startSeconds) continue;
      const { guest } = running;
      const before = host.accessSecondsOf[guest.index]!;
      try {
        if (!running.hasBooted) {
          running.hasBooted = true;
          guest.boot();
        }
        wanted += running.workload.step(now - running.startSeconds, stepSeconds);
      } catch (cause) {
        this.#kill(running, cause);
      }
      wanted += host.accessSecondsOf[guest.index]! - before;
    }
    host.cpu.endStep(stepSeconds, wanted);
  }

  /** Where the host has no memory left, the guest that asked for some ends, as by a kernel's choice. */
  #kill(running: RunningGuest, cause: unknown): void {
    if (!(cause instanceof PagefoldError && cause.code === "NO_SPACE")) throw cause;
    const { guest } = running;
    running.isKilled = true;
    running.tmem?.client.close();
    for (let page = guest.firstPage; page < guest.firstPage + guest.pages; page++) {
      this.machine.host.discard(page);
    }
  }

  #endPass(): void {
    this.#passes += 1;
    if (this.scenario.sampleSeconds === null) this.#sample(this.#clock.seconds());
    for (const running of this.guests) {
      if (running.isKilled) continue;
      try {
        running.workload.onPass?.(this.#passes);
      } catch (cause) {
        this.#kill(running, cause);
      }
    }
  }

  #sample(now: number): void {
    const { host, areas, swapStores } = this.machine;
    const { tally } = this.scanner;
    const { pagesPresent, zeroPages, pagesSaved, opportunities } = this.#oracle.count();
    const passed = now - this.#sampledSeconds;
    const scanned = host.cpu.scannerSeconds - this.#scannerSeconds;
    this.#sampledSeconds = now;
    this.#scannerSeconds = host.cpu.scannerSeconds;
    const stored = swapStores.map((store) => store.stats());
    const sum = (numbers: readonly number[]) => numbers.reduce((total, value) => total + value, 0);
    this.samples.add({
      seconds: now,
      pages_saved: pagesSaved,
      opportunities,
      frames_used: host.frames.used,
      store_frames: host.memoryTakenFrames,
      pages_present: pagesPresent,
      zero_pages: zeroPages,
      visits: tally.visits,
      merges: tally.merges,
      copies: host.tally.copies,
      scanner_cpu_share: passed > 0 ? scanned / passed : 0,
      ...(areas.length === 0
        ? {}
        : {
            swap_pages_out: host.swap.tally.pagesOut,
            swap_pages_in: host.swap.tally.pagesIn,
            swap_device_writes: sum(areas.map(({ writes }) => writes)),
            swap_orig_data_size: sum(stored.map(({ orig_data_size }) => orig_data_size)),
            swap_compr_data_size: sum(stored.map(({ compr_data_size }) => compr_data_size)),
            swap_mem_used_total: sum(stored.map(({ mem_used_total }) => mem_used_total)),
          }),
      ...this.scanner.figures(),
    });
  }
}

/** Runs a scenario to its end. */
export async function runSimulation(
  scenario: CheckedScenario,
  options: SimulationOptions,
): Promise<{ readonly result: VariantResult; readonly series: VariantSeries }> {
  const streams = new RandomStreams(options.seed);
  const contents = new Contents(await openSource(scenario));
  const clock = new ManualClock();
  const machine = await openMachine(
    {
      frames: scenario.host.frames,
      cores: scenario.host.cores,
      hasFixedTimeWrites: scenario.host.hasFixedTimeWrites,
      guests: scenario.guests,
      swap: scenario.swap,
      compressedSlots: scenario.compressedSlots,
      tmem: scenario.tmem,
    },
    { contents, random: streams.stream("keys"), clock },
  );
  try {
    const { host } = machine;
    const guests: RunningGuest[] = [];
    for (const [index, checked] of scenario.guests.entries()) {
      const { name, image, order, zeroOnFree, startSeconds, swapSlots } = checked;
      const tmem =
        machine.tmem === null || scenario.tmem === null
          ? null
          : joinTmem(machine.tmem, { ...scenario.tmem, host, contents, guest: index });
      const guest = new Guest({
        host,
        index,
        name,
        image,
        contents,
        zeroOnFree,
        swapSlots,
        ...(tmem === null ? {} : { tmem }),
      });
      const workload = await checked.workload.kind.create({
        guest,
        contents,
        order,
        random: streams.stream(`guest ${name}`),
        streams,
        parameters: checked.workload.parameters,
      });
      guests.push({
        guest,
        workload,
        checked,
        startSeconds,
        tmem,
        hasBooted: false,
        isKilled: false,
      });
    }
    const scanner = scenario.scanner.kind.create({
      host,
      random: streams.stream("scanner"),
      parameters: scenario.scanner.parameters,
    });
    const simulation = new Simulation({ scenario, machine, scanner, guests, clock });
    await simulation.run(options);
    return {
      result: variantResult(simulation, options),
      series: simulation.samples.series(options.name),
    };
  } finally {
    await machine.close();
  }
}
