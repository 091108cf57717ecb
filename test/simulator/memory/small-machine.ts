/**
 * A machine of a few frames with real stores, closed when the test is over, and what one can tell of it by counting.
 */

import { onTestFinished } from "vitest";
import { ManualClock } from "../../../src/base/clock.ts";
import { SeededRandom } from "../../../src/base/random.ts";
import { Contents, ZERO_CONTENT } from "../../../src/simulator/contents.ts";
import { type MachineOptions, openMachine } from "../../../src/simulator/machine.ts";
import type { Host } from "../../../src/simulator/memory/host.ts";

/** Contents as bytes: even ones compress well, odd ones are noise. */
export function testContents(): Contents {
  return new Contents({
    fill(content, target) {
      const random = new SeededRandom(content);
      if (content % 2 === 1) {
        random.fill(target);
        return;
      }
      target.fill(content % 251);
      random.fill(target.subarray(0, 256));
    },
  });
}

export interface SmallMachine {
  /** Pages of each guest, and the domain of each; 0 without. */
  readonly guestPages: readonly number[];
  readonly domains?: readonly number[];
  readonly frames: number;
  readonly hasFixedTimeWrites?: boolean;
  readonly swap?: Partial<MachineOptions["swap"]>;
  readonly compressedSlots?: number;
}

export async function smallMachine(options: SmallMachine): Promise<Host> {
  const machine = await openMachine(
    {
      frames: options.frames,
      cores: 1,
      hasFixedTimeWrites: options.hasFixedTimeWrites ?? false,
      guests: options.guestPages.map((pages, index) => ({
        name: `guest-${index}`,
        domain: options.domains?.[index] ?? 0,
        pages,
      })),
      swap: {
        area: "none",
        slots: 0,
        codec: "lz4",
        isInMemory: false,
        keepsSharing: true,
        ...options.swap,
      },
      compressedSlots: options.compressedSlots ?? 0,
    },
    { contents: testContents(), random: new SeededRandom(1), clock: new ManualClock() },
  );
  onTestFinished(() => machine.close());
  return machine.host;
}

/** Frames that what is in memory takes if each content is there once in each domain, and zeros not at all. */
export function distinctContents(host: Host): number {
  const contents = new Set<string>();
  host.frameOf.forEach((frame, page) => {
    if (frame < 0 || host.contentOf[frame] === ZERO_CONTENT) return;
    contents.add(`${host.domainOf(page)} ${host.contentOf[frame]}`);
  });
  return contents.size;
}
