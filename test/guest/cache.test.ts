/**
 * A file system made by a real kernel on a disk behind the cache, the guest and the server killed in the midst of its
 * writes: what was durable to the guest is on the disk, and the file system is sound.
 */

import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { testSeed } from "../support/seed.ts";
import { type CrashOptions, crash, type Moment } from "./crash.ts";
import { prepareGuests } from "./kernel.ts";

const { kernel, reason } = prepareGuests();

interface Case extends Pick<CrashOptions, "server" | "killAfter" | "dirtyBytes"> {
  readonly title: string;
}

const COPIES = 8;

const CASES: readonly Case[] = [
  {
    title: "behind a cache in write-back mode, killed with much to lose",
    server: () => ["--cache-mode=write-back", "--memory-limit=2M"],
    killAfter: 100,
    dirtyBytes: 2 ** 16,
  },
  {
    title: "behind a cache in write-back mode, most of it on an overflow log",
    server: (folder) => [
      ...["--cache-mode=write-back", "--memory-limit=512K"],
      ...["--overflow", join(folder, "log"), "--overflow-size=64M"],
    ],
    killAfter: 200,
    dirtyBytes: 4096,
  },
  {
    title: "behind a cache in write-through mode",
    server: () => ["--cache-mode=write-through", "--memory-limit=1M"],
    killAfter: 100,
    dirtyBytes: 0,
  },
];

/** Numbers of chance below `limit`, in order, no two alike. */
function drawSome(random: SeededRandom, limit: number): number[] {
  const drawn = new Set<number>();
  while (drawn.size < COPIES) drawn.add(1 + random.below(limit - 1));
  return [...drawn].sort((a, b) => a - b);
}

/** What was durable to the guest and is not on the disk as it was. */
function lossesOf({ durable, found }: Moment): string[] {
  return [...durable].flatMap(([name, sum]) => {
    const present = found.sums.get(name) ?? null;
    return present === sum ? [] : [`${name} is ${present}, not ${sum}`];
  });
}

describe.skipIf(reason !== "").each(CASES)("a file system $title", (one) => {
  let moments: readonly Moment[] = [];
  beforeAll(async () => {
    const seed = testSeed(`a file system ${one.title}`);
    const copiesAfter = drawSome(new SeededRandom(seed), one.killAfter);
    const { status, ...crashed } = await crash({ ...one, kernel, seed, copiesAfter });
    moments = crashed.moments;
    const { dirty_bytes, evicted_pages, origin_syncs } = status.cache!;
    const files = moments.map(({ durable }) => durable.size);
    const cached = `${dirty_bytes} bytes dirty, ${evicted_pages} pages evicted, ${origin_syncs} syncs`;
    console.log(`${cached}, ${status.store.bd_count} objects on the log; files: ${files}`);
  });

  it("replays its journal, and needs no other repair", () => {
    for (const { code, said } of moments.map(({ found }) => found.recovery)) {
      expect(said).toMatch(/: recovering journal\n/);
      expect(said).toMatch(/: clean, /);
      expect([0, 1]).toContain(code);
    }
  });

  it("passes e2fsck", () => {
    for (const { code, said } of moments.map(({ found }) => found.check))
      expect(code, said).toBe(0);
  });

  it("has every change that was durable to the guest", () => {
    expect(moments.map(lossesOf)).toEqual(moments.map(() => []));
    expect(moments).toHaveLength(COPIES + 1);
    expect(moments.at(-1)!.durable.size).toBeGreaterThan(10);
  });
});
