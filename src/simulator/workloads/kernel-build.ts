/**
 * The workload "kernel-build": a guest compiles a tree. Each job compiles one unit after the other (a unit stands for
 * some ten source files): it reads the headers it needs, which others have read before, takes memory while it
 * compiles, writes object files and ends. Entering a directory reads its sources in a burst. What is read and written
 * goes from the page cache after a time of a log-normal law, and what comes next overwrites it.
 *
 * Sizes are shares of the guest's memory, so that a build in a smaller guest is the same build, scaled.
 */

import type { SeededRandom } from "../../base/random.ts";
import { evenly, happens, logNormal } from "../draws.ts";
import type { Guest } from "../guest/guest.ts";
import { ImageFiles } from "../guest/image-files.ts";
import { Programs } from "../guest/programs.ts";
import { AnonymousContents, AnonymousMemory } from "./anonymous.ts";
import { Carry } from "./carry.ts";
import { type KernelBuildParameters, kernelBuildParameters } from "./kernel-build-parameters.ts";
import { bootPlanOf, contentSharesOf } from "./parameters.ts";
import { ShortLivedFiles } from "./short-lived-files.ts";
import type { Workload, WorkloadKind, WorkloadSurroundings } from "./workload.ts";

/** Compilers differ: a unit takes from half of compiler_share to one and a half times as much. */
const LEAST_COMPILER = 0.5;
const MOST_COMPILER = 1.5;
/** Of no consequence: how the tree's pages are cut into runs of contents. */
const FILE_PAGES = 256;

/** What all guests that build the tree agree on. */
interface Tree {
  readonly headers: ImageFiles;
  readonly sources: ImageFiles;
  readonly objects: ImageFiles;
  /** By unit: where the headers it reads begin, as a share of them; whether its objects are the same everywhere. */
  readonly headersFrom: Float64Array;
  readonly hasEqualObjects: Uint8Array;
}

function treeOf({ guest, streams, parameters }: WorkloadSurroundings<KernelBuildParameters>): Tree {
  const random = streams.stream(`tree of ${guest.image}`);
  const files = (name: string, part: number) =>
    new ImageFiles(guest, { name, pages: Math.round(part * guest.pages), filePages: FILE_PAGES });
  const { units } = parameters;
  return {
    headers: files("header", parameters.header_share),
    sources: files("source", units * parameters.sources_per_unit),
    objects: files("object", units * parameters.objects_per_unit),
    headersFrom: Float64Array.from({ length: units }, () => evenly(random, 0, 1)),
    hasEqualObjects: Uint8Array.from({ length: units }, () =>
      happens(random, parameters.equal_objects_share) ? 1 : 0,
    ),
  };
}

/** One after the other compiles units. */
interface Job {
  readonly memory: AnonymousMemory;
  readonly rewrites: Carry;
  /** The unit at work; -1 before the first. */
  unit: number;
  /** Whether it reads headers still: which is next, and where they end. */
  isReading: boolean;
  header: number;
  headersEnd: number;
  beganSeconds: number;
  endsSeconds: number;
  mostPages: number;
}

interface Step {
  readonly nowSeconds: number;
  readonly stepSeconds: number;
}

class KernelBuild implements Workload {
  readonly #guest: Guest;
  readonly #random: SeededRandom;
  readonly #parameters: KernelBuildParameters;
  readonly #delaySeconds: number;
  readonly #tree: Tree;
  readonly #programs: Programs;
  readonly #backgroundPages: number;
  readonly #background: AnonymousMemory;
  readonly #jobs: readonly Job[];
  readonly #files: ShortLivedFiles;
  readonly #disk = new Carry();
  #unitsBegun = 0;
  /** Pages of sources read in this build, and how many are wanted so far. */
  #sourcesRead = 0;
  #sourcesWanted = 0;
  /** How many pages the disk can read in what is left of the step. */
  #readsLeft = 0;
  #swapReads = 0;
  #writeBackSeconds = 0;

