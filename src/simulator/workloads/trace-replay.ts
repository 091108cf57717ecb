/**
 * The workload "trace-replay": what a recorded swap trace wrote to page p of its device is written to the guest's page
 * p, its own bytes, at the time it was recorded. Of a trace with several exports, they lie one after the other.
 *
 * Holds always: every page that is read holds what the trace wrote there last, zeros where it wrote nothing since the
 * start or a discard; anything else would be a fault of the host, and ends the run.
 */

import { z } from "zod";
import { assert } from "../../base/assert.ts";
import { PagefoldError } from "../../base/errors.ts";
import { formatSize, PAGE_BYTES } from "../../base/units.ts";
import type { TraceRecord } from "../../trace/swap/records.ts";
import { TraceReader } from "../../trace/swap/trace-reader.ts";
import { type Contents, ZERO_CONTENT } from "../contents.ts";
import type { Guest } from "../guest/guest.ts";
import { inputFile } from "../input-file.ts";
import { PAGE_CLASS } from "../page-classes.ts";
import type { Workload, WorkloadKind } from "./workload.ts";

const schema = z.strictObject({
  traces: z
    .array(inputFile)
    .min(1)
    .describe(
      "traces that pagefold serve --record made: the first guest of the group takes the first one, and so on, and round again",
    ),
  speed: z.number().positive().default(1).describe("how many times faster than recorded"),
});

/** What a step of a plan does to its pages, if it is not the content to write there. */
const READ = -1;
const DISCARD = -2;

/** A trace, its requests taken apart into runs of whole pages that are treated alike: columns of one length. */
interface Plan {
  readonly atUs: number[];
  readonly firstPage: number[];
  readonly pages: number[];
  readonly what: number[];
}

/** Makes a plan of a trace's records, told in order. */
class Planner {
  readonly plan: Plan = { atUs: [], firstPage: [], pages: [], what: [] };
  readonly #trace: TraceReader;
  readonly #contents: Contents;
  /** By export: the guest's page, from 0 on, that is its first. */
  readonly #firstPageOf: readonly number[];
  /** By the trace's number of a content: ours. */
  readonly #contentOf: number[] = [];
  /** By page: what the trace wrote there last. */
  readonly #held: Int32Array;
  readonly #page = Buffer.alloc(PAGE_BYTES);

  constructor(trace: TraceReader, options: { contents: Contents; firstPageOf: readonly number[] }) {
    this.#trace = trace;
    this.#contents = options.contents;
    this.#firstPageOf = options.firstPageOf;
    this.#held = new Int32Array(devicePages(trace)).fill(ZERO_CONTENT);
  }

  async add(record: TraceRecord): Promise<void> {
    const { kind, timeUs, exportIndex, length } = record;
    if (length === 0) return;
    const begin = this.#firstPageOf[exportIndex]! * PAGE_BYTES + record.offset;
    const end = begin + length;
    const first = Math.ceil(begin / PAGE_BYTES);
    const wholePages = Math.floor(end / PAGE_BYTES) - first;
    if (kind === "read") {
      const touched = Math.floor(begin / PAGE_BYTES);
      this.#add({ timeUs, first: touched, pages: Math.ceil(end / PAGE_BYTES) - touched }, READ);
    } else if (kind === "discard") {
      // The whole pages alone, which is all that a device discards.
      if (wholePages > 0) this.#add({ timeUs, first, pages: wholePages }, DISCARD);
    } else if (kind === "write") {
      this.#patch(timeUs, begin, record.head);
      let page = first;
      for (const content of record.pages) {
        const ours =
          typeof content === "bigint" ? this.#contents.filled(content) : await this.#take(content);
        this.#add({ timeUs, first: page++, pages: 1 }, ours);
      }
      this.#patch(timeUs, end - record.tail.length, record.tail);
    } else if (kind !== "flush") {
      const zeros = Buffer.alloc(PAGE_BYTES);
      const headBytes = Math.min(length, first * PAGE_BYTES - begin);
      this.#patch(timeUs, begin, zeros.subarray(0, headBytes));
      if (wholePages > 0) this.#add({ timeUs, first, pages: wholePages }, ZERO_CONTENT);
      const tailBytes = length - headBytes - Math.max(0, wholePages) * PAGE_BYTES;
      this.#patch(timeUs, end - tailBytes, zeros.subarray(0, tailBytes));
    }
  }

  #add(at: { timeUs: number; first: number; pages: number }, what: number): void {
    this.plan.atUs.push(at.timeUs);
    this.plan.firstPage.push(at.first);
    this.plan.pages.push(at.pages);
    this.plan.what.push(what);
    if (what === READ) return;
    this.#held.fill(what === DISCARD ? ZERO_CONTENT : what, at.first, at.first + at.pages);
  }

  /** A part of a page is written: the page is, with what it holds then. */
  #patch(timeUs: number, offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const first = Math.floor(offset / PAGE_BYTES);
    this.#contents.bytesOf(this.#held[first]!, this.#page);
    this.#page.set(bytes, offset % PAGE_BYTES);
    this.#add({ timeUs, first, pages: 1 }, this.#contents.given(this.#page));
  }

  async #take(content: number): Promise<number> {
    const known = this.#contentOf[content];
    if (known !== undefined) return known;
    const ours = this.#contents.given(await this.#trace.content(content));
    this.#contentOf[content] = ours;
    return ours;
  }
}

