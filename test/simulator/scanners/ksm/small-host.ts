/** A host without swap for the tests of KSM, its guests given as numbers of pages, and a scanner on it. */

import type { SeededRandom } from "../../../../src/base/random.ts";
import { Host } from "../../../../src/simulator/memory/host.ts";
import { type KsmKnobs, ksmKnobs } from "../../../../src/simulator/scanners/ksm/knobs.ts";
import { LinearScanner } from "../../../../src/simulator/scanners/linear.ts";

/** Guests of so many pages, each in the domain at its place in `domains`; 0 without. */
export function smallHost(guestPages: readonly number[], domains: readonly number[] = []): Host {
  const pages = guestPages.reduce((sum, count) => sum + count, 0);
  return new Host({
    frames: pages + 1,
    cores: 1,
    hasFixedTimeWrites: false,
    guests: guestPages.map((count, index) => ({
      name: `guest-${index}`,
      domain: domains[index] ?? 0,
      pages: count,
    })),
    areas: [],
    areaOfGuest: guestPages.map(() => -1),
    keepsSharing: true,
    storesInMemory: [],
  });
}

/** A scanner whose wake is one whole pass, unless `knobs` say other. */
export function passScanner(host: Host, knobs: Partial<KsmKnobs> = {}): LinearScanner {
  return new LinearScanner(host, { ...ksmKnobs.parse({}), pages_to_scan: 1_000_000, ...knobs });
}

/** Wakes the scanner so often, each time when it asked to be; when it wants to be woken next. */
export function wakeTimes(scanner: LinearScanner, times: number, fromSeconds = 0): number {
  let seconds = fromSeconds;
  for (let time = 0; time < times; time++) seconds = scanner.wake(seconds);
  return seconds;
}

/** The numbers from 0 to `count` - 1 in an order of chance. */
export function shuffled(count: number, random: SeededRandom): Int32Array {
  const numbers = Int32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const kept = numbers[last]!;
    numbers[last] = numbers[other]!;
    numbers[other] = kept;
  }
  return numbers;
}
