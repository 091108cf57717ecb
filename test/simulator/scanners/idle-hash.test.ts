/** Duplicates found by hash in idle time. That contents and invariants hold is in conformance.test.ts. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { COSTS } from "../../../src/simulator/memory/costs.ts";
import type { Host } from "../../../src/simulator/memory/host.ts";
import { PAGE_CLASS } from "../../../src/simulator/page-classes.ts";
import { idleHash } from "../../../src/simulator/scanners/idle-hash.ts";
import type { Scanner } from "../../../src/simulator/scanners/scanner.ts";
import { testSeed } from "../../support/seed.ts";
import { distinctContents, type SmallMachine, smallMachine } from "../memory/small-machine.ts";

const A = 2;
const B = 4;
const HASH_SECONDS = COSTS.followSeconds + COSTS.sha1Seconds;

async function scanned(
  machine: SmallMachine,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly host: Host; readonly scanner: Scanner }> {
  const host = await smallMachine(machine);
  const scanner = idleHash.create({
    host,
    random: new SeededRandom(1),
    parameters: idleHash.parameters.parse(settings),
  });
  host.setHooks(scanner);
  return { host, scanner };
}

/** Wakes the scanner when it wants to be until `untilSeconds`, processors being idle all the time. */
function idleUntil(host: Host, scanner: Scanner, untilSeconds: number): void {
  while (host.nowSeconds <= untilSeconds) {
    host.cpu.endStep(0.1, 0);
    host.nowSeconds = scanner.wake(host.nowSeconds);
  }
}

function setClasses(host: Host, pageClass: number, pages: readonly number[]): void {
  for (const page of pages) host.classOf[page] = pageClass;
}

describe("idle-hash", () => {
  it("takes its share of idle time, and one page's work more at most", async () => {
    const { host, scanner } = await scanned({ guestPages: [2000], frames: 2000 });
    for (let page = 0; page < 2000; page++) host.write(page, 1 + page);
    host.cpu.endStep(0.01, 0.006);
    scanner.wake(0);
    const taken = host.cpu.scannerSeconds;
    expect(taken).toBeGreaterThanOrEqual(0.002);
    expect(taken).toBeLessThan(0.002 + 2 * HASH_SECONDS);
    expect(scanner.tally.visits).toBe(Math.ceil(0.002 / HASH_SECONDS));
  });

  it("does nothing while processors are busy, and goes on where it was", async () => {
    const { host, scanner } = await scanned({ guestPages: [100], frames: 100 });
    for (let page = 0; page < 100; page++) host.write(page, 1 + page);
    for (let step = 0; step < 5; step++) {
      host.cpu.endStep(0.1, 0.1);
      expect(scanner.wake(step / 10)).toBeCloseTo((step + 1) / 10, 9);
    }
    expect(scanner.tally.visits).toBe(0);
    host.cpu.endStep(0.1, 0);
    scanner.wake(0.5);
    expect(scanner.figures().full_scans).toBe(1);
    expect(scanner.tally.visits).toBe(100);
  });

  it("shares read-only pages at once, others when they stayed constant", async () => {
    const settings = { period_seconds: 10, constant_seconds: 20 };
    const { host, scanner } = await scanned({ guestPages: [3, 3], frames: 6 }, settings);
    setClasses(host, PAGE_CLASS.kernel, [0]);
    setClasses(host, PAGE_CLASS.program, [3]);
    setClasses(host, PAGE_CLASS.anonymous, [1, 2, 4, 5]);
    for (const page of [0, 3]) host.write(page, A);
    for (const page of [1, 2, 4, 5]) host.write(page, B);
    idleUntil(host, scanner, 5);
    expect(host.frameOf[3]).toBe(host.frameOf[0]);
    expect(host.frames.used).toBe(5);

    host.write(5, 100);
    idleUntil(host, scanner, 15);
    host.write(5, B);
    expect(host.frames.used).toBe(5);
    idleUntil(host, scanner, 25);
    expect(host.frames.used).toBe(3);
    expect(host.frameOf[5]).not.toBe(host.frameOf[1]);
    idleUntil(host, scanner, 45);
    expect(host.frames.used).toBe(2);
  });

  it("puts pages of zeros on the zero frame and counts them apart", async () => {
    const { host, scanner } = await scanned(
      { guestPages: [4], frames: 4 },
      { constant_seconds: 0 },
    );
    for (let page = 0; page < 4; page++) host.write(page, page < 3 ? 0 : A);
    idleUntil(host, scanner, 1);
    expect(host.frames.used).toBe(1);
    expect(scanner.tally).toMatchObject({ merges: 3, zeroMerges: 3 });
    expect(scanner.figures().zero_pages_merged).toBe(3);
  });

  it("takes every opportunity there is once nothing changes, in each domain", async () => {
    const random = new SeededRandom(testSeed("idle-hash"));
    const pages = 600;
    const { host, scanner } = await scanned({
      guestPages: [200, 200, 200],
      domains: [0, 0, 1],
      frames: pages,
    });
    for (let round = 0; round < 3; round++) {
      for (let write = 0; write < pages; write++) {
        host.write(random.below(pages), random.below(150));
        if (random.below(4) === 0) host.discard(random.below(pages));
      }
      idleUntil(host, scanner, host.nowSeconds + 41);
      expect(host.frames.used).toBe(distinctContents(host));
    }
  });

  it("begins passes no oftener than it was told", async () => {
    const { host, scanner } = await scanned(
      { guestPages: [10], frames: 10 },
      { period_seconds: 7 },
    );
    for (let page = 0; page < 10; page++) host.write(page, 1 + page);
    idleUntil(host, scanner, 34);
    expect(scanner.figures().full_scans).toBe(5);
    expect(scanner.tally.visits).toBe(50);
  });

  it("hashes a shared page no more until it was written", async () => {
    const { host, scanner } = await scanned(
      { guestPages: [2], frames: 2 },
      { constant_seconds: 0 },
    );
    host.write(0, A);
    host.write(1, A);
    idleUntil(host, scanner, 5);
    const taken = host.cpu.scannerSeconds;
    idleUntil(host, scanner, 100);
    expect(scanner.tally.visits).toBe(2);
    // It comes to both all the same, once in each pass after the first.
    const passes = scanner.figures().full_scans! - 1;
    expect(passes).toBeGreaterThan(8);
    expect(host.cpu.scannerSeconds - taken).toBeCloseTo(passes * 2 * COSTS.followSeconds, 12);
    host.write(1, B);
    idleUntil(host, scanner, host.nowSeconds + 15);
    expect(scanner.tally.visits).toBe(3);
  });

  it("forgets frames that do not hold what they did", async () => {
    const { host, scanner } = await scanned(
      { guestPages: [3], frames: 3 },
      { constant_seconds: 0 },
    );
    host.write(0, A);
    idleUntil(host, scanner, 5);
    host.write(0, B);
    host.write(1, A);
    idleUntil(host, scanner, 15);
    expect(host.frames.used).toBe(2);
    host.write(2, A);
    idleUntil(host, scanner, 25);
    expect(host.frames.used).toBe(2);
    expect(scanner.figures().tree_nodes).toBe(2);
  });
});