function pagesOf({ sizeBytes }: { readonly sizeBytes: number }): number {
  return Math.ceil(sizeBytes / PAGE_BYTES);
}

function devicePages(trace: TraceReader): number {
  return trace.exports.reduce((pages, device) => pages + pagesOf(device), 0);
}

/** @throws PagefoldError OUT_OF_RANGE if the guest is too small, and what TraceReader says of a trace. */
async function planOf(path: string, guest: Guest, contents: Contents): Promise<Plan> {
  const trace = await TraceReader.open(path);
  try {
    const devices = devicePages(trace);
    if (devices > guest.pages) {
      const size = formatSize(devices * PAGE_BYTES);
      throw new PagefoldError(
        "OUT_OF_RANGE",
        `${path} is a trace of ${size} of swap, each page of which is one of the guest's, and guest "${guest.name}" has ${formatSize(guest.pages * PAGE_BYTES)}; give it at least ${(devices * PAGE_BYTES) / 1024}K of memory`,
      );
    }
    let firstPage = 0;
    const firstPageOf = trace.exports.map((device) => {
      const own = firstPage;
      firstPage += pagesOf(device);
      return own;
    });
    const planner = new Planner(trace, { contents, firstPageOf });
    for await (const records of trace.batches()) {
      for (const record of records) await planner.add(record);
    }
    return planner.plan;
  } finally {
    await trace.close();
  }
}

class TraceReplay implements Workload {
  readonly #guest: Guest;
  readonly #plan: Plan;
  readonly #speed: number;
  /** By page: what the trace wrote there last. */
  readonly #held: Int32Array;
  #done = 0;
  #pagesRead = 0;
  #pagesWritten = 0;
  #pagesDiscarded = 0;

  constructor(plan: Plan, options: { readonly guest: Guest; readonly speed: number }) {
    this.#guest = options.guest;
    this.#plan = plan;
    this.#speed = options.speed;
    this.#held = new Int32Array(options.guest.pages).fill(ZERO_CONTENT);
  }

  step(nowSeconds: number, stepSeconds: number): number {
    const { atUs } = this.#plan;
    const untilUs = (nowSeconds + stepSeconds) * this.#speed * 1e6;
    while (this.#done < atUs.length && atUs[this.#done]! < untilUs) this.#do(this.#done++);
    // A trace tells what was asked of the device, and nothing of what the processor did in between.
    return 0;
  }

  #do(index: number): void {
    const { firstPage, pages, what } = this.#plan;
    const first = firstPage[index]!;
    const end = first + pages[index]!;
    if (what[index] === READ) {
      for (let page = first; page < end; page++) this.#read(page);
    } else if (what[index] === DISCARD) {
      for (let page = first; page < end; page++) this.#discard(page);
    } else {
      for (let page = first; page < end; page++) this.#write(page, what[index]!);
    }
  }

  #read(page: number): void {
    const { host, firstPage } = this.#guest;
    const content = host.read(firstPage + page);
    assert(content === this.#held[page], "a page reads as the trace wrote it");
    this.#pagesRead += 1;
  }

  #write(page: number, content: number): void {
    const { host, firstPage } = this.#guest;
    host.setClass(firstPage + page, PAGE_CLASS.anonymous);
    host.write(firstPage + page, content);
    this.#held[page] = content;
    this.#pagesWritten += 1;
  }

  #discard(page: number): void {
    const { host, firstPage } = this.#guest;
    host.discard(firstPage + page);
    host.setClass(firstPage + page, PAGE_CLASS.free);
    this.#held[page] = ZERO_CONTENT;
    this.#pagesDiscarded += 1;
  }

  figures(): Readonly<Record<string, number>> {
    const { atUs } = this.#plan;
    return {
      pages_read: this.#pagesRead,
      pages_written: this.#pagesWritten,
      pages_discarded: this.#pagesDiscarded,
      share_replayed: atUs.length === 0 ? 1 : this.#done / atUs.length,
    };
  }
}

export const traceReplay: WorkloadKind<z.infer<typeof schema>> = {
  kind: "trace-replay",
  summary: "recorded swap traces, one a guest: the same pages and bytes at the same times",
  parameters: schema,
  async create({ guest, contents, order, parameters }) {
    const { traces, speed } = parameters;
    const plan = await planOf(traces[order % traces.length]!, guest, contents);
    return new TraceReplay(plan, { guest, speed });
  },
};
