/** The memory in front of the log, against a plain model: an ordered map of what is in memory, the oldest first. */

import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../../src/base/random.ts";
import { MemoryTier } from "../../../src/lab/wear/tier.ts";
import { EMPTY, READ, type TraceEvents } from "../../../src/lab/wear/trace-events.ts";

const SEED = 20_261_124;
const PAGES = 40;
const OBJECTS = 60;
const LIMIT = 20_000;

function randomEvents(random: SeededRandom): TraceEvents {
  const length = 5000;
  const object = Int32Array.from({ length }, () => {
    const kind = random.below(4);
    return kind === 0 ? READ : kind === 1 && random.below(3) === 0 ? EMPTY : random.below(OBJECTS);
  });
  const lengths = () => Uint16Array.from({ length: OBJECTS }, () => 200 + random.below(3897));
  const page = Int32Array.from({ length }, () => random.below(PAGES));
  return {
    pages: PAGES,
    page,
    object,
    memoryBytes: lengths(),
    logBytes: lengths(),
    writtenPages: length,
  };
}

/** What is told of the log, line by line. */
function told(events: TraceEvents, way: "pagefold" | "zram"): string[] {
  const lines: string[] = [];
  const sink = {
    out: (item: number, bytes: number) => void lines.push(`out ${item} ${bytes}`),
    gone: (item: number) => void lines.push(`gone ${item}`),
  };
  const tier = new MemoryTier({ events, limitBytes: LIMIT, way, sink });
  tier.run();
  return lines;
}

/** The same, slowly. */
function expected(events: TraceEvents, way: "pagefold" | "zram"): string[] {
  const isShared = way === "pagefold";
  const lines: string[] = [];
  const holds = new Map<number, number>();
  const memory = new Map<number, number>();
  const onLog = new Set<number>();
  const touch = (item: number, bytes: number) => {
    memory.delete(item);
    memory.set(item, bytes);
  };
  const drop = (page: number) => {
    const item = holds.get(page);
    holds.delete(page);
    if (item === undefined || [...holds.values()].includes(item)) return;
    memory.delete(item);
    if (onLog.delete(item)) lines.push(`gone ${item}`);
  };
  for (const [index, page] of events.page.entries()) {
    const object = events.object[index]!;
    if (object === READ) {
      const item = holds.get(page);
      if (item === undefined) continue;
      if (memory.has(item)) touch(item, memory.get(item)!);
      else if (isShared) touch(item, events.memoryBytes[item]!);
    } else {
      const item = object === EMPTY ? undefined : isShared ? object : page;
      const isHeld = isShared && item !== undefined && [...holds.values()].includes(item);
      if (!(isShared && item !== undefined && holds.get(page) === item)) drop(page);
      if (item !== undefined) {
        holds.set(page, item);
        if (!isHeld || memory.has(item)) touch(item, events.memoryBytes[object]!);
      }
    }
    const used = () => [...memory.values()].reduce((sum, bytes) => sum + bytes, 0);
    while (used() > LIMIT) {
      const oldest = memory.keys().next().value!;
      memory.delete(oldest);
      if (onLog.has(oldest)) continue;
      onLog.add(oldest);
      lines.push(`out ${oldest} ${isShared ? events.logBytes[oldest] : 4096}`);
    }
  }
  return lines;
}

describe("MemoryTier", () => {
  it.each(["pagefold", "zram"] as const)("does as the plain model does, the way of %s", (way) => {
    for (let seed = SEED; seed < SEED + 5; seed++) {
      const events = randomEvents(new SeededRandom(seed));
      const lines = expected(events, way);
      expect(lines.length).toBeGreaterThan(500);
      expect(told(events, way)).toEqual(lines);
    }
  });

  it("tells of nothing where all fits", () => {
    const events = randomEvents(new SeededRandom(SEED));
    const sink = {
      out: () => expect.unreachable(),
      gone: () => expect.unreachable(),
    };
    new MemoryTier({ events, limitBytes: Number.POSITIVE_INFINITY, way: "pagefold", sink }).run();
  });
});