  constructor(options: WorkloadSurroundings<KernelBuildParameters>) {
    const { guest, random, order, parameters } = options;
    const pagesOf = (part: number) => Math.round(part * guest.pages);
    guest.bootPlan = bootPlanOf(parameters);
    this.#guest = guest;
    this.#random = random;
    this.#parameters = parameters;
    this.#delaySeconds = order * parameters.skew_seconds;
    this.#tree = treeOf(options);
    this.#programs = new Programs(guest, pagesOf(parameters.program_share));
    const contents = new AnonymousContents(guest, { shares: contentSharesOf(parameters), random });
    this.#backgroundPages = pagesOf(parameters.background_share);
    this.#background = new AnonymousMemory(guest, { contents, most: this.#backgroundPages });
    this.#jobs = Array.from({ length: parameters.jobs }, () => ({
      memory: new AnonymousMemory(guest, {
        contents,
        most: pagesOf(MOST_COMPILER * parameters.compiler_share),
      }),
      rewrites: new Carry(),
      unit: -1,
      isReading: false,
      header: 0,
      headersEnd: 0,
      beganSeconds: 0,
      endsSeconds: this.#delaySeconds,
      mostPages: 0,
    }));
    this.#files = new ShortLivedFiles(guest, {
      random,
      medianSeconds: parameters.lifetime_seconds,
      sigma: parameters.lifetime_sigma,
    });
  }

  step(nowSeconds: number, stepSeconds: number): number {
    this.#background.growTo(this.#backgroundPages);
    if (nowSeconds < this.#delaySeconds) return 0;
    this.#files.expire(nowSeconds);
    const diskSpeed = this.#parameters.disk_share_per_second * this.#guest.pages;
    this.#readsLeft = this.#disk.take(diskSpeed * stepSeconds) - this.#takeSwapReads();
    for (const job of this.#jobs) this.#work(job, { nowSeconds, stepSeconds });
    this.#readSources(nowSeconds);
    if (nowSeconds >= this.#writeBackSeconds) {
      this.#guest.writeBack();
      // Compilers use them all the time; so often is enough for them to stay in memory.
      this.#programs.readAll();
      this.#writeBackSeconds = nowSeconds + this.#parameters.write_back_seconds;
    }
    return this.#parameters.jobs * this.#parameters.job_cores * stepSeconds;
  }

  /** What the disk has read for swap since last time: it can read so much less of the tree. */
  #takeSwapReads(): number {
    const reads = this.#guest.swap?.tally.diskReads ?? 0;
    const more = reads - this.#swapReads;
    this.#swapReads = reads;
    return more - Math.min(0, this.#readsLeft);
  }

  #work(job: Job, step: Step): void {
    for (;;) {
      if (job.isReading) {
        this.#readHeaders(job, step.nowSeconds);
        if (job.header < job.headersEnd) {
          job.beganSeconds = step.nowSeconds + step.stepSeconds;
          return;
        }
        this.#startCompiler(job);
      }
      if (job.endsSeconds > step.nowSeconds) break;
      if (job.unit >= 0) this.#writeObjects(job.unit, job.endsSeconds);
      job.memory.shrinkTo(0);
      this.#beginUnit(job);
    }
    this.#useMemory(job, step);
  }

  #beginUnit(job: Job): void {
    const { units, units_per_directory, headers_per_unit } = this.#parameters;
    const { headers, headersFrom } = this.#tree;
    job.unit = this.#unitsBegun % units;
    this.#unitsBegun += 1;
    if (job.unit % units_per_directory === 0) this.#enterDirectory(job.unit);
    job.isReading = true;
    job.beganSeconds = job.endsSeconds;
    job.header = Math.floor(headersFrom[job.unit]! * headers.pages);
    job.headersEnd = job.header + Math.round(headers_per_unit * headers.pages);
  }

  #startCompiler(job: Job): void {
    const { unit_seconds, unit_sigma, compiler_share } = this.#parameters;
    job.isReading = false;
    job.endsSeconds = job.beganSeconds + logNormal(this.#random, unit_seconds, unit_sigma);
    const size = evenly(this.#random, LEAST_COMPILER, MOST_COMPILER) * compiler_share;
    job.mostPages = Math.floor(size * this.#guest.pages);
  }

  #enterDirectory(unit: number): void {
    const { units, units_per_directory } = this.#parameters;
    if (unit === 0) this.#sourcesRead = 0;
    const last = Math.min(units, unit + units_per_directory);
    this.#sourcesWanted = Math.floor((last / units) * this.#tree.sources.pages);
  }

  /** Reads what the disk has time for. */
  #readSources(nowSeconds: number): void {
    const { sources } = this.#tree;
    for (; this.#sourcesRead < this.#sourcesWanted && this.#readsLeft > 0; this.#sourcesRead++) {
      if (this.#files.read(sources.contentOf(this.#sourcesRead), nowSeconds)) this.#readsLeft -= 1;
    }
  }

  /** Reads what the disk has time for; what is in memory takes none. */
  #readHeaders(job: Job, nowSeconds: number): void {
    const { headers } = this.#tree;
    for (; job.header < job.headersEnd && this.#readsLeft > 0; job.header++) {
      const isMiss = this.#files.read(headers.contentOf(job.header % headers.pages), nowSeconds);
      if (isMiss) this.#readsLeft -= 1;
    }
  }

  #writeObjects(unit: number, nowSeconds: number): void {
    const { objects, hasEqualObjects } = this.#tree;
    const { units } = this.#parameters;
    const first = Math.floor((unit / units) * objects.pages);
    const end = Math.floor(((unit + 1) / units) * objects.pages);
    const own = hasEqualObjects[unit] === 1 ? -1 : this.#guest.contents.reserve(end - first);
    for (let index = first; index < end; index++) {
      this.#files.write(own < 0 ? objects.contentOf(index) : own + index - first, nowSeconds);
    }
  }

  /** Takes memory as its unit goes on, and writes what it has. */
  #useMemory(job: Job, { nowSeconds, stepSeconds }: Step): void {
    const { memory } = job;
    const done = (nowSeconds - job.beganSeconds) / (job.endsSeconds - job.beganSeconds);
    memory.growTo(Math.floor(done * job.mostPages));
    const perSecond = this.#parameters.rewrites_per_second * memory.size;
    for (let left = job.rewrites.take(perSecond * stepSeconds); left > 0; left--) {
      memory.rewrite(this.#random.below(memory.size));
    }
  }

  figures(): Record<string, number> {
    return { units_begun: this.#unitsBegun };
  }
}

export const kernelBuild: WorkloadKind<KernelBuildParameters> = {
  kind: "kernel-build",
  summary: "compiles a tree: bursts of reads, a page cache that soon goes, compilers' memory",
  parameters: kernelBuildParameters,
  create: (options) => new KernelBuild(options),
};
