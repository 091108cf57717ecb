import { afterEach, describe, expect, it } from "vitest";
import { PAGE_CLASS } from "../../../src/simulator/page-classes.ts";
import { webServer } from "../../../src/simulator/workloads/web-server.ts";
import { testSeed } from "../../support/seed.ts";
import { behavesAsWorkload, heldBy, pagesOf, startRun, type WorkloadRun } from "./runs.ts";

const seed = testSeed("web server");
const PAGES = 8192;

let run: WorkloadRun | undefined;
afterEach(async () => {
  await run?.close();
  run = undefined;
});

async function servers(count: number, parameters: object = {}): Promise<WorkloadRun> {
  run = await startRun(webServer, parameters, {
    seed,
    guests: Array.from({ length: count }, () => ({ pages: PAGES })),
  });
  return run;
}

const documentsOf = (guest: WorkloadRun["guests"][number]) =>
  heldBy(guest, pagesOf(guest, PAGE_CLASS.pageCache));

describe("web-server", () => {
  behavesAsWorkload(webServer, { seed });

  it("serves as many requests as come by chance at its rate", async () => {
    const { workloads, runTo } = await servers(1);
    runTo(30);
    const expected = 200 * 30;
    const served = workloads[0]!.figures!().requests!;
    expect(Math.abs(served - expected)).toBeLessThan(5 * Math.sqrt(expected));
  });

  it("holds buffers for as long as Little's law says", async () => {
    const { guests, runTo } = await servers(1, {
      workers_share: 0,
      documents_share: 0.1,
      requests_per_second: 500,
      buffer_pages: 2,
    });
    runTo(10);
    const counts: number[] = [];
    for (let seconds = 11; seconds <= 60; seconds++) {
      runTo(seconds);
      counts.push(pagesOf(guests[0]!, PAGE_CLASS.anonymous).length / 2);
    }
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    // Requests' times are a median of 0.2 s x exp(sigma^2 / 2), and what a step of 0.1 s and a tick of 1/16 s add.
    const expected = 500 * 0.2 * Math.exp(0.5);
    const rounding = 500 * (0.1 + 1 / 16);
    expect(mean).toBeGreaterThan(expected - 5 * Math.sqrt(expected / counts.length));
    expect(mean).toBeLessThan(expected + rounding + 5 * Math.sqrt(expected / counts.length));
  });

  it("fills memory with documents and keeps the popular ones", async () => {
    const { guests, runTo } = await servers(1, { requests_per_second: 400, zipf_theta: 1.2 });
    runTo(60);
    const guest = guests[0]!;
    expect(guest.freePages).toBeLessThan(PAGES / 10);
    const { cacheHits, cacheMisses, cacheEvictions } = guest.tally;
    expect(cacheEvictions).toBeGreaterThan(0);
    // Half of all documents fit: chosen alike, not more than half of the reads would hit.
    expect(cacheHits / (cacheHits + cacheMisses)).toBeGreaterThan(0.75);
  });

  it("serves the documents of its image, or its own", async () => {
    const common = (equal: boolean) => async () => {
      const { guests, runTo } = await servers(2, { equal_documents: equal, zipf_theta: 1.2 });
      runTo(10);
      const one = new Set(documentsOf(guests[0]!));
      const count = documentsOf(guests[1]!).filter((content) => one.has(content)).length;
      await run!.close();
      return count;
    };
    expect(await common(true)()).toBeGreaterThan(PAGES / 20);
    expect(await common(false)()).toBe(0);
    run = undefined;
  });

  it("refuses more documents than it can choose from", async () => {
    const parameters = { documents_share: 100, document_pages: 1 };
    const large = startRun(webServer, parameters, { seed, guests: [{ pages: 50_000 }] });
    await expect(large).rejects.toThrow("cannot serve 5000000 documents, at most 4194304");
  });

  it("writes a page of log for so many requests", async () => {
    const { guests, workloads, runTo } = await servers(1);
    runTo(30);
    guests[0]!.writeBack();
    const requests = workloads[0]!.figures!().requests!;
    expect(guests[0]!.tally.writeBacks).toBe(Math.floor(requests / 20));
  });
});
