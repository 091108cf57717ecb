/**
 * Duplicates found when pages are filled, after a proposal for Xen (Kabra and others, xen-devel 2010): one memory
 * manager below all guests looks in a table of contents before it gives a frame, and pages that can be written are
 * shared copy-on-write. It sees a page when the page gets a frame (a first write, a copy, a return from swap) and when
 * a disk request goes through it; what a guest writes in place afterwards it never learns of. Nothing runs by the
 * clock.
 */

import { z } from "zod";
import { ZERO_CONTENT } from "../contents.ts";
import { COSTS } from "../memory/costs.ts";
import type { Host } from "../memory/host.ts";
import { PAGE_CLASS } from "../page-classes.ts";
import { ContentTable, NO_FRAME } from "./content-table.ts";
import { emptyTally, type Scanner, type ScannerKind } from "./scanner.ts";

const parameters = z.strictObject({
  pages: z
    .enum(["all", "read-only"])
    .default("all")
    .describe("read-only: kernel, programs and page cache alone, as in Xen's transcendent memory"),
});

class AtAllocation implements Scanner {
  readonly tally = emptyTally();
  readonly #host: Host;
  readonly #isForAll: boolean;
  readonly #table: ContentTable;
  #unique = 0;

  constructor(host: Host, { pages }: z.infer<typeof parameters>) {
    this.#host = host;
    this.#isForAll = pages === "all";
    this.#table = new ContentTable(host);
  }

  wake(): number {
    return Number.POSITIVE_INFINITY;
  }

  onFilled(page: number): void {
    this.#lookUp(page);
  }

  onDiskIo(page: number): void {
    this.#lookUp(page);
  }

  /** Of pages that came back together, the others follow the first. */
  onSwapIn(page: number): void {
    const { frameOf, mappingsOf, frames } = this.#host;
    const frame = frameOf[page]!;
    this.#lookUp(page);
    const target = frameOf[page]!;
    if (target === frame) return;
    while (mappingsOf[frame]! > 0) this.#merge(frames.firstPageOf[frame]!, target);
  }

  #lookUp(page: number): void {
    const host = this.#host;
    const frame = host.frameOf[page]!;
    if (frame < 0 || host.isZeroFrame(frame)) return;
    if (!this.#isForAll && !isReadOnly(host.classOf[page]!)) return;
    const content = host.contentOf[frame]!;
    const domain = host.domainOf(page);
    if (this.#table.isListed(frame, domain, content)) return;
    this.tally.visits += 1;
    host.cpu.chargeScanner(COSTS.checksumSeconds + COSTS.compareSeconds);
    if (content === ZERO_CONTENT) {
      this.#merge(page, domain);
      return;
    }
    const target = this.#table.find(domain, content);
    if (target !== NO_FRAME) {
      this.#merge(page, target);
      return;
    }
    this.#table.add(frame, domain, content);
    this.#unique += 1;
  }

  #merge(page: number, target: number): void {
    const host = this.#host;
    host.cpu.chargeScanner(COSTS.mergeSeconds);
    this.tally.merges += 1;
    if (host.isZeroFrame(target)) this.tally.zeroMerges += 1;
    host.merge(page, target);
  }

  figures(): Readonly<Record<string, number>> {
    return {
      pages_looked_up: this.tally.visits,
      pages_unique: this.#unique,
      outdated_entries: this.#table.outdated,
    };
  }
}

function isReadOnly(pageClass: number): boolean {
  return (
    pageClass === PAGE_CLASS.kernel ||
    pageClass === PAGE_CLASS.program ||
    pageClass === PAGE_CLASS.pageCache
  );
}

export const atAllocation: ScannerKind<z.infer<typeof parameters>> = {
  kind: "at-allocation",
  summary: "duplicates found when a page is filled, by one memory manager below all guests",
  parameters,
  create: (options) => new AtAllocation(options.host, options.parameters),
};
