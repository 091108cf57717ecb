/**
 * What one run is made of, drawn from its seed: the store's options and the commands it may use. Each run leaves out
 * some commands and prefers others (swarm testing: Groce et al. 2012), since those that undo each other hide what
 * piles up.
 */

import type { SeededRandom } from "../../src/base/random.ts";

const COMMANDS = [
  "writePage",
  "writeRun",
  "writeBytes",
  "read",
  "discard",
  "writeZeroes",
  "writeReserved",
  "extents",
  "compact",
  "advance",
  "markIdle",
  "recompress",
  "setMemoryLimit",
  "resetMemUsedMax",
  "resetExport",
  "reopen",
  "reset",
] as const;
export type Command = (typeof COMMANDS)[number];

/** How often a command is drawn where it is used at all. */
const WEIGHTS: Readonly<Record<Command, number>> = {
  writePage: 40,
  writeRun: 8,
  writeBytes: 16,
  read: 10,
  discard: 10,
  writeZeroes: 4,
  writeReserved: 6,
  extents: 4,
  compact: 3,
  advance: 6,
  markIdle: 4,
  recompress: 4,
  setMemoryLimit: 5,
  resetMemUsedMax: 1,
  resetExport: 1,
  reopen: 2,
  reset: 1,
};

/** The store's codecs, the primary one first; those that run in the host are slow and therefore rare. */
const CODECS: readonly (readonly string[])[] = [["lz4"], ["lz4", "lz4-fast"], ["lz4-fast", "lz4"]];
const HOST_CODECS: readonly (readonly string[])[] = [
  ["lz4", "zstd"],
  ["lz4", "deflate", "zstd", "lz4-fast"],
  ["deflate", "zstd"],
  ["raw", "lz4", "deflate"],
  ["zstd:1", "zstd"],
  ["lz4-wasm", "lz4"],
];
const HASH_MASKS = [0n, 0x3n, 0x7fn, 0x1_0000_0001n, 0xff_ffff_fff0n] as const;
const DOMAINS = ["", "lab", "office"] as const;

export interface ExportPlan {
  readonly name: string;
  readonly domain: string;
  readonly slots: number;
  /** Most slots in use; `slots` or fewer. */
  readonly slotLimit: number;
}

export interface RunPlan {
  readonly codecs: readonly string[];
  readonly dedup: boolean;
  readonly hashMask?: bigint;
  readonly exports: number;
  /** Each command as often as it is to be drawn. */
  readonly drawn: readonly Command[];
}

/** One in `hostCodecsEvery` runs uses codecs that run in the host. */
export function makePlan(random: SeededRandom, hostCodecsEvery: number): RunPlan {
  const codecSets = random.below(hostCodecsEvery) === 0 ? HOST_CODECS : CODECS;
  const codecs = codecSets[random.below(codecSets.length)]!;
  const drawn = COMMANDS.flatMap((command) => {
    const isAlways = command === "writePage";
    const isPossible = command !== "recompress" || codecs.length > 1;
    if (!isPossible || (!isAlways && random.below(3) === 0)) return [];
    const factor = [0.3, 1, 1, 3][random.below(4)]!;
    return new Array<Command>(Math.ceil(WEIGHTS[command] * factor)).fill(command);
  });
  const hashMask = HASH_MASKS[random.below(2 * HASH_MASKS.length)];
  return {
    codecs,
    dedup: random.below(6) > 0,
    ...(hashMask === undefined ? {} : { hashMask }),
    exports: 1 + random.below(4),
    drawn,
  };
}

export function makeExportPlan(random: SeededRandom, name: string): ExportPlan {
  const slots = 1 + random.below(24);
  return {
    name,
    domain: DOMAINS[random.below(DOMAINS.length)]!,
    slots,
    slotLimit: random.below(4) === 0 ? 1 + random.below(slots) : slots,
  };
}
