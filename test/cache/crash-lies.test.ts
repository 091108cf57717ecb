/**
 * The judge of power cuts judged: disks that lie below a cache that is right, each in a way in which a cache might be
 * wrong. Each is found out.
 */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Origin } from "../../src/cache/origin.ts";
import { type CrashingOrigin, SECTOR_BYTES, type Troubles } from "../support/crashing-origin.ts";
import { testSeed } from "../support/seed.ts";
import { runToCut } from "./crash-run.ts";

const PAGE = 4096;
/** At most: one nearly always does. */
const RUNS = 6;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

type Change = Partial<Pick<Origin, "read" | "write" | "sync">>;

/** The disk, with a method of another kind. */
const changed = (disk: CrashingOrigin, change: Change): Origin => ({
  name: "lying",
  isReadOnly: false,
  sizeBytes: () => disk.sizeBytes(),
  read: (offset, target) => disk.read(offset, target),
  write: (offset, source) => disk.write(offset, source),
  sync: () => disk.sync(),
  close: async () => {},
  ...change,
});

/** Writes as `lie` says, each tenth time. */
function eachTenth(disk: CrashingOrigin, lie: Origin["write"]): Change {
  let calls = 0;
  return {
    write: (offset, source) => {
      calls += 1;
      return calls % 10 === 0 ? lie(offset, source) : disk.write(offset, source);
    },
  };
}

interface Lie {
  readonly change: (disk: CrashingOrigin) => Change;
  readonly troubles?: Troubles;
}

const unminded = () => {};

const LIES: Readonly<Record<string, Lie>> = {
  "a sync that does nothing": { change: () => ({ sync: async () => {} }) },
  "a sync that is answered before it has ended": {
    change: (disk) => ({
      sync: async () => {
        void disk.sync().catch(unminded);
      },
    }),
  },
  "writes that are answered before they have ended": {
    change: (disk) => ({
      write: async (offset, source) => {
        void disk.write(offset, source.slice()).catch(unminded);
      },
    }),
  },
  "a failed sync that is answered well": {
    change: (disk) => ({ sync: () => disk.sync().catch(unminded) }),
    troubles: { sync: 0.3 },
  },
  "a failed write that is answered well": {
    change: (disk) => ({ write: (offset, source) => disk.write(offset, source).catch(unminded) }),
    troubles: { write: 0.1 },
  },
  "a write that is forgotten": { change: (disk) => eachTenth(disk, async () => {}) },
  "a write of which one sector is forgotten": {
    change: (disk) =>
      eachTenth(disk, (offset, source) => disk.write(offset, source.subarray(0, -SECTOR_BYTES))),
  },
  "a write that ends a page too far": {
    change: (disk) =>
      eachTenth(disk, (offset, source) =>
        disk.write(offset < PAGE ? offset + PAGE : offset - PAGE, source),
      ),
  },
  "a write with one bit turned": {
    change: (disk) =>
      eachTenth(disk, (offset, source) => {
        const turned = source.slice();
        turned[turned.length >> 1]! ^= 1;
        return disk.write(offset, turned);
      }),
  },
  "a write of what was there before": {
    change: (disk) =>
      eachTenth(disk, (offset, source) =>
        disk.write(offset, disk.bytes.slice(offset, offset + source.length)),
      ),
  },
  "a read of a page's neighbour": {
    change: (disk) => ({
      read: (offset, target) => disk.read(Math.max(0, offset - PAGE), target),
    }),
  },
};

it.each(["write-back", "write-through"] as const)(
  "a power cut in %s mode is all right over an honest disk",
  async (mode) => {
    const seed = testSeed(`${mode} honest`);
    const options = { mode };
    const between = (disk: CrashingOrigin) => changed(disk, {});
    for (let at = seed; at < seed + RUNS; at++)
      expect((await runToCut({ seed: at, requests: 200, options, between })).wrong).toEqual([]);
  },
);

it.each(
  (["write-back", "write-through"] as const).flatMap((mode) =>
    Object.keys(LIES).map((lie) => [mode, lie] as const),
  ),
)("a power cut in %s mode finds out %s", async (mode, name) => {
  const { change, troubles = {} } = LIES[name]!;
  const between = (disk: CrashingOrigin) => changed(disk, change(disk));
  const seed = testSeed(`${mode}, ${name}`);
  const wrong: string[] = [];
  for (let run = 0; run < RUNS && wrong.length === 0; run++) {
    const setting = { seed: seed + run, requests: 200, options: { mode }, troubles, between };
    wrong.push(...(await runToCut(setting)).wrong);
  }
  expect(wrong[0]).toMatch(/byte \d+ is \d+, flushed/);
});
