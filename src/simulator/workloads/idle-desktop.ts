/**
 * The workload "idle-desktop": somebody logs in, then looks at the desktop now and then. Most of memory never changes
 * after that; the kernel, programs and some files are those of all desktops of the image, documents and the programs'
 * own memory are nobody else's.
 */

import { z } from "zod";
import type { SeededRandom } from "../../base/random.ts";
import { exponential } from "../draws.ts";
import type { Guest } from "../guest/guest.ts";
import { ImageFiles } from "../guest/image-files.ts";
import { Programs } from "../guest/programs.ts";
import { PAGE_CLASS } from "../page-classes.ts";
import { AnonymousContents, AnonymousMemory } from "./anonymous.ts";
import {
  bootKeys,
  bootPlanOf,
  contentKeys,
  contentSharesOf,
  rate,
  seconds,
  share,
} from "./parameters.ts";
import type { Workload, WorkloadKind, WorkloadSurroundings } from "./workload.ts";

const FILE_PAGES = 64;

const parameters = z.strictObject({
  // A third of memory is what a desktop never uses. Of the rest about a fifth is the same in all desktops, the figure
  // that idle-time deduplication was published with.
  ...bootKeys({ kernelShare: 0.09, pageTableShare: 0.005, programShare: 0.05, remainsShare: 0 }),
  // Barker et al.: a few percent of zeros, and of equal pages within a guest.
  ...contentKeys({ zeroShare: 0.03, selfDuplicateShare: 0.02 }),
  files_share: share(
    0.01,
    "files that all desktops of the image read, such as fonts and icons, as a share of memory",
  ),
  documents_share: share(0.12, "files of its own that a desktop reads, as a share of memory"),
  anonymous_share: share(0.4, "memory of its programs, as a share of memory"),
  login_seconds: seconds(20, "time until all of that is in memory"),
  use_every_seconds: seconds(30, "mean time between two uses, which come by chance"),
  use_share: share(0.01, "share of documents read and of programs' memory written at each use"),
  use_core_seconds: rate(1, "processor time of a use, in core-seconds, at most one core at a time"),
  idle_cores: rate(0.02, "processor time it wants all the while, in cores"),
});

type Parameters = z.infer<typeof parameters>;

class IdleDesktop implements Workload {
  readonly #random: SeededRandom;
  readonly #parameters: Parameters;
  readonly #guest: Guest;
  readonly #programs: Programs;
  readonly #files: ImageFiles;
  /** A file of the guest's own. */
  readonly #documents: number;
  readonly #documentPages: number;
  readonly #memory: AnonymousMemory;
  readonly #memoryPages: number;
  #filesRead = 0;
  #documentsRead = 0;
  #nextUseSeconds: number;
  #wantedSeconds = 0;
  #uses = 0;

  constructor(options: WorkloadSurroundings<Parameters>) {
    const { guest, contents, random } = options;
    const own = options.parameters;
    const pagesOf = (part: number) => Math.round(part * guest.pages);
    guest.bootPlan = bootPlanOf(own);
    this.#guest = guest;
    this.#random = random;
    this.#parameters = own;
    this.#programs = new Programs(guest, pagesOf(own.program_share));
    this.#files = new ImageFiles(guest, {
      name: "desktop file",
      pages: pagesOf(own.files_share),
      filePages: FILE_PAGES,
    });
    this.#documentPages = pagesOf(own.documents_share);
    this.#documents = contents.reserve(this.#documentPages);
    this.#memoryPages = pagesOf(own.anonymous_share);
    this.#memory = new AnonymousMemory(guest, {
      contents: new AnonymousContents(guest, { shares: contentSharesOf(own), random }),
      most: this.#memoryPages,
    });
    this.#nextUseSeconds = own.login_seconds + exponential(random, own.use_every_seconds);
  }

  step(nowSeconds: number, stepSeconds: number): number {
    const own = this.#parameters;
    this.#logIn(Math.min(1, (nowSeconds + stepSeconds) / own.login_seconds));
    while (this.#nextUseSeconds < nowSeconds + stepSeconds) {
      this.#use();
      this.#nextUseSeconds += exponential(this.#random, own.use_every_seconds);
    }
    const used = Math.min(stepSeconds, this.#wantedSeconds);
    this.#wantedSeconds -= used;
    return used + own.idle_cores * stepSeconds;
  }

  /** Does the first `done` of it, from 0 to 1. */
  #logIn(done: number): void {
    for (; this.#filesRead < Math.floor(done * this.#files.pages); this.#filesRead++) {
      this.#files.read(this.#filesRead, PAGE_CLASS.pageCache);
    }
    for (; this.#documentsRead < Math.floor(done * this.#documentPages); this.#documentsRead++) {
      this.#guest.fileRead(this.#documents, this.#documentsRead);
    }
    this.#memory.growTo(Math.floor(done * this.#memoryPages));
  }

  #use(): void {
    const { use_share, use_core_seconds } = this.#parameters;
    const { size } = this.#memory;
    this.#programs.readAll();
    const firstRead = this.#random.below(Math.max(1, this.#documentPages));
    for (let count = Math.round(use_share * this.#documentPages) - 1; count >= 0; count--) {
      this.#guest.fileRead(this.#documents, (firstRead + count) % this.#documentPages);
    }
    const firstWritten = this.#random.below(Math.max(1, size));
    for (let count = Math.round(use_share * size) - 1; count >= 0; count--) {
      this.#memory.rewrite((firstWritten + count) % size);
    }
    this.#wantedSeconds += use_core_seconds;
    this.#uses += 1;
  }

  figures(): Record<string, number> {
    return { uses: this.#uses };
  }
}

export const idleDesktop: WorkloadKind<Parameters> = {
  kind: "idle-desktop",
  summary: "logs in, then hardly changes anything; looked at now and then",
  parameters,
  create: (options) => new IdleDesktop(options),
};
