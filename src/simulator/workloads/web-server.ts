/**
 * The workload "web-server": requests come by chance and read documents of Zipf's popularity through the page cache,
 * which keeps as many as fit; each takes buffers for a time of a log-normal law and leaves a line in a log.
 */

import { z } from "zod";
import type { AliasTable } from "../../base/alias-table.ts";
import { PagefoldError } from "../../base/errors.ts";
import type { SeededRandom } from "../../base/random.ts";
import { exponential, logNormal, zipfTable } from "../draws.ts";
import { type Guest, NO_PAGE } from "../guest/guest.ts";
import { ImageFiles } from "../guest/image-files.ts";
import { Programs } from "../guest/programs.ts";
import { PAGE_CLASS } from "../page-classes.ts";
import { AnonymousContents, AnonymousMemory } from "./anonymous.ts";
import { Carry } from "./carry.ts";
import { Lifetimes } from "./lifetimes.ts";
import {
  bootKeys,
  bootPlanOf,
  contentKeys,
  contentSharesOf,
  rate,
  seconds,
  share,
  sigma,
} from "./parameters.ts";
import type { Workload, WorkloadKind, WorkloadSurroundings } from "./workload.ts";

const FILE_PAGES = 1024;
/** A table of 12 bytes each says how popular they are. */
const MOST_DOCUMENTS = 2 ** 22;

const parameters = z.strictObject({
  ...bootKeys({ kernelShare: 0.09, pageTableShare: 0.005, programShare: 0.04, remainsShare: 0 }),
  ...contentKeys({ zeroShare: 0.03, selfDuplicateShare: 0.05 }),
  workers_share: share(0.15, "memory of the server's programs, as a share of memory"),
  rewrites_per_second: rate(0.02, "how often each page of it is written, a second"),
  // More than fit, so that the cache has to choose.
  documents_share: z
    .number()
    .gt(0)
    .max(100)
    .default(1.5)
    .describe("all documents, as a share of memory; above 1 they do not fit"),
  equal_documents: z
    .boolean()
    .default(true)
    .describe("servers of an image serve the same documents"),
  document_pages: z.int().min(1).max(1024).default(16).describe("pages of a document"),
  // Breslau et al. 1999: 0.64 to 0.83 at web proxies; at a site's own server requests are closer together.
  zipf_theta: z.number().min(0).max(2).default(0.9).describe("Zipf's exponent of the documents"),
  requests_per_second: rate(200, "requests a second, on average"),
  request_core_seconds: rate(0.0005, "processor time of a request, in core-seconds"),
  buffer_pages: z.int().min(0).max(1024).default(8).describe("memory a request takes, in pages"),
  buffer_seconds: seconds(0.2, "and for how long, the median of a log-normal law"),
  buffer_sigma: sigma(1, "standard deviation of that time's logarithm"),
  requests_per_log_page: z.int().min(1).max(1e6).default(20).describe("requests a page of log has"),
  // Linux: dirty_writeback_centisecs.
  write_back_seconds: seconds(5, "time between two write-backs of the log"),
});

type Parameters = z.infer<typeof parameters>;

class WebServer implements Workload {
  readonly #guest: Guest;
  readonly #random: SeededRandom;
  readonly #parameters: Parameters;
  readonly #programs: Programs;
  readonly #workers: AnonymousMemory;
  readonly #workersPages: number;
  readonly #rewrites = new Carry();
  readonly #contents: AnonymousContents;
  readonly #buffers: Lifetimes;
  readonly #documents: ImageFiles;
  readonly #popularity: AliasTable;
  #nextSeconds: number;
  #requests = 0;
  #writeBackSeconds = 0;

  constructor(options: WorkloadSurroundings<Parameters>) {
    const { guest, random } = options;
    const own = options.parameters;
    const pagesOf = (part: number) => Math.round(part * guest.pages);
    guest.bootPlan = bootPlanOf(own);
    this.#guest = guest;
    this.#random = random;
    this.#parameters = own;
    this.#programs = new Programs(guest, pagesOf(own.program_share));
    this.#contents = new AnonymousContents(guest, { shares: contentSharesOf(own), random });
    this.#workersPages = pagesOf(own.workers_share);
    this.#workers = new AnonymousMemory(guest, {
      contents: this.#contents,
      most: this.#workersPages,
    });
    this.#buffers = new Lifetimes(guest);
    const documents = Math.max(1, Math.round(pagesOf(own.documents_share) / own.document_pages));
    if (documents > MOST_DOCUMENTS) {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        `guest "${guest.name}" cannot serve ${documents} documents, at most ${MOST_DOCUMENTS}: give a smaller "documents_share" or more "document_pages"`,
      );
    }
    this.#documents = new ImageFiles(guest, {
      name: own.equal_documents ? "document" : `document of ${guest.name}`,
      pages: documents * own.document_pages,
      filePages: FILE_PAGES,
    });
    this.#popularity = zipfTable(documents, own.zipf_theta);
    this.#nextSeconds = this.#pauseSeconds();
  }

  #pauseSeconds(): number {
    const { requests_per_second } = this.#parameters;
    if (requests_per_second === 0) return Number.POSITIVE_INFINITY;
    return exponential(this.#random, 1 / requests_per_second);
  }

  step(nowSeconds: number, stepSeconds: number): number {
    const own = this.#parameters;
    const end = nowSeconds + stepSeconds;
    const before = this.#requests;
    this.#workers.growTo(this.#workersPages);
    this.#releaseBuffers(nowSeconds);
    for (; this.#nextSeconds < end; this.#nextSeconds += this.#pauseSeconds()) this.#serve();
    const rewrites = own.rewrites_per_second * this.#workers.size * stepSeconds;
    for (let left = this.#rewrites.take(rewrites); left > 0; left--) {
      this.#workers.rewrite(this.#random.below(this.#workers.size));
    }
    if (nowSeconds >= this.#writeBackSeconds) {
      this.#guest.writeBack();
      // Often enough for them to stay in memory.
      this.#programs.readAll();
      this.#writeBackSeconds = nowSeconds + own.write_back_seconds;
    }
    return (this.#requests - before) * own.request_core_seconds;
  }

  #serve(): void {
    const { document_pages, buffer_pages, requests_per_log_page } = this.#parameters;
    const first = this.#popularity.draw(this.#random) * document_pages;
    for (let index = first; index < first + document_pages; index++) {
      this.#documents.read(index, PAGE_CLASS.pageCache);
    }
    for (let left = buffer_pages; left > 0; left--) this.#takeBuffer();
    this.#requests += 1;
    if (this.#requests % requests_per_log_page === 0) {
      this.#guest.fileWrite(this.#guest.contents.fresh(), 0);
    }
  }

  #takeBuffer(): void {
    const { buffer_seconds, buffer_sigma } = this.#parameters;
    const page = this.#guest.allocate(PAGE_CLASS.anonymous);
    if (page === NO_PAGE) return;
    this.#guest.write(page, this.#contents.next());
    const lifetime = logNormal(this.#random, buffer_seconds, buffer_sigma);
    this.#buffers.end(page, this.#nextSeconds + lifetime);
  }

  #releaseBuffers(nowSeconds: number): void {
    for (;;) {
      const page = this.#buffers.next(nowSeconds);
      if (page === NO_PAGE) return;
      this.#guest.free(page);
    }
  }

  figures(): Record<string, number> {
    return { requests: this.#requests };
  }
}

export const webServer: WorkloadKind<Parameters> = {
  kind: "web-server",
  summary: "serves documents from a hot page cache, with buffers that live for a moment",
  parameters,
  create: (options) => new WebServer(options),
};
