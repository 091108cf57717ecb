/** The audit finds each kind of damage: a host is broken on purpose, in one place. */

import { describe, expect, it } from "vitest";
import { auditHost } from "../../../src/simulator/memory/audit.ts";
import type { Host } from "../../../src/simulator/memory/host.ts";
import { smallMachine } from "./small-machine.ts";

const SHARED = 2;
const OTHER = 4;

/**
 * Pages 0 and 1 (guest 0) and 5 (guest 1) share a frame, 2 has one of its own with a clean copy, 3 is swapped out, 4
 * is on the zero frame; page 8 is in another domain.
 */
async function busyHost(): Promise<Host> {
  const host = await smallMachine({
    guestPages: [5, 3, 2],
    domains: [0, 0, 1],
    frames: 8,
    swap: { area: "shared", slots: 8 },
  });
  for (const page of [0, 1, 5, 8]) host.write(page, SHARED);
  for (const page of [1, 5]) host.merge(page, host.frameOf[0]!);
  for (const page of [2, 3]) {
    host.write(page, OTHER + page);
    host.swap.evict(host.frameOf[page]!);
  }
  host.read(2);
  host.write(4, 0);
  host.mergeWithZero(4);
  return host;
}

const damage: Readonly<Record<string, (host: Host) => void>> = {
  "a page that maps a frame behind its back": (host) => {
    host.frameOf[6] = host.frameOf[0]!;
  },
  "a page of a ring that maps nothing": (host) => {
    host.frameOf[1] = -1;
  },
  "a count of mappings": (host) => {
    host.mappingsOf[host.frameOf[0]!]! += 1;
  },
  "a shared frame that can be written": (host) => {
    host.frames.setMerged(host.frameOf[0]!, false);
  },
  "a zero frame with other contents": (host) => {
    host.contentOf[host.frameOf[4]!] = SHARED;
  },
  "a page on the frame of another domain": (host) => {
    const frame = host.frameOf[8]!;
    host.mappings.leave(8, host.frames, frame);
    host.frames.giveBack(frame);
    host.mappings.mapFrame(8, host.frameOf[0]!);
  },
  "a page on the zero frame of another domain": (host) => {
    host.mappings.leave(4, host.frames, 0);
    host.mappings.mapFrame(4, 1);
  },
  "a frame in use that was given back": (host) => {
    const frame = host.frameOf[2]!;
    host.mappingsOf[frame] = 0;
    host.frames.giveBack(frame);
    host.mappingsOf[frame] = 1;
  },
  "a frame nobody maps that was not given back": (host) => {
    host.mappings.leave(8, host.frames, host.frameOf[8]!);
  },
  "a clean copy of what was written over": (host) => {
    host.contentOf[host.frameOf[2]!] = SHARED;
  },
  "a clean copy its frame does not know of": (host) => {
    host.frames.cleanBodyOf[host.frameOf[2]!] = -1;
  },
  "a body nobody wants": (host) => {
    host.swap.areas[0]!.write(OTHER);
  },
  "a swapped-out page that is forgotten halfway": (host) => {
    const area = host.swap.areas[0]!;
    host.mappings.leave(3, area, host.swap.bodyOf(3, area));
  },
  "a page swapped out to another domain's area": (host) => {
    const area = host.swap.areas[1]!;
    const frame = host.frameOf[2]!;
    host.swap.dropClean(frame);
    host.mappings.leave(2, host.frames, frame);
    host.frames.giveBack(frame);
    host.mappings.mapBody(2, area, area.write(OTHER));
  },
  "slots that are counted wrongly": (host) => {
    host.swap.areas[0]!.budget.left += 1;
  },
  "a tag on a free frame": (host) => {
    host.setTag(host.frames.unused()[0]!, 5);
  },
};

describe("auditHost", () => {
  it("finds nothing where nothing is broken", async () => {
    expect(auditHost(await busyHost())).toEqual([]);
  });

  it.each(Object.keys(damage))("finds %s", async (what) => {
    const host = await busyHost();
    damage[what]!(host);
    expect(auditHost(host)).not.toEqual([]);
  });
});
