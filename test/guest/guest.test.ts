/**
 * Real kernels under memory pressure, their swap a disk of `pagefold serve`: programs get right results, swap is given
 * back, and the store's books agree at every second. PAGEFOLD_GUEST_REQUIRED=1 fails where others skip.
 */

import { beforeAll, describe, expect, it } from "vitest";
import { prepareGuests } from "./kernel.ts";
import { type NbdClient, runSession, type Session } from "./session.ts";
import { dicts, heap, noise } from "./workloads.ts";

const PAGE_BYTES = 4096;
const DISK_PAGES = 2 ** 30 / PAGE_BYTES;

const { kernel, reason } = prepareGuests();
const workloads = [dicts(350_003, 1), noise(2001, 1), heap(450_007, 1)];

interface Guest {
  readonly client: NbdClient;
  readonly title: string;
  readonly memoryLimit?: string;
}

const GUESTS: readonly Guest[] = [
  { client: "qemu", title: "a guest whose virtio disk QEMU gets by NBD" },
  { client: "kernel", title: "a guest whose own kernel speaks NBD" },
  { client: "qemu", title: "a guest most of whose swap goes to the log", memoryLimit: "16M" },
];

describe.skipIf(reason !== "").each(GUESTS)("$title", ({ client, memoryLimit }) => {
  let session: Session;
  beforeAll(async () => {
    const limit = memoryLimit === undefined ? {} : { memoryLimit };
    session = await runSession({ kernel, client, workloads, ...limit });
    const { pswpout, pswpin } = session.report;
    const most = Math.max(...session.samples.map(({ store }) => store.mem_used_max));
    const { exports, store } = session.samples.at(-1)!;
    console.log(
      `${client}: ${pswpout} pages out, ${pswpin} in, ${most} bytes of memory at most, ${store.bd_writes} objects to the log, ${store.bd_reads} read from it, ${JSON.stringify(exports[0]!.requests)}`,
    );
  });

  if (memoryLimit !== undefined) {
    it("keeps most of what is swapped on the log", () => {
      const fullest = session.samples.reduce((best, sample) =>
        sample.store.objects > best.store.objects ? sample : best,
      );
      const { objects, bd_count, bd_data_size, compr_data_size } = fullest.store;
      expect(bd_count).toBeGreaterThan(objects / 2);
      expect(bd_data_size).toBeGreaterThan(compr_data_size);
    });
  }

  it.each(workloads)("$script computes what the host computes", ({ script, expected }) => {
    const result = session.report.results.find((candidate) => candidate.script === script);
    expect(result?.printed).toBe(expected());
  });

  it("swaps tens of thousands of pages out and in", () => {
    const { pswpout, pswpin } = session.report;
    expect(Math.min(pswpout, pswpin)).toBeGreaterThan(30_000);
  });

  it("logs no I/O error", () => {
    const errors =
      /I\/O error|(read|write)-error|nbd\d.*(error|fail|timed out|dead|attempted)|out of memory/i;
    expect(session.report.messages.filter((message) => errors.test(message))).toEqual([]);
    expect(session.report.messages.length).toBeGreaterThan(50);
  });

  it("has no request refused", () => {
    const { failed_reads, failed_writes, requests } = session.samples.at(-1)!.exports[0]!;
    expect([failed_reads, failed_writes, requests.errors]).toEqual([0, 0, 0]);
  });

  it("discards swap it has freed, beyond the whole disk at the start and the end", () => {
    const { notify_free } = session.samples.at(-1)!.exports[0]!;
    expect(notify_free - 2 * DISK_PAGES).toBeGreaterThan(10_000);
  });

  it("leaves nothing in the store", () => {
    const { orig_data_size, compr_data_size, objects } = session.samples.at(-1)!.store;
    expect({ orig_data_size, compr_data_size, objects }).toEqual({
      orig_data_size: 0,
      compr_data_size: 0,
      objects: 0,
    });
  });

  it("finds the store's books in agreement at every second", () => {
    const differences = session.samples.map(({ store, identity_difference }) => {
      const pages = store.same_pages + store.dup_pages + store.objects;
      return [store.orig_data_size - PAGE_BYTES * pages, identity_difference];
    });
    expect(differences).toEqual(differences.map(() => [0, 0]));
    expect(differences.length).toBeGreaterThan(10);
  });
});
