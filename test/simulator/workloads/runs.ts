/** Runs of workloads in small guests, and what holds of every one of them. */

import { expect, it } from "vitest";
import type { Guest } from "../../../src/simulator/guest/guest.ts";
import { auditHost } from "../../../src/simulator/memory/audit.ts";
import { PAGE_CLASS, type PageClass } from "../../../src/simulator/page-classes.ts";
import type { Workload, WorkloadKind } from "../../../src/simulator/workloads/workload.ts";
import { type GuestsOptions, mergeAll, type OpenGuests, openGuests } from "./open-guests.ts";

const STEP_SECONDS = 0.1;

export interface WorkloadRun extends OpenGuests {
  readonly workloads: readonly Workload[];
  /** All guests work from where they were to `seconds`; `afterSecond` is called every second. */
  runTo(seconds: number, afterSecond?: () => void): void;
}

/** Guests with that workload, which boot when they are run. */
export async function startRun<P>(
  kind: WorkloadKind<P>,
  parameters: object,
  options: GuestsOptions,
): Promise<WorkloadRun> {
  const world = await openGuests(options);
  const workloads = await Promise.all(
    world.guests.map((_, index) => world.start(kind, index, parameters)),
  );
  let steps = 0;
  const runTo = (seconds: number, afterSecond?: () => void) => {
    for (; steps < Math.round(seconds / STEP_SECONDS); steps++) {
      if (steps === 0) for (const guest of world.guests) guest.boot();
      world.host.nowSeconds = steps * STEP_SECONDS;
      for (const workload of workloads) workload.step(steps * STEP_SECONDS, STEP_SECONDS);
      if (steps % 10 === 9) afterSecond?.();
    }
  };
  return { ...world, workloads, runTo };
}

/** Pages of the guest that it uses for that. */
export function pagesOf(guest: Guest, pageClass: PageClass): number[] {
  const all = Array.from({ length: guest.pages }, (_, index) => guest.firstPage + index);
  return all.filter((page) => guest.host.classOf[page] === pageClass);
}

/** What pages hold, without touching them; those in memory only. */
export function heldBy(guest: Guest, pages: readonly number[]): number[] {
  const { frameOf, contentOf } = guest.host;
  return pages.filter((page) => frameOf[page]! >= 0).map((page) => contentOf[frameOf[page]!]!);
}

/** The tests every workload passes. */
export function behavesAsWorkload<P>(
  kind: WorkloadKind<P>,
  options: { readonly seed: number; readonly parameters?: object },
): void {
  const { seed, parameters = {} } = options;
  const PAGES = 1024;

  it("keeps every invariant of a host that swaps and merges, for a minute", async () => {
    const guests = [{ pages: PAGES, zeroOnFree: true }, { pages: PAGES }];
    const run = await startRun(kind, parameters, {
      seed,
      guests,
      frames: PAGES,
      swapSlots: 2 * PAGES,
    });
    const { host } = run;
    let checks = 0;
    run.runTo(60, () => {
      mergeAll(host);
      if (checks++ % 10 === 0) expect(auditHost(host)).toEqual([]);
    });
    expect(auditHost(host)).toEqual([]);
    await run.close();
  });

  it("reads what it wrote last from every page, as a table of its own has it", async () => {
    const run = await startRun(kind, parameters, { seed, guests: [{ pages: PAGES }] });
    const { host } = run;
    const written = new Map<number, number>();
    const write = host.write.bind(host);
    host.write = (page, content) => {
      written.set(page, content);
      write(page, content);
    };
    run.runTo(20);
    const guest = run.guests[0]!;
    for (const page of pagesOf(guest, PAGE_CLASS.pageCache)) {
      if (written.has(page)) expect(guest.filePageOf(page)).toBe(written.get(page));
    }
    for (const [page, content] of written) expect(host.read(page)).toBe(content);
    await run.close();
  });

  it("does the same again from the same seed", async () => {
    const traces: string[] = [];
    for (let time = 0; time < 2; time++) {
      const run = await startRun(kind, parameters, { seed, guests: [{ pages: PAGES }] });
      run.runTo(20);
      const { host, guests, workloads } = run;
      const held = Array.from(host.frameOf, (frame) => (frame < 0 ? -1 : host.contentOf[frame]));
      traces.push(JSON.stringify([held, guests[0]!.figures(), workloads[0]!.figures?.()]));
      await run.close();
    }
    expect(traces[0]).toBe(traces[1]);
  });

  it("stops where its guest has no memory left, and nowhere else", async () => {
    const run = await startRun(kind, parameters, { seed, guests: [{ pages: 16 }] });
    run.runTo(20);
    const [guest] = run.guests;
    const { frames } = run.host;
    expect(frames.used).toBeLessThanOrEqual(16);
    expect(guest!.freePages).toBeGreaterThanOrEqual(0);
    await run.close();
  });

  it("passes the host's refusal up", async () => {
    const run = await startRun(kind, parameters, { seed, guests: [{ pages: PAGES }], frames: 99 });
    expect(() => run.runTo(60)).toThrow(expect.objectContaining({ code: "NO_SPACE" }));
    await run.close();
  });

  it("describes every parameter, and has a default for each", () => {
    const defaults = kind.parameters.parse({}) as object;
    expect(() => kind.parameters.parse({ no_such_key: 1 })).toThrow();
    expect(Object.keys(defaults).length).toBeGreaterThan(0);
    const { shape } = kind.parameters as unknown as {
      shape: Record<string, { description?: string }>;
    };
    const silent = Object.entries(shape).filter(([, key]) => !key.description);
    expect(silent.map(([key]) => key)).toEqual([]);
  });
}
