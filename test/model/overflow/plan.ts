/**
 * What one run with an overflow log is made of, drawn from its seed: the store, the log, what its medium does wrong,
 * and the commands. As in the model without a log each run leaves some out and prefers others.
 */

import type { SeededRandom } from "../../../src/base/random.ts";
import { PAGE_BYTES } from "../../../src/base/units.ts";
import type { OverflowOptions } from "../../../src/device/overflow-options.ts";
import { HEADER_SEGMENTS } from "../../../src/overflow/format/layout.ts";
import { type FaultPlan, FaultyMedium } from "../../../src/overflow/media/faulty.ts";
import { MemoryMedium } from "../../../src/overflow/media/memory.ts";
import { NandModel } from "../../../src/overflow/media/nand.ts";
import { HookedMedium } from "../../support/hooked-medium.ts";

export const SEGMENT_BYTES = 2 ** 16;

const WEIGHTS = {
  writePages: 40,
  writeBytes: 16,
  read: 16,
  discard: 8,
  writeZeroes: 4,
  writeReserved: 2,
  pause: 12,
  markIdle: 3,
  recompress: 3,
  compact: 2,
  writeBack: 8,
  advance: 4,
  setMemoryLimit: 3,
  resetExport: 1,
  reopen: 2,
  reset: 1,
} as const;
export type Command = keyof typeof WEIGHTS;

const CODECS = [["lz4"], ["lz4"], ["lz4", "lz4-fast"], ["lz4-fast", "lz4"], ["lz4", "deflate"]];
const CLEANING = ["fifo", "greedy", "cost-benefit", "d-choices:3", "random"];
const HASH_MASKS = [undefined, undefined, undefined, 0n, 0x7fn];
const ONE_KIND = [
  "readError",
  "writeError",
  "eraseError",
  "lostWrite",
  "tornWrite",
  "flipOnRead",
  "flipAtRest",
] as const;

export interface OverflowPlan {
  readonly codecs: readonly string[];
  readonly dedup: boolean;
  readonly hashMask: bigint | undefined;
  readonly exports: number;
  /** Of each export. */
  readonly slots: number;
  readonly limitBytes: number;
  readonly overflow: OverflowOptions;
  /** What the medium does wrong. */
  readonly faults: Omit<FaultPlan, "random">;
  /** Whether anything does go wrong; a worn medium counts. */
  readonly hasFaults: boolean;
  /** Whether the log has room for every page there can be, several times. */
  readonly isRoomy: boolean;
  readonly mostAtOnce: number;
  readonly drawn: readonly Command[];
}

function makeFaults(random: SeededRandom): Omit<FaultPlan, "random"> {
  const delay = { mostDelayTurns: [0, 0, 1, 4][random.below(4)]! };
  const kind = random.below(8);
  if (kind < 3) return delay;
  const often = () => ({ probability: [0.003, 0.03, 0.2][random.below(3)]! });
  const death = { deathAt: 5 + random.below(120) };
  if (kind === 3) return { ...delay, ...death, isReordering: random.below(2) === 0 };
  const isSilent = random.below(2) === 0;
  const kinds =
    kind < 7
      ? [ONE_KIND[random.below(ONE_KIND.length)]!]
      : ONE_KIND.filter(() => random.below(3) === 0);
  const faults = Object.fromEntries(kinds.map((each) => [each, { ...often(), isSilent }]));
  return {
    ...delay,
    ...faults,
    ...(kind === 7 && random.below(2) === 0 ? death : {}),
    ...(kind === 7 && random.below(2) === 0 ? { isReordering: true } : {}),
  };
}

export function makePlan(random: SeededRandom): OverflowPlan {
  const anyOf = <Item>(items: readonly Item[]): Item => items[random.below(items.length)]!;
  const codecs = anyOf(CODECS);
  const faults = makeFaults(random);
  const exports = 1 + random.below(3);
  const slots = anyOf([8, 30, 60, 120]);
  const isRoomy = random.below(3) === 0;
  const dataBytes = exports * slots * (PAGE_BYTES + 100);
  const segments = isRoomy ? 10 + Math.ceil((3 * dataBytes) / SEGMENT_BYTES) : 4 + random.below(5);
  const { medium, isWorn } = makeMedium(random, segments, faults);
  const hasFaults = isWorn || Object.keys(faults).some((name) => name !== "mostDelayTurns");
  const highWatermark = anyOf([0.9, 0.9, 0.5, 0.1, 0.99]);
  const drawn = (Object.keys(WEIGHTS) as Command[]).flatMap((command) => {
    const isPossible = command !== "recompress" || codecs.length > 1;
    if (!isPossible || (command !== "writePages" && random.below(4) === 0)) return [];
    return new Array<Command>(Math.ceil(WEIGHTS[command] * anyOf([0.3, 1, 1, 3]))).fill(command);
  });
  return {
    codecs,
    dedup: random.below(6) > 0,
    hashMask: anyOf(HASH_MASKS),
    exports,
    slots,
    limitBytes: (8 + random.below(30)) * PAGE_BYTES,
    overflow: {
      medium,
      segmentBytes: SEGMENT_BYTES,
      plain: random.below(2) === 0,
      cleaning: anyOf(CLEANING),
      highWatermark,
      lowWatermark: highWatermark * anyOf([0.9, 0.5, 0.2]),
      promote: random.below(4) > 0,
      recompress: codecs.length > 1 && random.below(2) === 0,
      ...(random.below(5) === 0 ? { budgetBytesPerDay: 4108 + random.below(100_000) } : {}),
    },
    faults,
    hasFaults,
    isRoomy: isRoomy && !hasFaults,
    mostAtOnce: anyOf([1, 1, 2, 4]),
    drawn,
  };
}

function makeMedium(random: SeededRandom, segments: number, faults: Omit<FaultPlan, "random">) {
  const sizeBytes = (segments + HEADER_SEGMENTS) * SEGMENT_BYTES;
  // The NAND model insists on an order that a reordering medium does not keep.
  const isNand = random.below(4) === 0 && faults.isReordering !== true;
  const isWorn = isNand && random.below(2) === 0;
  const inner = isNand
    ? new NandModel({
        sizeBytes,
        blockBytes: SEGMENT_BYTES,
        programBytes: [4096, 16384][random.below(2)]!,
        random,
        ...(isWorn ? { endurance: 4 + random.below(30) } : {}),
      })
    : new MemoryMedium({ sizeBytes });
  const medium = new HookedMedium(new FaultyMedium(inner, { random, ...faults }));
  medium.keepsErased = !isNand && random.below(2) === 0;
  return { medium, isWorn };
}
